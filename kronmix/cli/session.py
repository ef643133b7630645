"""What the options that all commands have ask for, and the two things that depend on them: bars, and files that exist."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from ..progress import Advance, progress as bar

#: The default output folder; its files are replaced without ``--force``.
DEFAULT = Path("out")


@dataclass(frozen=True)
class Session:
    """One call of one command."""

    json: bool = False
    quiet: bool = False
    force: bool = False


_PLAIN = Session()
session: ContextVar[Session] = ContextVar("session", default=_PLAIN)


def progress(label: str) -> AbstractContextManager[Advance]:
    """A bar, unless the user wants quiet."""
    return bar(label, quiet=session.get().quiet)


def picture(target: Path) -> Path:
    """The name of a picture to write, which is a PNG whatever it is called."""
    if target.suffix.lower() != ".png":
        raise ValueError(f"--plot {target}: expected a name ending in .png")
    return target


def claim(*targets: Path) -> None:
    """Refuse, before the work, what cannot be written, and to replace what is there, unless in ``out/`` or with ``--force``."""
    for target in targets:
        above = next(folder for folder in target.absolute().parents if folder.exists())
        if not above.is_dir():
            raise ValueError(f"folder {target.parent} cannot be written: {above.name} is a file")
    if session.get().force:
        return
    for target in targets:
        if DEFAULT.resolve() not in target.resolve().parents and _holds_something(target):
            raise ValueError(f"{target} exists: --force replaces it")


def _holds_something(target: Path) -> bool:
    """Whether a file exists, or a folder has anything in it."""
    return any(target.iterdir()) if target.is_dir() else target.exists()


@contextmanager
def writing(*targets: Path) -> Iterator[None]:
    """Claim files and make the folders they go to, which are gone again where nothing was written."""
    claim(*targets)
    missing = [folder for target in targets for folder in (target.parent, *target.parents) if not folder.exists()]
    try:
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
        yield
    finally:
        for folder in missing:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def file_in(out: Path, name: str) -> Path:
    """The file in the folder; the older way, in which ``--out`` names the file itself, is understood by its ending."""
    return out if out.suffix else out / name
