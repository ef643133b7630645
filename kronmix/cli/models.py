"""``kronmix factor`` of a whole model: all layers in a table, one budget shared among them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from .. import files
from ..decompose import FAMILIES, Candidate
from ..decompose.searches.sharing import Shares, share_budget, share_tolerance
from ..operators import Dense, StructuredOperator
from ..progress import progress
from .app import show
from .layers import LayerFront, layer_matrices, search_layers

Layers = Mapping[str, Callable[[], Any]]

#: Shares of the numbers at which a table without a budget has a column.
_SHARES = (0.05, 0.1, 0.2, 0.5)


def factor_model(file: Path, wanted: Mapping[str, Any], jobs: int, scheduler: str | None, out: Path | None) -> None:
    """Search all layers, print what each turned out to be, and write the factors where a budget or a tolerance is given."""
    arrays = files.read_arrays(file)
    layers = layer_matrices(arrays)
    if not layers:
        raise ValueError(f"{file}: holds no matrix among its arrays ({', '.join(sorted(arrays)) or 'nothing'})")
    target = file.with_suffix(".factors") if out is None else out
    folder = file.with_suffix(".fronts")
    fronts = _fronts(layers, folder, jobs, scheduler)
    others = [name for name in arrays if name not in layers]
    if others:
        typer.echo(f"Kept as they are, as they are no matrices: {', '.join(others)}.")
    if wanted["budget"] is None and wanted["tolerance"] is None:
        _show_overview(fronts, file.name)
        typer.echo(f"{folder}: every layer's front; --budget or --tolerance writes factors")
        return
    size = sum(rows * columns for rows, columns in (front.shape for front in fronts.values()))
    options = [front.options for front in fronts.values()]
    norm2 = sum(front.norm**2 for front in fronts.values())
    if (budget := wanted["budget"]) is not None:
        shares = share_budget(options, int(budget * size) if budget < 1 else int(budget))
    else:
        shares = share_tolerance(options, wanted["tolerance"] ** 2 * norm2)
    with files.staged_folder(target) as stage:
        _write(layers, fronts, shares, stage)
    _show_shares(fronts, shares, file.name)
    relative, least = (sqrt(square / norm2) if norm2 > 0 else 0.0 for square in (shares.error2, shares.least2))
    typer.echo(
        f"{shares.numbers} of {size} numbers, {shares.numbers / size:.1%}; relative error of all layers together {relative:.3g}; "
        f"no other choice among these fronts with as few numbers is below {least:.3g} (proved)."
    )
    typer.echo(f"{target}: one file for each layer; read it with kronmix.load")


def _fronts(layers: Layers, folder: Path, jobs: int, scheduler: str | None) -> dict[str, LayerFront]:
    made = not folder.exists()
    folder.mkdir(exist_ok=True)
    done = 0

    def note(now: int, total: int) -> None:
        nonlocal done
        done = now
        advance(now, total)

    try:
        with progress("layer") as advance:
            advance(0, len(layers))
            return search_layers(layers, folder, jobs, scheduler, note)
    except KeyboardInterrupt:
        print(
            f"kronmix: interrupted; {done} of {len(layers)} layers are kept in {folder}: run the same again to go on",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    finally:
        if made and not any(folder.iterdir()):
            folder.rmdir()


def _operator(B: Any, front: LayerFront, i: int) -> StructuredOperator:
    if i == len(front.rows):
        return Dense(B)
    row = front.rows[i]
    (family,) = (family for family in FAMILIES if family.name == row.family)
    return family.fit(B, row.sizes, row.rank).operator


def _write(layers: Layers, fronts: Mapping[str, LayerFront], shares: Shares, stage: Path) -> None:
    from ..storage import save

    for (name, read), i in zip(layers.items(), shares.chosen, strict=True):
        save(_operator(read(), fronts[name], i), stage / f"{name.replace('/', '.')}.npz")


def _show_shares(fronts: Mapping[str, LayerFront], shares: Shares, name: str) -> None:
    table = Table(title=f"{name}: what each layer becomes", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("layer", "shape", "structure"):
        table.add_column(heading, overflow="fold")
    for heading in ("numbers", "share", "error", "proved"):
        table.add_column(heading, justify="right", overflow="fold")
    for (layer, front), i in zip(fronts.items(), shares.chosen, strict=True):
        size = front.shape[0] * front.shape[1]
        cells = ("as it is", str(size), "100.0%", "0", "optimal")
        if i < len(front.rows):
            row = front.rows[i]
            cells = (
                str(row),
                str(row.n_parameters),
                f"{row.n_parameters / size:.1%}",
                f"{row.relative_error:.3g}",
                _bound(row),
            )
        table.add_row(layer, "×".join(map(str, front.shape)), *cells)
    show(table)


def _bound(row: Candidate) -> str:
    return "optimal" if row.is_optimal else f"≥ {row.lower_bound:.3g}"


def _show_overview(fronts: Mapping[str, LayerFront], name: str) -> None:
    title = f"{name}: least error at a share of the numbers, and the structure that has it"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("layer", overflow="fold")
    table.add_column("shape", overflow="fold")
    for share in _SHARES:
        table.add_column(f"{share:.0%}", overflow="fold")
    for layer, front in fronts.items():
        size = front.shape[0] * front.shape[1]
        cells = []
        for share in _SHARES:
            within = [row for row in front.rows if row.n_parameters <= share * size]
            best = min(within, key=lambda row: row.relative_error, default=None)
            cells.append("–" if best is None else f"{best.relative_error:.3g} ({_bound(best)}) {best}")
        table.add_row(layer, "×".join(map(str, front.shape)), *cells)
    show(table)
