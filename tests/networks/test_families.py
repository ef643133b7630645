"""Families of checkpoints: layouts against formulas, every array accounted for, prefixes, shards, folders, inputs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import erf, expit

import kronmix as km
from kronmix.mixer import read_checkpoint, write_synthetic_checkpoint
from kronmix.mixer.checkpoints import read_safetensors
from tests.networks.gradients import assert_pull_is_the_derivative

Arrays = dict[str, Any]
SIZES = {"image": 8, "patch": 4, "channels": 6, "depth": 2, "classes": 5}


def timm(tmp_path: Path, **options: Any) -> Arrays:
    file = tmp_path / "timm.safetensors"
    write_synthetic_checkpoint(file, **{**SIZES, **options})
    return {name: np.array(array) for name, array in read_safetensors(file).items()}


def save(path: Path, arrays: Arrays) -> Path:
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    return path


def images(samples: int = 3, colours: int = 3) -> Any:
    return np.random.default_rng(1).normal(size=(samples, 8, 8, colours)).astype(np.float32)


def gelu(x: Any) -> Any:
    return x * (1 + erf(x / np.sqrt(2))) / 2


def layer_norm(X: Any, scale: Any, shift: Any, epsilon: float = 1e-6) -> Any:
    return (X - X.mean(-1, keepdims=True)) / np.sqrt(X.var(-1, keepdims=True) + epsilon) * scale + shift


def patched(x: Any, weight: Any, bias: Any) -> Any:
    """A convolution (C, colours, 4, 4) with stride 4 on (N, 8, 8, colours)."""
    blocks = x.reshape(len(x), 2, 4, 2, 4, -1)
    return np.einsum("nihjwc,ochw->nijo", blocks, weight).reshape(len(x), 4, -1) + bias


class Mixer:
    """A Mixer in NumPy, on arrays with timm's names."""

    def __init__(self, arrays: Arrays, epsilon: float = 1e-6) -> None:
        self.a, self.epsilon = {name: np.asarray(array, np.float64) for name, array in arrays.items()}, epsilon

    def linear(self, name: str, z: Any) -> Any:
        return z @ self.a[f"{name}.weight"].T + self.a.get(f"{name}.bias", 0)

    def norm(self, name: str, z: Any, epsilon: float | None = None) -> Any:
        if f"{name}.alpha" in self.a:
            return self.a[f"{name}.alpha"] * z + self.a[f"{name}.beta"]
        return layer_norm(z, self.a[f"{name}.weight"], self.a[f"{name}.bias"], epsilon or self.epsilon)

    def stem(self, x: Any) -> Any:
        z = patched(x, self.a["stem.proj.weight"], self.a["stem.proj.bias"])
        return self.norm("stem.norm", z) if "stem.norm.weight" in self.a else z

    def mlp(self, name: str, z: Any) -> Any:
        h = self.linear(f"{name}.fc1", z)
        if self.a[f"{name}.fc2.weight"].shape[1] * 2 == h.shape[-1]:
            u, v = np.split(h, 2, axis=-1)
            return self.linear(f"{name}.fc2", u * v * expit(v))
        return self.linear(f"{name}.fc2", gelu(h))

    def block(self, b: str, z: Any) -> Any:
        t = self.norm(f"{b}.norm1", z).swapaxes(1, 2)
        t = self.linear(f"{b}.linear_tokens", t) if f"{b}.ls1" in self.a else self.mlp(f"{b}.mlp_tokens", t)
        z = z + self.a.get(f"{b}.ls1", 1.0) * t.swapaxes(1, 2)
        return z + self.a.get(f"{b}.ls2", 1.0) * self.mlp(f"{b}.mlp_channels", self.norm(f"{b}.norm2", z))

    def __call__(self, x: Any, pooled: bool = True) -> Any:
        z = self.stem(x)
        for i in range(2):
            z = self.block(f"blocks.{i}", z)
        z = self.norm("norm", z)
        z = z.mean(1) if pooled else z
        return self.linear("head", z) if "head.weight" in self.a else z


