"""``python -m analysis list | run NAME|all | show NAME``."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Sheet

from kronmix.files import write_file
from kronmix.progress import progress

from .hours import estimate
from .power import Pilot
from .results import keep
from .runner import load_table, missing_cells, run_study
from .study import LONG, PILOT, QUICK, Study, Table, all_studies, find_study

app = typer.Typer(
    help="Studies: one question each, with error bars. Cells are stored one by one: stop at any time, and go on later.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Out = Annotated[Path, typer.Option(metavar="DIR", help="Where results are kept.")]
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


@app.command("list")
def list_() -> None:
    """Print the studies and their questions."""
    sheet = Sheet(title="Studies", title_justify="left")
    for heading in ("study", "question", "source", "cells, quick"):
        sheet.add_column(heading, no_wrap=heading == "study")
    for study in all_studies().values():
        cells = len(study.presets["quick"]) * study.seeds["quick"]
        sheet.add_row(study.name, study.question, study.source, str(cells))
    Console().print(sheet)


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME|all", help="A study, or all of them.")],
    preset: Preset = "quick",
    seeds: Annotated[int | None, typer.Option(help="Seeds of each configuration, instead of the preset's.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes on this machine.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Dask cluster, as tcp://host:8786.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run cells again that other code or data gave.")] = False,
    data: Data = None,
    out: Out = Path("out/analysis"),
) -> None:
    """Run what is missing of a study, and show its table, figure and outcome.

    Every cell (configuration × seed) is written as soon as it is done and never run twice; several of these commands may share a
    folder. A cell that fails is told in one line, and run again by the next command.
    """
    failed = False
    chosen = list(all_studies().values()) if name == "all" else [find_study(name)]
    if data is not None:
        chosen = [study for study in chosen if name != "all" or study.reads_data]
    for one in chosen:
        study, place = _on(one, out, data)
        _state_hours(study, preset, seeds, place, jobs)
        with progress(study.name) as advance:
            table = run_study(study, preset, place, seeds, jobs, scheduler, advance, fresh)
        _tell_failures(study, table)
        failed |= bool(table.failures)
        if len(table.configurations) == len(study.configurations(preset)):
            _write(study, table, place / study.name / preset)
            _print(study, table, place / study.name / preset)
    if failed:
        raise typer.Exit(2)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    preset: Preset = "quick",
    data: Data = None,
    out: Out = Path("out/analysis"),
) -> None:
    """Show the results that are there, without running anything."""
    study, out = _on(find_study(name), out, data)
    folder, table = out / study.name / preset, _stored(study, preset, out)
    _tell_failures(study, table)
    if not table.cells:
        raise ValueError(f"{folder}: no results yet; run: python -m analysis run {name} --preset {preset}")
    _print(study, table, folder)


@app.command("power")
def power_(
    name: Annotated[str, typer.Argument(metavar="NAME|all", help="A study, or all of them.")],
    out: Out = Path("out/analysis"),
) -> None:
    """How surely the quick preset finds the smallest effect that counts: from the pilot in the folder, or the one that is kept."""
    sheet = Sheet(title="Power of the quick presets", title_justify="left")
    for heading in ("study", "comparison", "deviation of a pair", "effect", "seeds", "power"):
        sheet.add_column(heading)
    for study in all_studies().values() if name == "all" else [find_study(name)]:
        table = _stored(study, PILOT, out)
        pilot = Pilot.of(study, table) if table.cells else Pilot.load(study)
        seeds = str(study.seeds[QUICK])
        for comparison, found in pilot.powers(study).items():
            deviation = f"{pilot.deviations[comparison]:.3g}"
            sheet.add_row(study.name, comparison, deviation, f"{study.smallest_effect:g}", seeds, f"{found:.2f}")
        needed = pilot.seeds_needed(study)
        sheet.add_row(
            study.name,
            "all",
            "",
            f"{study.smallest_effect:g}",
            f"{seeds} (needs {needed})",
            f"{pilot.power(study):.2f}",
        )
    _console().print(sheet)


@app.command("keep")
def keep_(
    name: Annotated[str, typer.Argument(metavar="NAME|all", help="A study, or all of them.")],
    out: Out = Path("out/analysis"),
) -> None:
    """Keep beside the studies what is in a folder: the pilot's deviations, and the results of the quick preset."""
    for study in all_studies().values() if name == "all" else [find_study(name)]:
        pilot, table = (_stored(study, preset, out) for preset in (PILOT, QUICK))
        if pilot.cells:
            Pilot.of(study, pilot).save(study)
        if table.cells:
            keep(study, table)
        print(f"{study.name}: {len(pilot.cells)} cells of the pilot, {len(table.cells)} of the quick preset")


