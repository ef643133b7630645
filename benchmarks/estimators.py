"""Errors of the estimators beside those of scikit-learn and TensorLy, on real data and on planted truth: ``make bench-estimators``.

Every model chooses its penalty, and its rank where it has one, by three-fold cross-validation on the samples it is given. The same
samples go to all models. A draw is a training set that shares no sample with those of other draws, judged on samples held out
from all of them; or, where samples are few, a fold of cross-validation.
"""

from __future__ import annotations

import argparse
import json
import platform
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import Lasso, LassoCV, LogisticRegression, MultiTaskLasso, RidgeClassifierCV, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold
from tensorly.regression import CP_PLSR, CPRegressor, TuckerRegressor

import kronmix as km
from kronmix import estimators
from kronmix.files import write_file

Array = Any
#: Training samples and targets, test samples and targets.
Draw = tuple[Array, Array, Array, Array]
FOLDS = 3
RANKS = (1, 3)


# ---- models ----------------------------------------------------------------------------------------------------------


class Tensors(RegressorMixin, BaseEstimator):
    """A regressor of TensorLy's on rows of tables: samples and targets are centred and given their shapes.

    Outputs in a row that have no spread are left to their means: CP_PLSR would divide by it.
    """

    def __init__(self, make: Any, shape: Any = (), outputs: Any = (), rank: int = 1, penalty: float = 1.0) -> None:
        self.make, self.shape, self.outputs, self.rank, self.penalty = make, shape, outputs, rank, penalty

    def fit(self, X: Array, y: Array) -> Tensors:
        """Fit the weight."""
        self.means_ = X.mean(axis=0), y.mean(axis=0)
        self.model_ = self.make(self.rank, self.penalty)
        targets = y - self.means_[1]
        self.free_ = np.full(np.shape(self.means_[1]), True)
        if self.outputs == (-1,):
            self.free_ = np.ptp(y, axis=0) > 0
            targets = targets[:, self.free_]
        self.model_.fit(self._shaped(X), targets.reshape(len(y), *self.outputs))
        return self

    def predict(self, X: Array) -> Array:
        """Predict the outputs as rows."""
        found = np.zeros((len(X), *self.free_.shape))
        found[:, self.free_] = np.asarray(self.model_.predict(self._shaped(X))).reshape(
            len(X), *found[0, self.free_].shape
        )
        return found + self.means_[1]

    def _shaped(self, X: Array) -> Array:
        return (X - self.means_[0]).reshape(len(X), *self.shape)

    @property
    def n_parameters(self) -> int:
        """Numbers that a prediction needs."""
        if isinstance(self.model_, CP_PLSR):
            parts = [*self.model_.X_factors[1:], self.model_.Y_factors[1], self.model_.coef_]
        elif isinstance(self.model_, TuckerRegressor):
            parts = [self.model_.tucker_weight_[0], *self.model_.tucker_weight_[1]]
        else:
            parts = self.model_.cp_weight_[1]
        return sum(np.size(part) for part in parts)


class LargestOutput(ClassifierMixin, BaseEstimator):
    """A regressor on ±1 for each class; the largest output is the label."""

    def __init__(self, regressor: Any) -> None:
        self.regressor = regressor

    def fit(self, X: Array, y: Array) -> LargestOutput:
        """Fit the regressor."""
        self.classes_ = np.unique(y)
        self.model_ = self.regressor.fit(X, np.where(y[:, None] == self.classes_, 1.0, -1.0))
        return self

    def predict(self, X: Array) -> Array:
        """Predict labels."""
        return self.classes_[self.model_.predict(X).argmax(axis=1)]


class BestRank(RegressorMixin, BaseEstimator):
    """Of estimators that choose α by cross-validation, one for each rank, the one of least validation loss."""

    def __init__(self, make: Any, ranks: Any = RANKS) -> None:
        self.make, self.ranks = make, ranks

    def fit(self, X: Array, y: Array) -> BestRank:
        """Fit them all, keep the best."""
        slope = np.linalg.norm((X - X.mean(axis=0)).T @ (y - y.mean(axis=0))) / len(X)
        alphas = slope * np.geomspace(0.5, 3e-3, 8)
        tried = [self.make(rank).set_params(alphas=alphas).fit(X, y) for rank in self.ranks]
        self.model_ = min(tried, key=lambda model: model.validation_loss_.mean(axis=1).min())
        return self

    def predict(self, X: Array) -> Array:
        """Predict the outputs."""
        return self.model_.predict(X)


