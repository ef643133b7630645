"""Structure kept by products, sums, scalars, inverses; traps that neighbouring libraries fell into."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, strategies as st

import kronmix as km
from tests.strategies import Source, operators, sizes


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


@given(st.data(), st.integers(2, 3))
def test_kroneckers_with_matching_inner_sizes_multiply_to_a_kronecker(data: Any, count: int) -> None:
    source = Source(data.draw(st.integers(0, 999)), np.complex128)
    dims = [[data.draw(sizes) for _ in range(3)] for _ in range(count)]
    left = km.Kronecker(*(source.array(m, k) for m, k, _ in dims))
    right = km.Kronecker(*(source.array(k, n) for _, k, n in dims))
    product = left @ right
    assert type(product) is km.Kronecker
    np.testing.assert_allclose(product.to_dense(), left.to_dense() @ right.to_dense(), atol=1e-9)


def test_mixed_product_rule_is_not_applied_to_other_shapes() -> None:
    """(2×2 ⊗ 3×3)(3×1 ⊗ 2×1) fits as a whole but not factor by factor (Kronecker.jl #58, #110)."""
    left, right = km.Kronecker(normal(2, 2), normal(3, 3)), km.Kronecker(normal(3, 1), normal(2, 1))
    product = left @ right
    assert type(product) is km.Chain
    np.testing.assert_allclose(product.to_dense(), left.to_dense() @ right.to_dense(), atol=1e-12)
    three = km.Kronecker(normal(2, 2), normal(3, 3), normal(1, 1))
    assert type(left @ three) is km.Chain


def test_kronecker_is_not_transposed_against_numpy() -> None:
    A, B = normal(2, 3), normal(4, 5)  # PyLops #125
    np.testing.assert_array_equal(km.Kronecker(A, B).to_dense(), np.kron(A, B))
    np.testing.assert_allclose(km.Kronecker(A, B) @ np.eye(15), np.kron(A, B), atol=1e-12)


def test_sums_of_kroneckers_stay_flat() -> None:
    A, B = km.Kronecker(normal(2, 2), normal(3, 3)), km.Kronecker(normal(2, 2, seed=1), normal(3, 3, seed=1))
    total = A + B + A - B
    assert type(total) is km.SumOfKroneckers
    assert len(total.pairs) == 4
    np.testing.assert_allclose(total.to_dense(), 2 * A.to_dense(), atol=1e-12)
    other = km.Kronecker(normal(3, 3), normal(2, 2))
    assert type(A + other) is km.Sum
    assert type(A + km.Kronecker(normal(6, 6))) is km.Sum


def test_the_same_pattern_adds_to_the_same_pattern() -> None:
    tied, untied = normal(1, 1, 2, 3), normal(4, 2, 2, 3)
    total = km.KroneckerSparse(tied, (4, 2, 3, 2)) + km.KroneckerSparse(untied, (4, 2, 3, 2))
    assert type(total) is km.KroneckerSparse
    np.testing.assert_allclose(total.values, tied + untied)
    mask = normal(4, 5) > 0
    total = km.Masked(normal(4, 5), mask) + km.Masked(normal(4, 5), mask)
    assert type(total) is km.Masked
    assert type(km.Masked(normal(4, 5), mask) + km.Masked(normal(4, 5), ~mask)) is km.Sum
    assert type(km.Dense(np.eye(2)) + km.Dense(np.eye(2))) is km.Dense
    assert type(km.KroneckerSparse(tied, (4, 2, 3, 2)) + km.Dense(np.ones((16, 24)))) is km.Sum


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        (km.Kronecker(normal(3, 3), normal(2, 2)), km.Kronecker),
        (km.Dense(normal(6, 6)), km.Dense),
        (km.KroneckerSparse(normal(2, 1, 2, 2), (2, 2, 2, 3)), km.KroneckerSparse),
        (km.Permutation([2, 0, 1]), km.Permutation),
        (km.Monarch(normal(3, 2, 2), normal(2, 3, 3)), km.Chain),
        (km.Chain(km.commutation(2, 3), km.Kronecker(normal(3, 3), normal(2, 2))), km.Chain),
    ],
)
def test_inverses_keep_the_structure(op: Any, kind: type) -> None:
    inverse = op.inv()
    assert type(inverse) is kind
    np.testing.assert_allclose(inverse.to_dense(), np.linalg.inv(op.to_dense()), rtol=1e-8, atol=1e-8)
    if type(op) is not km.Monarch:
        np.testing.assert_allclose(op.pinv().to_dense(), np.linalg.pinv(op.to_dense()), rtol=1e-8, atol=1e-8)


