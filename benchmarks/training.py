"""A training step of an MLP-Mixer against PyTorch on the same CPU.

PyTorch belongs to this benchmark's own environment (``make bench-training``). Either side runs in a process of its own, because
the idle threads of one library keep a core busy that the other one needs; the processes take turns, a run of steps each, as in
training: a step just after the other library's finds cold caches and threads that still spin.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.connection import Connection

import numpy as np

from .harness import Row, Work

PATCH, DEPTH, CLASSES, BATCH, THREADS = 4, 4, 10, 64, 2
#: Steps a turn.
STEPS = 20
Side = Callable[[int, int], AbstractContextManager[Work]]
#: (S, C)
SIZES = ((16, 64), (49, 64), (64, 128))


@contextmanager
def our_step(S: int, C: int) -> Iterator[Work]:
    """AdamW on ``km.networks.mlp_mixer``, float32, γ = 2."""
    import kronmix as km
    from kronmix.networks.steps import Stepper

    side = round(S**0.5) * PATCH
    network = km.networks.mlp_mixer((side, side, 3), PATCH, C, DEPTH, CLASSES)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(side * side * 3, BATCH)).astype(np.float32)
    labels = rng.integers(0, CLASSES, BATCH)
    stepper, optimizer, count = Stepper(network, "cross_entropy", THREADS), km.networks.AdamW(), [0]
    θ = stepper.vector(network.factors)
    with stepper.running() as pool:

        def step() -> None:
            _, gradient, _ = stepper(θ, X, labels, pool)
            optimizer.step(θ, gradient, 1e-3, count[0])
            count[0] += 1

        yield step


@contextmanager
def torch_step(S: int, C: int) -> Iterator[Work]:
    """The same network, loss and optimiser in PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(THREADS)

    class Block(nn.Module):  # type: ignore[misc]  # PyTorch is not there when types are checked
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(C, eps=1e-6), nn.LayerNorm(C, eps=1e-6)
            self.token = nn.Sequential(nn.Linear(S, 2 * S), nn.GELU(), nn.Linear(2 * S, S))
            self.channel = nn.Sequential(nn.Linear(C, 2 * C), nn.GELU(), nn.Linear(2 * C, C))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x + self.token(self.norm1(x).transpose(1, 2)).transpose(1, 2)
            return x + self.channel(self.norm2(x))

    pixels = PATCH * PATCH * 3
    body = nn.Sequential(nn.Linear(pixels, C), *[Block() for _ in range(DEPTH)], nn.LayerNorm(C, eps=1e-6))
    head = nn.Linear(C, CLASSES)
    optimizer = torch.optim.AdamW([*body.parameters(), *head.parameters()], lr=1e-3)
    X, labels = torch.randn(BATCH, S, pixels), torch.randint(0, CLASSES, (BATCH,))

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(head(body(X).mean(1)), labels).backward()
        optimizer.step()

    yield step


def _serve(connection: Connection, make: Side, S: int, C: int) -> None:
    with make(S, C) as work, suppress(EOFError):  # the other end closes when all is measured
        while connection.recv():
            for _ in range(STEPS):
                work()
            connection.send(True)


def _elsewhere(make: Side, S: int, C: int) -> Work:
    """The work of a process of its own, done when called."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    context.Process(target=_serve, args=(there, make, S, C), daemon=True).start()

    def work() -> None:
        here.send(True)
        here.recv()

    return work


def _compare(S: int, C: int) -> tuple[Work, Work]:
    return _elsewhere(our_step, S, C), _elsewhere(torch_step, S, C)


def _row(S: int, C: int) -> Row:
    return Row(
        f"{STEPS} Mixer training steps, depth 4, batch 64, S={S}, C={C}", lambda: _compare(S, C), 1.0, repetitions=15
    )


ROWS = [_row(S, C) for S, C in SIZES] if importlib.util.find_spec("torch") else []
