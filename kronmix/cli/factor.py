"""``kronmix factor``."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

import kronmix as km

from .answer import Answer
from .app import command
from .session import file_in, picture, progress, writing
from .tables import facts, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..decompose import Front


class StructureName(StrEnum):
    """What ``factor`` looks for."""

    kronecker = "kronecker"
    monarch = "monarch"
    butterfly = "butterfly"


@command
def factor(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A matrix: .npy, .npz (SciPy's sparse ones too), .csv, .mtx, .mat; or a model: .safetensors, "
            "the index.json of its shards, its folder.",
        ),
    ],
    structure: Annotated[
        StructureName | None, typer.Option(help="What to look for; without it, everything: which structure is it?")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="kronecker: sizes of the factors, as 8x8,4x4. monarch: p,k,q,s, as 8,8,8,8. butterfly: none."
        ),
    ] = None,
    rank: Annotated[int, typer.Option(min=1, help="Terms of the Kronecker sum; block rank of the Monarch.")] = 1,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="10%", help="Most numbers stored, as a count or a share: write the nearest structure's factors."
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            metavar="1e-3", help="Largest relative error: write the factors of the smallest structure that near."
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", "--layer", help="Which array, where the file holds several.")
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz", help="Inputs of the layer, (columns, samples): the error that counts is on them."
        ),
    ] = None,
    permute: Annotated[
        bool, typer.Option("--permute", help="Reorder rows and columns first; takes much longer.")
    ] = False,
    pad: Annotated[
        bool, typer.Option("--pad", help="Try sizes with more divisors too, cut back: for prime and awkward sizes.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes, for the layers of a model.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler on which the layers of a model are searched.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the results go; a name ending in .npz is the file of factors.")
    ] = Path("out/factor"),
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Where the picture goes instead.")] = None,
) -> Answer:
    """Find which structure a matrix has, and write the factors of the nearest one.

    Without --structure all structures, shapes and ranks are searched. Printed is the front, the smallest error for each number of
    numbers stored with a proved bound beside it, and which structure to use. A model's layers share one budget so that their
    total error is least; every layer's result is kept and never computed twice.

    Writes, named after FILE: `NAME.front.png`; with a budget, a tolerance or a structure `NAME.factors.npz`; of a model the folders
    `NAME.fronts` and `NAME.factors`.

    A Monarch of shape p,k,q,s is (p·q) × (k·s): q blocks of p×k times k blocks of q×s.

    Examples:

    - `kronmix factor weights.npy`: which structure is it?

    - `kronmix factor weights.npy --budget 10%`: the nearest with a tenth of the numbers

    - `kronmix factor weights.npy --inputs activations.npz`: near where the data are

    - `kronmix factor weights.npy --permute --pad`: rows and columns reordered, awkward sizes padded

    - `kronmix factor model.safetensors --layer blocks.0.mlp.weight --tolerance 1e-2`: one layer

    - `kronmix factor model.safetensors --budget 20% --jobs 2`: all layers

    - `kronmix factor B.npy --structure kronecker --shape 8x8,8x8`

    - `kronmix factor B.mtx --structure monarch --shape 8,8,8,8 --rank 2`

    - `kronmix factor B.csv --structure butterfly`
    """
    if structure is None:
        if shape is not None or rank != 1:
            raise ValueError("--shape and --rank need a --structure; without one all shapes and ranks are searched")
        if budget is not None and tolerance is not None:
            raise ValueError("give --budget or --tolerance, not both")
        if tolerance is not None and not tolerance >= 0:
            raise ValueError(f"--tolerance {tolerance}: expected a number, at least 0")
        wanted = {"budget": None if budget is None else _budget(budget), "tolerance": tolerance}
        if key is None and km.files.may_hold_layers(file):
            from .models import factor_model

            if inputs is not None or permute or pad:
                raise ValueError("--inputs, --permute and --pad take one layer: name it with --layer")
            return factor_model(file, wanted, jobs, scheduler, out)
        if jobs != 1 or scheduler is not None:
            raise ValueError("--jobs and --scheduler share out the layers of a model: this is one matrix")
        if inputs is not None and (permute or pad):
            raise ValueError(
                "give --inputs, or --permute and --pad: structures reordered or padded are not fitted to data"
            )
        data = None if inputs is None else km.files.read_matrix(inputs)
        return _answer_of_search(file, key, {**wanted, "inputs": data, "permute": permute, "pad": pad}, out, plot)
    if budget is not None or tolerance is not None or inputs is not None or permute or pad:
        raise ValueError(
            f"--structure {structure} takes --shape and --rank, not --budget, --tolerance, --inputs, --permute or --pad"
        )
    return _answer_of_structure(file, structure, shape, rank, key, out)


def _budget(text: str) -> float:
    """A count, a share below 1, or a percentage."""
    try:
        value = float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError(f"--budget {text}: expected a number of numbers, as 5000, or a share, as 10%") from None
    if not value > 0 or not isfinite(value) or (text.endswith("%") and value >= 1):
        raise ValueError(f"--budget {text}: expected a positive number of numbers, or a share below 100%")
    return value


def _answer_of_search(file: Path, key: str | None, wanted: dict[str, Any], out: Path, plot: Path | None) -> Answer:
    """Search all structures and draw the front; with a budget or tolerance, save the chosen row's factors."""
    from ..decompose import DataFactorization, search
    from .pictures import png

    target = _target(file, out)
    drawn = target.with_name(f"{km.files.stem(file)}.front.png") if plot is None else picture(plot)
    files = (drawn, target) if wanted["budget"] is not None or wanted["tolerance"] is not None else (drawn,)
    with writing(*files):
        B = _matrix(file, key)
        with progress("structure") as advance:
            found = search(B, progress=lambda name, done: advance(done, None, name), **wanted)
        if found.interrupted and not found.front:
            raise KeyboardInterrupt
        row = found.choose()
        km.files.write_file(drawn, png(lambda: _picture(found)))
        told: tuple[str, ...] = ()
        if target in files:
            from ..storage import save

            nearest = found.fit(row)
            save(nearest.operator, target)
            both = (nearest.told,) if isinstance(nearest, DataFactorization) else ()
            told = (*both, f"{target.name}: read it with kronmix.load")
    counted = "error" if wanted["inputs"] is None else "error on the data"
    return Answer(
        _front_record(found, file),
        (_front_table(found, file.name, counted), found.answer(), *told),
        files,
        130 if found.interrupted else 0,
        "interrupted: the front is of what was searched so far" if found.interrupted else "",
    )


