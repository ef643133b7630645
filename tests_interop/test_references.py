"""Convex references against CVXPY, and estimators against TensorLy's regressors, each judged by objectives written down here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import cvxpy as cp
import numpy as np
import pytest
from tensorly.regression import CPRegressor

import kronmix as km
from kronmix.estimators import KroneckerRegression

ROWS, COLUMNS = 4, 6
SIZES = (2, 3, 2, 2)


def slices() -> list[tuple[Any, Any]]:
    """Rows and columns of every slice: where the Monarch matrix with ones in this slice alone is not zero."""
    p, k, q, s = SIZES
    found = []
    for i, j in product(range(q), range(k)):
        U, V = np.zeros((q, k, p, 1)), np.zeros((q, k, 1, s))
        U[i, j] = V[i, j] = 1
        rows, columns = np.nonzero(km.Monarch.of_slices(U, V).to_dense())
        found.append((np.unique(rows), np.unique(columns)))
    return found


SLICES = slices()


def blocks(B: Any) -> list[Any]:
    return [B[rows][:, columns] for rows, columns in SLICES]


#: Name: our penalty, the same for CVXPY, and its value.
PENALTIES: dict[str, tuple[dict[str, Any], Callable[[Any], Any], Callable[[Any], float]]] = {
    "l1": ({"penalty": "l1"}, lambda B: cp.sum(cp.abs(B)), lambda B: np.abs(B).sum()),
    "ridge": ({"penalty": "ridge"}, lambda B: 0.5 * cp.sum_squares(B), lambda B: 0.5 * np.sum(B**2)),
    "nuclear": ({"penalty": "nuclear"}, cp.normNuc, lambda B: np.linalg.norm(B, "nuc")),
    "frobenius": ({"penalty": "frobenius"}, lambda B: cp.norm(B, "fro"), np.linalg.norm),
    "groups of slices": (
        {"penalty": "group", "groups": SIZES},
        lambda B: sum(cp.norm(part, "fro") for part in blocks(B)),
        lambda B: sum(np.linalg.norm(part) for part in blocks(B)),
    ),
    "nuclear norms of slices": (
        {"penalty": "nuclear", "groups": SIZES},
        lambda B: sum(cp.normNuc(part) for part in blocks(B)),
        lambda B: sum(np.linalg.norm(part, "nuc") for part in blocks(B)),
    ),
}


def squared(residuals: Any, samples: int) -> Any:
    return 0.5 * np.sum(residuals**2) / samples


def regression(rng: Any, samples: int) -> tuple[Any, Any, Any]:
    X, Y = rng.normal(size=(COLUMNS, samples)), rng.normal(size=(ROWS, samples))
    return (
        km.Regression(X, Y),
        lambda B: 0.5 * cp.sum_squares(B @ X - Y) / samples,
        lambda B: squared(B @ X - Y, samples),
    )


def sensing(rng: Any) -> tuple[Any, Any, Any]:
    A, y = rng.normal(size=(15, ROWS, COLUMNS)), rng.normal(size=15)
    flat = A.reshape(15, -1)
    return (
        km.Sensing(A, y),
        lambda B: 0.5 * cp.sum_squares(flat @ cp.vec(B, order="C") - y) / 15,
        lambda B: squared(flat @ B.ravel() - y, 15),
    )


def observed(rng: Any) -> tuple[Any, Any, Any]:
    T = rng.normal(size=(ROWS, COLUMNS))
    return km.Observed(T), lambda B: 0.5 * cp.sum_squares(B - T), lambda B: squared(B - T, 1)


def logistic(rng: Any) -> tuple[Any, Any, Any]:
    X, Y = rng.normal(size=(COLUMNS, 30)), np.sign(rng.normal(size=(ROWS, 30)))
    return (
        km.Regression(X, Y, "logistic"),
        lambda B: cp.sum(cp.logistic(-cp.multiply(Y, B @ X))) / 30,
        lambda B: np.sum(np.logaddexp(0, -Y * (B @ X))) / 30,
    )


PROBLEMS: dict[str, Callable[[Any], tuple[Any, Any, Any]]] = {
    "regression": lambda rng: regression(rng, 30),
    "few samples": lambda rng: regression(rng, 4),
    "sensing": sensing,
    "observed": observed,
    "logistic": logistic,
}
SIXTY = [(p, r, seed) for p in PROBLEMS for r in PENALTIES for seed in range(2)]


@pytest.mark.parametrize(("name", "penalty", "seed"), SIXTY)
def test_the_least_objective_is_within_the_gap(name: str, penalty: str, seed: int) -> None:
    rng = np.random.default_rng([seed, *map(ord, name + penalty)])
    problem, their_loss, loss = PROBLEMS[name](rng)
    options, their_norm, norm = PENALTIES[penalty]
    λ = float(rng.choice([0.3, 0.1, 0.03]))
    path = km.reference_path(problem, parameters=[λ], **options)
    B = cp.Variable((ROWS, COLUMNS))
    cp.Problem(cp.Minimize(their_loss(B) + λ * their_norm(B))).solve()
    ours, theirs = (float(loss(W) + λ * norm(W)) for W in (path.weights[0], B.value))
    gap = float(path.duality_gap[0])
    assert gap <= 1e-8
    assert ours * (1 - gap) <= theirs * (1 + 1e-12)  # the bound holds for every weight, theirs too
    assert theirs <= ours * (1 + 1e-4)  # and theirs is a minimum, to its solver's accuracy


def test_there_are_sixty() -> None:
    assert len(SIXTY) == 60


@pytest.mark.parametrize(("rank", "noise", "seed"), [(r, n, s) for r in (1, 2) for n in (0.1, 1.0) for s in range(3)])
def test_sums_of_kronecker_products_fit_no_worse_than_tensorly(rank: int, noise: float, seed: int) -> None:
    """A scalar from matrices: both minimise the squared error over weights of this rank; ours with hardly any decay."""
    rng = np.random.default_rng(seed)
    W = sum(np.outer(rng.normal(size=5), rng.normal(size=4)) for _ in range(rank))
    X = rng.normal(size=(120, 5, 4))
    y = np.einsum("nij,ij->n", X, W) + noise * rng.normal(size=120)
    train, test = slice(60), slice(60, None)
    theirs = CPRegressor(weight_rank=rank, tol=1e-10, n_iter_max=2000, reg_W=1e-10, verbose=0, random_state=seed)
    theirs.fit(X[train], y[train])
    ours = KroneckerRegression(shapes=((1, 5), (1, 4)), rank=rank, alpha=1e-9, fit_intercept=False)
    ours.fit(X[train], y[train])

    def error(weight: Any, part: slice) -> float:
        return float(np.mean((np.einsum("nij,ij->n", X[part], weight.reshape(5, 4)) - y[part]) ** 2))

    assert error(ours.coef_, train) <= error(theirs.weight_tensor_, train) * (1 + 1e-6)
    assert error(ours.coef_, test) == pytest.approx(error(theirs.weight_tensor_, test), rel=0.05)
