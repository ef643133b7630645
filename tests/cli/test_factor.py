"""``kronmix factor`` without a structure: fronts, budgets, tolerances, models, bad input."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.sparse import csr_array, save_npz

import kronmix as km
from kronmix import files
from kronmix.cli import layers
from tests.test_cli import call


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    monarch = km.Monarch(rng.normal(size=(6, 6, 6)), rng.normal(size=(6, 6, 6))).to_dense()
    noise = rng.normal(size=monarch.shape)
    np.save(tmp_path / "m.npy", monarch + 0.05 * np.linalg.norm(monarch) / np.linalg.norm(noise) * noise)
    kron = np.kron(rng.normal(size=(6, 4)), rng.normal(size=(4, 8)))
    save_file(
        {
            "fc.weight": kron + 0.01 * rng.normal(size=kron.shape),
            "fc.bias": np.zeros(24),
            "conv.weight": rng.normal(size=(8, 2, 3, 3)).astype(np.float32),
            "blocks/0.weight": monarch,
            "again": monarch,
        },
        tmp_path / "model.safetensors",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def test_a_matrix_alone_prints_its_front(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, errors = call(capsys, "factor", "m.npy")
    assert (code, errors) == (0, "")
    found = km.search(np.load("m.npy"))
    assert found.answer() in " ".join(printed.split())
    assert all(str(found.front[i]) in printed for i in found.corners)
    assert "Use Monarch (6, 6, 6, 6): 432 numbers" in printed
    assert (folder / "out/factor/m.front.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "out/factor/m.factors.npz").exists()


@pytest.mark.parametrize(
    "option", [("--budget", "34%"), ("--budget", "0.34"), ("--budget", "432"), ("--tolerance", "0.06")]
)
def test_a_budget_or_a_tolerance_writes_the_factors(
    folder: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    code, printed, _ = call(capsys, "factor", "m.npy", *option, "--out", "f.npz", "--plot", "p.png")
    assert code == 0
    operator, B = km.load("f.npz"), np.load("m.npy")
    error = np.linalg.norm(B - operator.to_dense()) / np.linalg.norm(B)
    assert f"relative error {error:.3g}" in printed
    assert operator.n_parameters == 432
    assert (folder / "p.png").exists()


def test_errors_on_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    X = np.random.default_rng(0).normal(size=(36, 2)) @ np.random.default_rng(1).normal(size=(2, 90))
    np.savez("activations.npz", X=X)
    code, printed, _ = call(capsys, "factor", "m.npy", "--inputs", "activations.npz", "--tolerance", "1e-10")
    assert code == 0
    assert "m.npy, 36×36: error on the data against numbers stored" in printed
    assert "Use low rank 36×36, rank 2" in printed
    B = np.load("m.npy")
    itself = np.linalg.norm(B - km.load("out/factor/m.factors.npz").to_dense()) / np.linalg.norm(B)
    assert f"of the matrix itself {itself:.3g}" in printed
    assert np.linalg.norm((B - km.load("out/factor/m.factors.npz").to_dense()) @ X) < 1e-10 * np.linalg.norm(B @ X)


def test_one_layer_and_sparse_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = call(capsys, "factor", "model.safetensors", "--layer", "fc.weight", "--tolerance", "0.1")
    assert code == 0
    assert "Use Kronecker sum (6, 4, 4, 8)" in printed
    code, printed, _ = call(capsys, "factor", "model.safetensors", "--layer", "conv.weight", "--budget", "50%")
    assert (code, "model.safetensors, 8×18" in printed) == (0, True)
    save_npz("s.npz", csr_array(np.kron(np.eye(6), np.ones((4, 4)))))
    assert call(capsys, "factor", "s.npz", "--tolerance", "1e-12")[0] == 0
    assert km.load("out/factor/s.factors.npz").n_parameters == 48  # six blocks of rank 1; 6×6 ⊗ 4×4 stores 52


def test_an_awkward_size_is_padded_when_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    np.save("p.npy", np.kron(rng.normal(size=(4, 4)), rng.normal(size=(6, 6)))[:23, :23])
    code, printed, _ = call(capsys, "factor", "p.npy", "--pad", "--tolerance", "1e-10")
    assert code == 0
    assert "Use padded Kronecker sum (4, 4, 6, 6): 52 numbers" in printed
    (file,) = folder.rglob("p.factors.npz")
    np.testing.assert_allclose(km.load(file).to_dense(), np.load("p.npy"), atol=1e-12)


def test_a_model_is_searched_once(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, printed, _ = call(capsys, "factor", "model.safetensors")
    assert code == 0
    assert "no matrices: fc.bias" in printed
    for name in ("fc.weight", "conv.weight", "blocks/0.weight", "again"):
        assert name in printed
    kept = sorted((folder / "out/factor/model.fronts").iterdir())
    assert len(kept) == 3  # two layers are equal
    assert all({"shape", "norm", "rows"} == json.loads(file.read_text(encoding="utf-8")).keys() for file in kept)
    monkeypatch.setattr(layers, "search", lambda *args, **options: pytest.fail("searched again"))
    assert call(capsys, "factor", "model.safetensors")[0] == 0
    code, printed, _ = call(capsys, "factor", "model.safetensors", "--budget", "30%")
    assert code == 0
    written = {file.stem: km.load(file) for file in (folder / "out/factor/model.factors").iterdir()}
    assert sorted(written) == ["again", "blocks.0.weight", "conv.weight", "fc.weight"]
    numbers = sum(op.n_parameters for op in written.values())
    sizes = 24 * 32 + 8 * 18 + 2 * 36 * 36
    assert numbers <= 0.3 * sizes
    arrays = files.read_arrays("model.safetensors")
    matrices = {name: np.asarray(array).reshape(len(array), -1) for name, array in arrays.items() if array.ndim > 1}
    error2 = sum(np.linalg.norm(B - written[name.replace("/", ".")].to_dense()) ** 2 for name, B in matrices.items())
    relative = np.sqrt(error2 / sum(np.linalg.norm(B) ** 2 for B in matrices.values()))
    assert f"relative error of all layers together {relative:.3g}" in printed


@pytest.mark.slow
def test_a_cluster_searches_only_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True) as cluster:
        arguments = ("factor", "model.safetensors", "--scheduler", cluster.scheduler_address)
        assert call(capsys, *arguments)[0] == 0
        (fronts,) = folder.rglob("model.fronts")
        kept = {file.name: file.stat().st_mtime_ns for file in fronts.iterdir()}
        lost = sorted(kept)[0]
        (fronts / lost).unlink()  # as where the run was killed before
        assert call(capsys, *arguments, "--budget", "30%", "--force")[0] == 0
    again = {file.name: file.stat().st_mtime_ns for file in fronts.iterdir()}
    assert again.keys() == kept.keys()
    assert {name for name in kept if again[name] != kept[name]} == {lost}


@pytest.mark.slow
def test_a_model_within_a_tolerance_on_two_processes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = call(capsys, "factor", "model.safetensors", "--tolerance", "0.2", "--jobs", "2", "--out", "out")
    assert code == 0
    assert "(proved)" in printed
    assert len(list((folder / "out" / "model.factors").iterdir())) == 4


def test_an_interrupted_model_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    true_search, calls = layers.search, 0

    def interrupted(B: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return true_search(B)

    monkeypatch.setattr(layers, "search", interrupted)
    code, _, errors = call(capsys, "factor", "model.safetensors", "--budget", "30%")
    assert code == 130
    assert "of 4 layers are kept in out/factor/model.fronts: run the same again to go on" in errors
    assert len(list((folder / "out/factor/model.fronts").iterdir())) == 1
    assert not (folder / "out/factor/model.factors").exists()
    assert call(capsys, "factor", "model.safetensors", "--budget", "30%")[0] == 0
    assert calls == 4  # the interrupted one again, and the third


def test_ctrl_c_keeps_what_was_found(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    search = km.search  # read before it is replaced: the name is loaded when first asked for

    def stopped(B: Any, progress: Any, **options: Any) -> Any:
        def stop(name: str, done: int) -> None:
            progress(name, done)
            if name == "butterfly":
                raise KeyboardInterrupt

        return search(B, progress=stop, **options)

    monkeypatch.setattr(km.decompose, "search", stopped)
    code, printed, errors = call(capsys, "factor", "m.npy", "--budget", "34%")
    assert (code, errors) == (130, "kronmix: interrupted: the front is of what was searched so far\n")
    assert "Use Monarch (6, 6, 6, 6)" in printed
    assert "The search was interrupted: others may be better." in " ".join(printed.split())
    assert km.load("out/factor/m.factors.npz").n_parameters == 432


def test_ctrl_c_before_anything_was_found(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    front = replace(km.search(np.load("m.npy")), front=(), baseline=(), interrupted=True)
    monkeypatch.setattr(km.decompose, "search", lambda *args, **options: front)
    told = (130, "", "kronmix: interrupted, nothing was written\n")
    assert call(capsys, "factor", "m.npy") == told
    assert not (folder / "out").exists()
    assert front.answer() == "The search was interrupted before it had looked at any structure."
    with pytest.raises(ValueError, match="the search was interrupted before it had looked at any structure"):
        front.choose()


BAD = [
    (("nan.npy",), "has 16 NaN or infinite entries"),
    (("vector.npy",), "vector.npy: holds no matrix, but vector of shape (4,)"),
    (("empty.npy",), "is empty"),
    (("w.pt",), "safetensors"),
    (("m.npy", "--budget", "3"), "budget=3: the smallest candidate, "),
    (("m.npy", "--budget", "-3"), "expected a positive number of numbers"),
    (("m.npy", "--budget", "100%"), "a share below 100%"),
    (("m.npy", "--budget", "many"), "expected a number of numbers, as 5000, or a share, as 10%"),
    (("m.npy", "--tolerance", "1e-9"), "tolerance=1e-09: the nearest candidate, "),
    (("m.npy", "--tolerance", "-1"), "--tolerance -1.0: expected a number, at least 0"),
    (("m.npy", "--budget", "10%", "--tolerance", "0.1"), "not both"),
    (("m.npy", "--shape", "6,6,6,6"), "need a --structure"),
    (("m.npy", "--structure", "butterfly", "--budget", "10%"), "not --budget, --tolerance"),
    (("model.safetensors", "--permute"), "take one layer: name it with --layer"),
    (("model.safetensors", "--tolerance", "-1"), "--tolerance -1.0: expected a number, at least 0"),
    (("m.npy", "--tolerance", "nan"), "expected a number, at least 0"),
    (("m.npy", "--jobs", "2"), "share out the layers of a model: this is one matrix"),
    (("m.npy", "--pad", "--inputs", "m.npy"), "structures reordered or padded are not fitted to data"),
    (("m.npy", "--inputs", "empty.npy"), "is empty"),
    (("m.npy", "--inputs", "nan.npy"), "has 16 NaN"),
    (("m.npy", "--budget", "10%", "--out", "f.txt"), "expected a folder, or a name ending in .npz"),
    (("bad.safetensors",), "array 'W' has 1 NaN"),
    (("plain.safetensors",), "holds no matrix among its arrays (b)"),
    (("model.safetensors", "--budget", "1%"), "the fronts of the layers are kept in out/factor/model.fronts"),
    (("one_file.safetensors", "--budget", "50%"), "layers c.d and c/d would both be c.d.npz: take each with --layer"),
    (
        ("m.npy", "--inputs", "rows.npy"),
        "expected (36, samples), as B has 36 columns; inputs is transposed: pass inputs.T",
    ),
    (("m.npy", "--plot", "front.pdf"), "--plot front.pdf: expected a name ending in .png"),
    (("model.safetensors", "--layer", "absent"), "no layer 'absent', it holds again, blocks/0.weight"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_input_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    np.save("nan.npy", np.full((4, 4), np.nan))
    np.save("vector.npy", np.ones(4))
    np.save("empty.npy", np.ones((0, 3)))
    (folder / "w.pt").write_bytes(b"PK\x03\x04")
    W = np.ones((4, 4))
    W[1, 2] = np.nan
    save_file({"W": W, "V": np.ones((6, 6))}, "bad.safetensors")
    save_file({"b": np.ones(4)}, "plain.safetensors")
    save_file({"c/d": np.eye(4), "c.d": np.ones((4, 4))}, "one_file.safetensors")
    np.save("rows.npy", np.ones((5, 36)))
    before = {file.name for file in folder.iterdir()}
    code, printed, errors = call(capsys, "factor", *arguments)
    assert code == 2
    assert words in errors
    assert errors.count("\n") == 1
    assert "Use " not in printed
    assert {file.name for file in folder.iterdir()} - before <= {"out"}  # fronts of a model are kept


def test_a_damaged_result_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "factor", "model.safetensors")[0] == 0
    file = next((folder / "out/factor/model.fronts").iterdir())
    file.write_text("{}", encoding="utf-8")
    code, _, errors = call(capsys, "factor", "model.safetensors")
    assert code == 2
    assert "delete it to search that layer again" in errors
