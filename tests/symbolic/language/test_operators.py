"""Operators as expressions in their factors: equal to their dense matrices, and every class is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

import kronmix as km
from kronmix.symbolic.language.operators import parametrised, written
from kronmix.symbolic.provers.evaluation import Values, entries
from kronmix.symbolic.provers.finite_field import PRIMES
from tests.strategies import operators

F = PRIMES[0]


@settings(max_examples=60, deadline=None)
@given(operators(), st.integers(0, 2**31))
def test_the_expression_is_the_matrix(drawn: Any, seed: int) -> None:
    op, _ = drawn
    rng = np.random.default_rng(seed)
    op = op.with_factors(*(rng.integers(-5, 6, f.shape).astype(float) for f in op.factors))
    if isinstance(op, km.Foreign) or any(isinstance(part, km.Foreign) for part in getattr(op, "operators", ())):
        return  # a matrix of floats, constant
    expression, shapes = parametrised(op)
    values = {
        name: F.lift(f.astype(int).reshape(shape)) for (name, shape), f in zip(shapes.items(), op.factors, strict=True)
    }
    found = F.integers(entries(expression, Values(F, values, {})))
    assert np.array_equal(found.astype(float), op.to_dense().real)


def subclasses(kind: type) -> Iterator[type]:
    for other in kind.__subclasses__():
        yield other
        yield from subclasses(other)


def test_every_operator_with_factors_says_how_it_is_made() -> None:
    default = written.dispatch(object)
    shipped = {
        kind
        for kind in subclasses(km.StructuredOperator)
        if kind.__module__.startswith(("kronmix.operators", "kronmix.mixer"))
    }
    without = {kind.__name__ for kind in shipped if written.dispatch(kind) is default}
    abstract, without_factors = {"Assembled", "Composite", "FromFactors"}, {"Foreign", "RectangularIdentity"}
    assert without <= abstract | without_factors
