"""Losses on columns of outputs, each the mean over the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .parts import Array

#: Maps (outputs (rows, batch), targets, batch size to average over) to (loss, gradient of the loss).
Loss = Callable[[Array, Array, int], tuple[float, Array]]


def cross_entropy(outputs: Array, labels: Array, count: int) -> tuple[float, Array]:
    """−(1/count) Σ log softmax(outputs)[label]; outputs (classes, batch), integer labels (batch,)."""
    shifted = outputs - outputs.max(axis=0)
    weights = np.exp(shifted)
    total = weights.sum(axis=0)
    every = np.arange(labels.size)
    loss = float(np.sum(np.log(total) - shifted[labels, every], dtype=np.float64)) / count
    weights /= total
    weights[labels, every] -= 1
    weights /= outputs.dtype.type(count)
    return loss, weights


def squared(outputs: Array, targets: Array, count: int) -> tuple[float, Array]:
    """(1/2 count) Σ ‖outputs − targets‖²; both (rows, batch)."""
    residual = outputs - targets
    loss = 0.5 * float(np.vdot(residual, residual)) / count
    return loss, residual / outputs.dtype.type(count)


LOSSES: dict[str, Loss] = {"cross_entropy": cross_entropy, "squared": squared}


def accuracy(outputs: Array, labels: Any) -> float:
    """Share of columns whose largest row is the label."""
    return float(np.mean(outputs.argmax(axis=0) == np.asarray(labels)))
