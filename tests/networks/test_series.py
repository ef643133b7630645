"""Mixers of time series: forecasts against formulas on three-way arrays, the wide layers as Kronecker products, refusals."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

import kronmix as km
from kronmix.networks.formulas import block_steps, matrix_formula
from tests.networks.gradients import assert_pull_is_the_derivative

Arrays = dict[str, Any]
C, L, P, D, AHEAD = 3, 22, 4, 8, 5


def gelu(x: Any) -> Any:
    return x * (1 + erf(x / np.sqrt(2))) / 2


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class Draw:
    """Random arrays with the names of torch's modules."""

    def __init__(self, seed: int = 0) -> None:
        self.rng, self.arrays = np.random.default_rng(seed), {}

    def array(self, name: str, *shape: int) -> None:
        self.arrays[name] = self.rng.normal(size=shape) / np.sqrt(shape[-1])

    def linear(self, name: str, outputs: int, inputs: int) -> None:
        self.array(f"{name}.weight", outputs, inputs)
        self.array(f"{name}.bias", outputs)

    def norm(self, name: str, size: int, batch: bool) -> None:
        name = f"{name}.norm.norm" + (".batchnorm" if batch else "")
        self.arrays[f"{name}.weight"] = 1 + 0.2 * self.rng.normal(size=size)
        self.array(f"{name}.bias", size)
        if batch:
            self.array(f"{name}.running_mean", size)
            self.arrays[f"{name}.running_var"] = self.rng.uniform(0.5, 2, size)
            self.arrays[f"{name}.num_batches_tracked"] = np.array(3)

    def layer(self, name: str, n: int, d: int, config: Arrays) -> None:
        kinds = [("patch_mixer", n), ("feature_mixer", d)]
        if config["mode"] == "mix_channel":
            kinds.insert(0, ("channel_feature_mixer", C))
        for kind, m in kinds:
            if m == 1:
                continue
            self.norm(f"{name}.{kind}", d, "Batch" in config["norm_mlp"])
            self.linear(f"{name}.{kind}.mlp.fc1", 2 * m, m)
            self.linear(f"{name}.{kind}.mlp.fc2", m, 2 * m)
            if config["gated_attn"]:
                self.linear(f"{name}.{kind}.gating_block.attn_layer", m, m)


