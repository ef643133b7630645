"""The sections about training: the task, the structures side by side, sparsity along the way."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..datasets import untokens
from ..intervals import t_interval
from ..plotting import Series, plot_curves, plot_matrix
from ..plotting.style import SERIES
from ..regularization.restoration import Restoration
from .findings import Findings
from .page import Figure, Panel, Section, Table, panel
from .words import count, number, percent, plus_minus

#: Images shown in the strip of examples.
EXAMPLES = 7


def task(findings: Findings) -> Section:
    """What is restored from what."""
    result, pictures = _restoration_of(findings), findings.pictures
    settings, (S, C) = result.settings, result.task.shape
    names = ["clean", "noisy", *result.runs]
    explanation = (
        f"Restore images from noisy ones. An image is a feature matrix X with S = {S} rows (tokens) and C = {C} "
        f"columns (channels); Gaussian noise of standard deviation {settings['noise']:g}, where pixels go from 0 to "
        f"1, is added to every entry. One linear map B is trained on {settings['train']} images and judged on the "
        f"other {count(result.task.held_clean.shape[1])}, by full-batch gradient descent on its factors: "
        f"{count(settings['steps'])} steps from a weight of norm {settings['scale']:g}, for each of "
        f"{settings['seeds']} seeds (split, noise and start)."
    )
    assert pictures is not None
    columns = result.task.held_clean[:, :EXAMPLES], result.task.held_noisy[:, :EXAMPLES]
    restored = [result.first(name) @ columns[1] for name in result.runs]
    shown = [
        untokens(
            (features + result.task.mean[:, None]).T.reshape(-1, C, S).swapaxes(1, 2), pictures.shape, pictures.patch
        )
        for features in (*columns, *restored)
    ]
    strip = np.clip(np.stack(shown), 0, 1)
    alt = f"Rows of {strip.shape[1]} held-out images: " + ", ".join(names)
    figure = Figure(
        (panel(lambda ax: _strip(ax, strip, names), alt, (4.6, 0.2 + 4.6 / (strip.shape[1] + 1.9) * len(names))),),
        "which details each structure keeps, and how much of the noise. All are linear filters with the same training; "
        "only their parametrisation differs.",
    )
    return Section("task", "The task", explanation, (figure,))


def structures(findings: Findings) -> Section:
    """Held-out error, training curves and costs (mean ± CI over seeds)."""
    result = _restoration_of(findings)
    errors = {name: result.final(name, lambda run: run.error) for name in result.runs}
    best = min(errors, key=lambda name: float(errors[name].mean))
    explanation = (
        "The same budget for every structure: the same images, the same number of full-batch steps, the same small "
        "start. What differs is how many numbers there are to learn and how they are shared. Dense training heads "
        f"for the least-squares filter, which also fits the noise of {count(result.settings['train'])} images; a "
        "structure that cannot follow all of it may do better on new ones. Here the lowest held-out error is that "
        f"of the {best}, {plus_minus(errors[best])} per pixel" + _against_dense(result, best) + "."
    )
    held = {name: result.curve(name, "held-out error") for name in result.runs}
    loss = {name: [2 * run.path.losses / len(result.task.mean) for run in runs] for name, runs in result.runs.items()}
    figures = (
        Figure(
            (
                panel(
                    lambda ax: _draw_curves(
                        ax,
                        result,
                        held,
                        "held-out squared error per pixel",
                        references={"mean image": float(result.mean.mean)},
                    ),
                    "Held-out error along training, one curve per structure: "
                    + ", ".join(f"{n} ends at {float(c.mean[-1]):.4f}" for n, c in held.items()),
                    (4.9, 2.9),
                ),
                panel(
                    lambda ax: _draw_curves(
                        ax, result, {n: t_interval(v) for n, v in loss.items()}, "training squared error per pixel"
                    ),
                    "Training error along training, one curve per structure",
                    (4.9, 2.9),
                ),
            ),
            "where a held-out curve turns up again while its training curve still falls: from there on it learns "
            "noise. Factored weights first rest near zero, because a product of small factors has a small gradient, "
            "then learn the strongest pattern first. Bands are 95 % confidence intervals over seeds.",
        ),
    )
    rows: list[tuple[str, ...]] = []
    for name, runs in result.runs.items():
        op = runs[0].operator
        rows.append(
            (
                name,
                plus_minus(errors[name]),
                plus_minus(result.final(name, lambda run: 2 * float(run.path.losses[-1]) / len(result.task.mean))),
                count(op.n_parameters),
                count(op.nnz),
                percent(op.density),
                count(op.connections),
                plus_minus(result.final(name, lambda run: run.seconds), 3),
            )
        )
    rows.append(("least squares", plus_minus(result.best_linear), *[""] * 6))
    rows.append(("mean image", plus_minus(result.mean), *[""] * 6))
    rows.append(("noisy image itself", plus_minus(result.noisy), *[""] * 6))
    table = Table(
        f"Mean ± 95 % confidence interval over {result.settings['seeds']} seeds; squared errors per pixel. "
        "Multiply-adds are for one vector; seconds are of training on this machine.",
        (
            "structure",
            "held-out error",
            "training error",
            "parameters",
            "non-zeros of B",
            "density",
            "multiply-adds",
            "seconds",
        ),
        rows,
    )
    return Section("structures", "The structures side by side", explanation, figures, (table,))


def sparsity(findings: Findings) -> Section:
    """The sparsity profile, along training where there was any (T16)."""
    if findings.restoration is None:
        return _profile_of_weights(findings)
    result = findings.restoration
    explanation = (
        "How the size of B is spread over its entries, measured while it is trained and without any penalty. "
        "Hoyer's index is 0 when all entries are equally large and 1 when a single one is left. Effective non-zeros "
        "count how many equal entries would be as spread out. Slices are the blocks of the Monarch form; sparsity "
        "over slices is what untied factors encourage. The last measure is how far the paper's ℓ1 bound is from "
        "being met with equality."
    )
    quantities = (
        ("Hoyer", "Hoyer index of the entries"),
        ("effective non-zeros", f"effective non-zeros, of {count(result.task.mean.size**2)}"),
        ("slice Hoyer", "Hoyer index of the slice norms"),
        ("l1 looseness", "looseness of the ℓ1 bound, 1 = tight"),
    )
    panels = tuple(
        panel(
            partial(
                _draw_curves,
                result=result,
                curves={name: result.curve(name, quantity) for name in result.runs},
                label=label,
                zero=quantity != "l1 looseness",
            ),
            f"{label} along training: "
            + ", ".join(f"{n} ends at {float(result.curve(n, quantity).mean[-1]):.3g}" for n in result.runs),
            (4.9, 3.0),
        )
        for quantity, label in quantities
    )
    slices = _slices(result, [name for name in ("Monarch", "Mixer", "dense") if name in result.runs])
    figures = (
        Figure(
            panels,
            "where the curves separate. All start from random weights of the same norm, as spread out as products "
            "of Gaussian numbers are. " + _concentration_words(result),
        ),
        Figure(
            slices,
            "which slices stay near zero: one row for every output token, one column for every input channel, on "
            "one scale.",
            "Norms of the slices at the end",
        ),
    )
    rows = [
        (
            name,
            *(
                plus_minus(result.last(name, q), d)
                for q, d in (("Hoyer", 3), ("effective non-zeros", 0), ("slice Hoyer", 3), ("l1 looseness", 3))
            ),
        )
        for name in result.runs
    ]
    table = Table(
        "At the end of training; mean ± 95 % confidence interval over seeds.",
        ("structure", "Hoyer", "effective non-zeros", "slice Hoyer", "ℓ1 looseness"),
        rows,
    )
    return Section("sparsity", "Sparsity along training", explanation, figures, (table,), folded=True)


def _profile_of_weights(findings: Findings) -> Section:
    profile = findings.mixer.profile
    explanation = (
        "How the size of B is spread over its entries. Hoyer's index is 0 when all entries are equally large and 1 "
        "when a single one is left; effective non-zeros count how many equal entries would be as spread out; "
        "looseness is how far the paper's ℓ1 bound is from equality. All of it is computed from the factors."
    )
    norms = profile.group_norms
    figures: tuple[Figure, ...] = ()
    if norms is not None:
        figures = (
            Figure(
                (
                    panel(
                        partial(plot_matrix, norms, title="slice norms"),
                        f"Norms of the {norms.shape[0]} by {norms.shape[1]} slices",
                        (2.0, 0.7 + 1.6 * min(1.2, norms.shape[0] / norms.shape[1])),
                    ),
                ),
                "rows or columns that are nearly blank: tokens or channels this layer hardly uses.",
            ),
        )
    rows = [
        ("density", percent(profile.density)),
        ("exact zeros", count(profile.zeros)),
        ("Hoyer index", number(profile.hoyer)),
        ("effective non-zeros", number(profile.effective_nonzeros)),
        ("ℓ1 looseness", number(profile.l1_looseness)),
    ]
    if profile.group_hoyer is not None:
        rows.append(("Hoyer index of the slice norms", number(profile.group_hoyer)))
    return Section("sparsity", "Sparsity", explanation, figures, (Table("Sparsity of B.", ("measure", "value"), rows),))


# ---- pieces ---------------------------------------------------------------------------------------------------------


def _restoration_of(findings: Findings) -> Restoration:
    assert findings.restoration is not None
    return findings.restoration


def _series_styles(result: Restoration) -> dict[str, Series]:
    return dict(zip(result.runs, SERIES, strict=False))


def _against_dense(result: Restoration, best: str) -> str:
    """The paired comparison with dense over seeds, in words that follow from the numbers."""
    if best == "dense" or "dense" not in result.runs:
        return ""
    difference = t_interval([d.error - b.error for d, b in zip(result.runs["dense"], result.runs[best], strict=True)])
    mean, half = float(difference.mean), float(difference.half_width)
    if not np.isfinite(half):
        return f", {mean:.4f} below the dense weight (one seed: no interval)"
    verdict = "" if mean > half else ", which this many seeds do not separate from zero"
    return f", {mean:.4f} ± {half:.4f} below the dense weight on the same images{verdict}"


def _concentration_words(result: Restoration) -> str:
    final = {name: result.last(name, "Hoyer") for name in result.runs}
    ordered = sorted(final, key=lambda name: -float(final[name].mean))
    first, last = ordered[0], ordered[-1]
    return (
        f"At the end the {first} weight is the most concentrated (Hoyer {plus_minus(final[first], 3)}), the {last} "
        f"weight the least ({plus_minus(final[last], 3)})."
    )


def _draw_curves(
    ax: Any,
    result: Restoration,
    curves: dict[str, Any],
    label: str,
    references: dict[str, float] | None = None,
    zero: bool = True,
) -> None:
    later = slice(1, None)  # step 0 has no place on a logarithmic axis
    ax.set_xscale("log")
    means = {name: np.asarray(curve.mean)[later] for name, curve in curves.items()}
    bands = {name: np.nan_to_num(np.asarray(curve.half_width)[later]) for name, curve in curves.items()}
    top = max(float((means[n] + bands[n]).max()) for n in means)
    bottom = 0.0 if zero else 1.0
    ax.set_ylim(bottom, bottom + 1.06 * (max([top, *(references or {}).values()]) - bottom))
    plot_curves(result.steps[later], means, ax, series=_series_styles(result), bands=bands, references=references)
    ax.set_xlabel("gradient steps")
    ax.set_title(label)


def _slices(result: Restoration, names: list[str]) -> tuple[Panel, ...]:
    """Slice norms of the first seed's weights, on one scale."""
    norms = {name: result.runs[name][0].path.recorded["slice norms"][-1] for name in names}
    limit = max(float(values.max()) for values in norms.values())
    return tuple(
        panel(
            partial(plot_matrix, values, limit=limit, title=f"slice norms, {name}"),
            f"Heat map of the slice norms, {name}",
            (3.1, 3.3),
        )
        for name, values in norms.items()
    )


def _strip(ax: Any, strip: Any, names: list[str]) -> None:
    """Rows of pictures with a gap of one pixel, in grey or in colour."""
    R, N, H, W, colours = strip.shape
    gap = max(1, H // 8)
    canvas = np.full((R * (H + gap) - gap, N * (W + gap) - gap, 4), 0.0)
    for r in range(R):
        for n in range(N):
            tile = strip[r, n] if colours == 3 else np.repeat(strip[r, n].mean(axis=-1, keepdims=True), 3, axis=-1)
            canvas[r * (H + gap) : r * (H + gap) + H, n * (W + gap) : n * (W + gap) + W] = np.concatenate(
                [tile, np.ones((H, W, 1))], axis=-1
            )
    ax.imshow(canvas, interpolation="none")
    ax.grid(False)
    ax.set_xticks([])
    ax.set_yticks([r * (H + gap) + H / 2 for r in range(R)], names)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
