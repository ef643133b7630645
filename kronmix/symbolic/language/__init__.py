"""Matrix expressions, the functions that build them, and identities written as text."""

from . import operators  # noqa: F401  (registers operators as expressions)
from .building import (
    apply_entrywise,
    conj,
    diag,
    einsum,
    face_splitting,
    inv,
    khatri_rao,
    ones,
    rearrange,
    sum_over,
)
from .expressions import Expression, Variable
from .text import parse_identity, parse_shapes

__all__ = [
    "Expression",
    "Variable",
    "apply_entrywise",
    "conj",
    "diag",
    "einsum",
    "face_splitting",
    "inv",
    "khatri_rao",
    "ones",
    "parse_identity",
    "parse_shapes",
    "rearrange",
    "sum_over",
]
