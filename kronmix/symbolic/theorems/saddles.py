"""T22 and T26 on worked cases in exact rational arithmetic: the saddle-to-saddle recursion and the lasso it averages to.

Squared loss L(w) = ½ wᵀMw − rᵀw. In rescaled time s the dual q moves by q' = r − Mw inside [−1, 1]^d while w rests at a
saddle; where a coordinate reaches ±1, w becomes the minimiser of L under the signs of q.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import sympy as sp

from ..claims import CERTIFICATE, WORKED, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import Array
from .minima import agree
from .modes import unbalanced_mode
from .sources import PESME

Minimiser = Callable[[Array, Array, Array], Array]


_EIGHTHS = tuple(Fraction(n, 8) for n in range(1, 33))


@dataclass(frozen=True)
class Saddle:
    """w, reached at rescaled time s with dual q."""

    time: Fraction
    w: Array
    q: Array


@dataclass(frozen=True)
class Case:
    """A worked example: squared loss of Xw = y, with its jump times and saddles found by hand."""

    name: str
    X: Array
    y: Array
    times: tuple[Fraction, ...]
    saddles: tuple[tuple[Fraction, ...], ...]

    @property
    def M(self) -> Array:
        return self.X.T @ self.X

    @property
    def r(self) -> Array:
        return self.X.T @ self.y


def exact(values: Any) -> Array:
    """Object array of fractions."""
    array = np.asarray(values, object)
    return np.array([Fraction(x) for x in array.ravel()], object).reshape(array.shape)


def sign_constrained_minimiser(M: Array, r: Array, signs: Array) -> Array:
    """argmin ½wᵀMw − rᵀw subject to signs_i w_i ≥ 0, and w_i = 0 where signs_i = 0: the support that satisfies KKT."""
    allowed = [i for i in range(len(r)) if signs[i] != 0]
    for size in range(len(allowed) + 1):
        for support in combinations(allowed, size):
            w = _solve_on_support(M, r, support)
            if w is None or any(signs[i] * w[i] < 0 for i in support):
                continue
            slope = r - M @ w
            if all(signs[i] * slope[i] <= 0 for i in allowed if i not in support):
                return w
    raise ArithmeticError("no support satisfies the optimality conditions")


def free_minimiser(M: Array, r: Array, signs: Array) -> Array:
    """argmin of L over the coordinates with signs_i ≠ 0, their signs ignored (least norm where not unique): a false neighbour."""
    support = [i for i in range(len(r)) if signs[i] != 0]
    solution = sp.Matrix(M[np.ix_(support, support)].tolist()).pinv() * sp.Matrix(r[support].tolist())
    w = exact([0] * len(r))
    w[support] = [Fraction(int(value.p), int(value.q)) for value in solution]
    return w


def saddle_path(M: Array, r: Array, minimiser: Minimiser = sign_constrained_minimiser, jumps: int = 20) -> list[Saddle]:
    """The recursion of T22 from q = 0, w = 0 until ∇L(w) = 0."""
    w = q = exact([0] * len(r))
    path, time = [Saddle(Fraction(0), w, q)], Fraction(0)
    for _ in range(jumps):
        slope = r - M @ w
        waits = [(_sign(v) - q[i]) / v for i, v in enumerate(slope) if v != 0 and q[i] != _sign(v)]
        if not waits:
            break
        time, q = time + min(waits), q + min(waits) * slope
        w = minimiser(M, r, exact([x if abs(x) == 1 else 0 for x in q]))
        path.append(Saddle(time, w, q))
    return path


def prove_saddles(case: Case, minimiser: Minimiser = sign_constrained_minimiser) -> Outcome:
    """The recursion visits the saddles of the worked case at its times, and each obeys the conditions of T22.

    Saddle: w_i ∂_iL(w) = 0. Dual: |q| ≤ 1 and q_i = sign(w_i) on the support. KKT: −∂_iL(w) q_i ≤ 0 where |q_i| = 1, and
    these columns of X are independent, so that the minimiser is unique. The loss falls at every jump. At the end ∇L(w) = 0
    and q = Xᵀν, so q certifies that w has least ‖·‖₁ among Xw = y.
    """
    path = saddle_path(case.M, case.r, minimiser)
    losses = []
    for step in path:
        slope = case.r - case.M @ step.w
        found = {"s": step.time, "w": step.w.tolist(), "q": step.q.tolist()}
        if any(step.w * slope != 0):
            return Counterexample(case.name, found, "w is not a saddle of the flow: w_i ∂_iL(w) ≠ 0")
        if any(abs(step.q) > 1) or any(step.q[i] != _sign(v) for i, v in enumerate(step.w) if v != 0):
            return Counterexample(case.name, found, "q leaves [−1, 1] or is not the sign of w on its support")
        if any(slope[i] * step.q[i] > 0 for i in range(len(slope)) if abs(step.q[i]) == 1):
            return Counterexample(case.name, found, "w does not minimise L under the signs of q")
        if not _are_independent(case.X[:, [abs(x) == 1 for x in step.q]]):
            return Counterexample(case.name, found, "the minimiser of L under the signs of q may not be unique")
        losses.append(step.w @ case.M @ step.w / 2 - case.r @ step.w)
    if any(after >= before for before, after in pairwise(losses)):
        return Counterexample(case.name, {"losses": losses}, "the loss does not fall at every jump")
    last = path[-1]
    if any(case.r - case.M @ last.w != 0):
        return Counterexample(case.name, {"w": last.w.tolist()}, "the last point is no minimiser of L")
    rows = sp.Matrix(case.X.tolist())
    if rows.rank() != rows.col_join(sp.Matrix([last.q.tolist()])).rank():
        return Counterexample(case.name, {"q": last.q.tolist()}, "the dual is not in the row space of X")
    found_path = [(step.time, tuple(step.w)) for step in path[1:]]
    if found_path != list(zip(case.times, case.saddles, strict=True)):
        return Counterexample(case.name, {"path": found_path}, "jump times or saddles are not those of the worked case")
    return Proof(case.name, "jumps at s = " + ", ".join(map(str, case.times)))


def prove_average_is_lasso(
    case: Case,
    scale: Callable[[Fraction], Fraction] = lambda s: 1 / s,
    average: Callable[[list[Saddle], Fraction], Array] | None = None,
    points: Sequence[Fraction] = _EIGHTHS,
) -> Outcome:
    """The time average w̄(s) of the saddle path meets the lasso's optimality conditions at λ = scale(s), at every point.

    Between the points it does too: s w̄(s) and s λ are affine in s from jump to jump, and the jumps are added to the points.
    """
    path = saddle_path(case.M, case.r)
    for s in sorted({*points, *(step.time for step in path[1:])}):
        w = (average or time_average)(path, s)
        if violation := lasso_violation(case.M, case.r, w, scale(s)):
            found = {"s": s, "λ": scale(s), "w̄": w.tolist()}
            return Counterexample(case.name, found, violation)
    return Proof(case.name, f"optimality conditions at {len(points)} times and at every jump, exactly")


def lasso_violation(M: Array, r: Array, w: Array, penalty: Fraction) -> str:
    """The optimality condition of ½wᵀMw − rᵀw + λ‖w‖₁ that w breaks; empty where w is optimal."""
    slope = r - M @ w
    for i, v in enumerate(w):
        if v != 0 and slope[i] != penalty * _sign(v):
            return f"coordinate {i} is active but its correlation is {slope[i]}, not λ sign(w)"
        if v == 0 and abs(slope[i]) > penalty:
            return f"coordinate {i} is inactive but its correlation {slope[i]} exceeds λ"
    return ""


def time_average(path: list[Saddle], s: Fraction) -> Array:
    """w̄(s) = (1/s) ∫₀ˢ w."""
    ends = [*(step.time for step in path[1:]), s]
    total = exact([0] * len(path[0].w))
    for step, end in zip(path, ends, strict=True):
        total = total + max(min(end, s) - step.time, Fraction(0)) * step.w
    return total / s


def _are_independent(columns: Array) -> bool:
    return columns.shape[1] == 0 or sp.Matrix(columns.tolist()).rank() == columns.shape[1]


def _solve_on_support(M: Array, r: Array, support: tuple[int, ...]) -> Array | None:
    """w with M w = r on the support and zeros elsewhere; None if that block is singular."""
    w = exact([0] * len(r))
    if support:
        block = sp.Matrix(M[np.ix_(support, support)].tolist())
        if block.det() == 0:
            return None
        solution = block.LUsolve(sp.Matrix(r[list(support)].tolist()))
        for i, value in zip(support, solution, strict=True):
            w[i] = Fraction(int(value.p), int(value.q))
    return w


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _exact_case(name: str, X: Any, y: Any, *jumps: tuple[Any, Any]) -> Case:
    return Case(
        name,
        exact(X),
        exact(y),
        tuple(Fraction(time) for time, _ in jumps),
        tuple(tuple(exact(w)) for _, w in jumps),
    )


INDEPENDENT = _exact_case(
    "three independent coordinates",
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [3, -2, 1],
    ("1/3", [3, 0, 0]),
    ("1/2", [3, -2, 0]),
    ("1", [3, -2, 1]),
)


CORRELATED = _exact_case(
    "two correlated coordinates", [[0, 1], [1, 2]], [1, -1], ("1", [-1, 0]), ("3", [-3, 1])
)  # both duals arrive at s = 1; the sign constraint holds one coordinate at 0


SWITCHING = _exact_case(
    "three coordinates, one leaving and coming back with the other sign",
    [[-1, 0, 1], [0, -1, -2], [0, -1, -1]],
    [1, 0, 2],
    ("1/2", [0, -1, 0]),
    ("1", [-1, -1, 0]),
    ("3/2", [0, -3, "4/3"]),
    ("15/2", [1, -4, 2]),
)


UNDERDETERMINED = _exact_case(
    "two equations in three unknowns",
    [[1, 1, 0], [1, 2, 1]],
    [1, 0],
    ("1", ["1/2", 0, 0]),
    ("3", [1, 0, -1]),
)


def prove_jump_time(time: Callable[[Any], Any] = lambda r: 1 / r) -> Outcome:
    """One coordinate, M = 1: as α → 0, w(s log 1/α) → 0 for every s < time(r) and → r for every s > time(r); all r > 0.

    The closed form is T20's unbalanced mode with c = u² − v² = 2α² and w(0) = 0. The limit changes at rs = 1 exactly.
    """
    E, p, r = sp.symbols("E p r", positive=True)
    if wrong := agree(_start_at_zero(E, p), unbalanced_mode(E, p, sp.Integer(1), sp.Integer(1))[1], "w(0) = 0", "y"):
        return wrong
    limits = _weight_limits(r)
    if limits != {"before": 0, "after": r}:
        return Counterexample("α → 0, all r", limits, "w does not jump from 0 to r at rs = 1")
    wrong = agree(time(r), 1 / r, "α → 0, all r", "the jump time")
    if wrong is None:
        return Proof("α → 0, all r > 0, every s ≠ 1/r", "limit of the closed form on both sides of rs = 1")
    target = wrong.values["r"]
    between = (time(target) + 1 / target) / 2
    tends = target if between > 1 / target else sp.Integer(0)
    values = {"r": target, "claimed": time(target), "s": between, "limit": tends}
    return Counterexample("α → 0", values, f"{wrong.detail}: at s = {between}, w tends to {tends}")


def _weight_limits(r: Any) -> dict[str, Any]:
    """lim w(s log 1/α) for rs = 1 ∓ δ, every δ > 0.

    With x = α², c = 2x, D = (4r² + c²)^{1/2}, Π = 2r + D: p = Π/c, and E = e^{−Ds log(1/α)} = εx^{rs}, where ε → 1 because
    (D − 2r) log(1/α) → 0. Written in x and z = x^δ, cy/4 is a rational function that is continuous at x = z = 0, and c/y → 0.
    """
    log, x, z, total, eps = sp.symbols("l x z Pi epsilon", positive=True)
    root = sp.sqrt(4 * r**2 + 4 * sp.exp(-4 * log))
    drift = 4 * sp.exp(-4 * log) / (root + 2 * r)  # D − 2r
    if sp.simplify(drift - (root - 2 * r)) != 0 or sp.limit(log * sp.exp(-4 * log), log, sp.oo) != 0:
        raise ArithmeticError("(D − 2r) log(1/α) does not vanish as α → 0")
    E, p = sp.symbols("E p", positive=True)
    above = (p**2 - 1) * (1 - E) / (p + 1 + p * (p - 1) * E)  # y ≥ 1, because p > 1 and E ≤ 1: 0 < c/y ≤ c → 0
    if agree(_start_at_zero(E, p) - 1, above, "all p > 1, E ≤ 1", "y − 1"):
        raise ArithmeticError("y ≥ 1 is not shown")
    limits = {}
    for name, decay in (("before", eps * x / z), ("after", eps * x * z)):  # x^{1 − δ}, x^{1 + δ}
        top, bottom = sp.fraction(sp.cancel(x / 2 * _start_at_zero(decay, total / (2 * x))))  # cy/4
        limit = top.subs({x: 0, z: 0}) / bottom.subs({x: 0, z: 0})
        limits[name] = sp.simplify(limit.subs(total, 4 * r))
    return limits


def _start_at_zero(E: Any, p: Any) -> Any:
    return (p * (p + 1) - (p - 1) * E) / (p + 1 + p * (p - 1) * E)


_LATE = Fraction(101, 100)


CLAIMS = (
    *(
        claim(
            "T22",
            f"saddles, {case.name}",
            f"The recursion on {case.name}: its jumps, saddles, optimality conditions and the least ℓ1 norm at the end.",
            r"q'=-\nabla L(w),\ |q_i|\le1;\qquad w\leftarrow\arg\min L \text{ under the signs of } q \text{ where } |q_i|=1",
            PESME,
            WORKED,
            partial(prove_saddles, case=case),
            {
                "weakest first": {"case": replace(case, times=case.times[::-1])},
                "a jump 1 % later": {"case": replace(case, times=(case.times[0] * _LATE, *case.times[1:]))},
                "a target 1 % larger": {"case": replace(case, y=case.y * _LATE)},
                **({"signs ignored at the jumps": {"minimiser": free_minimiser}} if case is not INDEPENDENT else {}),
            },
        )
        for case in (INDEPENDENT, CORRELATED, SWITCHING, UNDERDETERMINED)
    ),
    claim(
        "T22",
        "jump time",
        "One coordinate: as α → 0 the exact flow stays at 0 until rescaled time 1/r, then sits at r.",
        r"\lim_{\alpha\to0}w(s\log\tfrac1\alpha)=r\,[s>1/r]",
        PESME,
        CERTIFICATE,
        prove_jump_time,
        {
            "jump at 1/(2r)": {"time": lambda r: 1 / (2 * r)},
            "jump at 1.19/r": {"time": lambda r: sp.Rational(119, 100) / r},
            "jump at ½ for every r": {"time": lambda r: sp.Rational(1, 2)},
        },
    ),
)
