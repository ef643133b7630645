"""The contract of every structured matrix: SciPy's LinearOperator, plus factors, pullbacks and counts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from numbers import Number
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator

from ..checks import MAX_BYTES, check_memory, explicit
from ..forms import Form, Opaque, inverse, power, pseudo_inverse
from ..patterns import Pattern
from . import algebra
from .arrays import Array, columns, read_only, real_as, rows_of
from .copies import reduced
from .indexing import item

#: Maps (ȳ, whether x̄ is wanted) to (gradients of the factors, x̄ or None).
Pull = Callable[[Array, bool], tuple[tuple[Array, ...], Array | None]]


class StructuredOperator(LinearOperator):
    """A matrix known through its factors; immutable.

    A subclass sets ``factors`` and ``shape`` and defines ``with_factors``, ``_apply``, ``_transpose``, one of ``_pullback``
    and ``_vjp``, and ``connections``. All else (SciPy's methods, ``@``, ``.H``, explicit matrices, counts) follows from these.

    Parameters
    ----------
    shape : (rows, columns)
        Of the effective matrix.
    factors : tuple of arrays
        Trainable numbers, kept as read-only views; float32, float64, complex64 or complex128. The operator's dtype is what they
        promote to.

    Notes
    -----
    ``@`` takes arrays, SciPy's sparse matrices and operators on both sides, and data frames on the right. On the left a data frame
    multiplies by itself and asks for an array: write ``frame.to_numpy() @ op``. An operator is no array: ``op.to_dense()`` is one.

    Examples
    --------
    A structure of one's own, u vᵀ, checked against its dense matrix and used beside the others:

    >>> class Outer(km.StructuredOperator):
    ...     def __init__(self, u, v):
    ...         super().__init__((u.size, v.size), (u, v))
    ...     def with_factors(self, *arrays):
    ...         return Outer(*arrays)
    ...     def _apply(self, X):
    ...         return self.factors[0][:, None] * (self.factors[1] @ X)
    ...     def _pullback(self, X, Y_bar):
    ...         u, v = self.factors
    ...         return Y_bar @ (v @ X).conj(), X.conj() @ (u.conj() @ Y_bar)
    ...     def _transpose(self):
    ...         return Outer(*self.factors[::-1])
    ...     connections = property(lambda self: self.n_parameters)
    >>> op = Outer(np.arange(1.0, 4.0), np.ones(4))
    >>> km.testing.check_operator(op)
    >>> op @ km.Kronecker(np.eye(2), np.ones((2, 2)))
    Chain(3×4, Outer(3×4) · Kronecker(4×4), 15 parameters)
    """

    __array_ufunc__ = None  # so that ndarray @ operator reaches __rmatmul__
    shape: tuple[int, int]
    factors: tuple[Array, ...]
    #: Pattern (a, b, c, d) of the effective matrix where it has one (T9, T11).
    pattern: Pattern | None = None

    def __init__(self, shape: tuple[int, int], factors: tuple[Array, ...]) -> None:
        # float32 is the neutral element of promotion among float32, float64, complex64 and complex128.
        super().__init__(np.result_type(np.float32, *factors), shape)
        self.factors = tuple(read_only(factor) for factor in factors)

    @classmethod
    def _of(cls, shape: tuple[int, int], factors: tuple[Array, ...], **attributes: Any) -> Self:
        """An operator whose parts are known to fit: training makes some at every step, and checks would take a part of it."""
        new = object.__new__(cls)
        new.__dict__.update(_smallest(), dtype=np.result_type(np.float32, *factors), shape=shape)
        new.__dict__.update(attributes, factors=tuple(read_only(factor) for factor in factors))
        return new

    # ---- what a structure defines -----------------------------------------------------------------------------------

    def with_factors(self, *arrays: Any) -> Self:
        """Return the same structure with other values of its factors (same number and shapes)."""
        raise NotImplementedError

    @property
    def connections(self) -> int:
        """Non-zeros summed over the factors: multiply-adds to apply the operator to one vector."""
        raise NotImplementedError

    def _apply(self, X: Array) -> Array:
        """Apply to columns: (columns, batch) -> (rows, batch)."""
        raise NotImplementedError

    def _pullback(self, X: Array, Y_bar: Array) -> tuple[Array, ...]:
        return self._vjp(X)[1](Y_bar, False)[0]

    def _vjp(self, X: Array) -> tuple[Array, Pull]:
        def pull(Y_bar: Array, with_input: bool) -> tuple[tuple[Array, ...], Array | None]:
            return self._pullback(X, Y_bar), self._adjoint()._apply(Y_bar) if with_input else None

        return self._apply(X), pull

    def _form(self) -> Form:
        """What matrix this is, as a normal form of ``kronmix.forms``; opaque unless a structure says more."""
        return Opaque(self)

    def _arguments(self) -> tuple[Any, ...]:
        """What the class is called with to make this operator again: arrays, numbers, operators, and tuples of such.

        With it an operator is pickled, copied and saved without what follows from them; a class that has none of its own is
        pickled attribute by attribute and cannot be saved with ``km.save``.
        """
        raise TypeError(f"{type(self).__name__} does not say what it is made from: define _arguments()")

    # ---- the contract -----------------------------------------------------------------------------------------------

    def pullback(self, x: Any, y_bar: Any) -> tuple[Array, ...]:
        """Gradients of Re⟨y_bar, self @ x⟩ with respect to each factor (T18).

        Parameters
        ----------
        x : array of shape (columns,) or (columns, batch)
        y_bar : array of shape (rows,) or (rows, batch)

        Returns
        -------
        tuple of arrays with the shapes of ``factors``
            Summed over the batch and over tied axes. For complex factors g is such that a change δ of the factor changes
            the value by Re⟨g, δ⟩.
        """
        X = columns(x, self.shape[1], "x", self)
        Y_bar = columns(y_bar, self.shape[0], "y_bar", self)
        if X.shape[1] != Y_bar.shape[1]:
            raise ValueError(f"x has a batch of {X.shape[1]} and y_bar of {Y_bar.shape[1]}: they must be equal")
        return real_as(self.factors, self._pullback(X, Y_bar))

    def vjp(self, x: Any) -> tuple[Array, Callable[..., tuple[tuple[Array, ...], Array | None]]]:
        """Return ``self @ x`` and a function taking ȳ to (gradients of the factors, x̄).

        One forward pass serves both: what training loops want. ``pull(y_bar, False)`` leaves out x̄ (None).

        Parameters
        ----------
        x : array of shape (columns, batch)
        """
        X = columns(x, self.shape[1], "x", self)
        Y, pull = self._vjp(X)

        def checked(y_bar: Any, with_input: bool = True) -> tuple[tuple[Array, ...], Array | None]:
            Y_bar = columns(y_bar, self.shape[0], "y_bar", self)
            gradients, X_bar = pull(Y_bar, with_input)
            return real_as(self.factors, gradients), X_bar

        return Y, checked

    @cached_property
    def form(self) -> Form:
        """The matrix in normal form: what spectra, norms, counts and solves are read from."""
        return self._form()

    @property
    def n_parameters(self) -> int:
        """Independent numbers stored."""
        return sum(factor.size for factor in self.factors)

    @property
    def nnz(self) -> int:
        """Structural non-zeros of the effective matrix (what is non-zero for generic factors)."""
        return self.pattern.nnz if self.pattern is not None else int(self.support().nnz)

    @property
    def density(self) -> float:
        """Structural non-zeros over rows · columns."""
        return self.nnz / (self.shape[0] * self.shape[1])

    def support(self) -> csr_array:
        """Structural support as a sparse boolean matrix."""
        ones = self.with_factors(*(np.ones(f.shape, np.float32) for f in self.factors))
        return csr_array(ones.to_sparse() != 0)

    def to_dense(self, max_bytes: int = MAX_BYTES) -> Array:
        """Explicit matrix; refuses with MemoryError above ``max_bytes``.

        Examples
        --------
        >>> km.Kronecker(np.eye(1_000), np.eye(200)).to_dense()
        Traceback (most recent call last):
        ...
        MemoryError: a dense 200000×200000 float64 matrix takes 320,000,000,000 bytes, above max_bytes=1,073,741,824; ...
        """
        check_memory(self.shape, self.dtype, max_bytes)
        return self._dense()

    def _dense(self) -> Array:
        return self._apply(np.eye(self.shape[1], dtype=self.dtype))

    def to_sparse(self) -> csr_array:
        """Explicit sparse matrix (CSR)."""
        return csr_array(self.to_dense())

    def inv(self) -> StructuredOperator:
        """Inverse, with the structure kept.

        Raises
        ------
        ValueError
            If the operator is not square.
        numpy.linalg.LinAlgError
            If it is singular.
        TypeError
            If its structure gives no inverse: then ``km.solve(op, b)`` solves with it.

        Examples
        --------
        >>> K = np.array([[2.0, 1.0], [1.0, 2.0]])
        >>> (km.Kronecker(K, K) + 0.5 * km.eye(4)).inv()
        Chain(4×4, Kronecker(4×4) · Diagonal(4×4) · Kronecker(4×4), 20 parameters)
        """
        if self.shape[0] != self.shape[1]:
            raise ValueError(f"inv needs a square operator: this one is {self.shape[0]}×{self.shape[1]}")
        return self._of_form(inverse(self.form), "inverse")

    def pinv(self) -> StructuredOperator:
        """Moore-Penrose pseudo-inverse, with the structure kept; raises TypeError where there is none."""
        return self._of_form(pseudo_inverse(self.form), "pseudo-inverse")

    def _of_form(self, form: Form | None, name: str) -> StructuredOperator:
        """The operator of a form; TypeError if there is none."""
        if form is None:
            raise TypeError(
                f"{type(self).__name__} has no structured {name}: solve with km.solve(op, b), or use Dense(op.to_dense())"
            )
        return algebra.operator_of(form)

    def __pow__(self, k: Any) -> StructuredOperator:
        """Integer power of a square operator; negative powers are those of the inverse."""
        if not isinstance(k, int | np.integer):
            return NotImplemented
        if self.shape[0] != self.shape[1]:
            raise ValueError(f"a power needs a square operator: this one is {self.shape[0]}×{self.shape[1]}")
        return algebra.operator_of(power(self.form if k >= 0 else self.inv().form, abs(int(k)), self.dtype))

    def __getitem__(self, key: Any) -> Any:
        """Entries, rows, columns and blocks: ``op[i, j]``, ``op[i]``, ``op[:, j]``, ``op[2:5, ::2]``, ``op[rows, columns]``."""
        return item(self, key)

    def sum(self, axis: int | None = None) -> Any:
        """Sum of all entries, of every column (axis 0) or of every row (axis 1)."""
        if axis not in (None, 0, 1, -1, -2):
            raise ValueError(f"axis={axis}: expected None, 0 or 1")
        if axis in (1, -1):
            return self._apply(np.ones((self.shape[1], 1), self.dtype))[:, 0]
        columns_sum = self._transpose()._apply(np.ones((self.shape[0], 1), self.dtype))[:, 0]
        return columns_sum if axis is not None else columns_sum.sum()

    def conj(self) -> StructuredOperator:
        """Entrywise complex conjugate (the operator itself when real)."""
        if self.dtype.kind != "c":
            return self
        return self.with_factors(*(f.conj() for f in self.factors))

    def scale(self, scalar: Any) -> StructuredOperator:
        """Multiply by a scalar, kept in the first factor."""
        if not self.factors:  # a composite of permutations
            return algebra.scaled_identity(self.shape[0], scalar) @ self
        first, *rest = self.factors
        return self.with_factors(scalar * first, *rest)

    # ---- copies and pickles -----------------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self)

    # ---- SciPy's interface ------------------------------------------------------------------------------------------

    def _matvec(self, x: Array) -> Array:
        return self._apply(explicit(x, "x").reshape(-1, 1))[:, 0]

    def _matmat(self, X: Array) -> Array:
        return self._apply(explicit(X, "X"))

    def _rmatvec(self, x: Array) -> Array:
        return self._adjoint()._matvec(x)

    def _rmatmat(self, X: Array) -> Array:
        return self._adjoint()._matmat(X)

    def _transpose(self) -> StructuredOperator:
        raise NotImplementedError

    def _adjoint(self) -> StructuredOperator:
        return self.conj()._transpose()

    def dot(self, x: Any) -> Any:
        """Matrix product with an array or an operator, or a scalar multiple."""
        return self * x if isinstance(x, Number) else self @ x

    @property
    def T(self) -> StructuredOperator:
        """The transpose."""
        return self._transpose()

    @property
    def H(self) -> StructuredOperator:
        """The conjugate transpose."""
        return self._adjoint()

    @overload
    def __matmul__(self, other: StructuredOperator) -> StructuredOperator: ...
    @overload
    def __matmul__(self, other: ArrayLike) -> Array: ...
    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, LinearOperator):
            return algebra.product(self, other)
        if algebra.is_foreign(other):
            return NotImplemented
        X = explicit(other, "x")
        if X.ndim <= 2:
            Y = self._apply(columns(X, self.shape[1], "x", self))
            return Y[:, 0] if X.ndim == 1 else Y
        # A batch of matrices, (..., n, batch): all its columns at once.
        X = np.moveaxis(X, -2, 0)
        Y = self._apply(columns(X.reshape(len(X), -1), self.shape[1], "x", self, np.shape(other)))
        return np.moveaxis(Y.reshape(self.shape[0], *X.shape[1:]), 0, -2)

    @overload
    def __rmatmul__(self, other: StructuredOperator) -> StructuredOperator: ...
    @overload
    def __rmatmul__(self, other: ArrayLike) -> Array: ...
    def __rmatmul__(self, other: Any) -> Any:
        if isinstance(other, LinearOperator):
            return algebra.product(other, self)
        if algebra.is_foreign(other):
            return NotImplemented
        X, (rows, cols) = rows_of(other, self), self.shape
        flat = X.reshape(-1, rows)
        Y = self._transpose()._apply(columns(flat.T, rows, "x", self)).T
        return Y.reshape(*X.shape[:-1], cols)

    @overload
    def __mul__(self, other: complex | np.number | StructuredOperator) -> StructuredOperator: ...
    @overload
    def __mul__(self, other: Any) -> Any: ...
    def __mul__(self, other: Any) -> Any:
        return self.scale(other) if isinstance(other, Number) else self @ other

    @overload
    def __rmul__(self, other: complex | np.number | StructuredOperator) -> StructuredOperator: ...
    @overload
    def __rmul__(self, other: Any) -> Any: ...
    def __rmul__(self, other: Any) -> Any:
        return self.scale(other) if isinstance(other, Number) else other @ self

    def __truediv__(self, scalar: Any) -> StructuredOperator:
        return self.scale(1 / scalar)

    def __neg__(self) -> StructuredOperator:
        return self.scale(-1.0)

    @overload
    def __add__(self, other: StructuredOperator) -> StructuredOperator: ...
    @overload
    def __add__(self, other: Any) -> Any: ...
    def __add__(self, other: Any) -> Any:
        return algebra.add(self, other) if isinstance(other, LinearOperator) else NotImplemented

    @overload
    def __sub__(self, other: StructuredOperator) -> StructuredOperator: ...
    @overload
    def __sub__(self, other: Any) -> Any: ...
    def __sub__(self, other: Any) -> Any:
        return algebra.subtract(self, other) if isinstance(other, LinearOperator) else NotImplemented

    def __repr__(self) -> str:
        rows, cols = self.shape
        parts = [f"{rows}×{cols}", *self._describe(), f"{self.n_parameters:,} parameters".replace(",", " ")]
        if self.dtype != np.float64:
            parts.append(str(self.dtype))
        return f"{type(self).__name__}({', '.join(parts)})"

    def _describe(self) -> list[str]:
        return []


@cache
def _smallest() -> dict[str, Any]:
    """Attributes of a 1×1 operator, and so all that SciPy's constructor sets: not the same in all its versions."""
    return dict(vars(StructuredOperator((1, 1), ())))
