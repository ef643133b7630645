"""``kronmix path``."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import kronmix as km

from .answer import Answer
from .app import command
from .session import claim, progress


class StructureName(StrEnum):
    """How the weight is parametrised."""

    hadamard = "hadamard"
    dense = "dense"
    product = "product"
    kronecker = "kronecker"
    sum = "sum"
    monarch = "monarch"
    tied_monarch = "tied-monarch"
    mixer = "mixer"
    rp_mixer = "rp-mixer"


class KindName(StrEnum):
    """What a path runs along."""

    decay = "decay"
    scale = "scale"
    time = "time"
    rank = "rank"


@command
def path(
    structure: Annotated[
        StructureName,
        typer.Option(
            help="hadamard (u∘v), dense, product (P Q), kronecker (a tied Mixer layer), sum (of Kroneckers), monarch, "
            "tied-monarch, mixer (two blocks), rp-mixer (a Kronecker product between random permutations)."
        ),
    ] = StructureName.hadamard,
    kind: Annotated[
        KindName,
        typer.Option(
            help="decay: weight decay λ. scale: initial scale α. time: early stopping, or λ = log(1/α)/t of the time average. "
            "rank: inner size."
        ),
    ] = KindName.decay,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Your data: .csv, .tsv or .txt (with or without a header; comma, semicolon, tab or blanks) whose last column is "
            "y, or .npz with X (samples × features) and y or Y (samples × outputs).",
        ),
    ] = None,
    outputs: Annotated[
        str | None, typer.Option(help="Columns of a table to predict, by name or number, as y1,y2. [default: the last]")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="kronecker, sum, mixer: sizes of the two factors, as 8x8,8x8. monarch: p,k,q,s, as 8,8,8,8."),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Inner size of a product, terms of a sum, block rank. [default: of a product the least side, else 1]",
        ),
    ] = None,
    depth: Annotated[int | None, typer.Option(min=2, help="hadamard, product: number of factors. [default: 2]")] = None,
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
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with an interrupted path of the same data and options in the folder."),
    ] = False,
    film: Annotated[
        bool, typer.Option("--film", help="Write the weight along the path as a page with a slider.")
    ] = False,
) -> Answer:
    """Trace what training the factors regularises, beside the convex path it should follow.

    Writes `path.npz` (weights, coefficients in the units of your data, reference, bounds, and what they are of) and `path.png`.
    Ctrl-C keeps the points that are done, marks the results as interrupted, and exits with 130. Without `--data`, vectors
    (hadamard, dense with one output) are fitted to scikit-learn's diabetes (442 × 10) and matrices to its digits, to be restored
    from noisy ones.

    Examples:

    - `kronmix path`: weight decay on u∘v is the lasso, on diabetes

    - `kronmix path --kind time --alpha 1e-50`: time averages of u∘v approach the lasso

    - `kronmix path --structure monarch --kind decay`: whole slices vanish in the restoration of digits

    - `kronmix path --data mine.csv --structure hadamard --kind scale`
    """
    from ..regularization import regularization_path
    from ..regularization.stored_paths import interrupted_path
    from .path_data import read_problem
    from .path_results import NAMES, coefficients, points_of, record, save, table_of
    from .path_structures import structure_of

    files = tuple(out / name for name in NAMES if film or name != "path.html")
    if not resume:
        claim(*files)
    problem, scaling, source = read_problem(data, structure, outputs, raw, seed)
    op = structure_of(structure, problem.shape, shape=shape, rank=rank, depth=depth)
    chosen = _path_kind(kind, alpha, seed)
    points = None if parameters is None else _parse_numbers(parameters)
    start = interrupted_path(out / "path.npz", problem, op, chosen) if resume else None
    if resume and start is None:
        raise ValueError(f"{out}: no path to go on with; leave --resume out")
    with km.files.staged_folder(out) as stage:
        with progress("tracing") as advance:
            found = regularization_path(problem, op, chosen, points, progress=advance, start=start)
        found = replace(found, scaling=scaling)
        stopped = " (interrupted)" if found.reason == "interrupted" else ""
        title = f"{found.name}, {source}{stopped}"
        save(found, stage, op, title, film)
    told, named = points_of(found, problem), coefficients(found)
    shown = (table_of(found, told, title), *((named,) if named is not None else ()), *filter(None, (found.remark,)))
    return Answer(
        record(found, told, source),
        shown,
        files,
        130 if stopped else 0,
        f"interrupted: {len(found.parameter)} points were done; --resume goes on" if stopped else "",
    )


def _path_kind(kind: KindName, alpha: float | None, seed: int) -> Any:
    from ..regularization import Decay, Rank, Scale, Time

    if kind is KindName.time:
        return Time(scale=alpha, seed=seed)
    if alpha is not None:
        raise ValueError(f"--alpha goes with --kind time, not {kind}")
    return {KindName.decay: Decay, KindName.scale: Scale, KindName.rank: Rank}[kind](seed=seed)


def _parse_numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--parameters {text}: expected numbers, as 1,0.3,0.1") from None
