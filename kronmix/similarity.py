"""How alike two representations are: linear CKA with confidence intervals, and paired bootstrap tests (T25).

Features are arrays whose first axis counts examples; further axes (tokens, channels) are flattened. Both arrays hold the same
examples in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from .checks import MAX_BYTES, check_memory, finite, integer
from .intervals import Interval
from .operators.arrays import Array, as_factor

__all__ = ["Interval", "PairedTest", "cka", "cka_difference", "cka_interval", "paired_bootstrap"]

Estimator = Literal["biased", "unbiased"]

# Resamples whose weights are held at once, in numbers (8 MiB of float64).
_CHUNK = 2**20


@dataclass(frozen=True)
class PairedTest:
    """A difference between two conditions measured on the same units, with interval and p-value.

    Attributes
    ----------
    difference : float
        First minus second.
    low, high : float
        Ends of the bootstrap percentile interval.
    p_value : float
        Two-sided, of the hypothesis that there is no difference: twice the share of resamples on the far side of zero.
    confidence : float
    replicates : array of shape (resamples,)
    """

    difference: float
    low: float
    high: float
    p_value: float
    confidence: float
    replicates: Array = field(repr=False, compare=False)


# ---- CKA ------------------------------------------------------------------------------------------------------------


def cka(X: Any, Y: Any, estimator: Estimator = "biased", batch_size: int | None = None) -> float:
    """Linear centred kernel alignment of two sets of features (T25).

        CKA = ‖YᵀX‖_F² / (‖XᵀX‖_F ‖YᵀY‖_F)    for centred features,

    unchanged by rotations and isotropic scalings of the features.

    Parameters
    ----------
    X, Y : arrays of shape (examples, ...)
        Real; the same examples in the same order, of any two numbers of features.
    estimator : {"biased", "unbiased"}
        "biased" is the formula above: between 0 and 1, but near 1 for any features when there are few examples. "unbiased" replaces
        its three terms by unbiased estimates of HSIC (Song et al. 2012), and can come out slightly negative.
    batch_size : int, optional
        With "unbiased": average each term over ⌊examples / batch_size⌋ consecutive minibatches of nearly equal size, at least 4
        examples each; the examples are taken in order, so shuffle them before if their order means something.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If the features are not real numbers.
    ValueError
        If the numbers of examples differ or are too small, features are constant or not finite, or an option is unknown.

    References
    ----------
    Kornblith et al. 2019; Song et al., *Feature selection via dependence maximization*, JMLR 2012 (unbiased HSIC);
    Nguyen, Raghu & Kornblith, *Do wide and deep networks learn the same things?*, ICLR 2021 (minibatches) (T25).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 8, 4))
    >>> Q = np.linalg.qr(rng.normal(size=(32, 32)))[0]
    >>> round(km.cka(X, 3 * X.reshape(200, -1) @ Q), 12)
    1.0
    >>> unrelated = rng.normal(size=(200, 32))
    >>> round(km.cka(X, unrelated), 3), round(km.cka(X, unrelated, "unbiased", batch_size=50), 3)
    (0.135, -0.007)
    """
    features = _features(X, Y)
    if estimator not in ("biased", "unbiased"):
        raise ValueError(f'estimator={estimator!r}: expected "biased" or "unbiased"')
    if estimator == "biased":
        if batch_size is not None:
            raise ValueError(
                f'batch_size={batch_size}: minibatches need estimator="unbiased" (the biased terms do not average)'
            )
        centred = [Z - Z.mean(axis=0) for Z in features]
        (xx, xy), (_, yy) = ([_squared_inner(A, B) for B in centred] for A in centred)
        return _alignment(xy, xx, yy)
    examples = len(features[0])
    batch_size = examples if batch_size is None else batch_size
    if not 4 <= batch_size <= examples:
        raise ValueError(f"batch_size={batch_size}: expected 4 to {examples}, the number of examples")
    batches = zip(*(np.array_split(Z, examples // batch_size) for Z in features), strict=True)
    terms = np.mean([_hsic_terms(x, y) for x, y in batches], axis=0)
    return _alignment(*terms)


def _alignment(xy: float, xx: float, yy: float) -> float:
    """CKA from the HSIC of both and of each with itself."""
    if not (xx > 0 and yy > 0):
        raise ValueError(
            f"the features' own HSIC is {min(xx, yy):.3g}: expected features that vary, and enough examples to see it"
        )
    return float(xy / np.sqrt(xx) / np.sqrt(yy))


def _squared_inner(X: Array, Y: Array) -> float:
    """‖YᵀX‖_F² = ⟨XXᵀ, YYᵀ⟩, whichever takes fewer operations."""
    (n, p), q = X.shape, Y.shape[1]
    if p * q <= n * (p + q):
        return float(np.linalg.norm(Y.T @ X) ** 2)
    return float(np.vdot(X @ X.T, Y @ Y.T))


def _gram(X: Array) -> Array:
    """XXᵀ without its diagonal; features are centred for accuracy only, HSIC does not depend on it."""
    check_memory((len(X), len(X)), X.dtype, MAX_BYTES)
    centred = X - X.mean(axis=0)
    K = centred @ centred.T
    np.fill_diagonal(K, 0)
    return K


def _hsic_terms(X: Array, Y: Array) -> tuple[float, float, float]:
    """Unbiased HSIC of (X, Y), (X, X), (Y, Y), the estimates of Song et al.: comparable between numbers of examples."""
    K, L = _gram(X), _gram(Y)
    n = len(X)
    once = np.ones((n, 1))
    xy, xx, yy = (_weighted_hsic(A, B, once)[0] / (n * (n - 3)) for A, B in ((K, L), (K, K), (L, L)))
    return float(xy), float(xx), float(yy)


def _weighted_hsic(K: Array, L: Array, weights: Array) -> Array:
    """Unbiased HSIC for each column w of the weights (examples, resamples), up to a factor depending on their number n only.

        w ↦ Σ_ij w_i w_j K_ij L_ij + (wᵀKw)(wᵀLw)/((n − 1)(n − 2)) − 2/(n − 2) Σ_i w_i (Kw)_i (Lw)_i

    With w = 1 this is n(n − 3) times the estimate of Song et al. With the counts of a resample it is the estimate on that resample
    without the pairs of an example with its own copies, which would add back the diagonal that makes the biased estimate biased.
    """
    n = len(K)
    Kw, Lw = K @ weights, L @ weights
    pairs = np.einsum("ir,ir->r", weights, (K * L) @ weights)
    means = np.einsum("ir,ir->r", weights, Kw) * np.einsum("ir,ir->r", weights, Lw)
    rows = np.einsum("ir,ir,ir->r", weights, Kw, Lw)
    return np.asarray(pairs + means / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows)


# ---- intervals and tests --------------------------------------------------------------------------------------------


def cka_interval(
    X: Any,
    Y: Any,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int | np.random.Generator = 0,
) -> Interval:
    """Unbiased linear CKA with a bootstrap confidence interval over the examples (T25).

    Parameters
    ----------
    X, Y : arrays of shape (examples, ...)
    confidence : float
        Between 0 and 1.
    resamples : int
    seed : int or numpy.random.Generator

    Returns
    -------
    Interval
        The estimate is ``cka(X, Y, "unbiased")``. Pairs of an example with its own copies are left out of the resamples: they would
        pull every replicate towards 1.

    Raises
    ------
    TypeError, ValueError
        As ``cka``; or if an option is out of range.

    References
    ----------
    Efron & Tibshirani, *An introduction to the bootstrap*, 1993, ch. 13 (percentile interval); T25.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 10))
    >>> found = km.cka_interval(X, X @ rng.normal(size=(10, 10)) + rng.normal(size=(100, 10)))
    >>> found.low < found.value < found.high
    True
    """
    X, Y = _features(X, Y)
    value, replicates = _resampled([X, Y], lambda align: align(0, 1), resamples, seed)
    low, high = _percentiles(replicates, confidence)
    return Interval(value, low, high, confidence, replicates)


def cka_difference(
    X: Any,
    Y: Any,
    Z: Any,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int | np.random.Generator = 0,
) -> PairedTest:
    """Test whether X is more like Y than like Z: unbiased CKA(X, Y) − CKA(X, Z) on the same examples (T25).

    Every resample of the examples is used for both, so that what the examples have in common cancels.

    Parameters
    ----------
    X, Y, Z : arrays of shape (examples, ...)
    confidence, resamples, seed
        As ``cka_interval``.

    Raises
    ------
    TypeError, ValueError
        As ``cka_interval``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 10))
    >>> test = km.cka_difference(X, X + 0.5 * rng.normal(size=X.shape), rng.normal(size=X.shape))
    >>> test.low > 0, test.p_value < 0.01
    (True, True)
    """
    X, Y, Z = _features(X, Y, Z)
    value, replicates = _resampled([X, Y, Z], lambda align: align(0, 1) - align(0, 2), resamples, seed)
    low, high = _percentiles(replicates, confidence)
    return PairedTest(value, low, high, _p_value(replicates), confidence, replicates)


def paired_bootstrap(
    first: Any,
    second: Any,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int | np.random.Generator = 0,
) -> PairedTest:
    """Test whether two conditions differ in the mean, measured on the same units (seeds, images, layers).

    Parameters
    ----------
    first, second : arrays of shape (units,)
        ``first[i]`` and ``second[i]`` belong together.
    confidence : float
    resamples : int
    seed : int or numpy.random.Generator

    Notes
    -----
    Units are drawn with replacement. The interval of a mean of n units comes out short by about √((n − 1)/n), and the smallest
    p-value possible is 2/(resamples + 1): with fewer than about ten units trust neither to the last digit.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not paired real numbers, at least two of them.

    References
    ----------
    Efron & Tibshirani 1993, ch. 13 and 15.

    Examples
    --------
    >>> test = km.paired_bootstrap([0.81, 0.84, 0.80, 0.83], [0.78, 0.80, 0.79, 0.80])
    >>> round(test.difference, 4), test.low > 0
    (0.0275, True)
    """
    a, b = (
        _real_and_finite(as_factor(values, name, 1), name) for values, name in ((first, "first"), (second, "second"))
    )
    if a.shape != b.shape or a.size < 2:
        raise ValueError(f"first has shape {a.shape} and second {b.shape}: expected the same units, at least 2")
    differences = a - b
    replicates = np.concatenate([differences @ w for w in _weights(a.size, resamples, seed)]) / a.size
    low, high = _percentiles(replicates, confidence)
    return PairedTest(float(differences.mean()), low, high, _p_value(replicates), confidence, replicates)


Align = Callable[[int, int], Array]


def _resampled(
    features: list[Array], statistic: Callable[[Align], Array], resamples: int, seed: int | np.random.Generator
) -> tuple[float, Array]:
    """A function of the unbiased CKAs between several features, on all examples and on resamples."""
    n = len(features[0])
    if n < 4:
        raise ValueError(f"X has {n} examples: the unbiased estimate needs at least 4")
    grams = [_gram(Z) for Z in features]

    def evaluate(weights: Array) -> Array:
        terms: dict[tuple[int, int], Array] = {}

        def hsic(i: int, j: int) -> Array:
            if (i, j) not in terms:
                terms[i, j] = _weighted_hsic(grams[i], grams[j], weights)
            return terms[i, j]

        def align(i: int, j: int) -> Array:
            xx, yy = hsic(i, i), hsic(j, j)
            if not (xx.min() > 0 and yy.min() > 0):
                raise ValueError(
                    f"a resample of the {n} examples has no variation left in the features: expected features that vary, "
                    "and more examples"
                )
            return np.asarray(hsic(i, j) / np.sqrt(xx) / np.sqrt(yy))

        return statistic(align)

    value = float(evaluate(np.ones((n, 1)))[0])
    return value, np.concatenate([evaluate(w) for w in _weights(n, resamples, seed)])


def _weights(n: int, resamples: int, seed: int | np.random.Generator) -> Any:
    """How often each of n units occurs in each resample: arrays of shape (n, some of the resamples)."""
    integer(resamples, "resamples")
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // n)
    for start in range(0, resamples, step):
        yield rng.multinomial(n, np.full(n, 1 / n), size=min(step, resamples - start)).T.astype(np.float64)


def _percentiles(replicates: Array, confidence: float) -> tuple[float, float]:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: expected a number between 0 and 1")
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _p_value(replicates: Array) -> float:
    """Two-sided p-value of replicates of a difference, against zero."""
    below, above = np.count_nonzero(replicates <= 0), np.count_nonzero(replicates >= 0)
    return float(min(1.0, 2 * (1 + min(below, above)) / (1 + replicates.size)))


def _features(*given: Any) -> tuple[Array, ...]:
    """Check features and flatten them to (examples, features), scaled to largest entry 1 (CKA does not depend on it)."""
    checked = []
    for name, features in zip("XYZ", given, strict=False):
        array = as_factor(features, name)
        if array.dtype.kind == "c":
            raise TypeError(f"{name} has dtype {array.dtype}: expected real features")
        if array.ndim < 2 or len(array) < 2:
            raise ValueError(f"{name} has shape {array.shape}: expected (examples, features...), at least 2 examples")
        if len(array) != np.shape(given[0])[0]:
            raise ValueError(
                f"{name} has {len(array)} examples and X {np.shape(given[0])[0]}: expected the same examples"
            )
        array = _real_and_finite(array, name).reshape(len(array), -1).astype(np.float64)
        spread = np.ptp(array, axis=0).max(initial=0.0)
        if spread <= 1e-14 * np.abs(array).max(initial=0.0):
            raise ValueError(f"{name} is the same for every example: CKA is undefined")
        checked.append(array / spread)
    return tuple(checked)


def _real_and_finite(array: Array, name: str) -> Array:
    if array.dtype.kind == "c":
        raise TypeError(f"{name} has dtype {array.dtype}: expected real numbers")
    return finite(array, name)
