"""Results written whole or not at all."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged_folder(out: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder whose files move into ``out`` when the block ends well; otherwise nothing is left.

    The folder is made at once, so that one that cannot be written is found before the work and not after it. What a run left there
    that was killed is cleared away first.

    Raises
    ------
    ValueError
        If the folder cannot be made or written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> out = pathlib.Path(tempfile.mkdtemp()) / "results"
    >>> with staged_folder(out) as folder:
    ...     _ = (folder / "table.csv").write_text("1,2")
    >>> [file.name for file in out.iterdir()]
    ['table.csv']
    """
    target = Path(out)
    missing = [folder for folder in (target, *target.parents) if not folder.exists()]
    done = False
    try:
        try:
            target.mkdir(parents=True, exist_ok=True)
            for left in filter(_is_abandoned, target.glob(f"{_STAGE}*")):
                shutil.rmtree(left, ignore_errors=True)
            stage = Path(tempfile.mkdtemp(prefix=f"{_STAGE}{os.getpid()}-", dir=target))
        except OSError as error:
            raise ValueError(f"folder {target} cannot be written: {error.strerror}") from error
        try:
            yield stage
            for file in sorted(stage.iterdir()):
                os.replace(file, target / file.name)
            done = True
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    finally:
        if not done:
            for folder in missing:  # innermost first: only what was made here, and only while empty
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()


#: Stages are named after the machine and the process, so that a later run sees whether one is still in use.
_STAGE = f".unfinished-{platform.node()}-"


def _is_abandoned(stage: Path) -> bool:
    """Whether the process of this machine that made a stage is gone; never known on Windows, where asking would end it."""
    process = stage.name.removeprefix(_STAGE).partition("-")[0]
    if os.name == "nt" or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it runs for somebody else
        pass
    return False


def write_file(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a file under a temporary name and rename it; text in UTF-8.

    Raises
    ------
    ValueError
        If it is a folder, or its folder cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
    >>> write_file(file, b"whole"); file.read_bytes()
    b'whole'
    """
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"{target} is a folder, expected the name of a file to write")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    except OSError as error:
        raise ValueError(f"{target} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data.encode() if isinstance(data, str) else data)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
