"""``kronmix report``."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

import kronmix as km

from .answer import Answer
from .app import command
from .faults import missing
from .inspect import inspection_tables, is_layer, mixer_weights, network_tables
from .session import claim, progress
from .tables import table

if TYPE_CHECKING:
    from ..report import Findings
    from ..symbolic import VerificationReport


class Preset(StrEnum):
    """How much work ``report`` does."""

    quick = "quick"
    full = "full"


@command
def report(
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What the page is about. Images: .npz with X of shape N×H×W or N×H×W×channels. Weights: .npz with W (S×S) and V "
            "(C×C), a network (.safetensors, a run), or any file of matrices. [default: handwritten digits]",
        ),
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
    proofs: Annotated[
        bool, typer.Option("--proofs/--no-proofs", help="Prove the statements behind the page, and show the verdicts.")
    ] = True,
    studies: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Show the studies whose results are here, if any.")
    ] = Path("out/analysis"),
) -> Answer:
    """Make the page: train five structures to restore images, and show what a Mixer looks like as one wide matrix.

    Writes `index.html` (one file, no network), `results.json` and `arrays.npz`.

    Examples:

    - `kronmix report`: scikit-learn's handwritten digits

    - `kronmix report --data mine.npz --patch 4 --noise 0.3 --out mine`

    - `kronmix report --data trained.npz`: look at W and V, no training

    - `kronmix report --data out/train/run.npz`: a trained network, layer by layer

    - `kronmix report --data weights.npy`: which structure the matrices of any file have
    """
    from ..report import PRESETS, find_studies, write_report
    from ..report.records import as_record

    files = tuple(out / name for name in ("results.json", "arrays.npz", "index.html"))
    claim(*files)
    with km.files.staged_folder(out) as stage:
        if data is not None and _is_weights(data):
            findings = _look_at(data)
        else:
            default_seeds, default_steps = PRESETS[preset]
            findings = _train(
                data,
                patch=patch,
                noise=noise,
                train=train,
                rank=rank,
                seed=seed,
                seeds=default_seeds if seeds is None else seeds,
                steps=default_steps if steps is None else steps,
            )
        findings = replace(findings, studies=find_studies(studies))
        if proofs:
            findings = replace(findings, proofs=_prove())
        write_report(findings, stage)
    return Answer(as_record(findings), _shown(findings), files)


def _is_weights(file: Path) -> bool:
    return file.suffix != ".npz" or "X" not in km.files.read_arrays(file)


def _look_at(weights: Path) -> Findings:
    from ..mixer.checkpoints import is_checkpoint
    from ..networks.runs import is_run
    from ..report import study_matrices, study_network, study_weights

    if is_layer(weights):
        return study_weights(*mixer_weights(weights), source=weights.name)
    return study_network(weights) if is_run(weights) or is_checkpoint(weights) else study_matrices(weights)


def _train(images: Path | None, *, seeds: int, **options: Any) -> Findings:
    from .. import datasets
    from ..regularization.restoration import standard_structures
    from ..report import study_images

    if images is None:
        pixels, source = datasets.digits()[0][..., None], "scikit-learn's 1 797 handwritten digits"
    else:
        pixels, source = datasets.images(images)[0], f"the images of {images.name}"
    total, done = seeds * len(standard_structures()), count(1)
    with progress("training") as advance:
        advance(0, total)
        return study_images(pixels, source, seeds=seeds, progress=lambda: advance(next(done), total), **options)


def _prove() -> VerificationReport | None:
    """Verdicts on the theorems, or None, and a word about it, where SymPy is not installed."""
    try:
        from ..symbolic import verify
    except ModuleNotFoundError as error:
        typer.echo(f"kronmix: no section of proofs: {missing(error)}", err=True)
        return None
    with progress("proving") as advance:
        return verify(progress=advance)


def _shown(findings: Findings) -> tuple[Table | str, ...]:
    answers = tuple(f"{name}: {front.answer()}" for name, front in findings.fronts)
    if findings.network is not None:
        return (*answers, *network_tables(findings.network))
    if findings.restoration is None:
        return answers if findings.inspection is None else (*answers, *inspection_tables(findings.inspection))
    return (_restored(findings),)


def _restored(findings: Findings) -> Table:
    from ..report.words import count as digits, plus_minus

    result = findings.restoration
    assert result is not None
    title = f"Restoring {findings.source}: squared error per held-out pixel"
    made = table(title, ("structure",), ("parameters", "multiply-adds", "held-out error (95 %)"))
    for name in result.runs:
        op = result.first(name)
        error = plus_minus(result.final(name, lambda run: run.error))
        made.add_row(name, digits(op.n_parameters), digits(op.connections), error)
    made.add_row("noisy images", "", "", plus_minus(result.noisy))
    return made
