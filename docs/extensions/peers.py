"""The table of measured ratios, from the file that ``make bench-peers`` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def table(app: Sphinx, words: str) -> str:
    """Rows of a result file beside the page: what was done, by whom, in which times; what was measured is said above it."""
    results = json.loads((Path(app.srcdir) / words).read_text(encoding="utf-8"))
    return "\n".join([introduction(results["machine"]), "", *rows(results["figures"])])


def introduction(machine: dict[str, Any]) -> str:
    """When, with which versions and on what the figures were measured."""
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    return (
        f"Measured on {machine['date']} with {libraries}, kronmix {machine['kronmix']}, NumPy {machine['numpy']} and "
        f"Python {machine['python']}, one thread each; medians of interleaved repetitions."
    )


def rows(figures: list[dict[str, Any]]) -> list[str]:
    """Lines of a Markdown table, slower rows of kronmix too."""
    lines = ["| work | library | its time | kronmix | ratio |", "|---|---|---:|---:|---:|"]
    for figure in figures:
        library, _, work = figure["name"].partition(": ")
        times = (_seconds(figure["reference_seconds"]), _seconds(figure["ours_seconds"]))
        lines.append(f"| {work} | {library} | {times[0]} | {times[1]} | {figure['value']:.2g} |")
    return lines


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"
