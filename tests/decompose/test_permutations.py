"""Shuffled structures: found again up to their own noise, never worse than unshuffled, and exact where they are exact."""

from __future__ import annotations

import re
from itertools import combinations, permutations as orders
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.linalg import hadamard

import kronmix as km
from kronmix.decompose import permutations as permutations_module, permutations_groups
from kronmix.decompose.permutations_assignment import assign, cluster, free, nested, transversal
from kronmix.decompose.permutations_groups import blocks, find_groups
from kronmix.decompose.permutations_orders import Order
from kronmix.decompose.permutations_swaps import _exchanged
from kronmix.patterns import digit_reversal
from tests.strategies import DTYPES, Source, dense_monarch, sizes


def shuffled(M: Any, seed: int, noise: float = 0.0) -> tuple[Any, Any]:
    """M with noise of this relative size, and the same with its rows and columns shuffled."""
    rng = np.random.default_rng([seed, 7])
    E = rng.normal(size=M.shape) + (1j * rng.normal(size=M.shape) if np.iscomplexobj(M) else 0)
    M = M + noise * np.linalg.norm(M) / np.linalg.norm(E) * E
    return M, M[rng.permutation(len(M))][:, rng.permutation(M.shape[1])]


def monarch(seed: int, p: int, k: int, q: int, s: int, rank: int = 1, dtype: Any = float) -> Any:
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(q, p, k * rank)), rng.normal(size=(k, q * rank, s))
    if np.dtype(dtype).kind == "c":
        left, right = left + 1j * rng.normal(size=left.shape), right + 1j * rng.normal(size=right.shape)
    return dense_monarch(left, right, rank)


def rotations(seed: int, n: int) -> Any:
    """A butterfly of random rotations."""
    rng = np.random.default_rng(seed)
    factors = []
    for pattern in km.butterfly_patterns(n):
        θ = rng.uniform(0, 2 * np.pi, (pattern.a, pattern.d))
        c, s = np.cos(θ), np.sin(θ)
        factors.append(km.KroneckerSparse(np.array([[c, s], [-s, c]]).transpose(2, 3, 0, 1), pattern))
    return km.Chain(*factors).to_dense()


def check(found: Any, B: Any) -> None:
    """What every result says of itself."""
    M = found.ordered.operator.to_dense()
    assert sorted(found.rows) == list(range(len(B)))
    assert sorted(found.columns) == list(range(B.shape[1]))
    operator, scale = found.factorization.operator, np.linalg.norm(B)
    eps = float(50 * np.finfo(operator.dtype).eps * scale)
    np.testing.assert_allclose(operator.to_dense()[found.rows][:, found.columns], M, atol=eps)
    assert np.linalg.norm(B - operator.to_dense()) == pytest.approx(found.factorization.error, rel=1e-6, abs=eps)
    assert [type(part) for part in operator.operators][::2][:1] == [km.Permutation]
    assert found.factorization.error == found.ordered.error <= found.unpermuted_error
    assert found.factorization.lower_bound <= found.factorization.error


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.2])
@pytest.mark.parametrize(
    ("sizes_", "rank", "dtype"),
    [
        ((8, 8, 8, 8), 1, float),
        ((8, 6, 10, 5), 2, float),
        ((6, 6, 10, 8), 1, complex),
        ((12, 4, 6, 12), 3, complex),
    ],
)
def test_a_shuffled_monarch_matrix_is_found_up_to_its_noise(sizes_: Any, rank: int, dtype: Any, noise: float) -> None:
    for seed in range(1):
        M, B = shuffled(monarch(seed, *sizes_, rank, dtype), seed, noise)
        found = km.find_permutations(B, sizes_, rank=rank)
        assert found.factorization.error <= km.nearest_monarch(M, sizes_, rank).error * 1.0001 + 1e-12
        check(found, B)


@pytest.mark.slow
@pytest.mark.parametrize("sizes_", [(8, 8, 8, 8), (16, 16, 16, 16)])
def test_ten_of_ten_at_a_fifth_noise(sizes_: Any) -> None:
    for seed in range(10):
        M, B = shuffled(monarch(seed, *sizes_), seed, 0.2)
        found = km.find_permutations(B, sizes_, seed=seed)
        assert found.factorization.error <= km.nearest_monarch(M, sizes_).error * 1.0001


