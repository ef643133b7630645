"""Tables of the estimators' errors beside those of other libraries, from the file that ``make bench-estimators`` writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student

from analysis.statistics import holm
from kronmix.intervals import t_interval

if TYPE_CHECKING:  # the environment of the neighbours has no Sphinx
    from sphinx.application import Sphinx

_LEVEL = 0.05


def tables(app: Sphinx, words: str) -> str:
    """For every task a table and a sentence that names the model of least error, from a file beside the pages."""
    results = json.loads((Path(app.srcdir) / words).read_text(encoding="utf-8"))
    machine = results["machine"]
    libraries = ", ".join(f"{name} {number}" for name, number in machine["libraries"].items())
    measured = f"Measured on {machine['date']} with {libraries} and Python {machine['python']}."
    left = "; ".join(results["not measured"])
    missing = [f"Not measured yet: {left}."] if left else []
    return "\n\n".join([measured, *missing, *(section(task) for task in results["tasks"])])


def interval(values: Any, overlap: float) -> tuple[float, float, float]:
    """Mean, half of Student's 95 % interval, and the two-sided p-value of a mean of zero.

    Where training sets overlap, the variance is corrected by the test samples for each training sample (Nadeau & Bengio 2003).

    Examples
    --------
    >>> [round(number, 3) for number in interval([1.0, 2.0, 3.0], 0.0)]
    [2.0, 2.484, 0.074]
    >>> interval([1.0, 2.0, 3.0], 1 / 2)[1] > interval([1.0, 2.0, 3.0], 0.0)[1]
    True
    """
    n, found = len(values), t_interval(values)
    half = float(found.half_width) * (1 + n * overlap) ** 0.5
    away = abs(found.mean) / half * student.ppf(0.975, n - 1) if half > 0 else (np.inf if found.mean else 0.0)
    return float(found.mean), half, 2 * float(student.sf(away, n - 1))


def section(task: dict[str, Any]) -> str:
    """Table and sentence of one task.

    Examples
    --------
    >>> rows = {"a": {"errors": [1.0, 1.1, 0.9], "numbers": [4, 4, 4]}, "b": {"errors": [2.0, 2.1, 1.9], "numbers": [9, 9, 9]}}
    >>> print(section({"task": "toy", "measure": "error", "overlap": 0.0, "rows": rows, "failed": {}}).splitlines()[-1])
    Least error: a. Worse, paired by draw: b. Not told apart: none.
    """
    rows, overlap = task["rows"], task["overlap"]
    best = min(rows, key=lambda name: np.mean(rows[name]["errors"]))
    others = [name for name in rows if name != best]
    pairs = {name: interval(np.subtract(rows[name]["errors"], rows[best]["errors"]), overlap) for name in others}
    corrected = dict(zip(others, holm([pairs[name][2] for name in others]), strict=True))
    lines = ["| model | " + task["measure"] + " | above the least | numbers |", "|---|---:|---:|---:|"]
    for name, row in sorted(rows.items(), key=lambda item: np.mean(item[1]["errors"])):
        mean, half, _ = interval(row["errors"], overlap)
        above = "" if name == best else f"{pairs[name][0]:.3g} ± {pairs[name][1]:.2g}"
        lines.append(f"| {name} | {mean:.4g} ± {half:.2g} | {above} | {np.mean(row['numbers']):.0f} |")
    worse = [name for name in others if corrected[name] < _LEVEL]
    level = [name for name in others if name not in worse]
    lines += [f"| {name} | not fitted: {reason} | | |" for name, reason in task["failed"].items()]
    draws = len(rows[best]["errors"])
    sentence = (
        f"Least error: {best}. Worse, paired by draw: {', '.join(worse) or 'none'}. "
        f"Not told apart: {', '.join(level) or 'none'}."
    )
    return "\n".join([f"**{task['task'][0].upper()}{task['task'][1:]}**, {draws} draws", "", *lines, "", sentence])
