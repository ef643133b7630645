"""lazylinop and pyfaust hold the same products, and give them back unchanged."""

from __future__ import annotations

from typing import Any

import lazylinop
import numpy as np
import pyfaust
import pytest
from lazylinop.butterfly import Chain, ksd, ksm

import kronmix as km


def products(dtype: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        values = rng.normal(size=shape)
        return (values + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else values).astype(dtype)

    return {
        "Kronecker-sparse": km.KroneckerSparse(draw(2, 5, 3, 4), (2, 3, 4, 5)),
        "tied": km.KroneckerSparse(draw(1, 1, 3, 4), (2, 3, 4, 5)),
        "Kronecker": km.Kronecker(draw(2, 3), draw(4, 2), draw(3, 3)),
        "sum of Kroneckers": km.SumOfKroneckers([(draw(2, 3), draw(4, 5)) for _ in range(3)]),
        "Monarch": km.Monarch(draw(4, 2, 6), draw(3, 8, 5), rank=2),
        "butterfly": km.Chain(*(km.KroneckerSparse(draw(*p.values_shape), p) for p in km.butterfly_patterns(12))),
        "low rank": km.LowRank(draw(6, 2), draw(2, 5)),
        "dense": km.Dense(draw(4, 5)),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("name", products("float64"))
def test_lazylinop_holds_the_same_product(name: str, dtype: str) -> None:
    op = products(dtype)[name]
    theirs = km.interop.to_lazylinop(op)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    x = np.random.default_rng(1).normal(size=(op.shape[1], 3)).astype(dtype)
    assert theirs.shape == op.shape
    np.testing.assert_allclose(theirs @ x, op @ x, rtol=tolerance, atol=tolerance)
    back = km.interop.from_lazylinop(theirs)
    for ours, given in zip(km.interop.ks_values(back), theirs.ks_values, strict=True):
        np.testing.assert_array_equal(ours, given)
    np.testing.assert_allclose(back.to_dense(), op.to_dense(), rtol=tolerance, atol=tolerance)


def test_what_lazylinop_finds_is_taken() -> None:
    B = np.random.default_rng(0).normal(size=(16, 16))
    theirs = ksd(B, Chain.square_dyadic(B.shape))
    ours = km.interop.from_lazylinop(theirs)
    np.testing.assert_allclose(ours.to_dense(), theirs.toarray(), atol=1e-12)
    assert ours.operators[0].pattern == theirs.chain.ks_patterns[0]
    with pytest.raises(TypeError, match="holds no ks_values"):
        km.interop.from_lazylinop(lazylinop.aslazylinop(np.eye(3)))
    permuted = km.Permutation([2, 0, 1])
    with pytest.raises(TypeError, match="is none"):
        km.interop.to_lazylinop(permuted)
    np.testing.assert_array_equal(lazylinop.aslazylinop(permuted) @ np.arange(3.0), permuted @ np.arange(3.0))


def test_a_ksm_of_one_factor_is_a_kronecker_sparse_factor() -> None:
    v = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    ours = km.interop.from_lazylinop(ksm(v))
    assert isinstance(ours, km.KroneckerSparse)
    np.testing.assert_allclose(ours.to_dense(), ksm(v).toarray())


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("name", [*products("float64"), "permutation", "masked", "sum"])
def test_pyfaust_holds_the_same_product(name: str, dtype: str) -> None:
    rng = np.random.default_rng(2)
    op = products(dtype).get(name)
    if op is None:
        permutation = km.Permutation(rng.permutation(6))
        masked = km.Masked(rng.normal(size=(6, 6)).astype(dtype), rng.random((6, 6)) < 0.5)
        op = {"permutation": permutation @ masked, "masked": masked, "sum": km.Sum(permutation, masked)}[name]
    theirs = km.interop.to_pyfaust(op)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(theirs.toarray(), op.to_dense(), rtol=tolerance, atol=tolerance)
    back = km.interop.from_pyfaust(theirs)
    np.testing.assert_allclose(back.to_dense(), op.to_dense(), rtol=tolerance, atol=tolerance)
    assert back.shape == theirs.shape
    transposed = km.interop.from_pyfaust(theirs.T)
    np.testing.assert_allclose(transposed.to_dense(), op.to_dense().T, rtol=tolerance, atol=tolerance)


def test_monarchs_and_butterflies_come_back_from_pyfaust_with_their_patterns() -> None:
    for name in ("Monarch", "butterfly"):
        op = products("float64")[name]
        back = km.interop.from_pyfaust(km.interop.to_pyfaust(op))
        assert [factor.pattern for factor in back.operators] == [factor.pattern for factor in op.operators]
        for ours, given in zip(back.operators, op.operators, strict=True):
            np.testing.assert_array_equal(ours.values, given.values)


def test_a_transform_of_pyfaust_is_taken() -> None:
    H = pyfaust.wht(16)
    ours = km.interop.from_pyfaust(H)
    np.testing.assert_allclose(ours.to_dense(), H.toarray(), atol=1e-12)
    assert ours.n_parameters == sum(H.factors(i).nnz for i in range(H.numfactors()))
