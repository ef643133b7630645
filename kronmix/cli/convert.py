"""``kronmix convert``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from .app import command, show

if TYPE_CHECKING:
    from ..interop import Adapter, Conversion


class Target(StrEnum):
    """What ``convert`` writes."""

    lora = "lora"
    torch = "torch"
    lazylinop = "lazylinop"
    pyfaust = "pyfaust"
    fly = "fly"


@command
def convert(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An adapter (.safetensors, or PEFT's folder), or factors (.npz).")
    ],
    to: Annotated[Target, typer.Option(help="What to write.")],
    rank: Annotated[int | None, typer.Option(min=1, help="lora: rank of every layer.")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(help="lora: the smallest rank that leaves out at most this part of the layer's norm."),
    ] = None,
    kernel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=3x3", help="lora: kernel of layers whose file stores it flat; * stands for anything."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="PATH", help="Where it goes; default beside FILE.")] = None,
) -> None:
    """Take an adapter or factors elsewhere: to LoRA, PyTorch, lazylinop, pyfaust or fly, none of which need be installed.

    An adapter (LoRA, LoKr, LoHa) becomes the nearest LoRA of every layer, without the base model, in the layout it came in.
    Factors are what `kronmix factor` and `km.save` write; a line of Python says how the other library reads the result.

    Examples:

    - `kronmix convert lokr.safetensors --to lora --rank 16`

    - `kronmix convert adapter_folder --to lora --tolerance 1e-2`

    - `kronmix convert B.factors.npz --to pyfaust`
    """
    if to is Target.lora:
        _lora(file, out, rank=rank, tolerance=tolerance, kernel=kernel)
    elif (rank, tolerance, kernel) != (None, None, None):
        raise ValueError(f"--rank, --tolerance and --kernel go with --to lora, not with --to {to}")
    else:
        _factors(file, out, to)


def _factors(file: Path, out: Path | None, to: Target) -> None:
    from ..interop import read_factors, write_factors
    from ..interop.exports import LIBRARIES

    if file.suffix != ".npz":
        raise ValueError(f"{file}: --to {to} takes factors in a .npz file, as kronmix factor and km.save write them")
    op = read_factors(file)
    target = out if out is not None else file.with_suffix(f".{to}{LIBRARIES[to].suffix}")
    usage = write_factors(op, target, to)
    typer.echo(f"{op!r}")
    typer.echo(f"read it with: {usage}")
    typer.echo(str(target))


def _lora(file: Path, out: Path | None, *, rank: int | None, tolerance: float | None, kernel: list[str] | None) -> None:
    from ..interop import convert_adapter, read_adapter

    if (rank is None) == (tolerance is None):
        raise ValueError("--to lora needs either --rank, as 16, or --tolerance, as 1e-2")
    adapter = read_adapter(file, dict(map(_kernel, kernel or ())))
    target = out if out is not None else _beside(file, adapter)
    done = convert_adapter(adapter, target, rank=rank, tolerance=tolerance)
    show(_table(file, done))
    typer.echo(str(target))


def _beside(file: Path, adapter: Adapter) -> Path:
    if adapter.format == "kohya":
        return file.with_suffix(".lora.safetensors")
    folder = file if file.is_dir() else file.parent
    return folder.resolve().parent / f"{folder.resolve().name}-lora"


def _kernel(text: str) -> tuple[str, tuple[int, ...]]:
    name, equals, sizes = text.rpartition("=")
    parts = sizes.lower().split("x")
    if not equals or not name or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(f"--kernel {text}: expected a layer's name and its kernel, as conv_in=3x3")
    return name, tuple(map(int, parts))


def _table(file: Path, done: tuple[Conversion, ...]) -> Table:
    from math import hypot

    from ..report.words import count, scientific

    total = hypot(*(one.norm for one in done))
    error = hypot(*(one.lora.error for one in done)) / total if total > 0 else 0.0
    before = sum(one.layer.operator.n_parameters for one in done)
    after = sum(one.lora.A.size + one.lora.B.size for one in done)
    table = Table(
        title=(
            f"{file.name} as LoRA: {count(before)} numbers → {count(after)}\n"
            f"relative error over all layers {scientific(error)}; by Eckart–Young no LoRA of these ranks is nearer"
        ),
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    table.add_column("layer", overflow="fold")
    table.add_column("kind")
    for heading in ("weight", "rank", "error", "relative"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in done:
        shape = "×".join(map(str, one.layer.shape))
        values = (str(one.rank), scientific(one.lora.error), scientific(one.relative_error))
        table.add_row(one.layer.name, one.layer.kind, shape, *values)
    return table
