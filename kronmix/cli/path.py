"""``kronmix path``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import kronmix as km

from ..progress import progress
from .app import command, show


class Kind(StrEnum):
    """What a path runs along."""

    decay = "decay"
    scale = "scale"
    time = "time"
    rank = "rank"


class StructureName(StrEnum):
    """How the weight is parametrised."""

    hadamard = "hadamard"
    dense = "dense"
    product = "product"
    kronecker = "kronecker"
    sum = "sum"
    monarch = "monarch"
    mixer = "mixer"


@command
def path(
    structure: Annotated[
        StructureName,
        typer.Option(
            help="hadamard (u∘v), dense, product (P Q), kronecker (a tied Mixer layer), sum (of Kroneckers), monarch, "
            "mixer (two blocks)."
        ),
    ] = StructureName.hadamard,
    kind: Annotated[
        Kind,
        typer.Option(
            help="decay: weight decay λ. scale: initial scale α. time: early stopping, or λ = log(1/α)/t of the time average. "
            "rank: inner size."
        ),
    ] = Kind.decay,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Your data: .csv whose last column is y, or .npz with X (samples × features) and y or Y (samples × outputs).",
        ),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="kronecker, sum, mixer: sizes of the two factors, as 8x8,8x8. monarch: p,k,q,s, as 8,8,8,8."),
    ] = None,
    inner: Annotated[int, typer.Option(min=1, help="Inner size of a product, terms of a sum, block rank.")] = 1,
    parameters: Annotated[
        str | None, typer.Option(help="Points of the path, as 1,0.3,0.1; default: a grid that suits the data.")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Initial scale α of a time path. [default: 1e-24; 1e-50 for hadamard]")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Use your data as it is; by default features and outputs are standardised.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of random starts, and of the noise on the digits.")] = 0,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the results go.")] = Path("out/path"),
    film: Annotated[
        bool, typer.Option("--film", help="Write the weight along the path as a page with a slider.")
    ] = False,
) -> None:
    """Trace what training the factors regularises, beside the convex path it should follow.

    Writes `path.npz` (parameter, weights, reference, distance) and `path.png`. Without `--data`, vectors (hadamard, dense with
    one output) are fitted to scikit-learn's diabetes (442 × 10) and matrices to its digits, to be restored from noisy ones.

    Examples:

    - `kronmix path`: weight decay on u∘v is the lasso, on diabetes

    - `kronmix path --kind time --alpha 1e-50`: time averages of u∘v approach the lasso

    - `kronmix path --structure monarch --kind decay`: group sparsity in the restoration of digits

    - `kronmix path --data mine.csv --structure hadamard --kind scale`
    """
    from ..regularization import regularization_path
    from .tracing import STRUCTURES, read_problem, save_path, table_of

    problem, source = read_problem(data, structure, raw, seed)
    op = STRUCTURES[structure](problem.shape, shape, inner)
    options: dict[str, Any] = {"seed": seed}
    if alpha is not None:
        if kind is not Kind.time:
            raise ValueError(f"--alpha goes with --kind time, not {kind}")
        options["scale"] = alpha
    points = None if parameters is None else _numbers(parameters)
    with km.files.staged_folder(out) as stage:
        with progress("tracing") as advance:
            found = regularization_path(problem, op, kind.value, points, progress=advance, **options)
        save_path(found, stage, op, film)
    title = f"{found.name}, {source}"
    show(table_of(found, title, problem))
    typer.echo(str(out / "path.png"))


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--parameters {text}: expected numbers, as 1,0.3,0.1") from None
