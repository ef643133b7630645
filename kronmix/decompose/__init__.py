"""Nearest Kronecker, Monarch and Kronecker-sparse chain to a matrix, each with its error and how good it is proved to be."""

from .chain import nearest_chain
from .data_aware import DataFactorization
from .factorization import Factorization
from .kronecker import nearest_kronecker, rearrange, unrearrange
from .low_rank import nearest_low_rank
from .monarch import nearest_monarch
from .permutations import PermutedFactorization, find_permutations

__all__ = [
    "DataFactorization",
    "Factorization",
    "PermutedFactorization",
    "find_permutations",
    "nearest_chain",
    "nearest_kronecker",
    "nearest_low_rank",
    "nearest_monarch",
    "rearrange",
    "unrearrange",
]
