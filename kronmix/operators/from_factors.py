"""Operators of classes that are called with their factors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from .arrays import same_shapes
from .base import StructuredOperator


class FromFactors(StructuredOperator):
    """A structure whose class makes it from its factors and nothing else.

    Parameters
    ----------
    shape : (rows, columns)
    factors : tuple of arrays

    Examples
    --------
    >>> km.Dense(np.eye(2)).with_factors(np.ones((2, 2))) @ np.ones(2)
    array([2., 2.])
    """

    #: Attributes that follow from the sizes of the factors, whatever their values: said by each class for itself.
    _from_sizes: tuple[str, ...]

    def with_factors(self, *arrays: Any) -> Self:
        checked = same_shapes(arrays, self.factors)
        if "_from_sizes" not in vars(type(self)):  # a subclass may derive more from them
            made_from: Callable[..., Self] = type(self)
            return made_from(*checked)
        return self._of(self.shape, checked, **{name: getattr(self, name) for name in self._from_sizes})