def _matrix(file: Path, key: str | None) -> Any:
    """The file's matrix; of a model one layer, a convolution as (out) × (in·kh·kw)."""
    if key is None or not km.files.may_hold_layers(file):
        return km.files.read_matrix(file, key)
    layers = km.files.layer_matrices(km.files.read_arrays(file))
    if key not in layers:
        raise ValueError(f"{file}: no layer {key!r}, it holds {', '.join(sorted(layers)) or 'none'}")
    return layers[key]()


def _target(file: Path, out: Path) -> Path:
    """The .npz file to write: --out itself if it has that suffix, else a file in that folder."""
    target = file_in(out, f"{km.files.stem(file)}.factors.npz")
    if target.suffix != ".npz":
        raise ValueError(f"--out {target}: expected a folder, or a name ending in .npz")
    return target


def _front_record(found: Front, file: Path) -> dict[str, Any]:
    rows = [
        {**asdict(row), "structure": str(row), "baseline": baseline}
        for row, baseline in zip(found.front, found.baseline, strict=True)
    ]
    chosen = found.front.index(found.choose())
    record = {"kind": "search", "file": file, "shape": found.shape, "front": rows, "chosen": chosen}
    return {**record, "answer": found.answer(), "interrupted": found.interrupted}


def _picture(found: Front) -> Figure:
    from ..plotting.style import new_figure

    figure = new_figure((6.4, 4.0))
    found.plot(figure.subplots())
    return figure


def _front_table(found: Front, name: str, counted: str) -> Table:
    rows, columns = found.shape
    title = f"{name}, {rows}×{columns}: {counted} against numbers stored (sparse: as many of the largest entries)"
    made = table(title, ("structure",), ("numbers", "share", "error", "proved", "sparse"))
    for line in found.lines():
        made.add_row(*line.cells, style="bold" if line.chosen else None)
    return made


def _answer_of_structure(
    file: Path, structure: StructureName, shape: str | None, rank: int, key: str | None, out: Path
) -> Answer:
    """Factor the matrix into one structure and save the factors."""
    import numpy as np

    from ..report.words import count, number, scientific

    target = _target(file, out)
    with writing(target):
        B = _matrix(file, key)
        found = _FACTOR[structure](B, shape, rank)
        factors = found.operator.factors
        stream = io.BytesIO()
        np.savez_compressed(stream, **{f"factor_{i}": array for i, array in enumerate(factors)})
        km.files.write_file(target, stream.getvalue())
    shapes = [array.shape for array in factors]
    record = {
        "kind": "nearest",
        "file": file,
        "shape": B.shape,
        "structure": structure,
        "operator": repr(found.operator),
        "factors": shapes,
        "parameters": found.operator.n_parameters,
        "error": found.error,
        "relative_error": found.relative_error,
    }
    told = facts(
        f"{structure} factors of {file.name}",
        {
            "operator": repr(found.operator),
            "factors": ", ".join("×".join(map(str, sizes)) for sizes in shapes),
            "parameters, of entries": f"{count(found.operator.n_parameters)} of {count(B.size)}",
            "error (Frobenius)": number(float(found.error)),
            "relative error": scientific(float(found.relative_error)),
        },
    )
    return Answer(record, (told,), (target,))


def _factor_kronecker(B: Any, shape: str | None, rank: int) -> Any:
    from ..decompose import nearest_kronecker

    needs = "a Kronecker product needs the sizes of its two factors, as 8x8,4x4"
    pairs = [
        _integers(part.lower().replace("×", "x").split("x"), 2, shape, needs)
        for part in _required(shape, needs).split(",")
    ]
    if len(pairs) < 2:
        raise ValueError(f"--shape {shape}: {needs}")
    return nearest_kronecker(B, tuple((rows, columns) for rows, columns in pairs), rank=rank)


def _factor_monarch(B: Any, shape: str | None, rank: int) -> Any:
    from ..decompose import nearest_monarch

    needs = "a Monarch matrix needs four sizes p,k,q,s, as 8,8,8,8"
    p, k, q, s = _integers(_required(shape, needs).split(","), 4, shape, needs)
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


def _required(shape: str | None, needs: str) -> str:
    """The value of --shape, which this structure needs."""
    if shape is None:
        raise ValueError(f"--shape is missing: {needs}")
    return shape


def _integers(parts: list[str], expected: int, shape: str | None, needs: str) -> list[int]:
    """Exactly this many positive integers from the parts of --shape."""
    if len(parts) != expected or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(f"--shape {shape}: {needs}")
    return [int(part) for part in parts]
