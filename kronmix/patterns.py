"""The pattern algebra of Kronecker-sparse factors (T9-T13).

A pattern (a, b, c, d) is the support I_a ⊗ 1_{b×c} ⊗ I_d of an abd × acd matrix. Values are stored as
``values[a, d, b, c]``; rows are indexed (i_a, i_b, i_d) and columns (i_a, i_c, i_d), last index fastest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from .checks import integer

Array = np.ndarray[Any, np.dtype[Any]]

__all__ = [
    "Pattern",
    "butterfly_patterns",
    "chain_product",
    "digit_reversal",
    "is_chainable",
    "mixer_patterns",
    "monarch_patterns",
    "prime_factors",
]


class _Sizes(NamedTuple):
    a: int
    b: int
    c: int
    d: int


class Pattern(_Sizes):
    """Support I_a ⊗ 1_{b×c} ⊗ I_d of a Kronecker-sparse factor; behaves as the tuple (a, b, c, d).

    Parameters
    ----------
    a, b, c, d : int
        At least 1. a diagonal blocks, each a b × c grid of d × d diagonals.

    Raises
    ------
    TypeError
        If a size is not an integer.
    ValueError
        If a size is below 1.

    References
    ----------
    Le, Zheng, Riccietti & Gribonval, *Butterfly factorization with error guarantees*, arXiv 2411.04506 (T9, T11).

    Examples
    --------
    >>> import kronmix as km
    >>> left, right = km.monarch_patterns(2, 3, 4, 5)
    >>> left.chainable(right), left * right
    (True, Pattern(a=1, b=8, c=15, d=1))
    >>> right.shape, right.nnz, right.density
    ((12, 15), 60, 0.3333333333333333)
    """

    __slots__ = ()

    def __new__(cls, a: int, b: int, c: int, d: int) -> Pattern:
        sizes = zip("abcd", (a, b, c, d), strict=True)
        return super().__new__(cls, *(integer(size, f"Pattern: {name}") for name, size in sizes))

    @classmethod
    def full(cls, rows: int, columns: int) -> Pattern:
        """Pattern (1, rows, columns, 1) of a matrix without zeros."""
        return cls(1, rows, columns, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows abd and columns acd."""
        return self.a * self.b * self.d, self.a * self.c * self.d

    @property
    def nnz(self) -> int:
        """Entries of the support, abcd."""
        return self.a * self.b * self.c * self.d

    @property
    def density(self) -> float:
        """Share of the entries in the support, 1/(ad)."""
        return 1 / (self.a * self.d)

    @property
    def transpose(self) -> Pattern:
        """Pattern of the transposed factor, (a, c, b, d)."""
        return type(self)._make((self.a, self.c, self.b, self.d))  # sizes that are checked already

    @property
    def values_shape(self) -> tuple[int, int, int, int]:
        """Shape (a, d, b, c) of the full values array."""
        return self.a, self.d, self.b, self.c

    def chain_rank(self, other: Pattern) -> int | None:
        """Rank r of the slices of a product with ``other`` (T11), or None if the two are not chainable."""
        (a1, _, c1, d1), (a2, b2, _, d2) = self, other
        if a2 % a1 or d1 % d2 or (a1 * c1) % a2 or (b2 * d2) % d1 or a1 * c1 * d1 != a2 * b2 * d2:
            return None
        return a1 * c1 // a2

    def chainable(self, other: Pattern) -> bool:
        """Whether every product of factors of the two patterns has the pattern ``self * other`` (T11)."""
        return self.chain_rank(Pattern(*other)) is not None

    def __mul__(self, other: Any) -> Pattern:
        """Pattern of the product, (a₁, b₁d₁/d₂, a₂c₂/a₁, d₂); raises ValueError if not chainable (T11)."""
        other = Pattern(*other)
        if self.chain_rank(other) is None:
            raise ValueError(
                f"{self} and {other} are not chainable: need r = a1*c1/a2 = b2*d2/d1 an integer, a1 | a2, d2 | d1"
            )
        return Pattern(self.a, self.b * self.d // other.d, other.a * other.c // self.a, other.d)

    def values(self, matrix: Array) -> Array:
        """Entries of a matrix on the support, as values[a, d, b, c]."""
        a, b, c, d = self
        ia, id_ = np.arange(a)[:, None], np.arange(d)
        return np.asarray(matrix.reshape(a, b, d, a, c, d)[ia, :, id_, ia, :, id_])

    def support(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Dense boolean support, for small patterns and pictures."""
        ones = np.ones((self.b, self.c), dtype=bool)
        return np.kron(np.kron(np.eye(self.a, dtype=bool), ones), np.eye(self.d, dtype=bool))


def is_chainable(patterns: Iterable[Pattern]) -> bool:
    """Whether each pattern is chainable with the next (T11).

    Parameters
    ----------
    patterns : iterable of Pattern or (a, b, c, d)
        Leftmost factor first. Fewer than two are chainable.

    Examples
    --------
    >>> from kronmix.patterns import is_chainable
    >>> is_chainable(km.butterfly_patterns(12)), is_chainable(km.butterfly_patterns(12)[::-1])
    (True, False)
    """
    listed = [Pattern(*p) for p in patterns]
    return all(left.chainable(right) for left, right in itertools.pairwise(listed))


def chain_product(patterns: Iterable[Pattern]) -> Pattern:
    """Pattern of the product of a chain, leftmost first (T11).

    Parameters
    ----------
    patterns : iterable of Pattern or (a, b, c, d)
        At least one, each chainable with the next.

    Raises
    ------
    ValueError
        If the list is empty or two neighbours are not chainable.

    Examples
    --------
    >>> from kronmix.patterns import chain_product
    >>> chain_product(km.butterfly_patterns(16))
    Pattern(a=1, b=16, c=16, d=1)
    """
    listed = [Pattern(*p) for p in patterns]
    if not listed:
        raise ValueError("patterns is empty: expected at least one Pattern")
    return reduce(lambda left, right: left * right, listed)


def monarch_patterns(p: int, k: int, q: int, s: int, rank: int = 1) -> tuple[Pattern, Pattern]:
    """Patterns of a Monarch matrix of shape (pq) × (ks) and block rank ``rank``: (1, p, k·r, q) * (k, q·r, s, 1) (T12).

    Parameters
    ----------
    p, k, q, s : int
        The matrix has q·k slices of size p × s: slice (i_q, i_k) holds the rows (·, i_q) and the columns (i_k, ·).
    rank : int
        Largest rank r of a slice.

    Returns
    -------
    (Pattern, Pattern)
        Of the left and of the right factor.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    Dao et al., *Monarch: expressive structured matrices for efficient and accurate training*, ICML 2022 (T12).

    Examples
    --------
    >>> km.monarch_patterns(2, 3, 4, 5)
    (Pattern(a=1, b=2, c=3, d=4), Pattern(a=3, b=4, c=5, d=1))
    """
    return Pattern(1, p, k * rank, q), Pattern(k, q * rank, s, 1)


def prime_factors(n: int) -> tuple[int, ...]:
    """Prime factors of n ≥ 1 in ascending order, with multiplicity.

    Parameters
    ----------
    n : int
        At least 1; 1 gives (1,), so that the factors always multiply to n.

    Raises
    ------
    ValueError
        If n < 1.

    Examples
    --------
    >>> from kronmix.patterns import prime_factors
    >>> prime_factors(12), prime_factors(1)
    ((2, 2, 3), (1,))
    """
    integer(n, "n")
    found, p = [], 2
    while p * p <= n:
        while n % p == 0:
            found.append(p)
            n //= p
        p += 1
    return (*found, n) if n > 1 or not found else tuple(found)


def butterfly_patterns(n: int, radices: Sequence[int] | None = None) -> tuple[Pattern, ...]:
    """Patterns of an n × n butterfly, leftmost first: (∏_{j<i} p_j, p_i, p_i, ∏_{j>i} p_j) (T13).

    Parameters
    ----------
    n : int
        Any size; its prime factors are the default radices (powers of two give the usual 2 × 2 butterflies).
    radices : sequence of int, optional
        Radices whose product is n, leftmost factor first.

    Raises
    ------
    ValueError
        If n < 1 or the radices do not multiply to n.

    Examples
    --------
    >>> km.butterfly_patterns(12)
    (Pattern(a=1, b=2, c=2, d=6), Pattern(a=2, b=2, c=2, d=3), Pattern(a=4, b=3, c=3, d=1))
    """
    chosen = prime_factors(n) if radices is None else tuple(radices)
    if int(np.prod(chosen)) != n:
        raise ValueError(f"radices={chosen} multiply to {int(np.prod(chosen))}: expected n={n}")
    before = np.cumprod([1, *chosen])
    return tuple(Pattern(int(a), p, p, n // (int(a) * p)) for a, p in zip(before, chosen, strict=False))


def digit_reversal(n: int, radices: Sequence[int] | None = None) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Digit-reversal permutation of range(n): bit reversal when n is a power of two.

    The DFT matrix with its *columns* taken in this order is a product of butterfly factors:
    ``dft[:, digit_reversal(n)]`` (T11, T13).

    Parameters
    ----------
    n : int
        At least 1.
    radices : sequence of int, optional
        Radices whose product is n, in the order of the factors of ``butterfly_patterns``; the prime factors of n by default.

    Returns
    -------
    integer array of shape (n,)

    Raises
    ------
    ValueError
        If n < 1 or the radices do not multiply to n.

    Examples
    --------
    >>> from kronmix.patterns import digit_reversal
    >>> digit_reversal(8)
    array([0, 4, 2, 6, 1, 5, 3, 7])
    """
    chosen = prime_factors(n) if radices is None else tuple(radices)
    if int(np.prod(chosen)) != n:
        raise ValueError(f"radices={chosen} multiply to {int(np.prod(chosen))}: expected n={n}")
    return np.arange(n).reshape(chosen[::-1]).transpose().ravel()


def mixer_patterns(S: int, C: int) -> tuple[Pattern, Pattern]:
    """Patterns of a linear Mixer layer, channel mixing times token mixing: (1, C, C, S) * (C, S, S, 1) (T10, T12).

    Parameters
    ----------
    S, C : int
        Tokens and channels.

    Returns
    -------
    (Pattern, Pattern)
        Of Vᵀ ⊗ I_S and of I_C ⊗ W, in the order in which they multiply.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    Hayase & Karakida, *Understanding MLP-Mixer as a wide and sparse MLP*, ICML 2024 (T3, T4).

    Examples
    --------
    >>> channel, token = km.mixer_patterns(2, 3)
    >>> channel, token, channel * token
    (Pattern(a=1, b=3, c=3, d=2), Pattern(a=3, b=2, c=2, d=1), Pattern(a=1, b=6, c=6, d=1))
    """
    return Pattern(1, C, C, S), Pattern(C, S, S, 1)
