"""Prove or refute an identity of the user's own: every entry a symbol at small sizes, then modulo primes at large ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from math import comb, prod
from typing import Any

import numpy as np

from .assignments import (
    ENOUGH,
    SYMBOLS,
    Sizes,
    distinct_sizes,
    large_sizes,
    middle_sizes,
    sizes_where_nonzero,
    small_sizes,
)
from .claims import ALL_SIZES, ENTRYWISE, FINITE_FIELD, Counterexample, Proof, Undecided, shown_sizes
from .language.expressions import equal_expressions
from .language.hypotheses import Impossible
from .language.notation import latex
from .provers.bounds import bound, holds_inverse, largest_formed
from .provers.comparison import compare_entries, compare_residues
from .provers.evaluation import TooLarge
from .provers.indices import differences
from .provers.sides import Sides
from .statement import Statement
from .verdict import Verdict

__all__ = ["check_identity", "decide"]

#: Largest numbers of entries of the two sides, and of monomials of all entries together, for expansion.
_ENTRIES, _MONOMIALS = 512, 200_000
#: Entries of a matrix beyond which sizes that were drawn are halved.
_LARGEST_DRAWN = 2**18


def check_identity(
    identity: Callable[..., tuple[Any, Any]],
    /,
    at: Mapping[str, int] | None = None,
    seed: int = 0,
    assume: Any = None,
    **shapes: Any,
) -> Verdict:
    """Prove or refute an identity between matrices of any sizes.

    Parameters
    ----------
    identity : callable
        Takes the matrices by name and returns the two sides. Inside, use ``km.vec``, ``km.unvec``, ``km.kron``, ``km.eye``,
        ``km.commutation``, ``km.block_diag``, ``km.hadamard``, ``km.trace``, the words of ``kronmix.symbolic.language`` (``ones``,
        ``diag``, ``inv``, ``conj``, ``khatri_rao``, ``face_splitting``, ``rearrange``, ``einsum``, ``apply_entrywise``,
        ``sum_over``), ``@``, ``+``, ``-``, multiplication by scalars and exact numbers, ``.T`` and ``.H``. A parameter with the
        name of a size receives that size. Vectors are columns, ``x.T`` is a row, and ``x @ y`` of two is their scalar product.
    at : mapping from size names to int, optional
        The large sizes; by default drawn between 23 and 56, smaller where the sides would not fit into memory.
    seed : int
        Of the sizes drawn and of the random matrices modulo primes.
    assume : str, list of str, or mapping from names to str, optional
        Hypotheses, as "Q orthogonal, K symmetric", ``{"Q": "orthogonal"}`` or "A @ B == eye(n)". A matrix may be symmetric, skew,
        hermitian, diagonal, orthogonal, orthonormal (columns), unitary, a permutation, or real.
    **shapes : tuple of names and integers
        Shape of each matrix, vector (one size), scalar (no size), or stack of matrices (three sizes, used as ``V[i]`` in
        sums): ``W=("S", "S")``. Sums and products such as "S*C" and "S+1" may be given.

    Returns
    -------
    Verdict
        It is proved entry by entry at several small sizes, modulo primes near 2⁶¹ at sizes drawn at random with the error
        probability, and for all sizes where the formulas for entry (i, j) allow it. Or it is refuted by the smallest
        counterexample found: sizes, matrices, and the first entry that differs. ``.undecided`` says why stronger evidence was not
        had, ``.needed`` which hypotheses cannot be dropped.

    Raises
    ------
    ValueError
        If a shape, size or hypothesis is not valid, or the identity cannot be written down at some sizes (shapes do not fit).
    TypeError
        If the identity does not return two sides, uses what an identity may not use, or contains inexact numbers.
    MemoryError
        If no prover can decide it within its budget.

    References
    ----------
    Schwartz 1980; Zippel 1979; Freivalds 1977.

    Examples
    --------
    >>> km.check_identity(lambda W, X, V: (km.vec(W @ X @ V), km.kron(V.T, W) @ km.vec(X)),
    ...                   W=("S", "S"), X=("S", "C"), V=("C", "C")).evidence
    'all sizes + at sizes + modulo primes at sizes'

    The transpose is needed:

    >>> km.check_identity(lambda X, V: (km.vec(X @ V), km.kron(V, km.eye(X.shape[0])) @ km.vec(X)), X=("S", "C"), V=("C", "C"))
    refuted: C = 2, S = 1; X = [[0, 1]]; V = [[0, 1], [0, 0]]: entry 0: 0 ≠ 1

    So is the hypothesis here:

    >>> verdict = km.check_identity(lambda Q, X: (km.trace(X.T @ Q.T @ Q @ X), km.trace(X.T @ X)),
    ...                             Q=("S", "S"), X=("S", "C"), assume="Q orthogonal")
    >>> verdict.evidence, list(verdict.needed)
    ('all sizes + modulo primes at sizes', ['Q orthogonal'])
    """
    return decide(identity, shapes, at, seed, assume)


def decide(
    identity: Callable[..., tuple[Any, Any]],
    shapes: Mapping[str, Any],
    at: Mapping[str, int] | None = None,
    seed: int = 0,
    assume: Any = None,
) -> Verdict:
    """:func:`check_identity` for matrices of any names."""
    if not shapes:
        raise ValueError("name at least one matrix with its shape, as W=('S', 'S')")
    state = Statement(identity, shapes, assume)
    written = state.sides(distinct_sizes(state.names))  # can it be written down at all?
    inverses = any(map(holds_inverse, written)) or any(h.property.rational for h in state.hypotheses)
    large = large_sizes(state, at, np.random.default_rng(seed), inverses)
    verdict = _decide_instances(state, large, seed, exact=at is not None)
    if verdict and state.hypotheses:
        return _with_needed(state, verdict, seed)
    return verdict


def _decide_instances(state: Statement, large: Sizes, seed: int, exact: bool) -> Verdict:
    """Check small sizes, try a proof for all sizes, then large sizes in a finite field."""
    found = _Findings(state, seed)
    for sizes in small_sizes(state, np.random.default_rng([seed, 1])):
        found.expand(sizes)
        if found.difference is not None:
            return found.refutation()
    found.prove_all_sizes()
    if state.names:
        for sizes in middle_sizes(state, np.random.default_rng([seed, 2])):
            found.residues_if_small(sizes)
    if state.names or not found.checked:
        found.large_residues(large, exact)
    return found.verdict() if found.difference is None else found.refutation()


class _Findings:
    """What the provers found so far."""

    def __init__(self, state: Statement, seed: int) -> None:
        self.state, self.seed = state, seed
        self.checked: list[Sizes] = []
        self.expanded = 0
        self.all_sizes = False
        self.residue_words = ""
        self.chance = 0.0
        self.undecided: dict[str, str] = {}
        self.difference: Counterexample | None = None

    def expand(self, sizes: Sizes) -> None:
        """Compare with a symbol for every entry, or modulo primes where that takes too long."""
        complete, chance = True, 0.0
        try:
            instances, complete = self.state.instances(sizes, self.seed)
            for instance in instances:
                if (reason := _too_many(instance)) is None:
                    outcome = compare_entries(instance)
                else:
                    self.undecided.setdefault(ENTRYWISE, reason)
                    outcome = compare_residues(instance, self.seed)
                if isinstance(outcome, Counterexample):
                    self.difference = outcome
                    return
                chance = max(chance, outcome.error_probability)
        except (Undecided, MemoryError) as reason:
            self.undecided.setdefault(ENTRYWISE, str(reason))
            return
        except Impossible:
            return
        if complete:
            self.checked.append(sizes)
            self.expanded += chance == 0
            self.chance = max(self.chance, chance)

    def prove_all_sizes(self) -> None:
        """Compare formulas for entry (i, j)."""
        if not self.state.names:
            return
        try:
            left, right, facts = self.state.symbolic()
            different = {} if equal_expressions(left, right) else differences(left, right, facts)
        except Undecided as reason:
            self.undecided[ALL_SIZES] = str(reason)
            return
        if not different:
            self.all_sizes = True
            return
        self.undecided[ALL_SIZES] = "the two formulas for entry (i, j) differ"
        for sizes in sizes_where_nonzero(different.values(), self.state.names):
            self.residues_if_small(sizes)

    def residues(self, sizes: Sizes) -> Proof | None:
        """Compare modulo primes; None if that was not decided."""
        if self.difference is not None:
            return None
        try:
            instances, complete = self.state.instances(sizes, self.seed)
            found: list[Proof] = []
            for instance in instances:
                outcome = compare_residues(instance, self.seed)
                if isinstance(outcome, Counterexample):
                    self.difference = outcome
                    return None
                found.append(outcome)
        except Undecided as reason:
            self.undecided.setdefault(FINITE_FIELD, str(reason))
            return None
        except Impossible as reason:
            self.undecided.setdefault(FINITE_FIELD, str(reason))
            return None
        if not complete:
            self.undecided.setdefault(FINITE_FIELD, "permutations were drawn, not run through")
            return None
        self.checked.append(sizes)
        worst = max(found, key=lambda proof: proof.error_probability)
        self.chance = max(self.chance, worst.error_probability)
        return worst

    def residues_if_small(self, sizes: Sizes) -> None:
        """Compare modulo primes, unless that takes too much memory."""
        try:
            if max(map(largest_formed, self.state.sides(sizes))) <= _LARGEST_DRAWN:
                self.residues(sizes)
        except MemoryError as reason:
            self.undecided.setdefault(FINITE_FIELD, str(reason))

    def large_residues(self, large: Sizes, exact: bool) -> None:
        """Compare at the large sizes; halve sizes that would need too much memory, unless the user chose them."""
        while True:
            try:
                if not exact and max(map(largest_formed, self.state.sides(large))) > _LARGEST_DRAWN:
                    raise TooLarge("a matrix has too many entries")
                outcome = self.residues(large)
            except MemoryError as reason:
                if exact or max(large.values(), default=1) <= 2:
                    self.undecided[FINITE_FIELD] = str(reason)
                    if exact or not (self.all_sizes or self.expanded):
                        raise
                    return
                large = {name: max(2, value // 2) for name, value in large.items()}
                continue
            if outcome is not None:
                self.residue_words = f"{shown_sizes(large)}: {outcome.detail}" if large else outcome.detail
            return

    def refutation(self) -> Verdict:
        assert self.difference is not None
        return Verdict(
            False,
            "counterexample",
            (self.difference.sizes,),
            0.0,
            self.difference,
            str(self.difference),
            statement=self.state.written(str),
            formula=self.state.written(latex),
            assumed=tuple(h.text for h in self.state.hypotheses),
        )

    def verdict(self) -> Verdict:
        evidence, words = [], []
        if self.all_sizes:
            evidence.append(ALL_SIZES)
            words.append("both sides have the same formula for entry (i, j) at all sizes")
        if self.expanded:
            evidence.append(ENTRYWISE)
            count = f"{self.expanded} assignment{'s' if self.expanded > 1 else ''} of sizes"
            words.append(f"expanded at {count}" if self.state.names else "expanded")
        if self.residue_words:
            evidence.append(FINITE_FIELD)
            words.append(self.residue_words)
        if not evidence:
            raise TooLarge("not decided: " + "; ".join(f"{kind}: {reason}" for kind, reason in self.undecided.items()))
        for kind, reason in self.undecided.items():
            if kind not in evidence:
                words.append(f"not {'for ' if kind == ALL_SIZES else ''}{kind}: {reason}")
        return Verdict(
            True,
            " + ".join(evidence),
            tuple(self.checked),
            0.0 if self.all_sizes or FINITE_FIELD not in evidence else self.chance,
            None,
            "; ".join(words),
            undecided={kind: reason for kind, reason in self.undecided.items() if kind not in evidence},
            statement=self.state.written(str),
            formula=self.state.written(latex),
            assumed=tuple(h.text for h in self.state.hypotheses),
        )


def _too_many(instance: Sides) -> str | None:
    """Why the sides are not expanded, or None."""
    if instance.functions:
        return "a function of which nothing is known has no expansion"
    if holds_inverse(instance.left) or holds_inverse(instance.right):
        return "the entries of an inverse are no polynomials"
    symbols = sum(prod(shape) for shape in instance.shapes.values())
    entries = max(prod(instance.left.shape), prod(instance.right.shape))
    degree = max(bound(instance.left).degree, bound(instance.right).degree)
    if symbols <= SYMBOLS and entries <= _ENTRIES and entries * comb(symbols + degree, degree) <= _MONOMIALS:
        return None
    return f"{entries} entries of degree {degree} in {symbols} symbols have too many terms"


def _with_needed(state: Statement, verdict: Verdict, seed: int) -> Verdict:
    """The verdict, with a counterexample for each hypothesis that cannot be dropped."""
    needed = {}
    for hypothesis in state.hypotheses:
        found = _Findings(state.without(hypothesis), seed)
        for sizes in islice(small_sizes(state, np.random.default_rng([seed, 1])), ENOUGH):
            found.residues_if_small(sizes)
            if found.difference is not None:
                needed[hypothesis.text] = found.difference
                break
    return verdict.with_needed(needed)
