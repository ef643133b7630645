"""Nearest Kronecker, Monarch and Kronecker-sparse chain to a matrix, each with its error and how good it is proved to be."""

from .chain import nearest_chain
from .factorization import Factorization
from .kronecker import nearest_kronecker, rearrange, unrearrange
from .monarch import nearest_monarch

__all__ = [
    "Factorization",
    "nearest_chain",
    "nearest_kronecker",
    "nearest_monarch",
    "rearrange",
    "unrearrange",
]
