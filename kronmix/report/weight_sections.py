"""The sections about one effective weight: layers, factors, spectrum, widths."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..decompose import nearest_kronecker, rearrange
from ..mixer.inspection import DENSE_WIDTH, width_curve
from ..operators import Chain
from ..plotting import plot_curves, plot_errors, plot_matrix, plot_singular_values, plot_widths
from ..plotting.style import SERIES
from .findings import Array, Findings
from .page import Figure, Section, Table, panel
from .sliders import Stops, slider
from .words import count, number, percent, scientific

MIXER, DENSE = SERIES[1], SERIES[0]

#: Inches of a picture of a matrix: three stand beside the words.
_MATRIX = (2.4, 2.6)

#: Relative errors up to this are rounding.
EXACT = 1e-12


def effective_weight(findings: Findings) -> Section:
    """The effective weight and the two layers whose product it is (T3, T4)."""
    seen = findings.mixer
    S, C = seen.mixer.input_shape
    rows, columns = seen.effective.shape
    W, V = seen.mixer.token_weights[0], seen.mixer.channel_weights[0]
    explanation = (
        "Mixing tokens and then channels, X ↦ W X V, is one matrix B = Vᵀ ⊗ W acting on the features stacked into a "
        f"vector. It has {count(rows)} × {count(columns)} entries but only {count(seen.effective.n_parameters)} free "
        f"numbers, because it is the product of two sparse layers: I ⊗ W repeats one {W.shape[0]} × {W.shape[1]} "
        "block for every channel, and Vᵀ ⊗ I spreads the entries of V over diagonals."
    )
    if max(rows, columns) <= DENSE_WIDTH:
        blocks: tuple[int, int] | None = (W.shape[0], S)
        first, second = seen.layers
        pictures: tuple[tuple[str, Array, str], ...] = (
            (
                "B = Vᵀ ⊗ W",
                seen.effective.to_dense(),
                f"Effective weight B, {rows} by {columns}, in {V.shape[1]} by {C} blocks",
            ),
            (second.formula, second.operator.to_dense(), f"Channel mixing {second.formula}: diagonals in every block"),
            (first.formula, first.operator.to_dense(), f"Token mixing {first.formula}: equal blocks on the diagonal"),
        )
        scaled = (
            "scaled by the modulus of one entry of V, as complex entries are drawn by their moduli"
            if np.iscomplexobj(pictures[0][1])
            else "scaled (and where orange and blue trade places, negated) by one entry of V"
        )
        caption = (
            f"every {W.shape[0]} × {S} block of B on the left: all are the same picture W, {scaled}. The two layers to its "
            "right, whose product it is, "
            f"are {percent(second.operator.density)} and {percent(first.operator.density)} full. Each picture has "
            "its own colour key."
        )
    else:
        pictures = (("W", W, f"Token weight W, {W.shape}"), ("Vᵀ", V.T, f"Transposed channel weight V, {V.T.shape}"))
        caption = (
            f"the two matrices that hold all there is: B = Vᵀ ⊗ W would have {count(rows * columns)} entries, and is "
            "never made. Its block (i, j) is W scaled by entry (i, j) of Vᵀ."
        )
        blocks = None
    panels = tuple(
        panel(partial(plot_matrix, matrix, blocks=blocks, title=title), alt, _MATRIX) for title, matrix, alt in pictures
    )
    table = Table(
        "The two effective layers, in the order they are applied.",
        ("layer", "matrix", "size", "parameters", "connections", "density", "σ max", "σ min"),
        [
            (
                layer.name,
                layer.formula,
                f"{count(layer.operator.shape[0])} × {count(layer.operator.shape[1])}",
                count(layer.operator.n_parameters),
                count(layer.operator.connections),
                percent(layer.operator.density),
                number(layer.largest),
                number(layer.smallest),
            )
            for layer in seen.layers
        ],
    )
    figures = (*_along_training(findings), Figure(panels, caption, "B and the two layers whose product it is"))
    return Section("effective-weight", "The effective weight", explanation, figures, (table,))


def _along_training(findings: Findings) -> tuple[Figure, ...]:
    """The Mixer's effective weight at every step that was recorded, where it was trained here and is small."""
    result = findings.restoration
    if result is None or max(findings.mixer.effective.shape) > DENSE_WIDTH:
        return ()
    run = result.runs["Mixer"][0]
    factors = run.path.recorded["factors"]
    if not factors.size:
        return ()
    ends = np.cumsum([factor.size for factor in run.operator.factors])[:-1]
    shapes = [factor.shape for factor in run.operator.factors]
    weights = [
        run.operator.with_factors(
            *(part.reshape(shape) for part, shape in zip(np.split(row, ends), shapes, strict=True))
        )
        for row in factors[1:]
    ]
    steps = result.steps[1:]
    errors = {name: runs[0].path.recorded["held-out error"][1:] for name, runs in result.runs.items()}

    def draw(ax: Any) -> None:
        ax.set_xscale("log")
        plot_curves(steps, errors, ax, series=dict(zip(result.runs, SERIES, strict=False)))
        ax.set_xlabel("gradient steps")
        ax.set_title("held-out error, first seed", loc="left")

    words = [count(int(step)) for step in steps]
    stops = Stops("gradient steps", words, steps, errors, np.array([op.to_dense() for op in weights]))
    moving = slider(stops, draw, "Held-out error along training, first seed, one curve per structure", "B of the Mixer")
    caption = "when the blocks of B appear: it rests near zero, then one pattern grows, where the Mixer's curve falls."
    return (Figure((moving,), caption),)


