"""Work of many like steps: one bar on the terminal, and what a Ctrl-C leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from .extras import needed

__all__ = ["Advance", "progress", "whole"]


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
    with needed("a progress bar"):
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


class _Stopped(Protocol):
    @property
    def reason(self) -> str: ...


_Run = TypeVar("_Run", bound=_Stopped)


def whole(run: _Run) -> _Run:
    """A training run that was not interrupted, as it is: half a run says nothing beside whole ones.

    Parameters
    ----------
    run : Fit, TrainingPath or Path
        What a training gave back; its ``reason`` says why it ended.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C ended the run. Training keeps what it has then; this passes the wish to stop on.

    Examples
    --------
    >>> import kronmix as km
    >>> from kronmix.progress import whole
    >>> network = km.networks.s_mixer(4, 16, depth=1, classes=10, seed=0)
    >>> whole(km.networks.Fit(network)).reason
    'epochs'
    """
    if run.reason == "interrupted":
        raise KeyboardInterrupt
    return run
