"""Exact spectra of wide effective layers."""

from __future__ import annotations

import numpy as np

import kronmix as km

from .harness import Row, Work


def _mixer_b16() -> tuple[Work, None]:
    V = np.random.default_rng(0).normal(size=(768, 3072)).astype(np.float32)
    layer = km.channel_mixing(V, tokens=196)  # width 150 528 → 602 112
    assert km.singular_values(layer).shape == (150_528,)
    return lambda: km.singular_values(layer), None


ROWS = [Row("all singular values of Mixer-B/16's largest effective layer", _mixer_b16, 1.0)]