def test_pseudo_inverses() -> None:
    low = np.outer(normal(3), normal(2))
    for op in (km.Kronecker(low, normal(2, 4)), km.KroneckerSparse(normal(2, 3, 2, 4), (2, 2, 4, 3))):
        np.testing.assert_allclose(op.pinv().to_dense(), np.linalg.pinv(op.to_dense(), rcond=1e-12), atol=1e-8)
    with pytest.raises(TypeError, match="Monarch has no structured pseudo-inverse"):
        km.Monarch(normal(4, 2, 3), normal(3, 4, 5)).pinv()
    with pytest.raises(ValueError, match="inv needs a square operator: this one is 9×4"):
        km.Kronecker(low, low).inv()
    with pytest.raises(ValueError, match="inv needs a square operator: this one is 12×24"):
        km.KroneckerSparse(normal(2, 3, 2, 4), (2, 2, 4, 3)).inv()


def test_solving_with_a_kronecker() -> None:
    op = km.Kronecker(normal(3, 3), normal(4, 4))  # lineax #232
    y = normal(12)
    np.testing.assert_allclose(op @ (op.inv() @ y), y, atol=1e-10)


def test_permutations() -> None:
    P, Q = km.Permutation([2, 0, 1]), km.Permutation([1, 0, 2])
    product = P @ Q
    assert type(product) is km.Permutation
    np.testing.assert_array_equal(product.to_dense(), P.to_dense() @ Q.to_dense())
    assert (P @ np.ones(3, np.float32)).dtype == np.float32
    assert (P @ np.ones(3, np.complex64)).dtype == np.complex64
    for wrong, error, words in (
        ([0, 0, 1], ValueError, "is not a permutation of 0"),
        ([[0, 1]], ValueError, "is not a permutation"),
        ([], TypeError, "expected integers"),
        ([0.0, 1.0], TypeError, "indices has dtype float64"),
    ):
        with pytest.raises(error, match=words):
            km.Permutation(wrong)


def test_new_structures_add_and_multiply_to_their_own_kind() -> None:
    def close(op: Any, kind: type, dense: Any) -> None:
        assert type(op) is kind
        np.testing.assert_allclose(op.to_dense(), dense, atol=1e-12)

    d, e = normal(4), normal(4, seed=1)
    close(km.Diagonal(d) + km.Diagonal(e), km.Diagonal, np.diag(d + e))
    close(km.Diagonal(d) @ km.Diagonal(e), km.Diagonal, np.diag(d * e))
    one, two = km.LowRank(normal(3, 1), normal(1, 5)), km.LowRank(normal(3, 2), normal(2, 5))
    close(one + two, km.LowRank, one.to_dense() + two.to_dense())
    one, two = km.KroneckerSum(normal(2, 2), normal(3, 3)), km.KroneckerSum(normal(2, 2, seed=1), normal(3, 3, seed=1))
    close(one - two, km.KroneckerSum, one.to_dense() - two.to_dense())
    other = km.KroneckerSum(normal(3, 3), normal(2, 2))
    close(one + other, km.Sum, one.to_dense() + other.to_dense())
    one, two = km.BlockDiagonal([normal(2, 3), normal(1, 1)]), km.BlockDiagonal([normal(3, 2), normal(1, 4)])
    close(one @ two, km.BlockDiagonal, one.to_dense() @ two.to_dense())
    close(one + one, km.BlockDiagonal, 2 * one.to_dense())
    other = km.BlockDiagonal([normal(1, 1), normal(3, 2)])
    close(one @ other, km.Chain, one.to_dense() @ other.to_dense())
    close(one.T + other, km.Sum, one.T.to_dense() + other.to_dense())


def test_multiples_of_the_identity_keep_the_dtype() -> None:
    """float32 of CASES 3: a Python number is weak, as in NumPy; NumPy's own numbers count."""
    K32 = km.Kronecker(normal(2, 2).astype(np.float32), normal(3, 3).astype(np.float32))
    eye, dense = km.eye(6), K32.to_dense()
    for op, expected in (
        (-eye, -np.eye(6)),
        (K32 - eye, dense - np.eye(6)),
        (K32 + 2 * eye, dense + 2 * np.eye(6)),
        (eye - K32, np.eye(6) - dense),
        (eye / 4, np.eye(6) / 4),
        (K32 @ (2 * eye), 2 * dense),
    ):
        assert op.dtype == np.float32
        np.testing.assert_allclose(op.to_dense(), expected, rtol=1e-6)
    assert (1j * eye).dtype == np.complex64
    assert (K32 + np.float64(2) * eye).dtype == np.float64
    tied = 3 * eye
    assert (type(tied), tied.n_parameters, tied.nnz) == (km.operators.ScaledIdentity, 1, 6)
    assert (eye.n_parameters, repr(tied)) == (
        0,
        "ScaledIdentity(6×6, 3, 1 parameters, float32)",
    )


