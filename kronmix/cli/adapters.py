"""What ``kronmix inspect`` prints of an adapter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

import kronmix as km

from .answer import Answer
from .tables import table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..interop import Adapter, UpdateSpectrum


def is_adapter(file: Path) -> bool:
    """Whether the file is an adapter, so that nothing is imported for one that cannot be."""
    if not km.files.may_hold_layers(file):
        return False
    from ..interop.adapters import is_adapter as looks_like_one

    return looks_like_one(file)


def inspect_adapter(file: Path, plot: Path | None) -> Answer:
    """A row for each layer; draw the spectra where a picture is wanted."""
    from ..interop import read_adapter, update_spectrum

    adapter = read_adapter(file)
    seen = [update_spectrum(layer) for layer in adapter]
    if plot is not None:
        from .pictures import png

        spectra = {layer.name: found.singular_values for layer, found in zip(adapter, seen, strict=True)}
        km.files.write_file(plot, png(lambda: _drawn(spectra)))
    record = {"kind": "adapter", "adapter": _record(adapter, seen)}
    return Answer(record, (_table(file, adapter, seen),), () if plot is None else (plot,))


def _drawn(spectra: Mapping[str, Any]) -> Figure:
    from ..plotting import plot_updates
    from ..plotting.style import new_figure

    figure = new_figure((5.2, 3.2))
    plot_updates(spectra, figure.subplots())
    return figure


def _record(adapter: Adapter, seen: list[UpdateSpectrum]) -> dict[str, Any]:
    """The layers' spectra for --json."""
    layers = [
        {
            "name": layer.name,
            "kind": layer.kind,
            "shape": layer.shape,
            "parameters": layer.operator.n_parameters,
            "norm": found.norm,
            "sigma_max": found.singular_values[0],
            "rank": found.rank,
            "stable_rank": found.stable_rank,
            "rank_for_10_percent": found.rank_for(0.1),
            "rank_for_1_percent": found.rank_for(0.01),
        }
        for layer, found in zip(adapter, seen, strict=True)
    ]
    return {"format": adapter.format, "others": tuple(adapter.others), "layers": layers}


def _table(file: Path, adapter: Adapter, seen: list[UpdateSpectrum]) -> Table:
    from ..report.words import count, number

    numbers = count(sum(layer.operator.n_parameters for layer in adapter))
    title = f"{file.name}: {len(adapter)} adapted layers, {numbers} numbers ({adapter.format}'s layout)"
    if adapter.others:
        title += f"\nbeside them, whole weights: {', '.join(adapter.others)}"
    headings = ("ΔW", "‖ΔW‖", "σ₁", "rank", "stable", "to 10 %", "to 1 %")
    made = table(title, ("layer", "kind"), headings)
    for layer, found in zip(adapter, seen, strict=True):
        made.add_row(
            layer.name,
            layer.kind,
            "×".join(map(str, layer.shape)),
            number(found.norm),
            number(float(found.singular_values[0])),
            str(found.rank),
            f"{found.stable_rank:.1f}",
            str(found.rank_for(0.1)),
            str(found.rank_for(0.01)),
        )
    made.caption = "stable: ‖ΔW‖² / σ₁²; to 10 %, 1 %: rank that leaves out no more of ‖ΔW‖"
    return made
