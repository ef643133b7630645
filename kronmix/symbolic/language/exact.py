"""Exact numbers: what integers, fractions and floats mean."""

from __future__ import annotations

from fractions import Fraction
from numbers import Rational, Real
from typing import Any

import numpy as np
import sympy as sp

from .sizes import SizeValue

__all__ = ["exact", "number"]


def exact(value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """An array of integers or fractions; floats mean the binary fraction they hold."""
    array = np.asarray(int(value) if isinstance(value, SizeValue) else value)
    if array.dtype.kind not in "biufO" or (array.ndim > 2 and array.dtype.kind == "O"):
        raise TypeError(f"{value!r}: expected an exact number or a matrix of exact numbers")
    if array.dtype.kind == "f" and np.all(array == np.rint(array)) and np.all(np.abs(array) < 2.0**53):
        array = array.astype(np.int64)
    if array.dtype.kind in "fO":
        fractions = np.empty(array.shape, object)
        for index in np.ndindex(*array.shape):
            fractions[index] = number(array[index])
        array = fractions
    return array


def number(value: Any) -> Fraction:
    """An exact number; floats mean the binary fraction they hold."""
    if isinstance(value, sp.Rational):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, Rational | Real) or hasattr(value, "__index__"):
        return Fraction(value)
    raise TypeError(f"{value!r} is not a real number")
