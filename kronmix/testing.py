"""Checks that users can run on their own structures; the tests run them on all of the library's."""

from __future__ import annotations

from typing import Any

import numpy as np

from .operators import StructuredOperator

__all__ = ["check_operator"]


def _random_array(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    values = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def _with_stride(Z: Any) -> Any:
    """An equal array whose rows do not lie next to each other in memory."""
    return np.repeat(Z, 2, axis=0)[::2]


def _assert_close(found: Any, expected: Any, scale: float, dtype: Any, what: str) -> None:
    if np.shape(found) != np.shape(expected):
        raise AssertionError(f"{what}: shape {np.shape(found)}, expected {np.shape(expected)}")
    tolerance = 500 * float(np.finfo(dtype).eps) * max(scale, 1e-30)
    error = float(np.max(np.abs(np.asarray(found) - np.asarray(expected)), initial=0.0))
    if not error <= tolerance:
        raise AssertionError(f"{what}: largest difference {error:.3g}, tolerance {tolerance:.3g}")


def check_operator(op: StructuredOperator, dense: Any = None, seed: int = 0, batch: int = 3) -> None:
    """Check the whole contract of a structured operator against its dense matrix.

    Checks products with one vector and batches (empty too), transpose, adjoint and their dot-test, ``x @ op``,
    pullback against central differences, ``vjp``, ``to_sparse``, the counts, the round trip of ``with_factors``, and
    that float32 stays float32.

    Parameters
    ----------
    op : StructuredOperator
        Small, with generic (non-zero) factors: the counts are compared with counting.
    dense : array, optional
        An independent dense matrix to compare with; ``op.to_dense()`` if None.
    seed : int
        Seeds the random vectors.
    batch : int
        Columns tried at once.

    Raises
    ------
    AssertionError
        Naming the first member that disagrees, by how much, and the tolerance.

    Examples
    --------
    >>> km.testing.check_operator(km.Kronecker(np.ones((2, 3)), np.ones((4, 5))))
    """
    rng = np.random.default_rng(seed)
    M = op.to_dense() if dense is None else np.asarray(dense)
    rows, cols = op.shape
    if M.shape != op.shape:
        raise AssertionError(f"shape: {op.shape}, but the dense matrix has {M.shape}")
    norm = float(np.linalg.norm(M))
    dtype = op.dtype
    _assert_close(op.to_dense(), M, norm, dtype, "to_dense()")
    _assert_close(op.to_sparse().toarray(), M, norm, dtype, "to_sparse()")
    for kind in {dtype, np.result_type(dtype, np.complex64)}:
        for n in (0, 1, batch):
            X, Y = _random_array(rng, (cols, n), kind), _random_array(rng, (rows, n), kind)
            scale_x, scale_y = norm * float(np.linalg.norm(X)), norm * float(np.linalg.norm(Y))
            for layout in (np.ascontiguousarray, np.asfortranarray, _with_stride):
                _assert_close(op @ layout(X), M @ X, scale_x, dtype, f"op @ x, batch {n}")
            _assert_close(op.T @ Y, M.T @ Y, scale_y, dtype, f"op.T @ y, batch {n}")
            _assert_close(op.H @ Y, M.conj().T @ Y, scale_y, dtype, f"op.H @ y, batch {n}")
            _assert_close(Y.T @ op, Y.T @ M, scale_y, dtype, f"y @ op, batch {n}")
            forward, backward = np.vdot(Y, op @ X), np.vdot(op.H @ Y, X)
            _assert_close(
                forward, backward, scale_x * float(np.linalg.norm(Y)), dtype, f"⟨y, op x⟩ = ⟨op.H y, x⟩, batch {n}"
            )
            if (op @ X).dtype != np.result_type(dtype, kind):
                raise AssertionError(f"op @ x has dtype {(op @ X).dtype}: expected {np.result_type(dtype, kind)}")
        x, y = _random_array(rng, (cols,), kind), _random_array(rng, (rows,), kind)
        _assert_close(op @ x, M @ x, norm * float(np.linalg.norm(x)), dtype, "op @ vector")
        _assert_close(op.rmatvec(y), M.conj().T @ y, norm * float(np.linalg.norm(y)), dtype, "rmatvec")
        _check_gradients(op, rng, kind, batch)
    if op.nnz != np.count_nonzero(M):
        raise AssertionError(f"nnz: {op.nnz}, but the dense matrix has {np.count_nonzero(M)}")
    if op.support().nnz != op.nnz:
        raise AssertionError(f"support(): {op.support().nnz} entries, but nnz is {op.nnz}")
    if abs(op.density * rows * cols - op.nnz) > 1e-9 * rows * cols:
        raise AssertionError(f"density: {op.density}, but nnz/(rows·columns) is {op.nnz / (rows * cols)}")
    if op.n_parameters != sum(f.size for f in op.factors):
        raise AssertionError(f"n_parameters: {op.n_parameters}, but the factors hold {sum(f.size for f in op.factors)}")
    same = op.with_factors(*op.factors)
    if type(same) is not type(op):
        raise AssertionError(f"with_factors returns {type(same).__name__}: expected {type(op).__name__}")
    _assert_close(same.to_dense(), M, norm, dtype, "with_factors(*factors)")


def _check_gradients(op: StructuredOperator, rng: np.random.Generator, kind: Any, batch: int) -> None:
    """Directional derivatives of Re⟨ȳ, op @ x⟩, in double precision, against pullback and vjp."""
    wide = [f.astype(np.result_type(f, np.float64)) for f in op.factors]
    exact = op.with_factors(*wide)
    kind = np.result_type(kind, np.float64)
    x, y_bar = _random_array(rng, (op.shape[1], batch), kind), _random_array(rng, (op.shape[0], batch), kind)
    gradients = exact.pullback(x, y_bar)
    y, pull = exact.vjp(x)
    again, x_bar = pull(y_bar)
    size = float(np.linalg.norm(y_bar) * np.linalg.norm(x))
    _assert_close(y, exact @ x, 1e3 * size, kind, "vjp value")
    _assert_close(x_bar, exact.H @ y_bar, 1e3 * size, kind, "vjp x̄")
    for i, (f, g, g2) in enumerate(zip(wide, gradients, again, strict=True)):
        if g.shape != f.shape:
            raise AssertionError(f"pullback: gradient {i} has shape {g.shape}, expected {f.shape}")
        _assert_close(g2, g, 1e3 * size, kind, f"vjp gradient {i}")
        step = _random_array(rng, f.shape, f.dtype)
        h = 1e-4

        def value(t: float, i: int = i, f: Any = f, step: Any = step) -> float:
            moved = exact.with_factors(*wide[:i], f + t * step, *wide[i + 1 :])
            return float(np.vdot(y_bar, moved @ x).real)

        # Fourth-order central difference; exact up to rounding for factors that enter with degree at most four.
        numeric = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
        analytic = float(np.vdot(g, step).real)
        if abs(numeric - analytic) > 1e-8 * max(abs(analytic), size * float(np.linalg.norm(step)), 1e-30):
            raise AssertionError(
                f"pullback: factor {i} moves the value by {numeric:.12g}, its gradient says {analytic:.12g}"
            )
