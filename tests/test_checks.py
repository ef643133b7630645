"""What is checked of users' input, and the words of each complaint."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg as sla

import kronmix as km
from kronmix import checks


class Frame:
    """What a data frame is to NumPy."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array([[1, 2], [3, 4]], dtype)


def test_every_kind_of_matrix_becomes_numbers() -> None:
    expected = np.array([[1.0, 2.0], [3.0, 4.0]])
    given = [expected, expected.astype(int).tolist(), Frame(), np.ma.masked_array(expected)]
    given += [
        getattr(scipy.sparse, f"{kind}_{what}")(expected)
        for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
        for what in ("array", "matrix")
    ]
    for matrix in given:
        found = checks.as_numbers(matrix, "W", 2)
        assert type(found) is np.ndarray or type(matrix) is np.ma.MaskedArray
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.float64
    assert checks.as_numbers(np.ones(2, np.float16), "w").dtype == np.float32
    assert checks.as_numbers(np.ones(2, np.complex64), "w").dtype == np.complex64


@pytest.mark.parametrize(
    ("check", "error", "words"),
    [
        (lambda: checks.as_numbers([["a"]], "W"), TypeError, "W has dtype <U1: expected numbers"),
        (lambda: checks.as_numbers(np.ones(2), "W", 2), ValueError, "W has shape (2,): expected 2 axes"),
        (
            lambda: checks.as_numbers(np.ma.masked_array([1.0, 2.0], [True, False]), "y"),
            ValueError,
            "y is a masked array with 1 masked entries",
        ),
        (
            lambda: checks.as_numbers(sla.aslinearoperator(np.eye(3)), "B"),
            TypeError,
            "B is a MatrixLinearOperator of shape (3, 3), known by its products only: expected a matrix; B @ np.eye(3)",
        ),
        (
            lambda: checks.as_numbers(scipy.sparse.coo_array((40_000, 40_000)), "S"),
            MemoryError,
            "a dense 40000×40000 float64 matrix",
        ),
        (
            lambda: checks.as_finite([[1.0, np.inf], [np.nan, 1.0]], "X"),
            ValueError,
            "X has 2 NaN or infinite entries, the first at index (0, 1): expected finite numbers",
        ),
        (lambda: checks.integer(2.0, "rank"), TypeError, "rank=2.0 is not an integer"),
        (lambda: checks.integer(-1, "steps", 0), ValueError, "steps=-1: expected at least 0"),
        (lambda: checks.positive(0, "scale"), ValueError, "scale=0: expected a positive number"),
        (lambda: checks.positive(np.inf, "scale"), ValueError, "scale=inf: expected a positive number"),
        (lambda: checks.non_negative(-1e-9, "noise"), ValueError, "noise=-1e-09: expected a number, at least 0"),
        (lambda: checks.non_negative(np.nan, "noise"), ValueError, "noise=nan: expected a number"),
    ],
)
def test_bad_input_is_named(check: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        check()


def test_good_numbers_pass() -> None:
    assert checks.integer(np.int64(3), "n") == 3
    assert checks.integer(0, "n", 0) == 0
    assert (checks.positive(2, "x"), checks.non_negative(0, "x")) == (2.0, 0.0)


SPARSE = scipy.sparse.coo_array(np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0], [0.0, 0.0, 4.0], [5.0, 0.0, 0.0]]))


@pytest.mark.parametrize("kind", ["coo_array", "csr_matrix", "dia_array"])
def test_sparse_matrices_are_taken_wherever_a_matrix_is(kind: str) -> None:
    S, M = getattr(scipy.sparse, kind)(SPARSE), SPARSE.toarray()
    assert km.norm(S) == pytest.approx(np.linalg.norm(M))
    assert km.matrix_rank(S) == 3
    np.testing.assert_array_equal(km.Dense(S).to_dense(), M)
    np.testing.assert_allclose(km.Kronecker(S, M).to_dense(), np.kron(M, M))
    np.testing.assert_allclose(km.kron(S, km.eye(2)).to_dense(), np.kron(M, np.eye(2)))
    np.testing.assert_allclose(km.block_diag(S, S).to_dense(), np.kron(np.eye(2), M))
    np.testing.assert_allclose(km.hadamard(S, M), M * M)
    assert km.nearest_kronecker(S, ((2, 1), (2, 3))).error == pytest.approx(
        km.nearest_kronecker(M, ((2, 1), (2, 3))).error
    )
    assert km.nearest_monarch(S, (2, 3, 2, 1)).relative_error <= 1
    assert km.Regression(S, S).shape == (4, 4)
    assert km.cka(S, 2 * M) == pytest.approx(1)


def test_stored_zeros_and_duplicates_of_a_sparse_matrix_count_once() -> None:
    S = scipy.sparse.coo_array(([1.0, 2.0, 0.0, 4.0], ([0, 0, 1, 1], [1, 1, 0, 1])), shape=(2, 2))
    assert km.norm(S) == pytest.approx(5)
    assert km.matrix_rank(S) == 1


def test_masked_entries_are_refused_wherever_a_matrix_is() -> None:
    masked = np.ma.masked_equal(np.arange(4.0).reshape(2, 2), 3)
    for use in (
        lambda: km.Dense(masked),
        lambda: km.Kronecker(masked, np.eye(2)),
        lambda: km.kron(masked, np.eye(2)),
        lambda: km.nearest_kronecker(masked, ((2, 1), (1, 2))),
        lambda: km.norm(masked),
        lambda: km.Regression(np.eye(2), masked),
        lambda: km.cka(masked, masked),
        lambda: km.eye(2) @ masked,
        lambda: masked @ km.Dense(np.eye(2)),
        lambda: km.eye(2).matmat(masked),
        lambda: km.eye(2).matvec(masked[1]),
        lambda: km.LinearMixer(np.eye(2), np.eye(2))(masked),
        lambda: km.vec(masked),
        lambda: km.unvec(masked.ravel(), (2, 2)),
    ):
        with pytest.raises(ValueError, match="masked array with 1 masked entries"):
            use()


def _path(tall: Any) -> Any:
    return km.regularization_path(km.Regression(tall.T, tall[:, 0]), km.Dense(np.ones((1, 5))), "decay", [1])


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda tall: km.Dense(np.eye(5)) @ tall, r"\(30, 5\): expected .*; x is transposed: pass x.T"),
        (lambda tall: km.nearest_low_rank(np.eye(5), 2, inputs=tall), r"expected \(5, samples\).*: pass inputs.T"),
        (lambda tall: km.nearest_low_rank(np.eye(5), 2, inputs=[tall.T, tall]), r"pass inputs\[1\].T"),
        (lambda tall: km.Regression(tall, np.ones(30)), r"X has shape \(30, 5\) and Y \(1, 30\).*: pass X.T"),
        (lambda tall: km.Regression(tall.T, np.ones((30, 2))), r"\(5, 30\) and Y \(30, 2\).*: pass Y.T"),
        (lambda tall: km.Regression(tall, np.ones((30, 2))), "both are transposed: pass X.T and Y.T"),
        (lambda tall: _path(tall).predict(tall.T), r"expected \(samples, 5\); X is transposed"),
    ],
)  # fmt: skip
def test_a_matrix_that_stands_the_other_way_is_told_so(use: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        use(np.arange(150.0).reshape(30, 5))


def test_other_wrong_sizes_are_not_called_transposed() -> None:
    with pytest.raises(ValueError, match="6×6") as told:
        km.Dense(np.eye(6)) @ np.ones((30, 5))
    assert "transposed" not in str(told.value)
