"""Four pages with a slider, beside the course on the site; ``python -m docs.sliders`` writes them into ``out/sliders``.

A page is one file that carries its data; it needs no network, and the arrow keys move its slider.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kronmix as km
from kronmix.plotting import plot_curves
from kronmix.report.page import Figure, Page, Section
from kronmix.report.sliders import Stops, slider


@dataclass(frozen=True)
class Explorable:
    """One page: its file, the notebook that it belongs to, its title, what to try, and what makes its stops and draws its plot."""

    name: str
    notebook: int
    title: str
    question: str
    make: Callable[[], tuple[Stops, Callable[[Any], None], str]]
    picture: str
    look: str

    def to_html(self) -> str:
        """The whole page."""
        stops, draw, alt = self.make()
        moving = slider(stops, draw, alt, self.picture, start=len(stops.words) // 2)
        section = Section("slider", "Move the slider", self.question, (Figure((moving,), self.look),))
        return Page(
            self.title,
            "A page of the kronmix course.",
            (section,),
            f"It belongs to notebook {self.notebook}. Made by kronmix.",
        ).to_html()


def shapes() -> tuple[Stops, Callable[[Any], None], str]:
    """Supports of both layers of a Mixer with 64 features, from one token to one channel."""
    tokens = 2 ** np.arange(7)
    channels = 64 // tokens
    frames = [
        np.kron(np.eye(C), np.ones((S, S))) - np.kron(np.ones((C, C)), np.eye(S))
        for S, C in zip(tokens, channels, strict=True)
    ]
    curves = {
        "connections a layer, on average": 32 * (tokens + channels),
        "numbers trained": tokens**2 + channels**2,
    }

    def draw(ax: Any) -> None:
        ax.set(xscale="log", yscale="log", xlabel="tokens S, of S·C = 64")
        plot_curves(tokens, curves, ax)

    words = [f"{S} tokens × {C} channels" for S, C in zip(tokens, channels, strict=True)]
    values = {**curves, "density of token mixing": 1 / channels, "density of channel mixing": 1 / tokens}
    return Stops("shape", words, tokens, values, np.array(frames)), draw, "Connections and numbers against the tokens"


def ranks() -> tuple[Stops, Callable[[Any], None], str]:
    """The covariance of digits by sums of Kronecker products and by low rank."""
    images, _ = km.datasets.load("digits")
    B = np.cov(images.reshape(len(images), -1).T)
    terms = np.arange(1, 17)
    sums = [km.nearest_kronecker(B, ((8, 8), (8, 8)), rank=int(r)) for r in terms]
    low = [km.nearest_low_rank(B, int(r)).relative_error for r in terms]
    curves = {"Kronecker terms": np.array([one.relative_error for one in sums]), "low rank": np.array(low)}

    def draw(ax: Any) -> None:
        ax.set(xlabel="terms, or rank (128 numbers each)", ylabel="relative error")
        plot_curves(terms, curves, ax)

    frames = np.array([one.operator.to_dense() for one in sums])
    words = [f"{r}, {128 * r} numbers" for r in terms]
    return Stops("terms, or rank", words, terms, curves, frames), draw, "Relative error against the rank, two curves"


def thresholds() -> tuple[Stops, Callable[[Any], None], str]:
    """Averages over time of four modes that train from 10⁻⁶, beside soft thresholds (T20)."""
    targets, scale = np.array([4.0, 2.0, 1.0, 0.5]), 1e-6
    times = np.geomspace(1.5, 60, 40)
    λ = -np.log(scale) / times
    t, s = times[:, None], targets
    # ∫ s / (1 + c e^{-2sτ}) dτ from 0 to t = ½ log((e^{2st} + c) / (1 + c)), with 1 + c = s / α²
    averages = (np.logaddexp(2 * s * t, np.log(s / scale**2 - 1)) - np.log(s / scale**2)) / (2 * t)
    soft = np.maximum(s - λ[:, None], 0)

    def draw(ax: Any) -> None:
        plot_curves(λ, {f"average, target {s:g}": averages[:, i] for i, s in enumerate(targets)}, ax)
        ax.plot(λ, soft, "--", color="0.5", linewidth=1)
        ax.set(xlabel="λ = log(1/α)/t, dashed: soft threshold", xlim=(0, 6), ylabel="average weight")

    values = {f"for target {s:g}:": averages[:, i] for i, s in enumerate(targets)}
    values["largest distance from the soft threshold"] = abs(averages - soft).max(axis=1)
    words = [f"t = {time:.3g}, λ = {one:.3g}" for time, one in zip(times, λ, strict=True)]
    frames = np.stack([averages, soft], axis=1)
    return Stops("training time", words, λ, values, frames), draw, "Four averages against lambda beside soft thresholds"


def scales() -> tuple[Stops, Callable[[Any], None], str]:
    """Which of many solutions a diagonal network finds, from tiny to large initial scales (T21)."""
    rng = np.random.default_rng(0)
    truth = np.zeros(30)
    truth[:3] = 1, -2, 1.5
    A = rng.normal(size=(12, 30))
    α = np.geomspace(1e-5, 10, 25)
    problem, network = km.Sensing(A[:, None], A @ truth), km.Hadamard(*[np.ones((1, 30))] * 2)
    path = km.regularization_path(problem, network, "scale", α)
    w = path.weights[np.argsort(path.parameter), 0]
    least = np.linalg.pinv(A) @ (A @ truth)
    curves = {"ℓ1 norm": abs(w).sum(axis=1), "2 × ℓ2 norm": 2 * np.linalg.norm(w, axis=1)}

    def draw(ax: Any) -> None:
        ax.set(xscale="log", xlabel="initial scale α")
        plot_curves(α, curves, ax)

    values = {
        "ℓ1 norm": curves["ℓ1 norm"],
        "ℓ2 norm": curves["2 × ℓ2 norm"] / 2,
        "distance from the truth": np.linalg.norm(w - truth, axis=1),
        "distance from least ℓ2": np.linalg.norm(w - least, axis=1),
    }
    rows = np.stack([w, np.tile(truth, (len(α), 1)), np.tile(least, (len(α), 1))], axis=1)
    frames = np.repeat(rows, 4, axis=1)  # a row of 30 is easier to see four times as high
    words = [f"α = {one:.2g}" for one in α]
    return (
        Stops("initial scale", words, α, values, frames),
        draw,
        "Both norms of the solution against the initial scale",
    )


PAGES = (
    Explorable(
        "shapes",
        2,
        "Shape and supports",
        "A linear Mixer on 64 features: S tokens of C channels, S·C = 64. Which shape has the sparsest layers, which the fewest "
        "connections, and which the fewest numbers to train? Guess before you move.",
        shapes,
        "token mixing, blue; channel mixing, orange",
        "blocks of token mixing grow as the diagonals of channel mixing get shorter; where both meet, the picture is empty.",
    ),
    Explorable(
        "ranks",
        4,
        "Rank and error",
        "The covariance of the 64 pixels of 1797 digits, by sums of r Kronecker products of 8 × 8 matrices, or by rank r. "
        "Both store 128 numbers a term. Which is nearer with few terms, and which with many?",
        ranks,
        "sum of r Kronecker products",
        "the two curves; where they cross, if they do; and what the picture gains with each term.",
    ),
    Explorable(
        "thresholds",
        7,
        "Time and soft threshold",
        "Four weights of a diagonal network with targets 4, 2, 1 and ½ train from a tiny scale, α = 10⁻⁶. "
        "Their averages over time come near soft thresholds with λ = log(1/α)/t. When does each weight appear?",
        thresholds,
        "averages above, soft thresholds below",
        "each weight appears where λ falls below its target, and then gains what λ loses.",
    ),
    Explorable(
        "scales",
        7,
        "Initial scale: from ℓ1 to ℓ2",
        "Twelve measurements of 30 unknowns, three of them not zero. A diagonal network trained from scale α fits them all. "
        "Which of the many solutions does it find?",
        scales,
        "found above, truth in the middle, least ℓ2 below",
        "from a tiny scale the first row is like the second, from a large one like the third.",
    ),
)


def write(folder: Path) -> list[Path]:
    """Write every page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for page in PAGES:
        files.append(folder / f"{page.name}.html")
        files[-1].write_text(page.to_html(), encoding="utf-8")
    return files


def main() -> None:
    """Write them and name them."""
    for file in write(Path(*(sys.argv[1:] or ("out/sliders",)))):
        print(file)


if __name__ == "__main__":
    main()
