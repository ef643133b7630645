"""``kronmix verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .app import command, show


@command
def verify(
    theorem: Annotated[list[str] | None, typer.Option(metavar="T4", help="Only this theorem; may be repeated.")] = None,
    slow: Annotated[bool, typer.Option("--slow", help="Larger symbolic sizes where an entry has them.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON instead of a table.")] = False,
    latex: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write statements and verdicts as a document.")
    ] = None,
) -> None:
    """Prove the statements T1–T27, and refute their false neighbours with the same provers; exit code 1 if anything fails.

    Each row says how its verdict is known, strongest first: *all sizes*, *entrywise* (every entry a symbol, at the sizes
    shown), *finite field*, *certificate*, *numerical* (limits and estimators only).

    Examples:

    - `kronmix verify`

    - `kronmix verify --theorem T3 --theorem T19`: with the statements in words

    - `kronmix verify --latex verdicts.tex`
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from ..symbolic import verify as run

    console = Console(stderr=True)
    columns = (TextColumn("proving"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        job = bar.add_task("")
        report = run(
            theorem,
            slow=slow,
            progress=lambda done, total, name: bar.update(job, completed=done, total=total, description=name),
        )
    if latex is not None:
        partial = latex.with_name(latex.name + ".partial")
        partial.write_text(report.to_latex(), encoding="utf-8")
        partial.replace(latex)
    if json:
        typer.echo(report.to_json())
    else:
        rejected = sum(row.mutants_rejected for row in report.rows)
        title = f"{len(report.rows)} statements, {rejected} false neighbours rejected, {report.seconds:.1f} s"
        table = Table(title=title, title_justify="left")
        for heading in ("", "statement", "evidence", "sizes"):
            table.add_column(heading, no_wrap=heading == "evidence")
        for heading in ("rejected", "seconds", "verdict"):
            table.add_column(heading, justify="right")
        for row in report.rows:
            rejections = f"{row.mutants_rejected} of {len(row.mutants)}"
            verdict = "holds" if row.passes else "FAILS"
            table.add_row(
                row.number,
                row.statement if theorem else row.name,
                row.evidence,
                row.sizes,
                rejections,
                f"{row.seconds:.2f}",
                verdict,
            )
        show(table)
    if not report.holds:
        raise typer.Exit(1)
