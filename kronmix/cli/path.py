"""``kronmix path``."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from .. import files
from .app import command, show

if TYPE_CHECKING:
    from ..operators import StructuredOperator
    from ..regularization import Path as RegularizationPath

#: Standard deviation of the noise on the digits, and images to train on.
_NOISE, _TRAIN = 0.5, 300


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

    problem, source = _problem(data, structure, raw, seed)
    op = _STRUCTURES[structure](problem.shape, shape, inner)
    options: dict[str, Any] = {"seed": seed}
    if alpha is not None:
        if kind is not Kind.time:
            raise ValueError(f"--alpha goes with --kind time, not {kind}")
        options["scale"] = alpha
    points = None if parameters is None else _numbers(parameters)
    with files.staged_folder(out) as stage:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("tracing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            job = bar.add_task("tracing", total=None)
            found = regularization_path(
                problem,
                op,
                kind.value,
                points,
                progress=lambda done, total: bar.update(job, completed=done, total=total),
                **options,
            )
        _save(found, stage, op, film)
    title = f"{found.name}, {source}"
    show(_table(found, title, problem))
    typer.echo(str(out / "path.png"))


def _problem(data: Path | None, structure: StructureName, raw: bool, seed: int) -> tuple[Any, str]:
    from ..regularization import Regression

    if data is None:
        if structure in (StructureName.hadamard, StructureName.dense):
            from sklearn.datasets import load_diabetes

            X, Y = load_diabetes(return_X_y=True)
            source = "scikit-learn's diabetes, 442 × 10"
        else:
            return _digits(seed), "restoring scikit-learn's digits"
    else:
        X, Y = _read(data)
        source = data.name
    X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float).reshape(len(X), -1)
    if not raw:
        X, Y = _standardised(X, "feature"), _standardised(Y, "output")
    return Regression(X.T, Y.T), source


def _digits(seed: int) -> Any:
    from .. import datasets
    from ..regularization import Regression
    from ..regularization.restoration import denoising_task

    task = denoising_task(datasets.digits()[0], _NOISE, _TRAIN, np.random.default_rng(seed))
    return Regression(task.noisy, task.clean)


def _read(file: Path) -> tuple[Any, Any]:
    if file.suffix == ".csv":
        table = files.read_matrix(file)
        if table.shape[1] < 2:
            raise ValueError(f"{file}: {table.shape[1]} columns: expected features and, last, y")
        return table[:, :-1], table[:, -1]
    arrays = files.read_arrays(file)
    X = files.take(arrays, "X", file, real=True)
    Y = files.take(arrays, "Y" if "Y" in arrays else "y", file, ndim=(1, 2), real=True)
    if len(X) != len(Y):
        raise ValueError(
            f"{file}: X has shape {X.shape} and y {Y.shape}: expected (samples, features) and (samples,) or more"
        )
    return X, Y


def _standardised(values: Any, what: str) -> Any:
    spread = values.std(axis=0)
    if (spread == 0).any():
        raise ValueError(f"{what} {int(np.flatnonzero(spread == 0)[0])} is constant: leave it out")
    return (values - values.mean(axis=0)) / spread


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--parameters {text}: expected numbers, as 1,0.3,0.1") from None


# ---- structures ------------------------------------------------------------------------------------------------------


def _pair(shape: str | None, whole: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Sizes of two Kronecker factors; default the square roots."""
    needs = f"the sizes of two factors that multiply to {whole[0]}×{whole[1]}, as 8x8,8x8"
    if shape is None:
        m, n = (round(size**0.5) for size in whole)
        if (m * m, n * n) != whole:
            raise ValueError(f"--shape is missing: expected {needs}")
        return (m, n), (m, n)
    try:
        (a, b), (c, d) = (tuple(map(int, part.lower().split("x"))) for part in shape.split(","))
    except ValueError:
        raise ValueError(f"--shape {shape}: expected {needs}") from None
    if (a * c, b * d) != whole:
        raise ValueError(f"--shape {shape}: expected {needs}")
    return (a, b), (c, d)


def _kronecker(whole: tuple[int, int], shape: str | None, inner: int) -> StructuredOperator:
    from ..operators import Kronecker

    return Kronecker(*(np.ones(size) for size in _pair(shape, whole)))


