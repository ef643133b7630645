"""Figures: they return the Axes they were given, draw what they say, and their colours stay apart."""

from __future__ import annotations

import pathlib
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import kronmix as km
from kronmix.plotting.matrices import LARGEST
from kronmix.plotting.style import NEGATIVE, POSITIVE, SERIES, label_points, spread
from kronmix.regularization import Path


def axes() -> object:
    return Figure().subplots()


def test_every_function_returns_the_axes_it_was_given() -> None:
    x = np.arange(1.0, 5)
    weights = np.ones((4, 2, 2)) * x[:, None, None]
    path = SimpleNamespace(
        times=x,
        losses=1 / x,
        parameter=x,
        weights=weights,
        reference=None,
        kinks=None,
        recorded={"law": np.outer(x, x)},
    )
    for draw in (
        lambda ax: km.plotting.plot_matrix(np.eye(3), ax),
        lambda ax: km.plotting.plot_layers([("I", np.eye(3))], [ax])[0],
        lambda ax: km.plotting.plot_singular_values(x, x, ax),
        lambda ax: km.plotting.plot_errors({"a": [0.0, 0.5]}, ["one", "two"], ax),
        lambda ax: km.plotting.plot_curves(x, {"a": x}, ax),
        lambda ax: km.plotting.plot_widths(x, x, (2, 2), (4, 4), ax),
        lambda ax: km.plotting.plot_training(path, ax),
        lambda ax: km.plotting.plot_profile(path, ax=ax),
        lambda ax: km.plotting.plot_slices(path, (1, 1, 2, 2), ax),
        lambda ax: km.plotting.plot_drift(path, "law", ax),
        lambda ax: km.plotting.plot_modes(x, np.outer(x, x), ax=ax),
    ):
        ax = axes()
        assert draw(ax) is ax


def test_matrix_image_holds_the_matrix() -> None:
    matrix = np.random.default_rng(0).normal(size=(5, 7))
    image = km.plotting.plot_matrix(matrix, key=False).images[0]
    np.testing.assert_array_equal(image.get_array(), matrix)
    assert image.get_clim() == (-np.abs(matrix).max(), np.abs(matrix).max())


def test_large_matrices_keep_their_largest_entries() -> None:
    matrix = np.zeros((2 * LARGEST + 1, 3))
    matrix[777, 1], matrix[776, 1] = -2.0, 1.0
    shown = km.plotting.plot_matrix(matrix, key=False).images[0].get_array()
    assert shown.shape == (513, 3)
    assert shown.min() == -2.0
    assert np.count_nonzero(shown) == 1 + (776 // 3 != 777 // 3)


def test_zero_and_complex_matrices_are_drawn() -> None:
    assert km.plotting.plot_matrix(np.zeros((2, 2)), key=False).images[0].get_clim() == (-1.0, 1.0)
    image = km.plotting.plot_matrix(np.array([[3 + 4j]]), key=False).images[0]
    assert image.get_array().item() == 5.0


def test_a_vector_is_no_matrix() -> None:
    with pytest.raises(ValueError, match=r"matrix has shape \(3,\): expected \(rows, columns\)"):
        km.plotting.plot_matrix(np.ones(3))


def test_zeros_of_rounding_are_left_out_and_counted() -> None:
    ax = km.plotting.plot_singular_values([1.0, 0.5, 1e-17], [1.0, 0.5, 3e-17])
    assert [len(line.get_xdata()) for line in ax.lines] == [2, 2]
    assert ax.get_xlabel() == "index (1 zeros left out)"


def test_error_axis_starts_at_zero() -> None:
    ax = km.plotting.plot_errors({"a": [0.2, 0.5], "b": [0.0, 0.0]}, ["one", "two"])
    assert ax.get_xlim()[0] == 0.0


def test_bands_surround_the_mean() -> None:
    x = np.arange(3.0)
    ax = km.plotting.plot_curves(x, {"a": x}, bands={"a": np.ones(3)})
    ys = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (ys.min(), ys.max()) == (-1.0, 3.0)


def test_profile_draws_the_reference_dashed_and_marks_kinks() -> None:
    weights = np.stack([t * np.eye(2) for t in (3.0, 2.0, 1.0)])
    path = Path([3.0, 2.0, 1.0], weights, 2 * weights, kinks=np.array([2.5]))
    ax = km.plotting.plot_profile(path, np.diag, "diagonal")
    assert len(ax.lines) == 2 + 2 + 1
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 2, 3])
    np.testing.assert_array_equal(ax.lines[2].get_ydata(), [2, 4, 6])
    assert ax.lines[4].get_xdata() == [2.5, 2.5]
    assert ax.get_ylabel() == "diagonal (reference dashed)"


def test_slices_are_ordered_by_size_and_parameters_decrease() -> None:
    weights = np.zeros((2, 4, 4))
    weights[1, 0, 0] = 2.0
    weights[:, 1, 3] = 1.0
    ax = km.plotting.plot_slices(Path([1.0, 3.0], weights), (2, 2, 2, 2))
    image = ax.images[0].get_array()
    np.testing.assert_array_equal(image[:2], [[2, 0], [1, 1]])
    assert not image[2:].any()


