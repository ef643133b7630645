"""Eigenvectors that all terms of a sum of Kronecker products share, and triangular forms of two terms (T29)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import scipy.linalg

from .items import Array, Identity, Matrix
from .kinds import Form, Slots, Terms, terms_of

#: Matrices count as commuting, normal or Hermitian up to this many units of rounding.
_ROUNDING = 64


@dataclass(frozen=True)
class Diagonalized:
    """Σ_t c_t ⊗_j M_tj = Q diag(values) Qᴴ with Q = ⊗_j Q_j unitary.

    Attributes
    ----------
    bases : tuple of arrays or Identity
        Q_j of every item.
    values : array of shape (n₁, …, n_k)
        Eigenvalues, by the index of every item; real where the sum is Hermitian.
    """

    bases: tuple[Any, ...]
    values: Array

    @property
    def basis(self) -> Slots:
        """Q."""
        return Slots(tuple(b if isinstance(b, Identity) else Matrix(b) for b in self.bases))


def diagonalized(form: Slots | Terms) -> Diagonalized | None:
    """The unitary eigenvectors that terms of square items share; None where there are none. Found once for every form."""
    if form not in _diagonalized:
        _diagonalized[form] = _diagonalize(terms_of(form))
    return _diagonalized[form]


#: What was found for forms that are still in use: a solve and a determinant of one operator share it.
_diagonalized: WeakKeyDictionary[Form, Diagonalized | None] = WeakKeyDictionary()
_triangularized: WeakKeyDictionary[Form, Triangular | None] = WeakKeyDictionary()


def _diagonalize(terms: Sequence[Slots]) -> Diagonalized | None:
    """One orthonormal basis that diagonalizes all terms, with the sum's eigenvalues, or None."""
    if not terms[0].is_square:
        return None
    bases: list[Any] = []
    spectra: list[list[Array]] = [[] for _ in terms]
    for column in zip(*(term.items for term in terms), strict=True):
        basis, values = _shared_basis(column)
        if values is None:
            return None
        bases.append(basis)
        for listed, value in zip(spectra, values, strict=True):
            listed.append(value)
    total = reduce(
        np.add, (_outer(term.scale, term.dtype, listed) for term, listed in zip(terms, spectra, strict=True))
    )
    return Diagonalized(tuple(bases), total)


def _outer(scale: complex, dtype: Any, vectors: list[Array]) -> Array:
    """scale · v₁ ⊗ … ⊗ v_k as a tensor with one axis a vector."""
    k = len(vectors)
    shaped = (v.reshape([-1 if i == j else 1 for i in range(k)]) for j, v in enumerate(vectors))
    return reduce(np.multiply, shaped, np.asarray(scale, _kind(scale, dtype)))


def _kind(scale: complex, dtype: Any) -> Any:
    """The dtype of a scale: real where it is, as eigenvalues of complex Hermitian matrices are."""
    real = np.zeros(0, dtype).real.dtype
    return np.result_type(real, np.complex64) if isinstance(scale, complex) else real


def _shared_basis(column: tuple[Any, ...]) -> tuple[Any, list[Array] | None]:
    """Eigenvectors common to the items of one place, and each item's eigenvalues in that basis; (…, None) where there are none."""
    n = column[0].rows
    matrices = [item.array for item in column if isinstance(item, Matrix)]
    if not matrices:
        return Identity(n), [np.ones(n, np.float32) for _ in column]
    dtype = np.result_type(*matrices)
    # The eigenvectors of one combination with generic weights are shared by all, if any are.
    distinct = [matrices[0], *(m for m in matrices[1:] if m is not matrices[0])]
    weights = np.random.default_rng(0).uniform(0.5, 1.5, len(distinct))
    combined = reduce(np.add, (w * m / _scale_of(m) for w, m in zip(weights, distinct, strict=True)))
    Q = _unitary_basis(np.asarray(combined, dtype))
    if Q is None:
        return None, None
    values = []
    for item in column:
        if isinstance(item, Identity):
            values.append(np.ones(n, np.float32))
            continue
        inner = Q.conj().T @ item.array @ Q
        diagonal = np.diagonal(inner)
        eps = float(np.finfo(inner.dtype).eps)
        if np.linalg.norm(inner - np.diag(diagonal)) > _ROUNDING * n * eps * np.linalg.norm(inner):
            return None, None
        values.append(diagonal.real if is_hermitian(item.array) else diagonal.copy())
    return Q, values


def _scale_of(matrix: Array) -> float:
    """‖M‖, or 1 for M = 0."""
    return float(np.linalg.norm(matrix)) or 1.0


def is_hermitian(matrix: Array) -> bool:
    """Whether a matrix is Hermitian up to the rounding of sums over its size."""
    if matrix.shape[0] != matrix.shape[1]:
        return False
    eps = float(np.finfo(matrix.dtype).eps) if matrix.dtype.kind in "fc" else 0.0
    return bool(
        np.abs(matrix - matrix.conj().T).max(initial=0.0) <= 4 * len(matrix) * eps * np.abs(matrix).max(initial=0.0)
    )