@pytest.mark.slow
def test_monarch_of_width_1024_with_a_tenth_noise() -> None:
    for seed in range(4):
        M, B = shuffled(monarch(seed, 32, 32, 32, 32), seed, 0.1)
        found = km.find_permutations(B, (32, 32, 32, 32), seed=seed)
        assert found.factorization.error <= km.nearest_monarch(M, (32, 32, 32, 32)).error * 1.0001


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize(
    ("shapes", "terms"), [(((8, 8), (8, 8)), 1), (((3, 5), (4, 2)), 1), (((10, 12), (6, 4)), 1), (((6, 8), (9, 7)), 2)]
)
def test_a_shuffled_kronecker_product_is_found(shapes: Any, terms: int, noise: float) -> None:
    rng = np.random.default_rng(terms)
    product = sum(np.kron(rng.normal(size=shapes[0]), rng.normal(size=shapes[1])) for _ in range(terms))
    M, B = shuffled(product, 1, noise)
    found = km.find_permutations(B, shapes, "kronecker", terms)
    assert found.factorization.error <= km.nearest_kronecker(M, shapes, terms).error * 1.0001 + 1e-12
    check(found, B)


def small_sum(seed: int, shapes: Any, noise: float) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return shuffled(sum(np.kron(rng.normal(size=shapes[0]), rng.normal(size=shapes[1])) for _ in range(2)), seed, noise)


def test_a_small_sum_of_two_is_found_by_exchanges() -> None:
    for seed in range(1):
        _, B = small_sum(seed, ((3, 3), (4, 4)), 0.0)
        found = km.find_permutations(B, ((3, 3), (4, 4)), "kronecker", 2)
        assert found.factorization.relative_error < 1e-7
        check(found, B)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("shapes", [((3, 3), (4, 4)), ((4, 4), (3, 3)), ((2, 2), (6, 6))])
def test_nine_of_ten_small_sums_are_found_with_restarts_enough(shapes: Any, noise: float) -> None:
    found = 0
    for seed in range(10):
        M, B = small_sum(seed, shapes, noise)
        error = km.find_permutations(B, shapes, "kronecker", 2, restarts=64).factorization.error
        found += error <= km.nearest_kronecker(M, shapes, 2).error * 1.0001 + 1e-9
    assert found >= 9


def test_exchanges_leave_no_better_exchange() -> None:
    M = np.random.default_rng(0).normal(size=(6, 4))
    sizes_ = (2, 2, 3, 2)
    order, error2 = _exchanged(M, Order(np.arange(6), np.arange(4)), sizes_, 1)
    B = M[order.rows][:, order.columns]
    assert km.nearest_kronecker(B, ((2, 2), (3, 2))).error ** 2 == pytest.approx(error2)
    others = [B[_exchange(6, i, j)] for i, j in combinations(range(6), 2)]
    others += [B[:, _exchange(4, i, j)] for i, j in combinations(range(4), 2)]
    assert min(km.nearest_kronecker(other, ((2, 2), (3, 2))).error for other in others) ** 2 >= error2 * (1 - 1e-6)


def _exchange(n: int, i: int, j: int) -> list[int]:
    return [{i: j, j: i}.get(at, at) for at in range(n)]


@pytest.mark.parametrize(
    "shapes", [((12, 1), (5, 9)), ((1, 6), (7, 4)), ((5, 7), (9, 1)), ((5, 7), (1, 8)), ((4, 1), (1, 3))]
)
def test_factors_of_one_row_or_column(shapes: Any) -> None:
    source = Source(0, np.complex128)
    _, B = shuffled(np.kron(source.array(*shapes[0]), source.array(*shapes[1])), 2)
    found = km.find_permutations(B, shapes, "kronecker")
    assert found.factorization.relative_error < 1e-13
    check(found, B)


def test_products_of_flat_matrices_are_found() -> None:
    F = np.fft.fft(np.eye(6))
    for product in (np.kron(hadamard(8), hadamard(8)), np.kron(F, F)):
        n = round(len(product) ** 0.5)
        _, B = shuffled(product, 0)
        assert km.find_permutations(B, ((n, n), (n, n)), "kronecker").factorization.relative_error < 1e-13


@pytest.mark.parametrize("n", [60, 64])
def test_a_shuffled_fourier_matrix_is_monarch_and_a_butterfly(n: int) -> None:
    _, B = shuffled(np.fft.fft(np.eye(n)), n)
    sizes_ = (6, 6, 10, 10) if n == 60 else (8, 8, 8, 8)
    for found in (km.find_permutations(B, sizes_), km.find_permutations(B, n, "butterfly")):
        assert found.factorization.relative_error < 1e-12
        check(found, B)


@pytest.mark.slow
def test_the_fourier_matrix_of_size_256() -> None:
    for seed in range(3):
        _, B = shuffled(np.fft.fft(np.eye(256)), seed)
        assert km.find_permutations(B, (16, 16, 16, 16)).factorization.relative_error < 1e-12
        assert km.find_permutations(B, 256, "butterfly").factorization.relative_error < 1e-12


