"""Kronecker, entrywise, block-diagonal and stacked matrices of every kind: NumPy, SymPy, operators, expressions.

A class of matrices of another kind takes part by defining ``__matrix_function__(name, args)``, as NumPy's classes define
``__array_function__``; ``vec`` and ``unvec`` are registered on the type instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce, singledispatch
from itertools import groupby
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator

from .checks import entries, integer
from .operators import (
    BlockDiagonal,
    Chain,
    Dense,
    HStack,
    Kronecker,
    KroneckerSparse,
    Permutation,
    StructuredOperator,
    VStack,
    amplify,
)
from .operators.algebra import matrix_function
from .operators.kronecker import cheapest_stages
from .operators.permutation import is_identity

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = ["block_diag", "eye", "hadamard", "hstack", "kron", "vstack"]


@overload
def kron(*matrices: StructuredOperator | NDArray[np.number]) -> StructuredOperator: ...
@overload
def kron(*matrices: Any) -> Any: ...
@matrix_function
def kron(*matrices: Any) -> Any:
    """Kronecker product A ⊗ B ⊗ … (T1, T4).

    Parameters
    ----------
    *matrices : matrices
        NumPy arrays give a :class:`Kronecker` operator, never formed; SymPy matrices and arrays of Python integers or symbols an
        explicit object array; expressions of ``check_identity`` an expression. Operators keep their structure, their numbers
        and their dtype: an identity ``km.eye(n)`` beside a matrix gives a tied :class:`KroneckerSparse` factor, and
        A ⊗ B of any operators is (A ⊗ I)(I ⊗ B), a :class:`Chain`.

    Raises
    ------
    ValueError
        If there is none, or one is not a matrix.

    Examples
    --------
    >>> A, B = np.arange(4.0).reshape(2, 2), np.eye(3)
    >>> km.kron(A, B)
    Kronecker(6×6, 2×2 ⊗ 3×3, 13 parameters)
    >>> km.kron(km.eye(1000), np.ones((200, 200)))
    KroneckerSparse(200000×200000, pattern (1000, 200, 200, 1), tied over a, 40 000 parameters)
    >>> x = km.vec(np.ones((3, 2)))
    >>> bool(np.allclose(km.kron(A, B) @ x, np.kron(A, B) @ x))
    True
    """
    if not matrices:
        raise ValueError("kron: expected at least one matrix")
    if _exact(matrices):
        return reduce(np.kron, (_as_matrix(matrix, "kron") for matrix in matrices))
    parts = [
        part
        for kind, run in groupby(map(_kron_part, matrices), type)
        for part in _RUNS.get(kind, list)(run)  # neighbours of one kind are one part
    ]
    # (A ⊗ B ⊗ …) as a product of ampliations, in the order that takes the fewest multiply-adds; identities drop out (T4).
    stages = cheapest_stages([part.shape for part in parts], [part.connections for part in parts])
    moving = [amplify(parts[i], around.a, around.d) for i, around in stages if not is_identity(parts[i])]
    return Chain(*reversed(moving)) if len(moving) > 1 else (moving or parts)[0]


@singledispatch
def _kron_part(matrix: Any) -> StructuredOperator:
    """A matrix as it stands in a Kronecker product."""
    return Kronecker(_as_matrix(matrix, "kron"))


@_kron_part.register
def _(matrix: StructuredOperator) -> StructuredOperator:
    return matrix


@_kron_part.register
def _(matrix: Dense) -> StructuredOperator:
    return Kronecker(matrix.matrix)


def _kron_of_kroneckers(run: Iterable[Any]) -> list[StructuredOperator]:
    """A run of Kronecker products as one, with all their factors."""
    return [Kronecker(*(factor for op in run for factor in op.factors))]


def _kron_of_permutations(run: Iterable[Any]) -> list[StructuredOperator]:
    indices = reduce(lambda left, right: np.add.outer(left * right.size, right).ravel(), (op.indices for op in run))
    return [Permutation(indices)]


_RUNS: dict[type, Callable[[Iterable[Any]], list[StructuredOperator]]] = {
    Kronecker: _kron_of_kroneckers,
    Permutation: _kron_of_permutations,
}


@overload
def eye(n: int) -> Permutation: ...
@overload
def eye(n: Any) -> Any: ...
@matrix_function
def eye(n: Any) -> Any:
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
    return Permutation(np.arange(integer(n, "eye: n")))


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
    arrays = [entries(matrix, "hadamard: an argument") for matrix in matrices]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise ValueError(f"hadamard: shapes {[array.shape for array in arrays]} differ")
    return reduce(np.multiply, arrays)


@overload
def block_diag(*blocks: StructuredOperator | NDArray[np.number]) -> StructuredOperator: ...
@overload
def block_diag(*blocks: Any) -> Any: ...
@matrix_function
def block_diag(*blocks: Any) -> Any:
    """Block-diagonal matrix, rectangular blocks allowed.

    Arrays of one shape give a :class:`KroneckerSparse` operator of pattern (n, b, c, 1) (T9), exact ones an object array, and
    everything else a :class:`BlockDiagonal` whose blocks keep their structure.

    Parameters
    ----------
    *blocks : arrays or operators
        Matrices b × c, from the upper left on. Exact blocks are arrays of dtype object.

    Returns
    -------
    KroneckerSparse, BlockDiagonal or array
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
    if _exact(blocks):
        return _exact_block_diag([_as_matrix(block, "block_diag") for block in blocks])
    parts = [_as_operator(block, "block_diag") for block in blocks]
    if all(type(part) is Dense and part.shape == parts[0].shape for part in parts):
        return KroneckerSparse(np.stack([part.factors[0] for part in parts])[:, None], (len(parts), *parts[0].shape, 1))
    return BlockDiagonal(parts)


