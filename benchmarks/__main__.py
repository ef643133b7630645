"""Run the benchmarks: ``python -m benchmarks [NAME ...] [--out FILE]``."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
from datetime import date
from pathlib import Path

import numpy as np
import scipy

import benchmarks
import kronmix
from kronmix.files import write_file

from .harness import Figure, measure
from .peers import versions


def modules() -> list[str]:
    """Benchmark modules: every one here that lists rows."""
    return sorted(
        file.stem for file in Path(__file__).parent.glob("*.py") if "\nROWS" in file.read_text(encoding="utf-8")
    )


def main() -> None:
    """Measure, print a table, and write the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(modules())}; all by default")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks/results.json"))
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(modules())
    if unknown:
        parser.error(f"unknown benchmark {sorted(unknown)[0]!r}: choose from {', '.join(modules())}")
    figures: list[Figure] = []
    for name in arguments.names or modules():
        for row in importlib.import_module(f"benchmarks.{name}").ROWS:
            figure = measure(row)
            figures.append(figure)
            sign = "≥" if row.at_least else "≤"
            print(
                f"{'ok  ' if figure.holds else 'MISS'} {figure.name:<62} {figure.measure:<16} "
                f"{figure.value:8.3f}  ({sign} {figure.limit:g})",
                flush=True,
            )
    machine = {"cpus": len(os.sched_getaffinity(0)), "python": platform.python_version()}
    machine |= {"numpy": np.__version__, "scipy": scipy.__version__, "kronmix": kronmix.__version__}
    machine |= {"date": date.today().isoformat(), "libraries": versions()}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_file(arguments.out, json.dumps({"machine": machine, "figures": [f.as_dict() for f in figures]}, indent=1))
    print(f"{sum(f.holds for f in figures)} of {len(figures)} limits hold; written to {arguments.out}")


if __name__ == "__main__":
    main()
