"""The HTML page of ``kronmix report``: results in, one self-contained file out; nothing is computed here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import training_sections, weight_sections
from .findings import PRESETS, Findings, as_arrays, as_record, study_images, study_weights
from .page import Fact, Page, Section
from .words import count, plus_minus, scientific

__all__ = [
    "PRESETS",
    "SECTIONS",
    "Findings",
    "build_page",
    "study_images",
    "study_weights",
    "write_report",
]

#: A section is a function of the findings; to add one, append it. One that needs training is left out where there was none.
SECTIONS: tuple[Callable[[Findings], Section], ...] = (
    training_sections.task,
    weight_sections.effective_weight,
    weight_sections.factors,
    weight_sections.spectrum,
    training_sections.structures,
    training_sections.sparsity,
    weight_sections.widths,
)

_NEED_TRAINING = {training_sections.task, training_sections.structures}


def build_page(findings: Findings) -> Page:
    """Assemble the page."""
    chosen = [draw for draw in SECTIONS if findings.restoration is not None or draw not in _NEED_TRAINING]
    return Page(
        title="A Mixer is a wide, sparse MLP",
        lead=_lead(findings),
        facts=_facts(findings),
        sections=tuple(draw(findings) for draw in chosen),
        footer=f"Made by kronmix from {findings.source}. The numbers are in results.json and arrays.npz beside this page.",
    )


def write_report(findings: Findings, folder: Path) -> None:
    """Write ``index.html``, ``results.json`` and ``arrays.npz`` into a folder (a staged one: see ``files.staged_folder``)."""
    (folder / "index.html").write_text(build_page(findings).to_html(), encoding="utf-8")
    (folder / "results.json").write_text(
        json.dumps(as_record(findings), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    np.savez_compressed(folder / "arrays.npz", **as_arrays(findings))  # type: ignore[arg-type]


def _lead(findings: Findings) -> str:
    rows, columns = findings.inspection.effective.shape
    S, C = findings.inspection.mixer.input_shape
    if findings.restoration is None:
        return (
            f"The weights in {findings.source}, seen as what they are: one {count(rows)} × {count(columns)} matrix "
            f"acting on {S} tokens × {C} channels, with {count(findings.inspection.effective.n_parameters)} free "
            "numbers."
        )
    return (
        f"Five ways to parametrise one linear map, trained side by side to restore {findings.source}: what they "
        "cost, what they find, and what the Mixer among them looks like from the inside."
    )


def _facts(findings: Findings) -> tuple[Fact, ...]:
    seen = findings.inspection
    rows, columns = seen.effective.shape
    facts = [
        Fact(
            count(seen.effective.n_parameters), f"parameters make the Mixer's {count(rows)} × {count(columns)} weight"
        ),
        Fact(scientific(seen.approximations[0].relative_error), "relative error of its Monarch factors"),
    ]
    if findings.restoration is not None:
        result = findings.restoration
        for name in ("Mixer", "dense"):
            facts.append(
                Fact(
                    plus_minus(result.final(name, lambda run: run.error)).split(" ± ")[0],
                    f"held-out error per pixel, {name} ({count(result.first(name).n_parameters)} parameters)",
                )
            )
        facts.append(Fact(f"{float(result.noisy.mean):.4f}", "error of the noisy images"))
    else:
        facts.append(Fact(f"{seen.singular_values[0]:.4g}", "largest singular value"))
        facts.append(Fact(f"{100 * seen.equivalent_density:.3g} %", "density of a sparse MLP with as many connections"))
    return tuple(facts)
