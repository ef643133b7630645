"""``kronmix inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from .. import files
from .app import command, show

if TYPE_CHECKING:
    from ..mixer.inspection import Approximation, Inspection


@command
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".npz with W (tokens, S'×S) and V (channels, C×C').")],
) -> None:
    """Print what a Mixer layer X ↦ W X V is as a wide MLP: widths, connections, density, spectrum, sparsity.

    Everything comes from W and V; the S·C wide matrix is never made when it is large.

    Example: `kronmix inspect trained.npz`
    """
    from ..mixer.inspection import inspect_mixer

    print_inspection(inspect_mixer(*mixer_weights(file)))


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
    arrays = files.read_arrays(file)
    return files.take(arrays, "W", file), files.take(arrays, "V", file)
