"""What a check of a user's own identity answers, and how it is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .provers.comparison import Difference

__all__ = ["Verdict"]


@dataclass(frozen=True, repr=False)
class Verdict:
    """True or false, with its evidence or a counterexample.

    Attributes
    ----------
    holds : bool
        Also the truth value: ``if verdict: ...``.
    evidence : str
        Kinds of evidence joined by " + ", as "entrywise + finite field"; "counterexample" if the check failed.
    sizes : tuple of dict
        Values of the size names at which the two sides were compared.
    error_probability : float
        Bound on the chance that random testing accepted a false identity; 0 where it was proved for all sizes or expanded.
    counterexample : Difference or None
        ``.sizes``, ``.matrices`` (integers), ``.entry`` (first one that differs), ``.left`` and ``.right`` (its two values).
    detail : str
        What was done, in words.
    """

    holds: bool
    evidence: str
    sizes: tuple[Mapping[str, int], ...]
    error_probability: float = 0.0
    counterexample: Difference | None = None
    detail: str = ""

    def __bool__(self) -> bool:
        return self.holds

    def to_json(self, indent: int | None = 2) -> str:
        """As JSON text."""
        shown: dict[str, Any] = {
            "holds": self.holds,
            "evidence": self.evidence,
            "sizes": [dict(sizes) for sizes in self.sizes],
            "error_probability": self.error_probability,
            "detail": self.detail,
            "counterexample": None if self.counterexample is None else self.counterexample.as_dict(),
        }
        return json.dumps(shown, indent=indent, ensure_ascii=False)

    def __repr__(self) -> str:
        if not self.holds:
            return f"refuted: {self.counterexample}"
        doubt = f", error probability below {self.error_probability:.0e}" if self.error_probability else ""
        return f"holds ({self.evidence}{doubt}): {self.detail}"
