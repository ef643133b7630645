"""Adapter files against formulas written out here, wrong files against their sentences, and LoRA against a dense SVD."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import kronmix as km
from kronmix.interop.adapters import is_adapter

RNG = np.random.default_rng(0)
A, B, C, D, R = 3, 4, 2, 5, 2  # LoKr: out = A·B, in = C·D


def draw(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def kron_weights(w1: Any, w2: Any) -> Any:
    """W[(a b), (c d), h, w] = w1[a, c] w2[b, d, h, w], entry by entry."""
    full = np.einsum("ac,bd...->abcd...", w1, w2)
    return full.reshape(w1.shape[0] * w2.shape[0], w1.shape[1] * w2.shape[1], *w2.shape[2:])


def lokr(first: str, second: str, kernel: tuple[int, ...]) -> tuple[dict[str, Any], Any, int | None]:
    """Factors of one of the ways to store LoKr, ΔW before its scale, and what alpha is divided by."""
    parts: dict[str, Any] = {}
    if first == "full":
        w1 = parts["lokr_w1"] = draw(A, C)
    else:
        parts |= {"lokr_w1_a": draw(A, R), "lokr_w1_b": draw(R, C)}
        w1 = parts["lokr_w1_a"] @ parts["lokr_w1_b"]
    if second == "full":
        w2 = parts["lokr_w2"] = draw(B, D, *kernel)
    elif second == "flat":
        parts |= {"lokr_w2_a": draw(B, R), "lokr_w2_b": draw(R, D * int(np.prod(kernel)))}
        w2 = (parts["lokr_w2_a"] @ parts["lokr_w2_b"]).reshape(B, D, *kernel)
    else:
        parts |= {"lokr_t2": draw(R, R, *kernel), "lokr_w2_a": draw(R, B), "lokr_w2_b": draw(R, D)}
        w2 = np.einsum("ij...,ip,jr->pr...", parts["lokr_t2"], parts["lokr_w2_a"], parts["lokr_w2_b"])
    return parts, kron_weights(w1, w2), None if first == second == "full" else R


def loha(second: str, kernel: tuple[int, ...]) -> tuple[dict[str, Any], Any, int | None]:
    parts: dict[str, Any] = {}
    weights = []
    for i in (1, 2):
        if second == "tucker":
            t, a, b = draw(R, R, *kernel), draw(R, 6), draw(R, 5)
            parts[f"hada_t{i}"] = t
            weights.append(np.einsum("ij...,jr,ip->pr...", t, b, a))
        else:
            a, b = draw(6, R), draw(R, 5 * int(np.prod(kernel)))
            weights.append((a @ b).reshape(6, 5, *kernel))
        parts |= {f"hada_w{i}_a": a, f"hada_w{i}_b": b}
    return parts, weights[0] * weights[1], R


def locon(second: str, kernel: tuple[int, ...]) -> tuple[dict[str, Any], Any, int | None]:
    ones = tuple(1 for _ in kernel)
    if second == "tucker":
        down, up, mid = draw(R, 5, *ones), draw(6, R, *ones), draw(R, R, *kernel)
        weight = np.einsum("oi,ij...,jc->oc...", up.reshape(6, R), mid, down.reshape(R, 5))
        return {"lora_down.weight": down, "lora_up.weight": up, "lora_mid.weight": mid}, weight, R
    down, up = draw(R, 5, *kernel), draw(6, R, *ones)
    weight = (up.reshape(6, R) @ down.reshape(R, -1)).reshape(6, 5, *kernel)
    return {"lora_down.weight": down, "lora_up.weight": up}, weight, R


KERNELS = ((), (3,), (3, 2), (1, 1))
STORED: dict[str, Callable[[], Any]] = {
    f"{name}, {'×'.join(map(str, kernel)) or 'linear'}": lambda make=make, options=options, kernel=kernel: make(
        *options, kernel
    )
    for kernel in KERNELS
    for name, make, options in (
        *(
            (f"lokr {first} {second}", lokr, (first, second))
            for first in ("full", "pair")
            for second in ("full", "flat")
        ),
        ("loha flat", loha, ("flat",)),
        ("lora", locon, ("flat",)),
        *(
            (
                ("lokr tucker", lokr, ("full", "tucker")),
                ("loha tucker", loha, ("tucker",)),
                ("lora tucker", locon, ("tucker",)),
            )
            if kernel
            else ()
        ),
    )
}


def flat(weight: Any) -> Any:
    return weight.reshape(len(weight), -1)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * max(np.abs(expected).max(), 1e-30))


@pytest.mark.parametrize("name", STORED)
def test_kohya_files_are_what_their_formula_says(name: str, tmp_path: Path) -> None:
    parts, weight, rank = STORED[name]()
    for alpha, scale in (
        (1.5, 1.5 / rank if rank else 1.0),
        (1e10, 1e10 / rank if rank else 1.0),
        (0.0, 1.0),
        (None, 1.0),
    ):
        arrays = {f"lora_te1_x.{part}": array for part, array in parts.items()}
        if alpha is not None:
            arrays["lora_te1_x.alpha"] = np.array(alpha, np.float32)
        save_file(arrays, tmp_path / "x.safetensors")
        (layer,) = km.interop.read_adapter(tmp_path / "x.safetensors")
        assert layer.name == "lora_te1_x"
        assert layer.kind.lower() == name[:4]
        close(layer.operator.to_dense(), scale * flat(weight))
        if "flat" not in name:
            assert layer.shape == weight.shape


def peft_file(folder: Path, arrays: dict[str, Any], **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    save_file({f"base_model.model.{key}": array for key, array in arrays.items()}, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", [name for name in STORED if "lok" in name or "loh" in name])
def test_peft_divides_alpha_by_its_own_rank(name: str, tmp_path: Path) -> None:
    parts, weight, rank = STORED[name]()
    r = rank or 32
    if "lokr_w2" in parts and parts["lokr_w2"].ndim == 3:  # PEFT's Conv1d: the outer and the inner factor change places
        w1 = parts["lokr_w1"] if "lokr_w1" in parts else parts["lokr_w1_a"] @ parts["lokr_w1_b"]
        weight = np.kron(w1[None], parts["lokr_w2"]).reshape(weight.shape)
    folder = peft_file(
        tmp_path / "adapter",
        {f"model.layers.0.proj.{part}": array for part, array in parts.items()},
        peft_type=name[:4].upper(),
        alpha=3,
        r=r,
    )
    for path in (folder, folder / "adapter_model.safetensors"):
        (layer,) = km.interop.read_adapter(path)
        assert layer.name == "model.layers.0.proj"
        close(layer.operator.to_dense(), 3 / r * flat(weight))


def test_peft_s_lora_follows_its_patterns(tmp_path: Path) -> None:
    ranks = {"a.q": 2, "a.k": 4, "b.q": 2, "bq": 3}
    arrays = {f"{name}.lora_A.weight": draw(r, 5) for name, r in ranks.items()}
    arrays |= {f"{name}.lora_B.weight": draw(6, r) for name, r in ranks.items()}
    config = {
        "peft_type": "LORA",
        "lora_alpha": 3,
        "r": 2,
        "rank_pattern": {"k": 4, "^bq": 3},
        "alpha_pattern": {r"b\.q": 5},
    }
    for use, power in ((False, 1.0), (True, 0.5)):
        found = km.interop.read_adapter(peft_file(tmp_path / "x", arrays, use_rslora=use, **config))
        assert [layer.kind for layer in found] == ["LoRA"] * 4
        for layer in found:
            alpha, r = {"b.q": 5}.get(layer.name, 3), ranks[layer.name]
            BA = arrays[f"{layer.name}.lora_B.weight"] @ arrays[f"{layer.name}.lora_A.weight"]
            close(layer.operator.to_dense(), alpha / r**power * BA)


def test_an_adapter_is_a_sequence_that_keeps_whole_weights(tmp_path: Path) -> None:
    arrays = {
        "q.lora_A.weight": draw(2, 5),
        "q.lora_B.weight": draw(6, 2),
        "head.out.weight": draw(3, 3),
        "head.bias": draw(3),
    }
    found = km.interop.read_adapter(
        peft_file(tmp_path / "x", arrays, peft_type="LORA", lora_alpha=1, r=2, modules_to_save=["head"])
    )
    assert (len(found), found[0], found[:1]) == (1, next(iter(found)), found.layers)
    assert sorted(found.others) == ["base_model.model.head.bias", "base_model.model.head.out.weight"]
    done = km.interop.convert_adapter(found, tmp_path / "y", rank=1)
    assert [conversion.rank for conversion in done] == [1]
    np.testing.assert_array_equal(
        load_file(tmp_path / "y" / "adapter_model.safetensors")["base_model.model.head.bias"], arrays["head.bias"]
    )


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_half_precision_is_widened(dtype: str, tmp_path: Path) -> None:
    down, up = draw(2, 4).astype(np.float16).astype(np.float32), draw(3, 2).astype(np.float16).astype(np.float32)
    pairs = [("x.lora_down.weight", down), ("x.lora_up.weight", up)]
    header, data = {}, b""
    for name, array in pairs:
        bits = array.astype(np.float16) if dtype == "F16" else (array.view(np.uint32) >> 16).astype(np.uint16)
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [len(data), len(data) + bits.nbytes]}
        data += bits.tobytes()
    text = json.dumps(header).encode()
    (tmp_path / "x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    (layer,) = km.interop.read_adapter(tmp_path / "x.safetensors")
    assert layer.operator.dtype == np.float32
    np.testing.assert_allclose(layer.operator.to_dense(), up @ down, rtol=0.02, atol=0.02)


# ---- LoRA -----------------------------------------------------------------------------------------------------------


def updates() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    kron = km.Kronecker(rng.normal(size=(4, 3)), rng.normal(size=(3, 5)))
    return {
        "LoKr": kron,
        "LoKr of factors": km.Kronecker(rng.normal(size=(4, 2)), rng.normal(size=(5, 2)))
        @ km.KroneckerSparse(rng.normal(size=(1, 1, 2, 7)), (2, 2, 7, 1)),
        "LoKr, permuted": km.Chain(
            km.Permutation(rng.permutation(12)),
            km.Permutation(rng.permutation(12)),
            kron,
            km.Permutation(rng.permutation(15)),
            km.Permutation(rng.permutation(15)),
        ),
        "LoHa": km.LowRankHadamard(*(rng.normal(size=s) for s in ((9, 2), (2, 8), (9, 2), (2, 8)))),
        "LoHa, many ranks": km.LowRankHadamard(*(rng.normal(size=s) for s in ((9, 3), (3, 8), (9, 4), (4, 8)))),
        "LoRA": km.LowRank(rng.normal(size=(9, 3)), rng.normal(size=(3, 8))),
        "anything": km.Monarch(rng.normal(size=(3, 2, 2)), rng.normal(size=(2, 3, 4))),
        "zero": km.Kronecker(np.zeros((2, 2)), np.eye(3)),
        "complex": km.Kronecker(rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)), rng.normal(size=(3, 2))),
        "float32": km.Kronecker(draw(4, 4), draw(4, 4)),
        "tiny": km.Kronecker(1e-200 * rng.normal(size=(4, 4)), 1e-90 * rng.normal(size=(3, 3))),
        "huge": km.Kronecker(1e200 * rng.normal(size=(4, 4)), 1e90 * rng.normal(size=(3, 3))),
    }


@pytest.mark.parametrize("name", updates())
def test_lora_is_the_best_of_its_rank(name: str) -> None:
    op = updates()[name]
    dense = op.with_factors(*(f.astype(np.result_type(f, np.float64)) for f in op.factors)).to_dense()
    scale = float(np.abs(dense).max()) or 1.0
    dense = dense / scale
    values = np.linalg.svd(dense, compute_uv=False)
    eps = np.finfo(op.dtype).eps
    np.testing.assert_allclose(
        km.interop.update_spectrum(op).singular_values[: values.size] / scale,
        values[: km.interop.update_spectrum(op).singular_values.size],
        atol=20 * eps * values[0],
    )
    for rank in (1, 2, 3, 100):
        found = km.interop.to_lora(op, rank)
        assert found.A.dtype == found.B.dtype == op.dtype
        best = np.linalg.norm(values[rank:])
        error = np.linalg.norm(dense - (found.B / np.sqrt(scale)) @ (found.A / np.sqrt(scale)))
        assert error <= found.error / scale + 1e-14
        assert error <= best + 50 * eps * max(values[0], 1e-300)
        assert found.error / scale <= best + 50 * eps * values[0]


def test_a_tolerance_gives_the_smallest_rank_that_keeps_it() -> None:
    for name, op in updates().items():
        dense = op.to_dense() / (np.abs(op.to_dense()).max() or 1)
        values = np.linalg.svd(dense.astype(np.result_type(dense, np.float64)), compute_uv=False)
        for tolerance in (0.0, 1e-3, 0.1, 0.5, 0.9):
            found = km.interop.to_lora(op, tolerance=tolerance)
            kept = len(found.A)
            slack = 1e-6 if op.dtype == np.float32 else 1e-12
            assert np.linalg.norm(values[kept:]) <= (tolerance + slack) * np.linalg.norm(values), name
            if kept > 1:
                assert np.linalg.norm(values[kept - 1 :]) > tolerance * np.linalg.norm(values), name


def test_rounding_counts_as_zero() -> None:
    rng = np.random.default_rng(5)
    op = km.Kronecker(np.outer(rng.normal(size=4), rng.normal(size=4)), rng.normal(size=(3, 5)))
    assert len(km.interop.to_lora(op, tolerance=0.0).A) == km.interop.update_spectrum(op).rank == 3
    zero = km.interop.update_spectrum(km.Kronecker(np.zeros((2, 2)), np.eye(3)))
    assert (zero.rank, zero.stable_rank, zero.norm, zero.rank_for(0.0)) == (0, 0.0, 0.0, 1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "exactly one"),
        ({"rank": 1, "tolerance": 0.1}, "exactly one"),
        ({"rank": 0}, "rank=0"),
        ({"tolerance": 1.0}, "tolerance=1.0"),
        ({"tolerance": -0.1}, "tolerance=-0.1"),
    ],
)
def test_wrong_ranks_and_tolerances_are_told(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        km.interop.to_lora(km.Kronecker(np.eye(2)), **options)


@pytest.mark.parametrize("name", STORED)
def test_a_converted_file_adds_the_same(name: str, tmp_path: Path) -> None:
    parts, weight, _ = STORED[name]()
    save_file({f"x.{part}": array for part, array in parts.items()}, tmp_path / "x.safetensors")
    kernels = {"x": weight.shape[2:]} if "flat" in name else None
    adapter = km.interop.read_adapter(tmp_path / "x.safetensors", kernels)
    assert adapter[0].shape == weight.shape
    (done,) = km.interop.convert_adapter(adapter, tmp_path / "y.safetensors", tolerance=0.0)
    (layer,) = km.interop.read_adapter(tmp_path / "y.safetensors")
    assert (layer.kind, layer.shape) == ("LoRA", weight.shape)
    assert np.linalg.norm(layer.operator.to_dense() - flat(weight)) <= done.lora.error + 1e-6 * done.norm
    arrays = load_file(tmp_path / "y.safetensors")
    assert arrays["x.alpha"] == len(arrays["x.lora_down.weight"]) == done.rank
    assert arrays["x.lora_up.weight"].shape == (len(weight), done.rank, *(1 for _ in weight.shape[2:]))
    assert done.relative_error < 1e-5


def test_a_converted_peft_adapter_has_a_rank_for_every_layer(tmp_path: Path) -> None:
    arrays = {f"{n}.lokr_w{i}": draw(s, s) for n, s in (("a.q", 2), ("b.q", 2), ("q", 3)) for i in (1, 2)}
    config = {"peft_type": "LOKR", "alpha": 8, "r": 8, "target_modules": ["q"], "task_type": "CAUSAL_LM"}
    adapter = km.interop.read_adapter(peft_file(tmp_path / "x", arrays, **config))
    km.interop.convert_adapter(adapter, tmp_path / "y", tolerance=0.0)
    written = json.loads((tmp_path / "y" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (written["peft_type"], written["r"], written["lora_alpha"]) == ("LORA", 4, 4)
    assert written["rank_pattern"] == written["alpha_pattern"] == {"^q": 9}
    assert (written["target_modules"], written["task_type"]) == (["q"], "CAUSAL_LM")
    for before, after in zip(adapter, km.interop.read_adapter(tmp_path / "y"), strict=True):
        close(after.operator.to_dense(), before.operator.to_dense())


# ---- files that are not what they seem ------------------------------------------------------------------------------


def pair(**more: Any) -> dict[str, Any]:
    """A whole LoRA of layer x, and more."""
    whole = {"lora_down.weight": draw(2, 3), "lora_up.weight": draw(3, 2)}
    return {f"x.{part}": array for part, array in (whole | more).items()}


def squares(*names: str) -> dict[str, Any]:
    return {f"x.{name}": draw(2, 2) for name in names}


def wrong_kohya() -> dict[str, tuple[dict[str, Any], str]]:
    hada, middle = squares("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), {"x.hada_t1": draw(2, 2, 3)}
    core = {"x.lokr_t2": draw(2, 2, 3)}
    return {
        "half": ({"x.lora_down.weight": draw(2, 3)}, "has lora_down.weight: LoRA also needs lora_up.weight"),
        "half of a pair": (squares("lokr_w1", "lokr_w2_a"), "LoKr also needs lokr_w2 or lokr_w2_a and lokr_w2_b"),
        "two": (squares("lokr_w1", "lokr_w2", "lokr_w2_a"), "has both lokr_w1 and lokr_w2 and lokr_w2_a"),
        "three": (
            squares("lokr_w1", "lokr_w2", "lokr_w2_a", "lokr_w2_b"),
            "has both lokr_w1 and lokr_w2 and lokr_w2_a",
        ),
        "core": (hada | middle, "has hada_t1 but not hada_t2"),
        "core of a full one": (squares("lokr_w1", "lokr_w2") | core, "lokr_t2 is the core of"),
        "unknown": ({f"y{i}.diff": draw(2) for i in range(7)}, r"not understood: y0.diff, .* and 2 more"),
        "dora": (pair(dora_scale=draw(3, 1)), "x.dora_scale makes its layer a DoRA"),
        "unused": (squares("lokr_w1", "lokr_w2", "lokr_t1"), "not understood: x.lokr_t1"),
        "mixed": (pair(lokr_w1=draw(2, 2)), "expected the factors of one of"),
        "alone": ({"x.alpha": np.array(1.0)}, "layer x has alpha: expected the factors"),
        "shapes": (pair(**{"lora_up.weight": draw(3, 4)}), "shapes do not fit each other"),
        "vector": (pair(**{"lora_down.weight": draw(2)}), r"shape \(2,\), expected at least two"),
        "alphas": (pair(alpha=draw(2)), "expected one number"),
        "NaN": (pair(**{"lora_down.weight": draw(2, 3) * np.nan}), "6 NaN or infinite"),
        "integers": (pair(**{"lora_down.weight": np.ones((2, 3), np.int64)}), "holds int64"),
        "empty": ({}, "holds no layer"),
        "no configuration": ({"base_model.model.x.lora_A.weight": draw(2, 3)}, "no adapter_config.json beside it"),
    }


@pytest.mark.parametrize("name", wrong_kohya())
def test_wrong_files_are_told_in_one_sentence(name: str, tmp_path: Path) -> None:
    arrays, words = wrong_kohya()[name]
    save_file(arrays, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=words) as error:
        km.interop.read_adapter(tmp_path / "x.safetensors")
    assert str(error.value).startswith(str(tmp_path / "x.safetensors"))


WRONG_CONFIGS = {
    "type": ({"peft_type": "IA3"}, "peft_type is 'IA3'"),
    "dora": ({"use_dora": True}, "use_dora"),
    "bias": ({"bias": "all"}, "bias='all' trains biases"),
    "other": ({"use_khatri_rao": True, "layer_replication": [[0, 1]]}, "sets layer_replication, use_khatri_rao"),
    "alpha": ({"lora_alpha": "much"}, "lora_alpha is 'much'"),
    "rank": ({"r": 3}, r"factors of rank 2, adapter_config.json says 3"),
    "pattern": ({"rank_pattern": {"(": 3}}, "rank_pattern is"),
}


@pytest.mark.parametrize("name", WRONG_CONFIGS)
def test_settings_of_peft_that_are_not_known_are_named(name: str, tmp_path: Path) -> None:
    config, words = WRONG_CONFIGS[name]
    arrays = {"q.lora_A.weight": draw(2, 5), "q.lora_B.weight": draw(6, 2)}
    peft_file(tmp_path / "x", arrays, **({"peft_type": "LORA", "lora_alpha": 1, "r": 2} | config))
    with pytest.raises(ValueError, match=words):
        km.interop.read_adapter(tmp_path / "x")


def test_pickles_and_other_files_are_refused(tmp_path: Path) -> None:
    for name in ("x.bin", "x.pt", "x.ckpt"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(ValueError, match=r"a pickle, which is never opened; .*torch.load\('x"):
            km.interop.read_adapter(tmp_path / name)
    with pytest.raises(ValueError, match="unknown file type"):
        km.interop.read_adapter(tmp_path / "x.npz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no adapter_model\.safetensors"):
        km.interop.read_adapter(tmp_path / "empty")
    (tmp_path / "empty" / "adapter_model.bin").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"adapter_model\.bin: a pickle"):
        km.interop.read_adapter(tmp_path / "empty")
    folder = peft_file(tmp_path / "y", {"q.lora_A.weight": draw(2, 5)})
    for text, words in (("[1]", "expected an object"), ("{", "not whole JSON")):
        (folder / "adapter_config.json").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=words):
            km.interop.read_adapter(folder)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(ValueError, match=r"no adapter_config.json in this folder"):
        km.interop.read_adapter(folder)


def in_shards(folder: Path) -> Path:
    """PEFT's file as two shards and their index, as transformers saves a large adapter."""
    whole = folder / "adapter_model.safetensors"
    arrays = load_file(whole)
    names = sorted(arrays)
    places = {n: f"adapter_model-{1 + (i > 0):05d}-of-00002.safetensors" for i, n in enumerate(names)}
    for place in set(places.values()):
        save_file({n: arrays[n] for n in names if places[n] == place}, folder / place)
    whole.unlink()
    index = folder / "adapter_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    return index


