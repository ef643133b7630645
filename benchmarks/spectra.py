"""Exact spectra of wide effective layers."""

from __future__ import annotations

import numpy as np

import kronmix as km

from .harness import Row, Work


def _largest_layer(dtype: type) -> tuple[Work, None]:
    V = np.random.default_rng(0).normal(size=(768, 3072)).astype(dtype)
    layer = km.channel_mixing(V, tokens=196)  # width 150 528 → 602 112
    assert km.singular_values(layer).shape == (150_528,)
    return lambda: km.singular_values(layer), None


def _effective_weight() -> tuple[Work, None]:
    rng = np.random.default_rng(0)
    mixer = km.LinearMixer([rng.normal(size=(196, 196))] * 2, [rng.normal(size=(768, 768))] * 2)
    assert km.singular_values(mixer).shape == (150_528,)
    return lambda: km.singular_values(mixer), None


ROWS = [
    Row("all singular values of Mixer-B/16's largest effective layer", lambda: _largest_layer(np.float32), 1.0),
    Row("the same in double precision", lambda: _largest_layer(np.float64), 1.0),
    Row("all singular values of a two-layer linear Mixer of its width", _effective_weight, 1.0),
]
