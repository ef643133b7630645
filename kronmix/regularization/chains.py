"""Products: their normal form where one is known, else a certified interval (T11, T17, T28, T30).

Permutations outside are stripped, and one beside a free dense factor is absorbed. Then, in this order: a Kronecker product of
products of free matrices; two chainable factors, on their slices; two factors without sharing whose columns and rows meet in
disjoint rectangles, whatever masks and permutations made them.

Elsewhere let the m trained parts X_l of B = X₁ ⋯ X_m have ½‖θ_l‖² ≥ (k_l/2)(‖X_l‖_F²/c_l)^{1/k_l}. Hölder's inequality for Schatten
norms and the inequality of the means give R ≥ (K/2)(N²/Πc_l)^{1/K} with K = Σk_l. N is any of ‖B‖_{S_{2/m}} and, at every cut where
the two sides have chainable patterns, the sum of the slices' nuclear norms; of two linear parts a dual point tells more
(``bilinear.py``). Above, R is at most what factors cost that are balanced pair by pair, or moved to a local minimum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..decompose import nearest_chain
from ..forms.items import multiply_items
from ..forms.slices import Slicing
from ..operators import Chain, Dense, KroneckerSparse, Permutation, StructuredOperator
from ..operators.arrays import Array
from ..patterns import Pattern, chain_product, is_chainable
from .bilinear import Bilinear
from .free_products import FreeProducts
from .layouts import RectanglePieces, SlicePieces
from .multipliers import State, descend, restored
from .pairs import BetweenPermutations
from .parametrisations import (
    Growth,
    Parametrisation,
    Permuted,
    Placed,
    filled,
    least_growth,
    parameters,
    parametrisation_of,
    places,
    product_growth,
    rescaled,
    scattered,
    squared,
)
from .slots import of_items

#: Largest relative error of factors that were found for a given matrix.
TOLERANCE = 1e-9
#: Largest product of the numbers of entries and of parameters for which the factors are moved to a local minimum.
_LARGEST = 2**16
#: Relative residual of B(θ) = B below which factors count as factors of B.
_FEASIBLE = 1e-11
#: Sweeps that balance neighbours.
_SWEEPS = 30


@parametrisation_of.register
def _(op: Chain) -> Parametrisation:
    return of_product(op.operators)


def of_product(operators: Sequence[StructuredOperator]) -> Parametrisation:
    """The parametrisation of a product of numbered operators."""
    seen = BetweenPermutations.of(_absorbed(operators))
    form = _of_core(seen.inner)
    return Permuted(form, seen.rows, seen.columns) if seen.left or seen.right else form


def _absorbed(operators: Sequence[StructuredOperator]) -> list[StructuredOperator]:
    """Neighbouring permutations multiplied, and those beside a dense factor put into it (T30); no identity beside others."""
    out: list[StructuredOperator] = []
    for op in operators:
        while out and (joined := _joined(out[-1], op)) is not None:
            out.pop()
            op = joined
        out.append(op)
    kept = [op for op in out if not (isinstance(op, Permutation) and (op.indices == np.arange(op.shape[0])).all())]
    return kept or out[:1]


def _joined(left: StructuredOperator, right: StructuredOperator) -> StructuredOperator | None:
    """The product where a permutation vanishes in it."""
    match left, right:
        case Permutation(), Permutation():
            return Permutation(right.indices[left.indices])
        case Permutation(), Dense():
            return Dense(right.factors[0][left.indices])
        case Dense(), Permutation():
            return Dense(left.factors[0][:, np.argsort(right.indices)])
    return None


def _of_core(operators: Sequence[StructuredOperator]) -> Parametrisation:
    """Parametrisation of a product without permutations outside."""
    if len(operators) == 1:
        return parametrisation_of(operators[0])
    parts = [parametrisation_of(op) for op in operators]
    for known in (_kronecker, _slices, _rectangles):
        form = known(operators, parts)
        if form is not None:
            return form
    return ProductOfStructures(tuple(operators), tuple(parts))


# ---- closed forms ----------------------------------------------------------------------------------------------------


def _kronecker(operators: Sequence[StructuredOperator], parts: Sequence[Parametrisation]) -> Parametrisation | None:
    """A Kronecker product of products of free matrices."""
    product: list[Any] | None = None
    for part in parts:
        items = part.items()
        if items is None:
            return None
        product = items if product is None else multiply_items(product, items)
        if product is None:
            return None
    return None if product is None else of_items(product)


def _slices(operators: Sequence[StructuredOperator], parts: Sequence[Parametrisation]) -> Parametrisation | None:
    """Two chainable factors (T11, T12), each free or shared along a or d."""
    factors = [_values(op) for op in operators]
    if len(factors) != 2 or factors[0] is None or factors[1] is None:
        return None
    (left, X), (right, Y) = factors[0], factors[1]
    if not left.chainable(right):
        return None
    slicing = Slicing.of(left, right)
    free = [(f.shape[0] == pattern.a, f.shape[1] == pattern.d) for f, pattern in ((X, left), (Y, right))]
    (left_a, left_d), (right_a, right_d) = free
    layout = SlicePieces(left * right, slicing, (left_a, True, left_d, left_d), (right_a, right_a, True, right_d))
    return FreeProducts((layout.stack(places(X), places(Y)),), layout, layout.norm, layout.pair_law)


def _values(op: StructuredOperator) -> tuple[Pattern, Array] | None:
    """Pattern and values [a, d, b, c] of a factor whose blocks are free matrices."""
    match op:
        case Dense():
            return Pattern.full(*op.shape), op.factors[0][None, None]
        case KroneckerSparse() if op.values.shape[2:] == (op.pattern.b, op.pattern.c):
            return op.pattern, op.values
    return None


def _rectangles(operators: Sequence[StructuredOperator], parts: Sequence[Parametrisation]) -> Parametrisation | None:
    """Two factors without sharing, where the columns of one and the rows of the other meet in disjoint rectangles.

    Inner index k contributes column k times row k, on the rectangle of their supports. Where two of these rectangles are
    either the same or disjoint, those on one rectangle are a product of two free matrices.
    """
    trained = [(op, part.entries()) for op, part in zip(operators, parts, strict=True) if op.factors]
    if len(trained) != 2 or any(found is None or found.nnz != op.n_parameters for op, found in trained):
        return None
    X, Y = (csr_array(found) for _, found in trained)
    for op in operators[1:-1]:
        X = csr_array(X @ op.to_sparse())
    stacks, rectangles = _grouped(X, Y)
    if not stacks or not _disjoint(rectangles, X.shape[0], Y.shape[1]):
        return None
    layout = RectanglePieces(tuple(rectangles))
    return FreeProducts(tuple(stacks), layout, layout.norm, layout.pair_law)


def _grouped(X: csr_array, Y: csr_array) -> tuple[list[tuple[Array, Array]], list[tuple[Array, Array]]]:
    """Inner indices by their rectangle: for each shape, stacks of places (N, m, r) and (N, r, n), rows (N, m), columns (N, n)."""
    left = X.tocsc()
    left.sort_indices()
    Y.sort_indices()
    by_rectangle: dict[tuple[bytes, bytes], list[int]] = {}
    for k in range(Y.shape[0]):
        rows, columns = _sparse_line(left.indices, left.indptr, k), _sparse_line(Y.indices, Y.indptr, k)
        if rows.size and columns.size:
            by_rectangle.setdefault((rows.tobytes(), columns.tobytes()), []).append(k)
    by_shape: dict[tuple[int, int, int], list[list[int]]] = {}
    for ks in by_rectangle.values():
        shape = (
            _sparse_line(left.indices, left.indptr, ks[0]).size,
            _sparse_line(Y.indices, Y.indptr, ks[0]).size,
            len(ks),
        )
        by_shape.setdefault(shape, []).append(ks)
    stacks, rectangles = [], []
    for groups in by_shape.values():
        U = np.array([[_sparse_line(left.data, left.indptr, k) for k in ks] for ks in groups])
        V = np.array([[_sparse_line(Y.data, Y.indptr, k) for k in ks] for ks in groups])
        stacks.append((places(U.swapaxes(1, 2)), places(V)))
        rectangles.append(
            (
                np.array([_sparse_line(left.indices, left.indptr, ks[0]) for ks in groups]),
                np.array([_sparse_line(Y.indices, Y.indptr, ks[0]) for ks in groups]),
            )
        )
    return stacks, rectangles


def _sparse_line(array: Array, indptr: Array, k: int) -> Array:
    """Row k of a CSR array, or column k of a CSC array: its entries or its indices."""
    return array[indptr[k] : indptr[k + 1]]


def _disjoint(rectangles: Sequence[tuple[Array, Array]], rows: int, columns: int) -> bool:
    """Whether no two rectangles share an entry: none share both a row and a column."""
    shares_row, shares_column = (
        _sharing([lines for pair in rectangles for lines in pair[axis]], size)
        for axis, size in ((0, rows), (1, columns))
    )
    return bool(shares_row.multiply(shares_column).nnz == shares_row.shape[0])


def _sharing(lines: list[Array], size: int) -> csr_array:
    """Which lists have an index in common."""
    indptr = np.cumsum([0, *(line.size for line in lines)])
    incidence = csr_array((np.ones(indptr[-1]), np.concatenate(lines), indptr), shape=(len(lines), size))
    return csr_array(incidence @ incidence.T)


# ---- other products --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ProductOfStructures(Parametrisation):
    """State: factors that were found, none of them proved to be the least.

    Parameters
    ----------
    operators : tuple of StructuredOperator
        Numbered, permutations among them.
    parts : tuple of Parametrisation
        Their forms.
    """

    operators: tuple[StructuredOperator, ...]
    parts: tuple[Parametrisation, ...]
    exact = False

    @property
    def name(self) -> str:  # type: ignore[override]
        return "interval from Schatten and slice norms" if self.bilinear is None else "interval from a dual certificate"

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        degrees = self._degrees
        return None if None in degrees else sum(k for k in degrees if k is not None)

    @property
    def _trained_parts(self) -> list[Parametrisation]:
        return [part for op, part in zip(self.operators, self.parts, strict=True) if op.factors]

    @property
    def _degrees(self) -> list[int | None]:
        return [part.degree for part in self._trained_parts]

    @property
    def growth(self) -> tuple[Growth, ...]:  # type: ignore[override]
        return product_growth(part.growth for part in self._trained_parts)

    @cached_property
    def places(self) -> Array:
        """Its parameters in θ."""
        return np.concatenate([places(f).ravel() for op in self.operators for f in op.factors])

    @cached_property
    def pairs(self) -> list[tuple[int, Parametrisation]]:
        """Neighbours of which R is known as of a product of their own."""
        at = [i for i, op in enumerate(self.operators) if op.factors]
        forms = ((j, of_product(self.operators[i : k + 1])) for j, (i, k) in enumerate(pairwise(at)))
        return [(j, form) for j, form in forms if form.exact] if len(at) > 2 else []

    def own(self, θ: Array) -> State:
        whole = filled(self.whole, θ)
        B = whole.to_dense()
        return self._improved(θ, B) if B.any() else State(np.zeros_like(θ), B, None)

    def of(self, B: Array) -> State | None:
        factors = [_values(op) for op in self.operators]
        patterns = [pattern for pattern, values in filter(None, factors) if values.shape == pattern.values_shape]
        if len(patterns) < len(self.operators) or not is_chainable(patterns):
            raise TypeError(f"{self.whole!r}: no decomposition of a given matrix into its factors is known")
        found = nearest_chain(B, patterns)
        if found.relative_error <= TOLERANCE:
            pairs = zip(self.operators, found.operator.factors, strict=True)
            placed = [(places(op.factors[0]), values.reshape(op.factors[0].shape)) for op, values in pairs]
            return self.own(scattered(placed, np.zeros(self.places.max() + 1)))
        if found.lower_bound > 0:
            return None
        raise ArithmeticError(
            f"{self.whole!r}: factors were found with relative error {found.relative_error:.1e}, "
            "but that none are nearer is not proved"
        )

    def bounds(self, state: State) -> tuple[float, float]:
        upper = 0.5 * squared(state.θ[self.places])
        if upper == 0:
            return 0.0, 0.0
        lower = max(self._lower_bound(state.B), 0.0 if state.Z is None else self.certified(state.Z, state.B))
        return min(lower, upper), upper

    def balanced(self, state: State) -> Placed:
        return [(self.places, state.θ[self.places])]

    @cached_property
    def whole(self) -> StructuredOperator:
        """The product, numbered."""
        return Chain(*self.operators)

    @cached_property
    def bilinear(self) -> Bilinear | None:
        """The product as a linear function of the products of two parameters, where there are two linear factors."""
        trained = [(i, part.entries()) for i, part in enumerate(self.parts) if self.operators[i].factors]
        if len(trained) != 2:
            return None
        X, Y = (found for _, found in trained)
        if X is None or Y is None:
            return None
        for op in self.operators[1:-1]:
            X = csr_array(X @ op.to_sparse())
        return Bilinear.of(X, Y)

    def _improved(self, θ: Array, B: Array) -> State:
        """Balanced factors, or a local minimum where neighbours do not determine the balance; a dual point if there is one."""
        θ = self._balanced(θ)
        points = [] if self.bilinear is None else [self.bilinear.dual_point(θ, B.shape)]
        if not self.pairs and B.size * self.places.size <= _LARGEST:
            op, multiplier = descend(filled(self.whole, θ), B)
            moved = self._balanced(scattered([(self.places, parameters(restored(op, B)))], θ))
            missed = np.linalg.norm(filled(self.whole, moved).to_dense() - B)
            if missed <= _FEASIBLE * np.linalg.norm(B) and squared(moved[self.places]) < squared(θ[self.places]):
                θ = moved
            points.append(multiplier)
        return State(θ, B, max(points, key=lambda Z: self.certified(Z, B), default=None))

    def _lower_bound(self, B: Array) -> float:
        """Least penalty of factors with product B: by the Schatten norm of B, and by norms of slices."""
        trained = self._trained_parts
        σ = np.linalg.svd(B, compute_uv=False)
        exponent = 2 / len(trained)
        size = float(np.sum(σ**exponent)) ** (1 / exponent)
        return least_growth(self.growth, max([size, *self._slice_norms(B)]))

    def _slice_norms(self, B: Array) -> Iterator[float]:
        """Sum of the nuclear norms of the slices of B, for every cut of a chain of patterns."""
        patterns = [op.pattern for op in self.operators if op.pattern is not None]
        if len(patterns) < len(self.operators) or not is_chainable(patterns):
            return
        values = chain_product(patterns).values(B)
        for cut in range(1, len(patterns)):
            slices = Slicing.of(chain_product(patterns[:cut]), chain_product(patterns[cut:])).slices(values)
            yield float(np.linalg.svd(slices, compute_uv=False).sum())

    def _balanced(self, θ: Array) -> Array:
        """Neighbours balanced two by two, then all parts rescaled to one norm for each factor."""
        for _ in range(_SWEEPS):
            for _, form in self.pairs:
                θ = scattered(form.balanced(form.own(θ)), θ)
        states = [part.own(θ) for part in self._trained_parts]
        placed = [part.balanced(state) for part, state in zip(self._trained_parts, states, strict=True)]
        degrees = [k for k in self._degrees if k is not None]
        if len(degrees) == len(placed):
            costs = [part.bounds(state)[1] for part, state in zip(self._trained_parts, states, strict=True)]
            placed = [rescaled(placed, costs, degrees)]
        return scattered([pair for part in placed for pair in part], θ)

    def conjugate(self, Z: Array) -> tuple[float, float]:
        if self.bilinear is not None:
            return 0.0, float(np.linalg.norm(self.bilinear.pulled(Z), 2))
        if self._degrees == [1, 1]:  # R ≥ ‖B‖_*/√(c₁c₂)
            return 0.0, max(g.copies for g in self.growth) ** 0.5 * float(np.linalg.norm(Z, 2))
        return super().conjugate(Z)

    def laws(self, θ: Array) -> dict[str, Array]:
        laws: dict[str, Array] = {}
        for i, part in enumerate(self._trained_parts):
            laws |= {f"{name} in operator {i}": value for name, value in part.laws(θ).items()}
        norms = [
            (squared_norm(op, θ), part.degree)
            for op, part in zip(self.operators, self.parts, strict=True)
            if op.factors
        ]
        for i, ((a, k), (b, l)) in enumerate(pairwise(norms)):
            if k is not None and l is not None:
                named = [f"‖θ{j}‖²" if d == 1 else f"‖θ{j}‖²/{d}" for j, d in ((i, k), (i + 1, l))]
                laws[" − ".join(named)] = np.asarray(a / k - b / l)
        for i, form in self.pairs:
            laws |= {f"{name} of operators {i}|{i + 1}": value for name, value in form.laws(θ).items()}
        return laws


def squared_norm(op: StructuredOperator, θ: Array) -> float:
    """Squared norm of the parameters of a numbered operator."""
    return sum(squared(θ[places(f)]) for f in op.factors)
