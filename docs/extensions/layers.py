"""The page of replaced layers, from kept cells of the study ``data_aware``: its sentences are computed when it is built.

``python -m docs.extensions.layers out/analysis/data_aware/full`` keeps what the study wrote there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from analysis.results import draw
from analysis.study import Cell, Table, find_study
from kronmix.files import write_file

FILE = Path(__file__).parent.parent / "data_aware.json"
#: Where the figure is drawn, beside the pages.
FOLDER = "auto_layers"
_STUDY = "data_aware"
_ALT = (
    "Error of the logits and accuracy once fine-tuned against the part of the numbers stored, for an MLP and an MLP-Mixer; a "
    "line for each family, dotted and open where it ignores the data, solid where it is nearest on data."
)


def page(app: Sphinx, words: str) -> str:
    """Sizes, figure, who wins, and one table for every network."""
    study, table = find_study(_STUDY), read()
    figure = Path(app.srcdir) / FOLDER / f"{_STUDY}.png"
    figure.parent.mkdir(exist_ok=True)
    draw(study, table, figure)
    outcome = study.decide(table)
    found = "\n".join(f"- {part}" for part in outcome.words.split("; "))
    return "\n\n".join(
        [
            sizes(table),
            f"```{{image}} /{FOLDER}/{_STUDY}.png\n:alt: {_ALT}\n```",
            f"{study.question} **{str(outcome.verdict).capitalize()}**:\n\n{found}",
            *tables(table),
        ]
    )


def sizes(table: Table) -> str:
    """What was trained, in one sentence."""
    config = table.configurations[0]
    return (
        f"Data: {config['data']}, {config['train']} images to train and {config['test']} to test, drawn anew by each seed. "
        f"Training: {config['epochs']} epochs, fine-tuning {config['tuning_epochs']}. "
        f"Hidden layers of the MLP: width {config['width']}; channels of the MLP-Mixer: {config['width'] // 4}. Intervals: 95 %."
    )


def tables(table: Table) -> Iterator[str]:
    """One Markdown table for every network and share."""
    for config in table.configurations:
        at = {key: config[key] for key in ("network", "share")}
        dense, seeds = table.interval("dense: accuracy", **at), len(table.samples("dense: accuracy", **at).by_seed)
        yield "\n".join(
            [
                f"**{at['network']}, at most {at['share']:.0%} of the numbers**; {seeds} seeds; dense accuracy {dense.mean:.3f}",
                "",
                "| replaced by | numbers | logits off by | accuracy | fine-tuned |",
                "|---|---:|---:|---:|---:|",
                *(_row(name, table, at) for name in _variants(table)),
            ]
        )


def _variants(table: Table) -> list[str]:
    return [name.removesuffix(": numbers") for name in table.quantities if name.endswith(": numbers")]


def _row(name: str, table: Table, at: dict[str, Any]) -> str:
    part = table.interval(f"{name}: numbers", **at).mean
    found = [table.interval(f"{name}: {q}", **at) for q in ("logit error", "accuracy", "tuned accuracy")]
    return f"| {name} | {part:.1%} | " + " | ".join(f"{i.mean:.3f} ± {(i.high - i.low) / 2:.3f}" for i in found) + " |"


def read(file: Path = FILE) -> Table:
    """The kept cells."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    return Table(tuple(Cell(cell["config"], cell["seed"], cell["values"]) for cell in kept))


def keep(folder: Path, file: Path = FILE) -> None:
    """Keep the cells of a folder, each on one line, numbers with five digits."""
    cells = [json.loads(cell.read_text(encoding="utf-8")) for cell in folder.glob("cells/*.json")]
    lines = [
        json.dumps(
            {
                "config": cell["config"],
                "seed": cell["seed"],
                "values": {name: float(f"{value:.5g}") for name, value in cell["values"].items()},
            }
        )
        for cell in sorted(cells, key=lambda cell: (cell["config"]["network"], cell["config"]["share"], cell["seed"]))
    ]
    write_file(file, "[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
