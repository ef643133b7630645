"""Spectra, norms, rank, determinant and trace against the dense matrix."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.sparsity import count_nonzero
from kronmix.spectra import rank_bound
from tests.strategies import CASES, operators

rng = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


EXACT = [np.float64, np.complex128]
KINDS: list[tuple[Any, Any]] = [
    ("fro", lambda M, s: np.linalg.norm(M)),
    ("nuclear", lambda M, s: s.sum()),
    (2, lambda M, s: s[0]),
    ("spectral", lambda M, s: s[0]),
    (("schatten", 3), lambda M, s: (s**3).sum() ** (1 / 3)),
    (("schatten", 0.5), lambda M, s: (s**0.5).sum() ** 2),
    ("l1", lambda M, s: np.abs(M).sum()),
    ("max", lambda M, s: np.abs(M).max()),
    (("entrywise", 4), lambda M, s: (np.abs(M) ** 4).sum() ** 0.25),
    (("entrywise", 0.5), lambda M, s: (np.abs(M) ** 0.5).sum() ** 2),
]


@pytest.mark.parametrize("name", sorted(CASES))
def test_against_dense(name: str) -> None:
    @settings(max_examples=30)
    @given(operators([name], EXACT), st.integers(0, 10))
    def check(drawn: Any, pick: int) -> None:
        op, M = drawn[0], np.asarray(drawn[1], np.result_type(drawn[1], np.float64))  # permutations are float32
        s = np.linalg.svd(M, compute_uv=False)
        scale = max(1.0, s.max())
        np.testing.assert_allclose(km.singular_values(op), s, atol=1e-9 * scale)
        k = 1 + pick % s.size
        np.testing.assert_allclose(km.singular_values(op, k), s[:k], atol=1e-9 * scale)
        for kind, expected in KINDS:
            if kind == ("schatten", 0.5):  # √σ magnifies the rounding of the dense reference's zeros
                continue
            assert km.norm(op, kind) == pytest.approx(expected(M, s), rel=1e-8, abs=1e-12), kind
        gap = s[(s > 1e-9 * scale)]
        assert km.matrix_rank(op) == gap.size
        if M.shape[0] == M.shape[1]:
            assert km.trace(op) == pytest.approx(np.trace(M), rel=1e-8, abs=1e-9 * scale)
            sign, logabsdet = km.slogdet(op)
            assert sign * np.exp(logabsdet) == pytest.approx(np.linalg.det(M), rel=1e-6, abs=1e-9 * scale ** len(s))
        if gap.size == s.size:
            assert km.cond(op) == pytest.approx(s[0] / s[-1], rel=1e-6)

    check()


@given(operators(dtypes=EXACT))
def test_small_schatten_powers_on_well_conditioned_operators(drawn: Any) -> None:
    op, M = drawn[0], np.asarray(drawn[1], np.result_type(drawn[1], np.float64))  # identities are float32
    s = np.linalg.svd(M, compute_uv=False)
    if s.min() > 1e-6:
        assert km.norm(op, ("schatten", 0.5)) == pytest.approx((s**0.5).sum() ** 2, rel=1e-7)


def test_structural_zeros_are_exact() -> None:
    """Rectangular factors leave the product short of rank: exact zeros, not noise (Kronecker.jl PR #107)."""
    rng = np.random.default_rng(0)
    op = km.Kronecker(rng.normal(size=(2, 5)), rng.normal(size=(5, 2)))
    s = km.singular_values(op)
    assert s.size == 10
    np.testing.assert_array_equal(s[4:], 0)
    assert km.matrix_rank(op) == 4
    assert km.cond(op) == inf
    assert km.slogdet(op) == (0.0, -inf)


@pytest.mark.parametrize(
    ("op", "rank"),
    [
        (km.LinearMixer([normal(2, 6), normal(6, 2)], [normal(3, 3)] * 2), 6),
        (km.LinearMixer([normal(2, 6), normal(6, 2)], [normal(4, 1), normal(1, 4)]), 2),
        (km.Dense(normal(5, 2)) @ km.KroneckerSparse(normal(1, 1, 1, 5), (2, 1, 5, 1)) @ km.Dense(normal(10, 5)), 2),
        (km.channel_mixing(normal(4, 2), tokens=3) @ km.channel_mixing(normal(6, 4), tokens=3), 6),
        (km.Monarch(normal(6, 4, 1), normal(1, 6, 24)), 6),
        (km.SumOfKroneckers([(normal(4, 1), normal(1, 4)) for _ in range(2)]), 2),
        (km.Sum(km.Chain(km.Dense(normal(5, 1)), km.Dense(normal(1, 5))), km.Kronecker(normal(5, 1), normal(1, 5))), 2),
        (km.KroneckerSparse(normal(2, 3, 1, 4), (2, 4, 4, 3)), 6),
        (km.Masked(normal(4, 5), np.arange(20).reshape(4, 5) < 7), 2),
    ],
)
def test_every_structure_short_of_rank_has_exact_zeros(op: Any, rank: int) -> None:
    s = km.singular_values(op)
    dense = np.linalg.svd(op.to_dense(), compute_uv=False)
    np.testing.assert_allclose(s, dense, atol=1e-12 * dense[0])
    np.testing.assert_array_equal(s[rank:], 0)
    assert s[rank - 1] > 1e-6 * s[0]
    assert rank_bound(op) == rank == km.matrix_rank(op)
    if rank < s.size:
        assert km.cond(op) == inf
        if op.shape[0] == op.shape[1]:
            assert km.slogdet(op) == (0.0, -inf)


@given(operators(dtypes=EXACT))
def test_no_rank_exceeds_its_bound(drawn: Any) -> None:
    op, M = drawn
    assert np.linalg.matrix_rank(M) <= rank_bound(op) <= min(op.shape)


def test_rank_judges_each_factor_by_itself() -> None:
    """rank(V ⊗ W) = rank V · rank W also where σ_i(V) σ_j(W) is below the rounding of the whole."""
    graded = np.diag([1.0, 1e-12])
    assert km.matrix_rank(km.Kronecker(graded, graded)) == 4
    assert np.linalg.matrix_rank(np.kron(graded, graded)) == 3
    # With rtol the question is about the products: 1, 0.1, 0.1 and 0.01.
    tenth = np.diag([1.0, 0.1])
    assert [km.matrix_rank(km.Kronecker(tenth, tenth), rtol) for rtol in (0, 0.05, 0.5)] == [4, 3, 1]
    low = np.outer(normal(4), normal(3))
    assert km.matrix_rank(km.Kronecker(low, normal(5, 5))) == 5
    assert km.matrix_rank(km.token_mixing(low, channels=7)) == 7


def test_determinants_do_not_overflow() -> None:
    V, W = np.diag(np.full(300, 1e3)), np.diag(np.full(200, 1e4))
    sign, logabsdet = km.slogdet(km.Kronecker(V, W))
    assert (sign, logabsdet) == (1.0, pytest.approx(200 * 300 * np.log(1e7)))


def test_k_largest_of_many_factors() -> None:
    rng = np.random.default_rng(1)
    op = km.Kronecker(*(rng.normal(size=(5, 4)) for _ in range(4)))
    s = np.linalg.svd(op.to_dense(), compute_uv=False)
    for k in (1, 2, 7, 100, 256):
        np.testing.assert_allclose(km.singular_values(op, k), s[:k], rtol=1e-10)


def test_wide_operators_without_a_formula_use_a_few_products() -> None:
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(150, 150)), rng.normal(size=(100, 100))
    op = km.Kronecker(A, B) + km.commutation(100, 150) * 50.0
    top = km.singular_values(op, 2)
    assert type(op) is km.Sum
    v = rng.normal(size=15_000)
    for _ in range(60):  # power iteration as an independent lower bound
        v = op.H @ (op @ v)
        v /= np.linalg.norm(v)
    assert np.linalg.norm(op @ v) <= top[0] * (1 + 1e-8)
    assert np.linalg.norm(op @ v) > 0.98 * top[0]
    with pytest.raises(MemoryError, match="max_bytes"):
        km.singular_values(op)


