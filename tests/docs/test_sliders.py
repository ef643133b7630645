"""What the pages with a slider show is true."""

from __future__ import annotations

import numpy as np
import pytest

import kronmix as km
from docs import sliders


def test_shapes_are_supports_of_both_layers() -> None:
    stops, _, _ = sliders.shapes()
    for S, frame in zip(stops.x, stops.frames, strict=True):
        S, C = int(S), 64 // int(S)
        token, channel = (
            km.token_mixing(np.ones((S, S)), C).to_dense(),
            km.channel_mixing(np.ones((C, C)), S).to_dense(),
        )
        assert (frame == (token != 0).astype(int) - (channel != 0)).all()
    mixer = km.LinearMixer(np.ones((4, 4)), np.ones((16, 16)))
    assert stops.values["numbers trained"][2] == mixer.n_parameters
    assert stops.values["connections a layer, on average"][2] == (16 * 4**2 + 4 * 16**2) / 2


def test_averages_are_those_of_the_flow() -> None:
    stops, _, _ = sliders.thresholds()
    last = [values[-1] for values in stops.values.values()]
    problem = km.Observed(np.diag([4.0, 2.0, 1.0, 0.5]))
    network = km.Hadamard(*[np.full((4, 4), 1e-6) * np.eye(4)] * 2)
    times = np.linspace(0, 60, 2001)
    path = km.gradient_flow(problem, network, 60.0, {"w": lambda op: np.diag(op.to_dense())}, times=times)
    weights = np.array(path.recorded["w"])
    averages = np.trapezoid(weights, path.times, axis=0) / 60
    assert last[:4] == pytest.approx(averages, rel=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("page", sliders.PAGES, ids=lambda page: page.name)
def test_a_page_holds_all_it_needs(page: sliders.Explorable) -> None:
    html = page.to_html()
    assert "http" not in html.replace("http://www.w3.org", "")
    assert len(html) < 300_000