class GMLP(Mixer):
    def block(self, b: str, z: Any) -> Any:
        h = gelu(self.linear(f"{b}.mlp_channels.fc1", self.norm(f"{b}.norm", z)))
        u, v = np.split(h, 2, axis=-1)
        v = self.norm(f"{b}.mlp_channels.gate.norm", v, 1e-5).swapaxes(1, 2)
        return z + self.linear(
            f"{b}.mlp_channels.fc2", u * self.linear(f"{b}.mlp_channels.gate.proj", v).swapaxes(1, 2)
        )


def same(found: Any, expected: Any) -> None:
    """Equal to float32's rounding, where what is expected tells inputs apart."""
    assert np.ptp(expected, axis=0).max() > 1e-2 * np.abs(expected).max(), "the reference does not depend on its input"
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max())


def renamed(arrays: Arrays, *rules: tuple[str, str]) -> Arrays:
    for pattern, words in rules:
        arrays = {re.sub(pattern, words, name): array for name, array in arrays.items()}
    return arrays


def draw(rng: Any, *shape: int) -> Any:
    return (rng.normal(size=shape) / np.sqrt(shape[-1])).astype(np.float32)


def test_stem_norm(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    arrays = timm(tmp_path) | {"stem.norm.weight": 1 + draw(rng, 6), "stem.norm.bias": draw(rng, 6)}
    same(km.load_mixer(save(tmp_path / "a.safetensors", arrays))(images()), Mixer(arrays)(images()))


def test_no_head_no_biases_and_grey_images(tmp_path: Path) -> None:
    arrays = {name: array for name, array in timm(tmp_path).items() if not name.startswith("head")}
    linear = [name for name in arrays if ".fc" in name and name.endswith("bias")]
    arrays = {name: array for name, array in arrays.items() if name not in linear}
    arrays["stem.proj.weight"] = arrays["stem.proj.weight"][:, :1]
    net = km.load_mixer(save(tmp_path / "a.safetensors", arrays))
    x = images(colours=1)
    same(net(x), Mixer(arrays)(x))
    np.testing.assert_array_equal(net(x[..., 0]), net(x))  # grey images need no axis of colours
    net.as_wide_mlp()


def test_a_bias_that_one_block_lacks(tmp_path: Path) -> None:
    arrays = timm(tmp_path)
    del arrays["blocks.0.mlp_tokens.fc1.bias"]
    with pytest.raises(ValueError, match=r"no array 'blocks\.0\.mlp_tokens\.fc1\.bias', though 'blocks\.1"):
        km.load_mixer(save(tmp_path / "a.safetensors", arrays))


def test_facebook_resmlp(tmp_path: Path) -> None:
    arrays = timm(tmp_path, family="ResMLP")
    other = renamed(
        {name: array.reshape(-1) if array.ndim == 3 else array for name, array in arrays.items()},
        ("^stem", "patch_embed"),
        ("linear_tokens", "attn"),
        ("mlp_channels", "mlp"),
        (r"ls(\d)", r"gamma_\1"),
    )
    net = km.load_mixer(save(tmp_path / "a.safetensors", other))
    same(net(images()), Mixer(arrays)(images()))
    assert net.name == "ResMLP"


def test_lucidrains(tmp_path: Path) -> None:
    arrays = timm(tmp_path)
    arrays |= {name: array / 100 for name, array in arrays.items() if "stem" in name}  # so small that ε is seen
    other = renamed(
        arrays,
        (r"^stem\.proj", "1"),
        (r"^blocks\.(\d)\.norm([12])", lambda m: f"{2 + int(m[1])}.{int(m[2]) - 1}.norm"),
        (r"^blocks\.(\d)\.mlp_tokens\.fc([12])", lambda m: f"{2 + int(m[1])}.0.fn.{3 * (int(m[2]) - 1)}"),
        (r"^blocks\.(\d)\.mlp_channels\.fc([12])", lambda m: f"{2 + int(m[1])}.1.fn.{3 * (int(m[2]) - 1)}"),
        (r"^norm", "4"),
        (r"^head", "6"),
    )
    other["1.weight"] = arrays["stem.proj.weight"].transpose(0, 2, 3, 1).reshape(6, -1)
    other = {n: a[:, :, None] if re.fullmatch(r"\d\.0\.fn\.\d\.weight", n) else a for n, a in other.items()}
    same(km.load_mixer(save(tmp_path / "a.safetensors", other))(images()), Mixer(arrays, 1e-5)(images()))
    other["1.weight"] = other["1.weight"][:, :47]
    with pytest.raises(ValueError, match="47 numbers: no square patch of 1 or 3 colours"):
        km.load_mixer(save(tmp_path / "a.safetensors", other))


def test_scenic_and_dots_for_slashes(tmp_path: Path) -> None:
    write_synthetic_checkpoint(tmp_path / "jax.npz", **SIZES)
    expected = km.load_mixer(tmp_path / "jax.npz")(images())
    with np.load(tmp_path / "jax.npz") as arrays:
        dotted = {name.replace("/", "."): array for name, array in arrays.items()}
    same(km.load_mixer(save(tmp_path / "dots.safetensors", dotted))(images()), expected)
    rules = ("^stem", "embedding"), ("MixerBlock", "mixerblock"), ("pre_head_layer_norm", "pre_logits_norm")
    scenic = renamed(dotted, *rules, ("^head", "output_projection"))
    same(km.load_mixer(save(tmp_path / "scenic.safetensors", scenic))(images()), expected)


def test_bfloat16_in_npz(tmp_path: Path) -> None:
    write_synthetic_checkpoint(tmp_path / "jax.npz", **SIZES)
    with np.load(tmp_path / "jax.npz") as arrays:
        halves = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in arrays.items()}
    np.savez(tmp_path / "bf16.npz", **{name: array.view("V2") for name, array in halves.items()})
    wide = {name: (array.astype(np.uint32) << 16).view(np.float32) for name, array in halves.items()}
    np.savez(tmp_path / "f32.npz", **wide)
    x = images()
    np.testing.assert_array_equal(km.load_mixer(tmp_path / "bf16.npz")(x), km.load_mixer(tmp_path / "f32.npz")(x))


