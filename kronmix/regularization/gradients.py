"""Loss and gradients over the factors of an operator, and factors as one flat vector (T18)."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .problems import Problem


def loss_and_gradients(
    problem: Problem, op: StructuredOperator, weight_decay: float = 0.0
) -> tuple[float, tuple[Array, ...]]:
    """Loss + (weight_decay/2)‖θ‖² and its gradient for every factor: one forward and one backward pass (T18).

    Parameters
    ----------
    problem : Problem
    op : StructuredOperator
    weight_decay : float
        λ ≥ 0: adds (λ/2)‖θ‖² to the loss.

    Returns
    -------
    loss : float
    gradients : tuple of arrays
        Shaped as ``op.factors``; the gradient of a complex factor is ∂/∂Re + i ∂/∂Im.

    Examples
    --------
    >>> from kronmix.regularization import loss_and_gradients
    >>> loss_and_gradients(km.Observed(np.eye(2)), km.Dense(np.zeros((2, 2))))[1][0]
    array([[-1.,  0.],
           [ 0., -1.]])
    """
    outputs, pull = op.vjp(problem.inputs)
    value, outputs_bar = problem.loss_and_gradient(outputs)
    gradients, _ = pull(outputs_bar, False)
    if weight_decay:
        value += 0.5 * weight_decay * sum(float(np.vdot(f, f).real) for f in op.factors)
        gradients = tuple(g + weight_decay * f for g, f in zip(gradients, op.factors, strict=True))
    return value, gradients


def moved(op: StructuredOperator, direction: tuple[Array, ...], η: float) -> StructuredOperator:
    """The operator with factors θ − η · direction."""
    return op.with_factors(*(f - η * g for f, g in zip(op.factors, direction, strict=True)))


class Packing:
    """The factors of a structure as one vector of float64, complex numbers as pairs, and back.

    Examples
    --------
    >>> from kronmix.regularization.gradients import Packing
    >>> packing = Packing(km.Kronecker(np.ones((1, 2)), np.zeros((2, 1))))
    >>> packing.vector(packing.like.factors)
    array([1., 1., 0., 0.])
    >>> packing.operator(np.arange(4.0)).factors[1]
    array([[2.],
           [3.]])
    """

    def __init__(self, like: StructuredOperator) -> None:
        self.like = like
        self._dtypes = [np.dtype(np.complex128 if f.dtype.kind == "c" else np.float64) for f in like.factors]
        lengths = [f.size * dtype.itemsize // 8 for f, dtype in zip(like.factors, self._dtypes, strict=True)]
        ends = list(accumulate(lengths, initial=0))
        self.size, self._pieces = ends[-1], [slice(*ends) for ends in pairwise(ends)]

    def vector(self, arrays: tuple[Array, ...]) -> Array:
        """Arrays shaped as the factors -> (size,)."""
        parts = [np.ascontiguousarray(a, d).reshape(-1).view(float) for a, d in zip(arrays, self._dtypes, strict=True)]
        return np.concatenate(parts)

    def arrays(self, vector: Array) -> tuple[Array, ...]:
        """(size,) -> arrays shaped as the factors."""
        whole = np.ascontiguousarray(vector)
        shaped = zip(self._pieces, self._dtypes, self.like.factors, strict=True)
        return tuple(whole[piece].view(dtype).reshape(f.shape) for piece, dtype, f in shaped)

    def operator(self, vector: Array) -> StructuredOperator:
        """The structure with these factors."""
        return self.like.with_factors(*self.arrays(vector))

    def loss_and_gradient(self, problem: Problem, vector: Array, weight_decay: float = 0.0) -> tuple[float, Array]:
        """Loss + (weight_decay/2)‖θ‖² and its gradient at θ = vector."""
        value, gradients = loss_and_gradients(problem, self.operator(vector), weight_decay)
        return value, self.vector(gradients)
