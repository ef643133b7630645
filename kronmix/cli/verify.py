"""``kronmix verify``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .app import command, show

if TYPE_CHECKING:
    from ..symbolic.verification import Row, VerificationReport


@command
def verify(
    theorem: Annotated[list[str] | None, typer.Option(metavar="T4", help="Only this theorem; may be repeated.")] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="S,C", help="Tokens and channels of the finite-field proofs. [default: 196,768]"),
    ] = None,
    slow: Annotated[bool, typer.Option("--slow", help="Larger symbolic sizes where an entry has them.")] = False,
    identity: Annotated[
        str | None, typer.Option(metavar="'L == R'", help="Prove or refute an identity of your own instead.")
    ] = None,
    shapes: Annotated[
        str | None, typer.Option(metavar="'W=S,S X=S,C'", help="Shapes of its matrices; sizes are names or numbers.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="S=196,C=768", help="Large sizes to prove it at.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
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

    - `kronmix verify --theorem T4 --size 64,512`

    - `kronmix verify --latex verdicts.tex`

    - `kronmix verify --identity 'vec(W @ X @ V) == kron(V.T, W) @ vec(X)' --shapes 'W=S,S X=S,C V=C,C'`

    An identity may hold names, numbers, @ + - *, .T, vec, unvec, kron, eye, commutation, block_diag, hadamard and trace.
    """
    if identity is not None or shapes is not None:
        _own_identity(identity, shapes, at, json)
        return
    if at is not None:
        raise ValueError("--at goes with --identity and --shapes; for theorems use --size")
    from ..symbolic import verify as run

    with proving(quiet=False) as progress:
        report = run(theorem, size=None if size is None else _sizes(size), slow=slow, progress=progress)
    if latex is not None:
        partial = latex.with_name(latex.name + ".partial")
        partial.write_text(report.to_latex(), encoding="utf-8")
        partial.replace(latex)
    if json:
        typer.echo(report.to_json())
    else:
        if theorem:
            for rows in report.statements:
                typer.echo(f"{rows[0].number} {rows[0].name}: {rows[0].statement}  [{rows[0].source}]")
        show(_table(report))
    if not report.holds:
        raise typer.Exit(1)


@contextmanager
def proving(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on a terminal, and what moves it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("proving"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        job = bar.add_task("")
        yield lambda done, total, name: bar.update(job, completed=done, total=total, description=name)


def _own_identity(identity: str | None, shapes: str | None, at: str | None, json: bool) -> None:
    from ..symbolic import check_identity
    from ..symbolic.language import parse_identity, parse_shapes

    if identity is None or shapes is None:
        raise ValueError("--identity and --shapes go together, as --identity 'A.T.T == A' --shapes 'A=m,n'")
    given = parse_shapes(shapes)
    if taken := sorted({"at", "seed", "identity"} & given.keys()):
        raise ValueError(f"shapes: {taken[0]!r} is not free as a name: choose another")
    large = None if at is None else {name: sizes[0] for name, sizes in parse_shapes(at.replace(",", " ")).items()}
    options: dict[str, Any] = {"at": large, **given}
    verdict = check_identity(parse_identity(identity), **options)
    typer.echo(verdict.to_json() if json else f"{identity}\n{verdict!r}")
    if not verdict:
        raise typer.Exit(1)


def _table(report: VerificationReport) -> Table:
    """One line for each kind of evidence of a statement."""
    from ..symbolic.verification import counted

    statements = report.statements
    rejected = counted(sum(row.mutants_rejected for row in report.rows), "false neighbour")
    title = f"{counted(len(statements), 'statement')}, {rejected} rejected, {report.seconds:.1f} s"
    table = Table(title=title, title_justify="left")
    for heading in ("", "statement", "evidence", "sizes"):
        table.add_column(heading, no_wrap=heading == "evidence", overflow="fold")
    for heading in ("rejected", "s", "verdict"):
        table.add_column(heading, justify="right", no_wrap=True)
    for rows in statements:
        for i, row in enumerate(rows):
            table.add_row(
                "" if i else row.number,
                "" if i else row.name,
                row.evidence,
                _where(row),
                f"{row.mutants_rejected}/{len(row.mutants)}",
                f"{row.seconds:.1f}",
                "holds" if row.passes else "FAILS",
            )
    return table


def _where(row: Row) -> str:
    doubt = f", error below {row.error_probability:.0e}" if row.error_probability else ""
    return f"{row.sizes}{doubt}" if row.holds else f"{row.sizes}: {row.detail}"


def _sizes(text: str) -> tuple[int, int]:
    try:
        S, C = map(int, text.split(","))
    except ValueError:
        raise ValueError(f"--size {text}: expected tokens and channels, as 196,768") from None
    return S, C
