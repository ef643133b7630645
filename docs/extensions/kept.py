"""What takes long to make is made once for every state of the package, and kept in out/docs/kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import kronmix
from kronmix.files import write_file

SOURCES = Path(kronmix.__file__).parent
FOLDER = SOURCES.parent / "out" / "docs" / "kept"


@cache
def state() -> str:
    """A digest of the package's sources."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def kept(name: str, make: Callable[[], str]) -> str:
    """The text of that name, made now if the package has changed since it was kept."""
    path = FOLDER / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}-{state()}.txt"
    if not path.exists():
        text = make()
        FOLDER.mkdir(parents=True, exist_ok=True)
        for old in FOLDER.glob(f"{path.name.split('-')[0]}-*.txt"):
            old.unlink(missing_ok=True)
        write_file(path, text)
    return path.read_text(encoding="utf-8")
