"""Names that a user may add to: a taken one is refused. Objects given by name and options, or as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def add_name(table: dict[str, T], name: str, value: T, kind: str) -> None:
    """Put a value under a new name; ValueError where the name is taken."""
    if name in table:
        raise ValueError(f"{kind} {name!r} is taken; the names in use are {sorted(table)}")
    table[name] = value


def chosen(given: str | T, options: Mapping[str, Any], table: Mapping[str, Callable[..., T]], what: str) -> T:
    """The object that was given, or made of the options that go with a name."""
    if not isinstance(given, str):
        if options:
            raise ValueError(f"options {sorted(options)} go with a {what} given by name: {given!r} already has its own")
        return given
    if given not in table:
        raise ValueError(f"{what}={given!r}: expected one of {sorted(table)}")
    return table[given](**options)