@pytest.mark.parametrize("sizes_", [(8, 8, 8, 8), (2, 2, 32, 32)])
def test_ties_of_a_hadamard_matrix(sizes_: Any) -> None:
    _, B = shuffled(hadamard(64).astype(float), 3)
    check(km.find_permutations(B, sizes_), B)
    assert km.find_permutations(B, sizes_).factorization.relative_error < 1e-13
    noisy = shuffled(hadamard(64), 3, 0.1)
    assert (
        km.find_permutations(noisy[1], sizes_).factorization.error
        <= km.nearest_monarch(noisy[0], sizes_).error * 1.0001
    )


@pytest.mark.parametrize("radices", [(2, 2, 2, 2, 2), (4, 2, 4), (3, 5, 2)])
def test_a_shuffled_butterfly_of_any_radices(radices: tuple[int, ...]) -> None:
    n = int(np.prod(radices))
    patterns = km.butterfly_patterns(n, radices)
    source = Source(n, np.complex128)
    product = km.Chain(*(km.KroneckerSparse(source.array(p.a, p.d, p.b, p.c), p) for p in patterns)).to_dense()
    _, B = shuffled(product, n)
    found = km.find_permutations(B, radices, "butterfly")
    assert found.factorization.relative_error < 1e-12
    check(found, B)


def test_a_noisy_butterfly_and_a_hadamard_butterfly() -> None:
    M, B = shuffled(rotations(0, 32), 0, 0.05)
    least = km.nearest_chain(M, km.butterfly_patterns(32)).error
    assert km.find_permutations(B, 32, "butterfly").factorization.error <= least * 1.0001
    _, B = shuffled(hadamard(64), 0)
    assert km.find_permutations(B, 64, "butterfly").factorization.relative_error < 1e-13


@settings(max_examples=10)
@given(st.data(), st.sampled_from(["monarch", "kronecker"]), st.integers(1, 2))
def test_never_worse_than_without_permutations(data: Any, structure: Any, rank: int) -> None:
    p, k, q, s = (data.draw(sizes) for _ in range(4))
    B = Source(data.draw(st.integers(0, 99)), data.draw(st.sampled_from(DTYPES))).array(p * q, k * s)
    shape = (p, k, q, s) if structure == "monarch" else ((p, k), (q, s))
    nearest = km.nearest_monarch if structure == "monarch" else km.nearest_kronecker
    found = km.find_permutations(B, shape, structure, rank, restarts=2)
    check(found, B)
    assert found.unpermuted_error == nearest(B, shape, rank).error
    assert found.ordered.operator.dtype == B.dtype


@pytest.mark.parametrize("rank", [1, 2])
def test_small_matrices_get_the_best_of_all_permutations(rank: int) -> None:
    """Every partition of six rows in pairs and of six columns in threes."""
    B = np.random.default_rng(rank).normal(size=(6, 6))
    sizes_ = (2, 2, 3, 3) if rank == 1 else (3, 2, 2, 3)
    _, k, q, s = sizes_
    rows = {tuple(sorted(tuple(sorted(o[i::q])) for i in range(q))): o for o in orders(range(6))}
    columns = {tuple(sorted(tuple(sorted(o[i * s : i * s + s])) for i in range(k))): o for o in orders(range(6))}
    best = min(km.nearest_monarch(B[np.ix_(r, c)], sizes_, rank).error for r in rows.values() for c in columns.values())
    found = km.find_permutations(B, sizes_, rank=rank, restarts=60)
    assert best * (1 - 1e-9) <= found.factorization.error <= best * 1.05


def test_duplicated_and_zero_rows_and_a_zero_matrix() -> None:
    M = monarch(0, 6, 6, 6, 6)
    M[:6] = M[6:12]
    M[12:15] = M[:, 3] = 0
    _, B = shuffled(M, 0)
    assert km.find_permutations(B, (6, 6, 6, 6)).factorization.relative_error < 1e-12
    nothing = km.find_permutations(np.zeros((6, 8)), (2, 4, 3, 2))
    assert nothing.factorization.error == 0
    assert list(nothing.rows) == list(range(6))


def test_structured_input_needs_no_permutation() -> None:
    for B, shape, structure in (
        (monarch(0, 4, 3, 5, 2), (4, 3, 5, 2), "monarch"),
        (np.fft.fft(np.eye(16))[:, digit_reversal(16)], 16, "butterfly"),
        (km.Kronecker(np.ones((2, 3)), np.eye(2)), ((2, 3), (2, 2)), "kronecker"),
    ):
        found = km.find_permutations(B, shape, structure)
        assert found.factorization.relative_error < 1e-13
        assert list(found.rows) == list(range(B.shape[0]))


