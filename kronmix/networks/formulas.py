"""What the parts of a network are, in formulas: Kronecker products where they are linear, diagonals of the data where not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from ..mixer.inspection import subscript
from ..operators import KroneckerSparse, StructuredOperator
from .activations import Activation
from .gates import Gate, Half, Softmax
from .network import Network
from .normalization import Affine, LayerNorm
from .parts import Fixed, Linear, Part, Residual, Sequential


@dataclass(frozen=True)
class Step:
    """One step of a block.

    Attributes
    ----------
    formula : str
        What becomes of x.
    size : str
        Of the matrix that is stored, "" where there is none.
    linear : bool
        False where what x is multiplied by depends on x.
    """

    formula: str
    size: str = ""
    linear: bool = False


def block_steps(network: Network, block: int = 0) -> tuple[Step, ...]:
    """The steps of one block, in order.

    Parameters
    ----------
    network : Network
    block : int
        Which, from 0.

    Examples
    --------
    >>> net = km.networks.mlp_mixer((8, 8, 1), patch=4, channels=6, depth=1, classes=3)
    >>> for step in km.networks.formulas.block_steps(net):
    ...     print(step.formula, step.size)
    x → LN(x)
    x → (I₆ ⊗ W) x + b 8×4
    x → gelu(x)
    x → (I₆ ⊗ W) x + b 4×8
    x → x + skip
    x → LN(x)
    x → (W ⊗ I₄) x + b 12×6
    x → gelu(x)
    x → (W ⊗ I₄) x + b 6×12
    x → x + skip
    """
    each = network.runs_per_block
    steps: list[Step] = []
    for run in network.runs[each * block : each * (block + 1)]:
        steps += [_step(part) for part in run.parts]
        steps.append(Step("x → x + skip", linear=True))
    return tuple(steps)


def matrix_formula(op: StructuredOperator) -> str:
    """A layer's matrix: ``I₇ ⊗ W ⊗ I₁₆`` where one W is shared; otherwise the structure's name.

    Examples
    --------
    >>> from kronmix.networks.formulas import matrix_formula
    >>> matrix_formula(km.KroneckerSparse(np.ones((1, 1, 4, 5)), (7, 4, 5, 16)))
    'I₇ ⊗ W ⊗ I₁₆'
    """
    if not isinstance(op, KroneckerSparse):
        return type(op).__name__
    a, b, c, d = op.pattern
    before, after = ([f"I{subscript(a)}"] if a > 1 else []), ([f"I{subscript(d)}"] if d > 1 else [])
    shared = op.values.shape[:2] == (1, 1)
    middle = "diag(w)" if b == c == 1 else "W"
    if not shared and middle == "W":
        return f"{a * d} blocks of {b}×{c}"
    if not shared:  # a diagonal: its entries along the axis on which they vary
        before, after = (before if op.values.shape[0] == 1 else []), (after if op.values.shape[1] == 1 else [])
    return " ⊗ ".join([*before, middle, *after])


@singledispatch
def applied(part: Part, x: str) -> str:
    """The formula of a part applied to x, itself a formula."""
    return f"{type(part).__name__}({x})"


@applied.register
def _(part: Linear, x: str) -> str:
    return f"({matrix_formula(part.operator)}) {x}" + (" + b" if part.bias is not None else "")


@applied.register
def _(part: Fixed, x: str) -> str:
    return f"({matrix_formula(part.operator)}) {x}"


@applied.register
def _(part: Activation, x: str) -> str:
    return f"{part.name}({x})"


@applied.register
def _(part: LayerNorm, x: str) -> str:
    return f"LN({x})"


@applied.register
def _(part: Affine, x: str) -> str:
    A, _, D = part.rows
    factors = [*([f"I{subscript(A)}"] if A > 1 else []), "diag(s)", *([f"I{subscript(D)}"] if D > 1 else [])]
    return f"({' ⊗ '.join(factors)}) {x} + b"


@applied.register
def _(part: Softmax, x: str) -> str:
    return f"softmax({x})"


@applied.register
def _(part: Half, x: str) -> str:
    return f"{x}{subscript(part.which + 1)}"


@applied.register
def _(part: Gate, x: str) -> str:
    return f"diag({applied(part.gate, x)}) {applied(part.value, x)}"


@applied.register
def _(part: Sequential, x: str) -> str:
    for inner in part.parts:
        x = applied(inner, x)
    return x


@applied.register
def _(part: Residual, x: str) -> str:
    inner = x
    for piece in part.parts:
        inner = applied(piece, inner)
    return f"{x} + {inner}"


def _step(part: Part) -> Step:
    """How one part acts on x, with the size of its blocks and whether it is linear."""
    if isinstance(part, Affine):
        return Step(f"x → {applied(part, 'x')}", linear=True)
    operator = getattr(part, "operator", None)
    if not isinstance(operator, KroneckerSparse):
        return Step(f"x → {applied(part, 'x')}", linear=operator is not None)
    rows, columns = operator.pattern.b, operator.pattern.c
    return Step(f"x → {applied(part, 'x')}", "" if rows == columns == 1 else f"{rows}×{columns}", True)
