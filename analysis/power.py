"""How surely a study finds the smallest effect that counts, computed from a pilot.

A pilot runs the quick configurations with seeds of its own. What is kept of it, in ``pilots/NAME.json``, is the standard deviation
of every comparison's paired differences; the effect and the number of seeds are the study's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kronmix.files import write_file

from .statistics import power
from .study import QUICK, Study, Table

_PILOTS = Path(__file__).parent / "pilots"

#: The least power with which a study is said to decide its question.
ENOUGH = 0.8
_MOST_SEEDS = 1000


@dataclass(frozen=True)
class Pilot:
    """Standard deviations of the comparisons that decide a study, over ``pairs`` seeds; none where nothing is random.

    Attributes
    ----------
    deviations : dict of comparison to float
    pairs : int
    code : str
        What it was computed with.
    """

    deviations: dict[str, float]
    pairs: int
    code: str

    @classmethod
    def of(cls, study: Study, table: Table) -> Pilot:
        """What a table of the pilot's cells says."""
        differences = {one.comparison.name: one.comparison.difference for one in study.decide(table).tests}
        pairs = min((len(d) for d in differences.values()), default=len({cell.seed for cell in table.cells}))
        deviations = {name: float(d.values.std(ddof=1)) for name, d in differences.items()}
        return cls(deviations, pairs, next((cell.origin.code for cell in table.cells), ""))

    def powers(self, study: Study, seeds: int | None = None) -> dict[str, float]:
        """The power of every comparison, with the quick preset's number of seeds or another."""
        count = study.seeds[QUICK] if seeds is None else seeds
        tests = len(self.deviations)
        return {name: power(σ, study.smallest_effect, count, tests) for name, σ in self.deviations.items()}

    def power(self, study: Study, seeds: int | None = None) -> float:
        """The least of them; 1 where nothing is random."""
        return min(self.powers(study, seeds).values(), default=1.0)

    def seeds_needed(self, study: Study) -> int | None:
        """Seeds for a power of ``ENOUGH``; None for more than a thousand."""
        return next((n for n in range(1, _MOST_SEEDS) if self.power(study, n) >= ENOUGH), None)

    def save(self, study: Study) -> None:
        """Keep it beside the studies."""
        record = {"code": self.code, "pairs": self.pairs, "deviations": self.deviations}
        write_file(_pilot_file(study), json.dumps(record, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, study: Study) -> Pilot:
        """What is kept of a study's pilot.

        Raises
        ------
        ValueError
            If there is none.
        """
        try:
            record = json.loads(_pilot_file(study).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ValueError(
                f"{study.name}: no pilot is kept; run: python -m analysis run {study.name} --preset pilot, then power {study.name}"
            ) from None
        return cls(record["deviations"], record["pairs"], record["code"])


def _pilot_file(study: Study) -> Path:
    return _PILOTS / f"{study.name}.json"
