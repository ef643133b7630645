"""Run the cells of a study that are not there yet: here with joblib, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from .cells import load_cell, save_cell
from .study import Cell, Study, Table, as_plain, find_study

Progress = Callable[[int, int], None]
Job = tuple[Any, int]


def run_study(
    study: Study,
    preset: str,
    out: Path,
    seeds: int | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Table:
    """Run what is missing and return the whole table.

    Parameters
    ----------
    study : Study
    preset : str
    out : Path
        Results go to ``out/study/preset/cells``; cells found there are not run again.
    seeds : int, optional
        Default: the preset's.
    jobs : int
        Processes on this machine; each uses one BLAS thread.
    scheduler : str, optional
        Address of a Dask scheduler, as ``tcp://host:8786``: the cells run there instead.
    progress : function of (cells done, cells), optional

    Raises
    ------
    ValueError
        If the preset is unknown, there are no seeds or jobs, or the scheduler cannot be reached.
    """
    if preset not in study.presets:
        raise ValueError(f"preset {preset!r}: {study.name} has {', '.join(study.presets)}")
    count = study.seeds[preset] if seeds is None else seeds
    if count < 1:
        raise ValueError(f"seeds={count}: expected at least 1")
    if jobs < 1:
        raise ValueError(f"jobs={jobs}: expected at least 1")
    folder = out / study.name / preset
    wanted: list[Job] = [(config, seed) for config in study.presets[preset] for seed in range(count)]
    found = {job: load_cell(folder, as_plain(job[0]), job[1]) for job in wanted}
    missing = [job for job in wanted if found[job] is None]
    done = len(wanted) - len(missing)
    if progress is not None:
        progress(done, len(wanted))
    results = _on_cluster(study.name, missing, scheduler) if scheduler else _here(study.name, missing, jobs)
    for cell in results:
        save_cell(folder, cell)
        done += 1
        if progress is not None:
            progress(done, len(wanted))
    cells = [load_cell(folder, as_plain(config), seed) for config, seed in wanted]
    return Table(tuple(cell for cell in cells if cell is not None))


def run_one(name: str, config: Any, seed: int) -> Cell:
    """Run one cell, with one BLAS thread: by name, so that a worker finds it anywhere."""
    with threadpool_limits(1):
        values = find_study(name).run_cell(config, seed)
    return Cell(as_plain(config), seed, {key: float(value) for key, value in values.items()})


def _here(name: str, missing: list[Job], jobs: int) -> Iterator[Cell]:
    if not missing:
        return iter(())
    if jobs == 1:
        return (run_one(name, config, seed) for config, seed in missing)
    work = (delayed(run_one)(name, config, seed) for config, seed in missing)
    results: Iterator[Cell] = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(work)
    return results


def _on_cluster(name: str, missing: list[Job], scheduler: str) -> Iterator[Cell]:
    from dask.distributed import Client, as_completed

    try:
        client = Client(scheduler, timeout="5s")
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(f"scheduler {scheduler} cannot be reached: start one, or leave --scheduler out") from error
    with client:
        futures = [client.submit(run_one, name, config, seed, pure=False) for config, seed in missing]
        for future in as_completed(futures):
            yield future.result()
