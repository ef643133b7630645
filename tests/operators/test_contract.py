"""Every law of the contract, over every operator."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg as sla
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix import operators as room
from kronmix.checks import as_numbers
from tests.strategies import CASES, operators


def test_every_public_operator_has_a_case() -> None:
    classes = {
        n for n in room.__all__ if isinstance(getattr(room, n), type) and n not in ("StructuredOperator", "Composite")
    }
    assert classes <= set(CASES)


@pytest.mark.parametrize("name", sorted(CASES))
def test_contract(name: str) -> None:
    @settings(max_examples=25)
    @given(operators([name]), st.integers(0, 3))
    def check(drawn: Any, seed: int) -> None:
        op, dense = drawn
        km.testing.check_operator(op, dense, seed=seed)

    check()


@given(operators())
def test_transpose_conjugate_and_scalars_keep_the_contract(drawn: Any) -> None:
    op, dense = drawn
    for derived, expected in ((op.T, dense.T), (op.H, dense.conj().T), (op.conj(), dense.conj())):
        np.testing.assert_allclose(derived.to_dense(), expected, rtol=1e-4)
        assert isinstance(derived, km.StructuredOperator)
    scaled = (2 - 1j) * op
    assert isinstance(scaled, km.StructuredOperator)
    np.testing.assert_allclose(scaled.to_dense(), (2 - 1j) * dense, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose((op / 4).to_dense(), dense / 4, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose((-op).to_dense(), -dense, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose((op + op).to_dense(), 2 * dense, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose((op - op).to_dense(), 0, atol=1e-4)


@given(operators(dtypes=[np.float64, np.complex64]))
def test_the_form_is_the_same_matrix(drawn: Any) -> None:
    op, dense = drawn
    assert op.form.dtype == op.dtype
    np.testing.assert_allclose(op.form.dense(), dense, rtol=1e-4, atol=1e-5)


@given(operators(), operators())
def test_products_are_structured(one: Any, two: Any) -> None:
    (left, A), (right, B) = one, two
    if left.shape[1] != right.shape[0]:
        with pytest.raises(ValueError, match="cannot multiply"):
            left @ right
        return
    product = left @ right
    assert isinstance(product, km.StructuredOperator)
    tolerance = 1e-4 * max(1.0, np.linalg.norm(A) * np.linalg.norm(B))
    np.testing.assert_allclose(product.to_dense(), A @ B, atol=tolerance)


@given(operators(dtypes=[np.float64, np.complex128]))
def test_scipy_methods(drawn: Any) -> None:
    op, dense = drawn
    n = op.shape[1]
    x = np.arange(1.0, n + 1)
    for found in (op.matvec(x), op.dot(x), op * x, op @ x):
        np.testing.assert_allclose(found, dense @ x, atol=1e-9)
    for column in (op.matmat(x[:, None]), op @ x[:, None]):
        assert column.shape == (op.shape[0], 1)
        np.testing.assert_allclose(column[:, 0], dense @ x, atol=1e-9)
    np.testing.assert_allclose(op.matmat(np.eye(n)), dense, atol=1e-9)
    np.testing.assert_allclose(op.rmatmat(np.eye(op.shape[0])), dense.conj().T, atol=1e-9)
    foreign = sla.aslinearoperator(np.eye(n))
    np.testing.assert_allclose((op @ foreign) @ x, dense @ x, atol=1e-9)
    np.testing.assert_allclose((op + sla.aslinearoperator(dense)) @ x, 2 * dense @ x, atol=1e-9)


@given(operators(), st.sampled_from([(), (3,), (2, 3), (0, 2), (2, 0), (2, 1, 3)]))
def test_stacks_of_matrices(drawn: Any, lead: tuple[int, ...]) -> None:
    """As NumPy's matmul: (..., n, batch) on the right, (..., batch, m) on the left."""
    op, dense = drawn
    rng, (rows, cols) = np.random.default_rng(0), op.shape
    X, Y = rng.normal(size=(*lead, cols, 2)), rng.normal(size=(*lead, 2, rows))
    for found, expected in ((op @ X, dense @ X), (Y @ op, Y @ dense)):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    y = rng.normal(size=rows)
    np.testing.assert_allclose(y @ op, y @ dense, rtol=1e-4, atol=1e-4)


