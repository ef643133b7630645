"""Run the cells of a study that are not there yet: in this process, in several, or on a Dask cluster.

Several drivers may work on one folder: each claims a cell before it runs it, and waits for those that others have claimed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from .cells import Claims, cell_file, last_written, load_cell, load_failure, save_cell, save_failure
from .checkpoints import checkpoints, forget_checkpoints
from .origin import origin, refuse_mixtures
from .study import Cell, Failure, Study, Table, as_plain, find_study
from .workers import Here, Processes

if TYPE_CHECKING:
    from collections.abc import Iterator

Progress = Callable[[int, int], None]
Job = tuple[Any, int]

#: Seconds between two looks at what other drivers have done.
_LOOK = 0.5


def run_study(
    study: Study,
    preset: str,
    out: Path,
    seeds: int | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Table:
    """Run what is missing and return the whole table, with the cells that failed.

    Parameters
    ----------
    study : Study
    preset : str
    out : Path
        Results go to ``out/study/preset/cells``; cells found there are not run again, those that failed are.
    seeds : int, optional
        Default: the preset's.
    jobs : int
        Processes on this machine; each uses one BLAS thread.
    scheduler : str, optional
        Address of a Dask scheduler, as ``tcp://host:8786``: the cells run there instead.
    progress : function of (cells done, cells), optional
    fresh : bool
        Run cells again that other code or data gave.

    Raises
    ------
    ValueError
        If the preset is unknown, there are no seeds or jobs, the scheduler cannot be reached, or cells that are there were computed
        with other code or data.
    """
    numbers = study.numbers_of_seeds(preset, seeds)
    if jobs < 1:
        raise ValueError(f"jobs={jobs}: expected at least 1")
    folder = out / study.name / preset
    wanted: list[Job] = [(config, seed) for config in study.configurations(preset) for seed in numbers]
    found = {job: load_cell(folder, as_plain(job[0]), job[1]) for job in wanted}
    there = [(job, cell) for job, cell in found.items() if cell is not None]
    if fresh:
        there = [(job, cell) for job, cell in there if cell.origin == origin(study, job[0])]
    kept = {job for job, _ in there}
    missing = [job for job in wanted if job not in kept]
    if missing:
        refuse_mixtures(
            folder, [*(cell.origin for _, cell in there), *(origin(study, config) for config, _ in missing)]
        )
    if progress is not None:
        progress(len(kept), len(wanted))
    if missing:
        shared = _Shared(study, folder, missing)
        with _executor(jobs, scheduler) as (executor, slots), Claims(folder) as claims:
            for done in shared.run(executor, slots, claims):
                if progress is not None:
                    progress(len(kept) + done, len(wanted))
    return load_table(folder, wanted)


def missing_cells(study: Study, preset: str, out: Path, seeds: int | None = None) -> list[Job]:
    """The cells of a preset that have no result yet."""
    folder, numbers = out / study.name / preset, study.numbers_of_seeds(preset, seeds)
    wanted = [(config, seed) for config in study.configurations(preset) for seed in numbers]
    return [job for job in wanted if load_cell(folder, as_plain(job[0]), job[1]) is None]


def load_table(folder: Path, wanted: Iterable[Job]) -> Table:
    """What is there of the wanted cells.

    Raises
    ------
    ValueError
        If they were computed with different code or data.
    """
    cells, failures = [], []
    for config, seed in wanted:
        cell = load_cell(folder, as_plain(config), seed)
        failed = load_failure(folder, as_plain(config), seed)
        if cell is not None:
            cells.append(cell)
        elif failed is not None:
            failures.append(failed)
    refuse_mixtures(folder, [cell.origin for cell in cells])
    return Table(tuple(cells), tuple(failures))


def run_one(name: str, config: Any, seed: int, folder: Path) -> Cell | Failure:
    """Run one cell of a folder, with one BLAS thread: by name, so that a worker finds it anywhere."""
    study, plain = find_study(name), as_plain(config)
    try:
        made_with = origin(study, config)
        with threadpool_limits(1), checkpoints(cell_file(folder, plain, seed), asdict(made_with)):
            values = study.run_cell(config, seed)
    except Exception as error:  # whatever a cell raises is its result
        return Failure(plain, seed, _one_line(error))
    return Cell(plain, seed, {key: float(value) for key, value in values.items()}, made_with)


class _Shared:
    """Missing cells of a folder, run together with whoever else runs them."""

    def __init__(self, study: Study, folder: Path, missing: list[Job]) -> None:
        self._study, self._folder = study, folder
        self._waiting = deque(missing)
        self._running: dict[Future[Any], Job] = {}
        self._before = {job: self._state(job) for job in missing}

    def run(self, executor: Executor, slots: Callable[[], int], claims: Claims) -> Iterator[int]:
        """Run until every cell has a result or a failure; give the number of cells done, as it grows."""
        done = 0
        while self._waiting or self._running:
            by_others = self._fill(executor, slots(), claims)
            done += by_others
            if self._running:
                finished, _ = wait(self._running, _LOOK if self._waiting else None, FIRST_COMPLETED)
                for future in finished:
                    job = self._running.pop(future)
                    self._save_outcome(job, future)
                    claims.release(as_plain(job[0]), job[1])
                done += len(finished)
            elif self._waiting:
                time.sleep(_LOOK)
            yield done

    def _fill(self, executor: Executor, slots: int, claims: Claims) -> int:
        """Start cells on free slots; the number of waiting cells that others have done."""
        claimed, done = [], 0
        while self._waiting and len(self._running) < slots:
            job = self._waiting.popleft()
            config, seed = as_plain(job[0]), job[1]
            if self._state(job) != self._before[job]:
                done += 1
            elif not claims.take(config, seed):
                claimed.append(job)
            elif self._state(job) != self._before[job]:  # done by another between the look and the claim
                claims.release(config, seed)
                done += 1
            else:
                self._running[executor.submit(run_one, self._study.name, *job, self._folder.absolute())] = job
        self._waiting.extend(claimed)
        return done

    def _state(self, job: Job) -> Any:
        """Changes when a result or a failure of the cell is written."""
        return last_written(self._folder, as_plain(job[0]), job[1])

    def _save_outcome(self, job: Job, future: Future[Any]) -> None:
        error = future.exception()
        result = future.result() if error is None else Failure(as_plain(job[0]), job[1], _one_line(error))
        if isinstance(result, Failure):
            save_failure(self._folder, result)
        else:
            save_cell(self._folder, result)
        if error is None:  # a process that died may go on
            forget_checkpoints(cell_file(self._folder, result.config, result.seed))


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


@contextmanager
def _executor(jobs: int, scheduler: str | None) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """The executor in which cells run, and how many run at once."""
    if scheduler is None:
        with Here() if jobs == 1 else Processes(jobs) as executor:
            yield executor, lambda: jobs
        return
    from dask.distributed import Client

    try:
        client = Client(scheduler, timeout="5s")
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(f"scheduler {scheduler} cannot be reached: start one, or leave --scheduler out") from error
    with client:
        # Two cells a thread: a worker finds its next one there.
        yield client.get_executor(pure=False), lambda: max(2 * sum(client.ncores().values()), 1)
