"""Samples as rows: tables (n, features), stacks of matrices (n, rows, columns), sparse tables; sizes of factors that suit them."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from .. import checks
from ..operators.arrays import Array

#: Sizes (p, q) of a matrix.
Shape = tuple[int, int]


def flat(X: Any) -> Any:
    """Matrices of shape (n, rows, columns) as rows of a table, entry (i, j) in place i·columns + j; other data as it is."""
    if getattr(X, "ndim", 2) == 3:
        values = np.asarray(X)
        return values.reshape(len(values), -1)
    return X


def checked_samples(estimator: Any, X: Any, *, reset: bool) -> Array:
    """A table of float64 or float32, by scikit-learn's checks; sparse ones become dense."""
    found = validate_data(
        estimator, flat(X), reset=reset, accept_sparse=["csr", "csc", "coo"], dtype=[np.float64, np.float32]
    )
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)


def checked_pair(estimator: Any, X: Any, y: Any, *, numeric: bool) -> tuple[Array, Array]:
    """Samples and targets that fit together, by scikit-learn's checks."""
    X, y = validate_data(
        estimator,
        flat(X),
        flat(y) if numeric else y,
        accept_sparse=["csr", "csc", "coo"],
        dtype=[np.float64, np.float32],
        multi_output=numeric,
        y_numeric=numeric,
    )
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X), np.asarray(y)


def nearest_square(size: int) -> Shape:
    """The two factors of a number that are nearest to each other, the smaller first.

    Examples
    --------
    >>> from kronmix.estimators.arrays import nearest_square
    >>> nearest_square(64), nearest_square(12), nearest_square(7)
    ((8, 8), (3, 4), (1, 7))
    """
    small = next(d for d in range(isqrt(size), 0, -1) if size % d == 0)
    return small, size // small


def sizes_of(value: Any, name: str, shape: tuple[int, ...]) -> Array:
    """Sizes that a user gave, as positive integers in an array of this shape."""
    if np.shape(value) != shape:
        raise ValueError(f"{name}={value!r}: expected sizes of shape {shape}")
    found = np.array([checks.integer(size, name) for size in np.ravel(np.asarray(value, dtype=object))])
    return found.reshape(shape)
