"""What a theorem entry is, and what its prover answers.

To add a theorem, write a module of ``theorems`` with a tuple ``CLAIMS`` and name it in ``registry.py``. A prover takes no
arguments and returns a :class:`Proof` or a :class:`Counterexample`; the entry's mutants run the same prover on false neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

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

    @property
    def where(self) -> str:
        """The sizes in words."""
        return self.sizes

    @property
    def what(self) -> str:
        """What was checked."""
        return self.detail


@dataclass(frozen=True)
class Counterexample:
    """The statement fails at these sizes for these values.

    Attributes
    ----------
    sizes : mapping from names to int, or str
        Where it fails.
    matrices : mapping from names to arrays or numbers
        Exact values for which it fails.
    detail : str
        What fails there; for two sides that differ at an entry, they say it.
    entry : tuple of int or None
        The first entry at which two sides differ; None where already their shapes do, ``left`` and ``right`` then.
    left, right : numbers or shapes
        What the two sides are.
    functions : mapping from names to str
        Formulas of functions of the entries.
    """

    sizes: Any
    matrices: Mapping[str, Any] = field(default_factory=dict)
    detail: str = ""
    entry: tuple[int, ...] | None = None
    left: Any = None
    right: Any = None
    functions: Mapping[str, str] = field(default_factory=dict)
    holds: ClassVar[bool] = False
    error_probability: ClassVar[float] = 0.0

    @property
    def values(self) -> dict[str, Any]:
        """Sizes that have names, matrices, numbers and functions together."""
        return {**(self.sizes if isinstance(self.sizes, Mapping) else {}), **self.matrices, **self.functions}

    @property
    def where(self) -> str:
        """The sizes in words."""
        return self.sizes if isinstance(self.sizes, str) else shown_sizes(self.sizes)

    @property
    def what(self) -> str:
        """What fails there in words."""
        if self.left is None:
            return self.detail
        if self.entry is None and not self.detail:
            both = (f"({', '.join(map(str, s))}{',' * (len(s) == 1)})" for s in (self.left, self.right))
            return f"shapes {' and '.join(both)} differ"
        place = f"entry {self.entry if len(self.entry) != 1 else self.entry[0]}" if self.entry else self.detail
        return ": ".join(part for part in (place, f"{self.left} ≠ {self.right}") if part)

    def as_dict(self) -> dict[str, Any]:
        """The row for JSON; fractions and complex numbers as text."""
        entry = None if self.entry is None else list(self.entry)
        matrices = {name: plain(matrix) for name, matrix in self.matrices.items()}
        both = {"left": str(self.left), "right": str(self.right)}
        functions = dict(self.functions)
        return {"sizes": self.sizes, "matrices": matrices, "entry": entry, **both, "functions": functions}

    def __str__(self) -> str:
        given = [
            f"{name} = {_matrix_words(matrix)}" for name, matrix in self.matrices.items() if self.entry is not None
        ]
        given += [f"{name}(x) = {formula}" for name, formula in self.functions.items()]
        return ": ".join(part for part in ("; ".join(part for part in (self.where, *given) if part), self.what) if part)


def plain(matrix: Any) -> Any:
    """Nested lists of integers, or of text."""
    array = np.asarray(matrix, object)
    exact = np.empty(array.shape, object)
    for index in np.ndindex(*array.shape):
        value = array[index]
        exact[index] = int(value) if isinstance(value, int | np.integer) else str(value)
    return exact.tolist()


def _matrix_words(matrix: Any) -> str:
    if np.size(matrix) > 16:
        return f"{'×'.join(map(str, np.shape(matrix)))} numbers"
    return str(plain(matrix)).replace("'", "")


def shown_sizes(sizes: Mapping[str, Any]) -> str:
    """Sizes written as S = 2, C = 3."""
    return ", ".join(f"{name} = {value}" for name, value in sizes.items())


Outcome = Proof | Counterexample
Prover = Callable[[], Outcome]


@dataclass(frozen=True)
class Mutant:
    """A false neighbour: the entry's own prover on a false statement."""

    name: str
    prove: Prover


@dataclass(frozen=True)
class Entry:
    """What a theorem entry states, by which kind of evidence.

    Attributes
    ----------
    number : str
        As in the theory, "T1" … "T37".
    name : str
        What this part is called.
    statement, latex : str
        In plain words; as LaTeX mathematics.
    source : str
        Who proved it.
    evidence : str
        One of ``EVIDENCE``.
    """

    number: str
    name: str
    statement: str
    latex: str
    source: str
    evidence: str


@dataclass(frozen=True)
class Claim(Entry):
    """One part of a theorem with one kind of evidence.

    Attributes
    ----------
    prove : callable () -> Proof or Counterexample
        At the default sizes.
    mutants : tuple of Mutant
        False neighbours that the same prover must reject with a counterexample.
    slow : callable, optional
        At larger sizes, where they differ.
    at : callable (tokens, channels) -> Proof or Counterexample, optional
        At sizes the user chooses.
    """

    prove: Prover
    mutants: tuple[Mutant, ...]
    slow: Prover | None = None
    at: Callable[[int, int], Outcome] | None = None


def claim(
    number: str,
    name: str,
    statement: str,
    latex: str,
    source: str,
    evidence: str,
    prove: Prover,
    false: Mapping[str, Mapping[str, Any]],
    **options: Any,
) -> Claim:
    """An entry whose mutants are its own prover with other arguments, by name."""
    mutants = tuple(Mutant(words, partial(prove, **changes)) for words, changes in false.items())
    return Claim(number, name, statement, latex, source, evidence, prove, mutants, **options)
