"""What form each structure has, and that products and sums of structures have the plainest form there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, strategies as st

import kronmix as km
from kronmix import forms
from kronmix.forms import DirectSum, Permuted, Product, Slices, Slots, Stack, Terms, Updated, orders
from kronmix.forms.spectral import _qz
from kronmix.operators.convert import operator_of
from kronmix.operators.dense import as_operator
from tests.strategies import Source, operators, sizes

EXACT = [np.float64, np.complex128]
rng = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@given(operators())
def test_a_form_is_the_same_matrix_in_the_same_dtype(drawn: Any) -> None:
    op, M = drawn
    form = op.form
    assert form.dtype == op.dtype
    tolerance = 1e-4 if M.dtype.itemsize < 8 or M.dtype == np.complex64 else 1e-11
    for found, expected in (
        (form.dense(), M),
        (form.apply(np.eye(op.shape[1], dtype=op.dtype)), M),
        (forms.transpose(form).dense(), M.T),
        (forms.adjoint(form).dense(), M.conj().T),
        (forms.scaled(form, -2.0).dense(), -2 * M),
        (operator_of(form).to_dense(), M),
    ):
        np.testing.assert_allclose(found, expected, atol=tolerance * max(1, np.abs(M).max()))


@given(operators(dtypes=EXACT), operators(dtypes=EXACT))
def test_products_sums_and_kronecker_products_of_forms(one: Any, two: Any) -> None:
    (A, M), (B, N) = one, two
    if M.shape[1] == N.shape[0]:
        np.testing.assert_allclose(forms.product_of([A.form, B.form]).dense(), M @ N, atol=1e-10)
    if M.shape == N.shape:
        np.testing.assert_allclose(forms.sum_of([A.form, B.form]).dense(), M + N, atol=1e-10)
    both = forms.kron(A.form, B.form)
    if both is not None:
        np.testing.assert_allclose(both.dense(), np.kron(M, N), atol=1e-10)


@st.composite
def tied_chains(draw: Any) -> Any:
    """Tied factors and Kroneckers of a few small sizes in a row: some fit item by item, some do not."""
    source = Source(draw(st.integers(0, 99)), draw(st.sampled_from(EXACT)))
    width = draw(st.sampled_from([6, 8, 12]))
    divisors = [n for n in range(1, width + 1) if width % n == 0]
    parts = []
    for _ in range(draw(st.integers(2, 4))):
        c = draw(st.sampled_from(divisors))
        a = draw(st.sampled_from([n for n in divisors if (width // c) % n == 0]))
        if draw(st.booleans()):
            parts.append(km.KroneckerSparse(source.array(1, 1, c, c), (a, c, c, width // (a * c))))
        else:
            parts.append(km.Kronecker(source.array(a, a), source.array(c, c), source.array(*[width // (a * c)] * 2)))
    return parts


@given(tied_chains())
def test_tied_products(parts: Any) -> None:
    expected = np.linalg.multi_dot([op.to_dense() for op in parts])
    found = km.Chain(*parts).form
    np.testing.assert_allclose(found.dense(), expected, atol=1e-11 * max(1, np.abs(expected).max()))


@given(st.data())
def test_rectangular_mixing_layers_become_one_kronecker(data: Any) -> None:
    source = Source(data.draw(st.integers(0, 99)), np.complex128)
    S, C, S2, C2 = (data.draw(sizes) for _ in range(4))
    W, V = source.array(S2, S), source.array(C, C2)
    for chain in (
        km.channel_mixing(V, tokens=S2) @ km.token_mixing(W, channels=C),
        km.token_mixing(W, channels=C2) @ km.channel_mixing(V, tokens=S),  # the two commute
    ):
        assert isinstance(chain.form, Slots)
        np.testing.assert_allclose(chain.form.dense(), np.kron(V.T, W), atol=1e-12)


@pytest.mark.parametrize(("a", "d"), [(1, 3), (3, 1), (2, 3)])
def test_repeated_slices(a: int, d: int) -> None:
    """I_a ⊗ Monarch ⊗ I_d and its multiples, transposes and products, with the slices stored once."""
    monarch = km.Monarch(normal(2, 3, 4), normal(4, 2, 3))
    form = km.Ampliation(monarch, a, d).form
    M = np.kron(np.kron(np.eye(a), monarch.to_dense()), np.eye(d))
    assert isinstance(form, Slices)
    assert np.shares_memory(form.V[0], form.V[-1])
    for found, expected in (
        (form.dense(), M),
        (forms.scaled(form, 1j).dense(), 1j * M),
        (forms.transpose(form).dense(), M.T),
        (forms.kron((2.0 * km.eye(a)).form, monarch.form).dense(), 2 * np.kron(np.eye(a), monarch.to_dense())),
        (operator_of(form).to_dense(), M),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-12)


W, V = normal(3, 3), normal(4, 4)
TOKEN, CHANNEL = km.token_mixing(W, channels=4), km.channel_mixing(V, tokens=3)
UNTIED = km.KroneckerSparse(normal(4, 1, 3, 3), (4, 3, 3, 1))
P = km.Permutation(rng.permutation(12))
K = km.commutation(3, 4)


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        (CHANNEL @ TOKEN, Slots),
        (K @ km.kron(V, W) @ K.T, Slots),  # T2
        (km.LinearMixer([W, W], [V, V]), Slots),
        (km.Monarch(normal(1, 4, 4), normal(1, 3, 3)), Slots),
        (km.Monarch(normal(1, 4, 8), normal(1, 6, 3), rank=2), Terms),
        (km.Monarch(normal(3, 4, 4), normal(4, 3, 3)), Slices),
        (km.SumOfKroneckers([(V, W)]), Slots),
        (km.Kronecker(V, W) + km.Kronecker(V, W @ W), Slots),  # A ⊗ B + A ⊗ C = A ⊗ (B + C)
        (km.Kronecker(V, W) + km.Kronecker(V @ V, W @ W), Terms),
        (km.Kronecker(V, W) + 2.0 * km.eye(12), Terms),
        (km.KroneckerSum(V, W), Terms),
        (km.Chain(TOKEN, TOKEN), Slots),
        (km.Chain(TOKEN, UNTIED), Stack),
        (km.Chain(UNTIED, UNTIED), Stack),
        (UNTIED + 2.0 * km.eye(12), Stack),
        (km.Chain(P, UNTIED, P.T) + 2.0 * km.eye(12), Permuted),
        (km.block_diag(V, W), DirectSum),
        (km.Diagonal(np.ones(12)) @ km.Diagonal(np.ones(12)), Stack),
        (km.Chain(P, P.T), Slots),
        (km.Chain(P, P), Permuted),
        (km.Chain(P, CHANNEL, TOKEN), Permuted),
        (km.Chain(CHANNEL, UNTIED), Slices),  # one tied, one not: chainable
        (km.Chain(UNTIED, CHANNEL), Product),
        (km.Ampliation(km.Monarch(normal(2, 3, 3), normal(3, 2, 2)), 2, 3), Slices),  # I ⊗ Monarch ⊗ I
        (km.eye(12) + km.LowRank(normal(12, 1), normal(1, 12)), Updated),
        (km.LowRank(normal(12, 2), normal(2, 12)) @ km.Kronecker(V, W), Slots),
    ],
    ids=lambda x: x.__name__ if isinstance(x, type) else type(x).__name__,
)
def test_what_form_a_structure_has(op: Any, kind: type) -> None:
    assert type(op.form) is kind
    M = op.to_dense()
    np.testing.assert_allclose(op.form.dense(), M, atol=1e-9)
    if M.shape[0] == M.shape[1]:
        np.testing.assert_allclose(km.trace(op), np.trace(M), atol=1e-9)
        np.testing.assert_allclose(km.diagonal(op), np.diagonal(M), atol=1e-9)


def test_shared_values_are_kept_once() -> None:
    form = km.Chain(TOKEN, TOKEN).form
    assert isinstance(form, Slots)
    assert [(item.rows, item.columns) for item in form.items] == [(4, 4), (3, 3)]
    assert len(form.matrices) == 1
    untied = km.KroneckerSparse(normal(1, 3, 2, 2), (4, 2, 2, 3)).form
    assert isinstance(untied, Permuted)
    assert untied.inner.blocks.shape == (3, 2, 2)
    assert untied.inner.copies == 4


@pytest.mark.parametrize(("b", "κ", "β", "c"), [(2, 3, 4, 5), (3, 2, 2, 3), (5, 1, 2, 4)])
def test_a_product_of_two_tied_factors_is_a_sum_of_kroneckers(b: int, κ: int, β: int, c: int) -> None:
    r = 2
    left = km.KroneckerSparse(normal(1, 1, b, κ * r), (1, b, κ * r, β))
    right = km.KroneckerSparse(normal(1, 1, r * β, c), (κ, r * β, c, 1))
    op = km.Chain(left, right)
    assert isinstance(op.form, Terms | Slots)
    np.testing.assert_allclose(op.form.dense(), left.to_dense() @ right.to_dense(), atol=1e-12)


def test_a_narrow_product_stays_two_factors() -> None:
    op = km.LinearMixer([normal(2, 20), normal(20, 2)], [normal(3, 3)] * 2)
    (_, narrow) = op.form.items
    assert (narrow.left.shape, narrow.right.shape) == ((20, 2), (2, 20))
    assert km.singular_values(op)[6:].tolist() == [0.0] * 54


def test_blocks_of_a_product_are_the_components_of_what_meets() -> None:
    Q = km.Permutation(np.r_[3:6, 0:3, 6:12])  # moves whole blocks
    product = (UNTIED @ Q @ UNTIED).form
    assert isinstance(product, Permuted | Stack)
    np.testing.assert_allclose(product.dense(), (UNTIED @ Q @ UNTIED).to_dense(), atol=1e-10)


def test_blocks_that_overlap_in_a_sum_join() -> None:
    pairs = km.KroneckerSparse(normal(6, 1, 2, 2), (6, 2, 2, 1))
    fours = km.KroneckerSparse(normal(3, 1, 4, 4), (3, 4, 4, 1))
    Q = km.Permutation(rng.permutation(12))
    for op in (pairs + fours, Q @ (pairs + fours) @ Q.T, Q @ pairs @ Q.T + Q @ fours @ Q.T):
        form = op.form
        assert (form.inner if isinstance(form, Permuted) else form).blocks.shape == (3, 4, 4)
        np.testing.assert_allclose(form.dense(), op.to_dense(), atol=1e-10)


def test_masks_fall_into_components() -> None:
    mask = np.zeros((6, 5), bool)
    mask[np.ix_([0, 3], [1, 2])] = mask[np.ix_([1, 4], [0, 3])] = True  # row 2, row 5 and column 4 are empty
    op = km.Masked(rng.normal(size=(6, 5)), mask)
    assert isinstance(op.form, Permuted)
    assert km.matrix_rank(op) == 4
    assert km.singular_values(op)[4:].tolist() == [0.0]
    np.testing.assert_allclose(km.svd(op).U.to_dense()[[2, 5]], 0)


@pytest.mark.parametrize("order", [None, [0, 1, 2], [1, 0, 2], [1, 2, 0], [1, 0, 3, 2], [3, 0, 1, 2]])
def test_sign_of_an_order(order: Any) -> None:
    read = None if order is None else np.array(order)
    assert orders.parity(read) == (1 if read is None else round(np.linalg.det(np.eye(len(read))[read])))


def test_identities_that_meet_in_some_terms_only_leave_the_terms_aligned() -> None:
    A, B, C = (normal(2, 2) for _ in range(3))
    one, other = km.kron(A, km.eye(2)).form, km.kron(B, C).form
    for form in (forms.kron(forms.add(one, other), km.eye(3).form), forms.kron(km.eye(3).form, forms.add(other, one))):
        assert len({tuple((i.rows, i.columns) for i in term.items) for term in form.terms}) == 1
    op = km.kron(km.kron(A, km.eye(2)) + km.kron(B, C), km.eye(3))
    np.testing.assert_allclose(km.eigvals(op).sum(), np.trace(op.to_dense()))


@pytest.mark.parametrize("stack", [km.hstack, km.vstack])
def test_stacked_products_that_differ_in_one_item_are_one_product(stack: Any) -> None:
    A, B, C = normal(3, 3), normal(3, 3), normal(4, 4)
    for parts in (
        [km.Kronecker(A, C), km.Kronecker(B, C)],
        [km.Kronecker(C, A), km.Kronecker(C, B), km.Kronecker(C, 2 * A)],
    ):
        op = stack(parts)
        inner = op.form.inner if isinstance(op.form, forms.Permuted) else op.form
        assert isinstance(inner, forms.Slots)
        assert sorted(max(item.rows, item.columns) for item in inner.items) == [4, 3 * len(parts)]
        np.testing.assert_allclose(op.form.dense(), op.to_dense())
    equal = stack([km.Kronecker(A, C), km.Kronecker(A, C)])
    np.testing.assert_allclose(equal.form.dense(), equal.to_dense())


def test_large_stacks_answer_without_their_matrix() -> None:
    A, B, C, D = (normal(200, 200) for _ in range(4))
    op = km.hstack([km.Kronecker(A, B), km.Kronecker(C, D)])
    assert isinstance(op.form, forms.Beside)
    assert km.norm(op) == pytest.approx(np.hypot(km.norm(A) * km.norm(B), km.norm(C) * km.norm(D)))
    assert km.norm(op.T, "max") == max(km.norm(km.Kronecker(A, B), "max"), km.norm(km.Kronecker(C, D), "max"))
    assert op[201, 40_000 + 402] == pytest.approx(C[1, 2] * D[1, 2])
    assert op.T[40_000 + 402, 201] == op[201, 40_000 + 402]


@pytest.mark.parametrize("stack", [km.hstack, km.vstack])
def test_a_stack_with_multiples_of_the_identity_shifts_squared_singular_values(stack: Any) -> None:
    A, B = normal(300, 300), normal(200, 200)
    s = km.singular_values(stack([3.0 * km.eye(60_000), km.Kronecker(A, B), 4.0 * km.eye(60_000)]))
    np.testing.assert_allclose(s, np.hypot(km.singular_values(km.Kronecker(A, B)), 5.0), rtol=1e-12)
    M = stack([normal(3, 3), 2.0 * km.eye(3)])
    np.testing.assert_allclose(km.singular_values(M), np.linalg.svd(M.to_dense(), compute_uv=False))


@pytest.mark.parametrize("kind", ["generic", "second of low rank", "both of low rank", "rotations", "complex"])
def test_triangular_pencils(kind: str) -> None:
    for n in (1, 2, 5, 12):
        A, B = rng.normal(size=(2, n, n))
        if kind == "complex":
            A = normal(n, n)
        if "low rank" in kind:
            B[:, : n // 2] = 0
        if kind == "both of low rank":
            A[:, :1] = 0
        if kind == "rotations":
            A, B = np.kron(np.eye(n), [[0, 1], [-1, 0]]), np.eye(2 * n)
        S, T, Q, Z = _qz(A, B)
        for M, triangle in ((A, S), (B, T)):
            np.testing.assert_allclose(Q @ triangle @ Z.conj().T, M, atol=1e-12)
            assert not np.tril(triangle, -1).any()
        for U in (Q, Z):
            np.testing.assert_allclose(U.conj().T @ U, np.eye(len(A)), atol=1e-13)


def test_a_scaled_matrix_plus_one_of_low_rank() -> None:
    A, thin = km.kron([[2.0]], normal(5, 5)), km.LowRank(normal(5, 1), normal(1, 5))
    assert A.form.scale == 2
    for total in (forms.add(A.form, thin.form), forms.add(thin.form, A.form)):
        np.testing.assert_allclose(total.dense(), A.to_dense() + thin.to_dense())
    double = km.kron([[2.0]], km.LowRank(normal(5, 1), normal(1, 5)))
    np.testing.assert_allclose(forms.add(double.form, thin.form).dense(), double.to_dense() + thin.to_dense())


@pytest.mark.parametrize(("a", "d"), [(1, 3), (3, 1), (2, 3)])
@pytest.mark.parametrize(
    "inner",
    [
        km.Dense(normal(2, 4)),
        km.Monarch(normal(2, 2, 3), normal(3, 2, 2)),
        km.block_diag(km.Dense(normal(2, 3)), km.Dense(normal(1, 1))),
        km.Kronecker(normal(2, 2), normal(2, 2)) + km.Kronecker(normal(2, 2), normal(2, 2)),
    ],
    ids=lambda op: type(op).__name__,
)
def test_repeated_operators(a: int, d: int, inner: Any) -> None:
    op = km.Ampliation(inner, a, d)
    expected = np.kron(np.kron(np.eye(a), inner.to_dense()), np.eye(d))
    np.testing.assert_allclose(op.form.dense(), expected)
    np.testing.assert_allclose(op.to_dense(), expected)


def test_a_mask_too_large_for_a_matrix_stays_as_it_is() -> None:
    n = 20_000
    edge = np.arange(n)
    rows, columns = np.r_[edge, np.zeros(n, int), edge], np.r_[np.zeros(n, int), edge, edge]
    arrow = scipy.sparse.csr_array((np.ones(3 * n), (rows, columns)), shape=(n, n))
    op = as_operator(arrow)
    assert isinstance(op.form, forms.Opaque)  # one component: its blocks are no smaller than the whole
    assert op[5, 5] == arrow[5, 5]


def test_conjugate_and_adjoint_of_a_mask_too_large_for_a_matrix() -> None:
    n, rng = 20_000, np.random.default_rng(0)
    edge = np.arange(n)
    rows, columns = np.r_[edge, np.zeros(n - 1, int), edge[1:]], np.r_[edge, edge[1:], np.zeros(n - 1, int)]
    values = rng.normal(size=3 * n - 2) + 1j * rng.normal(size=3 * n - 2)
    arrow = scipy.sparse.csr_array((values, (rows, columns)), shape=(n, n))
    form, x = as_operator(arrow).form, rng.normal(size=(n, 2))
    assert isinstance(form, forms.Opaque)
    np.testing.assert_allclose(forms.conj(form).apply(x), arrow.conj() @ x)
    np.testing.assert_allclose(forms.adjoint(form).apply(x), arrow.conj().T @ x)
