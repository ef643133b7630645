"""What ``kronmix path`` works on and leaves: problems from data, structures by name, files and a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from .. import files

if TYPE_CHECKING:
    from ..operators import StructuredOperator
    from ..regularization import Path as RegularizationPath

#: Standard deviation of the noise on the digits, and images to train on.
_NOISE, _TRAIN = 0.5, 300


def read_problem(data: Path | None, structure: str, raw: bool, seed: int) -> tuple[Any, str]:
    from ..regularization import Regression

    if data is None:
        if structure in ("hadamard", "dense"):
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


#: The operators that the command knows, all of one value; `regularization_path` starts them.
STRUCTURES: dict[str, Callable[[tuple[int, int], str | None, int], StructuredOperator]] = {
    "hadamard": _hadamard,
    "dense": _dense,
    "product": _product,
    "kronecker": _kronecker,
    "sum": _sum,
    "monarch": _monarch,
    "mixer": _mixer,
}


# ---- results ---------------------------------------------------------------------------------------------------------


def save_path(found: RegularizationPath, stage: Path, op: StructuredOperator, film: bool) -> None:
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


def table_of(found: RegularizationPath, title: str, problem: Any) -> Table:
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
