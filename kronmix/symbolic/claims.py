"""What a theorem entry is, and what its prover answers.

To add a theorem, write a module of ``theorems`` with a tuple ``CLAIMS`` and name it in ``registry.py``. A prover takes no
arguments and returns a :class:`Proof` or a :class:`Counterexample`; the entry's mutants run the same prover on false neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

#: Kinds of evidence, strongest first. All but the first are evidence at the sizes that stand beside them.
ALL_SIZES = "all sizes"
ENTRYWISE = "at sizes"
FINITE_FIELD = "modulo primes at sizes"
CERTIFICATE = "certificate at sizes"
WORKED = "worked cases"
NUMERICAL = "numerical"

EVIDENCE = {
    ALL_SIZES: "index or algebraic proof with symbolic sizes",
    ENTRYWISE: "every entry a symbol, at the sizes stated",
    FINITE_FIELD: "random matrices over a 61-bit prime field, at the sizes stated; wrong with at most the probability shown",
    CERTIFICATE: "sum of squares, or a symbolic lower bound with a point attaining it, or substitution of the closed form",
    WORKED: "exact, for the numbers of the cases stated and no others",
    NUMERICAL: "computed at the sizes stated and compared to the tolerance stated",
}

#: Kinds of evidence that prove the statement, for all sizes or at the sizes that stand beside them.
PROVING = (ALL_SIZES, ENTRYWISE, FINITE_FIELD, CERTIFICATE)


class Undecided(ArithmeticError):
    """A prover found neither a proof nor a counterexample."""


@dataclass(frozen=True)
class Proof:
    """The statement holds at these sizes; ``detail`` says what was checked.

    ``error_probability`` bounds the chance that random testing accepted a false statement (0 for deterministic proofs).
    """

    sizes: str
    detail: str = ""
    error_probability: float = 0.0
    holds: ClassVar[bool] = True


@dataclass(frozen=True)
class Counterexample:
    """The statement fails at these sizes for these values; ``detail`` says where."""

    sizes: str
    values: dict[str, Any] = field(default_factory=dict)
    detail: str = ""
    holds: ClassVar[bool] = False


Outcome = Proof | Counterexample
Prover = Callable[[], Outcome]


@dataclass(frozen=True)
class Mutant:
    """A false neighbour: the entry's own prover on a false statement."""

    name: str
    prove: Prover


@dataclass(frozen=True)
class Claim:
    """One part of a theorem with one kind of evidence.

    Attributes
    ----------
    number : str
        As in the theory, "T1" … "T33".
    name : str
        What this part is called.
    statement, latex : str
        In plain words; as LaTeX mathematics.
    source : str
        Who proved it.
    evidence : str
        One of ``EVIDENCE``.
    prove : callable () -> Proof or Counterexample
        At the default sizes.
    mutants : tuple of Mutant
        False neighbours that the same prover must reject with a counterexample.
    slow : callable, optional
        At larger sizes, where they differ.
    at : callable (tokens, channels) -> Proof or Counterexample, optional
        At sizes the user chooses.
    """

    number: str
    name: str
    statement: str
    latex: str
    source: str
    evidence: str
    prove: Prover
    mutants: tuple[Mutant, ...]
    slow: Prover | None = None
    at: Callable[[int, int], Outcome] | None = None
