"""Results of the quick presets that are kept beside the studies: cells, from which verdicts and figures are computed."""

from __future__ import annotations

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
    write_file(_file(study), "{\n" + ",\n".join(lines) + "\n}\n")


def kept(study: Study) -> Table:
    """The table that is kept of a study; empty where there is none."""
    try:
        record = json.loads(_file(study).read_text(encoding="utf-8"))
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


def _file(study: Study) -> Path:
    return _RESULTS / f"{study.name}.json"