def test_the_scale_of_the_matrix_and_the_seed_change_nothing() -> None:
    _, B = shuffled(monarch(0, 4, 4, 4, 4), 0, 0.1)
    first, again = (km.find_permutations(B, (4, 4, 4, 4), seed=3) for _ in range(2))
    assert (first.rows == again.rows).all()
    for scale in (2.0**-500, 2.0**500):
        scaled = km.find_permutations(scale * B, (4, 4, 4, 4), seed=3)
        assert (scaled.rows == first.rows).all()
        assert scaled.factorization.relative_error == pytest.approx(first.factorization.relative_error)


def test_the_bound_holds_for_all_permutations() -> None:
    """Slices of rank one make a matrix of rank at most q·k; the bound is what Eckart and Young leave."""
    B = np.random.default_rng(0).normal(size=(16, 16))
    found = km.find_permutations(B, (8, 2, 2, 8))
    σ = np.linalg.svd(B, compute_uv=False)
    assert found.factorization.lower_bound == pytest.approx(np.linalg.norm(σ[4:]))
    assert found.ordered.lower_bound == pytest.approx(found.factorization.error, rel=1e-6)


def test_assignment_is_the_best_of_all() -> None:
    rng = np.random.default_rng(0)
    gain = rng.normal(size=(6, 3))
    members = assign(gain, free(6, 3))
    total = max(sum(gain[i, j // 2] for j, i in enumerate(order)) for order in orders(range(6)))
    assert sum(gain[i, g] for g, group in enumerate(members) for i in group) == pytest.approx(total)
    inner = assign(rng.normal(size=(12, 6)), nested(2, 3, 2))
    assert (inner[:3] < 6).all()
    assert (inner[3:] >= 6).all()
    across = assign(rng.normal(size=(12, 4)), transversal(np.arange(12).reshape(3, 4)))
    assert (np.sort(across // 4, axis=1) == np.arange(3)).all()


def test_clusters_of_an_exact_similarity() -> None:
    rng = np.random.default_rng(0)
    label = rng.permutation(np.repeat(np.arange(5), 2))
    members = cluster((label[:, None] == label).astype(float), free(10, 5), rng)
    assert (label[members[:, 0]] == label[members[:, 1]]).all()


def test_steps_never_enlarge_the_residual() -> None:
    B = np.random.default_rng(0).normal(size=(24, 20))
    given_groups = np.arange(24).reshape(6, 4).T, np.arange(20).reshape(5, 4)
    start = blocks(B, *given_groups)
    before = np.sqrt(np.sum(np.linalg.svd(start, compute_uv=False)[..., 1:] ** 2)) / np.linalg.norm(B)
    found = find_groups(B, free(24, 4), free(20, 5), 1, 1, np.random.default_rng(0), given_groups)
    assert found.residual <= before


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones((4, 6)), (2, 2, 2, 2)), ValueError, "B has shape (4, 6): expected (2·2, 2·2)"),
        ((np.ones((4, 6)), (2, 2, 2, 3), "circulant"), ValueError, "structure='circulant': expected 'monarch'"),
        ((np.ones((4, 6)), 4, "butterfly"), ValueError, "B has shape (4, 6): expected (4, 4) for a butterfly"),
        ((np.ones((4, 4)), 4, "butterfly", 2), ValueError, "rank=2: the slices of a butterfly have rank 1"),
        ((np.ones((8, 8)), ((2, 2),) * 3, "kronecker"), ValueError, "expected two factors, ((mA, nA), (mB, nB))"),
        ((np.ones((4, 6)), (2, 2, 2, 3), "monarch", 0), ValueError, "rank=0: expected at least 1"),
        ((np.full((4, 6), np.nan), (2, 2, 2, 3)), ValueError, "B has 24 NaN or infinite entries"),
        (([["a"]], (1, 1, 1, 1)), TypeError, "expected numbers"),
    ],
)
def test_bad_input(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        km.find_permutations(*arguments)


def test_bad_budget() -> None:
    with pytest.raises(ValueError, match="restarts=0: expected at least 1"):
        km.find_permutations(np.ones((2, 2)), (1, 1, 2, 2), restarts=0)


def test_steps_in_complex_numbers() -> None:
    """What subspaces hold of their own rows is what the truncation keeps; explained rows find their places."""
    source = Source(0, np.complex128)
    B = source.array(12, 15)
    groups = np.arange(12).reshape(4, 3).T, np.arange(15).reshape(3, 5)
    fit = permutations_groups._fit_groups(B, groups, 2, float(np.linalg.norm(B) ** 2))
    held = permutations_groups._held(B, groups[1], fit.right)
    kept = sum(held[i, g] for g, group in enumerate(groups[0]) for i in group)
    assert kept == pytest.approx(np.linalg.norm(B) ** 2 * (1 - fit.residual**2))
    phases = np.exp(2j * np.pi * np.arange(8) / 8)[:, None] * source.array(1, 4)
    order = np.random.default_rng(0).permutation(8)
    assert (permutations_module._best_order(phases[order], phases) == np.argsort(order)).all()
