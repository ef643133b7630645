"""What is known of one theorem entry after its prover has run."""

from __future__ import annotations

from dataclasses import dataclass

from .claims import PROVING, Entry

__all__ = ["Row"]


@dataclass(frozen=True)
class Row(Entry):
    """Verdict on one entry: does it hold, how is that known, at which sizes, and how many false neighbours were rejected.

    Attributes
    ----------
    number : str
        Of the theorem, as "T4".
    name, statement, latex : str
        The statement in two words, in words and in LaTeX.
    source : str
        Where it is proved.
    evidence : {"all sizes", "at sizes", "modulo primes at sizes", "certificate at sizes", "worked cases", "numerical"}
        How the verdict is known, strongest first; the first four prove the statement.
    sizes : str
        Sizes at which it is known; for all of them where the evidence is "all sizes".
    detail : str
        What the prover did, or where the statement fails.
    holds : bool
        Whether the prover accepted the statement itself.
    error_probability : float
        Bound on the chance that random testing accepted a false statement; 0 where nothing was left to chance.
    counterexample : dict of str to str, or None
        Matrices, by name, for which the statement fails.
    mutants : tuple of str
        Names of the false neighbours that the same prover was given.
    mutants_rejected : int
        How many of them it refuted.
    accepted : tuple of str
        Those it did not refute: empty, unless the prover is at fault.
    seconds : float
        Time, false neighbours included.

    Examples
    --------
    >>> row = km.verify("T4").rows[0]
    >>> row.name, row.evidence, row.mutants, row.passes
    ('effective weight', 'all sizes', ('factors swapped', '1 % more', 'the opposite sign'), True)
    """

    sizes: str
    detail: str
    holds: bool
    error_probability: float
    counterexample: dict[str, str] | None
    mutants: tuple[str, ...]
    mutants_rejected: int
    accepted: tuple[str, ...]
    seconds: float

    @property
    def passes(self) -> bool:
        """Whether the entry holds and every mutant was rejected."""
        return self.holds and not self.accepted

    @property
    def proves(self) -> bool:
        """Whether the entry passes by a proof: no worked case, no number compared to a tolerance."""
        return self.passes and self.evidence in PROVING