def _exact_block_diag(arrays: list[Array]) -> Array:
    """Block diagonal of arrays that hold Python numbers."""
    rows, columns = (sum(array.shape[axis] for array in arrays) for axis in (0, 1))
    out = np.zeros((rows, columns), object)
    i = j = 0
    for array in arrays:
        out[i : i + array.shape[0], j : j + array.shape[1]] = array
        i, j = i + array.shape[0], j + array.shape[1]
    return out


@overload
def hstack(matrices: Sequence[StructuredOperator]) -> StructuredOperator: ...
@overload
def hstack(matrices: Sequence[Any]) -> Any: ...
def hstack(matrices: Sequence[Any]) -> Any:
    """Matrices side by side, [A B …].

    Parameters
    ----------
    matrices : sequence of arrays or operators
        Of equal numbers of rows. Operators keep their structure; arrays alone give one :class:`Dense`, exact ones an object array.

    Returns
    -------
    HStack, Dense or array

    Raises
    ------
    ValueError
        If there is none, one is not a matrix, or the numbers of rows differ.

    Examples
    --------
    >>> km.hstack([km.eye(4), km.Kronecker(np.ones((2, 2)), np.ones((2, 3)))])
    HStack(4×10, Permutation(4×4) | Kronecker(4×6), 10 parameters)
    >>> km.hstack([np.ones((2, 1)), np.ones((2, 2))])
    Dense(2×3, 6 parameters)
    """
    return _stack(matrices, "hstack", HStack, np.hstack)


@overload
def vstack(matrices: Sequence[StructuredOperator]) -> StructuredOperator: ...
@overload
def vstack(matrices: Sequence[Any]) -> Any: ...
def vstack(matrices: Sequence[Any]) -> Any:
    """Matrices one above another, [A; B; …].

    Parameters
    ----------
    matrices : sequence of arrays or operators
        Of equal numbers of columns. Operators keep their structure; arrays alone give one :class:`Dense`, exact ones an object
        array.

    Returns
    -------
    VStack, Dense or array

    Raises
    ------
    ValueError
        If there is none, one is not a matrix, or the numbers of columns differ.

    Examples
    --------
    >>> km.vstack([km.eye(4), km.Kronecker(np.ones((1, 2)), np.ones((3, 2)))])
    VStack(7×4, Permutation(4×4) / Kronecker(3×4), 8 parameters)
    """
    return _stack(matrices, "vstack", VStack, np.vstack)


def _stack(matrices: Sequence[Any], name: str, lazy: Callable[..., Any], joined: Callable[..., Array]) -> Any:
    """Matrices beside or below each other: an array if all are exact, dense if all are, else a lazy operator."""
    listed = tuple(matrices)
    if not listed:
        raise ValueError(f"{name}: expected at least one matrix")
    if _exact(listed):
        return joined([_as_matrix(matrix, name) for matrix in listed])
    parts = [_as_operator(matrix, name) for matrix in listed]
    stacked = lazy(parts)  # checks the shapes
    return Dense(joined([part.factors[0] for part in parts])) if all(type(p) is Dense for p in parts) else stacked


def _exact(matrices: tuple[Any, ...]) -> bool:
    """Whether any argument holds objects: symbols, fractions, integers of any size."""
    return any(
        not isinstance(m, LinearOperator) and not issparse(m) and np.asarray(m).dtype == object for m in matrices
    )


def _as_operator(matrix: Any, name: str) -> StructuredOperator:
    return matrix if isinstance(matrix, StructuredOperator) else Dense(_as_matrix(matrix, name))


def _as_matrix(matrix: Any, name: str) -> Array:
    array = entries(matrix, f"{name}: an argument")
    if array.ndim != 2:
        raise ValueError(f"{name}: an argument has shape {array.shape}: expected matrices")
    return array
