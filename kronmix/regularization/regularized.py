"""What training a task's factors regularised: the penalty, the path of weight decay, the drift of conservation laws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..operators import Monarch
from ..operators.arrays import Array
from ..progress import whole
from .conservation import conserved_quantities
from .descent import gradient_descent
from .path import Path
from .paths import regularization_path
from .penalties import induced_penalty
from .problems import Regression
from .restoration import Restoration, small_start, standard_structures
from .training_path import TrainingPath

#: Largest width S·C of which the convex path is computed along.
LARGEST_PATH = 128
#: Step sizes, as shares of the largest, with which the drift is measured.
_SHARES = (1.0, 0.5, 0.25)
#: Steps of the largest size.
_STEPS = 400


@dataclass(frozen=True)
class PenaltyPaid:
    """½‖θ‖² of trained factors against the least for the same weight."""

    structure: str
    penalty: str
    paid: float
    induced: float


@dataclass(frozen=True)
class Regularized:
    """What the page shows about regularisation.

    Attributes
    ----------
    penalties : tuple of PenaltyPaid
        Of the first seed's trained structures.
    path : Path or None
        Weight decay on Monarch factors; None where the weight is too wide for its convex reference.
    monarch : Monarch
        The structure of that path.
    drift : dict of step size to TrainingPath
        Runs of the Mixer of equal length in time, with "law" recorded: ‖V‖² − ‖W‖².
    slope : float
        Of log drift against log step: 1 where the drift is O(step) (T19).
    """

    penalties: tuple[PenaltyPaid, ...]
    path: Path | None
    monarch: Monarch
    drift: dict[float, TrainingPath]
    slope: float


def study_regularization(result: Restoration) -> Regularized:
    """Look at the first seed of a restoration (T17, T19).

    Examples
    --------
    >>> from kronmix.regularization.restoration import restore
    >>> found = study_regularization(restore(km.datasets.digits(patch=4)[0][:, :2, :4], train=100, seeds=1, steps=50))
    >>> all(row.paid >= row.induced * (1 - 1e-12) for row in found.penalties), 0.9 < found.slope < 1.1
    (True, True)
    """
    task = result.task
    S, C = task.shape
    problem = Regression(task.noisy, task.clean)
    monarch = Monarch(np.ones((S, C, C)), np.ones((C, S, S)))
    drift = _measure_drift(problem, S, C, float(result.settings["scale"]))
    return Regularized(
        tuple(_penalty_paid(name, result) for name in result.runs),
        regularization_path(problem, monarch, "decay", _grid(problem, monarch), restarts=1)
        if S * C <= LARGEST_PATH
        else None,
        monarch,
        drift,
        _drift_order(drift),
    )


def _penalty_paid(name: str, result: Restoration) -> PenaltyPaid:
    """The decay term of the trained factors beside the least penalty of their product."""
    op = result.first(name)
    penalty = induced_penalty(op)
    return PenaltyPaid(name, penalty.name, 0.5 * sum(float(np.vdot(f, f).real) for f in op.factors), penalty.value)


def _grid(problem: Regression, monarch: Monarch) -> Array:
    """Ten λ's from where the weight leaves zero down to a hundredth of it."""
    from .induced import induced_norm
    from .proximal import loss_and_dense_gradient

    _, G = loss_and_dense_gradient(problem, np.zeros(problem.shape))
    return np.asarray(induced_norm(monarch).grid(G, problem.curvature)[0] * np.geomspace(0.98, 1e-2, 10))


def _measure_drift(problem: Regression, S: int, C: int, scale: float) -> dict[float, TrainingPath]:
    """Runs with smaller and smaller steps to one time, which record the conserved quantities."""
    mixer = next(structure for structure in standard_structures() if structure.name == "Mixer")
    start = small_start(mixer.draw(S, C, np.random.default_rng(0)), scale)
    record = {"law": lambda op: np.concatenate([np.ravel(v) for v in conserved_quantities(op).values()])}
    first = whole(gradient_descent(problem, start, steps=200, records=2)).step_size
    assert first is not None
    largest = first / 4
    return {
        share * largest: whole(
            gradient_descent(
                problem, start, step_size=share * largest, steps=round(_STEPS / share), record=record, records=60
            )
        )
        for share in _SHARES
    }


def _drift_order(drift: dict[float, TrainingPath]) -> float:
    """Exponent of the drift of the conserved quantities in the step size: slope of the log-log line."""
    sizes = np.array(list(drift))
    moved = [float(np.linalg.norm(run.recorded["law"][-1] - run.recorded["law"][0])) for run in drift.values()]
    return float(np.polyfit(np.log(sizes), np.log(moved), 1)[0])
