"""``kronmix convert``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

import kronmix as km

from .answer import Answer
from .app import command
from .session import file_in, writing
from .tables import table

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
        Path,
        typer.Argument(
            metavar="FILE",
            help="An adapter (.safetensors, the index.json of its shards, PEFT's folder), or factors (.npz).",
        ),
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
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where it goes; a name with the ending of the result is a file.")
    ] = Path("out/convert"),
) -> Answer:
    """Take an adapter or factors elsewhere: to LoRA, PyTorch, lazylinop, pyfaust or fly, none of which need be installed.

    An adapter (LoRA, LoKr, LoHa) becomes the nearest LoRA of every layer, without the base model, in the layout it came in.
    Factors are what `kronmix factor` and `km.save` write; a line of Python says how the other library reads the result.

    Examples:

    - `kronmix convert lokr.safetensors --to lora --rank 16`

    - `kronmix convert adapter_folder --to lora --tolerance 1e-2`

    - `kronmix convert out/factor/B.factors.npz --to pyfaust`
    """
    if to is Target.lora:
        return _convert_to_lora(file, out, rank=rank, tolerance=tolerance, kernel=kernel)
    if (rank, tolerance, kernel) != (None, None, None):
        raise ValueError(f"--rank, --tolerance and --kernel go with --to lora, not with --to {to}")
    return _convert_factors(file, out, to)


def _convert_factors(file: Path, out: Path, to: Target) -> Answer:
    from ..interop import read_factors, write_factors
    from ..interop.exports import LIBRARIES

    if file.suffix != ".npz":
        raise ValueError(f"{file}: --to {to} takes factors in a .npz file, as kronmix factor and km.save write them")
    op = read_factors(file)
    target = file_in(out, f"{km.files.stem(file)}.{to}{LIBRARIES[to].suffix}")
    with writing(target):
        usage = write_factors(op, target, to, f"km.interop.read_factors({str(file)!r})")
    record = {"kind": "factors", "to": to, "operator": repr(op), "shape": op.shape, "read_with": usage}
    return Answer(record, (f"{op!r}", f"read it with: {usage}"), (target,))


def _convert_to_lora(
    file: Path, out: Path, *, rank: int | None, tolerance: float | None, kernel: list[str] | None
) -> Answer:
    from ..interop import convert_adapter, read_adapter

    if (rank is None) == (tolerance is None):
        raise ValueError("--to lora needs either --rank, as 16, or --tolerance, as 1e-2")
    adapter = read_adapter(file, dict(map(_parse_kernel, kernel or ())))
    target = _lora_target(file, out, adapter)
    with writing(target):
        done = convert_adapter(adapter, target, rank=rank, tolerance=tolerance)
    layers = [
        {
            "name": one.layer.name,
            "kind": one.layer.kind,
            "shape": one.layer.shape,
            "rank": one.rank,
            "norm": one.norm,
            "error": one.lora.error,
            "relative_error": one.relative_error,
        }
        for one in done
    ]
    return Answer({"kind": "lora", "to": "lora", "layers": layers}, (_table(file, done),), (target,))


def _lora_target(file: Path, out: Path, adapter: Adapter) -> Path:
    """A file for kohya's layout, for PEFT's a folder."""
    if adapter.format == "kohya":
        return file_in(out, f"{km.files.stem(file)}.lora.safetensors")
    folder = file if file.is_dir() else file.parent
    return out / f"{folder.resolve().name}-lora"


def _parse_kernel(text: str) -> tuple[str, tuple[int, ...]]:
    """'conv_in=3x3' as ('conv_in', (3, 3))."""
    name, equals, sizes = text.rpartition("=")
    parts = sizes.lower().replace("×", "x").split("x")
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
    title = (
        f"{file.name} as LoRA: {count(before)} numbers → {count(after)}\n"
        f"relative error over all layers {scientific(error)}; by Eckart–Young no LoRA of these ranks is nearer"
    )
    made = table(title, ("layer", "kind"), ("weight", "rank", "error", "relative"))
    for one in done:
        shape = "×".join(map(str, one.layer.shape))
        values = (str(one.rank), scientific(one.lora.error), scientific(one.relative_error))
        made.add_row(one.layer.name, one.layer.kind, shape, *values)
    return made
