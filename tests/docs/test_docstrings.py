"""Every public name explains itself: one line, what it takes, and an example that the doctests run."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from docs.extensions.api import comment, find, parameters, public_names

PAGES = Path(__file__).parents[2] / "docs" / "api"
ROOMS = [
    module
    for page in sorted(PAGES.glob("*.md"))
    for line in page.read_text(encoding="utf-8").splitlines()
    if line.startswith("% generate: api ")
    for module in line.removeprefix("% generate: api ").split()
]
NAMES = sorted({name for room in ROOMS for name in public_names(room)})


def missing(name: str) -> list[str]:
    """What a public name does not say of itself; results, which have attributes and are not made by users, need no example."""
    thing = find(name)
    if not (inspect.isclass(thing) or inspect.isroutine(thing)):
        return [] if comment(name) else ["a comment (#:)"]
    said = inspect.getdoc(thing) or ""
    summary, _, rest = said.partition("\n")
    found = [] if summary.strip() and not rest.split("\n")[0].strip() else ["a summary of one line"]
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        return found
    if parameters(thing) and not _has(said, "Parameters", "Attributes"):
        found.append("Parameters")
    result = inspect.isclass(thing) and _has(said, "Attributes")
    return found if result or ">>>" in said else [*found, "an example"]


def _has(said: str, *sections: str) -> bool:
    return any(f"{section}\n{'-' * len(section)}" in said for section in sections)


def test_every_name_is_on_a_page() -> None:
    import kronmix

    names = {name for name in kronmix.__all__ if not inspect.ismodule(getattr(kronmix, name))}
    assert names - {"__version__"} <= {name.split(".")[1] for name in NAMES if name.count(".") == 1}


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_explains_itself(room: str) -> None:
    lacking = {name: found for name in public_names(room) if (found := missing(name))}
    assert not lacking, "\n".join(f"{name} lacks {', '.join(found)}" for name, found in lacking.items())


def test_a_name_that_says_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(a: Any) -> None: ...

    def brief(a: Any) -> None:
        """Say little
        on two lines."""

    def full(a: Any) -> None:
        """Say enough.

        Parameters
        ----------
        a : object

        Examples
        --------
        >>> full(1)
        """

    told = {}
    for function in (silent, brief, full):
        monkeypatch.setattr(f"{__name__}.find", lambda _, function=function: function)
        told[function.__name__] = missing("kronmix.any")
    assert told == {
        "silent": ["a summary of one line", "Parameters", "an example"],
        "brief": ["a summary of one line", "Parameters", "an example"],
        "full": [],
    }


def test_a_name_that_two_rooms_have_stands_under_each() -> None:
    assert "kronmix.datasets.load" in public_names("kronmix.datasets")
    assert "kronmix.load" in public_names("kronmix.storage")
