"""``kronmix report``."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

import kronmix as km

from .answer import Answer
from .app import command
from .beside import Work, beside
from .faults import missing
from .inspect import inspection_tables, mixer_weights, network_tables
from .session import claim, progress
from .tables import table

if TYPE_CHECKING:
    from ..progress import Advance
    from ..regularization.comparison import Comparison
    from ..report import Findings
    from ..symbolic import VerificationReport


#: Seeds of the photographs' part of the page, at most.
_PHOTOGRAPH_SEEDS = 5


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
            help="What the page is about. Images: .npz with X of shape N×H×W or N×H×W×channels. A table: .csv, .tsv, .txt whose "
            "last column is y, or .npz with X (samples × features) and y. Weights: .npz with W (S×S) and V (C×C), a network, or "
            "any .safetensors. [default: handwritten digits]",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the page goes.")] = Path("out/report"),
    noise: Annotated[
        float | None, typer.Option(help="Standard deviation of the noise; pixels go from 0 to 1. [default: 0.5]")
    ] = None,
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
    """Make the page: what structured weights are worth on your images or table, or which structure your weights have.

    On top stands the verdict, computed: the best structure against cross-validated ridge, early-stopped dense and low rank.

    Writes `index.html` (one file, no network), `results.json` and `arrays.npz`.

    Examples:

    - `kronmix report`: scikit-learn's handwritten digits, and its photographs through a camera that is not linear

    - `kronmix report --data mine.npz --patch 4 --noise 0.3 --out mine`

    - `kronmix report --data mine.csv`: a table, its last column predicted

    - `kronmix report --data model.safetensors`: every matrix of any model, or of any file

    - `kronmix report --data trained.npz`: look at W and V, no training

    - `kronmix report --data out/train/run.npz`: a trained network, layer by layer
    """
    from ..report import PRESETS, find_studies, write_report
    from ..report.findings import Made
    from ..report.records import as_record

    files = tuple(out / name for name in ("results.json", "arrays.npz", "index.html"))
    claim(*files)
    default_seeds, default_steps = PRESETS[preset]
    repeated = {
        "rank": rank,
        "seed": seed,
        "seeds": default_seeds if seeds is None else seeds,
        "steps": default_steps if steps is None else steps,
    }
    restored = {
        name: value for name, value in (("patch", patch), ("noise", noise), ("train", train)) if value is not None
    }
    with km.files.staged_folder(out) as stage, beside(verdicts) if proofs else nullcontext() as proven:
        findings = _study(data, repeated, restored)
        trained = findings.comparison is not None
        used = tuple(range(seed, seed + repeated["seeds"])) if trained else ()
        made = Made(datetime.now().astimezone().isoformat(" ", "minutes"), shlex.join(["kronmix", *sys.argv[1:]]), used)
        findings = replace(findings, studies=find_studies(studies), made=made)
        if proven is not None:
            findings = _prove(findings, proven)
        write_report(findings, stage)
    return Answer(as_record(findings), _tables(findings), files)


def _study(data: Path | None, repeated: dict[str, int], restored: dict[str, Any]) -> Findings:
    """What the file is decides what is asked of it."""
    from ..report import study_matrices, study_network, study_weights
    from ..report.recognition import Kind, kind_of

    if data is None:
        return _study_images(None, repeated, restored)
    kind = kind_of(data)
    if kind is Kind.images:
        return _study_images(data, repeated, restored)
    if restored:
        raise ValueError(f"--{next(iter(restored))} goes with images: {data} holds {kind.value}")
    if kind is Kind.table:
        return _study_table(data, repeated)
    if kind is Kind.layer:
        return study_weights(*mixer_weights(data), source=data.name)
    with progress("layer") as advance:
        return study_network(data, advance) if kind is Kind.network else study_matrices(data, advance)


def _study_images(images: Path | None, repeated: dict[str, int], restored: dict[str, Any]) -> Findings:
    from .. import datasets
    from ..regularization.restoration import standard_structures
    from ..report import study_images
    from ..report.attempts import Attempts

    if images is None:
        pixels, source = datasets.digits()[0][..., None], "scikit-learn's 1 797 handwritten digits"
    else:
        pixels, source = datasets.images(images)[0], f"the images of {images.name}"
    total, done = 2 * repeated["seeds"] * len(standard_structures()), count(1)
    first = repeated["seed"]
    chosen = range(first, first + min(repeated["seeds"], _PHOTOGRAPH_SEEDS))
    with beside(partial(photographs, chosen, repeated["steps"])) if images is None else nullcontext() as restored_too:
        with progress("training") as advance:
            advance(0, total)
            found = study_images(pixels, source, progress=lambda: advance(next(done), total), **repeated, **restored)
        if restored_too is None:
            return found
        attempt = Attempts(list(found.failures))
        with progress("photographs") as advance:
            more = attempt("photographs", lambda: restored_too(advance))
    failures = (*attempt.failures, *(more.failures if more else ()))
    return replace(found, photographs=more.photographs if more else (), failures=failures)


def photographs(seeds: range, steps: int, advance: Advance) -> Findings:
    """Findings about photographs only."""
    from ..report import Findings, with_photographs

    trainings = count(1)
    return with_photographs(Findings(""), seeds, steps, lambda: advance(next(trainings), None))


def _study_table(file: Path, repeated: dict[str, int]) -> Findings:
    from ..report import study_table
    from .path_data import read_samples

    X, Y, names = read_samples(file)
    done = count(1)
    with progress("training") as advance:
        return study_table(X, Y, file.name, names, progress=lambda: advance(next(done), None), **repeated)


def verdicts(advance: Advance) -> VerificationReport:
    """The verdicts on all theorems."""
    from ..symbolic import verify

    return verify(progress=advance)


def _prove(findings: Findings, proven: Work[VerificationReport]) -> Findings:
    """Add the verdicts on the theorems, or the reason why there are none."""
    from ..report.attempts import Failure

    try:
        with progress("proving") as advance:
            return replace(findings, proofs=proven(advance))
    except ModuleNotFoundError as error:
        typer.echo(f"kronmix: no section of proofs: {missing(error)}", err=True)
        return findings
    except Exception as error:  # the page says so
        return replace(findings, failures=(*findings.failures, Failure.of("proofs", error)))


def _tables(findings: Findings) -> tuple[Table | str, ...]:
    answers = tuple(f"{name}: {front.answer()}" for name, front in findings.fronts)
    if findings.network is not None:
        return (*answers, *network_tables(findings.network))
    if findings.comparison is not None:
        return (_compared(findings.comparison, findings.source),)
    return answers if findings.inspection is None else (*answers, *inspection_tables(findings.inspection))


def _compared(found: Comparison, source: str) -> Table:
    """The table of the verdict box."""
    from ..report.verdicts import of_comparison

    told = of_comparison(found, source)
    assert told.table is not None
    made = table(" ".join(told.sentences[:-1]), (told.table.header[0],), tuple(told.table.header[1:]))
    for row in told.table.rows:
        made.add_row(*row)
    return made
