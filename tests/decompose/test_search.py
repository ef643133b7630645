"""The search: fronts against brute force, planted structures, bounds, counts, bad input."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.sparse import csr_array, random as random_sparse

import kronmix as km
from kronmix.decompose import FAMILIES, Curve, rearrange
from kronmix.decompose.factorization import target
from kronmix.decompose.searches.permuted import PERMUTED
from kronmix.decompose.searches.spectra import Spectra
from tests.strategies import Source

NAMES = [family.name for family in FAMILIES]


def noisy(truth: Any, noise: float, source: Source) -> Any:
    E = source.array(*truth.shape)
    return truth + noise * np.linalg.norm(truth) / np.linalg.norm(E) * E


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def tail(values: Any, rank: int) -> float:
    return float(np.sum(np.sort(np.abs(np.ravel(values)))[::-1][rank:] ** 2))


def brute_force(B: Any) -> dict[tuple[str, tuple[int, ...], int], tuple[int, float]]:
    """Every structure of the closed families, each by SVDs of explicit submatrices: (numbers stored, error)."""
    m, n = B.shape
    found: dict[tuple[str, tuple[int, ...], int], tuple[int, float]] = {}
    s = np.linalg.svd(B, compute_uv=False)
    for r in range(1, min(m, n) + 1):
        found["low rank", (m, n), r] = r * (m + n), tail(s, r)
    for p in divisors(m):
        for k in divisors(n):
            q, t = m // p, n // k
            s = np.linalg.svd(rearrange(B, ((p, k), (q, t))), compute_uv=False)
            for r in range(1, len(s) + 1):
                found["Kronecker sum", (p, k, q, t), r] = r * (p * k + q * t), tail(s, r)
            if p + t >= p * t:
                continue  # stored slices are as large as the entries
            slices = [np.linalg.svd(B[i::q, j * t : (j + 1) * t], compute_uv=False) for i in range(q) for j in range(k)]
            for r in range(1, min(p, t) + 1):
                found["Monarch", (p, k, q, t), r] = q * k * r * (p + t), sum(tail(s, r) for s in slices)
            for r in range(1, q * k * min(p, t) + 1):
                found["block low rank", (p, k, q, t), r] = r * (p + t) + q * k, tail(slices, r)
    for a in divisors(m):
        for d in divisors(m // a):
            if n % (a * d) == 0 and a * d > 1:
                support = km.Pattern(a, m // (a * d), n // (a * d), d).support()
                found["block-diagonal", (a, m // (a * d), n // (a * d), d), 1] = (
                    int(support.sum()),
                    tail(B[~support], 0),
                )
                blocks = [
                    B.reshape(a, m // (a * d), d, a, n // (a * d), d)[i, :, j, i, :, j]
                    for i in range(a)
                    for j in range(d)
                ]
                outside = tail(B[~support], 0)
                for p in divisors(m // (a * d)):
                    for k in divisors(n // (a * d)):
                        q, t = m // (a * d * p), n // (a * d * k)
                        if p + t >= p * t:
                            continue
                        inner = [
                            np.linalg.svd(X[i::q, j * t : (j + 1) * t], compute_uv=False)
                            for X in blocks
                            for i in range(q)
                            for j in range(k)
                        ]
                        for r in range(1, min(p, t) + 1):
                            error2 = outside + sum(tail(s, r) for s in inner)
                            found["chain of two", (a, d, p, k, q, t), r] = a * d * q * k * r * (p + t), error2
    return {key: (count, error2**0.5) for key, (count, error2) in found.items() if count < m * n}


@pytest.mark.parametrize(
    "shape", [(6, 6), (8, 12), (16, 4), (7, 7), (6, 12), pytest.param((36, 36), marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_the_front_is_that_of_brute_force(shape: tuple[int, int], dtype: Any) -> None:
    source = Source(sum(shape), dtype)
    B = (
        noisy(km.Monarch(source.array(2, 3, 2), source.array(2, 2, 6)).to_dense(), 0.2, source)
        if shape == (6, 12)
        else source.array(*shape)
    )
    norm = np.linalg.norm(B)
    truth = brute_force(B)
    closed = [family for family in FAMILIES if family.is_optimal]
    found = km.search(B, families=closed)
    for row in found.candidates:
        count, error = truth[row.family, row.sizes, row.rank]
        assert row.n_parameters == count
        assert row.relative_error == pytest.approx(error / norm, rel=1e-9, abs=2e-7)
        assert row.lower_bound <= error / norm * (1 + 1e-9)
        assert row.is_optimal
    best = np.inf
    corners = []
    for count, error in sorted(truth.values()):
        if error / norm < best * (1 - 1e-9):
            best = error / norm
            corners.append((count, best))
    steps = dict(corners)  # the last of equal counts is the best
    assert [row.n_parameters for row in found.front] == list(steps)
    np.testing.assert_allclose([row.relative_error for row in found.front], list(steps.values()), rtol=1e-8, atol=1e-9)


PLANTED: dict[str, Any] = {
    "Kronecker sum (6, 4, 6, 9), rank 2": lambda s: km.SumOfKroneckers(
        [(s.array(6, 4), s.array(6, 9)) for _ in range(2)]
    ),
    "Kronecker sum (4, 8, 16, 8)": lambda s: km.Kronecker(s.array(4, 8), s.array(16, 8)),
    "low rank 36×48, rank 3": lambda s: km.LowRank(s.array(36, 3), s.array(3, 48)),
    "Monarch (6, 6, 6, 6)": lambda s: km.Monarch(s.array(6, 6, 6), s.array(6, 6, 6)),
    "Monarch (8, 4, 8, 16)": lambda s: km.Monarch(s.array(8, 8, 4), s.array(4, 8, 16)),
    "Monarch (12, 3, 5, 12), rank 2": lambda s: km.Monarch(s.array(5, 12, 6), s.array(3, 10, 12), rank=2),
    "block-diagonal (4, 9, 12, 1)": lambda s: km.KroneckerSparse(s.array(4, 1, 9, 12), (4, 9, 12, 1)),
    "block-diagonal (2, 6, 6, 3)": lambda s: km.KroneckerSparse(s.array(2, 3, 6, 6), (2, 6, 6, 3)),
    "butterfly (3, 4, 3)": lambda s: butterfly(s, 3, 4, 3),
    "butterfly (4, 4, 4)": lambda s: butterfly(s, 4, 4, 4),
    "chain of two (2, 1, 6, 3, 4, 8)": lambda s: chain(s, (2, 6, 3, 4), (6, 4, 8, 1)),
}


def chain(source: Source, *patterns: Any) -> Any:
    return km.Chain(*(km.KroneckerSparse(source.array(*km.Pattern(*p).values_shape), p) for p in patterns))


def butterfly(source: Source, *radices: int) -> Any:
    return chain(source, *km.butterfly_patterns(int(np.prod(radices)), radices))


@pytest.mark.parametrize("name", PLANTED)
def test_planted_structures_are_found(name: str) -> None:
    """Family, shape and rank are on the front, and what is taken at their own budget and by default."""
    for seed, noise in enumerate((0.0, 0.1)):
        source = Source(seed, np.float64)
        operator = PLANTED[name](source)
        found = km.search(noisy(operator.to_dense(), noise, source))
        assert name in [str(row) for row in found.front]
        assert str(found.choose(budget=operator.n_parameters)) == name
        best = found.best(budget=operator.n_parameters)
        assert best.n_parameters == operator.n_parameters
        assert best.relative_error < max(1.05 * noise, 1e-13)
        assert str(found.choose(tolerance=max(1.05 * noise, 1e-13))) == name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.float32])
def test_rows_are_what_their_fit_gives(name: str, dtype: Any) -> None:
    """Counts, errors and bounds of rows against the operators they stand for."""
    eps = float(np.finfo(dtype).eps)
    for shape in ((12, 12), (12, 18)):
        B = Source(sum(shape), dtype).array(*shape)
        found = km.search(B, families=[name])
        rows = found.candidates
        for row in rows[:: max(1, len(rows) // 6)]:
            fitted = found.fit(row)
            ranks = row.sizes[1] * row.sizes[2] if name.endswith("block low rank") else 0
            assert fitted.n_parameters + ranks == row.n_parameters
            assert fitted.operator.connections == row.connections
            assert fitted.operator.dtype == dtype
            assert fitted.relative_error == pytest.approx(row.relative_error, rel=2e-7, abs=max(2e-6, 20 * eps))
            dense = np.linalg.norm(B - fitted.operator.to_dense()) / np.linalg.norm(B)
            assert float(dense) == pytest.approx(row.relative_error, rel=1e-5, abs=max(2e-6, 20 * eps))
            assert row.lower_bound <= row.relative_error


def test_bounds_of_butterflies_stay_below_what_any_search_finds() -> None:
    for seed in range(3):
        source = Source(seed, np.float64)
        B = noisy(butterfly(source, 2, 2, 3).to_dense(), 0.3, source)
        for row in km.search(B, families=["butterfly"]).candidates:
            patterns = km.butterfly_patterns(12, row.sizes)
            start = km.nearest_chain(B, patterns)
            assert row.relative_error == pytest.approx(start.relative_error, rel=1e-9)
            assert row.lower_bound == pytest.approx(start.lower_bound / np.linalg.norm(B), rel=2e-3)
            path = km.gradient_descent(km.Observed(B), start.operator, steps=300)
            assert row.lower_bound * np.linalg.norm(B) <= np.sqrt(2 * path.losses[-1])


def test_every_ordered_factorisation_is_a_butterfly() -> None:
    rows = km.search(Source(0, np.float64).array(24, 24), families=["butterfly"]).candidates
    assert len({row.sizes for row in rows}) == len(rows) == 13  # of the 20 of 24, without 24 itself and six pairs
    assert all(np.prod(row.sizes) == 24 and len(row.sizes) > 2 and min(row.sizes) > 1 for row in rows)


def test_exact_structures_end_the_front_with_a_measured_error() -> None:
    H = hadamard(32)
    found = km.search(H)
    assert found.front[-1].relative_error < 1e-14
    assert found.lines()[-1].cells[3] in ("0", "< 1e-12")
    assert found.front[-1].lower_bound == 0
    assert found.best(tolerance=1e-12).relative_error < 1e-14
    assert str(found.choose()) == "Kronecker sum (4, 4, 8, 8)" or found.choose().family == "Kronecker sum"


def test_the_choice_by_budget_and_tolerance() -> None:
    source = Source(0, np.float64)
    B = noisy(km.Monarch(source.array(4, 4, 4), source.array(4, 4, 4)).to_dense(), 0.05, source)
    found = km.search(B)
    for budget in (0.5, 128, 60):
        limit = budget * B.size if budget < 1 else budget
        row = found.choose(budget=budget)
        assert row.n_parameters <= limit
        assert row.relative_error == min(r.relative_error for r in found.candidates if r.n_parameters <= limit)
    for tolerance in (0.9, 0.3, 0.05):
        row = found.choose(tolerance=tolerance)
        assert row.n_parameters == min(r.n_parameters for r in found.candidates if r.relative_error <= tolerance)
    within = km.search(B, budget=128)
    assert max(row.n_parameters for row in within.candidates) <= 128
    assert within.choose() == found.choose(budget=128)
    assert km.search(B, tolerance=0.3).choose() == found.choose(tolerance=0.3)
    cheap = found.front_by_connections
    assert all(a.connections < b.connections and a.relative_error > b.relative_error for a, b in pairwise(cheap))


def test_the_baseline_keeps_the_largest_entries() -> None:
    B = Source(0, np.float64).array(8, 8)
    found = km.search(B)
    entries = np.sort(np.abs(B.ravel()))[::-1]
    for row, error in zip(found.front, found.baseline, strict=True):
        assert error == pytest.approx(np.linalg.norm(entries[row.n_parameters :]) / np.linalg.norm(B), abs=1e-12)


def test_permuted_structures_are_found_when_asked() -> None:
    source = Source(0, np.float64)
    truth = km.Monarch(source.array(3, 3, 3), source.array(3, 3, 3)).to_dense()
    rng = np.random.default_rng(0)
    B = truth[rng.permutation(9)][:, rng.permutation(9)]
    found = km.search(B, families=["Monarch"], permute=True)
    row = found.choose(tolerance=1e-10)
    assert str(row) == "permuted Monarch (3, 3, 3, 3)"
    assert row.n_parameters == 54 + 18  # the orders are stored too
    best = found.best(tolerance=1e-10)
    assert np.linalg.norm(B - best.operator.to_dense()) < 1e-12 * np.linalg.norm(B)
    assert km.search(B, families=["Monarch"]).front[-1].relative_error > 0.1
    K = np.kron(source.array(3, 3), source.array(3, 3))[rng.permutation(9)][:, rng.permutation(9)]
    assert str(km.search(K, families=["low rank"], permute=True).front[-1]) == "permuted Kronecker sum (3, 3, 3, 3)"


def test_one_shape_of_a_permuted_sum_stands_for_both() -> None:
    """A ⊗ B is B ⊗ A in another order."""
    B = Source(0, np.float64).array(4, 6)
    tried = km.search(B, families=["low rank"], permute=True).candidates
    (row,) = (row for row in tried if row.family == "permuted Kronecker sum" and row.rank == 1)
    assert row.sizes == (2, 2, 2, 3)
    for sizes in (((2, 2), (2, 3)), ((2, 3), (2, 2))):
        found = km.find_permutations(B, sizes, "kronecker").factorization
        assert found.relative_error == pytest.approx(row.relative_error)


@pytest.mark.slow
def test_a_budget_spares_permuted_structures_beyond_it_and_changes_nothing_within() -> None:
    B = np.random.default_rng(0).normal(size=(8, 8))
    every = km.search(B, families=["low rank"], permute=True)
    within = km.search(B, families=["low rank"], permute=True, budget=40)
    assert [str(row) for row in within.front] == [str(row) for row in every.front if row.n_parameters <= 40]
    spectra = Spectra(target(B))
    for limit, most in ((None, 2), (40, 1)):
        (family,) = PERMUTED[1].beyond((), limit)
        assert max(len(curve.ranks) for curve in family.curves(spectra) if curve.sizes == (2, 4, 4, 2)) == most
    spectra = Spectra(target(butterfly(Source(0, np.float64), 3, 2, 2).to_dense()))
    for limit, found in ((None, True), (100, False)):  # the finest stores 12 · 7, and the orders 24
        (family,) = PERMUTED[2].beyond((), limit)
        assert any(family.curves(spectra)) == found


def test_no_permuted_structure_is_tried_that_is_larger_than_an_exact_one() -> None:
    source, rng = Source(0, np.float64), np.random.default_rng(0)
    truth = km.Monarch(source.array(3, 3, 3), source.array(3, 3, 3)).to_dense()
    B = truth[rng.permutation(9)][:, rng.permutation(9)]
    tried = [row for row in km.search(B, families=["low rank"], permute=True).candidates if "permuted" in row.family]
    exact = min(row.n_parameters for row in tried if row.relative_error < 1e-6)
    assert exact == 72
    sums = [row.n_parameters for row in tried if row.family == "permuted Kronecker sum"]
    assert sums == [36, 54]  # not 72 nor, of one more rank, 90


def test_permuted_structures_of_higher_rank_and_butterflies() -> None:
    monarch, _, butterflies = PERMUTED
    source, rng = Source(3, np.float64), np.random.default_rng(0)
    for family, truth, name in (
        (monarch, km.Monarch(source.array(2, 8, 4), source.array(2, 4, 8), 2), "permuted Monarch (8, 2, 2, 8), rank 2"),
        (butterflies, butterfly(source, 3, 2, 2), "permuted butterfly (3, 2, 2)"),
    ):
        n = truth.shape[0]
        B = noisy(truth.to_dense()[rng.permutation(n)][:, rng.permutation(n)], 0.02, source)
        found = km.search(B, families=[family])
        budget = truth.n_parameters + 2 * n
        row = found.choose(budget=budget)
        assert (str(row), row.n_parameters) == (name, budget)
        assert found.fit(row).relative_error < 0.021
        assert row.relative_error == pytest.approx(found.fit(row).relative_error)


def test_the_error_that_counts_can_be_that_on_data() -> None:
    source = Source(1, np.float64)
    B, X = source.array(12, 12), source.array(12, 3) @ source.array(3, 50)
    found = km.search(B, inputs=X)
    assert {row.family for row in found.candidates} == {"low rank", "Kronecker sum", "Monarch"}
    norm = np.linalg.norm(B @ X)
    for row, baseline in zip(found.front, found.baseline, strict=True):
        fitted = found.fit(row)
        assert isinstance(fitted, km.decompose.DataFactorization)
        actual = np.linalg.norm((B - fitted.operator.to_dense()) @ X) / norm
        assert row.relative_error == pytest.approx(actual, rel=1e-6, abs=1e-7)
        assert row.lower_bound <= row.relative_error
        kept = np.sort(np.abs(B.ravel()))[::-1][: row.n_parameters].min()
        sparse = np.where(np.abs(B) >= kept, B, 0)
        assert baseline == pytest.approx(np.linalg.norm((B - sparse) @ X) / norm)
    exact = found.choose(tolerance=1e-6)
    assert exact.family == "low rank"  # three directions of data
    assert exact.rank <= 3
    chunks = km.search(B, inputs=iter([X[:, :20], X[:, 20:]]))
    assert [str(row) for row in chunks.front] == [str(row) for row in found.front]
    with pytest.raises(ValueError, match="inputs"):
        km.search(B, inputs=np.ones((5, 9)))


def test_words_say_what_was_found() -> None:
    source = Source(0, np.float64)
    monarch = noisy(km.Monarch(source.array(6, 6, 6), source.array(6, 6, 6)).to_dense(), 0.05, source)
    found = km.search(monarch)
    row = found.choose()
    assert found.answer().startswith(
        f"Use Monarch (6, 6, 6, 6): 432 numbers, 33.3% of the entries; relative error {row.relative_error:.3g}"
    )
    assert "smallest possible for this structure (proved)" in found.answer()
    assert "→  Monarch (6, 6, 6, 6)" in found.table()
    assert repr(found).startswith(f"Front(36×36, {len(found.front)} of {len(found.candidates)} candidates)")
    assert found.exact is None
    plain = km.search(np.random.default_rng(0).normal(size=(36, 36)))
    assert plain.answer().startswith("No structure: as many of the largest entries are as near or nearer")
    deep = km.search(monarch, families=["butterfly"])
    assert f"none of this structure is below {deep.choose().lower_bound:.3g} (proved)" in deep.answer()
    assert "≥" in deep.table()
    nothing = km.search(np.ones((3, 1)))
    assert nothing.answer() == "No structure is smaller than the 3×1 matrix itself."
    with pytest.raises(ValueError, match="no structure is smaller than the 3×1 matrix itself"):
        nothing.choose()


def test_an_exact_structure_is_chosen_unless_a_compromise_stores_less_than_half() -> None:
    source = Source(1, np.float64)
    left, right = source.array(64, 12), source.array(12, 64)
    left[:, 11] *= 1e-3  # of which a compromise would be quit for 1/32 of the entries
    found = km.search(left @ right)
    assert found.choose() == found.exact
    assert str(found.exact) == "low rank 64×64, rank 12"
    assert found.answer().startswith(
        "Use low rank 64×64, rank 12: 1536 numbers, 37.5% of the entries; relative error < 1e-12"
    )
    steep = km.search((left * 10.0 ** -np.arange(12.0).clip(max=3)) @ right)
    assert steep.exact is not None
    assert steep.exact.n_parameters > 2 * steep.choose().n_parameters
    assert steep.answer().endswith(" It is exactly low rank 64×64, rank 12: 1536 numbers, 37.5% of the entries.")
    scattered = random_sparse(60, 60, density=0.02, random_state=0).toarray()
    assert km.search(scattered).choose().relative_error < 1e-12
    assert km.search(scattered).answer().startswith("Sparse before structured: as many of the largest entries")


def test_awkward_matrices() -> None:
    assert {row.family for row in km.search(Source(0, np.float64).array(7, 7)).candidates} == {
        "low rank",
        "block-diagonal",
        "diagonal + low rank",
    }
    zero = km.search(np.zeros((6, 6)))
    assert zero.front[0].relative_error == 0
    B = Source(0, np.float64).array(12, 12)
    at_one = km.search(B)
    for scale in (1e-300, 1e300):
        scaled = km.search(B * scale)
        assert [str(row) for row in scaled.front] == [str(row) for row in at_one.front]
    assert km.search(csr_array(B)).front == at_one.front
    assert km.search(km.Dense(B)).front == at_one.front
    assert km.search(B.tolist()).front == at_one.front


def test_chains_on_request() -> None:
    source = Source(0, np.float64)
    patterns = [(1, 3, 2, 6), (2, 3, 4, 2), (8, 2, 3, 1)]
    truth = chain(source, *patterns)
    found = km.search(truth.to_dense(), families=["low rank", patterns])
    assert found.front[-1].family == "chain"
    assert found.best(tolerance=1e-12).relative_error < 1e-13
    with pytest.raises(ValueError, match=re.escape("multiply to 18×24, B is 6×6")):
        km.search(np.ones((6, 6)), families=[patterns])


def test_an_interrupt_keeps_what_was_found() -> None:
    seen: list[tuple[str, int]] = []

    def stop(name: str, done: int) -> None:
        seen.append((name, done))
        if name == "Monarch":
            raise KeyboardInterrupt

    found = km.search(Source(0, np.float64).array(16, 16), progress=stop)
    assert found.interrupted
    assert seen[-1] == ("Monarch", 1)
    assert {row.family for row in found.candidates} == {"low rank", "Kronecker sum", "block-diagonal", "Monarch"}
    assert "interrupted" in repr(found)
    assert "others may be better" in found.answer()
    assert found.best().relative_error > 0


class Constant:
    """A user's own family: multiples of the matrix of ones."""

    name, is_optimal = "constant", True

    def curves(self, spectra: Any) -> Any:
        kept = abs(spectra.matrix.sum()) ** 2 / spectra.matrix.size
        left = np.array([1 - kept])
        one = np.ones(1, int)
        yield Curve(self, spectra.shape, one, one, one, left, left)

    def fit(self, B: Any, sizes: Any, rank: int) -> Any:
        return km.nearest_kronecker(B, ((1, 1), sizes))