class Reference:
    """PatchTSMixer and TinyTimeMixer on arrays H (N, C, n, d), from their published code in words."""

    def __init__(self, arrays: Arrays, config: Arrays) -> None:
        self.a, self.config = arrays, config

    def linear(self, name: str, x: Any) -> Any:
        return x @ self.a[f"{name}.weight"].T + self.a[f"{name}.bias"]

    def norm(self, name: str, x: Any) -> Any:
        name = f"{name}.norm.norm"
        if f"{name}.batchnorm.weight" in self.a:
            w, b, m, v = (
                self.a[f"{name}.batchnorm.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
            )
            return (x - m) / np.sqrt(v + 1e-5) * w + b
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return x * self.a[f"{name}.weight"] + self.a[f"{name}.bias"]

    def mlp(self, name: str, x: Any) -> Any:
        return self.linear(f"{name}.mlp.fc2", gelu(self.linear(f"{name}.mlp.fc1", x)))

    def gate(self, name: str, x: Any) -> Any:
        name = f"{name}.gating_block.attn_layer"
        return x * softmax(self.linear(name, x)) if f"{name}.weight" in self.a else x

    def layer(self, name: str, H: Any) -> Any:
        if f"{name}.channel_feature_mixer.mlp.fc1.weight" in self.a:
            kind = f"{name}.channel_feature_mixer"
            turned = self.norm(kind, H).transpose(0, 3, 2, 1)
            H = H + self.mlp(kind, self.gate(kind, turned)).transpose(0, 3, 2, 1)
        if f"{name}.patch_mixer.mlp.fc1.weight" in self.a:
            kind = f"{name}.patch_mixer"
            H = H + self.gate(kind, self.mlp(kind, self.norm(kind, H).swapaxes(2, 3))).swapaxes(2, 3)
        kind = f"{name}.feature_mixer"
        return H + self.gate(kind, self.mlp(kind, self.norm(kind, H)))

    def block(self, name: str, H: Any) -> Any:
        N, channels, n, d = H.shape
        for i, j in itertools.product(range(9), range(9)):
            layer = f"{name}.mixers.{i}.mixer_layers.{j}"
            if f"{layer}.feature_mixer.mlp.fc1.weight" in self.a:
                width = self.a[f"{layer}.feature_mixer.mlp.fc1.weight"].shape[1]
                H = self.layer(layer, H.reshape(N, channels, -1, width)).reshape(N, channels, n, d)
        for i in range(9):
            if f"{name}.mixers.{i}.feature_mixer.mlp.fc1.weight" in self.a:
                H = self.layer(f"{name}.mixers.{i}", H)
        return H

    def __call__(self, x: Any) -> Any:
        loc, scale = np.zeros((len(x), 1, C)), np.ones((len(x), 1, C))
        if self.config["scaling"] == "std":
            loc, scale = x.mean(1, keepdims=True), np.sqrt(x.var(1, keepdims=True) + 1e-5)
        if self.config["scaling"] == "mean":
            scale = np.maximum(np.abs(x).mean(1, keepdims=True), 1e-10)
        z, s = (x - loc) / scale, self.config["patch_stride"]
        n = (L - P) // s + 1
        z = z[:, L - (P + s * (n - 1)) :]
        patches = np.stack([z[:, i * s : i * s + P] for i in range(n)], 1).transpose(0, 3, 1, 2)
        encoder = next(name for name in self.a if name.endswith("patcher.weight")).removesuffix(".patcher.weight")
        H = self.linear(f"{encoder}.patcher", patches)
        H = H + self.a.get(f"{encoder}.positional_encoder.position_enc", 0)
        H = self.block(f"{encoder}.mlp_mixer_encoder", H)
        if "decoder.adapter.weight" in self.a:
            H = self.linear("decoder.adapter", H)
        if "decoder.decoder_raw_embedding.weight" in self.a:
            H = H + self.linear("decoder.decoder_raw_embedding", patches)
        H = self.block("decoder.decoder_block", H)
        y = self.linear("head.base_forecast_block", H.reshape(*H.shape[:2], -1)).swapaxes(1, 2) * scale + loc
        chosen = self.config.get("prediction_channel_indices")
        return y if chosen is None else y[..., sorted(chosen)]


def settings(**options: Any) -> Arrays:
    return {
        "context_length": L,
        "patch_length": P,
        "patch_stride": 4,
        "num_input_channels": C,
        "mode": "mix_channel",
        "gated_attn": True,
        "norm_mlp": "LayerNorm",
        "scaling": "std",
        "self_attn": False,
        **options,
    }


def patch_mixer(config: Arrays, positions: bool = True) -> Arrays:
    draw, n = Draw(), (L - P) // config["patch_stride"] + 1
    draw.linear("model.encoder.patcher", D, P)
    if positions:
        draw.array("model.encoder.positional_encoder.position_enc", n, D)
    for i in range(2):
        draw.layer(f"model.encoder.mlp_mixer_encoder.mixers.{i}", n, D, config)
    draw.linear("head.base_forecast_block", AHEAD, n * D)
    return draw.arrays


def tiny_time_mixer(config: Arrays, adaptive: bool, raw: bool, decoder_d: int = 6) -> Arrays:
    draw, n = Draw(1), (L - P) // config["patch_stride"] + 1
    draw.linear("backbone.encoder.patcher", D, P)
    for i in range(2):
        block = f"backbone.encoder.mlp_mixer_encoder.mixers.{i}"
        factor = 2 ** (1 - i)
        for j in range(2) if adaptive else ():
            draw.layer(f"{block}.mixer_layers.{j}", n * factor, D // factor, config)
        if not adaptive:
            draw.layer(block, n, D, config)
        draw.layer(f"decoder.decoder_block.mixers.{i}", n, decoder_d, config | {"mode": "common_channel"})
    if decoder_d != D:
        draw.linear("decoder.adapter", decoder_d, D)
    if raw:
        draw.linear("decoder.decoder_raw_embedding", decoder_d, P)
    draw.linear("head.base_forecast_block", AHEAD, n * decoder_d)
    return draw.arrays


def folder(tmp_path: Path, arrays: Arrays, config: Arrays | None) -> Path:
    np.savez(tmp_path / "model.npz", **arrays)
    (tmp_path / "config.json").unlink(missing_ok=True)
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path


def series(samples: int = 3) -> Any:
    return 5 + np.random.default_rng(2).normal(size=(samples, L, C)).cumsum(axis=1)


def same(found: Any, expected: Any) -> None:
    assert np.ptp(expected, axis=0).max() > 1e-2 * np.abs(expected).max(), "the reference does not depend on its input"
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "common_channel"},
        {"gated_attn": False},
        {"norm_mlp": "BatchNorm"},
        {"norm_mlp": "BatchNorm", "gated_attn": False, "scaling": None},
        {"scaling": "mean"},
        {"scaling": None, "patch_stride": 3},
        {"patch_stride": 18},  # two patches that hardly overlap the series
        {"patch_stride": 20, "mode": "common_channel"},  # one patch: nothing to mix along patches
        {"prediction_channel_indices": [2, 0]},
    ],
)
def test_patchtsmixer(options: Arrays, tmp_path: Path) -> None:
    config = settings(**options)
    for positions in (True, False):
        arrays = patch_mixer(config, positions)
        net = km.load_mixer(folder(tmp_path, arrays, config))
        same(net(series()), Reference(arrays, config)(series()))


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("decoder_d", [6, D])
def test_tiny_time_mixer(adaptive: bool, raw: bool, decoder_d: int, tmp_path: Path) -> None:
    for config in (settings(), settings(norm_mlp="BatchNorm", gated_attn=False)):
        arrays = tiny_time_mixer(config, adaptive, raw, decoder_d)
        net = km.load_mixer(folder(tmp_path, arrays, config | {"model_type": "tinytimemixer"}))
        same(net(series()), Reference(arrays, config)(series()))
        assert net.name == "TinyTimeMixer"


