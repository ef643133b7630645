"""The section about photographs: a Mixer from images to images beside a linear Mixer, ridge and a dense MLP."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ..networks.restorers import LINEAR, MIXER, MLP, RIDGE, Restored, restore_picture
from ..regularization.comparison import Contender, Difference, differences_from
from .findings import Findings
from .page import Figure, Section, Table, panel
from .words import count, scientific

#: Side of the square that is shown of each held-out part, and steps between those that are compared, in pixels.
_SHOWN, _STEP = 96, 16
_LATER = ", by later seeds between the best of the first and a third of it"
_ORDER = (RIDGE, LINEAR, MLP, MIXER)


def photographs(findings: Findings) -> Section:
    """What the Mixer, and what the others, make of photographs that a camera spoiled."""
    found = findings.photographs
    setting, first = found[0].setting, found[0]
    camera = setting.camera
    seeds = f"{len(found)} seed{'s' * (len(found) > 1)}"
    explanation = (
        f"Restore photographs from what a camera made of them: it blurs (σ = {camera.blur:g} pixel), multiplies the contrast "
        f"by {camera.contrast:g}, clips what is then below black or above white, and adds noise of standard deviation "
        f"{camera.noise:g}. Clipping is not linear. Each restorer learns from {count(setting.train)} windows of {setting.side}×"
        f"{setting.side} pixels of the left two thirds of two photographs, and is judged on {count(setting.held)} of the right "
        f"third, for each of {seeds}. The Mixer maps {(setting.side // setting.patch) ** 2} patches to as many, through "
        f"{setting.depth} blocks; the linear one is the same without activations. Rates of training were chosen on windows held "
        f"back{_LATER * (len(found) > 1)}."
    )
    names = ["clean", "camera", *_ORDER]
    rows = [[*_crops(first, i)] for i in range(len(first.clean))]
    errors = [[float(np.mean((shown - row[0]) ** 2)) for shown in row] for row in rows]
    alt = "Parts of two photographs, held out: " + "; ".join(
        f"{name} {' and '.join(scientific(of[k]) for of in errors)}" for k, name in enumerate(names) if k
    )
    figure = Figure(
        (panel(lambda ax: _strip(ax, rows, names), alt, (7.6, 2.75)),),
        "edges beside what was clipped, and the noise that is left in flat parts. Each picture is the mean of overlapping windows.",
    )
    return Section(
        "photographs", "Photographs, and a map that is not linear", explanation, (figure,), (_restorer_table(found),)
    )


def sentence(found: tuple[Restored, ...]) -> str:
    """The Mixer against the other restorers, in words computed from the numbers."""
    told = [_difference_words(one) for one in _differences_from_mixer(found)]
    mixer = next(one for one in contenders(found) if one.name == MIXER)
    return (
        f"Photographs through a camera that clips: a Mixer of {count(mixer.numbers)} weights leaves an error of "
        f"{mixer.error.value:.3g} per pixel, {'; '.join(told)}."
    )


def contenders(found: tuple[Restored, ...]) -> tuple[Contender, ...]:
    """All restorers, with an error for every seed."""
    return tuple(
        Contender(name, found[0].restorers[name].numbers, tuple(one.restorers[name].error for one in found), ())
        for name in _ORDER
    )


def _differences_from_mixer(found: tuple[Restored, ...]) -> tuple[Difference, ...]:
    everybody = {one.name: one for one in contenders(found)}
    return differences_from(everybody.pop(MIXER), tuple(everybody.values()))


def _difference_words(one: Difference) -> str:
    """How much more or less error a Mixer has than one baseline, with the interval if there is one."""
    mean, low, high = one.interval.value, one.interval.low, one.interval.high
    share = 100 * mean / one.baseline.error.value
    name = f"{one.baseline.name} with {count(one.baseline.numbers)}"
    if not np.isfinite(low):
        return f"{abs(share):.2g} % {'less' if mean > 0 else 'more'} than {name} (one seed: no interval)"
    if one.verdict == "not separated":
        return f"not separated from {name} by these seeds"
    ends = sorted(abs(100 * end / one.baseline.error.value) for end in (low, high))
    return f"{abs(share):.2g} % {'less' if mean > 0 else 'more'} than {name} (95 % interval {ends[0]:.2g} to {ends[1]:.2g} %)"


def _restorer_table(found: tuple[Restored, ...]) -> Table:
    behind = {one.baseline.name: one.interval for one in _differences_from_mixer(found)}
    rows: list[tuple[str, ...]] = []
    for one in contenders(found):
        half, interval = one.error.half_width, behind.get(one.name)
        paired = ""
        if interval is not None:
            paired = f"{interval.value:+.2g}" + (f" ± {interval.half_width:.1g}" if np.isfinite(interval.low) else "")
        rows.append(
            (
                one.name,
                count(one.numbers),
                count(found[0].restorers[one.name].multiply_adds),
                f"{one.error.value:.4g}" + (f" ± {half:.1g}" if np.isfinite(half) else ""),
                paired,
            )
        )
    untouched = float(np.mean([one.untouched for one in found]))
    rows.append(("as the camera gave it", "", "", f"{untouched:.4g}", ""))
    return Table(
        "Squared error per pixel on the held-out windows, mean over seeds (noise, windows and start); differences are paired, "
        "their intervals hold together (Bonferroni). Multiply-adds are for one window.",
        ("restored by", "weights", "multiply-adds", "held-out error", "error minus the Mixer's"),
        rows,
    )


def _crops(found: Restored, i: int) -> list[Any]:
    """The square of a held-out part with most contrast: clean, as the camera gave it, and restored."""
    height, width = found.clean[i].shape
    corners = product(range(0, height - _SHOWN + 1, _STEP), range(0, width - _SHOWN + 1, _STEP))
    r, c = max(corners, key=lambda at: float(_square(found.clean[i], *at).std()))
    clean, seen = (_square(part[i], r, c) for part in (found.clean, found.seen))
    side = found.setting.side
    return [clean, seen, *(restore_picture(found.restorers[name].restore, seen, side) for name in _ORDER)]


def _square(picture: Any, row: int, column: int) -> Any:
    return picture[row : row + _SHOWN, column : column + _SHOWN]


def _strip(ax: Any, rows: list[list[Any]], names: list[str]) -> None:
    """One row for each photograph, one column for each restorer."""
    gap, step = 6, _SHOWN + 6
    canvas = np.full((len(rows) * step - gap, len(names) * step - gap), np.nan)
    for r, row in enumerate(rows):
        for k, shown in enumerate(row):
            canvas[r * step : r * step + _SHOWN, k * step : k * step + _SHOWN] = shown
    ax.imshow(canvas, cmap="gray", vmin=0, vmax=1, interpolation="none")
    ax.grid(False)
    ax.set_yticks([])
    ax.xaxis.tick_top()
    ax.set_xticks([k * step + _SHOWN / 2 for k in range(len(names))], names)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
