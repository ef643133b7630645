"""Networks that other libraries write, loaded here: the same outputs to 1e-5, on references that depend on their input.

timm, which needs torchvision, and granite-tsfm, which asks for an older PyTorch, are used where they are installed.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kronmix as km


def shake(model: Any, size: float = 0.1) -> Any:
    """A model in evaluation whose weights and statistics are all random: some begin at zero, which would hide mistakes."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(size * torch.randn(parameter.shape, generator=generator))
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator))
            if name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
    return model.eval()


def same(found: Any, expected: Any) -> None:
    spread = np.ptp(expected, axis=0).max() / np.abs(expected).max()
    assert spread > 1e-2, f"the reference hardly depends on its input: {spread:.1e}"
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def save_state(model: Any, file: Path) -> Path:
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, file)
    return file


def series(steps: int, channels: int) -> Any:
    return (5 + np.random.default_rng(1).normal(size=(4, steps, channels)).cumsum(axis=1)).astype(np.float32)


def forecast(model: Any, x: Any) -> Any:
    with torch.no_grad():
        return model(torch.from_numpy(x)).prediction_outputs.numpy()


@pytest.mark.parametrize("mode", ["common_channel", "mix_channel"])
@pytest.mark.parametrize("norm", ["LayerNorm", "BatchNorm"])
def test_patchtsmixer(mode: str, norm: str, tmp_path: Path) -> None:
    from transformers import PatchTSMixerConfig, PatchTSMixerForPrediction

    for gated, scaling, positions, stride in (
        (True, "std", True, 4),
        (False, "mean", False, 3),
        (True, None, False, 4),
        (False, "std", True, 3),
    ):
        config = PatchTSMixerConfig(
            context_length=22,
            patch_length=4,
            patch_stride=stride,
            num_input_channels=3,
            d_model=8,
            num_layers=2,
            mode=mode,
            gated_attn=gated,
            norm_mlp=norm,
            scaling=scaling,
            use_positional_encoding=positions,
            prediction_length=5,
            prediction_channel_indices=[2, 0] if positions else None,
        )
        model = shake(PatchTSMixerForPrediction(config))
        model.save_pretrained(tmp_path)
        x = series(22, 3)
        same(km.load_mixer(tmp_path)(x), forecast(model, x))


