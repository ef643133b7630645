"""``kronmix factor`` of a whole model: all layers in a table, one budget shared among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import sqrt
from pathlib import Path
from typing import Any

from rich.table import Table

from .. import files
from ..decompose.searches.searching import family_named
from ..decompose.searches.sharing import Shares, share_budget, share_tolerance
from ..operators import Dense, StructuredOperator
from .answer import Answer
from .layers import LayerFront, search_layers
from .session import claim, progress, writing
from .tables import table

Layers = Mapping[str, Callable[[], Any]]

#: Shares of the numbers at which a table without a budget has a column.
_SHARES = (0.05, 0.1, 0.2, 0.5)


def factor_model(file: Path, wanted: Mapping[str, Any], jobs: int, scheduler: str | None, out: Path) -> Answer:
    """Search all layers, say what each turned out to be, and write the factors where a budget or a tolerance is given."""
    arrays = files.read_arrays(file)
    layers = files.layer_matrices(arrays)
    if not layers:
        raise ValueError(f"{file}: holds no matrix among its arrays ({', '.join(sorted(arrays)) or 'nothing'})")
    target, folder = out / f"{files.stem(file)}.factors", out / f"{files.stem(file)}.fronts"
    writes = wanted["budget"] is not None or wanted["tolerance"] is not None
    if writes:
        _refuse_one_file_for_two(file, layers)
        claim(target)
    fronts = _fronts(layers, folder, jobs, scheduler)
    others = [name for name in arrays if name not in layers]
    left = (f"Kept as they are, as they are no matrices: {', '.join(others)}.",) if others else ()
    record = {"kind": "model", "file": file, "others": others}
    if not writes:
        found = {name: {"shape": front.shape, "front": front.rows} for name, front in fronts.items()}
        shown = (
            *left,
            _overview(fronts, file.name),
            "every layer's front is kept; --budget or --tolerance writes factors",
        )
        return Answer({**record, "layers": _with_plain_rows(found)}, shown, (folder,))
    size = sum(rows * columns for rows, columns in (front.shape for front in fronts.values()))
    try:
        shares, norm2 = _share(fronts, wanted, size)
    except ValueError as error:
        raise ValueError(f"{error}; the fronts of the layers are kept in {folder} for another budget") from None
    with files.staged_folder(target) as stage:
        _write(layers, fronts, shares, stage)
    relative, least = (sqrt(square / norm2) if norm2 > 0 else 0.0 for square in (shares.error2, shares.least2))
    told = (
        f"{shares.numbers} of {size} numbers, {shares.numbers / size:.1%}; relative error of all layers together {relative:.3g}; "
        f"no other choice among these fronts with as few numbers is below {least:.3g} (proved)."
    )
    chosen = {
        name: {"shape": front.shape, "front": front.rows, "chosen": i if i < len(front.rows) else None}
        for (name, front), i in zip(fronts.items(), shares.chosen, strict=True)
    }
    totals = {"numbers": shares.numbers, "entries": size, "relative_error": relative, "lower_bound": least}
    usage = f"{target.name}: one file for each layer; read it with kronmix.load"
    shown = (*left, _shares_table(fronts, shares, file.name), told, usage)
    return Answer({**record, "layers": _with_plain_rows(chosen), **totals}, shown, (folder, target))


def _with_plain_rows(layers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: {**layer, "front": [asdict(row) for row in layer["front"]]} for name, layer in layers.items()}


def _share(fronts: Mapping[str, LayerFront], wanted: Mapping[str, Any], size: int) -> tuple[Shares, float]:
    """The layers' shares of the budget, or of the error, and the square of all layers' norm."""
    options = [front.options for front in fronts.values()]
    norm2 = sum(front.norm**2 for front in fronts.values())
    if (budget := wanted["budget"]) is not None:
        return share_budget(options, int(budget * size) if budget < 1 else int(budget)), norm2
    return share_tolerance(options, wanted["tolerance"] ** 2 * norm2), norm2


def _fronts(layers: Layers, folder: Path, jobs: int, scheduler: str | None) -> dict[str, LayerFront]:
    """The fronts of all layers; says how many are kept where it is interrupted."""
    done = 0

    def note(now: int, total: int) -> None:
        nonlocal done
        done = now
        advance(now, total)

    try:
        with writing(folder / "any"), progress("layer") as advance:
            advance(0, len(layers))
            return search_layers(layers, folder, jobs, scheduler, note)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"interrupted; {done} of {len(layers)} layers are kept in {folder}: run the same again to go on"
        ) from None


def _operator(B: Any, front: LayerFront, i: int) -> StructuredOperator:
    if i == len(front.rows):
        return Dense(B)
    row = front.rows[i]
    return family_named(row.family).fit(B, row.sizes, row.rank).operator


def _write(layers: Layers, fronts: Mapping[str, LayerFront], shares: Shares, stage: Path) -> None:
    from ..storage import save

    for (name, read), i in zip(layers.items(), shares.chosen, strict=True):
        save(_operator(read(), fronts[name], i), stage / _file_name(name))


def _refuse_one_file_for_two(file: Path, layers: Layers) -> None:
    written = Counter(map(_file_name, layers))
    if twice := [name for name in layers if written[_file_name(name)] > 1]:
        raise ValueError(
            f"{file}: layers {' and '.join(twice)} would both be {_file_name(twice[0])}: take each with --layer"
        )


def _file_name(layer: str) -> str:
    return f"{layer.replace('/', '.')}.npz"


def _shares_table(fronts: Mapping[str, LayerFront], shares: Shares, name: str) -> Table:
    headings = ("numbers", "share", "error", "proved")
    made = table(f"{name}: what each layer becomes", ("layer", "shape", "structure"), headings)
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
                row.proved,
            )
        made.add_row(layer, "×".join(map(str, front.shape)), *cells)
    return made


def _overview(fronts: Mapping[str, LayerFront], name: str) -> Table:
    """For each layer the least error at a few shares of its numbers, and the structure that has it."""
    title = f"{name}: least error at a share of the numbers, and the structure that has it"
    made = table(title, ("layer", "shape", *(f"{share:.0%}" for share in _SHARES)))
    for layer, front in fronts.items():
        size = front.shape[0] * front.shape[1]
        cells = []
        for share in _SHARES:
            within = [row for row in front.rows if row.n_parameters <= share * size]
            best = min(within, key=lambda row: row.relative_error, default=None)
            cells.append("–" if best is None else f"{best.relative_error:.3g} ({best.proved}) {best}")
        made.add_row(layer, "×".join(map(str, front.shape)), *cells)
    return made
