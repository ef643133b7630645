"""The penalty that weight decay on the factors puts on the effective weight, and the factors that attain it (T16, T17)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from ..checks import as_finite
from ..operators import StructuredOperator
from ..operators.arrays import Array
from ..sparsity import sparsity_profile
from ..spectra import norm
from .parametrisations import Parametrisation, parameters, scattered, with_parameters
from .structures import parametrised

#: Relative distance up to which a matrix of doubles counts as representable.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class InducedPenalty:
    """R(B) = min{½‖θ‖² : B(θ) = B} of a parametrisation.

    Attributes
    ----------
    value : float
        R(B), or where only an interval is known its upper end, which ``balanced_factors`` attains; inf where the structure
        cannot represent B.
    name : str
        What R is as a function of B.
    lower : float
        Proved: R(B) is at least this. Equal to ``value`` where R is known in closed form.
    exact : bool
        Whether R(B) is known in closed form, not only bounded.
    """

    value: float
    name: str
    lower: float
    exact: bool

    @property
    def upper(self) -> float:
        """The same as ``value``."""
        return self.value

    def __repr__(self) -> str:
        value = f"{self.value:.6g}" if self.exact else f"between {self.lower:.6g} and {self.value:.6g}"
        return f"InducedPenalty({value}, {self.name})"


def induced_penalty(structure: StructuredOperator, B: Any = None) -> InducedPenalty:
    """R(B) = min{½‖θ‖² : B(θ) = B}: what weight decay on the factors of a structure penalises (T17).

    ============================================ =================================================
    structure                                    R(B)
    ============================================ =================================================
    Dense, Masked, Diagonal, Kronecker-sparse    ½‖θ‖², which is ½‖B‖_F² without sharing
    Hadamard of L factors                        (L/2) Σ|B_i|^{2/L}: ‖B‖₁ for two
    LowRank, Chain of L Dense                    (L/2)‖B‖_{S_{2/L}}^{2/L}: ‖B‖_* for two
    Kronecker of k factors                       (k/2)‖B‖_F^{2/k}: ‖B‖_F for two
    SumOfKroneckers                              ‖𝓡(B)‖_*
    Monarch, any two chainable factors           Σ‖slice‖_*
    two masks, diagonals … on disjoint parts     Σ‖rectangle‖_*: Σ‖row‖ for Diagonal · Dense
    LinearMixer of L layers                      L(‖B‖_{S_{2/L}}^{2/L})^{1/2}
    BlockDiagonal, HStack, VStack                the sum of the blocks' R
    Ampliation                                   R of the repeated operator
    KroneckerSum, sums of linear structures      the least ½‖θ‖²
    other sums                                   min ΣR_t(B_t) over ΣB_t = B: an interval
    other chains                                 an interval
    ============================================ =================================================

    Permutations outside change nothing; those beside a dense factor are absorbed (T30). Of an interval the lower end is proved, and
    the upper end is what ``balanced_factors`` pays.

    Parameters
    ----------
    structure : StructuredOperator
        Its type, the shapes of its factors and what they share are the parametrisation.
    B : array or StructuredOperator of the structure's shape, optional
        Default: the structure's own matrix, which is never formed where R has a closed form.

    Returns
    -------
    InducedPenalty
        ``.value``, ``.name``, ``.lower``, ``.exact``.

    Raises
    ------
    ValueError
        If B has another shape, or holds NaN or infinite entries.
    TypeError
        If matrices cannot be decomposed into the factors of this structure.
    ArithmeticError
        If a matrix is given, no factors of it were found, and that there are none is not proved.

    References
    ----------
    Hoff 2017; Srebro, Rennie & Jaakkola 2005; Dai, Karzand & Srebro 2021 (T17, T30).

    Examples
    --------
    >>> W, V = np.diag([3.0, 4.0]), np.ones((2, 2))
    >>> km.induced_penalty(km.Kronecker(V, W))  # ‖V‖‖W‖ = 2·5
    InducedPenalty(10, Frobenius norm)
    >>> km.induced_penalty(km.Monarch(np.ones((2, 2, 2)), np.ones((2, 2, 2))), np.kron(V, W))  # Σ ‖V[:, k]‖ ‖W[q, :]‖
    InducedPenalty(19.799, sum of the slices' nuclear norms)
    >>> km.induced_penalty(km.Kronecker(V, W), np.eye(4) + np.ones((4, 4))).value
    inf

    Low rank plus sparse:

    >>> sparse = km.Hadamard(np.eye(3), 2 * np.eye(3))
    >>> km.induced_penalty(km.LowRank(np.ones((3, 3)), np.ones((3, 3))) + sparse)
    InducedPenalty(between 15 and 15, infimal convolution of nuclear norm and ℓ1 norm)
    """
    form = parametrised(structure)
    state = _state(form, structure, B)
    if state is None:
        return InducedPenalty(inf, form.name, inf, True)
    lower, upper = form.bounds(state)
    return InducedPenalty(upper, form.name, lower, form.exact or upper == 0)


def balanced_factors(structure: StructuredOperator, B: Any = None) -> StructuredOperator:
    """The structure with the factors θ of least norm such that B(θ) = B: ½‖θ‖² is its induced penalty (T17).

    Parameters
    ----------
    structure, B : as in induced_penalty

    Raises
    ------
    ValueError
        If the structure cannot represent B; else as in ``induced_penalty``.

    Examples
    --------
    >>> op = km.balanced_factors(km.Kronecker(np.ones((2, 2)), np.diag([3.0, 4.0])))
    >>> [round(float(np.linalg.norm(f)) ** 2, 12) for f in op.factors]
    [10.0, 10.0]
    """
    form = parametrised(structure)
    state = _state(form, structure, B)
    if state is None:
        raise ValueError(f"B cannot be represented by {structure!r}: its induced penalty is infinite")
    return _least(form, structure, state)


def _state(form: Parametrisation, structure: StructuredOperator, B: Any) -> Any | None:
    """What the form knows of B; None where no factors give B."""
    if B is None:
        return form.own(parameters(structure))
    if isinstance(B, StructuredOperator) and type(B) is type(structure) and _same_shapes(B, structure):
        return parametrised(B).own(parameters(B))
    given: Array = B.to_dense() if isinstance(B, StructuredOperator) else as_finite(B, "B", 2)
    if given.shape != structure.shape:
        raise ValueError(f"B has shape {given.shape}: expected {structure.shape} as the structure")
    matrix = given.astype(np.result_type(given, np.float64))
    state = form.of(matrix)
    if state is None:
        return None
    missed = np.linalg.norm(_least(form, structure, state).to_dense() - matrix)
    return state if missed <= _tolerance(given) * np.linalg.norm(matrix) else None


def _least(form: Parametrisation, structure: StructuredOperator, state: Any) -> StructuredOperator:
    """The structure with the parameters of least norm that the form found."""
    return with_parameters(structure, scattered(form.balanced(state), np.zeros(structure.n_parameters, np.float32)))


def _tolerance(B: Array) -> float:
    """Relative distance up to which a matrix counts as representable: TOLERANCE, or rounding of its own type."""
    return max(TOLERANCE, 64 * float(np.finfo(np.result_type(B, np.float32)).eps))


def _same_shapes(B: StructuredOperator, structure: StructuredOperator) -> bool:
    return B.shape == structure.shape and [f.shape for f in B.factors] == [f.shape for f in structure.factors]


@dataclass(frozen=True)
class L1Bound:
    """(1/m)‖B‖₁ ≤ ‖B‖_F for an m × m weight (T16).

    Attributes
    ----------
    value : float
        (1/m)‖B‖₁ with m the geometric mean of rows and columns.
    frobenius : float
        ‖B‖_F, what V ⊗ W is penalised by.
    looseness : float
        ‖B‖_F over the bound: 1 only where all |entries| are equal.
    """

    value: float
    frobenius: float
    looseness: float


def l1_bound(op: Any) -> L1Bound:
    """The ℓ1 bound on the penalty of a Mixer layer, with how loose it is (T16).

    Weight decay on V and W is at least ‖V ⊗ W‖_F (attained by balanced factors), and that is at least ‖B‖₁/m. The second step is
    loose by m‖B‖_F/‖B‖₁, the more the sparser B is.

    Parameters
    ----------
    op : StructuredOperator or array of shape (rows, columns)
        Read through its factors, not formed, where it is a Kronecker product.

    Raises
    ------
    ValueError
        If B is zero or not finite.

    Examples
    --------
    >>> bound = km.l1_bound(km.Kronecker(np.eye(2), np.ones((2, 2))))
    >>> bound.value, round(bound.frobenius, 6), round(bound.looseness, 6)
    (2.0, 2.828427, 1.414214)
    """
    looseness = sparsity_profile(op).l1_looseness
    frobenius = norm(op, "fro")
    return L1Bound(frobenius / looseness, frobenius, looseness)
