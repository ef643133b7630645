"""Structured matrices: SciPy linear operators that know their factors, their gradients and their counts."""

from .base import MAX_BYTES, StructuredOperator
from .chain import Chain
from .dense import Dense
from .hadamard import Hadamard
from .kronecker import Kronecker
from .kronecker_sparse import KroneckerSparse
from .masked import Masked
from .monarch import Monarch
from .permutation import Permutation, commutation
from .sums import Sum, SumOfKroneckers

__all__ = [
    "MAX_BYTES",
    "Chain",
    "Dense",
    "Hadamard",
    "Kronecker",
    "KroneckerSparse",
    "Masked",
    "Monarch",
    "Permutation",
    "StructuredOperator",
    "Sum",
    "SumOfKroneckers",
    "commutation",
]
