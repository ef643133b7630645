"""What cells are computed with: the version of the code, and the data."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import analysis
import kronmix as km

from .sources import images
from .study import Origin, Study


def origin(study: Study, config: Any) -> Origin:
    """The code and data that a cell run now is computed with."""
    return Origin(code_version(), "+".join(f"{name}:{data_digest(name)}" for name in study.data(config)))


@cache
def code_version() -> str:
    """kronmix's version, and a digest of the text of kronmix and of the studies."""
    digest = hashlib.sha256()
    for top in (km.__file__, analysis.__file__):
        folder = Path(top).parent
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.relative_to(folder.parent).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{km.__version__}-{digest.hexdigest()[:12]}"


@cache
def data_digest(name: str) -> str:
    """Digest of a data set's images and labels."""
    digest = hashlib.sha256()
    for array in images(name):
        digest.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]


def refuse_mixtures(folder: Path, found: Iterable[Origin]) -> None:
    """Refuse cells of several versions of the code, or of one data set with several contents.

    Raises
    ------
    ValueError
        Naming what is there, and how to get one table.
    """
    counts = Counter(found)
    contents = {part.partition(":")[0]: part for one in counts for part in one.data.split("+")}
    one_code = len({one.code for one in counts}) <= 1
    one_data = all(part in contents.values() for one in counts for part in one.data.split("+"))
    if not (one_code and one_data):
        there = "; ".join(f"{count} with {one}" for one, count in counts.items())
        raise ValueError(
            f"{folder}: cells of different code or data ({there}): run with --fresh to compute all with one"
        )
