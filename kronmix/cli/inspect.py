"""``kronmix inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

import kronmix as km

from ..progress import progress
from .app import command, show

if TYPE_CHECKING:
    from ..mixer.inspection import Approximation, Inspection
    from ..networks.inspection import NetworkSeen


@command
def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A trained Mixer (.safetensors, .npz, an index.json of shards, a folder of a hub), .npz with one layer: "
            "W (S'×S) and V (C×C'), or an adapter (LoRA, LoKr, LoHa).",
        ),
    ],
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the spectra of a trained Mixer's layers, block by block."),
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which network, where a file holds several: what their names begin with."),
    ] = None,
) -> None:
    """Print what a Mixer is as a wide MLP: widths, connections, density, spectra, sparsity, nearest smaller structures.

    Everything comes from the shared matrices; nothing of the effective width S·C is made when it is large. Of an adapter, print
    what it adds to each layer: the rank and the spectrum of ΔW, also from the factors.

    Examples:

    - `kronmix inspect trained.npz`: one layer X ↦ W X V

    - `kronmix inspect mixer_b16.safetensors --plot spectra.png`: a whole network

    - `kronmix inspect adapter.safetensors`: LoRA, LoKr or LoHa; PEFT's folder too

    - `kronmix inspect checkpoint.safetensors --prefix state_dict_ema`: one of two networks
    """
    from .adapters import inspect_adapter, is_adapter

    if is_adapter(file):
        inspect_adapter(file, plot)
        return
    if is_layer(file):
        if plot is not None:
            raise ValueError("--plot goes with a trained Mixer, not with one layer W, V; see kronmix report --weights")
        from ..mixer.inspection import inspect_mixer

        print_inspection(inspect_mixer(*mixer_weights(file)))
        return
    _network(file, plot, prefix)


def is_layer(file: Path) -> bool:
    """Whether a file holds one layer, W and V, rather than a network."""
    return file.suffix.lower() == ".npz" and file.is_file() and bool({"W", "V"} & km.files.read_arrays(file).keys())


def _network(file: Path, plot: Path | None, prefix: str | None) -> None:
    from ..networks import inspect_network, load_mixer

    network = load_mixer(file, prefix)
    with progress("layer") as advance:
        seen = inspect_network(network, advance)
    print_network(seen)
    if plot is not None:
        _draw_spectra(seen, plot)
        typer.echo(str(plot))


def print_network(seen: NetworkSeen) -> None:
    if seen.steps:
        show(_step_table(seen))
    show(_layer_table(seen))
    if seen.skips:
        show(_skip_table(seen))


def _step_table(seen: NetworkSeen) -> Table:
    """What a block does, where it is more than token and channel MLPs: the wide layers, and what is no layer."""
    table = Table(title="The first block", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("step")
    table.add_column("matrix", justify="right", no_wrap=True)
    table.add_column("linear", no_wrap=True)
    for step in seen.steps:
        table.add_row(step.formula, step.size, "yes" if step.linear else "no")
    if seen.gates:
        table.caption = f"{seen.gates} gates in all: diagonals that depend on the data, which no wide MLP has"
    return table


def _layer_table(seen: NetworkSeen) -> Table:
    from ..report.words import count, number, percent

    connections = count(sum(layer.operator.connections for layer in seen.layers))
    title = f"{seen.network.name}: {connections} connections"
    if seen.shape is not None:
        S, C = seen.shape.tokens, seen.shape.channels
        title = (
            f"{seen.network.name}: {S} tokens × {C} channels, effective width {count(S * C)}\n"
            f"{connections} connections; a sparse MLP with as many has p = {percent(seen.shape.equivalent_density)}"
        )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("block, layer", no_wrap=True)
    for heading in ("width", "density", "σ max", "edge", "cond", "Hoyer", "Kr.", "Mon."):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in seen.layers:
        rows, columns = layer.operator.shape
        table.add_row(
            f"{layer.block} {layer.name}",
            f"{count(columns)}→{count(rows)}",
            percent(layer.operator.density),
            number(float(layer.singular_values[0])),
            f"{layer.singular_values[0] / layer.edge:.2f}",
            f"{layer.condition:.0e}",
            f"{layer.hoyer:.2f}",
            f"{layer.kronecker_error:.2f}",
            f"{layer.monarch_error:.2f}",
        )
    table.caption = (
        "edge: σ max over that of random entries, ∝ 1 + √γ\n"
        "Kr., Mon.: error of the nearest Kronecker product, Monarch matrix"
    )
    return table


def _skip_table(seen: NetworkSeen) -> Table:
    from ..report.words import number

    table = Table(title="With the skip connection: I + W₂W₁ and I + V₁V₂", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("block, MLP", no_wrap=True)
    for heading in ("σ max of the product", "σ max with skip", "σ min with skip", "cond"):
        table.add_column(heading, justify="right")
    for skip in seen.skips:
        σ = skip.singular_values
        values = (float(skip.product[0]), float(σ[0]), float(σ[-1]))
        table.add_row(f"{skip.block} {skip.name}", *map(number, values), f"{skip.condition:.3g}")
    return table


def _draw_spectra(seen: NetworkSeen, target: Path) -> None:
    import io

    from ..plotting import house_style, plot_network

    with house_style():
        stream = io.BytesIO()
        plot_network(seen).savefig(stream, format="png", dpi=110, facecolor="white")
    km.files.write_file(target, stream.getvalue())


def print_inspection(seen: Inspection) -> None:
    from ..report.words import count, number, percent, scientific

    S, C = seen.mixer.input_shape
    rows, columns = seen.effective.shape
    layers = Table(title=f"{S} tokens × {C} channels: width {count(columns)} → {count(rows)}", title_justify="left")
    layers.add_column("layer")
    for heading in ("matrix", "size", "parameters", "connections", "density", "σ max"):
        layers.add_column(heading, justify="right")
    for layer in seen.layers:
        op = layer.operator
        layers.add_row(
            layer.name.removesuffix(" mixing"),
            layer.formula,
            f"{count(op.shape[0])} × {count(op.shape[1])}",
            count(op.n_parameters),
            count(op.connections),
            percent(op.density),
            number(layer.largest),
        )
    show(layers)
    facts = Table(title="Effective weight B = Vᵀ ⊗ W", title_justify="left", show_header=False)
    facts.add_column("measure")
    facts.add_column("value", justify="right")
    s, profile = seen.singular_values, seen.profile
    for name, value in (
        ("parameters, of entries", f"{count(seen.effective.n_parameters)} of {count(rows * columns)}"),
        ("singular values, largest and smallest", f"{number(s[0])}, {scientific(s[-1])}"),
        ("exact zeros", count(profile.zeros)),
        ("Hoyer index", number(profile.hoyer)),
        ("effective non-zeros", number(profile.effective_nonzeros)),
        ("looseness of the ℓ1 bound", number(profile.l1_looseness)),
        ("density of a sparse MLP with as many connections", percent(seen.equivalent_density)),
        ("widest Mixer with as many connections", f"{seen.best.shape.tokens} × {seen.best.shape.channels}"),
    ):
        facts.add_row(name, value)
    show(facts)
    _print_approximations(seen.approximations)


def _print_approximations(found: tuple[Approximation, ...]) -> None:
    from ..report.words import count, scientific

    table = Table(title="Nearest matrix of each structure", title_justify="left")
    table.add_column("structure")
    table.add_column("parameters", justify="right")
    table.add_column("relative error", justify="right")
    for a in found:
        table.add_row(a.name, count(a.n_parameters), scientific(a.relative_error))
    show(table)


def mixer_weights(file: Path) -> tuple[Any, Any]:
    arrays = km.files.read_arrays(file)
    return km.files.take(arrays, "W", file), km.files.take(arrays, "V", file)
