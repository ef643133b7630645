"""Residues against Python's integers, at the extremes where floats or uint64 would overflow."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from kronmix.symbolic.provers.finite_field import PRIMES

rng = np.random.default_rng(0)
fields = pytest.mark.parametrize("F", PRIMES, ids=lambda F: f"2^61-{F.gap}")


def exact(array):
    return array.astype(object)


def extremes(F, shape):
    array = F.random(rng, shape)
    array.flat[::3] = F.p - 1
    array.flat[1::7] = 0
    return array


def test_primes():
    assert all(sp.isprime(F.p) for F in PRIMES)
    assert len({F.p for F in PRIMES}) == len(PRIMES)


@fields
def test_entrywise(F):
    x, y = extremes(F, (5, 40)), extremes(F, (5, 40))[:, ::-1]
    assert (exact(F.add(x, y)) == (exact(x) + exact(y)) % F.p).all()
    assert (exact(F.subtract(x, y)) == (exact(x) - exact(y)) % F.p).all()
    assert (exact(F.multiply(x, y)) == exact(x) * exact(y) % F.p).all()
    assert (F.multiply(x, np.uint64(1)) == x).all()


@fields
@pytest.mark.parametrize("inner", [1, 3, 2047, 2048, 2049, 5000])
def test_matmul(F, inner):
    A, B = extremes(F, (3, inner)), extremes(F, (inner, 2))
    assert (exact(F.matmul(A, B)) == exact(A) @ exact(B) % F.p).all()
    full = np.full((2, inner), F.p - 1, np.uint64)
    assert (F.matmul(full, full.T) == inner).all()
    assert (exact(F.matmul(A, B[:, 0])) == exact(A) @ exact(B[:, 0]) % F.p).all()
    assert int(F.sum(A)) == int(exact(A).sum()) % F.p


def test_matmul_of_stacks():
    F = PRIMES[0]
    A, B = F.random(rng, (2, 3, 4)), F.random(rng, (2, 4, 5))
    assert (exact(F.matmul(A, B)) == np.matmul(exact(A), exact(B)) % F.p).all()


@fields
def test_lift_and_back(F):
    values = np.array([0, -1, 7, 10**30, Fraction(1, 3), -5], object)
    lifted = F.lift(values)
    assert lifted.dtype == np.uint64
    assert int(lifted[4]) * 3 % F.p == 1
    assert int(lifted[3]) == 10**30 % F.p
    assert F.integers(lifted[[0, 1, 2, 5]]).tolist() == [0, -1, 7, -5]
    assert (F.lift(np.array([[-2, 3]])) == np.array([[F.p - 2, 3]], np.uint64)).all()
    with pytest.raises(ZeroDivisionError, match="no residue"):
        F.scalar(Fraction(1, F.p))
