"""A table of samples: structures, lasso, ridge, dense and low rank on held-out rows, and the path of weight decay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..extras import needed
from ..networks.inspection import near_square
from ..operators import Dense, Kronecker, Monarch, StructuredOperator, SumOfKroneckers
from ..regularization import Path, Regression, Scaling, reference_path
from ..regularization.comparison import Comparison, Contender, Split, compare
from ..regularization.restoration import Structure, small_start
from ..regularization.scaling import means_and_deviations

Array = np.ndarray[Any, np.dtype[Any]]

#: Share of the rows that is held out on every split.
_HELD = 0.3
#: ‖B‖_F at the start of training, as for images.
_SCALE = 0.1
#: Most entries of a weight whose coefficients are traced one by one.
_ENTRIES = 400


@dataclass(frozen=True)
class TableFound:
    """The path of a table.

    Attributes
    ----------
    path : Path
        What weight decay on u∘v regularises, the lasso, or, where there are many entries, on P Q, the nuclear norm (T17): exact.
    chosen : int or None
        Point of the path that cross-validation chooses, where there is one output.
    structure : StructuredOperator
        A weight of the path's shape, by which it is drawn.
    """

    path: Path
    chosen: int | None
    structure: StructuredOperator


def compare_on_table(
    X: Array, Y: Array, *, rank: int, seeds: int, steps: int, seed: int, progress: Callable[[], None]
) -> Comparison:
    """Random splits of the rows, standardised by the training rows alone; errors are in outputs' variances."""
    if len(X) < 10:
        raise ValueError(f"the table has {len(X)} rows: expected at least 10, some of which are held out")
    splits = [_split_rows(X, Y, np.random.default_rng([seed + i, 0])) for i in range(seeds)]
    rngs = [np.random.default_rng([seed + i, 1]) for i in range(seeds)]
    structures = structures_of(Y.shape[1], X.shape[1], rank)
    starts = {
        one.name: [small_start(one.draw(Y.shape[1], X.shape[1], rng), _SCALE) for rng in rngs] for one in structures
    }
    extra = (_lasso(splits, seed),)
    return compare(
        splits, starts, extra=extra, budget=X.shape[1] * Y.shape[1] - 1, steps=steps, seed=seed, progress=progress
    )


def trace(X: Array, Y: Array, names: tuple[tuple[str, ...], tuple[str, ...]]) -> TableFound:
    """Weight decay along λ on all rows, and the point that cross-validation chooses."""
    scaling = Scaling.of(X, Y, *names, standardize=True)
    problem = Regression(scaling.standardize(X).T, scaling.standardize_outputs(Y).T)
    q, p = problem.shape
    if q * p > _ENTRIES:
        return TableFound(replace(reference_path(problem, "nuclear"), scaling=scaling), None, Dense(np.zeros((q, p))))
    λ = reference_path(problem, "l1").parameter
    chosen = None
    if q == 1:
        with needed("the lasso path"):
            from sklearn.linear_model import LassoCV

        best = float(LassoCV(fit_intercept=False, cv=5).fit(problem.X.T, problem.Y[0]).alpha_)
        λ = np.sort(np.append(λ, best))[::-1]
        chosen = int(np.flatnonzero(λ == best)[0])
    return TableFound(replace(reference_path(problem, "l1", λ), scaling=scaling), chosen, Dense(np.zeros((q, p))))


def structures_of(q: int, p: int, rank: int) -> tuple[Structure, ...]:
    """Dense, and what has smaller factors at q × p: Kronecker products, their sums, Monarch matrices."""
    a, b = near_square(q), near_square(p)
    c, d = q // a, p // b
    dense = Structure("dense", lambda S, C, rng: Dense(rng.standard_normal((q, p))))
    if (a, b) == (1, 1):  # primes have no smaller factors
        return (dense,)
    structures = [
        dense,
        Structure(
            f"Kronecker {a}×{b} ⊗ {c}×{d}",
            lambda S, C, rng: Kronecker(rng.standard_normal((a, b)), rng.standard_normal((c, d))),
        ),
        *(
            Structure(f"sum of {r} Kroneckers", lambda S, C, rng, r=r: _draw_sum(rng, (a, b), (c, d), r))  # type: ignore[misc]
            for r in sorted({2, rank} - {1})
            if r * (a * b + c * d) < q * p
        ),
        Structure(
            "Monarch",
            lambda S, C, rng: Monarch(rng.standard_normal((c, a, b)), rng.standard_normal((b, c, d))),
        ),
    ]
    rng = np.random.default_rng(0)
    sizes = {one.name: one.draw(q, p, rng).n_parameters for one in structures}
    return tuple(one for one in structures if one is dense or sizes[one.name] < q * p)


def _draw_sum(rng: np.random.Generator, left: tuple[int, int], right: tuple[int, int], rank: int) -> SumOfKroneckers:
    return SumOfKroneckers([(rng.standard_normal(left), rng.standard_normal(right)) for _ in range(rank)])


def _split_rows(X: Array, Y: Array, rng: np.random.Generator) -> Split:
    """Some rows held out; both parts scaled by what the rest has as means and deviations."""
    order = rng.permutation(len(X))
    held, rest = np.split(order, [round(_HELD * len(X))])
    centre, spread = means_and_deviations(X[rest])
    spread = np.where(spread > 0, spread, 1.0)  # a column that is constant on these rows says nothing about the others
    middle, unit = means_and_deviations(Y[rest])
    unit = np.where(unit > 0, unit, 1.0)
    x, y = ((X - centre) / spread).T, ((Y - middle) / unit).T
    return Split(x[:, rest], y[:, rest], x[:, held], y[:, held])


def _lasso(splits: list[Split], seed: int) -> Contender:
    """Weight decay on u∘v, as the lasso that it is (T17): λ by five folds for each output; stored: entries not zero, on average."""
    with needed("the lasso path"):
        from sklearn.linear_model import LassoCV

    errors, validation, numbers = [], [], []
    for split in splits:
        fits = [LassoCV(fit_intercept=False, cv=5, random_state=seed).fit(split.X.T, y) for y in split.Y]
        B = np.array([fit.coef_ for fit in fits])
        errors.append(split.error(B))
        validation.append(float(np.mean([fit.mse_path_.mean(axis=1).min() for fit in fits])))
        numbers.append(int(np.count_nonzero(B)))
    return Contender("u∘v with weight decay (lasso)", round(float(np.mean(numbers))), tuple(errors), tuple(validation))