def _unitary_basis(matrix: Array) -> Array | None:
    """Unitary eigenvectors of a normal matrix; None where it is not normal."""
    if is_hermitian(matrix):
        return np.asarray(np.linalg.eigh(matrix)[1])
    commutator = matrix @ matrix.conj().T - matrix.conj().T @ matrix
    eps = float(np.finfo(matrix.dtype).eps)
    if np.linalg.norm(commutator) > _ROUNDING * len(matrix) * eps * np.linalg.norm(matrix) ** 2:
        return None
    return np.asarray(scipy.linalg.schur(matrix, output="complex")[1])


@dataclass(frozen=True)
class Triangular:
    """Σ_t c_t ⊗_j M_tj = (⊗ Q_j) (Σ_t c_t ⊗_j T_tj) (⊗ Z_jᴴ) with every T_tj upper triangular, Q_j and Z_j unitary.

    Attributes
    ----------
    left, right : tuple of arrays
        Q_j and Z_j.
    factors : tuple of tuples of arrays
        T_tj, term by term.
    scales : tuple of numbers
        c_t.
    """

    left: tuple[Array, ...]
    right: tuple[Array, ...]
    factors: tuple[tuple[Array, ...], ...]
    scales: tuple[complex, ...]

    def diagonal(self) -> Array:
        """Diagonal of the triangular sum, by the index of every item."""
        terms = (
            _outer(c, np.float64, [np.diagonal(T) for T in row])
            for c, row in zip(self.scales, self.factors, strict=True)
        )
        return reduce(np.add, terms)


def triangularized(form: Terms) -> Triangular | None:
    """Triangular forms that all terms share: Schur where every place holds one matrix beside identities, QZ for two terms (T29)."""
    if form not in _triangularized:
        _triangularized[form] = _triangularize(form.terms)
    return _triangularized[form]


def _triangularize(terms: Sequence[Slots]) -> Triangular | None:
    """Unitary Q and Z, slot by slot, that make all terms upper triangular, or None."""
    if not terms[0].is_square:
        return None
    left, right, rows = [], [], [[] for _ in terms]  # type: ignore[var-annotated]
    for column in zip(*(term.items for term in terms), strict=True):
        found = _triangular_column(column)
        if found is None:
            return None
        Q, Z, triangles = found
        left.append(Q)
        right.append(Z)
        for row, T in zip(rows, triangles, strict=True):
            row.append(T)
    return Triangular(tuple(left), tuple(right), tuple(map(tuple, rows)), tuple(term.scale for term in terms))


def _triangular_column(column: tuple[Any, ...]) -> tuple[Array, Array, list[Array]] | None:
    """The same for one slot's items: by a Schur form of one matrix, or QZ of two."""
    n = column[0].rows
    arrays = [np.eye(n) if isinstance(item, Identity) else item.array for item in column]
    distinct = [a for a, item in zip(arrays, column, strict=True) if isinstance(item, Matrix)]
    if not distinct:
        return np.eye(n), np.eye(n), arrays
    if all(a is distinct[0] for a in distinct):
        T, Q = scipy.linalg.schur(distinct[0].astype(np.result_type(distinct[0], np.float64)), output="complex")
        return Q, Q, [T if isinstance(item, Matrix) else np.eye(n) for item in column]
    if len(column) != 2:
        return None
    S, T, Q, Z = _qz(*(a.astype(np.result_type(a, np.float64)) for a in arrays))
    return Q, Z, [S, T]


def _qz(A: Array, B: Array) -> tuple[Array, Array, Array, Array]:
    """S, T, Q, Z with A = Q S Zᴴ, B = Q T Zᴴ, S and T triangular and complex; real matrices by the real QZ, half the time."""
    if np.iscomplexobj(A) or np.iscomplexobj(B):
        return scipy.linalg.qz(A.astype(complex), B.astype(complex), output="complex")
    S, T, Q, Z = scipy.linalg.qz(A, B, output="real")
    if not (pairs := np.flatnonzero(np.diagonal(S, -1))).size:
        return S, T, Q, Z
    rows, columns = (np.eye(len(A), dtype=complex) for _ in range(2))
    block = pairs[:, None, None] + np.arange(2)[:, None], pairs[:, None, None] + np.arange(2)
    # Of a 2 × 2 pencil with a pair of eigenvalues: z an eigenvector, and T z what the first row is turned to.
    z = np.linalg.eig(np.linalg.solve(T[block], S[block]))[1][:, :, :1]
    rows[block], columns[block] = _rotation(T[block] @ z), _rotation(z)
    S, T = (np.triu(rows.conj().T @ M @ columns) for M in (S, T))
    return S, T, Q @ rows, Z @ columns


def _rotation(x: Array) -> Array:
    """Unitary 2 × 2 matrices whose first columns are in the direction of x, shape (…, 2, 1)."""
    x = x / np.linalg.norm(x, axis=-2, keepdims=True)
    a, b = x[..., :1, :], x[..., 1:, :]
    return np.concatenate([x, np.concatenate([-b.conj(), a.conj()], axis=-2)], axis=-1)