def test_an_adapter_in_shards(tmp_path: Path) -> None:
    arrays = {"q.lora_A.weight": draw(2, 5), "q.lora_B.weight": draw(6, 2)}
    folder = peft_file(tmp_path / "x", arrays, peft_type="LORA", lora_alpha=2, r=2)
    index = in_shards(folder)
    for path in (folder, index):
        assert is_adapter(path)
        (layer,) = km.interop.read_adapter(path)
        np.testing.assert_allclose(layer.operator.to_dense(), arrays["q.lora_B.weight"] @ arrays["q.lora_A.weight"])
    shard = folder / "adapter_model-00002-of-00002.safetensors"
    with pytest.raises(
        ValueError, match=r"one of 2 shards of an adapter: give adapter_model\.safetensors\.index\.json"
    ):
        km.interop.read_adapter(shard)
    shard.unlink()
    with pytest.raises(ValueError, match=r"the shard adapter_model-00002-of-00002\.safetensors is not there, of 2"):
        km.interop.read_adapter(index)


def test_truncated_files_and_wrong_targets_leave_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"x.lora_down.weight": draw(2, 3), "x.lora_up.weight": draw(3, 2)}, file)
    adapter = km.interop.read_adapter(file)
    whole = file.read_bytes()
    for length in (0, 5, 20, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"x\.safetensors"):
            km.interop.read_adapter(file)
    with pytest.raises(ValueError, match=r"ending in \.safetensors"):
        km.interop.convert_adapter(adapter, tmp_path / "y.bin", rank=1)
    assert [f.name for f in tmp_path.iterdir()] == ["x.safetensors"]


