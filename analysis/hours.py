"""How long a preset will take: short trainings of some of its cells, continued to their length."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from threadpoolctl import threadpool_limits

from .classification import Task
from .study import Study

#: Batches of the two trials, whose difference is the time of a step; configurations that are tried, at most.
_BATCHES, _TRIED = (2, 6), 6


def estimate(study: Study, cells: Sequence[Any]) -> float | None:
    """Hours of processor time for these configurations, one each; None where they do not train.

    Every step of a training takes as long as the next, so that two short ones tell.
    """
    tasks = [config for config in cells if isinstance(config, Task)]
    if not tasks:
        return None
    chosen = tasks[:: -(-len(tasks) // _TRIED)]
    return sum(_estimate_seconds(study, config) for config in chosen) / len(chosen) * len(tasks) / 3600


def _estimate_seconds(study: Study, config: Task) -> float:
    """Processor time of one cell, from two short trials."""
    _time_trial(study, config, _BATCHES[0])  # which reads the data
    short, longer = (_time_trial(study, config, batches) for batches in _BATCHES)
    step = max(longer - short, 0.0) / (_BATCHES[1] - _BATCHES[0])
    return short + step * (config.epochs * config.train / config.batch - _BATCHES[0])


def _time_trial(study: Study, config: Task, batches: int) -> float:
    """Processor time of one epoch of this many batches, on one thread."""
    small = replace(config, train=batches * config.batch, test=config.batch, epochs=1)
    with threadpool_limits(1):
        start = time.process_time()
        study.run_cell(small, 0)
        return time.process_time() - start
