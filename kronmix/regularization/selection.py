"""Choosing a point of a regularisation path: cross-validation, its one-standard-error rule, and Akaike's criterion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import checks
from ..operators import Dense
from ..operators.arrays import Array
from ..progress import whole
from .least_squares import least_squares
from .losses import LOSSES
from .pairs import factored_blocks
from .problems import Regression, loss
from .scaling import Scaling

if TYPE_CHECKING:
    from .path import Path


@dataclass(frozen=True, eq=False)
class Selection:
    """A chosen point of a path.

    Attributes
    ----------
    index : int
        Into ``path.parameter`` and ``path.weights``.
    parameter : float
    rule : str
    scores : array of shape (points,)
        Validation loss, or Akaike's criterion: smaller is better.
    errors : array of shape (points,), or None
        Standard errors of the validation losses over the folds.
    """

    index: int
    parameter: float
    rule: str
    scores: Array
    errors: Array | None = None

    def __repr__(self) -> str:
        return (
            f"Selection({self.rule}: point {self.index} at {self.parameter:.4g}, score {self.scores[self.index]:.4g})"
        )


def select(path: Path, rule: str = "cv", *, folds: int = 5, seed: int = 0) -> Selection:
    """Choose a point of a path that ``regularization_path`` traced on a Regression.

    Parameters
    ----------
    path : Path
    rule : {"cv", "1se", "aic"}
        Least validation loss over the folds; the most penalised point within one standard error of it; least
        ``n log(mean squared residual) + 2 df`` (squared loss) or ``2 n loss + 2 df`` (logistic).
    folds : int
        Every fold traces the path anew on the other samples, standardised by themselves where the data of the path was.
    seed : int
        Of the folds.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If the rule is unknown, the path does not carry a Regression, or degrees of freedom are not known for the structure.

    References
    ----------
    Breiman, Friedman, Olshen & Stone 1984 (one standard error); Zou, Hastie & Tibshirani, *On the degrees of freedom of the lasso*,
    2007.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(6, 60))
    >>> problem = km.Regression(X, X[0] - X[1] + 0.3 * rng.normal(size=60))
    >>> path = km.regularization_path(problem, km.Hadamard(*[np.ones((1, 6))] * 2), "decay", [1.0, 0.3, 0.1, 0.03])
    >>> path.select("1se").parameter >= path.select("cv").parameter
    True
    """
    rules: dict[str, Callable[[], Selection]] = {
        "cv": lambda: _by_validation(path, folds, seed, one_standard_error=False),
        "1se": lambda: _by_validation(path, folds, seed, one_standard_error=True),
        "aic": lambda: _by_information(path),
    }
    if rule not in rules:
        raise ValueError(f"rule={rule!r}: expected one of {sorted(rules)}")
    if not isinstance(path.problem, Regression) or path.structure is None or path.kind is None:
        raise ValueError(f"{path!r} carries no Regression with samples: expected a path from regularization_path")
    return rules[rule]()


def _by_validation(path: Path, folds: int, seed: int, *, one_standard_error: bool) -> Selection:
    """The point with the least held-out loss, or the first within one standard error of it."""
    from .paths import regularization_path

    problem: Regression = path.problem
    scores = []
    for train, test in split_folds(problem.samples, folds, seed):
        X, Y = problem.X[:, train].T, problem.Y[:, train].T
        scaling = Scaling.of(X, Y, standardize=path.scaling is not None and problem.loss == "squared")
        kept, tested = (None, None) if problem.weights is None else (problem.weights[train], problem.weights[test])
        part = Regression(scaling.standardize(X).T, scaling.standardize_outputs(Y).T, problem.loss, kept)
        fitted = whole(regularization_path(part, path.structure, path.kind, path.parameter))  # type: ignore[arg-type]
        weights, intercepts = scaling.coefficients(fitted.weights)
        held_out = [
            (B @ problem.X[:, test] + b[:, None], problem.Y[:, test]) for B, b in zip(weights, intercepts, strict=True)
        ]
        scores.append([validation_loss(outputs, targets, problem.loss, tested) for outputs, targets in held_out])
    means, errors = summary(np.array(scores))
    strongest = np.argsort(-path.parameter, kind="stable")
    best = choose(means[strongest], errors[strongest], one_standard_error=one_standard_error)
    index = int(strongest[best])
    rule = "one standard error" if one_standard_error else "cross-validation"
    return Selection(index, float(path.parameter[index]), rule, means, errors)


def split_folds(samples: int, folds: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """Indices (train, test) of shuffled folds of nearly equal size."""
    checks.integer(folds, "folds", 2)
    if folds > samples:
        raise ValueError(f"folds={folds}: expected at most as many as samples, {samples}")
    shuffled = np.random.default_rng(seed).permutation(samples)
    for test in np.array_split(shuffled, folds):
        yield np.setdiff1d(shuffled, test), np.sort(test)


def validation_loss(outputs: Array, targets: Array, kind: str, weights: Array | None = None) -> float:
    """The loss per sample of predictions (outputs, samples), by the name of the loss."""
    total, _ = LOSSES[kind].value_and_gradient(outputs, targets, weights)
    return total / float(outputs.shape[1] if weights is None else weights.sum())


def summary(scores: Array) -> tuple[Array, Array]:
    """Means over the folds of scores (folds, points), and their standard errors; zeros where there is one fold."""
    spread = scores.std(axis=0, ddof=1) if len(scores) > 1 else np.zeros(scores.shape[1])
    return scores.mean(axis=0), spread / np.sqrt(len(scores))


def choose(means: Array, errors: Array, *, one_standard_error: bool) -> int:
    """The point of least mean; or the first, most penalised, one within a standard error of it. Points are by falling penalty.

    Examples
    --------
    >>> from kronmix.regularization.selection import choose
    >>> means, errors = np.array([3.0, 1.1, 1.0]), np.array([0.2, 0.2, 0.2])
    >>> choose(means, errors, one_standard_error=False), choose(means, errors, one_standard_error=True)
    (2, 1)
    """
    best = int(np.argmin(means))
    return int(np.flatnonzero(means <= means[best] + errors[best])[0]) if one_standard_error else best


def _by_information(path: Path) -> Selection:
    """The point with the least value of Akaike's criterion."""
    problem: Regression = path.problem
    counts = problem.samples * problem.shape[0]
    scores = []
    for B, λ in zip(path.weights, path.parameter, strict=True):
        freedom = degrees_of_freedom(path.structure, B, problem, float(λ))
        value = loss(problem, B)
        fit = (
            counts * np.log(2 * value / problem.shape[0]) if problem.loss == "squared" else 2 * problem.samples * value
        )
        scores.append(fit + 2 * freedom)
    index = int(np.argmin(scores))
    return Selection(index, float(path.parameter[index]), "Akaike's criterion", np.array(scores))