def gmixer(tmp_path: Path) -> Arrays:
    arrays, rng = timm(tmp_path), np.random.default_rng(3)
    for i in range(2):
        for mlp, size, hidden in (("mlp_tokens", 4, 10), ("mlp_channels", 6, 14)):
            name = f"blocks.{i}.{mlp}"
            arrays |= {f"{name}.fc1.weight": draw(rng, hidden, size), f"{name}.fc1.bias": draw(rng, hidden)}
            arrays |= {f"{name}.fc2.weight": draw(rng, size, hidden // 2), f"{name}.fc2.bias": draw(rng, size)}
    return arrays


def gmlp(tmp_path: Path) -> Arrays:
    arrays, rng = {n: a for n, a in timm(tmp_path).items() if "blocks" not in n}, np.random.default_rng(4)
    for i in range(2):
        b = f"blocks.{i}"
        linear = {"fc1": (10, 6), "fc2": (6, 5), "gate.proj": (4, 4)}
        for name, shape in linear.items():
            m = f"{b}.mlp_channels.{name}"
            shrink = 100 if name == "fc1" else 1  # so small that the gate's ε is seen
            arrays |= {f"{m}.weight": draw(rng, *shape) / shrink, f"{m}.bias": draw(rng, shape[0]) / shrink}
        for name, size in ((f"{b}.norm", 6), (f"{b}.mlp_channels.gate.norm", 5)):
            arrays |= {f"{name}.weight": 1 + draw(rng, size), f"{name}.bias": draw(rng, size)}
    return arrays


@pytest.mark.parametrize(("name", "make", "reference"), [("gMixer", gmixer, Mixer), ("gMLP", gmlp, GMLP)])
def test_gated_relatives(name: str, make: Callable[[Path], Arrays], reference: Any, tmp_path: Path) -> None:
    arrays = make(tmp_path)
    net = km.load_mixer(save(tmp_path / "a.safetensors", arrays))
    same(net(images()), reference(arrays)(images()))
    seen = km.networks.inspect_network(net)
    assert (net.name, len(net.blocks), seen.gates) == (name, 2, 4 if name == "gMixer" else 2)
    assert any("diag(" in step.formula and not step.linear for step in seen.steps)
    with pytest.raises(TypeError, match="a diagonal that depends on the data"):
        net.as_wide_mlp()


@pytest.mark.parametrize("make", [gmixer, gmlp])
def test_gradients_of_gated_networks(make: Callable[[Path], Arrays], tmp_path: Path) -> None:
    net = km.load_mixer(save(tmp_path / "a.safetensors", make(tmp_path)))
    net = net.with_factors(*(f.astype(np.float64) for f in net.factors))
    X = net.patches.columns(images(), np.float64)
    assert_pull_is_the_derivative(net, X, np.random.default_rng(5), rel=1e-6)


# ---- every array is accounted for ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"pos_embed": np.ones((1, 4, 6))}, r"'pos_embed' has no place in the MLP-Mixer \(timm\)"),
        ({"blocks.0.ls1": np.ones(6), "blocks.0.ls2": np.ones(6)}, "'blocks.0.ls1', 'blocks.0.ls2' have no place"),
        ({"blocks.0.mlp_tokens.fc1.lora_A.weight": np.ones((2, 4))}, "lora_A.weight' has no place"),
        ({"norm.running_mean": np.ones(6), "norm.running_var": np.ones(6)}, "running_mean', 'norm.running_var' have"),
        ({"blocks.7.norm1.weight": np.ones(6)}, "blocks.7.norm1.weight"),
        ({"head_dist.weight": np.ones((5, 6))}, "head_dist"),
    ],
)
def test_what_has_no_place_is_named(extra: Arrays, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        km.load_mixer(save(tmp_path / "a.safetensors", timm(tmp_path) | extra))


def test_what_changes_no_output_is_told_with_its_reason(tmp_path: Path) -> None:
    arrays = timm(tmp_path)
    more = {"norm.num_batches_tracked": np.array(7), "n_averaged": np.array(3), "optimizer.state.0.exp_avg": np.ones(6)}
    found = read_checkpoint(save(tmp_path / "a.safetensors", arrays | more | {"epoch": np.array(300)}))
    assert sorted(found.ignored) == ["epoch", "n_averaged", "norm.num_batches_tracked", "optimizer.state.0.exp_avg"]
    assert "optimizer" in found.ignored["optimizer.state.0.exp_avg"]


def test_types_that_are_not_needed_do_not_stop_a_file(tmp_path: Path) -> None:
    file = save(tmp_path / "a.safetensors", timm(tmp_path))
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    header["optimizer.scale"] = {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [len(data), len(data) + 4]}
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + data + b"abcd")
    km.load_mixer(file)
    header["head.bias"]["dtype"] = "F8_E4M3"
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + data + b"abcd")
    with pytest.raises(
        ValueError, match=r"'head\.bias' holds numbers of type F8_E4M3, which are not read: save it as F32"
    ):
        km.load_mixer(file)


