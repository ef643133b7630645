"""``kronmix inspect``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

import kronmix as km

from .answer import Answer
from .app import command
from .session import claim, picture, progress
from .tables import facts, table

if TYPE_CHECKING:
    from ..mixer.inspection import Inspection
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
) -> Answer:
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

    if plot is not None:
        claim(picture(plot))
    if is_adapter(file):
        _refuse_prefix(prefix, "an adapter")
        return inspect_adapter(file, plot)
    if is_layer(file):
        _refuse_prefix(prefix, "one layer W, V")
        if plot is not None:
            raise ValueError("--plot goes with a trained Mixer, not with one layer W, V; see kronmix report --data")
        return _inspect_layer(file)
    return _inspect_network(file, plot, prefix)


def _refuse_prefix(prefix: str | None, what: str) -> None:
    if prefix is not None:
        raise ValueError(f"--prefix goes with a file of several networks, not with {what}")


def is_layer(file: Path) -> bool:
    """Whether a file holds one layer, W and V, rather than a network."""
    return file.suffix.lower() == ".npz" and file.is_file() and bool({"W", "V"} & km.files.read_arrays(file).keys())


def _inspect_layer(file: Path) -> Answer:
    from ..mixer.inspection import inspect_mixer
    from ..report.records import inspection_record

    seen = inspect_mixer(*mixer_weights(file))
    return Answer({"kind": "layer", "mixer": inspection_record(seen)}, inspection_tables(seen))


def _inspect_network(file: Path, plot: Path | None, prefix: str | None) -> Answer:
    from ..mixer.checkpoints.families import UnknownNetworkError
    from ..networks import inspect_network, load_mixer
    from ..report.records import network_record

    try:
        network = load_mixer(file, prefix)
    except UnknownNetworkError as error:
        raise ValueError(f"{error}; kronmix factor searches whatever matrices it holds") from None
    with progress("layer") as advance:
        seen = inspect_network(network, advance)
    if plot is not None:
        _draw_spectra(seen, plot)
    record = {"kind": "network", "network": network_record(seen)}
    return Answer(record, network_tables(seen), () if plot is None else (plot,))


def network_tables(seen: NetworkSeen) -> tuple[Table, ...]:
    """The first block where it is more than two MLPs, the layers, and the blocks with their skip connections."""
    first = (_step_table(seen),) if seen.steps else ()
    last = (_skip_table(seen),) if seen.skips else ()
    unused = (_ignored_table(seen.network.ignored),) if seen.network.ignored else ()
    return (*first, _layer_table(seen), *last, *unused)


def _ignored_table(ignored: Mapping[str, str]) -> Table:
    """What of the file changes no output, and why, by reason."""
    made = table("In the file, and of no effect on outputs", ("arrays",), ("how many", "why"))
    for reason in dict.fromkeys(ignored.values()):
        names = sorted(name for name, why in ignored.items() if why == reason)
        made.add_row(", ".join(names[:2]) + (" …" if len(names) > 2 else ""), str(len(names)), reason)
    return made


def _step_table(seen: NetworkSeen) -> Table:
    """What a block does, where it is more than token and channel MLPs: the wide layers, and what is no layer."""
    made = table("The first block", ("step",), ("matrix", "linear"))
    for step in seen.steps:
        made.add_row(step.formula, step.size, "yes" if step.linear else "no")
    if seen.gates:
        made.caption = f"{seen.gates} gates in all: diagonals that depend on the data, which no wide MLP has"
    return made


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
    made = table(title, ("block, layer",), ("width", "density", "σ max", "edge", "cond", "Hoyer", "Kr.", "Mon."))
    made.columns[0].no_wrap = True
    for layer in seen.layers:
        rows, columns = layer.operator.shape
        made.add_row(
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
    made.caption = (
        "edge: σ max over that of random entries, ∝ 1 + √γ\n"
        "Kr., Mon.: error of the nearest Kronecker product, Monarch matrix"
    )
    return made


def _skip_table(seen: NetworkSeen) -> Table:
    from ..report.words import number

    made = table(
        "With the skip connection: I + W₂W₁ and I + V₁V₂",
        ("block, MLP",),
        ("σ max of the product", "σ max with skip", "σ min with skip", "cond"),
    )
    for skip in seen.skips:
        σ = skip.singular_values
        values = (float(skip.product[0]), float(σ[0]), float(σ[-1]))
        made.add_row(f"{skip.block} {skip.name}", *map(number, values), f"{skip.condition:.3g}")
    return made


def _draw_spectra(seen: NetworkSeen, target: Path) -> None:
    from ..plotting import plot_network
    from .pictures import png

    km.files.write_file(target, png(lambda: plot_network(seen)))


def inspection_tables(seen: Inspection) -> tuple[Table, ...]:
    """The two layers, measures of the effective weight, and its nearest structures."""
    from ..report.words import count, number, percent, scientific

    S, C = seen.mixer.input_shape
    rows, columns = seen.effective.shape
    layers = table(
        f"{S} tokens × {C} channels: width {count(columns)} → {count(rows)}",
        ("layer",),
        ("matrix", "size", "parameters", "connections", "density", "σ max"),
    )
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
    s, profile = seen.singular_values, seen.profile
    measures = {
        "parameters, of entries": f"{count(seen.effective.n_parameters)} of {count(rows * columns)}",
        "singular values, largest and smallest": f"{number(s[0])}, {scientific(s[-1])}",
        "exact zeros": count(profile.zeros),
        "Hoyer index": number(profile.hoyer),
        "effective non-zeros": number(profile.effective_nonzeros),
        "looseness of the ℓ1 bound": number(profile.l1_looseness),
        "density of a sparse MLP with as many connections": percent(seen.equivalent_density),
        "widest Mixer with as many connections": f"{seen.best.shape.tokens} × {seen.best.shape.channels}",
    }
    nearest = table("Nearest matrix of each structure", ("structure",), ("parameters", "relative error"))
    for found in seen.approximations:
        nearest.add_row(found.name, count(found.n_parameters), scientific(found.relative_error))
    return layers, facts("Effective weight B = Vᵀ ⊗ W", measures), nearest


def mixer_weights(file: Path) -> tuple[Any, Any]:
    arrays = km.files.read_arrays(file)
    return km.files.take(arrays, "W", file), km.files.take(arrays, "V", file)