def test_commutation_is_t2() -> None:
    A, B = normal(2, 3), normal(4, 5)
    K = km.commutation(4, 2) @ km.Kronecker(A, B) @ km.commutation(5, 3).T
    np.testing.assert_allclose(K.to_dense(), np.kron(B, A))
    np.testing.assert_array_equal(km.commutation(2, 5).T.indices, km.commutation(5, 2).indices)
    X = normal(2, 3)
    np.testing.assert_array_equal(km.commutation(2, 3, "C") @ km.vec(X, "C"), km.vec(X.T, "C"))
    with pytest.raises(ValueError, match="at least 1"):
        km.commutation(0, 3)
    with pytest.raises(ValueError, match="order='A'"):
        km.commutation(2, 3, order="A")  # type: ignore[arg-type]


def test_chains_flatten_and_check() -> None:
    A, B, C = km.Dense(normal(2, 3)), km.Dense(normal(3, 4)), km.Kronecker(normal(4, 2))
    chain = km.Chain(km.Chain(A, B), C)
    assert [op.shape for op in chain.operators] == [(2, 3), (3, 4), (4, 2)]
    with pytest.raises(ValueError, match="has 3 columns but"):
        km.Chain(A, C)
    with pytest.raises(ValueError, match="at least one operator"):
        km.Chain()
    with pytest.raises(TypeError, match=r"ndarray is not a StructuredOperator; wrap a matrix in km\.Dense"):
        km.Chain(normal(2, 2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shapes"):
        km.Sum(A, B)
    with pytest.raises(ValueError, match="got 1 arrays: expected 3"):
        chain.with_factors(A.matrix)


def test_monarch_shapes() -> None:
    op = km.Monarch(normal(4, 2, 6), normal(3, 8, 5))
    assert (op.rank, op.sizes) == (2, (2, 3, 4, 5))
    U, V = op.slices()
    M = op.to_dense().reshape(2, 4, 3, 5)
    np.testing.assert_allclose(U @ V, M.transpose(1, 2, 0, 3))
    with pytest.raises(ValueError, match=re.escape("left has shape (4, 2, 5) and right (3, 8, 5): a Monarch matrix")):
        km.Monarch(normal(4, 2, 5), normal(3, 8, 5))
    with pytest.raises(ValueError, match="left has shape \\(2, 3\\): expected 3 axes"):
        km.Monarch(normal(2, 3), normal(3, 8, 5))
    with pytest.raises(ValueError, match="rank=0"):
        km.Monarch(normal(4, 2, 6), normal(3, 8, 5), rank=0)
    assert repr(km.Monarch(np.ones((64, 64, 64)), np.ones((64, 64, 64)))) == (
        "Monarch(4096×4096, 64 blocks of 64×64 twice, rank 1, 524 288 parameters)"
    )


def test_a_linear_mixer_layer_is_the_tied_monarch() -> None:
    """T12: (1, C, C, S) * (C, S, S, 1) with both factors tied is Vᵀ ⊗ W."""
    W, V = normal(3, 3), normal(4, 4)
    channel, token = km.mixer_patterns(3, 4)
    tied = km.Chain(km.KroneckerSparse(V.T[None, None], channel), km.KroneckerSparse(W[None, None], token))
    np.testing.assert_allclose(tied.to_dense(), np.kron(V.T, W))
    assert tied.nnz == 144
    np.testing.assert_allclose(km.Monarch(V.T[None], W[None]).to_dense(), np.kron(V.T, W))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: km.Kronecker(), ValueError, "at least one matrix"),
        (lambda: km.Kronecker(np.ones(3)), ValueError, r"matrix 0 has shape \(3,\): expected 2 axes"),
        (lambda: km.Kronecker(np.array([["a"]])), TypeError, "matrix 0 has dtype <U1: expected numbers"),
        (lambda: km.Kronecker(np.array([[None]])), TypeError, "matrix 0 has dtype object"),
        (lambda: km.SumOfKroneckers([]), ValueError, "at least one"),
        (lambda: km.SumOfKroneckers([(np.eye(2),)]), ValueError, "expected pairs"),
        (
            lambda: km.SumOfKroneckers([(np.eye(2), np.eye(2)), (np.eye(3), np.eye(2))]),
            ValueError,
            "term 1, A has shape",
        ),
        (
            lambda: km.KroneckerSparse(np.ones((2, 2, 2, 2)), (3, 2, 2, 2)),
            ValueError,
            r"expected axes \(a, d, b, c\) = \(3, 2, 2, 2\)",
        ),
        (lambda: km.KroneckerSparse(np.ones((2, 2)), (2, 2, 2, 2)), ValueError, "expected 4 axes"),
        (lambda: km.Masked(np.ones(3), np.eye(2)), ValueError, "one for each entry"),
        (lambda: km.Hadamard(), ValueError, "at least one matrix"),
        (lambda: km.Hadamard(np.eye(2), np.eye(3)), ValueError, "differ"),
        (lambda: km.Diagonal(np.eye(2)), ValueError, r"d has shape \(2, 2\): expected 1 axes"),
        (lambda: km.LowRank(np.ones((2, 3)), np.ones((2, 3))), ValueError, r"U has shape \(2, 3\) and V \(2, 3\)"),
        (lambda: km.LowRank(np.ones((2, 0)), np.ones((0, 3))), ValueError, "r at least 1"),
        (lambda: km.KroneckerSum(), ValueError, "at least one matrix"),
        (
            lambda: km.KroneckerSum(np.eye(2), np.ones((2, 3))),
            ValueError,
            r"matrix 1 has shape \(2, 3\): expected square",
        ),
        (lambda: km.BlockDiagonal([]), ValueError, "BlockDiagonal: expected at least one operator"),
        (lambda: km.HStack([np.ones((2, 3)), np.ones((3, 3))]), ValueError, "equal numbers of rows"),
        (lambda: km.VStack([np.ones((2, 3)), np.ones((2, 2))]), ValueError, "equal numbers of columns"),
        (lambda: km.Ampliation(np.eye(2), 2), TypeError, "ndarray is not a StructuredOperator"),
        (lambda: km.Ampliation(km.eye(2), 0), ValueError, "0"),
        (lambda: km.Dense(np.ones(3)), ValueError, "expected 2 axes"),
    ],
)
def test_bad_input(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_masked_takes_sparse_masks_and_explicit_values() -> None:
    mask = scipy.sparse.csc_array(np.random.default_rng(0).random((6, 5)) < 0.4)
    full = normal(6, 5)
    op = km.Masked(full, mask != 0)
    np.testing.assert_array_equal(op.to_dense(), np.where(mask.toarray() != 0, full, 0))
    again = km.Masked(op.values, op.mask)
    np.testing.assert_array_equal(again.to_dense(), op.to_dense())
    assert op.n_parameters == mask.nnz


@pytest.mark.parametrize(("columns", "density"), [(90, 0.3), (90, 0.01), (50_000, 0.05)])
def test_gradients_of_masked_values_are_those_of_the_dense_matrix_inside(columns: int, density: float) -> None:
    """Gathered where few entries are inside, computed by products where many are, in pieces where rows are long."""
    rng = np.random.default_rng(1)
    mask = rng.random((70, columns)) < density
    X, Y_bar = (rng.normal(size=(n, 3)) + 1j * rng.normal(size=(n, 3)) for n in (columns, 70))
    op = km.Masked(normal(70, columns) + 0j, mask)
    (gradient,) = op.pullback(X, Y_bar)
    np.testing.assert_allclose(gradient, (Y_bar @ X.conj().T)[mask], rtol=1e-12)


def test_width_150528_stays_small() -> None:
    """One layer of a Mixer-B/16 sized linear Mixer: 181 GB if dense."""
    op = km.Kronecker(normal(768, 768), normal(196, 196))
    x = normal(150_528)
    op @ x
    tracemalloc.start()
    op @ x
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert op.shape == (150_528, 150_528)
    assert peak < 100e6
    with pytest.raises(MemoryError, match="181,269,430,272 bytes"):
        op.to_dense()


def test_integer_factors_are_promoted_and_half_precision_widened() -> None:
    assert km.Kronecker([[1, 2]], [[True]]).dtype == np.float64
    assert km.Dense(np.ones((2, 2), np.float16)).dtype == np.float32
    assert km.Chain(km.commutation(1, 2), km.Dense(np.ones((2, 2), np.float32))).dtype == np.float32


@given(operators(dtypes=[np.float64]))
def test_counting_a_chain_with_outer_permutations(drawn: Any) -> None:
    op, dense = drawn
    rng = np.random.default_rng(0)
    rows, cols = (km.Permutation(rng.permutation(n)) for n in op.shape)
    assert (rows @ op @ cols).nnz == np.count_nonzero(dense)


class _Summed(km.KroneckerSparse):
    """A structure of a user's own with something derived from its values."""

    def __init__(self, values: Any, pattern: Any) -> None:
        super().__init__(values, pattern)
        self.total = float(np.sum(self.values))


class _Weighed(km.Monarch):
    """A user's Monarch matrix that derives a number from its factors."""

    def __init__(self, left: Any, right: Any, rank: int | None = None) -> None:
        super().__init__(left, right, rank)
        self.weight = float(sum(np.sum(factor**2) for factor in self.factors))


def test_a_subclass_of_monarch_derives_anew_and_a_plain_one_keeps_its_sizes() -> None:
    ones = np.ones((2, 3, 2)), np.ones((2, 2, 4))
    assert _Weighed(*ones).with_factors(*(2 * f for f in ones)).weight == 4 * 28
    renewed = km.Monarch(*ones).with_factors(*(normal(*f.shape) for f in ones))
    again = km.Monarch(*renewed.factors)
    np.testing.assert_array_equal(renewed.to_dense(), again.to_dense())
    assert (renewed.sizes, renewed.rank, renewed.pattern, repr(renewed)) == (
        again.sizes,
        again.rank,
        again.pattern,
        repr(again),
    )


def test_a_subclass_derives_anew_from_other_values_and_transposes_to_a_plain_factor() -> None:
    op = _Summed(np.ones((1, 1, 2, 3)), (2, 2, 3, 1))
    assert op.with_factors(2 * np.ones((1, 1, 2, 3))).total == 12
    assert type(op.T) is km.KroneckerSparse
    np.testing.assert_array_equal(op.T.to_dense(), op.to_dense().T)


class _Dense(km.Dense):
    """A user's matrix that derives a number from its entries."""

    def __init__(self, matrix: Any) -> None:
        super().__init__(matrix)
        self.total = float(self.matrix.sum())


class _Chain(km.Chain):
    """A user's product that counts its parts."""

    def __init__(self, *operators: km.StructuredOperator) -> None:
        super().__init__(*operators)
        self.total = float(sum(np.sum(factor) for factor in self.factors))


class _Sum(km.SumOfKroneckers):
    """A user's sum that derives a number from its terms."""

    def __init__(self, pairs: Any) -> None:
        super().__init__(pairs)
        self.total = float(sum(np.sum(factor) for factor in self.factors))


@pytest.mark.parametrize(
    "op",
    [
        km.Dense(normal(3, 4)),
        km.Kronecker(normal(2, 3), normal(4, 1)),
        km.Hadamard(normal(2, 3), normal(2, 3), normal(2, 3)),
        km.SumOfKroneckers([(normal(2, 3), normal(4, 1)), (normal(2, 3), normal(4, 1))]),
        km.Chain(km.Dense(normal(3, 4)), km.Permutation([2, 0, 1, 3]), km.Kronecker(normal(2, 1), normal(2, 5))),
    ],
    ids=lambda op: type(op).__name__,
)
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_other_factors_make_what_the_class_makes_of_them(op: km.StructuredOperator, dtype: Any) -> None:
    factors = tuple(normal(*factor.shape).astype(dtype) for factor in op.factors)
    renewed = op.with_factors(*factors)
    again = type(op)(*_made_from(op, factors))
    assert (renewed.shape, renewed.dtype, renewed.pattern) == (again.shape, again.dtype, again.pattern)
    assert repr(renewed) == repr(again)
    assert vars(renewed).keys() == vars(again).keys()
    assert all(not factor.flags.writeable for factor in renewed.factors)
    for one, other in ((renewed, again), (renewed.T, again.T), (renewed.H, again.H)):
        np.testing.assert_array_equal(one.to_dense(), other.to_dense())


def _made_from(op: km.StructuredOperator, factors: tuple[Any, ...]) -> tuple[Any, ...]:
    if isinstance(op, km.Chain):
        remaining = iter(factors)
        return tuple(type(o)(*(next(remaining) for _ in o.factors)) if o.factors else o for o in op.operators)
    return ([*zip(factors[::2], factors[1::2], strict=True)],) if isinstance(op, km.SumOfKroneckers) else factors


def test_what_a_subclass_derives_from_its_factors_is_derived_anew() -> None:
    ones = np.ones((2, 3))
    for op in (_Dense(ones), _Chain(km.Dense(ones)), _Sum([(ones, ones)])):
        assert op.with_factors(*(2 * factor for factor in op.factors)).total == 2 * op.total