@given(operators(dtypes=[np.float64]))
def test_sparse_matrices_on_both_sides(drawn: Any) -> None:
    op, dense = drawn
    rng, (rows, cols) = np.random.default_rng(0), op.shape
    right, left = (np.where(rng.random(s) < 0.5, rng.normal(size=s), 0) for s in ((cols, 3), (2, rows)))
    for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
        for make in (getattr(scipy.sparse, f"{kind}_array"), getattr(scipy.sparse, f"{kind}_matrix")):
            for found, expected in ((op @ make(right), dense @ right), (make(left) @ op, left @ dense)):
                assert type(found) is np.ndarray
                np.testing.assert_allclose(found, expected, atol=1e-6)
            np.testing.assert_allclose(op.matmat(make(right)), dense @ right, atol=1e-6)


def test_data_frames() -> None:
    pandas = pytest.importorskip("pandas")
    op = km.Kronecker(np.arange(6.0).reshape(2, 3), np.ones((2, 2), np.float32))
    frame = pandas.DataFrame(np.arange(8.0).reshape(2, 4), index=["one", "two"])
    np.testing.assert_allclose(frame.to_numpy() @ op, frame.to_numpy() @ op.to_dense())
    np.testing.assert_allclose(op @ pandas.DataFrame(np.ones((6, 2))), op.to_dense() @ np.ones((6, 2)))


def test_an_operator_is_no_array_and_enters_where_a_matrix_is_expected() -> None:
    """What asks for an array gets none in silence; a sparse matrix lets a wide operator answer, and nothing dense is made."""
    op = km.Kronecker(np.arange(6.0).reshape(2, 3), np.ones((2, 2)))
    assert np.asarray(op).shape == ()
    np.testing.assert_array_equal(km.Dense(op).to_dense(), op.to_dense())
    with pytest.raises(MemoryError, match="above max_bytes"):
        as_numbers(km.eye(100_000), "B")
    S = scipy.sparse.csr_array(([1.0], ([0], [7])), shape=(1, 100_000))
    np.testing.assert_array_equal((S @ km.eye(100_000)).nonzero()[1], [7])
    np.testing.assert_array_equal((km.eye(100_000) @ S.T).nonzero()[0], [7])


SQUARE = {
    "Kronecker": lambda r: km.Kronecker(r.normal(size=(3, 3)) + 4 * np.eye(3), r.normal(size=(4, 4)) + 4 * np.eye(4)),
    "Monarch": lambda r: km.Monarch(r.normal(size=(3, 4, 4)) + 4 * np.eye(4), r.normal(size=(4, 3, 3)) + 4 * np.eye(3)),
    "tied": lambda r: km.KroneckerSparse((r.normal(size=(3, 3)) + 4 * np.eye(3))[None, None], (2, 3, 3, 2)),
    "sum": lambda r: km.Sum(km.Kronecker(r.normal(size=(3, 3)), r.normal(size=(4, 4))), 20.0 * km.commutation(3, 4)),
    "Dense": lambda r: km.Dense(r.normal(size=(12, 12)) + 6 * np.eye(12)),
    "Masked": lambda r: km.Masked(
        r.normal(size=(12, 12)) + 9 * np.eye(12), np.eye(12) + (r.random((12, 12)) < 0.3) > 0
    ),
}


