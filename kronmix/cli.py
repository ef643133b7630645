"""The commands, one function each: they read options, call the rooms, and print.

To add one, decorate a function with ``@command``; bad input then ends in one sentence and exit code 2.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer
from rich.console import Console
from rich.table import Table

from . import files

if TYPE_CHECKING:
    from .mixer.inspection import Approximation, Inspection
    from .report import Findings

P = ParamSpec("P")

app = typer.Typer(
    name="kronmix",
    help="MLP-Mixers as wide, sparse MLPs: inspect them, factor them, and see what training their factors does.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

#: What a user's input can cause; anything else is a mistake of kronmix and shows its traceback.
_USER_ERRORS = (ValueError, TypeError, OSError, MemoryError, ArithmeticError, ImportError)


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Register a command whose bad input ends in one sentence on stderr and exit code 2."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except KeyboardInterrupt:
            _fail("interrupted, nothing was written", 130)
        except _USER_ERRORS as error:
            _fail(_sentence(error), 2)

    app.command(no_args_is_help=False)(guarded)
    return guarded


def main() -> None:
    """Entry point of ``kronmix`` and ``python -m kronmix``."""
    app()


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        from . import __version__

        typer.echo(f"kronmix {__version__}")
        raise typer.Exit


# ---- report ---------------------------------------------------------------------------------------------------------


class Preset(StrEnum):
    """How much work ``report`` does."""

    quick = "quick"
    full = "full"


@command
def report(
    images: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Your images: X of shape N×H×W or N×H×W×channels, perhaps y of shape N."),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Skip training and look at these weights: W (S×S) and V (C×C)."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the page goes.")] = Path("out/report"),
    noise: Annotated[float, typer.Option(help="Standard deviation of the noise; pixels go from 0 to 1.")] = 0.5,
    patch: Annotated[
        int | None, typer.Option(help="Side of the patches that become tokens; default: rows of pixels.")
    ] = None,
    train: Annotated[int | None, typer.Option(help="Images to train on; the rest is held out. Default 300.")] = None,
    rank: Annotated[int, typer.Option(help="Terms of the sum of Kroneckers.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="First seed; the same seed gives the same numbers.")] = 0,
    preset: Annotated[
        Preset, typer.Option(help="quick: 5 seeds, 1000 steps. full: 20 seeds, 5000 steps.")
    ] = Preset.quick,
    seeds: Annotated[int | None, typer.Option(help="Repetitions, instead of the preset's.")] = None,
    steps: Annotated[int | None, typer.Option(help="Gradient steps, instead of the preset's.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the path of the page only.")] = False,
) -> None:
    """Make the page: train five structures to restore images, and show what a Mixer looks like as one wide matrix.

    Writes `index.html` (one file, no network), `results.json` and `arrays.npz`.

    Examples:

    - `kronmix report`: scikit-learn's handwritten digits

    - `kronmix report --images mine.npz --patch 4 --noise 0.3 --out mine`

    - `kronmix report --weights trained.npz`: look at W and V, no training
    """
    from .report import PRESETS, study_weights, write_report

    if images is not None and weights is not None:
        raise ValueError("--images and --weights exclude each other: give one")
    with files.staged_folder(out) as stage:
        if weights is not None:
            findings = study_weights(*_mixer_weights(weights), source=weights.name)
        else:
            default_seeds, default_steps = PRESETS[preset]
            findings = _train(
                images,
                quiet,
                patch=patch,
                noise=noise,
                train=train,
                rank=rank,
                seed=seed,
                seeds=default_seeds if seeds is None else seeds,
                steps=default_steps if steps is None else steps,
            )
        write_report(findings, stage)
    if not quiet:
        _print_findings(findings)
    typer.echo(str(out / "index.html"))


def _train(images: Path | None, quiet: bool, *, seeds: int, **options: Any) -> Findings:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from . import datasets
    from .regularization.restoration import standard_structures
    from .report import study_images

    if images is None:
        pixels, source = datasets.digits()[0][..., None], "scikit-learn's 1 797 handwritten digits"
    else:
        pixels, source = datasets.images(images)[0], f"the images of {images.name}"
    console = Console(stderr=True)
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        job = bar.add_task("training", total=seeds * len(standard_structures()))
        return study_images(pixels, source, seeds=seeds, progress=lambda: bar.advance(job), **options)


def _print_findings(findings: Findings) -> None:
    from .report.words import count, plus_minus

    if findings.restoration is None:
        _print_inspection(findings.inspection)
        return
    result = findings.restoration
    table = Table(title=f"Restoring {findings.source}: squared error per held-out pixel", title_justify="left")
    table.add_column("structure")
    for heading in ("parameters", "multiply-adds", "held-out error (95 %)"):
        table.add_column(heading, justify="right")
    for name in result.runs:
        op = result.first(name)
        error = plus_minus(result.final(name, lambda run: run.error))
        table.add_row(name, count(op.n_parameters), count(op.connections), error)
    table.add_row("noisy images", "", "", plus_minus(result.noisy))
    _show(table)


# ---- inspect --------------------------------------------------------------------------------------------------------


@command
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".npz with W (tokens, S'×S) and V (channels, C×C').")],
) -> None:
    """Print what a Mixer layer X ↦ W X V is as a wide MLP: widths, connections, density, spectrum, sparsity.

    Everything comes from W and V; the S·C wide matrix is never made when it is large.

    Example: `kronmix inspect trained.npz`
    """
    from .mixer.inspection import inspect_mixer

    _print_inspection(inspect_mixer(*_mixer_weights(file)))


def _print_inspection(seen: Inspection) -> None:
    from .report.words import count, number, percent, scientific

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
    _show(layers)
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
    _show(facts)
    _print_approximations(seen.approximations)


def _print_approximations(found: tuple[Approximation, ...]) -> None:
    from .report.words import count, scientific

    table = Table(title="Nearest matrix of each structure", title_justify="left")
    table.add_column("structure")
    table.add_column("parameters", justify="right")
    table.add_column("relative error", justify="right")
    for a in found:
        table.add_row(a.name, count(a.n_parameters), scientific(a.relative_error))
    _show(table)


# ---- factor ---------------------------------------------------------------------------------------------------------


class StructureName(StrEnum):
    """What ``factor`` looks for."""

    kronecker = "kronecker"
    monarch = "monarch"
    butterfly = "butterfly"


@command
def factor(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A matrix: .npy, .npz, .csv, .mtx or .mat.")],
    structure: Annotated[StructureName, typer.Option(help="What to look for.")],
    shape: Annotated[
        str | None,
        typer.Option(
            help="kronecker: sizes of the two factors, as 8x8,4x4. monarch: p,k,q,s, as 8,8,8,8. butterfly: none."
        ),
    ] = None,
    rank: Annotated[int, typer.Option(min=1, help="Terms of the Kronecker sum; block rank of the Monarch.")] = 1,
    key: Annotated[str | None, typer.Option(help="Which array, where the file holds several.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Where the factors go; default FILE.factors.npz.")
    ] = None,
) -> None:
    """Find the nearest Kronecker product, Monarch or butterfly matrix, and write its factors.

    A Monarch of shape p,k,q,s is (p·q) × (k·s): q blocks of p×k times k blocks of q×s.

    Examples:

    - `kronmix factor B.npy --structure kronecker --shape 8x8,8x8`

    - `kronmix factor B.mtx --structure monarch --shape 8,8,8,8 --rank 2`

    - `kronmix factor B.csv --structure butterfly`
    """
    import io

    import numpy as np

    from .report.words import count, number, scientific

    target = file.with_suffix(".factors.npz") if out is None else out
    if target.suffix != ".npz":
        raise ValueError(f"--out {target}: expected a name ending in .npz")
    B = files.read_matrix(file, key)
    found = _FACTOR[structure](B, shape, rank)
    stream = io.BytesIO()
    factors = {f"factor_{i}": array for i, array in enumerate(found.operator.factors)}
    np.savez_compressed(stream, **factors)
    files.write_file(target, stream.getvalue())
    table = Table(title=f"{structure} factors of {file.name}", title_justify="left", show_header=False)
    table.add_column("measure")
    table.add_column("value", justify="right")
    for name, value in (
        ("operator", repr(found.operator)),
        ("factors", ", ".join("×".join(map(str, array.shape)) for array in found.operator.factors)),
        ("parameters, of entries", f"{count(found.operator.n_parameters)} of {count(B.size)}"),
        ("error (Frobenius)", number(float(found.error))),
        ("relative error", scientific(float(found.relative_error))),
    ):
        table.add_row(name, value)
    _show(table)
    typer.echo(str(target))


def _factor_kronecker(B: Any, shape: str | None, rank: int) -> Any:
    from .decompose import nearest_kronecker

    needs = "a Kronecker product needs the sizes of its two factors, as 8x8,4x4"
    pairs = [_integers(part.lower().split("x"), 2, shape, needs) for part in _given(shape, needs).split(",")]
    if len(pairs) != 2:
        raise ValueError(f"--shape {shape}: {needs}")
    return nearest_kronecker(B, ((pairs[0][0], pairs[0][1]), (pairs[1][0], pairs[1][1])), rank=rank)


def _factor_monarch(B: Any, shape: str | None, rank: int) -> Any:
    from .decompose import nearest_monarch

    needs = "a Monarch matrix needs four sizes p,k,q,s, as 8,8,8,8"
    p, k, q, s = _integers(_given(shape, needs).split(","), 4, shape, needs)
    return nearest_monarch(B, (p, k, q, s), rank=rank)


def _factor_butterfly(B: Any, shape: str | None, rank: int) -> Any:
    from .decompose import nearest_chain
    from .patterns import butterfly_patterns

    if shape is not None or rank != 1:
        raise ValueError("--structure butterfly takes neither --shape nor --rank: its sizes follow from the matrix")
    if B.shape[0] != B.shape[1]:
        raise ValueError(f"the matrix is {B.shape[0]}×{B.shape[1]}: a butterfly needs a square one")
    return nearest_chain(B, butterfly_patterns(B.shape[0]))


_FACTOR: dict[StructureName, Callable[[Any, str | None, int], Any]] = {
    StructureName.kronecker: _factor_kronecker,
    StructureName.monarch: _factor_monarch,
    StructureName.butterfly: _factor_butterfly,
}


# ---- pieces ---------------------------------------------------------------------------------------------------------


def _given(shape: str | None, needs: str) -> str:
    if shape is None:
        raise ValueError(f"--shape is missing: {needs}")
    return shape


def _integers(parts: list[str], expected: int, shape: str | None, needs: str) -> list[int]:
    if len(parts) != expected or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(f"--shape {shape}: {needs}")
    return [int(part) for part in parts]


def _mixer_weights(file: Path) -> tuple[Any, Any]:
    arrays = files.read_arrays(file)
    return files.take(arrays, "W", file), files.take(arrays, "V", file)


def _show(table: Table) -> None:
    console = Console()
    console.print(table, highlight=False)


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ImportError):
        return f"{error}; install everything with: pip install 'kronmix[all]'"
    return " ".join(str(error).split()) or type(error).__name__


def _fail(sentence: str, code: int) -> None:
    print(f"kronmix: {sentence}", file=sys.stderr)
    raise typer.Exit(code)
