"""Steps of proofs: identities of matrices of any sizes, written as text and each proved for all sizes.

A bound is proved for all sizes by a chain of these: an identity that splits a cost into the bound and terms that are squares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from .claims import ALL_SIZES, Claim, Counterexample, Mutant, Outcome, Proof, Undecided
from .identities import decide
from .language import parse_identity, parse_shapes
from .language.expressions import equal_expressions
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
    "prove_steps",
    "stepwise",
]


@dataclass(frozen=True)
class Step:
    """An identity as ``kronmix verify --identity`` reads it, the shapes of its matrices, and hypotheses.

    Examples
    --------
    >>> prove_steps(Step("‖uvᵀ‖² = ‖u‖²‖v‖²", "trace((u@v.T).T@(u@v.T)) == trace(u.T@u)*trace(v.T@v)", "u=n,1 v=m,1")).sizes
    'all sizes'
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


def prove_steps(*steps: Step) -> Outcome:
    """Prove every step for all sizes; the first that fails, with its counterexample."""
    for step in steps:
        if isinstance(outcome := _proved(step), Counterexample):
            return outcome
    return Proof("all sizes", "; ".join(step.words for step in steps))


def stepwise(
    number: str,
    name: str,
    statement: str,
    latex: str,
    source: str,
    step: Step,
    false: Mapping[str, Mapping[str, Any]],
    lemmas: tuple[Step, ...] = (),
) -> Claim:
    """The entry of a statement whose last step is the statement itself.

    ``false`` names neighbours by what is another in the step; two more have its right side times 1.01 and times −1.
    """
    wrong = [replace(step, words=words, **changes) for words, changes in false.items()]
    wrong += [step.scaled("1 % more", "1.01"), step.scaled("the opposite sign", "-1")]
    mutants = tuple(Mutant(other.words, partial(prove_steps, other)) for other in wrong)
    return Claim(number, name, statement, latex, source, ALL_SIZES, partial(prove_steps, *lemmas, step), mutants)


@cache
def _proved(step: Step) -> Outcome:
    identity, shapes = parse_identity(step.text), parse_shapes(step.shapes)
    left, right, facts = Statement(identity, shapes, step.assume).symbolic()
    why = "the two formulas for entry (i, j) differ"
    try:
        if equal_expressions(left, right) or not differences(left, right, facts):
            return Proof("all sizes", step.words)
    except Undecided as undecided:
        why = str(undecided)
    if (found := decide(identity, shapes, None, assume=step.assume).counterexample) is None:
        raise Undecided(f"{step.words}: {why}, and no counterexample was found")
    sizes = ", ".join(f"{name} = {size}" for name, size in found.sizes.items())
    return Counterexample(sizes, found.as_dict()["matrices"], f"{step.words}: {found}")


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
