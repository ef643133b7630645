"""The box on top of the page: what was found, in sentences computed from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..plotting.style import MUTED, SERIES, label_points
from ..regularization.comparison import Comparison, Contender, Difference
from . import photograph_sections
from .findings import Findings
from .front_sections import error_against_sparse
from .matrices import MatrixSeen
from .page import Panel, Table, panel
from .words import count, percent, scientific, short_names

#: Most matrices named in one sentence.
_NAMED = 3


@dataclass(frozen=True)
class Verdict:
    """What a reader came for: sentences, the numbers behind them, and one plot."""

    sentences: tuple[str, ...]
    table: Table | None = None
    plot: Panel | None = None


def verdict(findings: Findings) -> Verdict | None:
    """The verdict on training, on weights, or on a network; None where there is nothing to decide."""
    if findings.comparison is not None:
        box = of_comparison(findings.comparison, findings.source)
        beside = (photograph_sections.sentence(findings.photographs),) if findings.photographs else ()
        return replace(box, sentences=(*box.sentences, *beside))
    if findings.matrices:
        return _of_matrices(findings)
    if findings.network is not None:
        return _verdict_of_network(findings)
    return _of_fronts(findings) if findings.fronts else None


def of_comparison(found: Comparison, source: str) -> Verdict:
    """The best structure against ridge, early-stopped dense and low rank."""
    best, size = found.best, found.ridge.numbers
    data = f"Data: {source}. "
    if best is None:
        least = min((one.numbers for one in found.structures), default=None)
        why = "none is smaller than the dense weight" if least is None else f"the smallest stores {count(least)}"
        return Verdict(
            (f"{data}No structure stores at most {count(found.budget)} numbers: {why}.",),
            _comparison_table(found, ()),
            _plot(found),
        )
    seeds = len(best.errors)
    headline = (
        f"{data}With at most {count(found.budget)} of {count(size)} numbers the structure to choose is {_with_article(best)}: "
        f"{count(best.numbers)} numbers, held-out error {best.error.value:.4g}."
    )
    return Verdict(
        (headline, *_lower(found, best), *(_against(one, best) for one in found.differences), _how_to_read(seeds)),
        _comparison_table(found, found.differences),
        _plot(found),
    )


def _lower(found: Comparison, best: Contender) -> tuple[str, ...]:
    """A sentence where the choice, made without the held-out data, is not the lowest on them."""
    within = [one for one in found.structures if one.numbers <= found.budget]
    lowest = min(within, key=lambda one: one.error.value)
    if lowest is best or lowest.error.value == best.error.value:
        return ()
    return (
        f"Chosen on the training data; on the held-out data {_with_article(lowest)} came out lower: {lowest.error.value:.4g}, with "
        f"{count(lowest.numbers)} numbers.",
    )


def _with_article(best: Contender) -> str:
    """ "the Mixer" and "the sum of …", but "Kronecker" alone."""
    return f"the {best.name}" if best.name.startswith("sum") or best.name.endswith("Mixer") else best.name


def _against(found: Difference, best: Contender) -> str:
    """One sentence about one baseline."""
    baseline, low, high = found.baseline, found.interval.low, found.interval.high
    stores = f"{percent(best.numbers / baseline.numbers)} of its numbers"
    name = {"ridge": "cross-validated ridge"}.get(baseline.name, baseline.name)
    mean = found.interval.value
    if not np.isfinite(low):
        return f"Against {name}, with {stores}: one split, so that nothing can be said with confidence."
    span = f"95 % interval {min(abs(low), abs(high)):.2g} to {max(abs(low), abs(high)):.2g}"
    if found.verdict == "not separated":
        return (
            f"Against {name}, with {stores}: no difference that these splits separate from zero "
            f"(baseline minus structure {_signed(mean)}; interval {_signed(low)} to {_signed(high)})."
        )
    return f"Against {name}, with {stores}: its error is {found.verdict} by {abs(mean):.2g} ({span})."


def _how_to_read(seeds: int) -> str:
    return (
        f"Paired over {count(seeds)} seeds (split, noise and start of the same data); the intervals hold together (Bonferroni). "
        "Structure, stopping time, λ and rank were chosen without the held-out data."
    )


def _comparison_table(found: Comparison, differences: Sequence[Difference]) -> Table:
    behind = {one.baseline.name: one for one in differences}
    baselines = [one for one in (found.ridge, found.dense, found.chosen_low_rank) if one is not None]
    rows = [
        (one.name, count(one.numbers), _error_words(one), _paired_words(behind.get(one.name)))
        for one in (*sorted(found.structures, key=lambda one: one.numbers), *baselines)
    ]
    against = "error minus the structure's, paired"
    return Table("All fits, on the same held-out data.", ("fit", "numbers", "held-out error", against), rows)


def _signed(x: float) -> str:
    """Two digits with a sign, + too."""
    return ("+" if x >= 0 else "−") + scientific(abs(float(f"{x:.2g}")))


def _error_words(one: Contender) -> str:
    half = one.error.half_width
    return f"{one.error.value:.4g}" + (f" ± {half:.2g}" if np.isfinite(half) else "")


def _paired_words(found: Difference | None) -> str:
    if found is None:
        return ""
    half = found.interval.half_width
    return _signed(found.interval.value) + (f" ± {half:.2g}" if np.isfinite(half) else "")


def _plot(found: Comparison) -> Panel:
    """Error against numbers stored."""
    structure, low_rank, dense = SERIES[1], SERIES[2], SERIES[0]

    def place(one: Contender) -> tuple[float, float]:
        return one.numbers, one.error.value

    def draw(ax: Any) -> None:
        from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

        def points(ones: Sequence[Contender], look: Any, label: str, line: bool = False) -> None:
            x = [one.numbers for one in ones]
            y = [one.error.value for one in ones]
            half = np.nan_to_num([one.error.half_width for one in ones])
            style = {"color": look.color, "label": label, "markersize": 5, "linewidth": 1.2}
            ax.errorbar(x, y, half, fmt="-o" if line else "o", elinewidth=0.9, **style)

        if found.structures:
            points(found.structures, structure, "structures")
        if found.low_rank:
            points(found.low_rank, low_rank, "low rank", line=True)
        points((found.dense,), dense, "early-stopped dense")
        ax.axhline(found.ridge.error.value, color=MUTED, linewidth=1.0, linestyle=(0, (3, 2)), label="ridge")
        numbers = [one.numbers for one in (*found.structures, *found.low_rank, found.dense)]
        if max(numbers) > 10 * min(numbers):
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter(lambda x, _: count(round(x)))
            ax.xaxis.set_minor_formatter(NullFormatter())
        else:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        best = found.best
        if best is not None:
            ax.plot(best.numbers, best.error.value, "o", markersize=10, fillstyle="none", color=structure.color)
        ax.set_ylim(*_limits(found))
        ax.set_xlabel("numbers stored")
        ax.set_title("held-out error" + (" (ringed: the structure to choose)" if best is not None else ""), loc="left")
        ax.legend(
            frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=4, columnspacing=1.2
        )
        others = (*found.low_rank, found.dense)
        named = sorted(found.structures, key=lambda one: one is not best)
        label_points(ax, [one.name for one in named], [place(one) for one in named], [place(one) for one in others])

    alt = "Held-out error against numbers stored: " + ", ".join(
        f"{one.name} {one.numbers} numbers, error {one.error.value:.4g}"
        for one in (*found.structures, found.ridge, found.dense)
    )
    return panel(draw, alt, (5.6, 3.7))


def _limits(found: Comparison) -> tuple[float, float]:
    """Room for the errors with their bars, low rank cut off where it is far above and long bars at twice the spread."""
    everybody = (*found.structures, found.ridge, found.dense)
    least, most = (end(one.error.value for one in everybody) for end in (min, max))
    top = min(most * 1.5, max([most, *(one.error.value for one in found.low_rank)]))
    spread = max(top - least, 0.02 * most)
    half = np.nan_to_num([one.error.half_width for one in everybody])
    low, high = (
        end(one.error.value + sign * h for one, h in zip(everybody, half, strict=True))
        for end, sign in ((min, -1), (max, 1))
    )
    return max(low, least - 2 * spread) - 0.25 * spread, min(max(high, top), most + 2 * spread) + 0.05 * spread


def _of_matrices(findings: Findings) -> Verdict:
    """How many matrices have the structure, against low rank and against chance."""
    seen = findings.matrices
    alike = [one for one in seen if one.is_monarch_like]
    best = min(seen, key=lambda one: one.monarch_error / one.shuffled_error)
    share = percent(best.monarch_numbers / (best.shape[0] * best.shape[1]))
    have = "has" if len(alike) == 1 else "have"
    sentences = (
        f"Weights: {findings.source}, {count(len(seen))} {'matrix' if len(seen) == 1 else 'matrices'}. {_structured(findings)}",
        f"{count(len(alike))} of {count(len(seen))} {have} the structure of a Monarch "
        "matrix: nearer to one than low rank with as many numbers, and a tenth nearer than their own entries in random order.",
        f"The clearest is {best.name}: with {share} of the numbers a Monarch matrix leaves {scientific(best.monarch_error)} of "
        f"the norm, low rank as small {scientific(best.low_rank_error(best.monarch_numbers))} (Eckart–Young), its entries in "
        f"random order {scientific(best.shuffled_error)}.",
    )
    return Verdict(sentences, plot=_monarch_or_low_rank(seen))


def _structured(findings: Findings) -> str:
    """Which matrices have any of the structures searched for, and which."""
    found = sorted(
        (named for named in findings.fronts if error_against_sparse(named[1]) <= 1),
        key=lambda named: error_against_sparse(named[1]),
    )
    told = ", ".join(f"{name} ({front.choose()})" for name, front in found[:_NAMED])
    more = f", and {count(len(found) - _NAMED)} more" if len(found) > _NAMED else ""
    share = f"{count(len(found))} of {count(len(findings.fronts))}"
    loses = f"For {share} a structure loses no more than as many of the largest entries"
    return f"{loses}: {told}{more}." if told else f"{loses}."


def _monarch_or_low_rank(seen: Sequence[MatrixSeen]) -> Panel:
    """Every matrix as a point: below the line a Monarch matrix describes it better than low rank does."""

    def draw(ax: Any) -> None:
        x = [one.low_rank_error(one.monarch_numbers) for one in seen]
        y = [one.monarch_error for one in seen]
        ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8)
        ax.plot(x, y, "o", color=SERIES[1].color, markersize=4, alpha=0.7)
        ax.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="error of low rank, as many numbers")
        ax.set_title("error of the nearest Monarch matrix", loc="left")
        names = short_names([one.name for one in seen])
        below = [i for i in np.argsort([one.monarch_error / one.shuffled_error for one in seen]) if y[i] < x[i]]
        others = [(x[i], y[i]) for i in range(len(seen)) if i not in below[:_NAMED]]
        label_points(ax, [names[i] for i in below[:_NAMED]], [(x[i], y[i]) for i in below[:_NAMED]], others)

    return panel(draw, f"Monarch error against low-rank error at equal numbers, {len(seen)} matrices", (4.4, 3.0))


def _verdict_of_network(findings: Findings) -> Verdict:
    seen = findings.network
    assert seen is not None
    beyond = [layer for layer in seen.layers if layer.singular_values[0] > 1.1 * layer.edge]
    best = min(seen.layers, key=lambda layer: layer.monarch_error)
    first = f"Network: {findings.source}, {count(seen.network.n_parameters)} parameters in {count(len(seen.layers))} wide layers"
    if seen.shape is not None:
        S, C = seen.shape.tokens, seen.shape.channels
        density = percent(seen.shape.equivalent_density)
        first += f" of width {count(S * C)} ({count(S)} tokens × {count(C)} channels)"
        first += f", with the connections of a sparse MLP of density {density}"
    second = (
        f"{count(len(beyond))} of {count(len(seen.layers))} layers {'reaches' if len(beyond) == 1 else 'reach'} a tenth "
        "beyond the edge of random entries"
        + (
            ": directions that independent random entries would not have."
            if beyond
            else ": nothing in their largest singular values shows training."
        )
    )
    third = (
        f"The shared matrix that is nearest to a Monarch matrix is that of block {best.block}, {best.name}, at a relative error of "
        f"{scientific(best.monarch_error)}."
    )
    return Verdict((first + ".", second, third))


def _of_fronts(findings: Findings) -> Verdict:
    """The verdict on single weights: the structure to choose on each front."""
    sentences = []
    for name, front in findings.fronts:
        row = front.choose()
        sparse = front.baseline[front.front.index(row)]
        rank = front.low_rank_error(row.n_parameters)
        beats = [
            what for what, error in (("low rank", rank), ("the largest entries", sparse)) if row.relative_error < error
        ]
        sentences.append(
            f"{name} is nearest to {row}: {count(row.n_parameters)} numbers, "
            f"{percent(row.n_parameters / (front.shape[0] * front.shape[1]))}, relative error {scientific(row.relative_error)}; "
            f"as many numbers in low rank leave {scientific(rank)}, as many of the largest entries {scientific(sparse)}"
            + (f": nearer than {' and '.join(beats)}." if beats else ": no nearer than either.")
        )
    return Verdict((f"Weights: {findings.source}. " + sentences[0], *sentences[1:]))
