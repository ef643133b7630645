"""T23 as a phase diagram: how many measurements does gradient descent on Monarch factors need for how many active slices?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

import kronmix as km
from kronmix.progress import whole

from ..statistics import Comparison, Outcome, decide_together
from ..study import Study, Table

#: Of the relative error.
_SMALLEST = 0.5


@dataclass(frozen=True)
class Config:
    """n = 16 as 16 slices of 4×4."""

    structure: str
    active: int
    measurements: int


def sensing(active: int, measurements: int, noise: float, rng: np.random.Generator) -> tuple[km.Sensing, Any]:
    """Gaussian measurements of a matrix whose active slices are outer products."""
    slices = np.zeros((4, 4, 4, 4))
    for c in rng.choice(16, active, replace=False):
        slices[c // 4, c % 4] = np.outer(rng.normal(size=4), rng.normal(size=4))
    target = slices.transpose(2, 0, 1, 3).reshape(16, 16)
    A = rng.normal(size=(measurements, 16, 16))
    y = np.einsum("nij,ij->n", A, target)
    return km.Sensing(A, y + noise * y.std() * rng.normal(size=measurements)), target


def run_cell(config: Config, seed: int) -> dict[str, float]:
    """Relative error of what descent from scale 1e-4 finds; for dense factors of the minimum-ℓ2 solution, where it ends."""
    rng = np.random.default_rng(seed)
    problem, target = sensing(config.active, config.measurements, 0.0, rng)
    start: km.StructuredOperator
    if config.structure == "dense":
        B = km.reference_path(problem, "ridge", [0.0]).weights[0]
    else:
        shapes = {"Monarch": ((4, 4, 4), (4, 4, 4)), "Mixer": ((4, 4), (4, 4))}[config.structure]
        make = {"Monarch": km.Monarch, "Mixer": km.Kronecker}[config.structure]
        start = make(*(1e-4 * rng.normal(size=shape) for shape in shapes))
        first = 0.5 * float(np.mean(problem.y**2))
        B = whole(
            km.gradient_descent(problem, start, steps=6000, loss_tolerance=1e-13 * first, records=2)
        ).operator.to_dense()
    error = float(np.linalg.norm(B - target) / np.linalg.norm(target))
    return {"error": error, "recovered": float(error < 1e-3)}


def decide(table: Table) -> Outcome:
    """Whether Monarch's error is that much smaller than the minimum-ℓ2 solution's, where dense factors end."""
    [first] = (c for c in table.configurations if c["structure"] == "dense")
    at = {name: first[name] for name in ("active", "measurements")}
    monarch, dense = (table.samples("error", structure=s, **at) for s in ("Monarch", "dense"))
    share = table.interval("recovered", structure="Monarch", **at).mean
    return decide_together(
        [Comparison("error of the minimum-ℓ2 solution minus Monarch's", dense - monarch, _SMALLEST)],
        f"{at['active']} active slices, {at['measurements']} of 256 unknowns measured: Monarch recovers the target to 1e-3 in "
        f"{share:.0%} of the seeds (error {monarch.interval}), the minimum-ℓ2 solution has error {dense.interval}",
    )


def plot(table: Table, ax: Any) -> None:
    """Share of recoveries by active slices and measurements, Monarch factors."""
    active = sorted(table.levels("active"))
    measured = sorted(table.levels("measurements"))
    share = np.array(
        [
            [table.interval("recovered", structure="Monarch", active=a, measurements=m).mean for m in measured]
            for a in active
        ]
    )
    image = ax.imshow(share, origin="lower", aspect="auto", cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(measured)), measured)
    ax.set_yticks(range(len(active)), active)
    ax.grid(visible=False)
    ax.set_xlabel("measurements of 256 unknowns")
    ax.set_ylabel("active slices of 16")
    ax.set_title("share of seeds recovered to 1e-3, Monarch factors", loc="left")
    ax.figure.colorbar(image, ax=ax)


def _grid(active: tuple[int, ...], measured: tuple[int, ...]) -> tuple[Config, ...]:
    """Monarch everywhere; dense and Mixer factors where they are compared."""
    monarch = tuple(Config("Monarch", a, m) for a, m in product(active, measured))
    return (*monarch, Config("dense", 3, 110), Config("Mixer", 3, 110))


STUDY = Study(
    "sensing_phase",
    "How many measurements do Monarch factors need to recover how many active slices?",
    "T23",
    {
        "quick": _grid((1, 3, 5), (60, 110, 160)),
        "full": _grid(tuple(range(1, 11)), tuple(range(30, 251, 20))),
        "null": (Config("Monarch", 3, 10), Config("dense", 3, 10)),  # fewer measurements than numbers in a slice
        "planted": (Config("Monarch", 1, 120), Config("dense", 1, 120)),
    },
    run_cell,
    decide,
    plot,
    {"quick": 4, "full": 20, "null": 4, "planted": 4},
    _SMALLEST,
)
