"""Singular values, norms, rank, condition, determinant and trace from factors (T15).

Each question is a function; what a structure knows about it is registered on the operator's type. The fallback makes the matrix
explicit, within the memory limit.
"""

from .determinant import SignLogDet, slogdet
from .norms import norm
from .rank import cond, matrix_rank
from .trace import trace
from .values import rank_bound, singular_values

__all__ = ["SignLogDet", "cond", "matrix_rank", "norm", "rank_bound", "singular_values", "slogdet", "trace"]
