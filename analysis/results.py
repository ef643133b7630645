"""Results as files: those of the quick presets that are kept beside the studies, and the table and figure of any run."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from kronmix.files import write_file

from .study import Cell, Origin, Study, Table

_RESULTS = Path(__file__).parent / "results"


def keep(study: Study, table: Table) -> None:
    """Keep a whole table.

    Raises
    ------
    ValueError
        If cells of the quick preset are missing.
    """
    wanted = len(study.configurations("quick"))
    seeds = {cell.seed for cell in table.cells}
    if len(table.configurations) != wanted or len(table.cells) != wanted * len(seeds):
        raise ValueError(
            f"{study.name}: {len(table.cells)} cells of {wanted} configurations × {len(seeds)} seeds are there; run the rest first"
        )
    configs = table.configurations
    record = {
        "code": table.cells[0].origin.code,
        "data": sorted({cell.origin.data for cell in table.cells}),
        "quantities": table.quantities,
        "configurations": configs,
        "cells": [
            [configs.index(cell.config), cell.seed, *(cell.values[q] for q in table.quantities)] for cell in table.cells
        ],
    }
    lines = [f" {json.dumps(key)}: {_value(value)}" for key, value in record.items()]
    write_file(_results_file(study), "{\n" + ",\n".join(lines) + "\n}\n")


def kept(study: Study) -> Table:
    """The table that is kept of a study; empty where there is none."""
    try:
        record = json.loads(_results_file(study).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Table(())
    made_with = Origin(record["code"], "+".join(record["data"]))
    return Table(
        tuple(
            Cell(
                record["configurations"][which],
                seed,
                dict(zip(record["quantities"], map(float, values), strict=True)),
                made_with,
            )
            for which, seed, *values in record["cells"]
        )
    )


def _value(value: object) -> str:
    """One line for each item of a list of lists or mappings."""
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        return "[\n  " + ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value) + "\n ]"
    return json.dumps(value, ensure_ascii=False)


def _results_file(study: Study) -> Path:
    return _RESULTS / f"{study.name}.json"


def write(study: Study, table: Table, folder: Path) -> tuple[Path, ...]:
    """Write figure.png, outcome.txt and table.csv with intervals, and name them, the table last."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    keys = list(table.configurations[0])
    writer.writerow([*keys, *(f"{q}{part}" for q in table.quantities for part in ("", "_low", "_high"))])
    for config in table.configurations:
        found = [table.interval(quantity, **config) for quantity in table.quantities]
        writer.writerow([*(config[k] for k in keys), *(x for i in found for x in (i.mean, i.low, i.high))])
    figure, outcome, csv_file = (folder / name for name in ("figure.png", "outcome.txt", "table.csv"))
    write_file(csv_file, stream.getvalue())
    write_file(outcome, f"{study.question}\n{study.decide(table)}\n")
    draw(study, table, figure)
    return figure, outcome, csv_file


def draw(study: Study, table: Table, file: Path) -> None:
    """Draw a study's figure."""
    from matplotlib.figure import Figure

    import kronmix as km
    from kronmix.plotting.style import png_bytes

    with km.plotting.house_style():
        figure = Figure(figsize=(6.4, 4.0), layout="constrained", facecolor="white")
        study.plot(table, figure.subplots())
        drawn = png_bytes(figure)
    write_file(file, drawn)
