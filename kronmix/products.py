"""Kronecker, entrywise and block-diagonal matrices of whatever kind the arguments are: NumPy, SymPy, operators, expressions.

A class of matrices of another kind takes part by defining ``__matrix_function__(name, args)``, as NumPy's classes define
``__array_function__``; ``vec``, ``unvec`` and ``trace`` are registered on the type instead.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from .operators import Dense, Kronecker, KroneckerSparse, Permutation, StructuredOperator
from .operators.algebra import matrix_function

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["block_diag", "eye", "hadamard", "kron"]


@matrix_function
def kron(*matrices: Any) -> Any:
    """Kronecker product A ⊗ B ⊗ … (T1, T4).

    Parameters
    ----------
    *matrices : matrices
        NumPy arrays and operators give a :class:`Kronecker` operator, never formed; SymPy matrices and arrays of Python
        integers or symbols an explicit object array; expressions of ``check_identity`` an expression.

    Raises
    ------
    ValueError
        If there is none, or one is not a matrix.

    Examples
    --------
    >>> A, B = np.arange(4.0).reshape(2, 2), np.eye(3)
    >>> km.kron(A, B)
    Kronecker(6×6, 2×2 ⊗ 3×3, 13 parameters)
    >>> x = km.vec(np.ones((3, 2)))
    >>> bool(np.allclose(km.kron(A, B) @ x, np.kron(A, B) @ x))
    True
    """
    if not matrices:
        raise ValueError("kron: expected at least one matrix")
    if _exact(matrices):
        return reduce(np.kron, (_entries(matrix, "kron") for matrix in matrices))
    flat: list[Any] = []
    for matrix in matrices:
        if isinstance(matrix, Kronecker):
            flat += matrix.factors
        else:
            flat.append(matrix.to_dense() if isinstance(matrix, StructuredOperator) else matrix)
    return Kronecker(*flat)


@matrix_function
def eye(n: int) -> Any:
    """Identity of size n, as a permutation: it widens no dtype and multiplies matrices of every kind.

    Parameters
    ----------
    n : int
        Rows and columns, at least 1; in ``check_identity`` a size taken from a matrix, as ``A.shape[0]``.

    Returns
    -------
    Permutation
        Of float32, n × n; in ``check_identity`` an expression.

    Raises
    ------
    TypeError
        If n is not an integer.
    ValueError
        If n < 1.

    Examples
    --------
    >>> km.eye(3) @ np.arange(3.0)
    array([0., 1., 2.])
    """
    try:
        indices = np.arange(n.__index__())
    except AttributeError:
        raise TypeError(f"eye: n={n!r} is not an integer") from None
    if indices.size == 0:
        raise ValueError(f"eye: n={n} must be at least 1")
    return Permutation(indices)


@matrix_function
def hadamard(*matrices: Any) -> Any:
    """Entrywise product A ∘ B ∘ … of matrices or vectors of one shape.

    Parameters
    ----------
    *matrices : arrays or operators of one shape
        Of any dtype, objects too; operators are made dense. :class:`Hadamard` is the operator with trainable factors.

    Returns
    -------
    array of that shape
        An expression where one is given, in ``check_identity``.

    Raises
    ------
    ValueError
        If there is none, or the shapes differ.

    Examples
    --------
    >>> km.hadamard(np.array([[1, 2]]), np.array([[3, 4]]))
    array([[3, 8]])
    """
    if not matrices:
        raise ValueError("hadamard: expected at least one matrix")
    arrays = [np.asarray(m.to_dense() if isinstance(m, StructuredOperator) else m) for m in matrices]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise ValueError(f"hadamard: shapes {[array.shape for array in arrays]} differ")
    return reduce(np.multiply, arrays)


@matrix_function
def block_diag(*blocks: Any) -> Any:
    """Block-diagonal matrix, rectangular blocks allowed.

    Blocks of one shape give a :class:`KroneckerSparse` operator of pattern (n, b, c, 1) (T9), others a :class:`Dense` one, exact
    blocks an object array.

    Parameters
    ----------
    *blocks : arrays or operators
        Matrices b × c, from the upper left on; operators are made dense. Exact blocks are arrays of dtype object.

    Returns
    -------
    KroneckerSparse, Dense or array
        Its rows and columns are the sums of the blocks'; an expression where one is given, in ``check_identity``.

    Raises
    ------
    ValueError
        If there is none, or one is not a matrix.

    Examples
    --------
    >>> km.block_diag(np.ones((2, 3)), np.ones((2, 3)))
    KroneckerSparse(4×6, pattern (2, 2, 3, 1), 12 parameters)
    >>> km.block_diag(np.ones((1, 2)), np.ones((1, 1))).to_dense()
    array([[1., 1., 0.],
           [0., 0., 1.]])
    """
    if not blocks:
        raise ValueError("block_diag: expected at least one block")
    arrays = [_entries(block, "block_diag") for block in blocks]
    if not _exact(blocks) and all(array.shape == arrays[0].shape for array in arrays):
        return KroneckerSparse(np.stack(arrays)[:, None], (len(arrays), *arrays[0].shape, 1))
    rows, columns = (sum(array.shape[axis] for array in arrays) for axis in (0, 1))
    out = np.zeros((rows, columns), np.result_type(*arrays))
    i = j = 0
    for array in arrays:
        out[i : i + array.shape[0], j : j + array.shape[1]] = array
        i, j = i + array.shape[0], j + array.shape[1]
    return out if _exact(blocks) else Dense(out)


def _exact(matrices: tuple[Any, ...]) -> bool:
    """Whether any argument holds objects: symbols, fractions, integers of any size."""
    return any(not isinstance(m, StructuredOperator) and np.asarray(m).dtype == object for m in matrices)


def _entries(matrix: Any, name: str) -> Array:
    array = np.asarray(matrix.to_dense() if isinstance(matrix, StructuredOperator) else matrix)
    if array.ndim != 2:
        raise ValueError(f"{name}: an argument has shape {array.shape}: expected matrices")
    return array
