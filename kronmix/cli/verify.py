"""``kronmix verify``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

import kronmix as km

from .answer import Answer
from .app import command
from .session import claim, progress
from .tables import table

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
        str | None,
        typer.Option(metavar="'W=S,S X=S,C c='", help="Shapes of its matrices; sizes are names, numbers, S+1, S*C."),
    ] = None,
    assume: Annotated[
        str | None, typer.Option(metavar="'Q orthogonal, K symmetric'", help="Hypotheses about its matrices.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="S=196,C=768", help="Large sizes to prove it at.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the verdict on an identity as Markdown.")] = False,
    latex: Annotated[Path | None, typer.Option(metavar="FILE", help="Write statements and verdicts as LaTeX.")] = None,
) -> Answer:
    """Prove the statements T1–T37, and refute their false neighbours with the same provers; exit code 1 if anything fails.

    Each row says how its verdict is known, strongest first: *all sizes*, *at sizes* (every entry a symbol, at the sizes shown),
    *modulo primes at sizes*, *certificate at sizes* (these four prove it), *worked cases*, *numerical*.

    Examples:

    - `kronmix verify`

    - `kronmix verify --theorem T3 --theorem T19`: with the statements in words

    - `kronmix verify --theorem T4 --size 64,512`

    - `kronmix verify --latex verdicts.tex`

    - `kronmix verify --identity 'vec(W @ X @ V) == kron(V.T, W) @ vec(X)' --shapes 'W=S,S X=S,C V=C,C'`

    - `kronmix verify --identity 'trace(X.T @ Q.T @ Q @ X) == trace(X.T @ X)' --shapes 'Q=S,S X=S,C' --assume 'Q orthogonal'`

    - `kronmix verify --identity 'sum(V[i] for i in range(r)).T == sum(V[i].T for i in range(r))' --shapes 'V=r,S,C'`

    An identity may hold names, numbers, `@ + - *`, `.T`, `.H` and these words:

    - `kron`, `khatri_rao` (column by column), `face_splitting` (row by row), `hadamard`, `block_diag`

    - `vec`, `unvec(x, (S, C))`, `rearrange(X, 's (c d) -> (c s) d', c=2)` as in einops, `diag`, `trace`

    - `einsum(A, B, 'i k, k j -> i j')` for sums of products over named axes

    - `eye(S)`, `ones(S, C)`, `commutation(S, C)`, `inv(A)`, `conj(A)`, `map(f, X)` for any function f of the entries

    - `sum(… V[i] … for i in range(r))` over a stack of matrices, declared as `V=r,C,C`; `c=` declares a scalar, `x=n` a column

    A hypothesis is a matrix and a word, `symmetric`, `skew`, `hermitian`, `diagonal`, `orthogonal`, `orthonormal` (columns),
    `unitary`, `permutation` or `real`, or an equation `A @ B == eye(n)`.
    """
    files = () if latex is None else (latex,)
    claim(*files)
    _refuse_mixture(
        identity is not None or shapes is not None,
        {"--at": at, "--assume": assume, "--markdown": markdown},
        {"--theorem": theorem, "--size": size, "--slow": slow},
    )
    if identity is not None or shapes is not None:
        answer, tex = _own_identity(identity, shapes, at, assume, markdown)
    else:
        answer, tex = _theorems(theorem, size, slow)
    if latex is not None:
        km.files.write_file(latex, tex())
    return replace(answer, files=files)


def _refuse_mixture(own: bool, of_identities: dict[str, Any], of_theorems: dict[str, Any]) -> None:
    """Options about theorems do not go with an identity of one's own, nor the other way round."""
    given = [option for option, value in (of_theorems if own else of_identities).items() if value]
    if given and own:
        raise ValueError(
            f"{given[0]} is about theorems: it does not go with --identity; the sizes of an identity are --at"
        )
    if given:
        raise ValueError(f"{given[0]} goes with --identity and --shapes; the sizes of theorems are --size")


def _theorems(theorem: list[str] | None, size: str | None, slow: bool) -> tuple[Answer, Callable[[], str]]:
    from ..symbolic import verify as run

    with progress("proving") as advance:
        report = run(theorem, size=None if size is None else _parse_sizes(size), slow=slow, progress=advance)
    first = (rows[0] for rows in report.statements) if theorem else ()
    words = (f"{row.number} {row.name}: {row.statement}  [{row.source}]" for row in first)
    record = {"kind": "theorems", **loads(report.to_json())}
    return Answer(record, (*words, _table(report)), code=0 if report.holds else 1), report.to_latex


def _own_identity(
    identity: str | None, shapes: str | None, at: str | None, assume: str | None, markdown: bool
) -> tuple[Answer, Callable[[], str]]:
    from ..symbolic.identities import decide
    from ..symbolic.language import parse_identity, parse_shapes

    if identity is None or shapes is None:
        raise ValueError("--identity and --shapes go together, as --identity 'A.T.T == A' --shapes 'A=m,n'")
    large: Any = None if at is None else {name: sizes[0] for name, sizes in parse_shapes(at.replace(",", " ")).items()}
    verdict = decide(parse_identity(identity), parse_shapes(shapes), large, assume=assume)
    shown = verdict.to_markdown() if markdown else f"{identity}\n{verdict!r}"
    record = {"kind": "identity", **loads(verdict.to_json())}
    return Answer(record, (shown,), code=0 if verdict else 1), verdict.to_latex


def _table(report: VerificationReport) -> Table:
    """One line for each kind of evidence of a statement."""
    from ..symbolic.verification import counted

    statements = report.statements
    rejected = counted(sum(row.mutants_rejected for row in report.rows), "false neighbour")
    title = f"{counted(len(statements), 'statement')}, {len(report.proved)} proved, {rejected} rejected, {report.seconds:.1f} s"
    made = table(title, ("", "statement", "evidence", "sizes"), ("rejected", "s", "verdict"))
    for rows in statements:
        for i, row in enumerate(rows):
            made.add_row(
                "" if i else row.number,
                "" if i else row.name,
                row.evidence,
                _where(row),
                f"{row.mutants_rejected}/{len(row.mutants)}",
                f"{row.seconds:.1f}",
                "holds" if row.passes else "FAILS",
            )
    return made


def _where(row: Row) -> str:
    """Sizes for which a row holds, with a randomized proof's error probability; or the sizes and what failed."""
    doubt = f", error below {row.error_probability:.0e}" if row.error_probability else ""
    return f"{row.sizes}{doubt}" if row.holds else f"{row.sizes}: {row.detail}"


def _parse_sizes(text: str) -> tuple[int, int]:
    try:
        S, C = map(int, text.split(","))
    except ValueError:
        raise ValueError(f"--size {text}: expected tokens and channels, as 196,768") from None
    return S, C
