"""Arrays from files that users give, read safely, and results written whole or not at all.

A file is taken as hostile until proven otherwise: pickles are never loaded, sizes are compared with the file's length before any
memory is reserved, and every complaint is one sentence that starts with the file's name.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

#: Largest array that is read unless told otherwise, in bytes (4 GiB).
MAX_BYTES = 2**32


def read_arrays(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> dict[str, Array]:
    """Read every array of a ``.npy``, ``.npz``, ``.csv``, ``.mtx`` or ``.mat`` file, by name.

    A file that holds one array without a name gives it the file's stem.

    Parameters
    ----------
    path : path
    max_bytes : int
        Largest array accepted.

    Returns
    -------
    dict of str to array
        Arrays of numbers (bool, integer, real or complex).

    Raises
    ------
    ValueError
        If the file is of an unknown type, truncated, pickled, too large, or holds no numbers.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.savez(folder / "weights.npz", W=np.eye(2), V=np.ones((3, 3)))
    >>> sorted(read_arrays(folder / "weights.npz"))
    ['V', 'W']
    """
    file = Path(path)
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise ValueError(f"{file}: unknown file type {file.suffix!r}, expected one of {', '.join(sorted(_READERS))}")
    if file.is_dir():
        raise ValueError(f"{file} is a folder, expected a file")
    if file.stat().st_size == 0:
        raise ValueError(f"{file} is empty")
    arrays = reader(file, max_bytes)
    for name, array in arrays.items():
        if array.dtype.kind not in "biufc":
            raise ValueError(f"{file}: array {name!r} has dtype {array.dtype}, expected numbers")
    return arrays


def read_matrix(path: str | os.PathLike[str], key: str | None = None, max_bytes: int = MAX_BYTES) -> Array:
    """Read one finite matrix from a ``.npy``, ``.npz``, ``.csv``, ``.mtx`` or ``.mat`` file.

    Parameters
    ----------
    path : path
    key : str, optional
        Which array, where the file holds several.
    max_bytes : int
        Largest array accepted.

    Returns
    -------
    array of shape (rows, columns)

    Raises
    ------
    ValueError
        As ``read_arrays``, and if the array is missing, not a matrix, empty, or has NaN or infinite entries.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "B.csv"
    >>> _ = file.write_text("1,2\\n3,4\\n")
    >>> read_matrix(file)
    array([[1., 2.],
           [3., 4.]])
    """
    arrays = read_arrays(path, max_bytes)
    names = ", ".join(sorted(arrays))
    if key is None:
        matrices = [name for name, array in arrays.items() if array.ndim == 2]
        if len(matrices) != 1:
            raise ValueError(
                f"{path}: holds {len(matrices)} matrices among its arrays ({names}), name the one you mean with key (--key)"
            )
        key = matrices[0]
    return take(arrays, key, path, ndim=(2,))


def take(
    arrays: Mapping[str, Array],
    key: str,
    source: str | os.PathLike[str],
    ndim: tuple[int, ...] = (2,),
    *,
    real: bool = False,
) -> Array:
    """Take one array of a file's, checked: present, of an expected number of axes, not empty, finite.

    Raises
    ------
    ValueError
        Naming the file, the array, and what was expected.
    """
    if key not in arrays:
        raise ValueError(f"{source}: no array {key!r}, it holds {', '.join(sorted(arrays)) or 'nothing'}")
    array = arrays[key]
    if array.ndim not in ndim:
        raise ValueError(
            f"{source}: array {key!r} has shape {array.shape}, expected {' or '.join(map(str, ndim))} axes"
        )
    if array.size == 0:
        raise ValueError(f"{source}: array {key!r} of shape {array.shape} is empty")
    if real and array.dtype.kind == "c":
        raise ValueError(f"{source}: array {key!r} is complex, expected real numbers")
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(
            f"{source}: array {key!r} has {int(np.sum(~finite))} NaN or infinite entries, the first at index {where}"
        )
    return array


# ---- readers --------------------------------------------------------------------------------------------------------


def _read_npy(file: Path, max_bytes: int) -> dict[str, Array]:
    with file.open("rb") as stream:
        return {file.stem: _npy_array(stream, file.stat().st_size, str(file), max_bytes)}


def _read_npz(file: Path, max_bytes: int) -> dict[str, Array]:
    arrays = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                with archive.open(entry) as stream:
                    arrays[name] = _npy_array(stream, entry.file_size, f"{file}: array {name!r}", max_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{file}: not a whole .npz archive ({_first_line(error)})") from error
    return arrays


def _npy_array(stream: Any, length: int, source: str, max_bytes: int) -> Array:
    """Read one .npy stream of a known length; its header is believed only where it agrees with that length."""
    try:
        shape, fortran, dtype, offset = _npy_header(stream)
    except (ValueError, EOFError, SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(f"{source}: not a NumPy array ({_first_line(error)})") from error
    if dtype.hasobject:
        raise ValueError(f"{source} holds pickled Python objects, which are never loaded: expected numbers")
    count = int(np.prod(shape, dtype=object)) if shape else 1
    needed = count * dtype.itemsize
    if offset + needed > length:
        raise ValueError(
            f"{source} is truncated: shape {shape} of {dtype} takes {needed:,} bytes, {max(length - offset, 0):,} are there"
        )
    if needed > max_bytes:
        raise ValueError(f"{source} of shape {shape} takes {needed:,} bytes, above the limit of {max_bytes:,}")
    data = stream.read(needed)
    if len(data) != needed:
        raise ValueError(f"{source} is truncated: expected {needed:,} bytes, got {len(data):,}")
    array = np.frombuffer(data, dtype=dtype, count=count)
    return array.reshape(shape, order="F" if fortran else "C")


def _npy_header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    version = np.lib.format.read_magic(stream)
    readers: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"format version {version} is not known")
    counted = _Counting(stream)
    shape, fortran, dtype = readers[version](counted)
    return shape, fortran, dtype, np.lib.format.MAGIC_LEN + counted.count


class _Counting:
    """A stream that counts the bytes read from it (streams inside archives need not tell their position)."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.count = stream, 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.count += len(data)
        return data