def test_a_family_of_ones_own() -> None:
    B = 1 + 0.1 * Source(0, np.float64).array(4, 4)
    found = km.search(B, families=[Constant(), "low rank"])
    assert str(found.front[0]) == "constant 4×4"
    assert found.front[0].relative_error == pytest.approx(np.linalg.norm(B - B.mean()) / np.linalg.norm(B))


@pytest.mark.parametrize(
    ("B", "options", "error", "words"),
    [
        (np.full((4, 4), np.nan), {}, ValueError, "B has 16 NaN or infinite entries"),
        (np.ones(4), {}, ValueError, "B has shape (4,): expected a matrix"),
        (np.ones((0, 4)), {}, ValueError, "B has shape (0, 4): expected at least one entry"),
        ([["a"]], {}, TypeError, "expected numbers"),
        (np.ones((4, 4)), {"budget": 1}, ValueError, "budget=1: the smallest candidate, "),
        (np.ones((4, 4)), {"budget": -1}, ValueError, "budget=-1: expected a positive number"),
        (np.ones((4, 4)), {"budget": np.nan}, ValueError, "budget=nan: expected a positive number"),
        (np.ones((4, 4)), {"tolerance": -1}, ValueError, "tolerance=-1: expected a number, at least 0"),
        (np.ones((4, 4)), {"budget": 5, "tolerance": 0.1}, ValueError, "give a budget or a tolerance, not both"),
        (
            np.ones((4, 4)),
            {"families": ["wavelets"]},
            ValueError,
            "families: 'wavelets' is not one of low rank, Kronecker sum",
        ),
    ],
)
def test_bad_input(B: Any, options: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        km.search(B, **options)


def test_what_cannot_be_chosen() -> None:
    found = km.search(Source(0, np.float64).array(8, 8))
    with pytest.raises(ValueError, match=r"tolerance=1e-12: the nearest candidate, .* has a relative error of"):
        found.best(tolerance=1e-12)
    with pytest.raises(ValueError, match=r"budget=2: the smallest candidate, .* stores \d+ numbers"):
        found.best(budget=2)
    with pytest.raises(IndexError, match="candidate 99999 of"):
        found.candidates[99999]


def test_the_front_of_one_curve_reaches_its_last_row() -> None:
    found = km.search(np.eye(6) + np.diag(np.arange(6.0)), families=["low rank"])
    (curve,) = found.candidates.curves
    assert [row.n_parameters for row in found.front] == curve.n_parameters.tolist()
    assert found.candidates.best(lambda curve: curve.n_parameters)[-1] == (0, len(curve) - 1)
