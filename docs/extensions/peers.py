"""Tables of measured ratios, from the files that ``make bench-peers`` and ``make bench`` write.

``python -m docs.extensions.peers`` renews the short table of README.md.
"""

from __future__ import annotations

import json
import re
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the environment of the neighbours has no Sphinx
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
_BEGIN, _END = "<!-- peers -->", "<!-- end of peers -->"


def table(app: Sphinx, words: str) -> str:
    """Rows of a result file beside the page: what was done, by whom, in which times; what was measured is said above it."""
    results = json.loads((Path(app.srcdir) / words).read_text(encoding="utf-8"))
    return "\n".join([introduction(results["machine"]), "", *rows(results["figures"])])


def limits(app: Sphinx, words: str) -> str:
    """Rows of a result file of ``make bench``: every comparison with its figure, the limit it is held to, and whether it holds."""
    results = json.loads((Path(app.srcdir) / words).read_text(encoding="utf-8"))
    figures = results["figures"]
    lines = ["| work | figure | value | limit | holds |", "|---|---|---:|---:|---|"]
    for figure in figures:
        sign = "≥" if figure["measure"].startswith("reference") else "≤"
        holds = "yes" if figure["holds"] else "**no**"
        lines.append(
            f"| {figure['name']} | {figure['measure']} | {figure['value']:.3g} | {sign}\u00a0{figure['limit']:g} | {holds} |"
        )
    held = sum(figure["holds"] for figure in figures)
    return "\n".join([introduction(results["machine"]), "", f"**{held} of {len(figures)} limits held.**", "", *lines])


def extremes(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each library the row where kronmix gains least and the one where it gains most.

    Examples
    --------
    >>> rows = [{"name": f"lib: {i}", "value": value} for i, value in enumerate((2.0, 0.9, 5.0))]
    >>> [row["name"] for row in extremes(rows)]
    ['lib: 1', 'lib: 2']
    """
    chosen = []
    for _, group in groupby(figures, lambda figure: figure["name"].partition(":")[0]):
        by_gain = sorted(group, key=lambda figure: figure["value"])
        chosen += [by_gain[0], *by_gain[1:][-1:]]
    return chosen


def in_readme(text: str, results: dict[str, Any]) -> str:
    """The README with its short table as the results have it."""
    made = "\n".join([_BEGIN, introduction(results["machine"]), "", *rows(extremes(results["figures"])), _END])
    return re.sub(f"{_BEGIN}.*?{_END}", lambda _: made, text, flags=re.DOTALL)


def introduction(machine: dict[str, Any]) -> str:
    """When, with which versions and on what the figures were measured."""
    versions = {**machine["libraries"], "kronmix": machine["kronmix"], "NumPy": machine["numpy"]}
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"Measured on {machine['date']} with {libraries} and Python {machine['python']}, one thread each; "
        "medians of interleaved repetitions."
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
            return f"{value / size:.3g}\u00a0{unit}"
    return f"{value * 1e6:.3g}\u00a0µs"


def main() -> None:
    """Renew the README's table."""
    readme, results = ROOT / "README.md", json.loads((ROOT / "docs" / "peers.json").read_text(encoding="utf-8"))
    readme.write_text(in_readme(readme.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
