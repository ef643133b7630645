"""Readers of ``.npy``, ``.npz``, ``.csv``, ``.mtx``, ``.mat``, ``.safetensors``; gzip-compressed or in shards where that is usual.

Sizes are compared with the file's length before any memory is reserved, and pickles are never loaded.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from .recognition import refuse_what_is_not_read
from .safetensors import stored_safetensors
from .shards import INDEX, stored_shards
from .stored import Array, Stored, damage_told, first_line, holds_numbers, read_bytes

Reader = Callable[[Path, int], dict[str, Stored]]

_NO_ARRAY = "not a NumPy array"
_NO_ARCHIVE = "not a whole .npz archive"
_NO_SPARSE = "not a whole sparse matrix of scipy.sparse.save_npz"


def _read_npy(file: Path, max_bytes: int) -> dict[str, Stored]:
    with file.open("rb") as stream:
        return {stem(file): Stored.of(_npy_array(stream, file.stat().st_size, str(file), max_bytes))}


def _read_npz(file: Path, max_bytes: int) -> dict[str, Stored]:
    with damage_told(file, _NO_ARCHIVE), zipfile.ZipFile(file) as archive:
        stored = {}
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            with archive.open(entry) as stream:
                shape, dtype = _npy_kind(stream)
            words = "no NumPy array" if dtype is None else str(dtype)
            stored[name] = Stored(shape, words, _entry_reader(file, entry, name, max_bytes), holds_numbers(dtype))
    if {"format", "shape", "data"} <= stored.keys():
        return {stem(file): _sparse_npz(file, stored, max_bytes)}
    return stored


def _entry_reader(file: Path, entry: zipfile.ZipInfo, name: str, max_bytes: int) -> Callable[[], Array]:
    """A function that reads one array of an archive when it is called."""

    def read() -> Array:
        with damage_told(file, _NO_ARCHIVE), zipfile.ZipFile(file) as archive, archive.open(entry) as stream:
            return _npy_array(stream, entry.file_size, f"{file}: array {name!r}", max_bytes)

    return read


def _sparse_npz(file: Path, stored: dict[str, Stored], max_bytes: int) -> Stored:
    """A matrix that ``scipy.sparse.save_npz`` wrote."""
    from scipy.sparse import load_npz

    def read() -> Array:
        needed = prod(declared) * stored["data"].read().dtype.itemsize
        if needed > max_bytes:
            raise ValueError(
                f"{file}: a sparse matrix of shape {declared} takes {needed:,} bytes in full, above the limit of {max_bytes:,}"
            )
        with damage_told(file, _NO_SPARSE):
            matrix = load_npz(file)
            if matrix.format in ("csr", "csc", "bsr"):
                matrix.check_format(full_check=True)  # indices beyond the matrix would be written where they point
            return matrix.toarray()

    with damage_told(file, _NO_SPARSE):
        declared = tuple(int(n) for n in stored["shape"].read().ravel())
    return Stored(declared, stored["data"].dtype, read)


def _npy_kind(stream: Any) -> tuple[tuple[int, ...], np.dtype[Any] | None]:
    """Shape and type that an entry's header claims, None without a header: reading it says what is wrong."""
    try:
        shape, _, dtype, _ = _npy_header(stream, "")
    except (zipfile.BadZipFile, zlib.error):  # of the archive around it
        raise
    except Exception:  # whatever NumPy's parser makes of these bytes
        return (), None
    return shape, dtype


def _npy_array(stream: Any, length: int, source: str, max_bytes: int) -> Array:
    """Read one .npy stream of a known length; its header is believed only where it agrees with that length."""
    with damage_told(source, _NO_ARRAY):
        shape, fortran, dtype, offset = _npy_header(stream, source)
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
    with damage_told(source, _NO_ARRAY):
        return np.frombuffer(data, dtype=dtype, count=count).reshape(shape, order="F" if fortran else "C")


