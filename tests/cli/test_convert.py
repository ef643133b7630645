"""``kronmix convert`` and ``kronmix inspect`` on adapters, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import kronmix as km
from kronmix.cli import main


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "kronmix", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(km.__file__).parents[1]),
            "COLUMNS": "100",
            "PYTHONIOENCODING": "utf-8",
        },
    )


def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> tuple[int, str, str]:
    """The same in this process, for the many wrong inputs."""
    monkeypatch.setattr(sys, "argv", ["kronmix", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    captured = capsys.readouterr()
    return int(stop.value.code or 0), captured.out, captured.err


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    factors = {"lokr_w1": rng.normal(size=(3, 3)), "lokr_w2": rng.normal(size=(4, 5))}
    save_file({f"unet_a.{name}": array for name, array in factors.items()}, tmp_path / "lokr.safetensors")
    return tmp_path / "lokr.safetensors"


def test_an_adapter_is_inspected_converted_and_inspected_again(
    adapter: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, seen, errors = call(capsys, monkeypatch, "inspect", adapter, "--plot", adapter.with_name("spectra.png"))
    assert (code, errors) == (0, "")
    assert "1 adapted layers, 29 numbers (kohya's layout)" in seen
    assert "12×15" in seen
    assert adapter.with_name("spectra.png").read_bytes().startswith(b"\x89PNG")
    done = run("convert", adapter, "--to", "lora", "--rank", 2, "--out", adapter.parent)
    assert (done.returncode, done.stderr) == (0, "")
    target = adapter.with_name("lokr.lora.safetensors")
    assert done.stdout.splitlines()[-1] == str(target)
    before, (after,) = km.interop.read_adapter(adapter)[0].operator.to_dense(), km.interop.read_adapter(target)
    error = np.linalg.norm(before - after.operator.to_dense()) / np.linalg.norm(before)
    assert f"{error:.3g}" in done.stdout
    assert "LoRA" in call(capsys, monkeypatch, "inspect", target)[1]


def test_kernels_and_targets_are_the_user_s(
    adapter: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = adapter.with_name("out.safetensors")
    options = ("--tolerance", "1e-2", "--kernel", "unet_*=5x1", "--out", out)
    code, printed, errors = call(capsys, monkeypatch, "convert", adapter, "--to", "lora", *options)
    assert (code, errors) == (0, "")
    assert "12×3×5×1" in printed
    assert km.interop.read_adapter(out)[0].shape == (12, 3, 5, 1)


@pytest.mark.parametrize(
    ("target", "ending"),
    [("torch", "safetensors"), ("lazylinop", "mat"), ("pyfaust", "mat"), ("fly", "safetensors")],
)
def test_factors_are_taken_elsewhere(
    target: str, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "B.npy", np.kron(np.arange(12.0).reshape(3, 4), np.eye(5)))
    monkeypatch.chdir(tmp_path)
    assert call(capsys, monkeypatch, "factor", "B.npy", "--structure", "kronecker", "--shape", "3x4,5x5")[0] == 0
    code, printed, errors = call(capsys, monkeypatch, "convert", "out/factor/B.factors.npz", "--to", target)
    assert (code, errors) == (0, "")
    assert printed.splitlines()[-1] == f"out/convert/B.factors.{target}.{ending}"
    assert "Kronecker(15×20, 3×4 ⊗ 5×5" in printed
    usage = printed.splitlines()[-2]
    assert f"B.factors.{target}" in usage
    assert ("km.interop.read_factors('out/factor/B.factors.npz')" in usage) == (target == "torch")
    assert (tmp_path / f"out/convert/B.factors.{target}.{ending}").stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("lokr.safetensors", "--to", "lora"), "--to lora needs either --rank, as 16, or --tolerance, as 1e-2"),
        (("lokr.safetensors", "--to", "lora", "--rank", 2, "--tolerance", 0.1), "needs either --rank"),
        (("lokr.safetensors", "--to", "lora", "--tolerance", 2), "tolerance=2.0: expected a part of the norm"),
        (
            ("lokr.safetensors", "--to", "lora", "--rank", 2, "--kernel", "3x3"),
            "--kernel 3x3: expected a layer's name and its kernel",
        ),
        (
            ("lokr.safetensors", "--to", "lora", "--rank", 2, "--kernel", "b=3x3"),
            "kernels names 'b', which no layer is called",
        ),
        (
            ("lokr.safetensors", "--to", "lora", "--rank", 2, "--out", "x.bin"),
            "x.bin: expected a name ending in .safetensors",
        ),
        (("lokr.safetensors", "--to", "torch"), "--to torch takes factors in a .npz file"),
        (("W.npz", "--to", "torch"), "holds W, expected what km.save writes, or factor_0"),
        (("W.npz", "--to", "lora", "--rank", 1), "unknown file type '.npz'"),
        (("W.npz", "--to", "fly", "--rank", 1), "--rank, --tolerance and --kernel go with --to lora"),
        (("gone.npz", "--to", "fly"), "gone.npz"),
        (("dense.npz", "--to", "fly"), "fly holds a product of two factors"),
        (("dense.npz", "--to", "torch", "--out", "x.npz"), "x.npz: expected a name ending in .safetensors"),
    ],
)
def test_what_cannot_be_converted_is_refused_in_one_sentence_and_nothing_written(
    arguments: tuple[object, ...],
    words: str,
    adapter: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(adapter.parent)
    np.savez("W.npz", W=np.eye(2))
    km.save(km.Dense(np.eye(2)), "dense.npz")
    before = sorted(file.name for file in adapter.parent.iterdir())
    code, printed, errors = call(capsys, monkeypatch, "convert", *arguments)
    assert (code, printed, errors.count("\n")) == (2, "", 1)
    assert words in errors
    assert sorted(file.name for file in adapter.parent.iterdir()) == before


def test_a_pickle_is_refused_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adapter_model.bin").write_bytes(b"x")
    for file in (tmp_path, tmp_path / "adapter_model.bin"):
        code, _, errors = call(capsys, monkeypatch, "convert", file, "--to", "lora", "--rank", 2)
        assert code == 2
        assert "save it as safetensors: python -c" in errors


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda shard: shard.unlink(), "the shard adapter_model-00002-of-00002.safetensors is not there, of 2"),
        (
            lambda shard: shard.write_bytes(shard.read_bytes()[:-1]),
            "00002-of-00002.safetensors: 'base_model.model.q.lora_B",
        ),
        (lambda shard: shard.write_bytes(b"version https://git-lfs.github.com/spec/v1"), "is a Git LFS pointer"),
        (
            lambda shard: shard.with_name("adapter_model.safetensors.index.json").write_text("{", encoding="utf-8"),
            "not whole JSON",
        ),
    ],
)
def test_an_adapter_with_a_damaged_shard_is_not_converted(
    damage: Callable[[Path], object],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {
        f"base_model.model.q.lora_{part}.weight": f"adapter_model-0000{i}-of-00002.safetensors"
        for i, part in ((1, "A"), (2, "B"))
    }
    for name, place in names.items():
        save_file({name: np.ones((2, 2), np.float32)}, tmp_path / place)
    (tmp_path / "adapter_model.safetensors.index.json").write_text(json.dumps({"weight_map": names}), encoding="utf-8")
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "lora_alpha": 2, "r": 2}', encoding="utf-8")
    given = "convert", tmp_path, "--to", "lora", "--rank", 1, "--out", tmp_path / "new"
    damage(tmp_path / "adapter_model-00002-of-00002.safetensors")
    code, printed, errors = call(capsys, monkeypatch, *given)
    assert (code, printed, errors.count("\n")) == (2, "", 1)
    assert words in errors
    assert not (tmp_path / "new").exists()