def test_drift_of_what_was_not_recorded_is_refused() -> None:
    path = SimpleNamespace(times=np.arange(3.0), recorded={"law": np.zeros(3)})
    with pytest.raises(KeyError, match="'other' was not recorded"):
        km.plotting.plot_drift(path, "other")
    assert km.plotting.plot_drift(path, "law").get_yscale() == "linear"  # nothing drifts: no logarithm of zero


def test_animations(tmp_path: pathlib.Path) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 4, 4))
    film = km.plotting.save_animation(weights, tmp_path / "film.gif", fps=2)
    assert film.read_bytes()[:6] in (b"GIF87a", b"GIF89a")
    page = km.plotting.save_animation(weights, tmp_path / "page.html", ["a<b", "two", 'c"d'], title="weight").read_text(
        "utf-8"
    )
    assert page.count("data:image/png") == 2
    assert 'max="2"' in page
    assert "a&lt;b" in page
    assert "http" not in page.replace("http-equiv", "")
    for arguments, words in (
        ((weights, tmp_path / "film.avi"), "expected an ending"),
        ((weights[0], tmp_path / "film.gif"), "expected \\(frames"),
        ((weights[:0], tmp_path / "film.gif"), "at least one frame"),
        ((weights, tmp_path / "film.gif", ["one"]), "1 words for 3 frames"),
    ):
        with pytest.raises(ValueError, match=words):
            km.plotting.save_animation(*arguments)


def test_labels_are_spread_by_the_gap_and_no_more() -> None:
    heights = np.array([0.5, 0.1, 0.52, 0.9, 0.51])
    placed = spread(heights, gap=0.1)
    np.testing.assert_allclose(placed, [0.41, 0.1, 0.61, 0.9, 0.51])
    assert np.diff(np.sort(placed)).min() >= 0.1 - 1e-12


def test_labels_stay_beside_the_axes() -> None:
    np.testing.assert_allclose(spread(np.array([0.0, 0.01, 1.0, 1.2]), gap=0.1), [0.0, 0.1, 0.9, 1.0])
    np.testing.assert_allclose(spread(np.array([0.0, 0.0, 0.0]), gap=0.6), [-0.1, 0.5, 1.1])


def test_points_are_labelled_where_there_is_room() -> None:
    ax = km.plotting.new_axes()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    points = [(0.98, 0.98), (0.02, 0.02), (0.5, 0.5), (0.53, 0.48), (0.5, 0.6)]
    label_points(ax, ["right", "left", "first", "above", "below"], points)
    boxes = [text.get_window_extent() for text in ax.texts]
    at = ax.transData.transform(points)
    assert {text.get_text() for text in ax.texts} >= {"right", "left", "first"}
    assert not any(box.contains(*point) for box in boxes for point in at)
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
    for box in boxes:
        assert ax.bbox.x0 <= box.x0
        assert box.x1 <= ax.bbox.x1


# Machado, Oliveira & Fernandes, A physiologically-based model for simulation of colour vision deficiency, 2009, severity 1.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colour: str, matrix: object) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("name", DEFICIENCIES)
def test_colours_stay_apart_for_colour_blind_readers(name: str) -> None:
    matrix = DEFICIENCIES[name]
    colours = [series.color for series in SERIES]
    for one, other in [*combinations(colours, 2), (NEGATIVE, POSITIVE)]:
        assert np.linalg.norm(lab(one, matrix) - lab(other, matrix)) > 15, (one, other)
    assert len({series.marker for series in SERIES}) == len({str(series.dashes) for series in SERIES}) == len(SERIES)


def test_labels_of_a_single_point_stay_inside() -> None:
    ax = km.plotting.plot_curves([1], {"loss": [2.0]}, references={"best": 0.5})
    assert all(-0.2 <= text.xy[1] <= 1.2 for text in ax.texts)


@pytest.mark.parametrize("budget", [None, 168])
def test_labels_of_a_front_do_not_meet(budget: int | None) -> None:
    rng = np.random.default_rng(3)
    B = np.kron(rng.normal(size=(6, 5)), rng.normal(size=(4, 7))) + 0.01 * rng.normal(size=(24, 35))
    ax = km.search(B, budget=budget).plot(Figure(figsize=(7, 4.5)).subplots())
    extents = [text.get_window_extent() for text in ax.texts]
    assert extents
    assert not any(one.overlaps(other) for one, other in combinations(extents, 2))


@pytest.mark.parametrize("mine", [(8, 64), (7, 63), (10, 62), (2, 40), (40, 30)])
def test_the_words_at_two_widths_do_not_meet(mine: tuple[float, float]) -> None:
    S = np.geomspace(1, 64, 50)
    ax = km.plotting.plot_widths(S, 64 - 5 * np.abs(np.log2(S / 8)), mine, (8, 64))
    ax.get_figure(root=True).draw_without_rendering()
    one, other = (text.get_window_extent() for text in ax.texts)
    assert not one.overlaps(other)
