"""Paths as ``.npz`` files without pickles: everything that predicting, comparing and going on need."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from pathlib import Path as File
from typing import Any

import numpy as np

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .path import Path
from .problems import Observed, Regression, Sensing
from .scaling import Scaling

#: Arrays of a path that are stored under their own names, where there are any.
_ARRAYS = (
    "parameter", "weights", "reference", "duality_gap", "kinks", "objective", "lower_bound", "prediction_distance", "limit",
)  # fmt: skip
#: Numbers that follow from those, for readers without kronmix.
_DERIVED = ("distance", "excess", "certified", "coef", "intercept")


def save_path(path: Path, file: str | os.PathLike[str]) -> None:
    """Write a path as an ``.npz`` file.

    Parameters
    ----------
    path : Path
    file : path
        Its ``parameter``, ``weights``, ``coef``, ``intercept`` … are arrays of these names; ``factor_i_j`` is factor j at point i;
        ``about`` is a JSON text with names, units, structure, kind and seed, why the path stopped, and what its reference is worth.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from kronmix.regularization import load_path, save_path
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "path.npz"
    >>> save_path(km.regularization_path(km.Observed(np.eye(2)), km.Dense(np.eye(2)), "decay", [1.0]), file)
    >>> load_path(file)
    Path(weight decay on Dense: 1 points from 1 to 1, 2×2 weights, distance ≤ ..., 1 certified)
    """
    arrays: dict[str, Any] = {
        name: value for name in (*_ARRAYS, *_DERIVED) if (value := getattr(path, name)) is not None
    }
    for i, op in enumerate(path.operators or ()):
        arrays |= {f"factor_{i}_{j}": factor for j, factor in enumerate(op.factors)}
    if path.scaling is not None:
        scaling = path.scaling
        arrays |= {
            "means": scaling.means,
            "scales": scaling.scales,
            "output_means": scaling.output_means,
            "output_scales": scaling.output_scales,
        }
    about = {
        "version": 1,
        "name": path.name,
        "parameter": path.label,
        "remark": path.remark,
        "reason": path.reason,
        "monotone_until": path.monotone_until,
        "structure": repr(path.structure),
        "kind": repr(path.kind),
        "seed": getattr(path.kind, "seed", None),
        "problem": repr(path.problem),
        "fingerprint": fingerprint(path.problem, path.structure, path.kind),
        "features": None if path.scaling is None else path.scaling.features,
        "outputs": None if path.scaling is None else path.scaling.outputs,
    }
    np.savez_compressed(file, about=np.array(json.dumps(about, ensure_ascii=False)), **arrays)


def load_path(file: str | os.PathLike[str], structure: StructuredOperator | None = None) -> Path:
    """Read a path that ``save_path`` wrote.

    Parameters
    ----------
    file : path
    structure : StructuredOperator, optional
        Of the path: its ``operators`` come back with their factors.

    Returns
    -------
    Path
        Without its problem, kind and structure.

    Raises
    ------
    ValueError
        If the file is no stored path.
    OSError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from kronmix.regularization import load_path, save_path
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "path.npz"
    >>> save_path(km.reference_path(km.Observed(np.eye(2)), "l1", [0.5]), file)
    >>> load_path(file).weights[0]
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    arrays, about = _read_arrays(file)
    known: dict[str, Any] = {name: arrays[name] for name in _ARRAYS if name in arrays}
    scaling = None
    if "means" in arrays:
        features, outputs = tuple(about["features"] or ()), tuple(about["outputs"] or ())
        means, scales, output_means, output_scales = (
            arrays[name] for name in ("means", "scales", "output_means", "output_scales")
        )
        scaling = Scaling(means, scales, output_means, output_scales, features, outputs)
    operators = None
    if structure is not None and "factor_0_0" in arrays:
        counts = range(len(structure.factors))
        points = range(len(known["parameter"]))
        operators = tuple(structure.with_factors(*(arrays[f"factor_{i}_{j}"] for j in counts)) for i in points)
    return Path(
        **known,
        name=about["name"],
        label=about["parameter"],
        remark=about["remark"],
        reason=about["reason"],
        monotone_until=about["monotone_until"],
        operators=operators,
        scaling=scaling,
    )


def interrupted_path(
    file: str | os.PathLike[str], problem: Any, structure: StructuredOperator, kind: Any
) -> Path | None:
    """The stored path to go on from; None where the file is not there.

    Raises
    ------
    ValueError
        If the file was made from other data, another structure or other options.
    """
    if not File(file).exists():
        return None
    _, about = _read_arrays(file)
    if about["fingerprint"] != fingerprint(problem, structure, kind):
        raise ValueError(
            f"{file}: made from other data or options ({about['kind']} of {about['structure']}): expected the same to go on from"
        )
    return load_path(file, structure)


def fingerprint(problem: Any, structure: Any, kind: Any) -> str:
    """A digest of what determines a path: the numbers of the problem, the structure's sizes, the kind and its options."""
    found = hashlib.sha256()
    data: tuple[Array, ...] = ()
    if isinstance(problem, Regression):
        data = (problem.X, problem.Y)
    elif isinstance(problem, Sensing):
        data = (problem.A, problem.y)
    elif isinstance(problem, Observed):
        data = (problem.T,)
    for array in data:
        found.update(np.ascontiguousarray(array).tobytes())
    shapes = [] if structure is None else [factor.shape for factor in structure.factors]
    found.update(repr((repr(problem), type(structure).__name__, shapes, kind)).encode())
    return found.hexdigest()


def _read_arrays(file: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
            about = json.loads(str(arrays.pop("about")))
    except (ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file}: not a path that kronmix stored ({type(error).__name__})") from error
    return arrays, about
