"""Functions of matrices that are defined on expressions, by the names under which others call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["MATRIX_FUNCTIONS", "matrix_function_of"]

#: Functions of :mod:`kronmix.products`, ``commutation``, ``vec`` … and NumPy.
MATRIX_FUNCTIONS: dict[str, Callable[..., Any]] = {}


def matrix_function_of(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what a function of matrices does with expressions."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        MATRIX_FUNCTIONS[name] = function
        return function

    return register