def test_patchtsmixer_in_shards(tmp_path: Path) -> None:
    from transformers import PatchTSMixerConfig, PatchTSMixerForPrediction

    config = PatchTSMixerConfig(
        context_length=32, patch_length=8, patch_stride=8, num_input_channels=2, prediction_length=4
    )
    model = shake(PatchTSMixerForPrediction(config))
    model.save_pretrained(tmp_path, max_shard_size="5KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    x = series(32, 2)
    same(km.load_mixer(tmp_path)(x), forecast(model, x))


def test_a_forecast_of_sunspots(tmp_path: Path) -> None:
    """A PatchTSMixer trained on yearly sunspots: loaded here it forecasts as well as there, and better than the last value."""
    from statsmodels.datasets import sunspots
    from transformers import PatchTSMixerConfig, PatchTSMixerForPrediction

    numbers = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, 40 + 6).astype(np.float32)[..., None]
    past, future = windows[:, :40], windows[:, 40:]
    trained = len(past) - 50
    torch.manual_seed(0)
    config = PatchTSMixerConfig(
        context_length=40,
        patch_length=4,
        patch_stride=4,
        num_input_channels=1,
        d_model=16,
        num_layers=2,
        prediction_length=6,
    )
    model = PatchTSMixerForPrediction(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(300):
        chosen = np.random.default_rng(step).integers(0, trained, 64)
        loss = model(torch.tensor(past[chosen]), future_values=torch.tensor(future[chosen])).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval().save_pretrained(tmp_path)
    found, truth = km.load_mixer(tmp_path)(past[-44:]), future[-44:]  # no step of the training windows is forecast
    same(found, forecast(model, past[-44:]))
    assert np.abs(found - truth).mean() < 0.8 * np.abs(past[-44:, -1:] - truth).mean()


def test_tiny_time_mixer(tmp_path: Path) -> None:
    models = pytest.importorskip("tsfm_public.models.tinytimemixer")
    for (mode, gated, norm), (levels, raw, width) in itertools.product(
        (
            ("common_channel", True, "LayerNorm"),
            ("mix_channel", True, "BatchNorm"),
            ("mix_channel", False, "LayerNorm"),
        ),
        ((0, False, 16), (2, True, 8), (2, False, 16)),
    ):
        config = models.TinyTimeMixerConfig(
            context_length=32,
            patch_length=8,
            patch_stride=8,
            num_input_channels=3,
            d_model=16,
            num_layers=2,
            mode=mode,
            gated_attn=gated,
            norm_mlp=norm,
            adaptive_patching_levels=levels,
            decoder_raw_residual=raw,
            decoder_d_model=width,
            decoder_num_layers=2,
            prediction_length=6,
        )
        model = shake(models.TinyTimeMixerForPrediction(config))
        model.save_pretrained(tmp_path)
        x = series(32, 3)
        same(km.load_mixer(tmp_path)(x), forecast(model, x))


@pytest.mark.parametrize(("channels", "size", "patch"), [(3, 16, 4), (1, 16, 4), (3, (8, 16), 4)])
def test_lucidrains(channels: int, size: Any, patch: int, tmp_path: Path) -> None:
    from mlp_mixer_pytorch import MLPMixer

    model = shake(MLPMixer(image_size=size, channels=channels, patch_size=patch, dim=24, depth=3, num_classes=5))
    height, width = (size, size) if isinstance(size, int) else size
    x = torch.randn(4, channels, height, width, generator=torch.Generator().manual_seed(2))
    net = km.load_mixer(save_state(model, tmp_path / "a.safetensors"))
    with torch.no_grad():
        same(net(x.permute(0, 2, 3, 1).numpy()), model(x).numpy())


TIMM = {
    "mixer_s32_224": {},
    "resmlp_12_224": {},
    "gmixer_12_224": {},
    "gmlp_ti16_224": {},
    "mixer_s16_224": {"stem_norm": True},
}


@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    model = shake(timm.create_model(name, pretrained=False, img_size=64, num_classes=5, **TIMM[name]), 0.02)
    x = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    net = km.load_mixer(save_state(model, tmp_path / "model.safetensors"))
    with torch.no_grad():
        same(net(x.permute(0, 2, 3, 1).numpy()), model(x).numpy())
    (tmp_path / "config.json").write_text(json.dumps({"architecture": name, "global_pool": ""}), encoding="utf-8")
    model.reset_classifier(5, "")
    shake(model, 0.02)
    net = km.load_mixer(save_state(model, tmp_path / "model.safetensors").parent)
    with torch.no_grad():
        same(net(x.permute(0, 2, 3, 1).numpy()), model(x).numpy())


def test_a_loaded_gated_network_goes_to_torch(tmp_path: Path) -> None:
    from transformers import PatchTSMixerConfig, PatchTSMixerForPrediction

    config = PatchTSMixerConfig(
        context_length=32, patch_length=8, patch_stride=8, num_input_channels=2, mode="mix_channel"
    )
    shake(PatchTSMixerForPrediction(config)).save_pretrained(tmp_path)
    net = km.load_mixer(tmp_path)
    with pytest.raises(TypeError, match=r"to_torch\(network\.body\)"):
        km.interop.to_torch(net)
    rows = np.random.default_rng(0).normal(size=(3, net.layers()[0].shape[1])).astype(np.float32)
    with torch.no_grad():
        found = km.interop.to_torch(net.body)(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(found, net.body(np.ascontiguousarray(rows.T)).T, rtol=1e-4, atol=1e-5)
