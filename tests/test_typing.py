"""What a type checker knows of a user's code: ``make lint`` has mypy read this file, and it runs as well."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import kronmix as km
from kronmix import Kronecker, StructuredOperator

Array = np.ndarray[Any, np.dtype[Any]]


def test_products_of_operators_and_arrays() -> None:
    op = Kronecker(np.eye(2), np.ones((3, 3)))
    x: NDArray[np.float64] = np.ones(6)
    assert_type(op @ x, Array)
    assert_type(op @ op, StructuredOperator)
    assert_type(op.T, StructuredOperator)
    assert_type(op.H @ x, Array)
    assert_type(op * 2.0, StructuredOperator)
    assert_type(op * np.float32(2), StructuredOperator)
    assert_type(op + op - op, StructuredOperator)
    assert_type(-op, StructuredOperator)
    assert_type(op**2, StructuredOperator)
    assert_type(op.to_dense(), Array)
    assert_type(op.shape, tuple[int, int])
    assert (op.T @ x).shape == (6,)


def test_functions_of_matrices() -> None:
    A, B = np.eye(2), np.ones((3, 3))
    op = km.kron(A, B)
    assert_type(op, StructuredOperator)
    assert_type(km.kron(op, A, km.eye(4)), StructuredOperator)
    assert_type(km.block_diag(op, A), StructuredOperator)
    assert_type(km.hstack([op, op]), StructuredOperator)
    assert_type(km.trace(op), np.number)
    assert_type(km.trace(A), np.number)
    assert_type(km.norm(op), float)
    assert_type(km.singular_values(op), Array)
    assert_type(km.cholesky(op + km.eye(6)), StructuredOperator)
    assert_type(km.solve(op + km.eye(6), np.ones(6)), Array)
    assert_type(km.nearest_kronecker(B, ((3, 1), (1, 3))).error, float)
    assert float(km.trace(op)) == 6.0
