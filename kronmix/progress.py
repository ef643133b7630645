"""One bar on the terminal for work of many like steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Advance", "progress"]


class Advance(Protocol):
    """What moves a bar: how many steps are done, of how many if that is known, and a name beside it."""

    def __call__(self, done: int, total: int | None, name: str = "", /) -> None: ...


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Advance]:
    """Show a bar on stderr while the block runs, and nothing where stderr is no terminal; needs rich.

    Parameters
    ----------
    label : str
        What is being done: "training".
    quiet : bool
        Show nothing on a terminal either.

    Yields
    ------
    function of (done, total, name)

    Examples
    --------
    >>> from kronmix.progress import progress
    >>> with progress("counting", quiet=True) as advance:
    ...     for i in range(3):
    ...         advance(i + 1, 3)
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:  # a disabled bar of rich 13 still writes an empty line
        yield lambda done, total, name="", /: None
        return
    steps = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(TextColumn(label, markup=False), *steps, console=console, transient=True) as bar:
        job = bar.add_task("", total=None)
        yield lambda done, total, name="", /: bar.update(job, completed=done, total=total, description=name)