def _read_csv(file: Path, max_bytes: int) -> dict[str, Array]:
    if file.stat().st_size > max_bytes:
        raise ValueError(f"{file} has {file.stat().st_size:,} bytes, above the limit of {max_bytes:,}")
    try:
        text = file.read_text(encoding="utf-8-sig")
        rows = [[float(cell) for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    except ValueError as error:  # UnicodeDecodeError is one
        raise ValueError(f"{file}: expected numbers separated by commas, no header ({_first_line(error)})") from error
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise ValueError(
            f"{file}: lines hold {', '.join(map(str, sorted(widths))) or 'no'} numbers, expected as many in each"
        )
    return {file.stem: np.array(rows)}


def _read_mtx(file: Path, max_bytes: int) -> dict[str, Array]:
    from scipy.io import mminfo, mmread
    from scipy.sparse import issparse

    try:
        rows, columns, *_ = mminfo(file)
        if 8 * rows * columns > max_bytes:
            raise ValueError(f"{rows}×{columns} takes {8 * rows * columns:,} bytes, above the limit of {max_bytes:,}")
        matrix = mmread(file)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{file}: not a readable Matrix Market file ({_first_line(error)})") from error
    return {file.stem: matrix.toarray() if issparse(matrix) else np.asarray(matrix)}


def _read_mat(file: Path, max_bytes: int) -> dict[str, Array]:
    from scipy.io import loadmat
    from scipy.sparse import issparse

    try:
        loaded = loadmat(file)
    except NotImplementedError as error:
        raise ValueError(f"{file}: MATLAB 7.3 files are HDF5, save with -v7 instead") from error
    except (
        Exception
    ) as error:  # SciPy's parser raises what a damaged file makes of it: TypeError, KeyError, zlib.error …
        raise ValueError(f"{file}: not a whole .mat file ({_first_line(error)})") from error
    arrays = {}
    for name, value in loaded.items():
        if name.startswith("__"):
            continue
        if issparse(value):
            if 8 * value.shape[0] * value.shape[1] > max_bytes:
                raise ValueError(
                    f"{file}: array {name!r} of shape {value.shape} is above the limit of {max_bytes:,} bytes"
                )
            value = value.toarray()
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
            arrays[name] = value
    return arrays


_READERS: dict[str, Callable[[Path, int], dict[str, Array]]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".csv": _read_csv,
    ".mtx": _read_mtx,
    ".mat": _read_mat,
}


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")


# ---- writing --------------------------------------------------------------------------------------------------------


@contextmanager
def staged_folder(out: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary folder whose files move into ``out`` when the block ends well; otherwise nothing is left.

    The folder is made at once, so that one that cannot be written is found before the work and not after it.

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
            stage = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=target))
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


def write_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file under a temporary name and rename it.

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
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
