"""Run the provers of the theorem entries and of their false neighbours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from operator import index
from time import perf_counter
from typing import Any

from .claims import PROVING, Claim, Counterexample, Entry, Outcome, Prover, Undecided
from .latex import document
from .registry import find_claims

__all__ = ["Row", "VerificationReport", "verify"]

Progress = Callable[[int, int, str], None]


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


@dataclass(frozen=True, repr=False)
class VerificationReport:
    """Verdicts on all entries asked for.

    Attributes
    ----------
    rows : tuple of Row
        In the order of the theory; a statement has one row for each kind of evidence.

    Examples
    --------
    >>> report = km.verify("T4")
    >>> report.holds, report.failures, [row.evidence for row in report.rows]
    (True, (), ['all sizes', 'at sizes', 'modulo primes at sizes'])
    >>> report
    1 statement, holds, 1 proved; 9 false neighbours rejected; ... s
      T4   effective weight                   all sizes              holds  all S, C
    ...
    """

    rows: tuple[Row, ...]

    @property
    def holds(self) -> bool:
        """Whether every entry holds and every mutant was rejected."""
        return all(row.passes for row in self.rows)

    @property
    def failures(self) -> tuple[Row, ...]:
        """Rows whose entry does not hold or which accepted a mutant."""
        return tuple(row for row in self.rows if not row.passes)

    @property
    def statements(self) -> tuple[tuple[Row, ...], ...]:
        """Rows of the same statement together, one for each kind of evidence it has."""
        grouped: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            grouped.setdefault((row.number, row.name), []).append(row)
        return tuple(map(tuple, grouped.values()))

    @property
    def proved(self) -> tuple[tuple[Row, ...], ...]:
        """Statements all of whose rows pass, at least one of them by a proof."""
        return tuple(
            rows for rows in self.statements if all(row.passes for row in rows) and any(row.proves for row in rows)
        )

    @property
    def seconds(self) -> float:
        """Total time."""
        return sum(row.seconds for row in self.rows)

    def to_json(self, indent: int | None = 2) -> str:
        """All rows as JSON text."""
        rows = [asdict(row) for row in self.rows]
        shown = {"holds": self.holds, "statements": len(self.statements), "proved": len(self.proved), "rows": rows}
        return json.dumps(shown, indent=indent, ensure_ascii=False)

    def to_latex(self) -> str:
        """A LaTeX document with the statements and the verdicts, which compiles with pdflatex."""
        return document(self.rows, self.holds)

    def __repr__(self) -> str:
        statements, mutants = len(self.statements), sum(row.mutants_rejected for row in self.rows)
        verdict = ("holds" if statements == 1 else "all hold") if self.holds else f"{len(self.failures)} FAIL"
        rejected = f"{counted(mutants, 'false neighbour')} rejected"
        lines = [
            f"{counted(statements, 'statement')}, {verdict}, {len(self.proved)} proved; {rejected}; {self.seconds:.1f} s"
        ]
        lines += [
            f"  {row.number:<4} {row.name:<34} {row.evidence:<22} {'holds' if row.passes else 'FAILS':<6} {row.sizes}"
            for row in self.rows
        ]
        return "\n".join(lines)


def counted(n: int, noun: str) -> str:
    """A number with its noun, in the plural unless it is one.

    Examples
    --------
    >>> from kronmix.symbolic.verification import counted
    >>> counted(1, "statement"), counted(0, "statement")
    ('1 statement', '0 statements')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def verify(
    theorems: str | int | Iterable[str | int] | None = None,
    size: tuple[int, int] | None = None,
    slow: bool = False,
    progress: Progress | None = None,
) -> VerificationReport:
    """Prove the theorems kronmix stands on, and reject their false neighbours.

    Each row says how its verdict is known. Four ways prove it: for all sizes; at the sizes stated with a symbol for every entry;
    modulo primes at the sizes stated with the error probability shown; by a certificate at the sizes stated. The others are
    worked cases, and numbers compared to the tolerance stated.

    Parameters
    ----------
    theorems : str, int or list of these, optional
        "T4", 4, ["T1", "T2"] …; all by default.
    size : (tokens, channels), optional
        Sizes of the finite-field proofs; by default (196, 768) where that is quick.
    slow : bool
        Larger symbolic sizes.
    progress : callable (done, total, name), optional
        Called before each entry and once at the end.

    Returns
    -------
    VerificationReport
        ``.rows``, ``.holds``, ``.failures``, ``.to_json()``, ``.to_latex()``.

    Raises
    ------
    ValueError
        If a theorem is unknown or the size is not two positive integers.

    Examples
    --------
    >>> report = km.verify("T16")
    >>> report.holds, {row.evidence for row in report.rows}
    (True, {'all sizes'})
    """
    sizes = None if size is None else _checked_sizes(size)
    claims = find_claims(theorems)
    rows = []
    for done, claim in enumerate(claims):
        if progress is not None:
            progress(done, len(claims), f"{claim.number} {claim.name}")
        rows.append(run_claim(claim, sizes, slow))
    if progress is not None:
        progress(len(claims), len(claims), "")
    return VerificationReport(tuple(rows))


def run_claim(claim: Claim, size: tuple[int, int] | None = None, slow: bool = False) -> Row:
    """Run one entry and its mutants."""
    start = perf_counter()
    prove: Prover = claim.slow if slow and claim.slow is not None else claim.prove
    if size is not None and claim.at is not None:
        at, (S, C) = claim.at, size

        def prove() -> Outcome:
            return at(S, C)

    outcome = _outcome_of(prove)
    rejected = [_rejects(_outcome_of(mutant.prove)) for mutant in claim.mutants]
    return Row(
        **{field.name: getattr(claim, field.name) for field in fields(Entry)},
        sizes=outcome.where,
        detail=outcome.what,
        holds=outcome.holds,
        error_probability=outcome.error_probability,
        counterexample=_values_words(outcome.values) if isinstance(outcome, Counterexample) else None,
        mutants=tuple(mutant.name for mutant in claim.mutants),
        mutants_rejected=sum(rejected),
        accepted=tuple(m.name for m, no in zip(claim.mutants, rejected, strict=True) if not no),
        seconds=perf_counter() - start,
    )


def _outcome_of(prove: Prover) -> Outcome:
    try:
        return prove()
    except Undecided as undecided:
        return Counterexample("undecided", {}, str(undecided))


def _rejects(outcome: Outcome) -> bool:
    return isinstance(outcome, Counterexample) and bool(outcome.values)


def _values_words(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value.tolist() if hasattr(value, "tolist") else value) for name, value in values.items()}


def _checked_sizes(size: Any) -> tuple[int, int]:
    try:
        S, C = (index(n) for n in size)
    except (TypeError, ValueError):
        raise ValueError(f"size={size!r}: expected (tokens, channels), two positive integers") from None
    if S < 1 or C < 1:
        raise ValueError(f"size={size!r}: expected (tokens, channels), two positive integers")
    return S, C