@pytest.mark.parametrize(
    "prefix",
    [
        "_orig_mod.module.",
        "module._orig_mod.",
        "model.",
        "backbone.",
        "state_dict_ema.model.",
        "ema_model.",
        "timm_model.",
        "a.b.c.",
    ],
)
def test_prefixes_in_any_order_and_depth(prefix: str, tmp_path: Path) -> None:
    arrays = timm(tmp_path)
    file = save(tmp_path / "a.safetensors", {prefix + name: array for name, array in arrays.items()})
    np.testing.assert_array_equal(
        km.load_mixer(file)(images()), km.load_mixer(save(tmp_path / "b.safetensors", arrays))(images())
    )


@pytest.mark.parametrize("outer", ["", "state_dict."])
def test_two_networks_in_one_file(outer: str, tmp_path: Path) -> None:
    first, second = timm(tmp_path, seed=1), timm(tmp_path, seed=2)
    both = {outer + name: array for name, array in first.items()} | {"ema." + n: a for n, a in second.items()}
    file = save(tmp_path / "both.safetensors", both)
    with pytest.raises(
        ValueError, match=r"holds 2 networks, under the prefixes .*'ema\.' \(MLP-Mixer \(timm\)\).*--prefix"
    ):
        km.load_mixer(file)
    for prefix, arrays in ((outer, first), ("ema", second), ("ema.", second)):
        same(km.load_mixer(file, prefix)(images()), Mixer(arrays)(images()))
    with pytest.raises(ValueError, match="no network under the prefix 'other'"):
        km.load_mixer(file, "other")
    file = save(tmp_path / "more.safetensors", both | {"ema.pos_embed": np.ones(3)})
    km.load_mixer(file, outer)
    with pytest.raises(ValueError, match=r"'ema\.pos_embed' has no place"):
        km.load_mixer(file, "ema")