def folds() -> KFold:
    """The same for every model: three folds of shuffled samples."""
    return KFold(FOLDS, shuffle=True, random_state=0)


def chosen(model: Any, **grid: Any) -> GridSearchCV:
    """The model with its options chosen by cross-validation; where one cannot be fitted, none is."""
    return GridSearchCV(model, grid, cv=folds(), error_score="raise")


def cp(rank: int, penalty: float) -> CPRegressor:
    """TensorLy's regressor with a weight of this CP rank."""
    return CPRegressor(rank, reg_W=penalty, tol=1e-6, n_iter_max=100, random_state=0, verbose=0)


def tucker(rank: int, penalty: float) -> TuckerRegressor:
    """TensorLy's regressor with a matrix of this rank for a weight, in Tucker's form."""
    return TuckerRegressor([rank, rank], reg_W=penalty, tol=1e-6, n_iter_max=100, random_state=0, verbose=0)


def plsr(rank: int, penalty: float) -> CP_PLSR:
    """TensorLy's partial least squares; it has no penalty."""
    return CP_PLSR(rank)


def tensors(make: Any, shape: Any, outputs: Any, ranks: Any = RANKS, penalties: Any = (1e-1, 1e1, 1e3)) -> GridSearchCV:
    """A regressor of TensorLy's, its rank and penalty chosen."""
    return chosen(Tensors(make, shape, outputs), rank=list(ranks), penalty=list(penalties))


def kroneckers(shapes: Any, ranks: Any = RANKS) -> BestRank:
    """Ours: a sum of Kronecker products."""
    options: dict[str, Any] = {"shapes": shapes, "restarts": 0, "tol": 1e-4, "cv": folds()}
    return BestRank(lambda rank: estimators.KroneckerRegressionCV(rank=rank, **options), ranks)


def monarchs(sizes: Any) -> BestRank:
    """Ours: a Monarch matrix."""
    options: dict[str, Any] = {"sizes": sizes, "restarts": 0, "tol": 1e-4, "cv": folds()}
    return BestRank(lambda rank: estimators.MonarchRegressionCV(rank=rank, **options), (1, 2))


def low_rank() -> BestRank:
    """Ours: low rank by weight decay on two factors, which chooses the rank."""
    return BestRank(lambda _: estimators.LowRankRegressionCV(tol=1e-5, cv=folds()), (0,))


def several_outputs(
    shape: Any, outputs: Any, sizes: Any, scale: float, ranks: Any = (1, 3, 6)
) -> dict[str, Callable[[], Any]]:
    """Models for several outputs; ``scale`` is the size of an entry of X, ``ranks`` those of TensorLy's regressor."""
    ridge, lasso = scale**2 * np.geomspace(1e-1, 1e5, 19), scale**2 * np.geomspace(1e-3, 1, 7)
    pairs = tuple(zip(outputs, shape, strict=True))
    return {
        "scikit-learn: Ridge": lambda: RidgeCV(ridge),
        "scikit-learn: Lasso": lambda: chosen(Lasso(max_iter=2000, tol=1e-3), alpha=lasso),
        "scikit-learn: MultiTaskLasso": lambda: chosen(MultiTaskLasso(max_iter=2000, tol=1e-3), alpha=lasso),
        "TensorLy: CPRegressor": lambda: tensors(cp, shape, outputs, ranks, scale**2 * np.array([1e-1, 1e1])),
        "TensorLy: CP_PLSR": lambda: tensors(plsr, shape, (-1,), ranks=(2, 5, 10, 20), penalties=[0.0]),
        "kronmix: Kronecker": lambda: kroneckers(pairs),
        "kronmix: Monarch": lambda: monarchs(sizes),
        "kronmix: LowRank": low_rank,
    }


