"""Photographs through a camera that blurs, clips and adds noise, restored: a Mixer beside others with as many weights.

The camera is not linear, so that the best linear map is not the best map. A Mixer with GELU, the same Mixer without activations
and a dense MLP have nearly equal numbers of weights; ridge has a weight for every pair of pixels. All see the same
windows of the left two thirds of each photograph, and are judged on the right third.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import Camera, Windows, photographs, windows
from ..extras import needed
from ..operators import Dense
from ..optimizers import cosine
from ..progress import whole
from .activations import activation
from .image_to_image import ImagePatches, image_mixer
from .initialization import Draw
from .network import Network
from .parts import Array, Linear, Residual, Sequential
from .rates import ChosenRate, choose_rate
from .training import DivergedError, fit

MIXER, LINEAR, MLP, RIDGE = "Mixer", "linear Mixer", "dense MLP", "ridge"

#: Share of a photograph's columns that is trained on, and share of its windows that chooses rates.
_LEARNED, _CHOOSING = 2 / 3, 0.2
_BATCH = 50
#: Of ridge, for sums over windows.
_RIDGES = np.geomspace(1e-4, 1e4, 17)


@dataclass(frozen=True)
class Setting:
    """Sizes of the task and of the training.

    Attributes
    ----------
    side, patch : int
        Pixels of a window, and of the Mixers' patches.
    channels, depth : int
        Of the Mixers.
    activation : str
        Of the Mixer; the other one is linear.
    train, held : int
        Windows.
    epochs : int
        Of the Mixers. The MLP, whose steps are short, passes over the windows ``passes`` times as often.
    rate : float
        Largest rate of AdamW that is tried first; windows that are held back from training choose.
    camera : Camera
    """

    side: int = 8
    patch: int = 2
    channels: int = 16
    depth: int = 2
    activation: str = "gelu"
    train: int = 2000
    held: int = 2000
    epochs: int = 20
    rate: float = 3e-2
    passes: int = 4
    camera: Camera = field(default_factory=Camera)


@dataclass(frozen=True)
class Restorer:
    """One way to restore, trained.

    Attributes
    ----------
    name : str
    numbers : int
        Weights.
    multiply_adds : int
        For one window.
    error : float
        Squared error per pixel on held-out windows.
    rate : float
        That was chosen: AdamW's, or ridge's λ.
    restore : function of windows (N, side, side, 1) to windows
    """

    name: str
    numbers: int
    multiply_adds: int
    error: float
    rate: float
    restore: Callable[[Array], Array]


@dataclass(frozen=True)
class Restored:
    """All restorers on the windows of one seed.

    Attributes
    ----------
    setting : Setting
    restorers : dict of name to Restorer
    untouched : float
        Held-out error of the camera's windows as they are.
    clean, seen : list of array
        The parts of the photographs that were held out.
    """

    setting: Setting
    restorers: dict[str, Restorer]
    untouched: float
    clean: list[Array]
    seen: list[Array]

    @property
    def rates(self) -> dict[str, float]:
        """The rates of training, by name."""
        return {name: one.rate for name, one in self.restorers.items() if name != RIDGE}


def restore_photographs(
    setting: Setting | None = None,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
    checkpoint: Callable[[Network, float], Path | None] = lambda network, rate: None,
    rates: Mapping[str, float] | None = None,
) -> Restored:
    """Train all restorers on the same windows.

    Parameters
    ----------
    setting : Setting, optional
    seed : int
        Of noise, windows, weights and the order of training.
    progress : function
        Called after each training.
    checkpoint : function of the network and the rate
        Called before each training: the file from which it goes on, and to which it writes (see ``fit``).
    rates : mapping of name to float, optional
        Best rates of another seed: windows held back choose between that and a third of it, in place of a whole grid.

    Examples
    --------
    >>> from kronmix.networks.restorers import Setting, restore_photographs
    >>> found = restore_photographs(Setting(train=200, held=200, epochs=2))
    >>> {name: one.numbers for name, one in found.restorers.items()}
    {'Mixer': 4436, 'linear Mixer': 4436, 'dense MLP': 4450, 'ridge': 4160}
    """
    given, known = Setting() if setting is None else setting, rates or {}
    rng = np.random.default_rng([seed, 15])
    pictures = photographs()
    seen = [given.camera(picture, rng) for picture in pictures]
    cuts = [round(_LEARNED * picture.shape[1]) for picture in pictures]

    def parts(of: list[Array]) -> tuple[list[Array], list[Array]]:
        left, right = zip(
            *(np.split(picture, [cut], axis=1) for picture, cut in zip(of, cuts, strict=True)), strict=True
        )
        return list(left), list(right)

    (clean, right_clean), (spoiled, right_spoiled) = parts(pictures), parts(seen)
    learned = windows(clean, spoiled, given.side, given.train, rng)
    held = windows(right_clean, right_spoiled, given.side, given.held, rng)
    found = [
        *(
            _trained(name, make, given, learned, held, seed, progress, checkpoint, known.get(name))
            for name, make in _networks(given).items()
        ),
        _ridge(learned, held),
    ]
    untouched = float(np.mean((held.seen - held.clean) ** 2))
    return Restored(given, {one.name: one for one in found}, untouched, right_clean, right_spoiled)


def restore_picture(restore: Callable[[Array], Array], seen: Array, side: int, stride: int = 2) -> Array:
    """Restore a whole picture: the mean of overlapping windows.

    Examples
    --------
    >>> from kronmix.networks.restorers import restore_picture
    >>> restore_picture(lambda windows: windows + 1, np.zeros((5, 6)), side=4)[0]
    array([1., 1., 1., 1., 1., 1.])
    """
    height, width = seen.shape
    rows, columns = (sorted({*range(0, n - side + 1, stride), n - side}) for n in (height, width))
    corners = list(product(rows, columns))
    cut = np.array([seen[r : r + side, c : c + side] for r, c in corners])[..., None]
    total, count = np.zeros(seen.shape), np.zeros(seen.shape)
    for (r, c), window in zip(corners, restore(cut)[..., 0], strict=True):
        total[r : r + side, c : c + side] += window
        count[r : r + side, c : c + side] += 1
    return total / count


# ---- contenders ------------------------------------------------------------------------------------------------------


def _networks(given: Setting) -> dict[str, Callable[[int], Network]]:
    """Untrained networks by name, as functions of the seed."""
    mixer = partial(image_mixer, (given.side, given.side, 1), given.patch, given.channels, given.depth)
    made: dict[str, Callable[[int], Network]] = {
        MIXER: partial(_draw_mixer, mixer, given.activation),
        LINEAR: partial(_draw_mixer, mixer, "linear"),
    }
    width = given.side**2
    hidden = round((made[MIXER](0).n_parameters - width) / (2 * width + 1))
    return made | {MLP: partial(_dense_mlp, given, hidden)}


def _draw_mixer(mixer: Callable[..., Network], activation: str, seed: int) -> Network:
    return mixer(activation=activation, seed=seed)


def _dense_mlp(given: Setting, hidden: int, seed: int) -> Network:
    """One hidden layer beside a skip connection: what it gives is added to the pixels."""
    draw, width = Draw("gelu", seed, np.float32), given.side**2
    first, last = (
        Dense(draw.weight(hidden, width, inputs=width)),
        Dense(draw.weight(width, hidden, inputs=hidden, gain=0.1)),
    )
    body = Residual(Linear(first, draw.zeros(1, hidden, 1)), *activation("gelu"), Linear(last, draw.zeros(1, width, 1)))
    S, pixels = (given.side // given.patch) ** 2, given.patch**2
    return Network(Sequential(body), ImagePatches(given.patch, (S, pixels), (given.side, given.side)), "mlp")


def _trained(
    name: str,
    make: Callable[[int], Network],
    given: Setting,
    learned: Windows,
    held: Windows,
    seed: int,
    progress: Callable[[], None],
    checkpoint: Callable[[Network, float], Path | None],
    rate: float | None,
) -> Restorer:
    """Trained at the rate that the windows held back choose, of a grid or of the known one and a third of it."""
    cut, center, scale = round((1 - _CHOOSING) * len(learned.clean)), learned.seen.mean(), learned.seen.std()
    epochs = given.epochs * (given.passes if name == MLP else 1)

    def trained(rate: float) -> tuple[float, _Scaled]:
        steps = epochs * -(-cut // _BATCH)
        network = make(seed)
        try:
            network = whole(
                fit(
                    network,
                    (learned.seen[:cut] - center) / scale,
                    (learned.clean[:cut] - center) / scale,
                    epochs=epochs,
                    batch=_BATCH,
                    loss="squared",
                    schedule=cosine(rate, steps, warmup=max(steps // 20, 1)),
                    seed=seed,
                    threads=1,
                    checkpoint=checkpoint(network, rate),
                    progress=lambda epoch, epochs: None,
                )
            ).network
        except DivergedError:
            return np.inf, _Scaled(network, center, scale)
        finally:
            progress()
        restore = _Scaled(network, center, scale)
        return _mean_squared_error(restore(learned.seen[cut:]), learned.clean[cut:]), restore

    if rate is None:
        chosen = choose_rate(trained, given.rate)
    else:
        chosen = min((ChosenRate(r, *trained(r)) for r in (rate, rate / 3)), key=lambda one: one.score)
    restore = chosen.result
    network, error = restore.network, _mean_squared_error(restore(held.seen), held.clean)
    return Restorer(name, network.n_parameters, network.connections, error, chosen.rate, restore)


def _ridge(learned: Windows, held: Windows) -> Restorer:
    """Every pixel from all pixels; λ by leaving one window out."""
    with needed("ridge regression"):
        from sklearn.linear_model import RidgeCV

    model = RidgeCV(_RIDGES).fit(_flattened(learned.seen), _flattened(learned.clean))
    restore = _Predicted(model)
    numbers = model.coef_.size + np.size(model.intercept_)
    error = _mean_squared_error(restore(held.seen), held.clean)
    return Restorer(RIDGE, numbers, model.coef_.size, error, float(model.alpha_), restore)


@dataclass(frozen=True)
class _Scaled:
    """A network of windows that were normalised."""

    network: Network
    center: float
    scale: float

    def __call__(self, seen: Array) -> Array:
        return self.network((seen - self.center) / self.scale) * self.scale + self.center


@dataclass(frozen=True)
class _Predicted:
    """An estimator of windows as rows."""

    model: Any

    def __call__(self, seen: Array) -> Array:
        return np.asarray(self.model.predict(_flattened(seen))).reshape(seen.shape)


def _flattened(images: Array) -> Array:
    return images.reshape(len(images), -1)


def _mean_squared_error(found: Array, wanted: Array) -> float:
    return float(np.mean((found - wanted) ** 2))
