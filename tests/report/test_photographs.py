"""The section of photographs: its sentence follows from the errors, seed by seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kronmix.networks.restorers import LINEAR, MIXER, MLP, RIDGE, Restored, Restorer, Setting
from kronmix.report import Findings, build_page
from kronmix.report.photograph_sections import sentence
from kronmix.report.records import as_record

ERRORS = {MIXER: 0.010, LINEAR: 0.020, RIDGE: 0.0101, MLP: 0.008}


def restored(jitter: float) -> Restored:
    def one(name: str, error: float) -> Restorer:
        moved = error + jitter * (0.5 if name == RIDGE else 0.01)
        return Restorer(name, 100, 200, moved, 0.1, lambda windows: windows)

    pictures = list(np.random.default_rng(0).random((2, 120, 130)))
    return Restored(Setting(), {name: one(name, error) for name, error in ERRORS.items()}, 0.03, pictures, pictures)


def test_the_sentence_says_what_the_errors_say() -> None:
    found = tuple(restored(jitter) for jitter in (-0.002, 0.0, 0.002))
    words = sentence(found)
    assert "error of 0.01 per pixel" in words
    assert "not separated from ridge with 100 by these seeds" in words
    assert "50 % less than linear Mixer with 100" in words
    assert "25 % more than dense MLP with 100" in words
    assert "(one seed: no interval)" in sentence(found[:1])


def test_the_section_stands_on_the_page_and_in_the_record() -> None:
    findings = replace(Findings("digits"), photographs=(restored(0.0), restored(0.001)))
    [section] = [one for one in build_page(findings).sections if one.name == "photographs"]
    assert "for each of 2 seeds" in section.explanation
    [table] = section.tables
    assert [row[0] for row in table.rows] == [RIDGE, LINEAR, MLP, MIXER, "as the camera gave it"]
    record = as_record(findings)["photographs"]
    assert [one["name"] for one in record["restored"]] == [RIDGE, LINEAR, MLP, MIXER]
    assert record["setting"]["camera"] == {"blur": 1.0, "contrast": 2.0, "noise": 0.05}


@pytest.mark.parametrize("seeds", [1, 3])
def test_every_restorer_is_paired_with_the_mixer(seeds: int) -> None:
    findings = replace(Findings("digits"), photographs=tuple(restored(0.0) for _ in range(seeds)))
    [section] = [one for one in build_page(findings).sections if one.name == "photographs"]
    assert [bool(row[4]) for row in section.tables[0].rows] == [True, True, True, False, False]
