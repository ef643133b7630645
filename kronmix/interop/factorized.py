"""lazylinop's and pyfaust's products of sparse factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from ..extras import needed
from ..operators import Dense, KroneckerSparse, StructuredOperator
from ..operators.arrays import Array
from ..patterns import Pattern
from .chains import factors_of, from_sparse, kronecker_sparse_chain, product_of


def ks_values(op: StructuredOperator) -> list[Array]:
    """Values of the operator's Kronecker-sparse factors in lazylinop's order (a, b, c, d), leftmost factor first (T9).

    Parameters
    ----------
    op : StructuredOperator
        A Kronecker-sparse factor or a product of such: Monarch, butterfly, Kronecker product, sum of Kronecker products, low rank.

    Returns
    -------
    list of arrays
        Shared values are written out.

    Raises
    ------
    TypeError
        If a part is no Kronecker-sparse factor.

    Examples
    --------
    >>> [values.shape for values in km.interop.ks_values(km.Kronecker(np.ones((2, 3)), np.ones((4, 5))))]
    [(1, 2, 3, 4), (3, 4, 5, 1)]
    """
    chain = kronecker_sparse_chain(op, "lazylinop's ksm")
    full = (np.broadcast_to(factor.values, factor.pattern.values_shape) for factor in chain)
    return [np.ascontiguousarray(values.transpose(0, 2, 3, 1)) for values in full]


def from_ks_values(values: list[Any]) -> StructuredOperator:
    """Make an operator of lazylinop's values, the inverse of ``ks_values`` (T9).

    Parameters
    ----------
    values : list of arrays of shape (a, b, c, d)
        Leftmost factor first.

    Returns
    -------
    KroneckerSparse, or a Chain of several

    Raises
    ------
    ValueError
        If there is none, one has not four axes, or two neighbours do not fit.

    Examples
    --------
    >>> op = km.interop.from_ks_values([np.ones((1, 2, 3, 4)), np.ones((3, 4, 5, 1))])
    >>> op.shape, op.pattern
    ((8, 15), Pattern(a=1, b=8, c=15, d=1))
    """
    arrays = [np.asarray(array) for array in values]
    if not arrays or any(array.ndim != 4 for array in arrays):
        raise ValueError(
            f"values have shapes {[array.shape for array in arrays]}: expected arrays (a, b, c, d), at least one"
        )
    factors: list[StructuredOperator] = [
        KroneckerSparse(array.transpose(0, 3, 1, 2), Pattern(*array.shape)) for array in arrays
    ]
    return product_of(factors)


def to_lazylinop(op: StructuredOperator) -> Any:
    """Make lazylinop's ``ksm`` operator, the same product of Kronecker-sparse factors (T9).

    Parameters
    ----------
    op : StructuredOperator
        As for ``ks_values``.

    Returns
    -------
    lazylinop.butterfly.KsmLazyLinOp

    Raises
    ------
    ImportError
        If lazylinop is missing.
    TypeError
        If the operator is no product of Kronecker-sparse factors. Whatever it is, ``lazylinop.aslazylinop(op)`` multiplies with it.

    Examples
    --------
    >>> km.interop.to_lazylinop(km.Kronecker(np.eye(2), np.eye(3))).ks_values  # doctest: +SKIP
    """
    values = ks_values(op)
    with needed("to_lazylinop", "lazylinop pandas psutil"):
        from lazylinop.butterfly import ksm
    return ksm(values)


def from_lazylinop(operator: Any) -> StructuredOperator:
    """Make an operator of lazylinop's ``ksm`` or ``ksd`` operator (T9).

    Parameters
    ----------
    operator : lazylinop.butterfly.KsmLazyLinOp

    Returns
    -------
    KroneckerSparse, or a Chain of several

    Raises
    ------
    TypeError
        If it holds no Kronecker-sparse factors.

    Examples
    --------
    >>> class Theirs:  # what of lazylinop's operator is read
    ...     ks_values = [np.ones((1, 2, 3, 4)), np.ones((3, 4, 5, 1))]
    >>> km.interop.from_lazylinop(Theirs()).shape
    (8, 15)
    """
    values = getattr(operator, "ks_values", None)
    if values is None:
        raise TypeError(
            f"{type(operator).__name__} holds no ks_values: expected what lazylinop.butterfly.ksm or ksd gives"
        )
    return from_ks_values(list(values))


def sparse_factors(op: StructuredOperator) -> list[Any]:
    """The operator as a product of SciPy ``csr_matrix`` and dense factors, leftmost first, as pyfaust takes them.

    Parameters
    ----------
    op : StructuredOperator
        Any; one that is no product gives itself as one sparse matrix.

    Returns
    -------
    list of csr_matrix and arrays
        Of one dtype.

    Examples
    --------
    >>> op = km.Kronecker(np.ones((2, 3)), np.ones((4, 5)))
    >>> [factor.shape for factor in km.interop.sparse_factors(op)]
    [(8, 12), (12, 15)]
    """
    dtype = np.result_type(np.float32, op.dtype)
    return [
        factor.to_dense().astype(dtype)
        if isinstance(factor, Dense)
        else scipy.sparse.csr_matrix(factor.to_sparse().astype(dtype))
        for factor in factors_of(op)
    ]


def from_sparse_factors(factors: list[Any]) -> StructuredOperator:
    """Make an operator of a product of sparse and dense matrices, each in the structure that its support shows (T9).

    Parameters
    ----------
    factors : list of SciPy sparse matrices and arrays
        Leftmost first.

    Returns
    -------
    StructuredOperator
        Kronecker-sparse factors, permutations, dense matrices, and entries under a mask for any other support; a Chain of several.

    Raises
    ------
    ValueError
        If there is none, or two neighbours do not fit.

    Examples
    --------
    >>> op = km.Monarch(np.ones((4, 2, 3)), np.ones((3, 4, 5)))
    >>> km.interop.from_sparse_factors(km.interop.sparse_factors(op)).operators
    (KroneckerSparse(8×12, pattern (1, 2, 3, 4), 24 parameters), KroneckerSparse(12×15, pattern (3, 4, 5, 1), 60 parameters))
    """
    if not factors:
        raise ValueError("factors is empty: expected at least one")
    return product_of(
        [
            from_sparse(scipy.sparse.csr_array(factor)) if scipy.sparse.issparse(factor) else Dense(factor)
            for factor in factors
        ]
    )


def to_pyfaust(op: StructuredOperator) -> Any:
    """Make a ``pyfaust.Faust`` of the operator's factors.

    Parameters
    ----------
    op : StructuredOperator
        Any; see ``sparse_factors``.

    Returns
    -------
    pyfaust.Faust

    Raises
    ------
    ImportError
        If pyfaust is missing.

    Examples
    --------
    >>> km.interop.to_pyfaust(km.Kronecker(np.eye(2), np.eye(3))).numfactors()  # doctest: +SKIP
    2
    """
    factors = sparse_factors(op)
    with needed("to_pyfaust"):
        from pyfaust import Faust
    return Faust(factors)


def from_pyfaust(faust: Any) -> StructuredOperator:
    """Make an operator of a ``pyfaust.Faust``.

    Parameters
    ----------
    faust : pyfaust.Faust

    Returns
    -------
    StructuredOperator
        As ``from_sparse_factors``.

    Raises
    ------
    TypeError
        If it is no Faust.

    Examples
    --------
    >>> class Theirs:  # what of a Faust is read
    ...     numfactors = lambda self: 2
    ...     factors = lambda self, i: (np.ones((2, 3)), np.ones((3, 4)))[i]
    >>> km.interop.from_pyfaust(Theirs())
    Chain(2×4, Dense(2×3) · Dense(3×4), 18 parameters)
    """
    if not hasattr(faust, "numfactors") or not hasattr(faust, "factors"):
        raise TypeError(f"{type(faust).__name__} is no pyfaust.Faust")
    return from_sparse_factors([faust.factors(i) for i in range(faust.numfactors())])
