"""Layouts of fly, lazylinop and pyfaust against their definitions, entry by entry; the libraries themselves run elsewhere."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, strategies as st

import kronmix as km
from kronmix.interop.chains import from_sparse
from tests.strategies import operators

interop = km.interop
RNG = np.random.default_rng(0)


# ---- fly ------------------------------------------------------------------------------------------------------------


def fly_rank(w1: Any, w2: Any) -> Any:
    """M[(s l), (k p)] = Σ_β w2[l, s, (k β)] w1[k, (β l), p]."""
    (k, q, p), (l, s, r) = w1.shape, w2.shape
    M = np.zeros((s, l, k, p))
    for i_s, i_l, i_k, i_p in np.ndindex(s, l, k, p):
        for β in range(q // l):
            M[i_s, i_l, i_k, i_p] += w2[i_l, i_s, i_k * (r // k) + β] * w1[i_k, β * l + i_l, i_p]
    return M.reshape(s * l, k * p)


def fly_einsum(w1: Any, w2: Any, b2: int) -> Any:
    """M[(s/b₂ l b₂), (k p)] = Σ_β w2[l, (s/b₂ b₂), (k β)] w1[k, (l β), p]."""
    (k, q, p), (l, s, r) = w1.shape, w2.shape
    b = q // l
    M = np.zeros((s // b2, l, b2, k, p))
    for i_s, i_l, i_b, i_k, i_p in np.ndindex(*M.shape):
        for β in range(b):
            M[i_s, i_l, i_b, i_k, i_p] += w2[i_l, i_s * b2 + i_b, i_k * (r // k) + β] * w1[i_k, i_l * b + β, i_p]
    return M.reshape(s * l, k * p)


def fly_layer(w1: Any, w2: Any) -> Any:
    """What MonarchLinear computes: row ρ·l + λ of the first blocks is column ρ of block λ of the second."""
    (k, q, p), (l, s, r) = w1.shape, w2.shape
    M = np.zeros((s, l, k, p))
    for ρ, λ in np.ndindex(r, l):
        κ, i = divmod(ρ * l + λ, q)
        M[:, λ, κ, :] += np.outer(w2[λ, :, ρ], w1[κ, i])
    return M.reshape(s * l, k * p)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
def test_both_variants_of_fly(k: int, l: int, b: int, p: int, s: int) -> None:
    w1, w2 = RNG.normal(size=(k, l * b, p)), RNG.normal(size=(l, 2 * s, k * b))
    op = interop.from_fly(w1, w2)
    np.testing.assert_allclose(op.to_dense(), fly_rank(w1, w2), atol=1e-12)
    np.testing.assert_allclose(op.to_dense(), fly_layer(w1, w2), atol=1e-12)
    assert isinstance(op, km.Monarch)
    for ours, given_ in zip(interop.to_fly(op), (w1, w2), strict=True):
        np.testing.assert_array_equal(ours, given_)
    for b2 in (1, 2):
        op = interop.from_fly(w1, w2, variant="einsum", b2=b2)
        np.testing.assert_allclose(op.to_dense(), fly_einsum(w1, w2, b2), atol=1e-12)
        for ours, given_ in zip(interop.to_fly(op, variant="einsum", b2=b2), (w1, w2), strict=True):
            np.testing.assert_array_equal(ours, given_)


@pytest.mark.parametrize(("inputs", "outputs", "blocks"), [(10, 7, 3), (7, 10, 3), (8, 8, 4), (5, 9, 2), (6, 17, 4)])
def test_monarch_linear_pads_and_cuts(inputs: int, outputs: int, blocks: int) -> None:
    ib, ob = -(-inputs // blocks), -(-outputs // blocks)
    sizes = ((blocks, ib, ib), (blocks, ob, ib)) if inputs < outputs else ((blocks, ob, ib), (blocks, ob, ob))
    w1, w2 = (RNG.normal(size=size) for size in sizes)
    op = interop.from_fly(w1, w2, shape=(outputs, inputs))
    x = RNG.normal(size=inputs)
    padded = np.concatenate([x, np.zeros(blocks * ib - inputs)])
    np.testing.assert_allclose(op @ x, (fly_layer(w1, w2) @ padded)[:outputs], atol=1e-12)
    np.testing.assert_allclose(op.to_dense(), fly_layer(w1, w2)[:outputs, :inputs], atol=1e-12)
    for ours, given_ in zip(interop.to_fly(op), (w1, w2), strict=True):
        np.testing.assert_array_equal(ours, given_)
    km.testing.check_operator(op)


def test_gradients_of_fly_s_weights_are_the_operator_s() -> None:
    w1, w2 = RNG.normal(size=(3, 8, 5)), RNG.normal(size=(4, 2, 6))
    G = RNG.normal(size=(8, 15))
    left, right = interop.from_fly(w1, w2).pullback(np.eye(15), G)
    G4, U, V = G.reshape(2, 4, 3, 5), w2.reshape(4, 2, 3, 2), w1.reshape(3, 2, 4, 5)
    np.testing.assert_allclose(right.reshape(3, 2, 4, 5), np.einsum("slkp,lskb->kblp", G4, U))
    np.testing.assert_allclose(left.reshape(4, 2, 3, 2), np.einsum("slkp,kblp->lskb", G4, V))


def test_shared_monarchs_and_kroneckers_are_written_out_for_fly() -> None:
    tied = km.Monarch(RNG.normal(size=(1, 2, 3)), RNG.normal(size=(1, 4, 5)))
    A, B = RNG.normal(size=(2, 3)), RNG.normal(size=(4, 5))
    for op in (tied, km.Kronecker(A, B), km.SumOfKroneckers([(A, B)])):
        back = interop.from_fly(*interop.to_fly(op))
        np.testing.assert_allclose(back.to_dense(), op.to_dense())


def test_what_fly_cannot_hold_is_told() -> None:
    butterfly = km.Chain(*(km.KroneckerSparse(np.ones(p.values_shape), p) for p in km.butterfly_patterns(8)))
    for op, words in (
        (butterfly, "product of two factors"),
        (km.Dense(np.eye(2)), "product of two factors"),
        (km.Permutation([1, 0]), "Permutation\\(2×2.* is none"),
    ):
        with pytest.raises(TypeError, match=words):
            interop.to_fly(op)
    w1, w2 = np.ones((3, 8, 5)), np.ones((4, 2, 6))
    with pytest.raises(TypeError, match="no result of fly's einsum variant with b2=2"):
        interop.to_fly(interop.from_fly(w1, w2), variant="einsum", b2=2)
    for arrays, options, words in (
        ((w1, np.ones((4, 2, 5))), {}, "k·q = l·r"),
        ((w1, w2), {"b2": 2}, "only variant='einsum'"),
        ((w1, w2), {"variant": "einsum", "b2": 3}, "s a multiple of b2"),
        ((w1, w2), {"variant": "other"}, "expected 'rank' or 'einsum'"),
        ((w1, w2), {"shape": (9, 15)}, "the blocks make 8×15"),
        ((w1[0], w2), {}, "w1"),
    ):
        with pytest.raises(ValueError, match=words):
            interop.from_fly(*arrays, **options)


# ---- lazylinop and pyfaust --------------------------------------------------------------------------------------------


def dense_ks(v: Any) -> Any:
    """lazylinop's definition: M[i·b·d + j·d + l, i·c·d + k·d + l] = v[i, j, k, l]."""
    a, b, c, d = v.shape
    M = np.zeros((a * b * d, a * c * d), v.dtype)
    for i, j, k, l in np.ndindex(*v.shape):
        M[i * b * d + j * d + l, i * c * d + k * d + l] = v[i, j, k, l]
    return M