@pytest.mark.parametrize("options", [{}, {"norm_mlp": "BatchNorm"}])
def test_gradients(options: Arrays, tmp_path: Path) -> None:
    config = settings(**options)
    arrays = tiny_time_mixer(config, adaptive=True, raw=True)
    net, rng = km.load_mixer(folder(tmp_path, arrays, config)), np.random.default_rng(3)
    X = net.patches.columns(series(), float)
    assert_pull_is_the_derivative(net, X, rng, rel=1e-5)


def test_the_wide_layers_are_kronecker_products(tmp_path: Path) -> None:
    config = settings()
    arrays = patch_mixer(config)
    net = km.load_mixer(folder(tmp_path, arrays, config))
    n, layers = 5, {layer.name: layer.operator for layer in reversed(net.block_layers[0])}
    block = "model.encoder.mlp_mixer_encoder.mixers.0"
    for axis, kind, wide in (
        ("channel", "channel_feature_mixer", lambda W: np.kron(W, np.eye(n * D))),
        ("patch", "patch_mixer", lambda W: np.kron(np.eye(C), np.kron(W, np.eye(D)))),
        ("feature", "feature_mixer", lambda W: np.kron(np.eye(C * n), W)),
    ):
        gate, W = layers[f"{axis} gate"], arrays[f"{block}.{kind}.mlp.fc1.weight"]
        np.testing.assert_array_equal(layers[axis].to_dense(), wide(W))
        np.testing.assert_array_equal(gate.to_dense(), wide(arrays[f"{block}.{kind}.gating_block.attn_layer.weight"]))
    assert matrix_formula(layers["patch"]) == "I₃ ⊗ W ⊗ I₈"
    seen = km.networks.inspect_network(net)
    assert (len(net.blocks), seen.gates, seen.shape) == (2, 6, None)
    assert [layer.name for layer in seen.layers[:3]] == ["channel gate 1", "channel 1", "channel 2"]
    assert {skip.name for skip in seen.skips} == set()  # a gate stands in every run
    formulas = [step.formula for step in seen.steps]
    assert "x → diag(softmax((I₃ ⊗ W ⊗ I₈) x + b)) x" in formulas
    assert [step.linear for step in seen.steps if "softmax" in step.formula] == [False] * 3
    with pytest.raises(TypeError, match="a diagonal that depends on the data"):
        net.as_wide_mlp()


