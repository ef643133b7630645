"""Adapter files against the libraries that write them: PEFT's own get_delta_weight, LyCORIS' own forward pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from lycoris import LoConModule, LohaModule, LokrModule
from safetensors.torch import save_file
from torch import nn

import kronmix as km


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(12, 16)
        self.inner = nn.Sequential(nn.Linear(16, 10), nn.Linear(10, 6))
        self.conv = nn.Conv2d(8, 12, 3)
        self.point = nn.Conv2d(8, 12, 1)
        self.line = nn.Conv1d(6, 8, 3)
        self.head = nn.Linear(6, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.inner(self.linear(x)))


MODULES = ("linear", "inner.0", "inner.1", "conv", "point", "line")
LINEAR = {"target_modules": ["linear", "0", "1"]}
ALL = {"target_modules": ["linear", "0", "1", "conv", "point", "line"]}
PLAIN = {"target_modules": ["linear", "0", "1", "conv", "point"]}

CONFIGS = {
    "lora": peft.LoraConfig(r=3, lora_alpha=5, **ALL),
    "lora, rs": peft.LoraConfig(r=3, lora_alpha=5, use_rslora=True, **ALL),
    "lora, patterns": peft.LoraConfig(
        r=3, lora_alpha=5, rank_pattern={"0": 2, "^linear": 4}, alpha_pattern={r"inner\.1": 7}, **LINEAR
    ),
    "lora, saved": peft.LoraConfig(r=2, modules_to_save=["head"], **LINEAR),
    "loha": peft.LoHaConfig(r=2, alpha=3, init_weights=False, **ALL),
    "loha, effective": peft.LoHaConfig(r=2, alpha=3, init_weights=False, use_effective_conv2d=True, **ALL),
    "loha, patterns": peft.LoHaConfig(
        r=2, alpha=3, init_weights=False, rank_pattern={"linear": 3}, alpha_pattern={"0": 1}, **LINEAR
    ),
    "lokr": peft.LoKrConfig(r=1, alpha=3, init_weights=False, **ALL),
    "lokr, both": peft.LoKrConfig(r=1, alpha=3, init_weights=False, decompose_both=True, **ALL),
    "lokr, full": peft.LoKrConfig(r=32, alpha=8, init_weights=False, **ALL),
    "lokr, effective": peft.LoKrConfig(r=1, alpha=3, init_weights=False, use_effective_conv2d=True, **PLAIN),
    "lokr, factor": peft.LoKrConfig(r=2, alpha=3, init_weights=False, decompose_factor=2, **ALL),
    "lokr, patterns": peft.LoKrConfig(
        r=1, alpha=3, init_weights=False, rank_pattern={"linear": 32}, alpha_pattern={"1": 1}, **LINEAR
    ),
}


def adapted(config: Any, folder: Path) -> Any:
    torch.manual_seed(0)
    model = peft.get_peft_model(Model(), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter))
    model.save_pretrained(folder)
    return model


def deltas(model: Any) -> dict[str, Any]:
    found = {}
    for name in MODULES:
        module = model.base_model.model.get_submodule(name)
        if hasattr(module, "get_delta_weight"):
            found[name] = module.get_delta_weight("default").detach().numpy()
    return found


@pytest.mark.parametrize("name", CONFIGS)
def test_peft_applies_what_is_read(name: str, tmp_path: Path) -> None:
    truth = deltas(adapted(CONFIGS[name], tmp_path))
    adapter = km.interop.read_adapter(tmp_path)
    assert {layer.name for layer in adapter} == set(truth)
    for layer in adapter:
        weight = truth[layer.name]
        assert layer.operator.shape == (weight.shape[0], weight[0].size)
        np.testing.assert_allclose(
            layer.operator.to_dense(), weight.reshape(len(weight), -1), rtol=0, atol=2e-5 * np.abs(weight).max()
        )


@pytest.mark.parametrize("name", CONFIGS)
def test_peft_loads_what_is_converted(name: str, tmp_path: Path) -> None:
    before = deltas(adapted(CONFIGS[name], tmp_path / "from"))
    kernels = {"conv": (3, 3), "point": (1, 1), "line": (3,)}
    adapter = km.interop.read_adapter(tmp_path / "from")
    adapter = km.interop.read_adapter(tmp_path / "from", {k: v for k, v in kernels.items() if k in before})
    done = km.interop.convert_adapter(adapter, tmp_path / "to", tolerance=0.0)
    model = peft.PeftModel.from_pretrained(Model(), tmp_path / "to")
    after = deltas(model)
    assert after.keys() == before.keys()
    for conversion in done:
        difference = np.linalg.norm(after[conversion.layer.name] - before[conversion.layer.name])
        assert difference <= 5e-5 * conversion.norm
    rounded = km.interop.convert_adapter(adapter, tmp_path / "rounded", rank=1)
    after = deltas(peft.PeftModel.from_pretrained(Model(), tmp_path / "rounded"))
    for conversion in rounded:
        weight = before[conversion.layer.name].reshape(conversion.layer.operator.shape).astype(float)
        best = np.sqrt(np.sum(np.linalg.svd(weight, compute_uv=False)[1:] ** 2))
        error = np.linalg.norm(weight - after[conversion.layer.name].reshape(weight.shape))
        assert error <= conversion.lora.error + 1e-5 * conversion.norm
        assert error <= best * (1 + 1e-4) + 1e-5 * conversion.norm


def test_weights_saved_beside_a_peft_adapter_are_kept(tmp_path: Path) -> None:
    model = adapted(CONFIGS["lora, saved"], tmp_path / "from")
    adapter = km.interop.read_adapter(tmp_path / "from")
    assert sorted(adapter.others) == ["base_model.model.head.bias", "base_model.model.head.weight"]
    km.interop.convert_adapter(adapter, tmp_path / "to", rank=1)
    loaded = peft.PeftModel.from_pretrained(Model(), tmp_path / "to")
    same = [m.base_model.model.head.modules_to_save["default"].weight.detach().numpy() for m in (model, loaded)]
    np.testing.assert_array_equal(*same)


def test_a_dora_of_peft_is_refused(tmp_path: Path) -> None:
    adapted(peft.LoraConfig(r=2, use_dora=True, target_modules=["linear"]), tmp_path)
    with pytest.raises(ValueError, match="use_dora"):
        km.interop.read_adapter(tmp_path)


def test_settings_that_peft_has_by_default_are_known(tmp_path: Path) -> None:
    for config in (peft.LoraConfig, peft.LoHaConfig, peft.LoKrConfig):
        model = peft.get_peft_model(Model(), config(target_modules=["linear"]))
        folder = tmp_path / config.__name__
        model.save_pretrained(folder)
        assert len(km.interop.read_adapter(folder)) == 1
        assert json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["peft_type"]


LAYERS = {
    "linear": (lambda: nn.Linear(24, 36, bias=False), (5, 24)),
    "conv": (lambda: nn.Conv2d(24, 36, 3, bias=False), (1, 24, 5, 5)),
    "point": (lambda: nn.Conv2d(24, 36, 1, bias=False), (1, 24, 2, 2)),
    "line": (lambda: nn.Conv1d(24, 36, 3, bias=False), (1, 24, 5)),
}
LYCORIS = {
    "locon": (LoConModule, {}),
    "locon, tucker": (LoConModule, {"use_tucker": True}),
    "loha": (LohaModule, {}),
    "loha, tucker": (LohaModule, {"use_tucker": True}),
    "loha, scalar": (LohaModule, {"use_scalar": True}),
    "lokr": (LokrModule, {}),
    "lokr, tucker": (LokrModule, {"use_tucker": True, "decompose_both": True}),
    "lokr, both": (LokrModule, {"decompose_both": True}),
    "lokr, factor": (LokrModule, {"factor": 2}),
    "lokr, rs": (LokrModule, {"rs_lora": True}),
    "lokr, full": (LokrModule, {"full_matrix": True}),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("kind", LYCORIS)
def test_lycoris_applies_what_is_read(kind: str, layer: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    make, shape = LAYERS[layer]
    module, options = LYCORIS[kind]
    base = make()
    with torch.no_grad():
        base.weight.zero_()
    network = module("lycoris_x", base, multiplier=1.0, lora_dim=2, alpha=3.0, **options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter))
    network.apply_to()
    network.eval()
    state = {f"lycoris_x.{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, tmp_path / "x.safetensors")
    (read,) = km.interop.read_adapter(tmp_path / "x.safetensors")
    x = torch.randn(shape)
    weight = torch.from_numpy(read.operator.to_dense().reshape(base.weight.shape).astype(np.float32))
    function = {"linear": nn.functional.linear, "line": nn.functional.conv1d}.get(layer, nn.functional.conv2d)
    truth = base(x)
    assert truth.abs().max() > 0
    torch.testing.assert_close(function(x, weight), truth, rtol=1e-4, atol=1e-4 * float(truth.abs().max().detach()))
