"""Runs on disk: the same network comes back, and damaged ones are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.networks.runs import HEAD, is_run

networks = km.networks
BUILT: dict[str, Any] = {
    "mlp": lambda: networks.mlp(6, [8], 3, dtype=np.float64),
    "sparse_mlp": lambda: networks.sparse_mlp(6, [8, 8], 3, density=0.5, seed=np.random.default_rng(5)),
    "s_mixer": lambda: networks.s_mixer(2, 3, 1, 3),
    "rp_mixer": lambda: networks.rp_mixer(2, 3, 1, 3, seed=7),
    "monarch_mlp": lambda: networks.monarch_mlp((2, 3), 1, 3),
    "group_mixer": lambda: networks.group_mixer(4, 2, 3),
    "mlp_mixer": lambda: networks.mlp_mixer((4, 4, 1), 2, 3, 1, 3, activation="relu"),
}


def trained(net: Any) -> Any:
    rng = np.random.default_rng(0)
    return net.with_factors(*(f + rng.normal(size=f.shape).astype(f.dtype) for f in net.factors))


@pytest.mark.parametrize("name", BUILT)
def test_every_builder_comes_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    net = trained(BUILT[name]())
    run = networks.Run(net, (networks.Epoch(1, 0.5, 0.25),), {"data": "digits", "rate": 0.1})
    networks.save_run(tmp_path / "run.npz", run)
    again = networks.read_run(tmp_path / "run.npz")
    assert is_run(tmp_path / "run.npz")
    assert (again.history, again.about) == (run.history, run.about)
    X = np.random.default_rng(1).normal(size=(net.layers()[0].shape[1], 4)).astype(net.factors[0].dtype)
    np.testing.assert_array_equal(again.network.body(X), net.body(X))
    np.testing.assert_array_equal(km.load_mixer(tmp_path / "run.npz").body(X), net.body(X))
    assert again.network.recipe == net.recipe


def test_what_no_builder_made_cannot_be_saved(tmp_path: Path) -> None:
    km.mixer.write_synthetic_checkpoint(tmp_path / "m.safetensors", image=8, patch=4, channels=6, depth=1, classes=3)
    with pytest.raises(ValueError, match="made by a builder"):
        networks.save_run(tmp_path / "run.npz", networks.Run(km.load_mixer(tmp_path / "m.safetensors")))
    with pytest.raises(ValueError, match=r"expected \.npz"):
        networks.save_run(tmp_path / "run.txt", networks.Run(BUILT["mlp"]()))
    assert not is_run(tmp_path / "m.safetensors")
    assert not is_run(tmp_path / "none.npz")


def edited(file: Path, **changes: Any) -> None:
    arrays = dict(np.load(file)) | changes
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})


def head(**changes: Any) -> Any:
    plain = {"builder": "mlp", "arguments": {}, "patch": None, "about": {}} | changes
    return np.frombuffer(json.dumps(plain).encode(), np.uint8)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"factor_000": None}, "no array 'factor_000'"),
        ({"factor_000": np.ones((2, 2))}, "factor_000 has shape"),
        ({"factor_000": np.full((8, 6), np.nan)}, "NaN"),
        ({"factor_000": np.ones((8, 6))}, "answers otherwise"),
        ({"history": np.ones(3)}, "'history' has shape"),
        ({HEAD: np.frombuffer(b"nothing", np.uint8)}, "not the head"),
        ({HEAD: head(builder="eval")}, "eval"),
        ({HEAD: head(arguments={"x": 1})}, "mlp:"),
    ],
)
def test_damaged_runs_are_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    file = tmp_path / "run.npz"
    networks.save_run(file, networks.Run(BUILT["mlp"](), (networks.Epoch(1, 0.5, 0.25),)))
    edited(file, **changes)
    with pytest.raises(ValueError, match=words):
        networks.read_run(file)
