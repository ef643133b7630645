"""Factors in files: read as kronmix writes them, written as other libraries read them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..extras import needed
from ..files import read_arrays, write_file
from ..operators import (
    Ampliation,
    BlockDiagonal,
    Chain,
    HStack,
    Kronecker,
    KroneckerSparse,
    Monarch,
    StructuredOperator,
    Sum,
    SumOfKroneckers,
    VStack,
)
from ..operators.arrays import Array
from ..storage import load
from .chains import product_of
from .factorized import ks_values, sparse_factors
from .fly import to_fly


def read_factors(file: str | os.PathLike[str]) -> StructuredOperator:
    """Read an operator from a file: what ``km.save`` wrote, or the factors that ``kronmix factor`` writes.

    Parameters
    ----------
    file : path
        ``.npz``.

    Returns
    -------
    StructuredOperator

    Raises
    ------
    ValueError
        If the file is damaged, or holds other arrays.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "B.factors.npz"
    >>> np.savez(file, factor_0=np.ones((4, 2, 3)), factor_1=np.ones((3, 4, 5)))
    >>> km.interop.read_factors(file)
    Monarch(8×15, 4 blocks of 2×3, 3 blocks of 4×5, rank 1, 84 parameters)
    """
    arrays = read_arrays(file)
    if "structure" in arrays:
        return load(file)
    names = [f"factor_{i}" for i in range(len(arrays))]
    if not arrays or sorted(arrays) != sorted(names):
        raise ValueError(
            f"{file}: holds {', '.join(sorted(arrays)) or 'nothing'}, "
            "expected what km.save writes, or factor_0, factor_1 … of kronmix factor"
        )
    try:
        return _of_factors([arrays[name] for name in names])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: its factors make no operator ({error})") from error


def _of_factors(factors: Sequence[Array]) -> StructuredOperator:
    """Matrices make Kronecker products, two stacks of blocks a Monarch matrix, values (a, d, b, c) a chain."""
    axes = {factor.ndim for factor in factors}
    if axes == {2}:
        if len(factors) <= 2:
            return Kronecker(*factors)
        return SumOfKroneckers(list(zip(factors[::2], factors[1::2], strict=True)))
    if axes == {3} and len(factors) == 2:
        left, right = factors
        return Monarch(left, right)
    if axes == {4}:
        patterns = [(a, b, c, d) for a, d, b, c in (factor.shape for factor in factors)]
        return product_of([KroneckerSparse(f, pattern) for f, pattern in zip(factors, patterns, strict=True)])
    raise ValueError(f"shapes {', '.join(str(factor.shape) for factor in factors)}")


# ---- for other libraries --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Library:
    """How a library takes factors from a file.

    Attributes
    ----------
    suffix : str
        Of the file's name.
    data : function of an operator
        The bytes of the file.
    usage : function of the file's name and of Python for the operator
        Python that reads it there.
    """

    suffix: str
    data: Callable[[StructuredOperator], bytes]
    usage: Callable[[str, str], str]


def write_factors(op: StructuredOperator, file: str | os.PathLike[str], target: str, name: str = "op") -> str:
    """Write an operator's factors as another library reads them, without needing that library.

    Parameters
    ----------
    op : StructuredOperator
    file : path
        ``.safetensors`` for PyTorch and fly, ``.mat`` for lazylinop and pyfaust.
    target : {"torch", "lazylinop", "pyfaust", "fly"}
        torch: the state of the module that ``to_torch`` makes. lazylinop: what its ``loadmat`` reads. pyfaust: what ``Faust.save``
        writes. fly: the weights of ``MonarchLinear``.
    name : str
        Python for the operator, in the Python returned: for a PyTorch module's structure, which its state does not hold.

    Returns
    -------
    str
        Python that reads the file there, by the path given.

    Raises
    ------
    TypeError
        If the library has no such structure.
    ValueError
        If the target is unknown, or the file's name ends otherwise.
    ImportError
        If safetensors is missing, for PyTorch and fly.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "layer.mat"
    >>> op = km.Monarch(np.ones((4, 2, 3)), np.ones((3, 4, 5)))
    >>> km.interop.write_factors(op, file, "lazylinop").split("; ")[0]
    'from lazylinop.butterfly import loadmat'
    """
    if target not in LIBRARIES:
        raise ValueError(f"target={target!r}: expected one of {', '.join(map(repr, LIBRARIES))}")
    chosen, path = LIBRARIES[target], Path(file)
    if path.suffix != chosen.suffix:
        raise ValueError(f"{path}: expected a name ending in {chosen.suffix}")
    write_file(path, chosen.data(op))
    return chosen.usage(os.fspath(path), name)


def state(op: StructuredOperator) -> Mapping[str, Array]:
    """Factors by the names that they have in the module that ``to_torch`` makes."""
    parts = _PARTS.get(type(op))
    if parts is None:
        return {f"factors.{i}": factor for i, factor in enumerate(op.factors)}
    return {f"operators.{i}.{name}": factor for i, part in enumerate(parts(op)) for name, factor in state(part).items()}


#: Structures whose modules hold those of their parts.
_PARTS: dict[type, Callable[[Any], Sequence[StructuredOperator]]] = {
    **dict.fromkeys((Chain, Sum, BlockDiagonal, HStack, VStack), lambda op: op.operators),
    Ampliation: lambda op: (op.operator,),
}


def _safetensors_bytes(arrays: Mapping[str, Array]) -> bytes:
    with needed("writing tensors"):
        from safetensors.numpy import save
    found: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, {"format": "pt"})
    return found


def _mat_bytes(name: str, column: bool, entries: Sequence[Any]) -> bytes:
    """A MATLAB file with one cell array, a column or a row of these entries."""
    from scipy.io import savemat

    cells = np.empty(len(entries), object)
    for i, entry in enumerate(entries):
        cells[i] = entry
    stream = BytesIO()
    savemat(stream, {name: cells.reshape((-1, 1) if column else (1, -1))})
    return stream.getvalue()


def _double(factor: Any) -> Any:
    """MATLAB's sparse matrices are double, and a Faust's factors of one type."""
    return factor.astype(np.result_type(factor.dtype, np.float64))


def _faust_usage(name: str, _: str) -> str:
    """Code that does without ``Faust(file)``, which refuses the sparse arrays that newer SciPy reads."""
    factors = f"[csc_matrix(f) if issparse(f) else f for f in loadmat({name!r})['faust_factors'][0]]"
    return (
        "from pyfaust import Faust; from scipy.io import loadmat; from scipy.sparse import csc_matrix, issparse; "
        f"F = Faust({factors})"
    )


def _fly_bytes(op: StructuredOperator) -> bytes:
    w1, w2 = to_fly(op)
    return _safetensors_bytes({"blkdiag1": w1, "blkdiag2": w2})


#: Libraries by the names of their Python packages.
LIBRARIES: dict[str, Library] = {
    "torch": Library(
        ".safetensors",
        lambda op: _safetensors_bytes(state(op)),
        lambda name, op: (
            f"import kronmix as km, safetensors.torch as s; layer = km.interop.to_torch({op}); "
            f"layer.load_state_dict(s.load_file({name!r}))"
        ),
    ),
    "lazylinop": Library(
        ".mat",
        lambda op: _mat_bytes("ks_values", True, ks_values(op)),
        lambda name, _: f"from lazylinop.butterfly import loadmat; L = loadmat({name.removesuffix('.mat')!r})",
    ),
    "pyfaust": Library(
        ".mat",
        lambda op: _mat_bytes("faust_factors", False, [_double(factor) for factor in sparse_factors(op)]),
        _faust_usage,
    ),
    "fly": Library(
        ".safetensors",
        _fly_bytes,
        lambda name, _: (
            f"import safetensors.torch as s; w = s.load_file({name!r}); "
            "layer.load_state_dict(w, strict=False)  # of a MonarchLinear, or blockdiag_butterfly_multiply(x, *w.values())"
        ),
    ),
}