def _on(study: Study, out: Path, data: str | None) -> tuple[Study, Path]:
    """A study on other images, and a folder for it."""
    return (study, out) if data is None else (study.on(data), out / f"on {Path(data).name}")


def _stored(study: Study, preset: str, out: Path) -> Table:
    """The cells that are in a folder."""
    folder = out / study.name / preset
    seeds = sorted({int(f.stem.rsplit("-", 1)[1]) for f in (folder / "cells").glob("*-*.json")})
    return load_table(folder, [(config, seed) for config in study.configurations(preset) for seed in seeds])


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=10_000)  # in a file nothing has to be folded


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


def _print(study: Study, table: Table, folder: Path) -> None:
    console = _console()
    console.print(f"[bold]{study.name}[/bold]: {study.question}", soft_wrap=True)
    keys = _varying(table)
    rows = [
        [*(str(config[key]) for key in keys), *(str(table.interval(q, **config)) for q in table.quantities)]
        for config in table.configurations
    ]
    for sheet in _sheets([*keys, *table.quantities], rows, len(keys), console.width):
        console.print(sheet)
    console.print(str(study.decide(table)), highlight=False, soft_wrap=True)
    console.print(str(folder / "figure.png"), highlight=False, soft_wrap=True)


def _sheets(headings: list[str], rows: list[list[str]], keys: int, width: int) -> Iterator[Sheet]:
    """The table in pieces that fit the width, each with the first ``keys`` columns."""
    sizes = [max(map(len, column)) + 3 for column in zip(headings, *rows, strict=True)]
    pieces: list[list[int]] = [[]]
    for column in range(keys, len(headings)):
        if pieces[-1] and 1 + sum(sizes[i] for i in (*range(keys), *pieces[-1], column)) > width:
            pieces.append([])
        pieces[-1].append(column)
    for piece in pieces:
        sheet = Sheet()
        chosen = [*range(keys), *piece]
        for i in chosen:
            sheet.add_column(headings[i], justify="right", overflow="fold")
        for row in rows:
            sheet.add_row(*(row[i] for i in chosen))
        yield sheet


def _varying(table: Table) -> list[str]:
    configs = table.configurations
    return [key for key in configs[0] if len({str(c[key]) for c in configs}) > 1] or list(configs[0])[:1]


def _write(study: Study, table: Table, folder: Path) -> None:
    """table.csv with intervals, outcome.txt, figure.png."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    keys = list(table.configurations[0])
    writer.writerow([*keys, *(f"{q}{part}" for q in table.quantities for part in ("", "_low", "_high"))])
    for config in table.configurations:
        found = [table.interval(quantity, **config) for quantity in table.quantities]
        writer.writerow([*(config[k] for k in keys), *(x for i in found for x in (i.mean, i.low, i.high))])
    write_file(folder / "table.csv", stream.getvalue())
    write_file(folder / "outcome.txt", f"{study.question}\n{study.decide(table)}\n")
    draw(study, table, folder / "figure.png")


def draw(study: Study, table: Table, file: Path) -> None:
    """Draw a study's figure."""
    from matplotlib.figure import Figure

    import kronmix as km

    with km.plotting.house_style():
        figure = Figure(figsize=(6.4, 4.0), layout="constrained", facecolor="white")
        study.plot(table, figure.subplots())
        stream = io.BytesIO()
        figure.savefig(stream, dpi=110, facecolor="white", format="png")
    write_file(file, stream.getvalue())


def main() -> None:
    """Entry point: bad input ends in one sentence and exit code 2."""
    try:
        app()
    except KeyboardInterrupt:
        print("analysis: interrupted; cells done so far are kept", file=sys.stderr)
        raise SystemExit(130) from None
    except (ValueError, OSError, ImportError) as error:
        named = getattr(error, "filename", None)
        words = f"{named}: {error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)
        print(f"analysis: {words}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
