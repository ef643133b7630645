"""Nearest structured matrices, the search for the right one, and permutations that bring one out, each with its certificate."""

from .chain import nearest_chain
from .data_aware import DataFactorization
from .data_aware_moments import SecondMoment, second_moment
from .factorization import Factorization
from .kronecker import nearest_kronecker
from .low_rank import nearest_low_rank
from .monarch import nearest_monarch
from .permutations import PermutedFactorization, find_permutations
from .rearrangement import rearrange, unrearrange
from .searches import FAMILIES, Candidate, Curve, Family, Front, search

__all__ = [
    "FAMILIES",
    "Candidate",
    "Curve",
    "DataFactorization",
    "Factorization",
    "Family",
    "Front",
    "PermutedFactorization",
    "SecondMoment",
    "find_permutations",
    "nearest_chain",
    "nearest_kronecker",
    "nearest_low_rank",
    "nearest_monarch",
    "rearrange",
    "search",
    "second_moment",
    "unrearrange",
]