def test_without_gates_the_network_is_its_wide_mlp(tmp_path: Path) -> None:
    for norm in ("LayerNorm", "BatchNorm"):
        config = settings(gated_attn=False, norm_mlp=norm)
        net = km.load_mixer(folder(tmp_path, patch_mixer(config), config))
        same(net.as_wide_mlp()(series()), net(series()))
        seen = km.networks.inspect_network(net)
        assert {skip.name for skip in seen.skips} == {"channel", "patch", "feature"}
        assert all(step.linear for step in block_steps(net) if norm == "BatchNorm" and "gelu" not in step.formula)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"self_attn": True}, "self_attn=True, which is not supported"),
        ({"loss": "nll"}, "gives a distribution"),
        ({"scaling": "robust"}, "scaling='robust'"),
        ({"patch_stride": 0}, "impossible sizes"),
        ({"patch_length": 23}, "impossible sizes"),
        ({"norm_eps": "small"}, "impossible sizes"),
        ({"prediction_channel_indices": [0, 3]}, r"prediction_channel_indices=\[0, 3\]: expected some of 0 to 2"),
        ({"patch_length": None}, r"no config\.json beside it that says patch_length"),
    ],
)
def test_settings_that_are_not_read(options: Arrays, words: str, tmp_path: Path) -> None:
    config = settings()
    with pytest.raises(ValueError, match=words):
        km.load_mixer(folder(tmp_path, patch_mixer(config), config | options))


def test_series_refusals(tmp_path: Path) -> None:
    config = settings()
    arrays = patch_mixer(config)
    with pytest.raises(ValueError, match=r"a PatchTSMixer, and no config\.json beside it"):
        km.load_mixer(folder(tmp_path, arrays, None))
    with pytest.raises(ValueError, match=r"'model\.encoder\.cls' has no place in the PatchTSMixer"):
        km.load_mixer(folder(tmp_path, arrays | {"model.encoder.cls": np.ones(3)}, config))
    headless = {name: array for name, array in arrays.items() if "head" not in name}
    with pytest.raises(ValueError, match="of the PatchTSMixer's heads the one that forecasts is read"):
        km.load_mixer(folder(tmp_path, headless, config))
    other = headless | {"head.projection.weight": np.ones((2, 3)), "head.projection.bias": np.ones(2)}
    with pytest.raises(
        ValueError, match=r"and there is 'head\.projection', which gives classes or values of a regression"
    ):
        km.load_mixer(folder(tmp_path, other, config))
    for name in ("fft_length", "register_tokens"):
        with pytest.raises(ValueError, match=f"{name}=4"):
            km.load_mixer(folder(tmp_path, tiny_time_mixer(config, False, False), config | {name: 4}))
    net = km.load_mixer(folder(tmp_path, arrays, config))
    with pytest.raises(ValueError, match=r"expected series \(N, 22, 3\).*X\.transpose\(0, 2, 1\)"):
        net(series().transpose(0, 2, 1))
    with pytest.raises(ValueError, match=r"expected series \(N, 22, 3\)"):
        net(series()[:, 1:])
    broken = series()
    broken[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="1 NaN or infinite entries: fill what is missing"):
        net(broken)


# ---- TSMixer ---------------------------------------------------------------------------------------------------------


