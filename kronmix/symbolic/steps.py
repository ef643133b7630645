"""Statements as text, and their provers: for all sizes, entry by entry at small sizes, and modulo primes at large ones.

A bound is proved for all sizes by a chain of these: an identity that splits a cost into the bound and terms that are squares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import Any

from .claims import (
    ALL_SIZES,
    ENTRYWISE,
    FINITE_FIELD,
    Claim,
    Counterexample,
    Mutant,
    Outcome,
    Proof,
    Undecided,
    shown_sizes,
)
from .identities import decide
from .language import parse_identity, parse_shapes
from .language.expressions import equal_expressions
from .provers.comparison import compare_entries, compare_residues
from .provers.indices import differences
from .statement import Statement

__all__ = [
    "ATTAINED",
    "CERTIFIED",
    "KRONECKER_NORM",
    "LAGRANGE",
    "POWER_SUMS",
    "SLICE_NORM",
    "Step",
    "identity",
    "prove_entries",
    "prove_modulo_primes",
    "prove_steps",
    "stepwise",
]

#: Tokens and channels of Mixer-B/16, where the finite-field proofs are made by default.
_REAL = (196, 768)
#: What makes the right side of every identity false.
_FACTORS = {"1 % more": "1.01", "the opposite sign": "-1"}
Sizes = Mapping[str, int]
#: What is another in a false neighbour: its text, or several fields by name.
Change = str | Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """An identity as ``kronmix verify --identity`` reads it, the shapes of its matrices, and hypotheses.

    Examples
    --------
    >>> prove_steps(Step("‖uvᵀ‖² = ‖u‖²‖v‖²", "trace((u@v.T).T@(u@v.T)) == trace(u.T@u)*trace(v.T@v)", "u=n,1 v=m,1")).sizes
    'all n, m'
    >>> prove_steps(Step("false", "A@B == B@A", "A=n,n B=n,n")).holds
    False
    """

    words: str
    text: str
    shapes: str
    assume: str | None = None

    def scaled(self, words: str, factor: str) -> Step:
        """The right side times a number: a false neighbour."""
        left, right = self.text.split(" == ")
        return replace(self, words=words, text=f"{left} == {factor}*({right})")

    def neighbours(self, false: Mapping[str, Change]) -> list[Step]:
        """The false neighbours named, and two more with the right side times 1.01 and times −1."""
        changes = {words: {"text": change} if isinstance(change, str) else change for words, change in false.items()}
        named = [replace(self, words=words, **change) for words, change in changes.items()]
        return named + [self.scaled(words, factor) for words, factor in _FACTORS.items()]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sizes, in the order of the shapes."""
        written = " ".join(part.partition("=")[2] for part in self.shapes.split())
        return tuple(dict.fromkeys(re.findall(r"[^\W\d]\w*", written)))

    @cached_property
    def statement(self) -> Statement:
        """The two sides at any sizes."""
        return Statement(parse_identity(self.text), parse_shapes(self.shapes), self.assume)


def prove_steps(*steps: Step) -> Outcome:
    """Prove every step for all sizes; the first that fails, with its counterexample."""
    for step in steps:
        if isinstance(outcome := _prove(step), Counterexample):
            return outcome
    names = ", ".join(dict.fromkeys(name for step in steps for name in step.names))
    return Proof(f"all {names or 'numbers'}", "; ".join(step.words for step in steps))


@cache
def _prove(step: Step) -> Outcome:
    """A proof for all sizes, or a counterexample; Undecided if neither is found."""
    left, right, facts = step.statement.symbolic()
    why = "the two formulas for entry (i, j) differ"
    try:
        if equal_expressions(left, right) or not differences(left, right, facts):
            return Proof("all sizes", step.words)
    except Undecided as undecided:
        why = str(undecided)
    found = decide(step.statement.identity, parse_shapes(step.shapes), None, assume=step.assume).counterexample
    if found is None:
        raise Undecided(f"{step.words}: {why}, and no counterexample was found")
    return replace(found, detail=step.words)


def prove_entries(step: Step, small: Sequence[Sizes]) -> Outcome:
    """Prove a step at each of the sizes, every entry of every matrix a symbol; modulo primes where it holds functions."""
    for sizes in small:
        if isinstance(outcome := _compare_at(step, sizes, symbols=True), Counterexample):
            return outcome
    shown = ", ".join("×".join(map(str, sizes.values())) for sizes in small)
    return Proof(shown, "all entries expand to the same polynomial")


def prove_modulo_primes(step: Step, sizes: Sizes) -> Outcome:
    """Prove a step at one assignment of sizes, up to an error probability, by random matrices modulo primes near 2⁶¹.

    Examples
    --------
    >>> prove_modulo_primes(Step("", "trace(A@B) == trace(B@A)", "A=m,n B=n,m"), {"m": 20, "n": 30}).sizes
    'm = 20, n = 30'
    """
    return _compare_at(step, sizes, symbols=False)


def _compare_at(step: Step, sizes: Sizes, symbols: bool) -> Outcome:
    """Compare all instances at these sizes: with symbols, or in a finite field."""
    at = {name: sizes[name] for name in step.names}
    outcome: Outcome = Proof("")
    for instance in step.statement.instances(at, seed=0)[0]:
        expand = symbols and not instance.functions  # an arbitrary function of symbols has no expansion
        outcome = compare_entries(instance) if expand else compare_residues(instance)
        if isinstance(outcome, Counterexample):
            return outcome
    return replace(outcome, sizes=shown_sizes(at))


# ---- entries of the registry -----------------------------------------------------------------------------------------


