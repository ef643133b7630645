"""Structured matrices: SciPy linear operators that know their factors, their gradients and their counts."""

from .. import checks
from .algebra import register_product, register_sum
from .ampliation import Ampliation, amplify
from .base import StructuredOperator
from .block_diagonal import BlockDiagonal
from .chain import Chain
from .composite import Composite
from .convert import operator_of as operator_of
from .dense import Dense
from .diagonal import Diagonal
from .foreign import Foreign
from .hadamard import Hadamard
from .kronecker import Kronecker
from .kronecker_sparse import KroneckerSparse
from .kronecker_sum import KroneckerSum
from .low_rank import LowRank
from .low_rank_hadamard import LowRankHadamard
from .masked import Masked
from .monarch import Monarch
from .permutation import Permutation, commutation
from .rectangular_identity import RectangularIdentity
from .scaled_identity import ScaledIdentity
from .stacks import HStack, VStack
from .sums import Sum, SumOfKroneckers

#: Largest explicit matrix that is made unless told otherwise, in bytes (1 GiB).
MAX_BYTES = checks.MAX_BYTES

__all__ = [
    "MAX_BYTES",
    "Ampliation",
    "BlockDiagonal",
    "Chain",
    "Composite",
    "Dense",
    "Diagonal",
    "Foreign",
    "HStack",
    "Hadamard",
    "Kronecker",
    "KroneckerSparse",
    "KroneckerSum",
    "LowRank",
    "LowRankHadamard",
    "Masked",
    "Monarch",
    "Permutation",
    "RectangularIdentity",
    "ScaledIdentity",
    "StructuredOperator",
    "Sum",
    "SumOfKroneckers",
    "VStack",
    "amplify",
    "commutation",
    "register_product",
    "register_sum",
]
