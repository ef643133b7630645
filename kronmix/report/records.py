"""The numbers of what was found, as plain values and arrays for other programs."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from typing import Any

import numpy as np

from .. import __version__
from ..intervals import Interval
from ..mixer.inspection import Approximation, Inspection, width_curve
from ..networks.inspection import NetworkSeen
from ..regularization.comparison import Comparison
from ..regularization.restoration import Restoration, Run
from .findings import Array, Findings
from .matrices import MatrixSeen
from .photograph_sections import contenders


def as_record(findings: Findings) -> dict[str, Any]:
    """Numbers of the page as plain values, for ``results.json``."""
    record: dict[str, Any] = {
        "kronmix": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "source": findings.source,
    }
    if findings.made is not None:
        record["made"] = asdict(findings.made)
    if findings.failures:
        record["failures"] = [asdict(failure) for failure in findings.failures]
    if findings.comparison is not None:
        record["comparison"] = _comparison_record(findings.comparison)
    if findings.table is not None:
        record["path"] = {"name": findings.table.path.name, "chosen": findings.table.chosen}
    if findings.matrices:
        record["matrices"] = [_matrix_record(seen) for seen in findings.matrices]
    if findings.inspection is not None:
        record["mixer"] = inspection_record(findings.inspection)
    if findings.network is not None:
        record["network"] = network_record(findings.network)
    if findings.history:
        record["history"] = [asdict(epoch) for epoch in findings.history]
    if findings.studies:
        record["studies"] = {s.name: {"question": s.question, "outcome": s.outcome} for s in findings.studies}
    if findings.fronts:
        record["fronts"] = {name: asdict(front.choose()) for name, front in findings.fronts}
    if findings.dense is not None:
        record["dense"] = {"nearest": [_approximation_record(a) for a in findings.dense]}
    if findings.proofs is not None:
        record["proofs"] = json.loads(findings.proofs.to_json())
    if findings.regularized is not None:
        record["regularization"] = {
            "penalties": [asdict(row) for row in findings.regularized.penalties],
            "drift_slope": findings.regularized.slope,
        }
    if findings.restoration is not None:
        record["restoration"] = _restoration_record(findings.restoration)
    if findings.photographs:
        record["photographs"] = {
            "setting": asdict(findings.photographs[0].setting),
            "untouched": [one.untouched for one in findings.photographs],
            "restored": [asdict(one) for one in contenders(findings.photographs)],
        }
    return record


def _comparison_record(found: Comparison) -> dict[str, Any]:
    baselines = {"ridge": found.ridge, "dense": found.dense, "low_rank": found.chosen_low_rank}
    return {
        "budget": found.budget,
        "best": None if found.best is None else found.best.name,
        "structures": [asdict(one) for one in found.structures],
        "baselines": {name: None if one is None else asdict(one) for name, one in baselines.items()},
        "by_rank": [asdict(one) for one in found.low_rank],
        "differences": [
            {
                "baseline": one.baseline.name,
                "mean": one.interval.value,
                "low": _finite(one.interval.low),
                "high": _finite(one.interval.high),
                "verdict": one.verdict,
            }
            for one in found.differences
        ],
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _matrix_record(seen: MatrixSeen) -> dict[str, Any]:
    return {
        "name": seen.name,
        "shape": list(seen.shape),
        "sigma_max": float(seen.singular_values[0]),
        "kronecker_error": seen.kronecker_error,
        "kronecker_numbers": seen.kronecker_numbers,
        "monarch_error": seen.monarch_error,
        "monarch_numbers": seen.monarch_numbers,
        "shuffled_error": seen.shuffled_error,
    }


def network_record(seen: NetworkSeen) -> dict[str, Any]:
    """Layers of a network, and its blocks with their skip connections."""
    shape = seen.shape
    return {
        "name": seen.network.name,
        "parameters": seen.network.n_parameters,
        "ignored": dict(seen.network.ignored),
        "tokens": None if shape is None else shape.tokens,
        "channels": None if shape is None else shape.channels,
        "equivalent_density": None if shape is None else shape.equivalent_density,
        "layers": [
            {
                "block": layer.block,
                "name": layer.name,
                "shape": list(layer.operator.shape),
                "connections": layer.operator.connections,
                "density": layer.operator.density,
                "sigma_max": float(layer.singular_values[0]),
                "sigma_over_edge": float(layer.singular_values[0] / layer.edge),
                "condition": layer.condition if np.isfinite(layer.condition) else None,
                "hoyer": layer.hoyer,
                "kronecker_error": layer.kronecker_error,
                "monarch_error": layer.monarch_error,
            }
            for layer in seen.layers
        ],
        "with_skip": [
            {
                "block": s.block,
                "name": s.name,
                "sigma_max": float(s.singular_values[0]),
                "sigma_min": float(s.singular_values[-1]),
            }
            for s in seen.skips
        ],
    }


def inspection_record(seen: Inspection) -> dict[str, Any]:
    """One layer X ↦ W X V as a wide matrix."""
    S, C = seen.mixer.input_shape
    return {
        "tokens": S,
        "channels": C,
        "width": seen.effective.shape[1],
        "parameters": seen.effective.n_parameters,
        "connections": seen.connections,
        "equivalent_density": seen.equivalent_density,
        "best_width": seen.best.width,
        "best_tokens": seen.best.tokens,
        "layers": [
            {
                "name": layer.name,
                "shape": list(layer.operator.shape),
                "connections": layer.operator.connections,
                "density": layer.operator.density,
                "sigma_max": layer.largest,
                "sigma_min": layer.smallest,
            }
            for layer in seen.layers
        ],
        "sigma_max": float(seen.singular_values[0]),
        "singular_values_difference": seen.spectrum_difference,
        "hoyer": seen.profile.hoyer,
        "effective_nonzeros": seen.profile.effective_nonzeros,
        "l1_looseness": seen.profile.l1_looseness,
        "slice_hoyer": seen.profile.group_hoyer,
        "nearest": [_approximation_record(a) for a in seen.approximations],
    }


def as_arrays(findings: Findings) -> dict[str, Array]:
    """Arrays of the page, for ``arrays.npz``."""
    arrays: dict[str, Array] = {}
    if findings.inspection is not None:
        arrays |= _mixer_arrays(findings.inspection)
    if findings.matrices:
        arrays |= {f"{seen.name}/singular_values": seen.singular_values for seen in findings.matrices}
    if findings.table is not None:
        traced = findings.table.path
        arrays |= {"path/parameter": traced.parameter, "path/weights": traced.weights, "path/coef": traced.coef}
    if findings.network is not None:
        arrays |= {
            f"block_{layer.block}/{layer.name.replace(' ', '_')}/singular_values": layer.singular_values
            for layer in findings.network.layers
        }
    for name, front in findings.fronts:
        for key in ("n_parameters", "relative_error", "lower_bound"):
            arrays[f"fronts/{name}/{key}"] = np.array([getattr(row, key) for row in front])
    if findings.regularized is not None and findings.regularized.path is not None:
        path = findings.regularized.path
        arrays |= {"decay/parameter": path.parameter, "decay/weights": path.weights}
        if path.reference is not None:
            arrays["decay/reference"] = path.reference
    if findings.restoration is not None:
        result = findings.restoration
        arrays["steps"] = result.steps
        for name, runs in result.runs.items():
            key = name.replace(" ", "_").replace("-", "_")
            for i, factor in enumerate(runs[0].operator.factors):
                arrays[f"{key}/factor_{i}"] = factor
            arrays[f"{key}/training_loss"] = np.array([run.path.losses for run in runs])
            for quantity in runs[0].path.recorded.keys() - {"factors"}:
                arrays[f"{key}/{quantity.replace(' ', '_')}"] = np.array([run.path.recorded[quantity] for run in runs])
    return arrays


def _mixer_arrays(seen: Inspection) -> dict[str, Array]:
    curve = width_curve(seen.connections)
    arrays: dict[str, Array] = {
        "W": seen.mixer.token_weights[0],
        "V": seen.mixer.channel_weights[0],
        "singular_values": seen.singular_values,
        "width_curve_tokens": curve[0],
        "width_curve_widths": curve[1],
    }
    if seen.dense_singular_values is not None:
        arrays["dense_singular_values"] = seen.dense_singular_values
    if seen.profile.group_norms is not None:
        arrays["slice_norms"] = seen.profile.group_norms
    for i, factor in enumerate(seen.approximations[0].operator.factors):
        arrays[f"monarch_factor_{i}"] = factor
    return arrays


def _restoration_record(result: Restoration) -> dict[str, Any]:
    return {
        "settings": dict(result.settings),
        "noisy_error": _interval_record(result.noisy),
        "mean_image_error": _interval_record(result.mean),
        "least_squares_error": _interval_record(result.best_linear),
        "structures": {name: _structure_record(result, name, runs) for name, runs in result.runs.items()},
    }


def _structure_record(result: Restoration, name: str, runs: tuple[Run, ...]) -> dict[str, Any]:
    op = runs[0].operator
    return {
        "parameters": op.n_parameters,
        "nonzeros": op.nnz,
        "density": op.density,
        "multiply_adds": op.connections,
        "held_out_error": _interval_record(result.final(name, lambda run: run.error)),
        "training_loss": _interval_record(result.final(name, lambda run: float(run.path.losses[-1]))),
        "seconds": _interval_record(result.final(name, lambda run: run.seconds)),
        **{
            quantity.replace(" ", "_"): _interval_record(result.last(name, quantity))
            for quantity in ("Hoyer", "effective non-zeros", "l1 looseness", "slice Hoyer")
        },
    }


def _interval_record(value: Interval) -> dict[str, float | None]:
    half = float(value.half_width)
    return {"mean": float(value.mean), "half_width_95": half if np.isfinite(half) else None}


def _approximation_record(found: Approximation) -> dict[str, Any]:
    return {"structure": found.name, "parameters": found.n_parameters, "relative_error": found.relative_error}