def classifiers() -> dict[str, Callable[[], Any]]:
    """Models for ten classes from 8×8 images of pixels up to 16."""
    α = np.geomspace(3e-3, 1e-1, 4)
    square = ((2, 8), (5, 8))
    return {
        "scikit-learn: RidgeClassifier": lambda: RidgeClassifierCV(np.geomspace(1, 1e6, 19)),
        "scikit-learn: LogisticRegression": lambda: chosen(
            LogisticRegression(max_iter=2000), C=np.geomspace(1e-4, 1e-1, 7)
        ),
        "TensorLy: CPRegressor": lambda: LargestOutput(
            tensors(cp, (8, 8), (10,), ranks=(5, 10, 20), penalties=(1e-1, 1e1, 1e3))
        ),
        "TensorLy: CP_PLSR": lambda: LargestOutput(tensors(plsr, (8, 8), (-1,), ranks=(5, 10, 20), penalties=[0.0])),
        "kronmix: Kronecker": lambda: chosen(
            estimators.KroneckerClassifier(shapes=square, restarts=0, tol=1e-5), alpha=α, rank=[1, 3]
        ),
        "kronmix: Monarch": lambda: chosen(
            estimators.MonarchClassifier(sizes=(2, 8, 5, 8), restarts=0, tol=1e-5), alpha=α
        ),
        "kronmix: LowRank": lambda: chosen(estimators.LowRankClassifier(tol=1e-5), alpha=α),
    }


def quadratic(features: int) -> dict[str, Callable[[], Any]]:
    """Models of one output from [1, x][1, x]ᵀ, all products of two features."""
    shape = (features + 1, features + 1)
    rows = ((1, shape[0]), (1, shape[1]))
    return {
        "scikit-learn: Ridge": lambda: RidgeCV(np.geomspace(1e-1, 1e5, 19)),
        "scikit-learn: Lasso": lambda: LassoCV(cv=folds(), max_iter=20_000),
        "TensorLy: CPRegressor": lambda: tensors(cp, shape, (), ranks=(1, 2, 3)),
        "TensorLy: TuckerRegressor": lambda: tensors(tucker, shape, (), ranks=(1, 2, 3)),
        "TensorLy: CP_PLSR": lambda: tensors(plsr, shape, (), ranks=(1, 2, 3, 5), penalties=[0.0]),
        "kronmix: Kronecker": lambda: kroneckers(rows),
    }


def covariances(p: int, q: int) -> dict[str, Callable[[], Any]]:
    """Models of the covariance of p×q matrices."""
    return {
        "scikit-learn: EmpiricalCovariance": EmpiricalCovariance,
        "scikit-learn: LedoitWolf": LedoitWolf,
        "kronmix: SeparableCovariance": lambda: chosen(
            estimators.SeparableCovariance(shape=(p, q)), shrinkage=[0.0, 0.01, 0.03, 0.1, 0.3]
        ),
    }


# ---- data ------------------------------------------------------------------------------------------------------------


def disjoint(X: Array, Y: Array, draws: int, size: int, held_out: int) -> Iterator[Draw]:
    """Training sets that share no sample, judged on the same held-out samples."""
    order = np.random.default_rng(0).permutation(len(X))
    test, rest = order[:held_out], order[held_out:]
    for k in range(draws):
        train = rest[k * size : (k + 1) * size]
        yield X[train], Y[train], X[test], Y[test]


def noisy_digits() -> Iterator[Draw]:
    """Noise of half the largest pixel on 8×8 digits."""
    clean = load_digits().data
    noisy = clean + 8 * np.random.default_rng(1).normal(size=clean.shape)
    return disjoint(noisy, clean, 6, 250, 297)


def labelled_digits() -> Iterator[Draw]:
    """8×8 digits and what they show."""
    X, y = load_digits(return_X_y=True)
    return disjoint(X, y, 6, 250, 297)


