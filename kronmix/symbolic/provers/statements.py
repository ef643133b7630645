"""The provers of identities between expressions: for all sizes, entry by entry, and modulo primes at real sizes.

All take the same statement, a function from sizes to two expressions, so that a mutant meets the prover of its theorem.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..claims import Counterexample, Outcome, Proof, Undecided
from ..language.expressions import Expression, Variable
from ..language.sizes import SizeSymbol
from ..language.structures import Map
from .comparison import compare_entries, compare_residues
from .indices import equal_for_all_sizes
from .outcomes import Agreement, Difference

__all__ = ["functions_of", "prove_entries", "prove_for_all_sizes", "prove_modulo_primes", "shapes_of"]

Statement = Callable[..., tuple[Expression, Expression]]
Sizes = tuple[int, ...]


def prove_for_all_sizes(statement: Statement, names: str, small: Sequence[Sizes]) -> Outcome:
    """Prove a statement with a symbol for every size, or refute it at one of the small sizes.

    Examples
    --------
    >>> from kronmix.symbolic.theorems import structure_statements as statements
    >>> prove_for_all_sizes(statements.product, "R S C D", [(1, 1, 2, 1)]).sizes
    'all R, S, C, D'
    """
    left, right = statement(*(SizeSymbol(name) for name in names.split()))
    why = "the two formulas for entry (i, j) differ"
    try:
        if equal_for_all_sizes(left, right):
            return Proof(f"all {', '.join(names.split())}", "both sides have the same formula for entry (i, j)")
    except Undecided as undecided:
        why = str(undecided)
    outcome = prove_entries(statement, names, small)
    if isinstance(outcome, Proof):
        raise Undecided(f"{why}, and no counterexample was found at small sizes")
    return outcome


def prove_entries(statement: Statement, names: str, small: Sequence[Sizes]) -> Outcome:
    """Prove a statement at each of the sizes, every entry of every variable a symbol."""
    for sizes in small:
        outcome = _compared(statement, names, sizes)
        if isinstance(outcome, Difference):
            return _counterexample(outcome)
    return Proof(", ".join("×".join(map(str, sizes)) for sizes in small), "all entries expand to the same polynomial")


def prove_modulo_primes(statement: Statement, names: str, sizes: Sizes) -> Outcome:
    """Prove a statement at one assignment of sizes, up to an error probability, by random matrices modulo primes near 2⁶¹."""
    left, right = statement(*sizes)
    named = dict(zip(names.split(), sizes, strict=True))
    outcome = compare_residues(left, right, shapes_of(left, right), named, functions_of(left, right))
    if isinstance(outcome, Difference):
        return _counterexample(outcome)
    shown = ", ".join(f"{name} = {size}" for name, size in named.items())
    return Proof(shown, residue_words(outcome), outcome.error_probability)


def residue_words(agreement: Agreement) -> str:
    """What was checked modulo primes, in words."""
    count = len(agreement.primes)
    if agreement.degree == 0:
        return f"equal modulo {count} prime{'s' if count > 1 else ''} near 2⁶¹, which no entry reaches: certain"
    return (
        f"random matrices modulo {count} prime{'s' if count > 1 else ''} near 2⁶¹, degree {agreement.degree}: "
        f"wrong with probability below {agreement.error_probability:.0e}"
    )


def shapes_of(*expressions: Expression) -> dict[str, tuple[Any, ...]]:
    """Shape of every variable."""
    return {node.key: node.sizes for node in _nodes(*expressions) if isinstance(node, Variable)}


def functions_of(*expressions: Expression) -> tuple[str, ...]:
    """Names of the entrywise functions."""
    return tuple(sorted({node.name for node in _nodes(*expressions) if isinstance(node, Map)}))


def _nodes(*expressions: Expression) -> list[Expression]:
    return [node for e in expressions for node in (e, *_nodes(*e.parts))]


def _compared(statement: Statement, names: str, sizes: Sizes) -> Agreement | Difference:
    left, right = statement(*sizes)
    named = dict(zip(names.split(), sizes, strict=True))
    shapes, functions = shapes_of(left, right), functions_of(left, right)
    if functions:  # an arbitrary function of symbols has no expansion
        return compare_residues(left, right, shapes, named, functions)
    return compare_entries(left, right, shapes, named)


def _counterexample(difference: Difference) -> Counterexample:
    sizes = ", ".join(f"{name} = {size}" for name, size in difference.sizes.items())
    place = "the shapes" if difference.entry is None else f"entry {difference.entry}"
    return Counterexample(
        sizes,
        {
            **difference.sizes,
            **{name: matrix.tolist() for name, matrix in difference.matrices.items()},
            **difference.functions,
        },
        f"{place}: {difference.left} and {difference.right}",
    )
