"""An identity with its shapes and hypotheses, at any sizes: the two sides as expressions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from .claims import Undecided, shown_sizes
from .language.expressions import HOW, Expression, Variable, as_expression
from .language.hypotheses import (
    Facts,
    Hypothesis,
    components,
    parse_assumptions,
    substituted,
    with_inverses_written,
    written_as,
)
from .language.sizes import SizeExpression, SizeSymbol, SizeValue, size_expression
from .language.structures import Stack
from .provers.inverses import without_inverses
from .provers.sides import Sides

__all__ = ["Statement"]

#: Parts of an expression beyond which it is not treated: products of sums that share parts grow without bound.
_MOST_PARTS = 20_000


class Statement:
    """An identity of matrices with shapes, under hypotheses."""

    def __init__(self, identity: Callable[..., Any], shapes: Mapping[str, Any], assume: Any = None) -> None:
        self.identity = identity
        self.dimensions = {name: _size_expressions(name, shape) for name, shape in shapes.items()}
        self.names = sorted({name for sizes in self.dimensions.values() for size in sizes for name in size.names})
        try:
            parameters = inspect.signature(identity).parameters
        except (TypeError, ValueError):
            raise TypeError(f"identity={identity!r}: expected a function of the matrices") from None
        self.parameters = [p for p in parameters if parameters[p].kind is not inspect.Parameter.VAR_KEYWORD]
        if unknown := [p for p in self.parameters if p not in self.dimensions and p not in self.names]:
            raise ValueError(
                f"identity has a parameter {unknown[0]!r} whose shape is not given, as {unknown[0]}=('S', 'C')"
            )
        if clash := sorted(set(self.dimensions) & set(self.names)):
            raise ValueError(f"{clash[0]!r} names both a matrix and a size: rename one of them")
        self.open = len(self.parameters) < len(parameters)
        self.hypotheses: tuple[Hypothesis, ...] = parse_assumptions(assume, self.variables(self._symbols()))

    def without(self, hypothesis: Hypothesis) -> Statement:
        """The same, with one hypothesis less."""
        other = Statement.__new__(Statement)
        other.__dict__ |= self.__dict__
        other.hypotheses = tuple(h for h in self.hypotheses if h is not hypothesis)
        return other

    def _symbols(self) -> dict[str, Any]:
        return {name: SizeSymbol(name) for name in self.names}

    def shapes(self, sizes: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
        """Shape of each matrix."""
        return {name: tuple(size.value(sizes) for size in given) for name, given in self.dimensions.items()}

    def variables(self, sizes: Mapping[str, Any]) -> dict[str, Variable]:
        """The matrices."""
        return {
            name: Stack(name, shape) if len(shape) == 3 else Variable(name, shape)
            for name, shape in self.shapes(sizes).items()
        }

    def sides(self, sizes: Mapping[str, Any]) -> tuple[Expression, Expression]:
        """Both sides as they were written."""
        values = {name: SizeValue(v) if isinstance(v, int) else v for name, v in sizes.items()}
        given: dict[str, Any] = {**self.variables(values), **values}
        wanted = given if self.open else {name: given[name] for name in self.parameters}
        try:
            both = self.identity(**wanted)
        except ValueError as error:
            raise ValueError(f"at {shown_sizes(sizes)}: {error}" if sizes else str(error)) from error
        except (TypeError, AttributeError) as error:
            if any(isinstance(v, SizeSymbol) for v in values.values()):
                raise
            raise TypeError(str(error) if HOW in str(error) else f"{error}; {HOW}") from error
        if not isinstance(both, tuple) or len(both) != 2:
            raise TypeError(f"identity returned {type(both).__name__}: expected a pair (left, right)")
        left, right = map(as_expression, both)
        for side in (left, right):
            if side.ndim > 2:
                raise ValueError(f"{side} is a stack of matrices: write {side}[i] inside a sum, or einsum({side}, …)")
            if _number_of_parts(side) > _MOST_PARTS:
                raise MemoryError(
                    f"an expression has more than {_MOST_PARTS:,} parts: write it with fewer products of sums"
                )
        return left, right

    def symbolic(self) -> tuple[Expression, Expression, Facts]:
        """Both sides with a symbol for every size, and what is known of the matrices.

        Raises
        ------
        Undecided
            If the identity computes with its sizes.
        """
        try:
            left, right = self.sides(self._symbols())
        except (TypeError, ValueError, AttributeError, ArithmeticError, LookupError) as error:
            raise Undecided(f"the identity needs numbers for its sizes ({error})") from error
        written = {h.name: h.property.rewritten for h in self.hypotheses}
        facts = reduce(or_, (h.property.properties(h.name) for h in self.hypotheses), Facts())
        sides = []
        for side in (left, right):
            side = with_inverses_written(without_inverses(side), self.hypotheses)
            sides.append(substituted(side, written))
        return sides[0], sides[1], facts

    def instances(self, sizes: Mapping[str, int], seed: int) -> tuple[Iterator[Sides], bool]:
        """The sides at given sizes, for each component of the matrices that satisfy the hypotheses; whether that is all."""
        left, right = self.sides(sizes)
        variables = self.variables({name: SizeValue(value) for name, value in sizes.items()})
        combinations, complete = components(self.hypotheses, variables, np.random.default_rng([seed, 3]))
        return (self._instantiate((left, right), sizes, variables, chosen) for chosen in combinations), complete

    def _instantiate(
        self,
        both: tuple[Expression, Expression],
        sizes: Mapping[str, int],
        variables: Mapping[str, Variable],
        chosen: Mapping[str, Expression],
    ) -> Sides:
        """Both sides with the chosen matrices in place of those that hypotheses are about."""
        written = {h.name: written_as(h, chosen[h.name]) for h in self.hypotheses}
        left, right = (substituted(side, written) for side in both)
        return Sides(left, right, sizes, {name: substituted(variable, written) for name, variable in variables.items()})

    def written(self, notation: Callable[[Expression], str]) -> str:
        """Both sides as text, with names for the sizes where the identity can be written so."""
        try:
            left, right = self.sides(self._symbols())
        except (TypeError, ValueError, AttributeError, ArithmeticError, LookupError):
            return ""
        return " == ".join(map(notation, (left, right)))


def _number_of_parts(node: Expression, known: dict[int, int] | None = None) -> int:
    """Number of parts of the expression written out; parts that are used twice count twice."""
    known = {} if known is None else known
    if id(node) not in known:
        known[id(node)] = 1 + sum(_number_of_parts(part, known) for part in node.parts)
    return known[id(node)]


def _size_expressions(name: str, shape: Any) -> tuple[SizeExpression, ...]:
    if isinstance(shape, str) or not isinstance(shape, Iterable):
        raise ValueError(f"{name}={shape!r}: expected a shape, as ('S', 'C') or (2, 3)")
    given = tuple(shape)
    if len(given) > 4:
        raise ValueError(
            f"{name}={shape!r}: expected a matrix, a vector, a scalar, a stack or an array: at most four sizes"
        )
    return tuple(size_expression(size, name) for size in given)
