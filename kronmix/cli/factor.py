"""``kronmix factor``."""

from __future__ import annotations

import io
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from .. import files
from .app import command, show


class StructureName(StrEnum):
    """What ``factor`` looks for."""

    kronecker = "kronecker"
    monarch = "monarch"
    butterfly = "butterfly"


@command
def factor(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A matrix: .npy, .npz, .csv, .mtx or .mat.")],
    structure: Annotated[StructureName, typer.Option(help="What to look for.")],
    shape: Annotated[
        str | None,
        typer.Option(
            help="kronecker: sizes of the two factors, as 8x8,4x4. monarch: p,k,q,s, as 8,8,8,8. butterfly: none."
        ),
    ] = None,
    rank: Annotated[int, typer.Option(min=1, help="Terms of the Kronecker sum; block rank of the Monarch.")] = 1,
    key: Annotated[str | None, typer.Option(help="Which array, where the file holds several.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Where the factors go; default FILE.factors.npz.")
    ] = None,
) -> None:
    """Find the nearest Kronecker product, Monarch or butterfly matrix, and write its factors.

    A Monarch of shape p,k,q,s is (p·q) × (k·s): q blocks of p×k times k blocks of q×s.

    Examples:

    - `kronmix factor B.npy --structure kronecker --shape 8x8,8x8`

    - `kronmix factor B.mtx --structure monarch --shape 8,8,8,8 --rank 2`

    - `kronmix factor B.csv --structure butterfly`
    """
    from ..report.words import count, number, scientific

    target = file.with_suffix(".factors.npz") if out is None else out
    if target.suffix != ".npz":
        raise ValueError(f"--out {target}: expected a name ending in .npz")
    B = files.read_matrix(file, key)
    found = _FACTOR[structure](B, shape, rank)
    stream = io.BytesIO()
    factors = {f"factor_{i}": array for i, array in enumerate(found.operator.factors)}
    np.savez_compressed(stream, **factors)
    files.write_file(target, stream.getvalue())
    table = Table(title=f"{structure} factors of {file.name}", title_justify="left", show_header=False)
    table.add_column("measure")
    table.add_column("value", justify="right")
    for name, value in (
        ("operator", repr(found.operator)),
        ("factors", ", ".join("×".join(map(str, array.shape)) for array in found.operator.factors)),
        ("parameters, of entries", f"{count(found.operator.n_parameters)} of {count(B.size)}"),
        ("error (Frobenius)", number(float(found.error))),
        ("relative error", scientific(float(found.relative_error))),
    ):
        table.add_row(name, value)
    show(table)
    typer.echo(str(target))


def _factor_kronecker(B: Any, shape: str | None, rank: int) -> Any:
    from ..decompose import nearest_kronecker

    needs = "a Kronecker product needs the sizes of its two factors, as 8x8,4x4"
    pairs = [_integers(part.lower().split("x"), 2, shape, needs) for part in _given(shape, needs).split(",")]
    if len(pairs) != 2:
        raise ValueError(f"--shape {shape}: {needs}")
    return nearest_kronecker(B, ((pairs[0][0], pairs[0][1]), (pairs[1][0], pairs[1][1])), rank=rank)


def _factor_monarch(B: Any, shape: str | None, rank: int) -> Any:
    from ..decompose import nearest_monarch

    needs = "a Monarch matrix needs four sizes p,k,q,s, as 8,8,8,8"
    p, k, q, s = _integers(_given(shape, needs).split(","), 4, shape, needs)
    return nearest_monarch(B, (p, k, q, s), rank=rank)


def _factor_butterfly(B: Any, shape: str | None, rank: int) -> Any:
    from ..decompose import nearest_chain
    from ..patterns import butterfly_patterns

    if shape is not None or rank != 1:
        raise ValueError("--structure butterfly takes neither --shape nor --rank: its sizes follow from the matrix")
    if B.shape[0] != B.shape[1]:
        raise ValueError(f"the matrix is {B.shape[0]}×{B.shape[1]}: a butterfly needs a square one")
    return nearest_chain(B, butterfly_patterns(B.shape[0]))


_FACTOR: dict[StructureName, Callable[[Any, str | None, int], Any]] = {
    StructureName.kronecker: _factor_kronecker,
    StructureName.monarch: _factor_monarch,
    StructureName.butterfly: _factor_butterfly,
}


def _given(shape: str | None, needs: str) -> str:
    if shape is None:
        raise ValueError(f"--shape is missing: {needs}")
    return shape


def _integers(parts: list[str], expected: int, shape: str | None, needs: str) -> list[int]:
    if len(parts) != expected or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(f"--shape {shape}: {needs}")
    return [int(part) for part in parts]
