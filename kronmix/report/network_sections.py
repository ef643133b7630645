"""The sections about a whole network: its layers, their spectra, its training."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..plotting import plot_curves, plot_edges, plot_layer_spectra, plot_skips
from .findings import Findings
from .page import Figure, Section, Table, panel
from .words import count, number, percent

#: Inches of a picture of two that stand beside the words.
_SMALL = (3.6, 2.7)


def layers(findings: Findings) -> Section:
    """The network as a wide MLP (T5, T7)."""
    seen = findings.network
    assert seen is not None  # the page asks only where there is one
    explanation = (
        "Every layer of the network as the wide matrix it is. The last two columns say how far the matrix that its weights "
        "share is from having structure of its own: the relative errors of the nearest Kronecker product and of the nearest "
        "Monarch matrix."
    )
    if seen.shape is not None:
        explanation += (
            " Here I ⊗ W for token mixing repeats one matrix for every channel, Vᵀ ⊗ I for channel mixing repeats one for "
            "every token."
        )
        explanation += f" A sparse MLP with as many connections would keep {percent(seen.shape.equivalent_density)} of its weights."
    table = Table(
        "The effective layers, first one first.",
        (
            "block, layer",
            "width",
            "connections",
            "density",
            "σ max",
            "condition",
            "Hoyer",
            "to Kronecker",
            "to Monarch",
        ),
        [
            (
                f"{layer.block} {layer.name}",
                f"{count(layer.operator.shape[1])} → {count(layer.operator.shape[0])}",
                count(layer.operator.connections),
                percent(layer.operator.density),
                number(float(layer.singular_values[0])),
                f"{layer.condition:.3g}",
                f"{layer.hoyer:.2f}",
                f"{layer.kronecker_error:.2f}",
                f"{layer.monarch_error:.2f}",
            )
            for layer in seen.layers
        ],
    )
    return Section("layers", "The layers as one wide MLP", explanation, (), (table,))


def spectra(findings: Findings) -> Section:
    """Singular values of the layers, and of the blocks with their skip connections (T15, T24)."""
    seen = findings.network
    assert seen is not None
    explanation = (
        "A layer has the singular values of its shared matrix, each repeated. Independent random entries of the same variance "
        "would end at an edge proportional to 1 + √γ, γ being rows over columns: what reaches beyond it was learned."
    )
    names = dict.fromkeys(layer.name for layer in seen.layers)
    drawn = tuple(
        panel(partial(plot_layer_spectra, seen, name), f"Singular values of {name}, block by block", (4.0, 2.8))
        for name in names
    )
    figures = [
        Figure(
            (
                panel(
                    partial(plot_edges, seen),
                    "Largest singular value over the random edge, along the blocks",
                    (6.4, 3.2),
                ),
            ),
            "points above the dotted line: directions that random weights of this size would not have.",
        ),
    ]
    if seen.skips:
        alt = "Largest and smallest singular values of the blocks with their skip connections"
        figures.append(
            Figure(
                (panel(partial(plot_skips, seen), alt, (6.4, 3.2)),),
                "how far the linear part of a block, skip connection included, stretches and shrinks its features.",
                "Blocks with their skip connections",
            )
        )
    figures.append(
        Figure(
            drawn,
            "the first few values of each curve, and how they change from block to block (later blocks are darker).",
            "Singular values, block by block",
        )
    )
    return Section("spectra", "Spectra", explanation, tuple(figures))


def training(findings: Findings) -> Section:
    """The curve of the run."""
    epochs = [epoch.epoch for epoch in findings.history]
    last = findings.history[-1]

    def draw(quantity: str, ax: Any) -> None:
        plot_curves(epochs, {"training": [getattr(epoch, quantity) for epoch in findings.history]}, ax)
        ax.set(xlabel="epoch", ylabel=quantity)

    panels = [panel(partial(draw, "loss"), "Training loss by epoch", _SMALL)]
    if last.accuracy == last.accuracy:
        panels.append(panel(partial(draw, "accuracy"), "Training accuracy by epoch", _SMALL))
    explanation = (
        f"How the run came here in {last.epoch} epoch{'s' * (last.epoch > 1)}, to a loss of {number(last.loss)}. A point is the "
        "mean over the batches of an epoch, each measured before its step."
    )
    return Section(
        "training",
        "Training",
        explanation,
        (
            Figure(
                tuple(panels), "whether the curves have become flat: a run that was stopped too early is still falling."
            ),
        ),
    )