PRODUCTS = ("KroneckerSparse", "Kronecker", "SumOfKroneckers", "Monarch", "Dense", "Chain")


@given(operators(PRODUCTS))
def test_values_in_lazylinop_s_order_make_the_same_matrix(drawn: Any) -> None:
    op, dense = drawn
    values = interop.ks_values(op)
    product = np.linalg.multi_dot([*map(dense_ks, values), np.eye(op.shape[1]), np.eye(op.shape[1])])
    tolerance = 1e-4 if op.dtype.itemsize // (2 if op.dtype.kind == "c" else 1) == 4 else 1e-10
    np.testing.assert_allclose(product, dense, rtol=tolerance, atol=tolerance)
    back = interop.from_ks_values(values)
    np.testing.assert_allclose(back.to_dense(), dense, rtol=tolerance, atol=tolerance)
    for ours, given_ in zip(interop.ks_values(back), values, strict=True):
        np.testing.assert_array_equal(ours, given_)
    assert all(array.dtype == op.dtype for array in values) or op.dtype.kind == "f"


@given(operators())
def test_sparse_factors_make_the_same_matrix_and_the_same_structure(drawn: Any) -> None:
    op, dense = drawn
    factors = interop.sparse_factors(op)
    assert len({factor.dtype for factor in factors}) == 1
    product: Any = np.eye(op.shape[1])
    for factor in reversed(factors):
        product = factor @ product
    tolerance = 1e-4 if op.dtype in (np.float32, np.complex64) else 1e-10
    np.testing.assert_allclose(product, dense, rtol=tolerance, atol=tolerance)
    back = interop.from_sparse_factors(factors)
    np.testing.assert_allclose(back.to_dense(), dense, rtol=tolerance, atol=tolerance)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_the_pattern_of_a_support_is_found(a: int, b: int, c: int, d: int) -> None:
    op = km.KroneckerSparse(RNG.normal(size=(a, d, b, c)), (a, b, c, d))
    found = from_sparse(op.to_sparse())
    assert isinstance(found, km.KroneckerSparse)
    assert found.pattern.nnz == op.pattern.nnz
    np.testing.assert_array_equal(found.to_dense(), op.to_dense())
    if b > 1 and c > 1:
        assert found.pattern == op.pattern