def factors(findings: Findings) -> Section:
    """Nearest structures of the Mixer's weight, and of the dense one (T12-T14)."""
    seen, dense = findings.mixer, findings.dense
    names = [a.name for a in seen.approximations]
    errors = {"Mixer": [a.relative_error for a in seen.approximations]}
    if dense is not None:
        errors["dense"] = [a.relative_error for a in dense]
    exact = scientific(seen.approximations[0].relative_error)
    explanation = (
        "A Monarch matrix is a product of two block-diagonal layers with a fixed shuffle between them. A Mixer is "
        "one, with its blocks tied"
    )
    explanation += (
        "; cutting B into slices and taking the best rank-one fit of each finds it again from the entries alone, to "
        f"rounding (relative error {exact}). "
        if max(seen.effective.shape) <= DENSE_WIDTH
        else f": its factors are read off those of B, which is too large to be made (relative error {exact}). "
    )
    explanation += (
        f"Of the weight that dense training finds the nearest Monarch misses {percent(dense[0].relative_error)} in "
        "norm; the other structures shown have at most as many parameters."
        if dense is not None
        else "The other structures shown have at most as many parameters."
    )
    figures = [_errors_figure(errors, names)] if max(max(values) for values in errors.values()) > EXACT else []
    if max(seen.effective.shape) <= DENSE_WIDTH:
        figures.append(_factors_figure(seen.approximations[0].operator))
    if findings.restoration is not None and max(seen.effective.shape) <= DENSE_WIDTH:
        figures.insert(0, _by_rank(findings))
    header = ["nearest", "parameters", "relative error, Mixer"] + (
        ["relative error, dense"] if dense is not None else []
    )
    rows = [
        [a.name, count(a.n_parameters), scientific(a.relative_error)]
        + ([scientific(dense[i].relative_error)] if dense is not None else [])
        for i, a in enumerate(seen.approximations)
    ]
    return Section(
        "factors",
        "Monarch factors, and how near other structures come",
        explanation,
        tuple(figures),
        (
            Table(
                "Nearest matrix of each structure in Frobenius norm (butterfly: hierarchical, near-optimal).",
                header,
                rows,
            ),
        ),
    )


def _by_rank(findings: Findings) -> Figure:
    """The dense weight as a sum of more and more Kronecker products, and as matrices of higher and higher rank."""
    result = findings.restoration
    assert result is not None
    S, C = result.task.shape
    B = result.first("dense").to_dense()
    kronecker = _left_out(rearrange(B, ((C, C), (S, S))))
    low_rank = _left_out(B)
    terms = np.arange(1, min(len(kronecker), len(low_rank), 24) + 1)
    curves = {"terms A ⊗ C": kronecker[terms - 1], "rank of B": low_rank[terms - 1]}
    frames = [nearest_kronecker(B, ((C, C), (S, S)), rank=int(r)).operator.to_dense() for r in terms]

    def draw(ax: Any) -> None:
        plot_curves(terms, curves, ax)
        ax.set_ylim(0, 1.05)
        ax.set_xlabel("terms, or rank")
        ax.set_title("relative error, dense weight", loc="left")

    numbers = C * C + S * S
    words = [f"{r} terms, {count(int(r) * numbers)} numbers; rank {r}, {count(2 * int(r) * S * C)}" for r in terms]
    stops = Stops("terms of the sum", words, terms, curves, np.array(frames))
    moving = slider(
        stops,
        draw,
        "Relative error against Kronecker terms and against rank",
        "sum of Kroneckers",
        start=min(4, len(terms)) - 1,
    )
    return Figure(
        (moving,), "how few terms the picture needs to look like the last one, and what each costs in numbers."
    )


def _left_out(M: Array) -> Array:
    """The relative error of the nearest matrix of rank 1, 2, … (Eckart–Young)."""
    s = np.linalg.svd(M, compute_uv=False)
    rest = np.sqrt(np.append(np.cumsum(s[::-1] ** 2)[::-1][1:], 0.0))
    return rest / np.linalg.norm(s)


