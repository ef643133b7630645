"""Reading what users give: all arrays of a file, one matrix, one array that has to be as described."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path

from ..checks import finite
from .readers import READERS, ending
from .recognition import refuse_what_is_no_file, refuse_what_is_not_read
from .shards import MODEL, file_of
from .stored import MAX_BYTES, Array, Arrays, damage_told


def read_arrays(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> Arrays:
    """The arrays of a ``.npy``, ``.npz``, ``.csv``, ``.mtx``, ``.mat`` or ``.safetensors`` file, by name.

    Of a model in shards give ``….safetensors.index.json``, of a hub's model the folder. A file that holds one array without a name
    gives it the file's stem; so does what ``scipy.sparse.save_npz`` wrote. ``.csv.gz`` and ``.mtx.gz`` are read too. Each array is
    read when it is asked for: one that cannot be read or holds no numbers stands in nobody's way until then.

    Parameters
    ----------
    path : path
    max_bytes : int
        Largest array accepted.

    Returns
    -------
    Arrays
        A mapping of names to arrays of numbers (bool, integer, real or complex).

    Raises
    ------
    ValueError
        If the file is of an unknown type, truncated or too large, a shard is missing or a folder holds no model or several; when an
        array is taken: if it is pickled or holds no numbers.
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
    refuse_what_is_no_file(os.fspath(path))
    file = Path(path)
    if file.is_dir():
        file = file_of(file, MODEL)
    if file.stat().st_size == 0:
        raise ValueError(f"{file} is empty")
    refuse_what_is_not_read(file)
    reader = READERS.get(ending(file))
    if reader is None:
        raise ValueError(f"{file}: unknown file type {file.suffix!r}, expected one of {', '.join(sorted(READERS))}")
    with damage_told(file, "cannot be read"):
        return Arrays(file, reader(file, max_bytes))


def read_matrix(path: str | os.PathLike[str], key: str | None = None, max_bytes: int = MAX_BYTES) -> Array:
    """Read one finite matrix from a file of any type that ``read_arrays`` knows.

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
    if key is None:
        names = ", ".join(sorted(arrays))
        matrices = [name for name, stored in arrays.stored.items() if len(stored.shape) == 2 and stored.numeric]
        if not matrices:
            shapes = ", ".join(
                f"{name} of shape {stored.shape}{'' if stored.numeric else f', {stored.dtype}'}"
                for name, stored in sorted(arrays.stored.items())
            )
            raise ValueError(f"{path}: holds no matrix, but {shapes or 'nothing'}")
        if len(matrices) > 1:
            raise ValueError(
                f"{path}: holds {len(matrices)} matrices among its arrays ({names}), name the one you mean with key (--key)"
            )
        key = matrices[0]
    return take(arrays, key, path, ndim=(2,))


def layer_matrices(arrays: Arrays) -> dict[str, Callable[[], Array]]:
    """Layers by name: arrays of at least two axes, as (first axis) × (all others), read when they are called."""

    def reader(name: str) -> Callable[[], Array]:
        def read() -> Array:
            array = take(arrays, name, arrays.source, ndim=tuple(range(2, 9)))
            return array.reshape(array.shape[0], -1)

        return read

    shapes = {name: stored.shape for name, stored in arrays.stored.items() if stored.numeric}
    return {
        name: reader(name) for name, shape in shapes.items() if len(shape) > 1 and min(shape[0], prod(shape[1:])) > 1
    }


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
    return finite(array, f"{source}: array {key!r}")
