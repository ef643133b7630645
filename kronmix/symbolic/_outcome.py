"""What a theorem entry is, and what its prover answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Proof:
    """The statement holds at these sizes; ``detail`` says what was checked."""

    sizes: str
    detail: str = ""
    holds: ClassVar[bool] = True


@dataclass(frozen=True)
class Counterexample:
    """The statement fails at these sizes for these values; ``detail`` says where."""

    sizes: str
    values: dict[str, Any] = field(default_factory=dict)
    detail: str = ""
    holds: ClassVar[bool] = False


Prover = Callable[[], "Proof | Counterexample"]


@dataclass(frozen=True)
class Mutant:
    """A false neighbour: the entry's own prover on a false statement."""

    name: str
    prove: Prover


@dataclass(frozen=True)
class Claim:
    """One part of a theorem, with the prover for the default sizes and, where they differ, for the larger ones."""

    number: str
    name: str
    statement: str
    latex: str
    source: str
    evidence: str
    prove: Prover
    mutants: tuple[Mutant, ...]
    slow: Prover | None = None