@pytest.mark.parametrize("name", SQUARE)
def test_scipy_solvers(name: str) -> None:
    rng = np.random.default_rng(3)
    op = SQUARE[name](rng)
    M = op.to_dense()
    y = rng.normal(size=12)
    exact = np.linalg.solve(M, y)
    np.testing.assert_allclose(sla.gmres(op, y, rtol=1e-12)[0], exact, atol=1e-8)
    np.testing.assert_allclose(sla.lsqr(op, y, atol=1e-14, btol=1e-14)[0], exact, atol=1e-8)
    normal = op.H @ op
    np.testing.assert_allclose(sla.cg(normal, op.H @ y, rtol=1e-13, maxiter=500)[0], exact, atol=1e-6)
    s = np.linalg.svd(M, compute_uv=False)
    np.testing.assert_allclose(np.sort(sla.svds(op, k=3, return_singular_vectors=False)), s[2::-1], rtol=1e-8)
    np.testing.assert_allclose(
        np.sort(sla.eigsh(normal, k=2, return_eigenvectors=False)), (s[:2] ** 2)[::-1], rtol=1e-8
    )


def test_bad_input_is_named() -> None:
    op = km.Kronecker(np.ones((2, 3)), np.ones((4, 5)))
    with pytest.raises(
        ValueError, match=re.escape("x has shape (14,): expected (15,), (15, batch) or (..., 15, batch)")
    ):
        op @ np.ones(14)
    with pytest.raises(ValueError, match=re.escape("x has shape (15, 1, 1)")):
        op @ np.ones((15, 1, 1))
    with pytest.raises(
        ValueError, match=re.escape("x has shape (2, 7): expected (8,) or (..., 8) for x @ a 8×15 Kronecker")
    ):
        np.ones((2, 7)) @ op
    with pytest.raises(TypeError, match="x has dtype object"):
        op @ np.array([None] * 15)
    with pytest.raises(ValueError, match="batch of 2 and y_bar of 3"):
        op.pullback(np.ones((15, 2)), np.ones((8, 3)))
    with pytest.raises(ValueError, match="y_bar has shape"):
        op.pullback(np.ones(15), np.ones(9))
    with pytest.raises(ValueError, match=re.escape("factor 1 has shape (5, 4): expected (4, 5)")):
        op.with_factors(np.ones((2, 3)), np.ones((5, 4)))
    with pytest.raises(ValueError, match="got 1 arrays: expected 2"):
        op.with_factors(np.ones((2, 3)))
    with pytest.raises(ValueError, match="cannot add"):
        op + km.Dense(np.ones((3, 3)))
    with pytest.raises(MemoryError, match=r"takes 960 bytes, above max_bytes=10"):
        op.to_dense(max_bytes=10)
    with pytest.raises(TypeError):
        op + 3


@given(operators(dtypes=[np.float64]))
def test_factors_are_read_only_and_integers_are_promoted(drawn: Any) -> None:
    op, dense = drawn
    for factor in op.factors:
        assert not factor.flags.writeable
    x = np.arange(op.shape[1])
    assert (op @ x).dtype == np.float64
    np.testing.assert_allclose(op @ x, dense @ x, atol=1e-9)
    assert type(op).__name__ in repr(op)


def test_no_inverse_says_what_to_do() -> None:
    rng = np.random.default_rng(0)
    op = km.SumOfKroneckers([(rng.normal(size=(2, 2)), rng.normal(size=(3, 3))) for _ in range(3)])
    with pytest.raises(
        TypeError, match=re.escape("SumOfKroneckers has no structured inverse: solve with km.solve(op, b)")
    ):
        op.inv()
    with pytest.raises(TypeError, match="no structured pseudo-inverse"):
        op.pinv()
    monarch = km.Monarch(rng.normal(size=(3, 3, 6)), rng.normal(size=(3, 6, 3)), rank=2)
    with pytest.raises(TypeError, match="Monarch has no structured inverse"):
        monarch.inv()
    np.testing.assert_allclose(monarch @ km.solve(monarch, np.ones(9)), 1, atol=1e-8)


