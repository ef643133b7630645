"""Saddle-to-saddle dynamics of diagonal networks in the limit of a vanishing initial scale (T22)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..operators.arrays import Array, read_only
from .diagonal import check_system, refuse_constant


@dataclass(frozen=True, eq=False, repr=False)
class SaddleSequence:
    """The saddles a diagonal network visits as α → 0, and when it jumps.

    Attributes
    ----------
    times : array of shape (jumps + 1,)
        Rescaled times s = t/log(1/α): 0, then the jumps, increasing.
    saddles : array of shape (jumps + 1, d)
        w from ``times[i]`` until ``times[i + 1]``; the first is 0, the last minimises the loss.
    duals : array of shape (jumps + 1, d)
        q at these times, in [−1, 1].
    losses : array of shape (jumps + 1,)
        ½ · mean of (A w − y)² at the saddles, decreasing.
    slopes : array of shape (jumps + 1, d)
        q' = −∇L on each saddle; zero on the last.
    """

    times: Array
    saddles: Array
    duals: Array
    losses: Array
    slopes: Array

    def _interval_at(self, s: Array) -> Array:
        """Index of the interval between two jumps in which each time s lies."""
        return np.clip(np.searchsorted(self.times, s, side="right") - 1, 0, len(self.times) - 1)

    def weights(self, s: Any) -> Array:
        """w at rescaled times s ≥ 0, shape (points, d): a step function."""
        return self.saddles[self._interval_at(np.atleast_1d(s))]

    def duals_at(self, s: Any) -> Array:
        """q at rescaled times s ≥ 0, shape (points, d): piecewise linear."""
        s = np.atleast_1d(np.asarray(s, dtype=float))
        i = self._interval_at(s)
        return self.duals[i] + (s - self.times[i])[:, None] * self.slopes[i]

    def averages(self, s: Any) -> Array:
        """Time averages w̄ at rescaled times s > 0, shape (points, d): the limit of T26, to be compared with the lasso at 1/s."""
        s = np.atleast_1d(np.asarray(s, dtype=float))
        i = self._interval_at(s)
        passed = np.diff(self.times)[:, None] * self.saddles[:-1]
        integral = np.concatenate([np.zeros((1, self.saddles.shape[1])), np.cumsum(passed, axis=0)])
        return (integral[i] + (s - self.times[i])[:, None] * self.saddles[i]) / s[:, None]

    def plot(self, ax: Any = None) -> Any:
        """Draw the weights against rescaled time, as steps; returns the Axes."""
        from ..plotting import new_axes

        axes = new_axes(ax)
        end = 1.2 * self.times[-1] if self.times[-1] > 0 else 1.0
        times, saddles = np.append(self.times, end), np.vstack([self.saddles, self.saddles[-1:]])
        for i in np.flatnonzero(np.abs(saddles).max(axis=0) > 0):
            axes.step(times, saddles[:, i], where="post")
        axes.set_xlabel("rescaled time t / log(1/α)")
        axes.set_ylabel("weights")
        return axes

    def __repr__(self) -> str:
        jumps = len(self.times) - 1
        when = f", the last at s = {self.times[-1]:.4g}" if jumps else ""
        fall = f"loss {self.losses[0]:.4g} → {self.losses[-1]:.4g}"
        return f"SaddleSequence({self.saddles.shape[1]} weights, {jumps} jumps{when}, {fall})"


def saddle_sequence(A: Any, y: Any, *, max_jumps: int = 10_000) -> SaddleSequence:
    """The saddles of gradient flow on w = u∘v for ½ · mean of (A w − y)², as the initial scale α → 0, and the jump times.

    While w rests at a saddle, q' = −∇L(w). Where a coordinate with ∇L(w)_i ≠ 0 reaches q_i = ±1, w jumps to

        argmin L   subject to   w_i ≥ 0 where q_i = 1,   w_i ≤ 0 where q_i = −1,   w_i = 0 elsewhere.

    Parameters
    ----------
    A : array of shape (N, d)
        Columns in general position: where the minimiser is not unique, one of them is taken.
    y : array of shape (N,)
    max_jumps : int

    Raises
    ------
    ValueError
        If counts do not fit, a number is not finite, or a column of A is constant.
    ArithmeticError
        If ``max_jumps`` do not suffice.

    References
    ----------
    Pesme & Flammarion, *Saddle-to-saddle dynamics in diagonal linear networks*, NeurIPS 2023, Algorithm 1 (T22).

    Examples
    --------
    >>> A = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> found = km.saddle_sequence(A, A @ [1.0, -1.0])
    >>> found.times, found.saddles
    (array([0. , 0.5, 2. ]), array([[ 0.,  0.],
           [ 1.,  0.],
           [ 1., -1.]]))
    """
    A, y = check_system(A, y)
    refuse_constant(A)
    N, d = A.shape
    w, q, s = np.zeros(d), np.zeros(d), 0.0
    rounding = 1e-13 * np.linalg.norm(A, axis=0) * np.linalg.norm(y) / N
    rows = []
    for _ in range(max_jumps + 1):
        residual = y - A @ w
        g = A.T @ residual / N
        g[(np.abs(g) <= rounding) | (w != 0)] = 0.0  # free coordinates of the minimiser rest exactly
        rows.append((s, w, q, 0.5 * residual @ residual / N, g))
        moving = np.flatnonzero(g)
        if not moving.size:
            break
        # A coordinate at ±1 moves inwards (the minimiser's optimality condition), so every wait is positive.
        waits = (np.sign(g[moving]) - q[moving]) / g[moving]
        wait = waits.min()
        q, s = q + wait * g, s + wait
        arrived = moving[waits <= wait * (1 + 1e-12)]
        q[arrived] = np.sign(g[arrived])
        w = signed_least_squares(A, y, np.where(np.abs(q) == 1, q, 0.0), w)
    else:
        raise ArithmeticError(f"saddle_sequence: not at a minimum after max_jumps={max_jumps} jumps (s={s:.6g})")
    times, saddles, duals, losses, slopes = (read_only(np.array(column)) for column in zip(*rows, strict=True))
    return SaddleSequence(times, saddles, duals, losses, slopes)


def signed_least_squares(A: Array, y: Array, signs: Array, start: Array | None = None) -> Array:
    """argmin ‖A w − y‖ with w_i ≥ 0 where signs_i = 1, ≤ 0 where −1, = 0 where 0: active set, exact to rounding.

    Parameters
    ----------
    start : array of shape (d,), optional
        A point that keeps the signs and minimises over its own support; default zero.

    References
    ----------
    Lawson & Hanson, *Solving least squares problems*, 1974, chapter 23.

    Examples
    --------
    >>> from kronmix.regularization import signed_least_squares
    >>> signed_least_squares(np.eye(3), np.array([2.0, 2.0, 2.0]), np.array([1.0, -1.0, 0.0]))
    array([2., 0., 0.])
    """
    w = np.zeros(A.shape[1]) if start is None else start.copy()
    rounding = 1e-13 * np.linalg.norm(A, axis=0) * np.linalg.norm(y)
    blocked = np.zeros(w.size, dtype=bool)
    while True:
        descent = signs * (A.T @ (y - A @ w))
        descent[(w != 0) | (signs == 0) | blocked | (descent <= rounding)] = 0.0
        if not descent.any():
            return w
        entering = int(np.argmax(descent))
        free = np.flatnonzero(w)
        free = np.append(free, entering)
        moved = _descend(A, y, w, free, signs)
        if moved[entering] == 0 and np.array_equal(moved, w):
            blocked[entering] = True  # its descent was rounding: it would enter with the wrong sign
        else:
            w, blocked = moved, np.zeros_like(blocked)


def _descend(A: Array, y: Array, w: Array, free: Array, signs: Array) -> Array:
    """Minimise over the free coordinates, letting go of those that would change sign."""
    w = w.copy()
    while free.size:
        z = np.linalg.lstsq(A[:, free], y)[0]
        wrong = z * signs[free] <= 0
        if not wrong.any():
            w[free] = z
            return w
        at = w[free]
        # The longest step towards z that keeps all signs; the coordinates it takes to zero leave.
        shares = np.full(free.size, np.inf)
        shares[wrong] = at[wrong] / np.where(at[wrong] == z[wrong], 1.0, at[wrong] - z[wrong])
        share = shares.min()
        w[free] = at + share * (z - at)
        leaving = shares <= share
        w[free[leaving]] = 0.0
        free = free[~leaving]
    return w
