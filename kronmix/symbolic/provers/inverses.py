"""Inverses carried inward: (A B)⁻¹ = B⁻¹ A⁻¹, (A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹ …, and A A⁻¹ = I where the two stand side by side."""

from __future__ import annotations

from functools import reduce, singledispatch
from typing import Any

from ..language.contractions import Commuted, Identity, Kron, Product
from ..language.expressions import Expression, Sum, equal_expressions
from ..language.sizes import same_size
from ..language.structures import Blocks, Inverse

__all__ = ["without_inverses"]


def without_inverses(node: Expression) -> Expression:
    """The same matrix with inverses of variables only, where the rules allow.

    Examples
    --------
    >>> from kronmix.symbolic.language.building import inv
    >>> from kronmix.symbolic.language.expressions import Variable
    >>> A, B = Variable("A", (3, 3)), Variable("B", (3, 3))
    >>> print(without_inverses(inv(A.T @ B)))
    inv(B) @ inv(A).T
    """
    node = node.rebuilt(without_inverses)
    if isinstance(node, Inverse):
        found = _inverted(node.matrix)
        return found.T if node.flipped else found
    return _cancelled(node) if isinstance(node, Product) else node


@singledispatch
def _inverted(matrix: Any) -> Expression:
    """The inverse of a matrix in which inverses are carried inward already."""
    if getattr(matrix, "flipped", False):
        return Inverse(matrix.T).T
    return Inverse(matrix)


@_inverted.register
def _(matrix: Inverse) -> Expression:
    return matrix.matrix.T if matrix.flipped else matrix.matrix


@_inverted.register(Identity)
def _(matrix: Identity) -> Expression:
    return matrix


@_inverted.register
def _(matrix: Commuted) -> Expression:
    return matrix.T


@_inverted.register
def _(matrix: Product) -> Expression:
    if same_size(*matrix.left.shape):
        return Product(_inverted(matrix.right), _inverted(matrix.left))
    return Inverse(matrix)


@_inverted.register
def _(matrix: Kron) -> Expression:
    if same_size(*matrix.left.shape):
        return Kron(_inverted(matrix.left), _inverted(matrix.right))
    return Inverse(matrix)


@_inverted.register
def _(matrix: Blocks) -> Expression:
    if all(same_size(*block.shape) for block in matrix.blocks):
        return Blocks(tuple(map(_inverted, matrix.blocks)))
    return Inverse(matrix)


@_inverted.register
def _(matrix: Sum) -> Expression:
    if len(matrix.terms) == 1 and matrix.terms[0][0] != 0:
        ((number, term),) = matrix.terms
        return Sum(((1 / number, _inverted(term)),))
    return Inverse(matrix)


def _cancelled(node: Product) -> Expression:
    """A product without neighbours that are inverses of each other."""
    factors, changed = _factors(node), False
    k = 0
    while k + 1 < len(factors):
        if _are_inverses(factors[k], factors[k + 1]) or _are_inverses(factors[k + 1], factors[k]):
            factors[k : k + 2] = [Identity(factors[k].shape[0])]
            changed = True
            k = max(k - 1, 0)
            continue
        if len(factors) > 1 and isinstance(factors[k], Identity):
            factors.pop(k)
            changed = True
            k = max(k - 1, 0)
            continue
        k += 1
    return reduce(Product, factors) if changed else node


def _factors(node: Expression) -> list[Expression]:
    """The matrices of a product, and a vector at its end."""
    if isinstance(node, Product) and node.left.ndim == 2:
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _are_inverses(first: Expression, second: Expression) -> bool:
    """Whether second is the inverse of first."""
    if not isinstance(second, Inverse) or first.ndim != 2:
        return False
    matrix = second.matrix.T if second.flipped else second.matrix
    return equal_expressions(first, matrix)