def keras_mixer(norm: str, first: int) -> Arrays:
    """Two blocks with Keras' names, numbered as in a session that made ``first`` layers before."""
    rng, arrays = np.random.default_rng(5), {}

    def name(kind: str, i: int) -> str:
        return kind if i == 0 else f"{kind}_{i}"

    sizes = [(L, L), (C, 7), (7, C)] * 2 + [(L, AHEAD)]
    for i, (inputs, outputs) in enumerate(sizes):
        dense = name("dense", first + i)
        arrays[f"{dense}/kernel:0"] = rng.normal(size=(inputs, outputs)) / np.sqrt(inputs)
        arrays[f"{dense}/bias:0"] = rng.normal(size=outputs)
    for i in range(4):
        each = name(norm, first + i)
        arrays |= {f"{each}/gamma:0": rng.uniform(0.5, 2, (L, C)), f"{each}/beta:0": rng.normal(size=(L, C))}
        if norm == "batch_normalization":
            arrays[f"{each}/moving_mean:0"] = rng.normal(size=(L, C))
            arrays[f"{each}/moving_variance:0"] = rng.uniform(0.5, 2, (L, C))
    return arrays


def keras_forecast(a: Arrays, norm: str, first: int, x: Any, act: Any) -> Any:
    def name(kind: str, i: int) -> str:
        return kind if first + i == 0 else f"{kind}_{first + i}"

    def dense(i: int, z: Any) -> Any:
        return z @ a[f"{name('dense', i)}/kernel:0"] + a[f"{name('dense', i)}/bias:0"]

    def normed(i: int, z: Any) -> Any:
        n = name(norm, i)
        mean, variance = z.mean((1, 2), keepdims=True), z.var((1, 2), keepdims=True)
        if norm == "batch_normalization":
            mean, variance = a[f"{n}/moving_mean:0"], a[f"{n}/moving_variance:0"]
        return (z - mean) / np.sqrt(variance + 1e-3) * a[f"{n}/gamma:0"] + a[f"{n}/beta:0"]

    for i in range(2):
        x = x + act(dense(3 * i, normed(2 * i, x).swapaxes(1, 2))).swapaxes(1, 2)
        x = x + dense(3 * i + 2, act(dense(3 * i + 1, normed(2 * i + 1, x))))
    return dense(6, x.swapaxes(1, 2)).swapaxes(1, 2)


@pytest.mark.parametrize("norm", ["batch_normalization", "layer_normalization"])
@pytest.mark.parametrize("first", [0, 8])  # with 8, "dense_10" has to come after "dense_9"
def test_tsmixer(norm: str, first: int, tmp_path: Path) -> None:
    arrays, x = keras_mixer(norm, first), np.random.default_rng(6).normal(size=(3, L, C))
    net = km.load_mixer(folder(tmp_path, arrays, None))
    same(net(x), keras_forecast(arrays, norm, first, x, lambda z: np.maximum(z, 0)))
    same(net.as_wide_mlp()(x), net(x))
    net = km.load_mixer(folder(tmp_path, arrays, {"activation": "gelu"}))
    same(net(x), keras_forecast(arrays, norm, first, x, gelu))
    assert [matrix_formula(op) for op in net.blocks[0]] == ["I₃ ⊗ W", "W ⊗ I₂₂", "W ⊗ I₂₂"]


def test_what_is_no_tsmixer(tmp_path: Path) -> None:
    arrays = keras_mixer("batch_normalization", 0)
    del arrays["dense_6/kernel:0"]
    with pytest.raises(ValueError, match="6 dense layers and 4 norms: a TSMixer has 3 and 2 a block"):
        km.load_mixer(folder(tmp_path, arrays, None))
    with pytest.raises(ValueError, match="'rev_norm/affine_weight:0' has no place"):
        km.load_mixer(
            folder(tmp_path, keras_mixer("batch_normalization", 0) | {"rev_norm/affine_weight:0": np.ones(C)}, None)
        )
