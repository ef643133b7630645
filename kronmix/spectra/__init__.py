"""Singular values and vectors, eigenvalues, norms, rank, condition, determinant and trace from factors (T15, T29).

Each question is one function on the normal forms of ``kronmix.forms``, in the file named after it. Where the form says no more, the
matrix is made explicit within the memory limit.
"""

from .determinant import SignLogDet, slogdet
from .eigen import Eigh, eigh, eigvals
from .functions import cholesky, expm, sqrtm
from .norms import norm
from .rank import cond, matrix_rank
from .singular_vectors import SVD, svd
from .trace import diagonal, trace
from .values import rank_bound, singular_values

__all__ = [
    "SVD",
    "Eigh",
    "SignLogDet",
    "cholesky",
    "cond",
    "diagonal",
    "eigh",
    "eigvals",
    "expm",
    "matrix_rank",
    "norm",
    "rank_bound",
    "singular_values",
    "slogdet",
    "sqrtm",
    "svd",
    "trace",
]