def _sum(whole: tuple[int, int], shape: str | None, inner: int) -> StructuredOperator:
    from ..operators import SumOfKroneckers

    left, right = _pair(shape, whole)
    return SumOfKroneckers([(np.ones(left), np.ones(right))] * inner)


def _mixer(whole: tuple[int, int], shape: str | None, inner: int) -> StructuredOperator:
    from ..mixer import LinearMixer

    (C2, C), (S2, S) = _pair(shape, whole)
    return LinearMixer([np.ones((S2, S)), np.ones((S2, S2))], [np.ones((C, C2)), np.ones((C2, C2))])


def _monarch(whole: tuple[int, int], shape: str | None, inner: int) -> StructuredOperator:
    from ..operators import Monarch

    needs = f"p,k,q,s with p·q = {whole[0]} and k·s = {whole[1]}, as 8,8,8,8"
    if shape is None:
        (p, k), (q, s) = _pair(None, whole)
    else:
        try:
            p, k, q, s = map(int, shape.split(","))
        except ValueError:
            raise ValueError(f"--shape {shape}: expected {needs}") from None
    if (p * q, k * s) != whole:
        raise ValueError(f"--shape {shape}: expected {needs}")
    return Monarch(np.ones((q, p, k * inner)), np.ones((k, inner * q, s)), rank=inner)


def _product(whole: tuple[int, int], shape: str | None, inner: int) -> StructuredOperator:
    from ..operators import Chain, Dense

    size = min(whole) if inner == 1 else inner
    return Chain(Dense(np.ones((whole[0], size))), Dense(np.ones((size, whole[1]))))


def _dense(whole: tuple[int, int], shape: str | None, inner: int) -> StructuredOperator:
    from ..operators import Dense

    return Dense(np.zeros(whole))


def _hadamard(whole: tuple[int, int], shape: str | None, inner: int) -> StructuredOperator:
    from ..operators import Hadamard

    return Hadamard(np.ones(whole), np.ones(whole))


_STRUCTURES: dict[StructureName, Callable[[tuple[int, int], str | None, int], StructuredOperator]] = {
    StructureName.hadamard: _hadamard,
    StructureName.dense: _dense,
    StructureName.product: _product,
    StructureName.kronecker: _kronecker,
    StructureName.sum: _sum,
    StructureName.monarch: _monarch,
    StructureName.mixer: _mixer,
}


# ---- results ---------------------------------------------------------------------------------------------------------


def _save(found: RegularizationPath, stage: Path, op: StructuredOperator, film: bool) -> None:
    from matplotlib.figure import Figure

    from ..plotting import house_style, save_animation
    from ..report.paths import draw_path

    arrays: dict[str, Any] = {"parameter": found.parameter, "weights": found.weights}
    if found.reference is not None:
        arrays |= {"reference": found.reference, "distance": found.distance}
    np.savez_compressed(stage / "path.npz", **arrays)
    with house_style():
        figure = Figure(figsize=(10.5, 3.8), layout="constrained", facecolor="white")
        draw_path(found, op, figure.subplots(1, 2))
        figure.savefig(stage / "path.png", dpi=110, facecolor="white")
    if film:
        labels = [f"{value:.3g}" for value in found.parameter]
        save_animation(found.weights, stage / "path.html", labels, found.name)


def _table(found: RegularizationPath, title: str, problem: Any) -> Table:
    from ..operators import Dense
    from ..regularization import loss
    from ..report.words import number, scientific

    table = Table(title=title, title_justify="left")
    headings = ["parameter", "loss", "norm", "entries not 0"]
    if found.distance is not None:
        headings.append("distance to the reference")
    for heading in headings:
        table.add_column(heading, justify="right")
    largest = np.abs(found.weights).max()
    for i, (parameter, B) in enumerate(zip(found.parameter, found.weights, strict=True)):
        cells = [f"{parameter:.4g}", number(loss(problem, Dense(B))), number(float(np.linalg.norm(B)))]
        cells.append(str(int(np.count_nonzero(np.abs(B) > 1e-6 * largest))))
        if found.distance is not None:
            cells.append(scientific(float(found.distance[i])))
        table.add_row(*cells)
    return table
