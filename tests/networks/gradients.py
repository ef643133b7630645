"""The pull of a network's body against central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kronmix as km


def assert_pull_is_the_derivative(net: km.networks.Network, X: Any, rng: np.random.Generator, rel: float) -> None:
    """Along one random direction of all factors, and one of the inputs."""
    h = 1e-6
    Y, pull = net.body.vjp(X)
    bar, steps = rng.normal(size=Y.shape), [rng.normal(size=f.shape) for f in net.factors]
    gradients, X_bar = pull(bar, True)
    assert [g.shape for g in gradients] == [f.shape for f in net.factors]
    ends = [net.with_factors(*(f + s * d for f, d in zip(net.factors, steps, strict=True))) for s in (h, -h)]
    slope = np.vdot(bar, ends[0].body(X) - ends[1].body(X)) / (2 * h)
    assert slope == pytest.approx(sum(np.vdot(g, d) for g, d in zip(gradients, steps, strict=True)), rel=rel)
    direction = rng.normal(size=X.shape)
    slope = np.vdot(bar, net.body(X + h * direction) - net.body(X - h * direction)) / (2 * h)
    assert X_bar is not None
    assert slope == pytest.approx(np.vdot(X_bar, direction), rel=rel)