def patches() -> Array:
    """8×8 patches of two photographs, cut side by side, so that none shares a pixel."""
    cut = [
        picture[: 8 * (len(picture) // 8)].reshape(-1, 8, picture.shape[1] // 8, 8).swapaxes(1, 2).reshape(-1, 64)
        for picture in km.datasets.photographs()
    ]
    return np.concatenate(cut)


def noisy_patches() -> Iterator[Draw]:
    """Noise of a fifth of the range of gray on patches."""
    clean = patches()
    noisy = clean + 0.2 * np.random.default_rng(1).normal(size=clean.shape)
    return disjoint(noisy, clean, 6, 250, 2000)


def diabetes() -> Iterator[Draw]:
    """Ten folds; features standardised by the training samples."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    for train, test in KFold(10, shuffle=True, random_state=0).split(X):
        Z = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
        Z = np.column_stack([np.ones(len(Z)), Z])
        products = (Z[:, :, None] * Z[:, None, :]).reshape(len(Z), -1)
        yield products[train], y[train], products[test], y[test]


def some_patches(size: int) -> Callable[[], Iterator[Draw]]:
    """Patches without noise, for a covariance."""
    return lambda: disjoint(X := patches(), X, 6, size, 2000)


def planted(kind: str) -> Callable[[], Iterator[Draw]]:
    """Sixty samples of 4×6 features and 3×4 outputs, by a weight of one kind, of signal-to-noise ratio 1; five weights."""

    def truth(rng: Any) -> Array:
        if kind == "Kronecker":
            return np.kron(rng.normal(size=(3, 4)), rng.normal(size=(4, 6)))
        if kind == "rank 2":
            return rng.normal(size=(12, 2)) @ rng.normal(size=(2, 24))
        return rng.normal(size=(12, 24)) * (rng.random((12, 24)) < 0.05)

    def draws() -> Iterator[Draw]:
        for seed in range(5):
            rng = np.random.default_rng(seed)
            B = truth(rng)
            B = B / np.sqrt(np.mean((B @ rng.normal(size=(24, 1000))) ** 2))
            X, test = rng.normal(size=(60, 24)), rng.normal(size=(1000, 24))
            yield X, X @ B.T + rng.normal(size=(60, 12)), test, test @ B.T

    return draws


# ---- tasks -----------------------------------------------------------------------------------------------------------


def squared_error(model: Any, X: Array, Y: Array) -> float:
    """Mean squared error of an output."""
    return float(np.mean((model.predict(X).reshape(Y.shape) - Y) ** 2))


def wrong_labels(model: Any, X: Array, y: Array) -> float:
    """Share of wrong labels, in percent."""
    return float(100 * np.mean(model.predict(X) != y))


def surprise(model: Any, X: Array, _: Array) -> float:
    """Minus the mean log density of a sample, in nats."""
    return -float(model.score(X))


@dataclass(frozen=True)
class Task:
    """Data, the models that are tried on them, and the error by which they are judged."""

    name: str
    measure: str
    draws: Callable[[], Iterator[Draw]]
    models: dict[str, Callable[[], Any]]
    error: Callable[[Any, Array, Array], float]
    #: Test samples for each training sample where training sets overlap, 0 where they do not (Nadeau & Bengio 2003).
    overlap: float = 0.0


_MEAN_SQUARE = "mean squared error"
TASKS = [
    Task(
        "digits, restored from noise",
        _MEAN_SQUARE,
        noisy_digits,
        several_outputs((8, 8), (8, 8), (8, 8, 8, 8), 10.0),
        squared_error,
    ),
    Task("digits, classified", "wrong labels in %", labelled_digits, classifiers(), wrong_labels),
    Task("diabetes, all products of two features", _MEAN_SQUARE, diabetes, quadratic(10), squared_error, 1 / 9),
    Task(
        "patches of photographs, restored from noise",
        _MEAN_SQUARE,
        noisy_patches,
        several_outputs((8, 8), (8, 8), (8, 8, 8, 8), 0.3),
        squared_error,
    ),
    *(
        Task(
            f"covariance of {size} patches of photographs",
            "minus mean log density",
            some_patches(size),
            covariances(8, 8),
            surprise,
        )
        for size in (100, 1000)
    ),
    *(
        Task(
            f"planted weight: {kind}",
            "mean squared error without noise",
            planted(kind),
            several_outputs((4, 6), (3, 4), (3, 4, 4, 6), 1.0, (1, 3, 6, 12)),
            squared_error,
        )
        for kind in ("Kronecker", "rank 2", "one entry in twenty")
    ),
]


def inner(model: Any) -> Any:
    """The fitted model inside those that choose."""
    for name in ("best_estimator_", "model_"):
        if hasattr(model, name) and not isinstance(model, Tensors):
            return inner(getattr(model, name))
    return model


def numbers(model: Any) -> int:
    """Numbers other than zero that the weight, or the covariance, is stored in, without intercepts and means."""
    model = inner(model)
    if isinstance(model, Tensors):
        return model.n_parameters
    if isinstance(model, EmpiricalCovariance):
        return len(model.covariance_) * (len(model.covariance_) + 1) // 2
    if isinstance(model, estimators.SeparableCovariance):
        return sum(len(S) * (len(S) + 1) // 2 for S in (model.row_covariance_, model.column_covariance_))
    if hasattr(model, "operator_"):
        return sum(int(np.count_nonzero(f)) for f in model.operator_.factors)
    return int(np.count_nonzero(model.coef_))


def at_draw(name: str, k: int) -> dict[str, dict[str, Any]]:
    """Error and numbers of every model of a task at its ``k``-th draw, or why it could not be fitted."""
    (task,) = (task for task in TASKS if task.name == name)
    X, Y, test, wanted = next(islice(task.draws(), k, None))
    found: dict[str, dict[str, Any]] = {}
    for model_name, make in task.models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of penalties at which a solver of others' stops early
            try:
                model = make().fit(X, Y)
            except np.linalg.LinAlgError as error:
                found[model_name] = {"failed": str(error)}
                continue
        found[model_name] = {"error": task.error(model, test, wanted), "numbers": numbers(model)}
    return found


def gathered(task: Task, draws: Sequence[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Errors and numbers of every model over the draws; apart from them those that could not be fitted at each, with the reason."""
    failed = {
        name: next(draw[name]["failed"] for draw in draws if "failed" in draw[name])
        for name in task.models
        if any("failed" in draw[name] for draw in draws)
    }
    rows = {
        name: {"errors": [draw[name]["error"] for draw in draws], "numbers": [draw[name]["numbers"] for draw in draws]}
        for name in task.models
        if name not in failed
    }
    return {"task": task.name, "measure": task.measure, "overlap": task.overlap, "rows": rows, "failed": failed}


def main() -> None:
    """Measure the tasks, all or those whose names begin with a word, and write what came out as JSON.

    Tasks that are not asked for stay in the file where they were measured on the same day with the same libraries.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TASK", help="beginnings of names of tasks; all by default")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each of which takes a draw at a time")
    parser.add_argument("--out", type=Path, default=Path("out/benchmarks/estimators.json"))
    arguments = parser.parse_args()
    asked = tuple(arguments.names) or ("",)
    tasks = [task for task in TASKS if task.name.startswith(asked)]
    counts = {task.name: sum(1 for _ in task.draws()) for task in tasks}
    units = [(name, k) for name, count in counts.items() for k in range(count)]
    run = Parallel(arguments.jobs, return_as="generator")(delayed(at_draw)(*unit) for unit in units)
    draws: dict[str, list[Any]] = {name: [] for name in counts}
    for (name, k), found in zip(units, run, strict=True):
        draws[name].append(found)
        print(f"{name}: draw {k + 1} of {counts[name]}", flush=True)
    machine = {"python": platform.python_version(), "date": date.today().isoformat()}
    machine |= {"libraries": {name: version(name) for name in ("kronmix", "scikit-learn", "tensorly", "numpy")}}
    measured = {task.name: gathered(task, draws[task.name]) for task in tasks}
    if arguments.out.exists():
        before = json.loads(arguments.out.read_text(encoding="utf-8"))
        if before["machine"] == machine:
            measured = {task["task"]: task for task in before["tasks"]} | measured
    found = [measured[task.name] for task in TASKS if task.name in measured]
    left = [task.name for task in TASKS if task.name not in measured]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write_file(arguments.out, json.dumps({"machine": machine, "tasks": found, "not measured": left}, indent=1))


if __name__ == "__main__":
    main()
