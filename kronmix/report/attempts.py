"""Parts of a page that may fail without costing the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

Found = TypeVar("Found")


@dataclass(frozen=True)
class Failure:
    """A part that could not be made, and why."""

    part: str
    why: str

    @classmethod
    def of(cls, part: str, error: BaseException) -> Failure:
        """The failure in one line."""
        return cls(part, f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": "))


@dataclass
class Attempts:
    """Calls functions, and keeps what went wrong instead of stopping at it.

    Examples
    --------
    >>> from kronmix.report.attempts import Attempts
    >>> attempt = Attempts()
    >>> attempt("a half", lambda: 1 / 2), attempt("a pole", lambda: 1 / 0)
    (0.5, None)
    >>> [failure.part for failure in attempt.failures]
    ['a pole']
    """

    failures: list[Failure] = field(default_factory=list)

    def __call__(self, part: str, function: Callable[[], Found]) -> Found | None:
        """The function's value, or None and a note. Any exception becomes a note on the page."""
        try:
            return function()
        except Exception as error:
            self.failures.append(Failure.of(part, error))
            return None
