"""The commands of ``python -m analysis``, with the options, answers and exit codes of those of ``kronmix``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table as Sheet

from kronmix.cli.answer import Answer
from kronmix.cli.program import JSON, QUIET, Program
from kronmix.cli.session import progress
from kronmix.cli.tables import table as sheet

from .classification import said_of_rates
from .hours import estimate
from .power import Pilot
from .results import keep, write
from .runner import load_table, missing_cells, run_study
from .study import LONG, PILOT, QUICK, Study, Table, all_studies, find_study

#: Version of each command's JSON.
VERSIONS = {"list": 1, "run": 1, "show": 1, "power": 1, "keep": 1, "error": 1}
app = typer.Typer(
    help="Studies: one question each, with error bars. Cells are stored one by one: stop at any time, and go on later.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
program = Program("analysis", app, VERSIONS, {"json": JSON, "quiet": QUIET})
command = program.command
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Where results are kept.")]
Preset = Annotated[
    str,
    typer.Option(
        help="quick: decides the question in minutes; full: as near the paper as a CPU allows; paper: the paper's sizes; "
        "null, planted: the claim is false, or true, by construction; pilot: quick, with seeds of its own."
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="PLACE", help="Images instead of the preset's: a folder of CIFAR-10, an IDX or .npz file, a name."
    ),
]


Name = Annotated[str, typer.Argument(metavar="NAME|all", help="A study, or all of them.")]


@command
def list_() -> Answer:
    """Print the studies and their questions."""
    rows = [
        {
            "study": study.name,
            "question": study.question,
            "source": study.source,
            "cells": len(study.presets[QUICK]) * study.seeds[QUICK],
        }
        for study in all_studies().values()
    ]
    shown = sheet("Studies", ("study", "question", "source"), ("cells, quick",))
    for row in rows:
        shown.add_row(*map(str, row.values()))
    return Answer({"studies": rows}, (shown,))


@command
def run(
    name: Name,
    preset: Preset = QUICK,
    seeds: Annotated[int | None, typer.Option(help="Seeds of each configuration, instead of the preset's.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes on this machine.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Dask cluster, as tcp://host:8786.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run cells again that other code or data gave.")] = False,
    data: Data = None,
    out: Out = Path("out/analysis"),
) -> Answer:
    """Run what is missing of a study, and show its table, figure and outcome.

    Every cell (configuration × seed) is written as soon as it is done and never run twice; several of these commands may share a
    folder. A cell that fails is reported in one line, and run again by the next command.
    """
    chosen = _studies_named(name)
    if data is not None:
        chosen = [study for study in chosen if name != "all" or study.reads_data]
    records: list[dict[str, Any]] = []
    shown: list[Sheet | str] = []
    files: list[Path] = []
    failed = False
    for one in chosen:
        study, place = _on(one, out, data)
        _state_hours(study, preset, seeds, place, jobs)
        try:
            with progress(study.name) as advance:
                table = run_study(study, preset, place, seeds, jobs, scheduler, advance, fresh)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted; cells done so far are kept") from None
        _tell_failures(study, table)
        failed |= bool(table.failures)
        if len(table.configurations) == len(study.configurations(preset)):
            files += write(study, table, place / study.name / preset)
            records.append(_record(study, table))
            shown += _sheet_of(study, table)
    return Answer({"studies": records}, tuple(shown), tuple(files), code=2 if failed else 0)


@command
def show(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    preset: Preset = QUICK,
    data: Data = None,
    out: Out = Path("out/analysis"),
) -> Answer:
    """Show the results that are there, without running anything."""
    study, out = _on(find_study(name), out, data)
    folder, table = out / study.name / preset, _stored(study, preset, out)
    _tell_failures(study, table)
    if not table.cells:
        raise ValueError(f"{folder}: no results yet; run: python -m analysis run {name} --preset {preset}")
    return Answer({"studies": [_record(study, table)]}, tuple(_sheet_of(study, table)))


@command
def power_(name: Name, out: Out = Path("out/analysis")) -> Answer:
    """How surely the quick preset finds the smallest effect that counts: from the pilot in the folder, or the one that is kept."""
    shown = sheet(
        "Power of the quick presets", ("study", "comparison"), ("deviation of a pair", "effect", "seeds", "power")
    )
    records = []
    for study in _studies_named(name):
        table = _stored(study, PILOT, out)
        pilot = Pilot.of(study, table) if table.cells else Pilot.load(study)
        seeds, needed = study.seeds[QUICK], pilot.seeds_needed(study)
        effect, found = f"{study.smallest_effect:g}", pilot.powers(study)
        for comparison, power in found.items():
            deviation = f"{pilot.deviations[comparison]:.3g}"
            shown.add_row(study.name, comparison, deviation, effect, str(seeds), f"{power:.2f}")
        shown.add_row(study.name, "all", "", effect, f"{seeds} (needs {needed})", f"{pilot.power(study):.2f}")
        records.append(
            {
                "study": study.name,
                "effect": study.smallest_effect,
                "seeds": seeds,
                "seeds_needed": needed,
                "power": found,
            }
        )
    return Answer({"studies": records}, (shown,))


@command
def keep_(name: Name, out: Out = Path("out/analysis")) -> Answer:
    """Keep beside the studies what is in a folder: the pilot's deviations, and the results of the quick preset."""
    records = []
    for study in _studies_named(name):
        pilot, table = (_stored(study, preset, out) for preset in (PILOT, QUICK))
        if pilot.cells:
            Pilot.of(study, pilot).save(study)
        if table.cells:
            keep(study, table)
        records.append({"study": study.name, "pilot": len(pilot.cells), "quick": len(table.cells)})
    said = (f"{one['study']}: {one['pilot']} cells of the pilot, {one['quick']} of the quick preset" for one in records)
    return Answer({"studies": records}, tuple(said))