def degrees_of_freedom(structure: Any, B: Array, problem: Regression, λ: float) -> float:
    """Degrees of freedom of a fitted weight.

    Dense under weight decay: Σ σ²/(σ² + Nλ) for every output. Products of two factors on blocks: the dimension Σ r(m + n − r) of
    the weights with these ranks of their m × n blocks. For Hadamard that is the number of entries that are not zero, which is
    unbiased for the lasso; for the others shrinkage is not counted.

    Examples
    --------
    >>> from kronmix.regularization.selection import degrees_of_freedom
    >>> pair = km.Hadamard(np.ones((1, 3)), np.ones((1, 3)))
    >>> degrees_of_freedom(pair, np.array([[1.0, 0.0, 2.0]]), km.Regression(np.eye(3), np.ones(3)), 0.1)
    2.0
    """
    if isinstance(structure, Dense):
        design = least_squares(problem)
        σ = np.linalg.svd(design.matrix, compute_uv=False) ** 2
        return float(problem.shape[0] * np.sum(σ / (σ + design.samples * λ)))
    try:
        view, _ = factored_blocks(structure)
    except TypeError as error:
        raise ValueError(
            f"degrees of freedom are not known for {type(structure).__name__}: choose by cross-validation"
        ) from error
    blocks = view.split(B)
    _, m, n = blocks.shape
    σ = np.linalg.svd(blocks, compute_uv=False)
    ranks = (σ > 1e-6 * σ.max(initial=0.0)).sum(axis=1)
    return float(np.sum(ranks * (m + n - ranks)))
