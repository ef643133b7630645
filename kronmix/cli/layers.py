"""Searches over the layers of a file: here with joblib, or on a Dask cluster; each result is written once and found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..decompose import Candidate, search
from ..decompose.searches.front import lower_hull
from ..decompose.searches.sharing import Options
from ..extras import needed

Array = np.ndarray[Any, np.dtype[Any]]

#: Layers sent to a cluster at once, for each of its threads.
_WAITING = 2
#: Part of every result's name: a change of what is searched makes new ones.
_VERSION = 2


@dataclass(frozen=True)
class LayerFront:
    """What is kept of one layer's search: its corners, and the convex hull from which budgets are shared."""

    shape: tuple[int, int]
    norm: float
    rows: tuple[Candidate, ...]

    @property
    def options(self) -> Options:
        """The rows, and the layer itself without any error."""
        numbers = [*(row.n_parameters for row in self.rows), self.shape[0] * self.shape[1]]
        errors = [*(row.relative_error * self.norm for row in self.rows), 0.0]
        return Options(np.array(numbers), np.array(errors) ** 2)


def search_layers(
    layers: Mapping[str, Callable[[], Array]],
    folder: Path,
    jobs: int,
    scheduler: str | None,
    progress: Callable[[int, int], None],
) -> dict[str, LayerFront]:
    """Fronts of all layers; those in the folder are read, the others computed and written there as soon as they are known.

    Parameters
    ----------
    layers : mapping of name to function that reads the matrix
    folder : path
        One file for each layer, named after its content.
    jobs : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler: the searches run there instead.
    progress : function of (layers done, layers)
    """
    found: dict[str, LayerFront] = {}
    keys = {name: _key(read()) for name, read in layers.items()}
    for name, key in keys.items():
        if (kept := _read(folder / f"{key}.json")) is not None:
            found[name] = kept
    missing = {key: name for name, key in keys.items() if name not in found}  # equal layers are searched once
    done = len(layers) - sum(key in missing for key in keys.values())
    progress(done, len(layers))
    work = ((key, layers[name]()) for key, name in missing.items())
    for key, front in _on_cluster(work, scheduler) if scheduler else _here(work, jobs):
        files.write_file(folder / f"{key}.json", json.dumps(asdict(front)).encode())
        for name in (name for name, other in keys.items() if other == key):
            found[name] = front
            done += 1
        progress(done, len(layers))
    return {name: found[name] for name in layers}


def search_layer(key: str, B: Array) -> tuple[str, LayerFront]:
    """Search one layer with one BLAS thread."""
    with needed("kronmix factor of a model"):
        from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        found = search(B)
    if found.interrupted:
        raise KeyboardInterrupt
    numbers = np.array([row.n_parameters for row in found.front], float)
    hull = lower_hull(numbers, np.array([row.relative_error**2 for row in found.front]))
    kept = sorted({*hull, *found.corners})
    norm = float(np.linalg.norm(B.astype(np.result_type(B, np.float64))))
    return key, LayerFront((B.shape[0], B.shape[1]), norm, tuple(found.front[i] for i in kept))


def _key(B: Array) -> str:
    """A matrix's place in the folder of fronts: a hash of its content, its dtype, its shape and the version."""
    digest = hashlib.sha256(f"{_VERSION} {B.dtype} {B.shape} ".encode())
    digest.update(np.ascontiguousarray(B).tobytes())
    return digest.hexdigest()[:32]


def _read(file: Path) -> LayerFront | None:
    """A result that is there and whole."""
    if not file.exists():
        return None
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        rows = tuple(Candidate(**{**row, "sizes": tuple(row["sizes"])}) for row in kept["rows"])
        return LayerFront((kept["shape"][0], kept["shape"][1]), kept["norm"], rows)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{file} is not a result of kronmix factor ({error}): delete it to search that layer again"
        ) from error


def _here(work: Iterator[tuple[str, Array]], jobs: int) -> Iterator[tuple[str, LayerFront]]:
    """Search in this process, or in this many processes of this machine."""
    if jobs == 1:
        return (search_layer(key, B) for key, B in work)
    with needed("--jobs"):
        from joblib import Parallel, delayed

    calls = (delayed(search_layer)(key, B) for key, B in work)
    results: Iterator[tuple[str, LayerFront]] = Parallel(
        n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch=jobs
    )(calls)
    return results


def _on_cluster(work: Iterator[tuple[str, Array]], scheduler: str) -> Iterator[tuple[str, LayerFront]]:
    with needed("--scheduler"):
        from dask.distributed import Client, as_completed

    try:
        client = Client(scheduler, timeout="5s")
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(f"scheduler {scheduler} cannot be reached: start one, or leave --scheduler out") from error
    with client:
        # A few layers a thread at once: a model larger than the cluster's memory is read as it is searched.
        running = as_completed(
            client.submit(search_layer, key, B, pure=False)
            for key, B in islice(work, _WAITING * max(sum(client.nthreads().values()), 1))
        )
        for future in running:
            for key, B in islice(work, 1):
                running.add(client.submit(search_layer, key, B, pure=False))
            yield future.result()
