"""Names that a user may add to: a taken one is refused."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def add_name(table: dict[str, T], name: str, value: T, kind: str) -> None:
    """Put a value under a new name; ValueError where the name is taken."""
    if name in table:
        raise ValueError(f"{kind} {name!r} is taken; the names in use are {sorted(table)}")
    table[name] = value
