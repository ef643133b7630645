"""Parts of pages that are made from the software say what it says, failures too."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import kronmix as km
from docs.extensions import commands, kept, layers, peers, repository, theory
from docs.extensions.docstrings import bars

APP: Any = None


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [asdict(row) for row in km.verify(["T2", "T3", "T4"]).rows]


def test_an_entry_shows_every_verdict_and_every_false_neighbour(
    rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theory, "verdicts", lambda: rows)
    text = theory.theorems(APP, "T3 T4")
    statements = len({(row["number"], row["name"]) for row in rows})
    assert text.startswith("(t3)=\n### T3")
    assert "(t2)=" not in text
    assert text.count("`holds`") == len([row for row in rows if row["number"] != "T2"])
    rejected = sum(row["mutants_rejected"] for row in rows if row["name"] == "effective weight")
    assert f"False neighbours refuted ({rejected} of {rejected})" in text
    assert rejected == 9  # three kinds of evidence, three neighbours each
    assert "$$\nV^\\top\\otimes W=(V^\\top\\otimes I_S)(I_C\\otimes W)\n$$" in text
    assert f"**{statements} of {statements} statements** were proved" in theory.verdict(APP, "")


def test_a_failure_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    row = km.verify("T4").rows[0]
    broken = replace(row, holds=False, mutants_rejected=0, accepted=row.mutants)
    monkeypatch.setattr(theory, "verdicts", lambda: [asdict(broken)])
    text = theory.theorems(APP, "T4 T4")
    assert "`FAILS`" in text
    assert "`ACCEPTED`" in text
    assert "**0 of 1 statements** were proved" in theory.verdict(APP, "")


def test_what_is_kept_is_made_anew_when_the_package_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    monkeypatch.setattr(kept, "state", lambda: "one")
    assert [kept.kept("x", lambda: "first"), kept.kept("x", lambda: "again")] == ["first", "first"]
    monkeypatch.setattr(kept, "state", lambda: "two")
    assert kept.kept("x", lambda: "second") == "second"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
def test_a_command_that_fails_stops_the_build() -> None:
    assert commands.last_output(["echo a > f", "cat f"]) == "a"
    with pytest.raises(RuntimeError, match="ended with 2"):
        commands.last_output(["kronmix inspect nothing.npz"])


def test_how_to_cite_follows_the_citation_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    assert "no CITATION.cff yet" in repository.citation(APP, "")
    (tmp_path / "CITATION.cff").write_text(
        'cff-version: 1.2.0\ntitle: "kronmix: a title"\nauthors:\n  - name: "The authors"\n  - name: Ada\n'
        "version: 1.2.3\ndate-released: 2026-01-02\n",
        encoding="utf-8",
    )
    text = repository.citation(APP, "")
    assert "title = {{kronmix: a title}}" in text
    assert "author = {{The authors} and {Ada}}" in text
    assert "version = {1.2.3}" in text
    assert "year = {2026}" in text


def test_links_of_included_files_that_the_site_does_not_hold_become_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "ROOT", tmp_path)
    assert repository.included(APP, "NEWS.md").startswith("# News")
    (tmp_path / "NEWS.md").write_text("# N\n[a](kronmix/x.py) [b](https://example.org) [c](#n)", encoding="utf-8")
    assert repository.included(APP, "NEWS.md") == "# N\na [b](https://example.org) [c](#n)"


def test_absolute_values_in_docstrings_are_not_substitutions() -> None:
    lines = ["|x| and ``|y|``", ">>> a | b", "A | B", "", "|z|"]
    bars(APP, "function", "f", None, None, lines)
    assert lines == ["\\|x\\| and ``|y|``", ">>> a | b", "A | B", "", "\\|z\\|"]


def test_measured_ratios_stand_with_their_date_and_versions(tmp_path: Path) -> None:
    figure = {"name": "lib: work, 8²", "reference_seconds": 2.5, "ours_seconds": 1.25e-5, "value": 0.51234}
    machine = {"date": "2026-01-02", "libraries": {"lib": "1.0"}, "kronmix": "3", "numpy": "2.1", "python": "3.12"}
    (tmp_path / "peers.json").write_text(json.dumps({"machine": machine, "figures": [figure]}), encoding="utf-8")
    text = peers.table(SimpleNamespace(srcdir=tmp_path), "peers.json")
    assert "on 2026-01-02 with lib 1.0, kronmix 3, NumPy 2.1" in text
    assert text.splitlines()[-1] == "| work, 8² | lib | 2.5\u00a0s | 12.5\u00a0µs | 0.51 |"


def test_limits_that_were_missed_stay_in_the_table(tmp_path: Path) -> None:
    machine = {"date": "2026-01-02", "libraries": {}, "kronmix": "3", "numpy": "2.1", "python": "3.12"}
    figures = [
        {"name": "apply", "measure": "ours ÷ reference", "value": 1.04, "limit": 1.1, "holds": True},
        {"name": "solve", "measure": "reference ÷ ours", "value": 12.0, "limit": 20.0, "holds": False},
    ]
    (tmp_path / "b.json").write_text(json.dumps({"machine": machine, "figures": figures}), encoding="utf-8")
    text = peers.limits(SimpleNamespace(srcdir=tmp_path), "b.json")
    assert "on 2026-01-02 with kronmix 3, NumPy 2.1 and Python 3.12" in text
    assert "**1 of 2 limits held.**" in text
    assert text.splitlines()[-2:] == [
        "| apply | ours ÷ reference | 1.04 | ≤\u00a01.1 | yes |",
        "| solve | reference ÷ ours | 12 | ≥\u00a020 | **no** |",
    ]


def test_extras_are_those_of_the_package() -> None:
    table = repository.extras(APP, "")
    assert "| `symbolic` | sympy>=" in table
    assert "`dev`" not in table


def test_the_readme_s_table_is_that_of_the_results() -> None:
    readme = (peers.ROOT / "README.md").read_text(encoding="utf-8")
    results = json.loads((peers.ROOT / "docs" / "peers.json").read_text(encoding="utf-8"))
    assert peers.in_readme(readme, results) == readme
    slower = min(results["figures"], key=lambda figure: figure["value"])
    assert peers.rows([slower])[-1] in readme  # where kronmix does worst is not left out
    results["figures"][0]["value"] *= 3
    results["machine"]["date"] = "2001-01-01"
    assert "2001-01-01" in peers.in_readme(readme, results)


def test_replaced_layers_stand_with_their_intervals_and_seeds(tmp_path: Path) -> None:
    config = {
        "network": "MLP",
        "share": 0.2,
        "data": "mnist",
        "train": 10,
        "test": 5,
        "epochs": 3,
        "tuning_epochs": 1,
        "width": 8,
    }
    (tmp_path / "cells").mkdir()
    for seed, error in enumerate((0.1, 0.3)):
        values = {f"low rank, plain: {q}": error for q in ("numbers", "logit error", "accuracy", "tuned accuracy")}
        cell = {"config": config, "seed": seed, "values": values | {"dense: accuracy": 0.9}}
        (tmp_path / "cells" / f"{seed}.json").write_text(json.dumps(cell), encoding="utf-8")
    layers.keep(tmp_path, tmp_path / "kept.json")
    table = layers.read(tmp_path / "kept.json")
    assert "mnist, 10 images to train and 5 to test" in layers.sizes(table)
    (text,) = layers.tables(table)
    assert "**MLP, at most 20% of the numbers**; 2 seeds; dense accuracy 0.900" in text
    assert (
        "| low rank, plain | 20.0% | 0.200 ± 1.271 | 0.200 ± 1.271 | 0.200 ± 1.271 |" in text
    )  # t of one degree of freedom