def _errors_figure(errors: dict[str, list[float]], names: list[str]) -> Figure:
    spoken = (
        f"{group}: " + ", ".join(f"{name} {error:.2g}" for name, error in zip(names, values, strict=True))
        for group, values in errors.items()
    )
    picture = panel(
        partial(plot_errors, errors, names, series={"Mixer": MIXER, "dense": DENSE}),
        "Relative errors of the nearest structures. " + "; ".join(spoken),
        (5.2, 0.9 + 0.5 * len(names)),
    )
    caption = (
        "how far right each dot is: 0 means the structure holds the matrix exactly. A butterfly depends on the "
        "order of rows and columns, a Kronecker product on the sizes of its blocks."
    )
    return Figure((picture,), caption, "How far the nearest structures are")


def _factors_figure(monarch: Chain) -> Figure:
    pictures = tuple(
        panel(partial(plot_matrix, op.to_dense(), title=title), f"{title} as a matrix", _MATRIX)
        for title, op in zip(("left Monarch factor", "right Monarch factor"), monarch.operators, strict=True)
    )
    caption = (
        "the repetition: every block of the right factor is the same up to scale, and every diagonal of the left "
        "one too. That is the Mixer's weight sharing, found from the numbers of B alone. (How scale is divided "
        "between the two is free: one number for every slice.)"
    )
    return Figure(pictures, caption, "The Monarch factors")


def spectrum(findings: Findings) -> Section:
    """Exact singular values on top of the dense SVD (T15)."""
    seen = findings.mixer
    W, V = seen.mixer.token_weights[0], seen.mixer.channel_weights[0]
    s = seen.singular_values
    explanation = (
        "The singular values of Vᵀ ⊗ W are all the products of one singular value of V and one of W. So the "
        f"{count(s.size)} values of B follow from {min(V.shape)} + {min(W.shape)} numbers, without making B. The "
        f"largest is {number(s[0])}, the smallest {scientific(s[-1])}."
    )
    difference = seen.spectrum_difference
    if difference is None:
        caption = (
            f"the whole spectrum. A dense matrix of this size ({count(s.size)} wide) is too large to compare with."
        )
        alt = f"The {s.size} singular values from the factors, on a logarithmic axis"
    else:
        caption = (
            "dots in the middle of rings: the dots come from the factors, the rings from the SVD of the dense "
            f"matrix. They differ by at most {scientific(difference)} of the largest."
        )
        alt = f"The {s.size} singular values from the factors lie on those of the dense SVD, on a logarithmic axis"
    figure = Figure(
        (panel(lambda ax: plot_singular_values(s, seen.dense_singular_values, ax), alt, (5.2, 2.7)),), caption
    )
    return Section("spectrum", "Singular values, exactly", explanation, (figure,), half=True)


def widths(findings: Findings) -> Section:
    """This Mixer as a wide MLP, its SW-MLP density, the best shape (T5-T7)."""
    seen = findings.mixer
    S, C = seen.mixer.input_shape
    best = seen.best
    p = seen.equivalent_density
    explanation = (
        f"Activations act entry by entry, so a Mixer on {S} tokens × {C} channels is an ordinary MLP of width "
        f"{count(S * C)} whose layers have {count(round(seen.connections))} connections on average. An unstructured "
        f"sparse MLP with as many would have density p = {percent(p)}"
        + (" = (1/S + 1/C)/2" if _keeps_shape(findings) else "")
        + ". With connections held fixed, width is largest "
        f"where tokens and channels are equal: at S = C = {number(best.tokens)}, width {number(best.width)}."
    )
    tokens, curve = width_curve(seen.connections)
    at = float(np.interp(S, tokens, curve))
    alt = (
        f"Width against tokens at fixed connections: this Mixer has {S} tokens and width {S * C}, the optimum "
        f"{best.tokens:.3g} and {best.width:.4g}"
    )
    figure = Figure(
        (
            panel(
                lambda ax: plot_widths(
                    tokens, curve, (S, S * C if _keeps_shape(findings) else at), (best.tokens, best.width), ax
                ),
                alt,
                (5.2, 2.7),
            ),
        ),
        "how flat the top is, and how fast width falls to either side: a Mixer with very few tokens or very few "
        "channels spends its connections on density instead of width.",
    )
    table = Table(
        "The same connections, as three networks.",
        ("network", "width", "connections a layer", "density"),
        [
            ("this Mixer", f"{S} × {C} = {count(S * C)}", count(round(seen.connections)), percent(p)),
            (
                f"widest whole Mixer, {best.shape.tokens} × {best.shape.channels}",
                count(best.shape.width),
                count(round(best.shape.connections)),
                percent(best.shape.equivalent_density),
            ),
            ("dense MLP", number(float(np.sqrt(seen.connections))), count(round(seen.connections)), "100 %"),
        ],
    )
    return Section("widths", "How wide this Mixer is", explanation, (figure,), (table,), half=True)


def _keeps_shape(findings: Findings) -> bool:
    """Whether the layer keeps its shape, so that the closed forms of T6 and T7 apply as printed."""
    rows, columns = findings.mixer.effective.shape
    return rows == columns and findings.mixer.mixer.token_weights[0].shape[0] == findings.mixer.mixer.input_shape[0]