@given(operators(dtypes=EXACT), st.integers(0, 99))
def test_entries(drawn: Any, seed: int) -> None:
    op, M = drawn
    positions = np.random.default_rng(seed)
    rows, columns = (positions.integers(0, size, 9) for size in M.shape)
    np.testing.assert_allclose(op[rows, columns], M[rows, columns], atol=1e-12)


def test_effective_layers_of_full_width() -> None:
    """Width 12 288: a dense matrix would take 1.2 GB and is refused, so every answer here comes from the factors."""
    S, C = 96, 128
    W, V = normal(S, S), normal(C, C)
    token, channel = km.token_mixing(W, channels=C), km.channel_mixing(V, tokens=S)
    σ_W, σ_V = (np.linalg.svd(m, compute_uv=False) for m in (W, V))
    both = np.sort(np.outer(σ_V, σ_W), axis=None)[::-1]
    J = km.Permutation(np.random.default_rng(1).permutation(S * C))
    for op, expected in (
        (token, np.repeat(σ_W, C)),
        (J @ channel @ J, np.repeat(σ_V, S)),
        (channel @ token, both),
        (J @ km.LinearMixer(W, V), both),
    ):
        np.testing.assert_allclose(km.singular_values(op), expected, rtol=1e-10)
        np.testing.assert_allclose(km.singular_values(op, 5), expected[:5], rtol=1e-10)
        assert km.norm(op, "nuclear") == pytest.approx(expected.sum())
        assert km.norm(op, ("schatten", 4)) == pytest.approx((expected**4).sum() ** 0.25)
        assert km.norm(op, "fro") == pytest.approx(np.linalg.norm(expected))
        assert km.norm(op, 2) == pytest.approx(expected[0])
        assert km.matrix_rank(op) == S * C
        assert km.cond(op) == pytest.approx(expected[0] / expected[-1])
        assert km.slogdet(op).logabsdet == pytest.approx(np.log(expected).sum())
    assert km.trace(channel @ token) == pytest.approx(np.trace(V) * np.trace(W))
    # tr(J (I_C ⊗ W)) picks one entry in each column.
    inverse = np.argsort(J.indices)
    inside = np.arange(S * C) // S == inverse // S
    picked = np.where(inside, W[np.arange(S * C) % S, inverse % S][...], 0)
    assert km.trace(token @ J) == pytest.approx(picked.sum())


