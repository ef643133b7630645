"""All theorem entries, by the numbers of the theory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module

from .claims import Claim

__all__ = ["all_claims", "find_claims"]

#: Modules of ``theorems`` that list ``CLAIMS``, in the order of the theory.
_GROUPS = (
    "mixing",
    "factors",
    "l1_bound",
    "penalties",
    "gradients",
    "conservation",
    "modes",
    "hypentropy",
    "saddles",
    "sensing",
    "random_spectra",
    "alignment",
    "time_paths",
    "algebra",
    "training",
)


@cache
def all_claims() -> tuple[Claim, ...]:
    """Every entry, in the order of the theory.

    Examples
    --------
    >>> from kronmix.symbolic.registry import all_claims
    >>> all_claims()[-1].number
    'T37'
    """
    listed = [claim for group in _GROUPS for claim in import_module(f".theorems.{group}", __package__).CLAIMS]
    return tuple(sorted(listed, key=lambda claim: int(claim.number[1:])))


def find_claims(theorems: str | int | Iterable[str | int] | None = None) -> tuple[Claim, ...]:
    """Entries of the theorems named ("T4", "t4", 4, or several of these); all if None.

    Raises
    ------
    ValueError
        If a name is not that of a theorem.

    Examples
    --------
    >>> from kronmix.symbolic.registry import find_claims
    >>> {claim.number for claim in find_claims(["T16", 17])} == {"T16", "T17"}
    True
    """
    if theorems is None:
        return all_claims()
    names = [theorems] if isinstance(theorems, str | int) else list(theorems)
    known = {claim.number for claim in all_claims()}
    wanted = {_theorem_number(name) for name in names}
    if unknown := sorted(wanted - known):
        raise ValueError(f"theorem {', '.join(unknown)}: expected {_ranges(known)}")
    return tuple(claim for claim in all_claims() if claim.number in wanted)


def _ranges(numbers: Iterable[str]) -> str:
    """The numbers in words, those that follow each other as a range.

    Examples
    --------
    >>> from kronmix.symbolic.registry import _ranges
    >>> _ranges(["T1", "T2", "T3", "T7"])
    'T1 to T3 or T7'
    """
    runs: list[list[int]] = []
    for number in sorted(int(name[1:]) for name in numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return " or ".join(f"T{run[0]}" if len(run) == 1 else f"T{run[0]} to T{run[-1]}" for run in runs)


def _theorem_number(name: str | int) -> str:
    text = str(name).strip()
    return f"T{int(text.lstrip('tT'))}" if re.fullmatch(r"[tT]?0*[1-9][0-9]{0,2}", text) else repr(name)
