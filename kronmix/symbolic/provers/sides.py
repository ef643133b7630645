"""Two expressions to compare at given sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..claims import Counterexample
from ..language.expressions import Expression, Variable
from ..language.sizes import same_shape
from ..language.structures import Map

__all__ = ["Sides", "plain_sizes"]


@dataclass(frozen=True)
class Sides:
    """The two sides of an identity in variables without conditions.

    Attributes
    ----------
    left, right : Expression
    sizes : mapping from names to int
        Values of the names of sizes.
    matrices : mapping from names to Expression
        What stands for each declared matrix, which a counterexample shows; without them the variables.
    """

    left: Expression
    right: Expression
    sizes: Mapping[str, int] = field(default_factory=dict)
    matrices: Mapping[str, Expression] = field(default_factory=dict)

    @cached_property
    def _nodes(self) -> list[Expression]:
        return _nodes(self.left, self.right, *self.matrices.values())

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every variable."""
        return {node.key: node.sizes for node in self._nodes if isinstance(node, Variable)}

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """Names of the entrywise functions."""
        return tuple(sorted({node.name for node in self._nodes if isinstance(node, Map)}))

    @cached_property
    def shown(self) -> Mapping[str, Expression]:
        """The matrices of a counterexample."""
        names = {name: shape for name, shape in self.shapes.items() if not name.startswith("conj(")}
        return self.matrices or {name: Variable(name, shape) for name, shape in names.items()}

    @property
    def fit(self) -> bool:
        """Whether the two sides have the same shape; vectors are columns, scalars 1 × 1."""
        left, right = self.left, self.right
        as_matrices = max(left.ndim, right.ndim) <= 2 and same_shape((*left.shape, 1, 1)[:2], (*right.shape, 1, 1)[:2])
        return as_matrices or same_shape(left.shape, right.shape)

    def differing_shapes(self) -> Counterexample | None:
        """A difference if the two sides have different shapes, whatever the entries."""
        if self.fit:
            return None
        ones = {name: np.ones(shape, object) for name, shape in self.shapes.items()}
        both = plain_sizes(self.left.shape), plain_sizes(self.right.shape)
        return Counterexample(plain_sizes(self.sizes), ones, "", None, *both)


def _nodes(*expressions: Expression) -> list[Expression]:
    return [node for e in expressions for node in (e, *_nodes(*e.parts))]


def plain_sizes(sizes: Any) -> Any:
    """Sizes as numbers that know nothing of where they come from; symbols as they are."""
    if isinstance(sizes, Mapping):
        return {name: int(value) for name, value in sizes.items()}
    return tuple(int(size) if isinstance(size, int) else size for size in sizes)
