"""The problem that ``kronmix path`` works on: from a table, an archive, or data that comes with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..checks import other_way
from ..extras import needed

#: Standard deviation of the noise on the digits, and images to train on.
_NOISE, _TRAIN = 0.5, 300
#: Endings of text tables.
_TABLES = (".csv", ".tsv", ".txt")


def read_problem(data: Path | None, structure: str, outputs: str | None, raw: bool, seed: int) -> tuple[Any, Any, str]:
    """The problem, how its data was scaled, and where it is from."""
    from ..regularization import Regression, Scaling

    chosen = () if outputs is None else tuple(name.strip() for name in outputs.split(","))
    if data is not None:
        X, Y, names = read_samples(data, chosen)
        source = data.name
    elif chosen:
        raise ValueError("--outputs goes with --data")
    elif structure in ("hadamard", "dense"):
        with needed("diabetes", "kronmix[data]"):
            from sklearn.datasets import load_diabetes

        bunch = load_diabetes()
        X, Y, names = bunch.data, bunch.target, (tuple(bunch.feature_names), ("progression",))
        source = "scikit-learn's diabetes, 442 × 10"
    else:
        return _digits_denoising(seed), None, "restoring scikit-learn's digits"
    X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float).reshape(len(X), -1)
    scaling = Scaling.of(X, Y, *names, standardize=not raw)
    problem = Regression(scaling.standardize(X).T, scaling.standardize_outputs(Y).T)
    return problem, scaling, f"{source}, {'as it is' if raw else 'standardised'}"


def _digits_denoising(seed: int) -> Any:
    from .. import datasets
    from ..regularization import Regression
    from ..regularization.restoration import denoising_task

    task = denoising_task(datasets.digits()[0], _NOISE, _TRAIN, np.random.default_rng(seed))
    return Regression(task.noisy, task.clean)


def read_samples(file: Path, outputs: tuple[str, ...] = ()) -> tuple[Any, Any, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Features, outputs, and the names of both."""
    if file.suffix.lower() in _TABLES or (file.suffixes[-2:-1] and file.suffixes[-2].lower() in _TABLES):
        from .. import datasets

        X, Y = datasets.read_table(file).split(outputs)
        return X.values, Y.values, (X.names, Y.names)
    arrays = files.read_arrays(file)
    features = files.take(arrays, "X", file, real=True)
    targets = files.take(arrays, "Y" if "Y" in arrays else "y", file, ndim=(1, 2), real=True)
    if len(features) != len(targets):
        raise ValueError(
            f"{file}: X has shape {features.shape} and y {targets.shape}: expected (samples, features) and (samples,) or more"
            + other_way("X", features.shape, 0, len(targets))
        )
    targets = targets.reshape(len(targets), -1)
    if not outputs:
        return features, targets, ((), ())
    wrong = [name for name in outputs if not (name.isdecimal() and 1 <= int(name) <= targets.shape[1])]
    if wrong:
        raise ValueError(f"--outputs {wrong[0]}: {file} has outputs 1 to {targets.shape[1]}, without names")
    return features, targets[:, [int(name) - 1 for name in outputs]], ((), tuple(f"y{name}" for name in outputs))