def _npy_header(stream: Any, source: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether in Fortran order, dtype, and bytes before the data."""
    version = np.lib.format.read_magic(stream)
    readers: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"{source}: {_NO_ARRAY} (format version {version} is not known)")
    counted = _Counting(stream)
    shape, fortran, dtype = readers[version](counted)
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{source}: {_NO_ARRAY} (shape is not valid: {shape})")
    return shape, fortran, dtype, np.lib.format.MAGIC_LEN + counted.count


class _Counting:
    """A stream that counts the bytes read from it (streams inside archives need not tell their position)."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.count = stream, 0

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.count += len(data)
        return data


def _read_csv(file: Path, max_bytes: int) -> dict[str, Stored]:
    data = read_bytes(file, max_bytes)
    try:
        text = data.decode("utf-8-sig")
        rows = [[float(cell) for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    except ValueError as error:  # UnicodeDecodeError is one
        raise ValueError(f"{file}: expected numbers separated by commas, no header ({first_line(error)})") from error
    widths = {len(row) for row in rows}
    if len(widths) != 1:
        raise ValueError(
            f"{file}: lines hold {', '.join(map(str, sorted(widths))) or 'no'} numbers, expected as many in each"
        )
    return {stem(file): Stored.of(np.array(rows))}


def _read_mtx(file: Path, max_bytes: int) -> dict[str, Stored]:
    from scipy.io import mminfo, mmread
    from scipy.sparse import issparse

    with damage_told(file, "not a readable Matrix Market file"):
        rows, columns, *_ = mminfo(file)
        if 8 * rows * columns > max_bytes:
            raise ValueError(
                f"{file}: {rows}×{columns} takes {8 * rows * columns:,} bytes, above the limit of {max_bytes:,}"
            )
        matrix = mmread(file, spmatrix=False)
    return {stem(file): Stored.of(matrix.toarray() if issparse(matrix) else np.asarray(matrix))}


def _read_mat(file: Path, max_bytes: int) -> dict[str, Stored]:
    from scipy.io import loadmat
    from scipy.sparse import issparse

    with damage_told(file, "not a whole .mat file"):
        try:
            loaded = loadmat(file, spmatrix=False)
        except NotImplementedError as error:
            raise ValueError(f"{file}: MATLAB 7.3 files are HDF5, save with -v7 instead") from error
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
        if isinstance(value, np.ndarray):
            arrays[name] = Stored.of(value)
    return arrays


def _read_safetensors(file: Path, max_bytes: int) -> dict[str, Stored]:
    return stored_safetensors(file)  # mapped, not read: no limit is needed


def _read_index(file: Path, max_bytes: int) -> dict[str, Stored]:
    def shard(part: Path) -> dict[str, Stored]:
        refuse_what_is_not_read(part)
        return stored_safetensors(part)

    return stored_shards(file, shard)


READERS: dict[str, Reader] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".mtx": _read_mtx,
    ".mtx.gz": _read_mtx,
    ".mat": _read_mat,
    ".safetensors": _read_safetensors,
    INDEX: _read_index,
}


def ending(file: Path) -> str:
    """The end of a file's name that says its type, in lower case: ``.npz``, ``.csv.gz``, ``.index.json``."""
    last = file.suffix.lower()
    return Path(file.stem).suffix.lower() + last if last in (".gz", ".json") else last


def stem(file: Path) -> str:
    """A file's name without what says its type; a folder's name as it is.

    Examples
    --------
    >>> [stem(Path(name)) for name in ("B.npy", "B.csv.gz", "model.safetensors.index.json")]
    ['B', 'B', 'model']
    """
    if file.is_dir():
        return file.resolve().name
    name = file.name[: len(file.name) - len(ending(file))]
    return Path(name).stem if ending(file) == INDEX else name


def may_hold_layers(file: Path) -> bool:
    """Whether a path is, by its name, a model or an adapter rather than one matrix.

    Examples
    --------
    >>> [may_hold_layers(Path(name)) for name in ("B.npy", "adapter.safetensors", "model.safetensors.index.json")]
    [False, True, True]
    """
    return file.is_dir() or ending(file) in (".safetensors", INDEX)
