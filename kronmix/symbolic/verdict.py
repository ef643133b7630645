"""What a check of a user's own identity answers, and how it is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .claims import ALL_SIZES, Counterexample, shown_sizes
from .latex import escape, power

__all__ = ["Verdict"]

#: Sizes that are listed before the rest are only counted.
_LISTED = 3


@dataclass(frozen=True, repr=False)
class Verdict:
    """True or false, with its evidence or a counterexample.

    Attributes
    ----------
    holds : bool
        Also the truth value: ``if verdict: ...``.
    evidence : str
        Kinds of evidence joined by " + ", as "at sizes + modulo primes at sizes"; "counterexample" if the check failed.
    sizes : tuple of dict
        Values of the size names at which the two sides were compared.
    error_probability : float
        Bound on the chance that random testing accepted a false identity; 0 where it was proved for all sizes or expanded.
    counterexample : Counterexample or None
        ``.sizes``, ``.matrices`` (exact), ``.entry`` (first one that differs), ``.left`` and ``.right`` (its two values).
    detail : str
        What was done, in words.
    undecided : dict of str to str
        Kinds of evidence that were not had, and why.
    statement, formula : str
        The identity as text and in LaTeX, where it can be written with names for its sizes.
    assumed : tuple of str
        Hypotheses.
    needed : dict of str to Counterexample
        Hypotheses that cannot be dropped, each with a counterexample to the identity without it.
    """

    holds: bool
    evidence: str
    sizes: tuple[Mapping[str, int], ...]
    error_probability: float = 0.0
    counterexample: Counterexample | None = None
    detail: str = ""
    undecided: Mapping[str, str] = field(default_factory=dict)
    statement: str = ""
    formula: str = ""
    assumed: tuple[str, ...] = ()
    needed: Mapping[str, Counterexample] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.holds

    def with_needed(self, needed: Mapping[str, Counterexample]) -> Verdict:
        """The same, saying which hypotheses cannot be dropped."""
        return replace(self, needed=dict(needed))

    @property
    def headline(self) -> str:
        """One line: "holds for all sizes", "holds at the sizes tried (…)", "holds" where sizes are numbers, or "refuted"."""
        if not self.holds:
            return "refuted"
        named = [sizes for sizes in self.sizes if sizes]
        if ALL_SIZES in self.evidence:
            return "holds for all sizes"
        if not named:
            return "holds"
        listed = [shown_sizes(sizes) for sizes in named[-_LISTED:]]
        rest = [f"{len(named) - _LISTED} smaller"] if len(named) > _LISTED else []
        return f"holds at the sizes tried ({'; '.join([*listed[::-1], *rest])})"

    def _hypotheses(self) -> list[str]:
        """What is to be said of each hypothesis."""
        return [
            f"{text} is needed (without it: {self.needed[text]})"
            if text in self.needed
            else f"no counterexample without {text} was found"
            for text in self.assumed
            if self.holds
        ]

    def to_json(self, indent: int | None = 2) -> str:
        """The verdict as JSON text."""
        shown: dict[str, Any] = {
            "holds": self.holds,
            "verdict": self.headline,
            "statement": self.statement,
            "assumed": list(self.assumed),
            "needed": {text: difference.as_dict() for text, difference in self.needed.items()},
            "evidence": self.evidence,
            "undecided": dict(self.undecided),
            "sizes": [dict(sizes) for sizes in self.sizes],
            "error_probability": self.error_probability,
            "detail": self.detail,
            "counterexample": None if self.counterexample is None else self.counterexample.as_dict(),
        }
        return json.dumps(shown, indent=indent, ensure_ascii=False)

    def to_latex(self) -> str:
        r"""The verdict as a paragraph of LaTeX: the identity as a formula, and the verdict.

        Examples
        --------
        >>> verdict = km.check_identity(lambda A: (A.T.T, A), A=("m", "n"))
        >>> print(verdict.to_latex())
        \[ A = A \]
        <BLANKLINE>
        Holds for all sizes ...
        """
        lines = [rf"\[ {self.formula.replace(' == ', ' = ')} \]"] if self.formula else []
        if self.assumed:
            lines.append(f"Assumed: {escape(', '.join(self.assumed))}.")
        lines.append(escape(self._sentence()) + ("" if not self.error_probability else self._doubt_in_latex()))
        lines += [escape(f"{text[0].upper()}{text[1:]}.") for text in self._hypotheses()]
        return "\n\n".join(lines) + "\n"

    def to_markdown(self) -> str:
        """The verdict as a paragraph of Markdown: the identity as a formula, and the verdict."""
        lines = [f"$${self.formula.replace(' == ', ' = ')}$$"] if self.formula else []
        if self.assumed:
            lines.append(f"Assumed: {', '.join(self.assumed)}.")
        doubt = f" Error probability below {self.error_probability:.0e}." if self.error_probability else ""
        lines.append(
            f"**{self.headline[0].upper()}{self.headline[1:]}**{self._sentence()[len(self.headline) :]}{doubt}"
        )
        lines += [f"- {text}" for text in self._hypotheses()]
        return "\n\n".join(lines) + "\n"

    def _sentence(self) -> str:
        words = f" ({self.evidence})" if self.holds else ""
        return f"{self.headline[0].upper()}{self.headline[1:]}{words}: {self.detail}."

    def _doubt_in_latex(self) -> str:
        return rf" Error probability below ${power(self.error_probability)}$."

    def __repr__(self) -> str:
        if not self.holds:
            return f"refuted: {self.counterexample}"
        doubt = f", error probability below {self.error_probability:.0e}" if self.error_probability else ""
        return "; ".join([f"{self.headline} ({self.evidence}{doubt}): {self.detail}", *self._hypotheses()])
