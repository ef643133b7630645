"""Checkpoints: logits against formulas written from the published layouts, every layout, every precision, hostile files."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

import kronmix as km
from kronmix.mixer import read_checkpoint, write_synthetic_checkpoint
from kronmix.mixer.checkpoints import read_safetensors

SMALL = {"image": 16, "patch": 4, "channels": 12, "depth": 2, "classes": 5}


def images(samples: int = 3) -> Any:
    return np.random.default_rng(1).normal(size=(samples, 16, 16, 3)).astype(np.float32)


def gelu(x: Any) -> Any:
    return x * (1 + erf(x / np.sqrt(2))) / 2


def gelu_tanh(x: Any) -> Any:
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


def layer_norm(X: Any, scale: Any, shift: Any) -> Any:
    return (X - X.mean(-1, keepdims=True)) / np.sqrt(X.var(-1, keepdims=True) + 1e-6) * scale + shift


def torch_like(a: dict[str, Any], x: Any, resmlp: bool) -> Any:
    """timm's modules in NumPy: convolution on NCHW, Linear as x @ weight.T + bias, token MLP on the transpose."""

    def linear(name: str, z: Any) -> Any:
        return z @ a[f"{name}.weight"].T + a[f"{name}.bias"]

    def norm(name: str, z: Any) -> Any:
        if resmlp:
            return a[f"{name}.alpha"] * z + a[f"{name}.beta"]
        return layer_norm(z, a[f"{name}.weight"], a[f"{name}.bias"])

    weight = a["stem.proj.weight"]
    C, _, P, _ = weight.shape
    N, H, W, _ = x.shape
    z = np.zeros((N, (H // P) * (W // P), C))
    for i in range(H // P):
        for j in range(W // P):
            patch = x[:, i * P : (i + 1) * P, j * P : (j + 1) * P].transpose(0, 3, 1, 2)
            z[:, i * (W // P) + j] = np.einsum("nchw,ochw->no", patch, weight) + a["stem.proj.bias"]
    depth = len({name.split(".")[1] for name in a if name.startswith("blocks.")})
    for i in range(depth):
        b = f"blocks.{i}"
        t = norm(f"{b}.norm1", z).transpose(0, 2, 1)
        if resmlp:
            z = z + a[f"{b}.ls1"] * linear(f"{b}.linear_tokens", t).transpose(0, 2, 1)
        else:
            z = z + linear(f"{b}.mlp_tokens.fc2", gelu(linear(f"{b}.mlp_tokens.fc1", t))).transpose(0, 2, 1)
        c = linear(f"{b}.mlp_channels.fc2", gelu(linear(f"{b}.mlp_channels.fc1", norm(f"{b}.norm2", z))))
        z = z + (a[f"{b}.ls2"] * c if resmlp else c)
    return linear("head", norm("norm", z).mean(axis=1))


def jax_like(a: dict[str, Any], x: Any) -> Any:
    """The original code in NumPy: kernels (in, out), tanh GELU."""

    def dense(name: str, z: Any) -> Any:
        return z @ a[f"{name}/kernel"] + a[f"{name}/bias"]

    kernel = a["stem/kernel"]
    P = len(kernel)
    N, H, W, _ = x.shape
    blocks = x.reshape(N, H // P, P, W // P, P, 3).transpose(0, 1, 3, 2, 4, 5)
    z = np.einsum("nijhwc,hwco->nijo", blocks, kernel).reshape(N, -1, kernel.shape[3]) + a["stem/bias"]
    for i in range(len({name.split("/")[0] for name in a if name.startswith("MixerBlock_")})):
        b = f"MixerBlock_{i}"
        t = layer_norm(z, a[f"{b}/LayerNorm_0/scale"], a[f"{b}/LayerNorm_0/bias"]).swapaxes(1, 2)
        z = z + dense(f"{b}/token_mixing/Dense_1", gelu_tanh(dense(f"{b}/token_mixing/Dense_0", t))).swapaxes(1, 2)
        c = layer_norm(z, a[f"{b}/LayerNorm_1/scale"], a[f"{b}/LayerNorm_1/bias"])
        z = z + dense(f"{b}/channel_mixing/Dense_1", gelu_tanh(dense(f"{b}/channel_mixing/Dense_0", c)))
    norm = layer_norm(z, a["pre_head_layer_norm/scale"], a["pre_head_layer_norm/bias"])
    return dense("head", norm.mean(axis=1))


def doubles(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("family", ["MLP-Mixer", "ResMLP"])
def test_logits_of_timm_files(family: str, dtype: str, tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    write_synthetic_checkpoint(file, family=family, dtype=dtype, **SMALL)
    net = km.load_mixer(file)
    expected = torch_like(doubles(read_safetensors(file)), images(), family == "ResMLP")
    found = net(images())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert len(net.blocks) == 2


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_logits_of_jax_files(dtype: str, tmp_path: Path) -> None:
    file = tmp_path / "small.npz"
    write_synthetic_checkpoint(file, dtype=dtype, **SMALL)
    with np.load(file) as arrays:
        expected = jax_like(doubles(dict(arrays)), images())
    found = km.load_mixer(file)(images())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_the_loaded_network_is_its_wide_mlp(tmp_path: Path) -> None:
    for family in ("MLP-Mixer", "ResMLP"):
        file = tmp_path / f"{family}.safetensors"
        write_synthetic_checkpoint(file, family=family, **SMALL)
        net = km.load_mixer(file)
        net = net.with_factors(*(f.astype(np.float64) for f in net.factors))
        np.testing.assert_allclose(net(images()), net.as_wide_mlp()(images()), atol=1e-10)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "opt/target/", "params/"])
def test_prefixes_of_names_are_seen_through(prefix: str, tmp_path: Path) -> None:
    file = tmp_path / "small.npz"
    write_synthetic_checkpoint(file, **SMALL)
    with np.load(file) as arrays:
        np.savez(tmp_path / "named.npz", **{prefix + name: array for name, array in arrays.items()})
    assert np.array_equal(km.load_mixer(tmp_path / "named.npz")(images()), km.load_mixer(file)(images()))


def test_our_reader_agrees_with_the_library(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    for dtype in ("float32", "float16"):
        file = tmp_path / f"{dtype}.safetensors"
        write_synthetic_checkpoint(file, dtype=dtype, **SMALL)
        ours, theirs = read_safetensors(file), load_file(file)
        assert set(ours) == set(theirs)
        assert all(np.array_equal(ours[name], theirs[name]) and ours[name].dtype == theirs[name].dtype for name in ours)


def rewrite(file: Path, change: Any) -> None:
    """Change the named arrays of an .npz."""
    with np.load(file) as arrays:
        named = dict(arrays)
    change(named)
    np.savez(file, **named)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda a: a.pop("MixerBlock_1/token_mixing/Dense_0/bias"),
            "no array 'MixerBlock_1/token_mixing/Dense_0/bias', though",
        ),
        (lambda a: a.update({"stem/bias": np.ones(3, np.float32)}), "'stem/bias' has shape"),
        (lambda a: a.update({"stem/bias": np.full(12, np.nan, np.float32)}), "NaN"),
        (lambda a: a.update({"stem/bias": np.ones(12, np.int64)}), "holds int64"),
        (
            lambda a: [a.pop(k) for k in list(a) if k.startswith("MixerBlock_0")],
            "not a Mixer checkpoint that is known: it holds 'MixerBlock_1/",
        ),
        (lambda a: a.pop("stem/kernel"), "no array 'stem/kernel'"),
    ],
)
def test_damaged_jax_files(change: Any, words: str, tmp_path: Path) -> None:
    file = tmp_path / "small.npz"
    write_synthetic_checkpoint(file, **SMALL)
    rewrite(file, change)
    with pytest.raises(ValueError, match=words):
        read_checkpoint(file)


def with_header(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a safetensors file, or truncated"),
        (b"1234567", "not a safetensors file, or truncated"),
        (struct.pack("<Q", 2**60) + b"{}", "not a safetensors file, or truncated"),
        (with_header(b"not json"), "the header is not"),
        (with_header(b"[" * 100_000), "the header is not"),
        (with_header([1, 2]), "the header is not"),
        (with_header({"a": 3}), "the header is not"),
        (with_header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}), "outside the file"),
        (with_header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}}, b"x" * 8), "outside the file"),
        (with_header({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, b"x" * 8), "has another size"),
        (with_header({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, b"x" * 8), "cannot be read"),
        (
            with_header({"a": {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}}, b"x" * 8),
            "numbers of type C64, which are not read",
        ),
        (with_header({"a": {"dtype": "F32", "shape": "2", "data_offsets": [0, 8]}}, b"x" * 8), "cannot be read"),
    ],
)
def test_hostile_safetensors(content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.safetensors"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_safetensors(file)


def test_truncated_safetensors(tmp_path: Path) -> None:
    file = tmp_path / "small.safetensors"
    write_synthetic_checkpoint(file, **SMALL)
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(ValueError, match="truncated"):
        km.load_mixer(file)


@pytest.mark.parametrize(
    "options", [{"patch": 5}, {"family": "gMLP"}, {"dtype": "int8"}, {"dtype": "bfloat16"}, {"family": "ResMLP"}]
)
def test_writer_refuses_what_it_cannot_write(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected"):
        write_synthetic_checkpoint(tmp_path / "x.npz", **{**SMALL, **options})
    assert not list(tmp_path.iterdir())