def stepwise(
    number: str,
    name: str,
    statement: str,
    latex: str,
    source: str,
    step: Step,
    false: Mapping[str, Change],
    lemmas: tuple[Step, ...] = (),
) -> Claim:
    """The entry of a statement whose last step is the statement itself; ``false`` names neighbours by what is another in it."""
    mutants = tuple(Mutant(other.words, partial(prove_steps, other)) for other in step.neighbours(false))
    return Claim(number, name, statement, latex, source, ALL_SIZES, partial(prove_steps, *lemmas, step), mutants)


def identity(
    number: str,
    name: str,
    statement: str,
    latex: str,
    source: str,
    step: Step,
    false: Mapping[str, Change],
    small: Sequence[tuple[int, ...]],
    real: Callable[[int, int], tuple[int, ...]] | None = None,
    large: Sequence[tuple[int, ...]] = (),
) -> tuple[Claim, ...]:
    """One statement by each kind of evidence: for all sizes; entry by entry where ``large`` gives the sizes of the slow run;
    modulo primes where ``real`` gives its sizes for S tokens and C channels. Sizes are in the order of the step's names.
    """

    def named(sizes: tuple[int, ...]) -> Sizes:
        return dict(zip(step.names, sizes, strict=True))

    def at(S: int, C: int) -> Outcome:
        assert real is not None
        return prove_modulo_primes(step, named(real(S, C)))

    def entry(evidence: str, prove: Callable[..., Outcome], false_at: tuple[Any, ...], **options: Any) -> Claim:
        mutants = tuple(Mutant(other.words, partial(prove, other, *false_at)) for other in step.neighbours(false))
        proved = options.pop("proved", partial(prove, step, *false_at))
        return Claim(number, name, statement, latex, source, evidence, proved, mutants, **options)

    sizes = list(map(named, small))
    found = [entry(ALL_SIZES, prove_steps, ())]
    if large:
        slow = partial(prove_entries, step, [*sizes, *map(named, large)])
        found.append(entry(ENTRYWISE, prove_entries, (sizes,), slow=slow))
    if (
        real is not None
    ):  # a mutant differs at the last of the small sizes already: no need to refute it at the real ones
        found.append(entry(FINITE_FIELD, prove_modulo_primes, (sizes[-1],), proved=partial(at, *_REAL), at=at))
    return tuple(found)


_ORTHONORMAL = "U.T @ U == eye(r), V.T @ V == eye(r)"

#: ½‖P‖² + ½‖Q‖² ≥ ⟨Z, PQ⟩ for Z = UVᵀ: the gap is ½‖P − ZQᵀ‖² + ½‖Q(I − VVᵀ)‖² (Srebro et al. 2005; any inner size k).
CERTIFIED = (
    Step(
        "‖P‖² + ‖Q‖² − 2⟨Z, PQ⟩ = ‖P − ZQᵀ‖² + ‖Q‖² − ‖ZQᵀ‖²",
        "trace(P.T@P) + trace(Q.T@Q) - 2*trace(Z.T@P@Q) == trace((P-Z@Q.T).T@(P-Z@Q.T)) + trace(Q.T@Q) - trace(Q@Z.T@Z@Q.T)",
        "P=n,k Q=k,m Z=n,m",
    ),
    Step("ZᵀZ = VVᵀ for Z = UVᵀ", "(U@V.T).T@(U@V.T) == V@V.T", "U=n,r V=m,r", "U.T @ U == eye(r)"),
    Step(
        "I − VVᵀ = (I − VVᵀ)ᵀ(I − VVᵀ) ⪰ 0",
        "(eye(m)-V@V.T).T@(eye(m)-V@V.T) == eye(m)-V@V.T",
        "V=m,r",
        "V.T @ V == eye(r)",
    ),
)

#: B = U diag(d)² Vᵀ = PQ with P = U diag(d), Q = diag(d) Vᵀ: ⟨Z, B⟩ = Σd² = ½(‖P‖² + ‖Q‖²), and the gap is 0.
ATTAINED = (
    Step("‖U diag(d)‖² = Σd²", "trace((U@diag(d)).T@(U@diag(d))) == d@d", "U=n,r d=r", "U.T @ U == eye(r)"),
    Step("‖diag(d) Vᵀ‖² = Σd²", "trace((diag(d)@V.T)@(diag(d)@V.T).T) == d@d", "V=m,r d=r", "V.T @ V == eye(r)"),
    Step(
        "⟨UVᵀ, B⟩ = Σd²",
        "trace((U@V.T).T@(U@diag(d)@diag(d)@V.T)) == d@d",
        "U=n,r V=m,r d=r",
        _ORTHONORMAL,
    ),
)

KRONECKER_NORM = Step(
    "‖V⊗W‖² = ‖V‖²‖W‖²",
    "trace(kron(V,W).T@kron(V,W)) == trace(V.T@V)*trace(W.T@W)",
    "V=a,b W=c,d",
)

SLICE_NORM = Step("‖uvᵀ‖² = ‖u‖²‖v‖²", "trace((u@v.T).T@(u@v.T)) == trace(u.T@u)*trace(v.T@v)", "u=n,1 v=m,1")

POWER_SUMS = Step(
    "Σ_ij a_i b_j = Σ_i a_i Σ_j b_j", "ones(1,M*N)@kron(a,b) == (ones(1,M)@a)@(ones(1,N)@b)", "a=M,1 b=N,1"
)

#: N‖x‖² − (Σx)² = ½ Σ_ij (x_i − x_j)² ≥ 0, zero where all are equal.
LAGRANGE = Step(
    "2N‖x‖² − 2(Σx)² = Σ_ij (x_i − x_j)²",
    "2*N*trace(x.T@x) - 2*(ones(1,N)@x)@(ones(1,N)@x) == trace((x@ones(1,N)-ones(N,1)@x.T).T@(x@ones(1,N)-ones(N,1)@x.T))",
    "x=N,1",
)