def test_kernels_must_name_a_layer_and_divide_it(tmp_path: Path) -> None:
    save_file({"x.lora_down.weight": draw(2, 10), "x.lora_up.weight": draw(3, 2)}, tmp_path / "x.safetensors")
    (layer,) = km.interop.read_adapter(tmp_path / "x.safetensors", {"*": (5, 1)})
    assert layer.shape == (3, 2, 5, 1)
    with pytest.raises(ValueError, match="names 'y', which no layer"):
        km.interop.read_adapter(tmp_path / "x.safetensors", {"y": (5, 1)})
    with pytest.raises(ValueError, match="not a multiple of its kernel"):
        km.interop.read_adapter(tmp_path / "x.safetensors", {"x": (3, 3)})


def test_adapters_are_recognised(tmp_path: Path) -> None:
    save_file({"x.lora_down.weight": draw(2, 3)}, tmp_path / "x.safetensors")
    save_file({"stem.proj.weight": draw(2, 3)}, tmp_path / "y.safetensors")
    assert is_adapter(tmp_path / "x.safetensors")
    assert not is_adapter(tmp_path / "y.safetensors")
    assert not is_adapter(tmp_path)
    peft_file(tmp_path / "p", {"x.lora_A.weight": draw(2, 3)})
    assert is_adapter(tmp_path / "p")
