"""The section of proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .findings import Findings
from .page import Section, Table
from .words import scientific

if TYPE_CHECKING:
    from ..symbolic import Row


def proofs(findings: Findings) -> Section:
    """What every statement of the page rests on, and how it is known (T1-T37)."""
    report = findings.proofs
    assert report is not None  # the page asks only where it was run
    rejected = sum(row.mutants_rejected for row in report.rows)
    explanation = (
        f"{len(report.proved)} of the {len(report.statements)} statements behind this page were proved when it was made, each by "
        "the strongest means that applies: for all sizes at once, with a symbol for every entry at the sizes shown, with "
        "random integers modulo a 61-bit prime at the size of a real Mixer, or by a certificate at the sizes shown. What was "
        "checked in worked cases or numerically only says so and is not counted as proved. The same "
        f"provers were given {rejected} false neighbours (a factor transposed, two sizes swapped, a wrong constant) and "
        f"rejected {'all of them' if report.holds else 'those counted below'}."
    )
    table = Table(
        "Verdicts. Rejected: false neighbours of the statement that the same prover refuted.",
        ("statement", "in words", "known by", "sizes", "rejected", "verdict"),
        [_theorem_cells(rows) for rows in report.statements],
        prose=True,
    )
    return Section("proofs", "Proved, not assumed", explanation, (), (table,), folded=True)


def _theorem_cells(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """A theorem's line in the table, from the rows of all its statements."""
    first = rows[0]
    rejected, mutants = sum(row.mutants_rejected for row in rows), sum(len(row.mutants) for row in rows)
    return (
        f"{first.number} {first.name}",
        first.statement,
        ", ".join(row.evidence for row in rows),
        "; ".join(map(_sizes_words, rows)),
        f"{rejected} of {mutants}",
        "holds" if all(row.passes for row in rows) else "FAILS",
    )


def _sizes_words(row: Row) -> str:
    return f"{row.sizes} (error below {scientific(row.error_probability)})" if row.error_probability else row.sizes