def test_the_largest_alone_needs_no_svd() -> None:
    op = km.Monarch(normal(24, 24, 24), normal(24, 24, 24))  # width 576
    M = op.to_dense()
    assert km.norm(op, 2) == pytest.approx(np.linalg.norm(M, 2), rel=1e-12)
    assert km.norm(op, 2) == km.norm(op, 2)
    assert km.norm(km.Dense(np.eye(600)), 2) == pytest.approx(1, rel=1e-12)  # all values the same
    assert km.norm(km.Dense(np.zeros((600, 600))), 2) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128, np.int64])
@pytest.mark.parametrize("density", [0.05, 1.0])
def test_the_largest_of_a_large_factor_needs_no_svd_of_it(
    density: float, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself and under ⊗, beside a factor that is small; of zeros too."""
    rng = np.random.default_rng(0)
    A = (10 * rng.normal(size=(530, 520)) * (rng.random((530, 520)) < density)).astype(dtype)
    A *= rng.choice([1j, 1, -1], A.shape) if dtype is np.complex128 else 1
    W = rng.normal(size=(3, 2))
    expected, small = np.linalg.norm(A.astype(np.result_type(A, float)), 2), np.linalg.norm(W, 2)
    svd = np.linalg.svd

    def only_small(matrix: Any, *args: Any, **options: Any) -> Any:
        assert min(matrix.shape) < 500
        return svd(matrix, *args, **options)

    monkeypatch.setattr(np.linalg, "svd", only_small)
    rtol = 1e-5 if dtype is np.float32 else 1e-12
    for op in (km.Dense(A), km.kron(km.Masked(A, A != 0), km.eye(4))):
        np.testing.assert_allclose([km.norm(op, 2), km.singular_values(op, 1)[0]], expected, rtol=rtol)
    np.testing.assert_allclose(km.norm(km.Kronecker(W, A), 2), small * expected, rtol=rtol)
    assert km.norm(km.Dense(0 * A), 2) == 0
    if dtype is np.float64:
        assert km.norm(km.Dense(1e200 * A), 2) == pytest.approx(
            1e200 * expected, rel=rtol
        )  # whose squares are too large
        assert km.norm(km.Dense(1e-200 * A), 2) == pytest.approx(1e-200 * expected, rel=rtol)


def test_unequal_signs_do_not_fool_anything() -> None:
    """(−I) ⊗ (−I) = I: determinant, trace and rank of the product, not of the factors one by one."""
    minus = -np.eye(3)
    assert km.slogdet(km.Kronecker(minus, minus)) == (1.0, 0.0)
    assert km.trace(km.Kronecker(minus, minus)) == 9
    skew = np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert km.slogdet(km.Kronecker(skew, skew, -np.eye(1))) == (1.0, 0.0)
    assert km.trace(km.Kronecker(skew, np.eye(2))) == 0


def test_norms_at_extreme_scales() -> None:
    assert km.norm(km.Kronecker(np.full((2, 2), 1e200), np.full((2, 2), 1e-250))) == pytest.approx(4e-50)
    assert km.norm(np.full((3, 3), 1e300), "fro") == pytest.approx(3e300)
    assert km.norm(np.zeros((3, 3)), ("schatten", 3)) == 0.0


def test_plain_arrays_are_welcome() -> None:
    M = np.random.default_rng(0).normal(size=(4, 4))
    assert km.norm(M, "nuclear") == pytest.approx(np.linalg.norm(M, "nuc"))
    assert km.trace(M) == pytest.approx(np.trace(M))


def test_bad_input() -> None:
    op = km.Kronecker(np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="k=5: expected 1 to 4"):
        km.singular_values(op, 5)
    with pytest.raises(ValueError, match="k=0: expected 1 to 4"):
        km.singular_values(op, 0)
    with pytest.raises(ValueError, match=r"rtol=-1: expected at least 0"):
        km.matrix_rank(op, -1)
    wrong = km.Kronecker(np.ones((2, 2)), np.array([[1.0, np.nan], [np.inf, 0.0]]))
    for question in (km.singular_values, km.norm, km.matrix_rank, km.cond, km.slogdet):
        with pytest.raises(ValueError, match=r"factor 1 of Kronecker\(4×4.* has 2 NaN or infinite entries"):
            question(wrong)
    with pytest.raises(ValueError, match="kind='nuke': expected one of"):
        km.norm(op, "nuke")
    for kind in (1, inf, ("schatten",), ["schatten", 2], ("ky fan", 2)):
        with pytest.raises(ValueError, match="expected one of"):
            km.norm(op, kind)  # type: ignore[arg-type]
    for p in (0, -1, np.nan, "2"):
        with pytest.raises(ValueError, match="p must be positive"):
            km.norm(op, ("schatten", p))  # type: ignore[arg-type]
    for question in (km.slogdet, km.trace):
        with pytest.raises(ValueError, match="needs a square operator: this one is 4×6"):
            question(op)


HUGE = km.KroneckerSum(np.triu(np.ones((300, 300))), np.triu(np.ones((200, 200))) @ np.diag(np.arange(200.0)))


@pytest.mark.parametrize(
    ("question", "way_round"),
    [
        (km.singular_values, r"km.singular_values\(op, k\)"),
        (lambda op: km.norm(op, "nuclear"), r"km.singular_values\(op, k\)"),
        (km.matrix_rank, r"km.singular_values\(op, k\)"),
        (km.cond, r"km.singular_values\(op, k\)"),
        (km.svd, r"km.svd\(op, k\)"),
        (lambda op: km.eigvals(op + km.Permutation(np.arange(60_000)[::-1])), "eigs"),
        (lambda op: km.expm(op + km.Permutation(np.arange(60_000)[::-1])), "expm_multiply"),
        (lambda op: km.slogdet(op + km.Permutation(np.arange(60_000)[::-1])), "random vectors"),
        (lambda op: km.eigh(op + op.T + km.Diagonal(np.arange(60_000.0))), "eigsh"),
        (lambda op: km.cholesky(op + op.T), "km.solve"),
        (km.sqrtm, "Lanczos"),
        (lambda op: km.norm(op + km.kron(np.ones((300, 300)), np.ones((200, 200))), "l1"), r"columns op\[:, some\]"),
    ],
)
def test_what_is_too_large_is_refused_with_the_way_round(question: Any, way_round: str) -> None:
    with pytest.raises(MemoryError, match=way_round):
        question(HUGE)


def test_a_few_values_of_what_is_too_large_for_a_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    from kronmix.spectra import values

    monkeypatch.setattr(values, "MAX_BYTES", 1000)
    op = km.Kronecker(np.arange(9.0).reshape(3, 3), np.ones((4, 5))) + km.Permutation(np.arange(12)) @ km.Dense(
        np.random.default_rng(0).normal(size=(12, 15))
    )
    expected = np.linalg.svd(op.to_dense(), compute_uv=False)
    np.testing.assert_allclose(km.singular_values(op, 4), expected[:4], rtol=1e-10)


def test_entries_of_a_sum_that_are_few_need_no_dense_matrix() -> None:
    A, B = np.triu(np.ones((130, 130))), np.triu(np.full((100, 100), 2.0))
    op = km.KroneckerSum(A, B)
    assert count_nonzero(op) == 100 * (8_515 - 130) + 130 * (5_050 - 100) + 13_000
    assert km.norm(op, "l1") == pytest.approx(100 * 8_515 + 130 * 2 * 5_050, rel=1e-15)
    assert km.norm(op, "max") == 3.0


@pytest.mark.parametrize("complex_", [False, True])
def test_entries_of_a_product_beside_a_diagonal(complex_: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    A, B, C = (rng.normal(size=(n, n)) + 1j * complex_ * rng.normal(size=(n, n)) for n in (4, 3, 5))
    A[0, 0], B[1, :] = 0, 0
    A[1, 1] = B[0, 0] = 1.0
    d = km.Diagonal(rng.normal(size=4))
    for op in (
        km.Kronecker(A, B) - km.eye(12),  # one entry of the diagonal cancels
        km.Kronecker(A, B, C) + km.kron(d, km.eye(15)) + 2.0 * km.eye(60),
        km.Kronecker(np.eye(4) * 3, B) + 1.0 * km.eye(12),
    ):
        M = op.to_dense()
        for kind, expected in (
            ("l1", np.abs(M).sum()),
            ("max", np.abs(M).max()),
            (("entrywise", 3), (np.abs(M) ** 3).sum() ** (1 / 3)),
        ):
            assert km.norm(op, kind) == pytest.approx(expected, rel=1e-13)
        assert count_nonzero(op) == np.count_nonzero(M)
    K = np.exp(-np.abs(np.subtract.outer(np.arange(1000), np.arange(1000)) / 50))
    covariance = km.Kronecker(K, K) + 0.5 * km.eye(10**6)  # 8 TB if dense
    assert km.norm(covariance, "l1") == pytest.approx(K.sum() ** 2 + 0.5e6, rel=1e-13)
    assert km.norm(covariance, "max") == 1.5
    assert count_nonzero(covariance) == 10**12
    monkeypatch.setattr("kronmix.forms.entries.MAX_BYTES", 10**6)  # a diagonal that is too long to write out
    with pytest.raises(MemoryError, match=r"columns op\[:, some\]"):
        km.norm(covariance, "l1")


def test_far_from_hermitian_is_told_without_the_matrix() -> None:
    with pytest.raises(ValueError, match="Hermitian"):
        km.eigh(HUGE + km.Permutation(np.roll(np.arange(60_000), 1)))


def test_many_terms_multiply_as_terms() -> None:
    rng = np.random.default_rng(0)
    op = km.SumOfKroneckers([(rng.normal(size=(3, 3)), rng.normal(size=(4, 4))) for _ in range(8)])
    assert len((op @ op.T).form.terms) == 64
    np.testing.assert_allclose((op**2).to_dense(), op.to_dense() @ op.to_dense())
    assert km.trace(op.T @ op) == pytest.approx(km.norm(op) ** 2)
