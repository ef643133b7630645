"""The same work in neighbouring libraries, one thread each, in the layout that each of them likes best.

They belong to this benchmark's own environment (``make bench-peers``); a library that is not there has no rows.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy.linalg import hadamard

import kronmix as km

from .harness import Row, Work

#: Module of each library, and its name on PyPI.
LIBRARIES = {"pyfastkron": "pyfastkron", "lazylinop": "lazylinop", "pykronecker": "pykronecker", "pylops": "pylops"}
BATCH = 64


def versions() -> dict[str, str]:
    """Versions of the libraries that are there."""
    return {package: version(package) for name, package in LIBRARIES.items() if importlib.util.find_spec(name)}


def _factors(size: int, count: int, dtype: Any) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(size, size)).astype(dtype) / size**0.5 for _ in range(count)]


def _equal(ours: Any, theirs: Any, dtype: Any) -> None:
    tolerance = 1e-4 if np.dtype(dtype).itemsize == 4 else 1e-10
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * float(np.abs(ours).max()))


def _fastkron(size: int, count: int, dtype: str, batch: int = BATCH) -> tuple[Work, Work]:
    from pyfastkron import fastkronnumpy

    factors = _factors(size, count, dtype)
    X = np.random.default_rng(1).normal(size=(size**count, batch)).astype(dtype)
    rows, transposed = np.ascontiguousarray(X.T), [np.ascontiguousarray(f.T) for f in factors]
    op = km.Kronecker(*factors)
    _equal(op @ X, fastkronnumpy.gemkm(rows, transposed).T, dtype)
    return lambda: op @ X, lambda: fastkronnumpy.gemkm(rows, transposed)


def _pykronecker(size: int, count: int, batch: int) -> tuple[Work, Work]:
    from pykronecker import KroneckerProduct

    factors = _factors(size, count, float)
    X = np.random.default_rng(1).normal(size=(size**count, batch))
    X = X[:, 0] if batch == 1 else X
    op, theirs = km.Kronecker(*factors), KroneckerProduct(factors)
    _equal(op @ X, theirs @ X, float)
    return lambda: op @ X, lambda: theirs @ X


def _pylops(size: int, batch: int) -> tuple[Work, Work]:
    import pylops

    A, B = _factors(size, 2, float)
    X = np.random.default_rng(1).normal(size=(size**2, batch))
    X = X[:, 0] if batch == 1 else X
    op, theirs = km.Kronecker(A, B), pylops.Kronecker(pylops.MatrixMult(A), pylops.MatrixMult(B))
    _equal(op @ X, theirs @ X, float)
    return lambda: op @ X, lambda: theirs @ X


def _butterfly_matrix(kind: str, n: int) -> Any:
    return hadamard(n) / n**0.5 if kind == "Hadamard" else np.random.default_rng(0).normal(size=(n, n))


def _nearest_chain(kind: str, n: int) -> tuple[Work, Work]:
    """Both find factors of a butterfly; ours must be at least as near."""
    from lazylinop.butterfly import Chain, ksd

    B, patterns = _butterfly_matrix(kind, n), km.butterfly_patterns(n)
    chain = Chain.square_dyadic(B.shape)
    ours, theirs = km.nearest_chain(B, patterns), _quietly(lambda: ksd(B, chain))
    error = np.linalg.norm(B - theirs.toarray())
    assert ours.error <= error * (1 + 1e-6) + 1e-10 * np.linalg.norm(B), (ours.error, error)
    return lambda: km.nearest_chain(B, patterns), lambda: _quietly(lambda: ksd(B, chain))


def _apply_chain(n: int) -> tuple[Work, Work]:
    op = km.nearest_chain(_butterfly_matrix("Hadamard", n), km.butterfly_patterns(n)).operator
    theirs = _quietly(lambda: km.interop.to_lazylinop(op))
    X = np.random.default_rng(1).normal(size=(n, BATCH))
    _equal(op @ X, theirs @ X, float)
    return lambda: op @ X, lambda: theirs @ X


def _quietly(work: Callable[[], Any]) -> Any:
    """Without lazylinop's warnings about what it might run faster on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return work()


def _power(size: int, count: int) -> str:
    return f"{size}{str(count).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _rows() -> list[Row]:
    found: list[Row] = []
    there = versions()
    if "pyfastkron" in there:
        for size, count in ((8, 5), (16, 3), (4, 8), (64, 2), (196, 2)):
            for dtype in ("float32", "float64"):
                name = f"pyfastkron: Kronecker apply, {_power(size, count)}, {dtype}, batch {BATCH}"
                make = _bound(_fastkron, size, count, dtype)
                found.append(Row(name, make, 1.0, at_least=True, repetitions=9))
    if "lazylinop" in there:
        for kind in ("Hadamard", "Gaussian"):
            for n in (256, 1024):
                make = _bound(_nearest_chain, kind, n)
                found.append(Row(f"lazylinop: nearest butterfly, {kind} {n}", make, 6.0, at_least=True))
        for n in (256, 1024):
            make = _bound(_apply_chain, n)
            found.append(
                Row(f"lazylinop: butterfly apply, {n}, batch {BATCH}", make, 2.0, at_least=True, repetitions=21)
            )
    if "pykronecker" in there:
        for batch in (1, BATCH):
            make = _bound(_pykronecker, 64, 2, batch)
            found.append(
                Row(f"pykronecker: Kronecker apply, 64², batch {batch}", make, 1.0, at_least=True, repetitions=21)
            )
    if "pylops" in there:
        for batch in (1, BATCH):
            make = _bound(_pylops, 64, batch)
            found.append(Row(f"pylops: Kronecker apply, 64², batch {batch}", make, 1.0, at_least=True, repetitions=21))
    return found


def _bound(make: Callable[..., tuple[Work, Work]], *arguments: Any) -> Callable[[], tuple[Work, Work]]:
    return lambda: make(*arguments)


ROWS = _rows()