def main() -> None:
    """Entry point of ``python -m analysis``."""
    program.main(sys.argv[1:])


def _studies_named(name: str) -> list[Study]:
    return list(all_studies().values()) if name == "all" else [find_study(name)]


def _on(study: Study, out: Path, data: str | None) -> tuple[Study, Path]:
    """A study on other images, and a folder for it."""
    return (study, out) if data is None else (study.on(data), out / f"on {Path(data).name}")


def _stored(study: Study, preset: str, out: Path) -> Table:
    """The cells that are in a folder."""
    folder = out / study.name / preset
    seeds = sorted({int(f.stem.rsplit("-", 1)[1]) for f in (folder / "cells").glob("*-*.json")})
    return load_table(folder, [(config, seed) for config in study.configurations(preset) for seed in seeds])


def _state_hours(study: Study, preset: str, seeds: int | None, out: Path, jobs: int) -> None:
    """Say how long a long preset will take, before it starts."""
    if preset not in LONG:
        return
    missing = [config for config, _ in missing_cells(study, preset, out, seeds)]
    hours = estimate(study, missing)
    if hours is not None:
        print(
            f"analysis: {study.name}, {preset}: {len(missing)} cells, about {hours:.2g} hours of processor time by short trials, "
            f"{hours / jobs:.2g} hours with {jobs} job{'s' * (jobs != 1)}",
            file=sys.stderr,
        )


def _tell_failures(study: Study, table: Table) -> None:
    for failure in table.failures:
        print(f"analysis: {study.name}: {failure}", file=sys.stderr)


def _record(study: Study, table: Table) -> dict[str, Any]:
    """Every interval of a table, its failures, and what the study says of it."""
    rows = [
        {
            "configuration": dict(config),
            "intervals": {q: _interval_record(table.interval(q, **config)) for q in table.quantities},
        }
        for config in table.configurations
    ]
    failures = [{"configuration": dict(one.config), "seed": one.seed, "error": one.error} for one in table.failures]
    said = str(study.decide(table))
    return {"study": study.name, "question": study.question, "rows": rows, "failures": failures, "outcome": said}


def _interval_record(found: Any) -> dict[str, float]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _sheet_of(study: Study, table: Table) -> list[Sheet | str]:
    keys = _varying_keys(table)
    made = sheet(f"{study.name}: {study.question}", tuple(keys), tuple(table.quantities))
    for config in table.configurations:
        made.add_row(*(str(config[key]) for key in keys), *(str(table.interval(q, **config)) for q in table.quantities))
    return [made, *filter(None, (str(study.decide(table)), said_of_rates(table)))]


def _varying_keys(table: Table) -> list[str]:
    configs = table.configurations
    return [key for key in configs[0] if len({str(c[key]) for c in configs}) > 1] or list(configs[0])[:1]