def test_check_operator_rejects_what_is_wrong() -> None:
    good = np.arange(1.0, 7).reshape(2, 3)

    class WrongApply(km.Dense):
        def _apply(self, X: Any) -> Any:
            return self.matrix @ X + 1e-6

    class WrongPullback(km.Dense):
        def _pullback(self, X: Any, Y_bar: Any) -> Any:
            return (1.001 * Y_bar @ X.conj().T,)

    class WrongAdjoint(km.Dense):
        def _adjoint(self) -> Any:
            return self._transpose()

    class WrongCount(km.Dense):
        nnz = 5

    for wrong, words in ((WrongApply, "op @ x"), (WrongPullback, "pullback: factor 0"), (WrongCount, "nnz: 5")):
        with pytest.raises(AssertionError, match=words):
            km.testing.check_operator(wrong(good))
    with pytest.raises(AssertionError, match=r"op\.H @ y"):
        km.testing.check_operator(WrongAdjoint(good + 1j))
    with pytest.raises(AssertionError, match="to_dense"):
        km.testing.check_operator(km.Dense(good), good + 1e-6)


@given(operators(dtypes=[np.float32, np.complex64]))
def test_foreign_operators_take_part(drawn: Any) -> None:
    """A linear operator of SciPy's in sums and products: no object dtype, float32 stays float32."""
    op, dense = drawn
    foreign, M = sla.aslinearoperator(dense), np.asarray(dense)
    for found, expected in (
        (op + foreign, 2 * M),
        (op - foreign, 0 * M),
        (op @ foreign.T, M @ M.T),
        (op @ foreign.H, M @ M.conj().T),
    ):
        assert isinstance(found, km.StructuredOperator)
        assert found.dtype == op.dtype
        np.testing.assert_allclose(found.to_dense(), expected, rtol=1e-3, atol=1e-3)
    assert km.norm(op + foreign) == pytest.approx(2 * np.linalg.norm(M), rel=1e-4, abs=1e-5)
    assert km.norm(foreign) == pytest.approx(np.linalg.norm(M), rel=1e-4)


def test_a_foreign_operator_without_a_dtype_is_named() -> None:
    nameless = sla.LinearOperator((2, 2), matvec=lambda x: x, dtype=object)
    with pytest.raises(TypeError, match="has dtype object: expected numbers"):
        km.eye(2) + nameless
    with pytest.raises(TypeError, match="ndarray is not a LinearOperator"):
        km.Foreign(np.eye(2))
    M = np.array([[1 + 2j, 3j]])
    np.testing.assert_array_equal(km.Foreign(sla.aslinearoperator(M)).conj().to_dense(), M.conj())
    integers = sla.aslinearoperator(np.eye(2, dtype=int))
    assert (km.eye(2) + integers).dtype == np.float64
    with pytest.raises(ValueError, match="cannot add"):
        km.eye(3) + integers


def test_rules_of_the_algebra_are_registered_once() -> None:
    class Mine(km.Dense):
        pass

    for register, kind in ((room.register_product, "product"), (room.register_sum, "sum")):

        def rule(left: Any, right: Any) -> Any:
            return "mine"

        assert register(Mine, km.Dense)(rule) is rule
        with pytest.raises(ValueError, match=rf"the {kind} of Mine and Dense is registered already, as .*rule"):
            register(Mine, km.Dense)(lambda left, right: "other")
    assert Mine(np.eye(2)) @ km.Dense(np.eye(2)) == "mine"
    assert Mine(np.eye(2)) + km.Dense(np.eye(2)) == "mine"
    from kronmix.operators import algebra

    with pytest.raises(ValueError, match="structured is provided already"):

        @algebra.provide
        def structured(op: Any) -> Any: ...


def test_what_two_structures_of_interop_refuse() -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        km.RectangularIdentity(0, 2)
    with pytest.raises(ValueError, match=re.escape("expected (rows, r1)")):
        km.LowRankHadamard(np.ones((5, 2)), np.ones((3, 4)), np.ones((5, 2)), np.ones((2, 4)))
    left, right = km.LowRankHadamard(np.ones((5, 2)), np.ones((2, 4)), np.eye(5, 3), np.ones((3, 4))).khatri_rao()
    assert (left.shape, right.shape) == ((5, 6), (6, 4))