def test_what_stands_beside_a_network_is_named(tmp_path: Path) -> None:
    arrays = {f"backbone.{name}": array for name, array in timm(tmp_path).items() if "head" not in name}
    file = save(tmp_path / "a.safetensors", arrays | {"classifier.weight": np.ones((3, 6))})
    with pytest.raises(
        ValueError, match=r"beside the MLP-Mixer \(timm\) under 'backbone\.' there is 'classifier\.weight'"
    ):
        km.load_mixer(file)


def test_two_names_of_one_array(tmp_path: Path) -> None:
    arrays = timm(tmp_path)
    file = save(tmp_path / "a.safetensors", arrays | {"head/bias": arrays["head.bias"]})
    with pytest.raises(ValueError, match="two names of one array"):
        km.load_mixer(file)


def test_what_is_no_mixer_is_named_with_what_it_holds(tmp_path: Path) -> None:
    file = save(tmp_path / "a.safetensors", {"layers.0.weight": np.ones((2, 2)), "layers.0.bias": np.ones(2)})
    with pytest.raises(
        ValueError, match=r"it holds 'layers\.0\.bias', 'layers\.0\.weight'; known are MLP-Mixer \(timm, "
    ):
        km.load_mixer(file)


# ---- shards, folders, configurations -----------------------------------------------------------------------------------


def shards(folder: Path, arrays: Arrays) -> Path:
    names = sorted(arrays)
    half = len(names) // 2
    places = {n: f"model-0000{1 + (i >= half)}-of-00002.safetensors" for i, n in enumerate(names)}
    for place in set(places.values()):
        save(folder / place, {n: arrays[n] for n in names if places[n] == place})
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8"
    )
    return folder


def test_one_shard_is_no_network(tmp_path: Path) -> None:
    file = save(tmp_path / "model-00001-of-00003.safetensors", timm(tmp_path))
    with pytest.raises(ValueError, match=r"one of 3 shards: give the folder that holds all, or their"):
        km.load_mixer(file)
    km.load_mixer(file.rename(tmp_path / "model-00001-of-00001.safetensors"))


