"""What gradient flow on the factors conserves, whatever the loss (T19)."""

from __future__ import annotations

from ..operators import StructuredOperator
from ..operators.base import Array
from .parametrisations import parameters
from .structures import parametrised


def conserved_quantities(op: StructuredOperator) -> dict[str, Array]:
    """The known conservation laws of gradient flow on the factors, at the factors of ``op`` (T19).

    =============================== ==========================================================
    structure                       conserved
    =============================== ==========================================================
    Hadamard                        |u_l|² − |u_{l+1}|² of every entry
    Kronecker                       ‖V_l‖² − ‖V_{l+1}‖²
    LowRank, Chain of Dense         P_lᴴP_l − P_{l+1}P_{l+1}ᴴ
    SumOfKroneckers                 r × r inner products ⟨V_i, V_j⟩ − ⟨W_i, W_j⟩
    Monarch, two chainable factors  UᴴU − VVᴴ of every slice
    LinearMixer                     the matrices of both chains, and ‖V‖² − ‖W‖²
    other chains                    the laws of every operator and of every two neighbours
    sums, blocks                    the laws of every term
    KroneckerSum, Dense + Masked    the part of θ that B does not see
    =============================== ==========================================================

    Permutations outside, or beside a dense factor, leave the laws as they are (T30).

    Parameters
    ----------
    op : StructuredOperator

    Returns
    -------
    dict of str to array
        Name of each law and its value; empty where the matrix determines the factors. Gradient descent with step η drifts from
        the values at O(η).

    Raises
    ------
    TypeError
        If the structure has no factors to train.

    References
    ----------
    Saxe, McClelland & Ganguli 2014; Du, Hu & Lee 2018; Marcotte, Gribonval & Peyré 2023 (T19).

    Examples
    --------
    >>> km.conserved_quantities(km.Hadamard([[3.0, 1.0]], [[1.0, 1.0]]))
    {'u0² − u1²': array([[8., 0.]])}
    >>> km.conserved_quantities(km.Kronecker(np.eye(2), np.ones((2, 2))))
    {'‖V0‖² − ‖V1‖²': array(-2.)}
    """
    return parametrised(op).laws(parameters(op))
