"""``kronmix train``."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import kronmix as km

from .answer import Answer, plain
from .app import command
from .session import claim, session
from .vocabulary import refuse_foreign

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..networks import Classifier, Run


class Model(StrEnum):
    """Networks that can be trained."""

    mlp = "mlp"
    sparse_mlp = "sparse-mlp"
    s_mixer = "s-mixer"
    rp_mixer = "rp-mixer"
    mlp_mixer = "mlp-mixer"
    monarch_mlp = "monarch-mlp"
    group_mixer = "group-mixer"


class Nonlinearity(StrEnum):
    """What stands between the layers."""

    gelu = "gelu"
    gelu_tanh = "gelu_tanh"
    relu = "relu"
    sigmoid = "sigmoid"
    silu = "silu"
    tanh = "tanh"
    linear = "linear"


@command
def train(
    model: Annotated[Model, typer.Option(help="The network.")] = Model.mlp_mixer,
    data: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="digits, mnist, .npz with X and y, an IDX file, or CIFAR-10's .bin."),
    ] = "digits",
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="IDX file of labels, if not beside the images.")
    ] = None,
    patch: Annotated[
        int | None, typer.Option(help="Side of the patches that become tokens; default: rows of pixels (mlp-mixer: 2).")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="C of mlp-mixer; other Mixers take C from the data. [default: 32]")
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Blocks, or hidden layers. [default: 2]")] = None,
    expansion: Annotated[
        float | None, typer.Option(help="γ: hidden width of mlp-mixer's MLPs, of group-mixer's groups. [default: 2.0]")
    ] = None,
    width: Annotated[int | None, typer.Option(help="Hidden width of mlp and sparse-mlp. [default: 256]")] = None,
    density: Annotated[float | None, typer.Option(help="p of sparse-mlp. [default: 0.125]")] = None,
    group: Annotated[int | None, typer.Option(help="Features mixed together by group-mixer. [default: 8]")] = None,
    activation: Annotated[Nonlinearity, typer.Option(help="Between the layers.")] = Nonlinearity.gelu,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 30,
    batch: Annotated[int, typer.Option(min=1, help="Images a step.")] = 64,
    rate: Annotated[float, typer.Option(help="Largest learning rate; warms up, then falls like a cosine.")] = 3e-3,
    weight_decay: Annotated[float, typer.Option(min=0.0, help="Of AdamW.")] = 0.01,
    held_out: Annotated[float, typer.Option(help="Share of the images that are kept for testing.")] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="Of the split, the initial weights and the order.")] = 0,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the results go.")] = Path("out/train"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped, bit for bit.")] = False,
) -> Answer:
    """Train one network on images: its curve, its accuracy on held-out images, and its weights.

    Writes `run.npz` (for `kronmix inspect`, `kronmix report --data` and `km.load_mixer`), `curve.png` and `results.json`.
    Ctrl-C keeps what is there; `--resume` goes on.

    Examples:

    - `kronmix train`: an MLP-Mixer on scikit-learn's handwritten digits

    - `kronmix train --model sparse-mlp --width 1024 --density 0.03 --data mnist`

    - `kronmix train --data train-images-idx3-ubyte.gz --patch 7 --channels 64`
    """
    from .. import datasets, networks
    from ..networks.classify import TAKES
    from .pictures import png

    files = tuple(out / name for name in ("results.json", "curve.png", "run.npz"))
    if not resume:
        claim(*files)
    pixels, y = datasets.load(data, labels)
    if y is None:
        raise ValueError(f"{data}: no labels; give y in the .npz file, or --labels FILE")
    sizes = {"patch": patch, "channels": channels, "depth": depth, "expansion": expansion, "width": width}
    sizes |= {"density": density, "group": group}
    given: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
    takes = {name.replace("_", "-"): known for name, known in TAKES.items()}
    refuse_foreign(given, model, takes)
    classifier = networks.Classifier(model.replace("-", "_"), activation=activation.value, **given)
    with _folder(out, resume) as state:
        run = networks.classify(
            pixels,
            y,
            classifier,
            epochs=epochs,
            batch=batch,
            rate=rate,
            weight_decay=weight_decay,
            held_out=held_out,
            seed=seed,
            checkpoint=state,
            progress=(lambda epoch, total: None) if session.get().quiet else networks.ProgressLine(),
        )
        run = replace(run, about={"data": data, **run.about})
        networks.save_run(out / "run.npz", run)
        record = _record(run, classifier)
        km.files.write_file(out / "results.json", json.dumps(plain(record), indent=2) + "\n")
        km.files.write_file(out / "curve.png", png(lambda: _curve(run)))
        if run.about["stopped_by"] == "epochs":
            state.unlink(missing_ok=True)
    return Answer(record, _summary(run, epochs), files)


@contextmanager
def _folder(out: Path, resume: bool) -> Iterator[Path]:
    """The folder, made at once so that one that cannot be written is found before the work; yields the file of the state."""
    state = out / "state.npz"
    if resume and not state.exists():
        raise ValueError(f"{out}: no stopped run to go on with; leave --resume out")
    new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ValueError(f"folder {out} cannot be written: {error.strerror}") from error
    if not resume:
        state.unlink(missing_ok=True)
    try:
        yield state
    finally:
        if new and not any(out.iterdir()):
            out.rmdir()


def _record(run: Run, classifier: Classifier) -> dict[str, Any]:
    """The run as --json prints it."""
    history = [asdict(epoch) for epoch in run.history]
    return {"network": asdict(classifier), **run.about, "history": history}


def _curve(run: Run) -> Figure:
    from ..plotting import plot_curves
    from ..plotting.style import new_figure

    figure = new_figure((9, 3.4))
    left, right = figure.subplots(1, 2)
    epochs = [epoch.epoch for epoch in run.history]
    plot_curves(epochs, {"training": [epoch.loss for epoch in run.history]}, left)
    left.set(xlabel="epoch", ylabel="loss")
    tested = run.about["test_accuracy"]
    accuracies = {"training": [epoch.accuracy for epoch in run.history]}
    plot_curves(epochs, accuracies, right, references={f"held out, {tested:.3f}": tested})
    right.set(xlabel="epoch", ylabel="accuracy")
    return figure


def _summary(run: Run, epochs: int) -> tuple[str, ...]:
    tested = f"accuracy on {run.about['held_out']} held-out images: {100 * run.about['test_accuracy']:.1f} %"
    if run.about["stopped_by"] == "epochs":
        return repr(run.network), tested
    done = f"stopped after {len(run.history)} of {epochs} epochs; go on with the same command and --resume"
    return "\n" + repr(run.network), tested, done
