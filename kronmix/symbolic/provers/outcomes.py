"""What a comparison of two expressions answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..language.expressions import Expression
from ..language.sizes import same_size, shown_shape
from .evaluation import Array

__all__ = ["Agreement", "Difference", "differing_shapes", "plain_sizes"]


@dataclass(frozen=True)
class Agreement:
    """The two sides agree: certainly (probability 0) or but for the probability given."""

    error_probability: float = 0.0
    degree: int = 0
    primes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A counterexample: sizes, exact matrices, and the first entry at which the two sides differ.

    ``entry`` is None where already the shapes differ; ``left`` and ``right`` are then the shapes.
    """

    sizes: dict[str, int]
    matrices: dict[str, Array]
    entry: tuple[int, ...] | None
    left: Any
    right: Any
    functions: dict[str, str] = field(default_factory=dict)
    quantity: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; fractions and complex numbers as text."""
        entry = None if self.entry is None else list(self.entry)
        matrices = {name: _plain(matrix) for name, matrix in self.matrices.items()}
        both = {"left": str(self.left), "right": str(self.right)}
        return {"sizes": self.sizes, "matrices": matrices, "entry": entry, **both, "functions": self.functions}

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} = {value}" for name, value in self.sizes.items())
        if self.entry is None:
            shapes = " and ".join(shown_shape(s) if isinstance(s, tuple) else str(s) for s in (self.left, self.right))
            return f"{sizes}: shapes {shapes} differ".lstrip(": ")
        given = [f"{name} = {_shown(matrix)}" for name, matrix in self.matrices.items()]
        given += [f"{name}(x) = {formula}" for name, formula in self.functions.items()]
        place = f"entry {self.entry if len(self.entry) != 1 else self.entry[0]}" if self.entry else self.quantity
        what = "; ".join(part for part in (sizes, *given) if part)
        return ": ".join(part for part in (what, place, f"{self.left} ≠ {self.right}") if part)


def _plain(matrix: Array) -> Any:
    """Nested lists of integers, or of text."""
    exact = np.empty(matrix.shape, object)
    for index in np.ndindex(*matrix.shape):
        value = matrix[index]
        exact[index] = int(value) if isinstance(value, int | np.integer) else str(value)
    return exact.tolist()


def _shown(matrix: Array) -> str:
    if matrix.size > 16:
        return f"{'×'.join(map(str, matrix.shape))} numbers"
    return str(_plain(matrix)).replace("'", "")


def differing_shapes(
    left: Expression, right: Expression, shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]
) -> Difference | None:
    """A difference if the two sides have different shapes, whatever the entries; vectors are columns, scalars 1 × 1."""
    if all(map(same_size, _as_matrix(left.shape), _as_matrix(right.shape))) and max(left.ndim, right.ndim) <= 2:
        return None
    if left.ndim == right.ndim and all(map(same_size, left.shape, right.shape)):
        return None
    ones = {name: np.ones(shape, object) for name, shape in shapes.items()}
    return Difference(plain_sizes(sizes), ones, None, plain_sizes(left.shape), plain_sizes(right.shape))


def _as_matrix(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*shape, 1, 1)[:2]


def plain_sizes(sizes: Any) -> Any:
    if isinstance(sizes, Mapping):
        return {name: int(value) for name, value in sizes.items()}
    return tuple(int(size) if isinstance(size, int) else size for size in sizes)
