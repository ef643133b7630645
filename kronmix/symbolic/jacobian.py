"""The Jacobian of a parametrisation θ ↦ B(θ) in exact arithmetic."""

from __future__ import annotations

from math import prod

import numpy as np

from ..operators import StructuredOperator
from .language.operators import parametrised
from .provers.evaluation import Array, Values, entries
from .provers.finite_field import PrimeField

__all__ = ["Point", "jacobian", "random_point"]

Point = dict[str, Array]


def random_point(op: StructuredOperator, F: PrimeField, rng: np.random.Generator) -> Point:
    """Independent uniform residues for every factor."""
    return {name: F.random(rng, shape) for name, shape in parametrised(op)[1].items()}


def jacobian(op: StructuredOperator, F: PrimeField, point: Point) -> Array:
    """∂ vec B / ∂θ modulo a prime, shape (entries of B, parameters), B row by row.

    B is affine in every single factor, so a column is B with a unit in place of the factor, minus B with zeros there.

    Examples
    --------
    >>> from kronmix.symbolic.provers.finite_field import PrimeField
    >>> F = PrimeField(1)
    >>> op = km.SumOfKroneckers([(np.ones((1, 1)), np.ones((1, 2)))] * 2)
    >>> jacobian(op, F, {f"θ{i}": F.lift(np.full(f.shape, i + 1)) for i, f in enumerate(op.factors)})
    array([[2, 1, 0, 4, 3, 0],
           [2, 0, 1, 4, 0, 3]], dtype=uint64)
    """
    expression, shapes = parametrised(op)

    def image(name: str, factor: Array) -> Array:
        return entries(expression, Values(F, {**point, name: factor}, {})).ravel()

    columns = []
    for name, shape in shapes.items():
        rest = image(name, np.zeros(shape, np.uint64))
        units = np.eye(prod(shape), dtype=np.uint64).reshape(-1, *shape)
        columns += [F.subtract(image(name, unit), rest) for unit in units]
    return np.array(columns, np.uint64).reshape(len(columns), prod(op.shape)).T
