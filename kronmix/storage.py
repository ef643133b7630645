"""Operators in files: their classes, arguments and numbers in one ``.npz``, without pickles.

The entry ``structure`` holds JSON text: an operator is ``{"class": name, "arguments": [...]}``, an array ``{"array": entry}``, a
sparse mask ``{"mask": [rows, columns], "indices": entry, "indptr": entry}``; numbers and lists are themselves. The other entries
are the arrays. A file is read by calling the classes again, so that whatever they check of users' input is checked of the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from . import operators
from .files import read_arrays, write_file
from .files.stored import first_line
from .mixer import LinearMixer
from .operators import Foreign, StructuredOperator
from .operators.arrays import Array
from .operators.copies import packed, tells_arguments

__all__ = ["load", "save"]

_FORMAT, _VERSION = "kronmix operator", 1
#: Deepest nesting of operators that is read.
_DEEPEST = 50


def _known(classes: Iterable[type[StructuredOperator]]) -> dict[str, type[StructuredOperator]]:
    """The classes that a file may name."""
    public = (getattr(operators, name) for name in operators.__all__)
    ours = [kind for kind in public if isinstance(kind, type) and tells_arguments(kind)]
    return {kind.__name__: kind for kind in (*ours, LinearMixer, *classes) if kind is not Foreign}


def save(op: StructuredOperator, file: str | os.PathLike[str]) -> None:
    """Write an operator to a file: its structure, patterns and numbers, and nothing that follows from them.

    The file is written whole or not at all, and read back with :func:`load`. Any NumPy reads its arrays.

    Parameters
    ----------
    op : StructuredOperator
        Of any class of kronmix, nested as it is; of a class of one's own if it defines ``_arguments``.
    file : path
        With the ending ``.npz``.

    Raises
    ------
    TypeError
        If it is no operator, or contains one that cannot be saved: a linear operator of another library, or of a class that does
        not say what it is made from.
    ValueError
        If the file's name ends otherwise.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "layer.npz"
    >>> km.save(km.Kronecker(np.ones((2, 3)), np.eye(4)), file)
    >>> km.load(file)
    Kronecker(8×12, 2×3 ⊗ 4×4, 22 parameters)
    """
    if not isinstance(op, StructuredOperator):
        raise TypeError(f"op is a {type(op).__name__}: expected a StructuredOperator; wrap a matrix in km.Dense")
    if Path(file).suffix.lower() != ".npz":
        raise ValueError(f"{file}: expected a name that ends in .npz")
    arrays: dict[str, Array] = {}
    text = json.dumps({"format": _FORMAT, "version": _VERSION, "operator": _encoded(op, arrays)}, ensure_ascii=True)
    buffer = BytesIO()
    np.savez(buffer, structure=np.frombuffer(text.encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    write_file(file, buffer.getvalue())


def _encoded(value: Any, arrays: dict[str, Array]) -> Any:
    """A value as JSON; arrays are put aside and named."""

    def stored(array: Array) -> str:
        if array.dtype.hasobject:
            raise TypeError("an operator that holds Python objects cannot be saved: they would be pickled")
        name = f"array_{len(arrays)}"
        arrays[name] = packed(array)
        return name

    if isinstance(value, StructuredOperator):
        if isinstance(value, Foreign) or not tells_arguments(type(value)):
            why = "it is another library's" if isinstance(value, Foreign) else "its class defines no _arguments()"
            raise TypeError(f"{value!r} cannot be saved: {why}")
        return {"class": type(value).__name__, "arguments": [_encoded(v, arrays) for v in value._arguments()]}
    if isinstance(value, csr_array):
        return {"mask": list(value.shape), "indices": stored(value.indices), "indptr": stored(value.indptr)}
    if isinstance(value, np.ndarray):
        return {"array": stored(value)}
    if isinstance(value, tuple | list):
        return [_encoded(v, arrays) for v in value]
    return int(value)


def load(file: str | os.PathLike[str], classes: Iterable[type[StructuredOperator]] = ()) -> StructuredOperator:
    """Read an operator that :func:`save` wrote.

    Parameters
    ----------
    file : path
    classes : iterable of types, optional
        Structures of one's own that the file may name, beside those of kronmix.

    Returns
    -------
    StructuredOperator
        Of the class that was saved, with the same numbers.

    Raises
    ------
    ValueError
        If the file was not written by ``save``, names a class that is not known, or is damaged; nothing in it is ever executed.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "butterfly.npz"
    >>> km.save(km.Chain(*(km.KroneckerSparse(np.ones(p.values_shape), p) for p in km.butterfly_patterns(4))), file)
    >>> km.load(file).to_dense()
    array([[1., 1., 1., 1.],
           [1., 1., 1., 1.],
           [1., 1., 1., 1.],
           [1., 1., 1., 1.]])
    """
    arrays = read_arrays(file)
    try:
        tree = json.loads(bytes(arrays["structure"]).decode())
        if tree["format"] != _FORMAT or tree["version"] != _VERSION:
            raise ValueError(f"its format is {tree['format']!r}, version {tree['version']!r}")
        reading = _Reading(arrays, _known(classes))
        op = reading.value(tree["operator"], 0)
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise ValueError(f"{file}: not an operator that km.save wrote ({first_line(error)})") from error
    unused = sorted(set(arrays) - reading.used - {"structure"})
    if not isinstance(op, StructuredOperator) or unused:
        what = f"arrays that belong to nothing: {', '.join(unused)}" if unused else "no operator"
        raise ValueError(f"{file}: not an operator that km.save wrote (it holds {what})")
    return op


class _Reading:
    """A file being read: its arrays, the classes it may name, and which arrays were used."""

    def __init__(self, arrays: Mapping[str, Array], classes: Mapping[str, type[StructuredOperator]]) -> None:
        self.arrays, self.classes = arrays, classes
        self.used: set[str] = set()

    def value(self, tree: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError(f"it is nested more than {_DEEPEST} deep")
        if isinstance(tree, list):
            return tuple(self.value(entry, depth + 1) for entry in tree)
        if type(tree) is int:
            return tree
        readers: dict[frozenset[str], Callable[[Any, int], Any]] = {
            frozenset({"class", "arguments"}): self._decode_operator,
            frozenset({"array"}): lambda entry, _: self._take_array(entry["array"]),
            frozenset({"mask", "indices", "indptr"}): self._decode_mask,
        }
        reader = readers.get(frozenset(tree)) if isinstance(tree, dict) else None
        if reader is None:
            raise ValueError(f"its structure holds {str(tree)[:60]!r}")
        return reader(tree, depth)

    def _decode_operator(self, tree: Any, depth: int) -> StructuredOperator:
        kind = self.classes.get(tree["class"]) if isinstance(tree["class"], str) else None
        if kind is None:
            raise ValueError(f"the class {str(tree['class'])[:60]!r} is not known; give your own with classes=")
        return kind(*self.value(tree["arguments"], depth + 1))

    def _take_array(self, name: str) -> Array:
        if name not in self.arrays:
            raise ValueError(f"it names an array {name!r:.60} that is not there")
        self.used.add(name)
        return self.arrays[name]

    def _decode_mask(self, tree: Any, depth: int) -> csr_array:
        rows, columns = self.value(tree["mask"], depth + 1)
        indices, indptr = self._take_array(tree["indices"]), self._take_array(tree["indptr"])
        if {indices.dtype.kind, indptr.dtype.kind} - {"i", "u"} or {indices.ndim, indptr.ndim} != {1}:
            raise ValueError("the positions of a mask are not integers in a row")
        mask = csr_array((np.ones(len(indices), bool), indices, indptr), shape=(rows, columns))
        mask.check_format(full_check=True)  # positions outside the matrix would be read without a look
        return mask