def test_other_supports_keep_their_entries() -> None:
    P = km.Permutation(RNG.permutation(7))
    assert isinstance(from_sparse(P.to_sparse()), km.Permutation)
    mask = RNG.random((5, 6)) < 0.5
    values = RNG.normal(size=(5, 6))
    values[0] = 0.0  # stored zeros are trained too
    masked = km.Masked(values, mask)
    found = from_sparse(masked.to_sparse())
    assert isinstance(found, km.Masked)
    assert found.n_parameters == masked.n_parameters
    np.testing.assert_array_equal(found.to_dense(), masked.to_dense())
    for empty in (scipy.sparse.csr_array((3, 4)), scipy.sparse.csr_array(np.diag([0.0, 1.0, 2.0]))):
        np.testing.assert_array_equal(from_sparse(empty).to_dense(), empty.toarray())
    unsorted = scipy.sparse.csr_array((np.array([1.0, 2.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    np.testing.assert_array_equal(from_sparse(unsorted).to_dense(), [[2.0, 1.0]])
    np.testing.assert_array_equal(unsorted.indices, [1, 0])


def test_what_lazylinop_cannot_hold_is_told() -> None:
    with pytest.raises(TypeError, match=r"Permutation\(6×6.* is none"):
        interop.ks_values(km.Permutation(RNG.permutation(6)))
    with pytest.raises(TypeError, match=r"Sum\(.* is none"):
        interop.ks_values(km.Sum(km.Dense(np.eye(2)), km.Permutation([1, 0])))
    with pytest.raises(TypeError, match="ndarray holds no ks_values"):
        interop.from_lazylinop(np.eye(2))
    with pytest.raises(TypeError, match="ndarray is no pyfaust"):
        interop.from_pyfaust(np.eye(2))
    for values in ([], [np.ones((2, 2))]):
        with pytest.raises(ValueError, match="expected arrays \\(a, b, c, d\\)"):
            interop.from_ks_values(values)
    with pytest.raises(ValueError, match="factors is empty"):
        interop.from_sparse_factors([])
    with pytest.raises(ValueError, match="columns but"):
        interop.from_ks_values([np.ones((1, 2, 3, 4)), np.ones((1, 1, 1, 1))])


@pytest.mark.parametrize(
    ("function", "name", "install"),
    [
        (interop.to_lazylinop, "lazylinop", "pip install lazylinop pandas psutil"),
        (interop.to_pyfaust, "pyfaust", "pip install pyfaust"),
        (interop.to_torch, "torch", "pip install torch"),
        (interop.from_torch, "torch", "pip install torch"),
    ],
)
def test_a_missing_library_is_one_sentence(
    function: Any, name: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == name] + [name, f"{name}.butterfly"]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"{function.__name__} needs {name}.*: {install}"):
        function(km.Kronecker(np.eye(2), np.eye(2)))