def test_shards_by_their_index_or_folder(tmp_path: Path) -> None:
    arrays = timm(tmp_path)
    (tmp_path / "hub").mkdir()
    folder = shards(tmp_path / "hub", arrays)
    for path in (folder, folder / "model.safetensors.index.json"):
        same(km.load_mixer(path)(images()), Mixer(arrays)(images()))
    with pytest.raises(ValueError, match="one of 2 shards"):
        km.load_mixer(folder / "model-00002-of-00002.safetensors")
    (folder / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(ValueError, match=r"the shard model-00001-of-00002\.safetensors is not there, of 2"):
        km.load_mixer(folder)


def hub(folder: Path, arrays: Arrays, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    save(folder / "model.safetensors", arrays)
    (folder / "config.json").write_text(json.dumps({"architecture": "mixer_b16_224", **config}), encoding="utf-8")
    return folder


def test_a_folder_says_how_to_pool(tmp_path: Path) -> None:
    arrays = timm(tmp_path)
    folder = hub(tmp_path / "hub", arrays, global_pool="")
    for path in (folder, folder / "config.json", folder / "model.safetensors"):
        same(km.load_mixer(path)(images()), Mixer(arrays)(images(), pooled=False))
    with pytest.raises(ValueError, match="architecture='resmlp_12_224': it belongs to another file"):
        km.load_mixer(hub(folder, arrays, architecture="resmlp_12_224"))
    with pytest.raises(ValueError, match="global_pool='max'"):
        km.load_mixer(hub(folder, arrays, global_pool="max"))
    with pytest.raises(ValueError, match="sets act_layer='relu'"):
        km.load_mixer(hub(folder, arrays, model_args={"act_layer": "relu"}))


def test_a_folder_says_what_images_it_takes(tmp_path: Path) -> None:
    about = {"input_size": [3, 8, 8], "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
    net = km.load_mixer(hub(tmp_path / "hub", timm(tmp_path), pretrained_cfg=about))
    net(np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)))
    with pytest.warns(UserWarning, match=r"pixels lie between .* 255, .* config.json they lie between -1 and 1"):
        net(np.arange(2 * 8 * 8 * 3).reshape(2, 8, 8, 3) % 256)
    with pytest.raises(ValueError, match=r"images \(N, 8, 8, 3\)"):
        net(np.zeros((2, 4, 16, 3)))
    with pytest.raises(ValueError, match=r"config\.json says images of 16×16 pixels, and the weights take 4 patches"):
        km.load_mixer(hub(tmp_path / "hub", timm(tmp_path), pretrained_cfg=about | {"input_size": [3, 16, 16]}))


@pytest.mark.parametrize(
    "config",
    [
        {"pretrained_cfg": [1]},
        {"model_args": "x"},
        {"pretrained_cfg": {"mean": "half"}},
        {"pretrained_cfg": {"mean": [0.5], "std": [0.0]}},
        {"pretrained_cfg": {"mean": [0.5, 0.5], "std": [0.5]}},
        {"pretrained_cfg": {"input_size": [3, "8", 8]}},
    ],
)
def test_configurations_that_are_not_as_described(config: Arrays, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"config\.json has .*expected"):
        km.load_mixer(hub(tmp_path / "hub", timm(tmp_path), **config))


def test_a_folder_without_weights_or_with_two(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    with pytest.raises(ValueError, match=r"expected one file of weights in this folder.* found none"):
        km.load_mixer(tmp_path / "hub")
    arrays = timm(tmp_path)
    save(tmp_path / "hub" / "ONE.SAFETENSORS", arrays)
    same(km.load_mixer(tmp_path / "hub")(images()), Mixer(arrays)(images()))
    save(tmp_path / "hub" / "two.safetensors", arrays)
    with pytest.raises(ValueError, match=r"found ONE\.SAFETENSORS, two\.safetensors"):
        km.load_mixer(tmp_path / "hub")


# ---- layouts of inputs -----------------------------------------------------------------------------------------------


def test_inputs_are_checked_axis_by_axis(tmp_path: Path) -> None:
    net = km.load_mixer(save(tmp_path / "a.safetensors", timm(tmp_path)))
    mixer = km.networks.s_mixer(32, 96, depth=1, classes=3)
    small = km.networks.mlp_mixer((4, 4, 1), patch=2, channels=3, depth=1, classes=2)
    for network, shape, words in (
        (net, (2, 3, 8, 8), r"colours before height and width: .* X.transpose\(0, 2, 3, 1\)"),
        (net, (2, 8, 8, 1), r"4 tokens × 48 channels: images \(N, H, W, 3\) of 4 patches of 4×4 pixels"),
        (net, (2, 6, 8, 4), "this network takes 4 tokens"),
        (net, (2, 48, 4), r"takes features \(N, 4, 48\)"),
        (mixer, (2, 3, 32, 32), "colours before height and width"),
        (mixer, (2, 96, 32), r"takes features \(N, 32, 96\), 32 tokens × 96 channels"),
        (net, (8, 8, 3), r"which is one image: give X\[None\], of shape"),
        (net, (3, 8, 8), r"which is one image: give X\.transpose\(1, 2, 0\)\[None\]"),
        (small, (2, 4, 4), r"may be grey images or features: give images as \(N, H, W, 1\)"),
    ):
        with pytest.raises(ValueError, match=words):
            network(np.zeros(shape))
    assert mixer(np.zeros((2, 32, 32, 3))).shape == (2, 3)
    assert net(np.zeros((2, 4, 48))).shape == (2, 5)
    assert net(np.zeros((2, 8, 8, 3))).shape == (2, 5)
    with pytest.warns(UserWarning, match=r"images have 4×1 patches; nothing says how the 4 patches .* 2×2, is usual"):
        net(np.zeros((2, 16, 4, 3)))


def test_bytes_are_warned_of_where_nothing_says_the_normalisation(tmp_path: Path) -> None:
    net = km.load_mixer(save(tmp_path / "a.safetensors", timm(tmp_path)))
    with pytest.warns(UserWarning, match="the file does not say how they are normalised"):
        net(np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3))


def test_a_run_of_our_own_warns_of_pixels_it_was_not_trained_on(tmp_path: Path) -> None:
    net = km.networks.mlp_mixer((8, 8, 1), patch=4, channels=3, depth=1, classes=2)
    about = {"mean": 0.25, "deviation": 0.5}
    km.networks.save_run(tmp_path / "run.npz", km.networks.Run(net, about=about))
    again = km.load_mixer(tmp_path / "run.npz")
    again(np.linspace(-0.5, 1.5, 64).reshape(1, 8, 8, 1))
    with pytest.warns(UserWarning, match=r"trained on lie between -0\.5 and 1\.5"):
        again(np.linspace(0, 255, 64).reshape(1, 8, 8, 1))


def test_token_mixing_named_by_its_size_is_refused_with_the_reason(tmp_path: Path) -> None:
    arrays = {
        "MixerBlock_0/kernel4": np.ones((4, 8)),
        "MixerBlock_0/bias4": np.ones((1, 8, 1)),
        "stem/bias": np.ones(6),
    }
    with pytest.raises(
        ValueError, match=r"token mixing is named by its size \(MixerBlock_0/kernel…\).* is then no Mixer"
    ):
        km.load_mixer(save(tmp_path / "early.safetensors", arrays))


def test_inspect_shows_what_changes_no_output(tmp_path: Path) -> None:
    extra = {"epoch": np.array(3), "optimizer.state": np.ones(2), "optimizer.rate": np.ones(1)}
    file = save(tmp_path / "trained.safetensors", timm(tmp_path) | extra)
    assert dict(km.load_mixer(file).ignored) == {
        "epoch": "tells how far training has come",
        "optimizer.state": "the state of the optimizer",
        "optimizer.rate": "the state of the optimizer",
    }
    told = subprocess.run(
        [sys.executable, "-m", "kronmix", "inspect", file], capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout
    assert re.search(r"epoch +1 +tells how far training has come", told)
    assert re.search(r"optimizer\.rate, optimizer\.state +2 +the state of the optimizer", told)
