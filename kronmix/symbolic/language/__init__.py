"""Matrix expressions, the functions that build them, and identities written as text."""

from . import building  # noqa: F401  (registers vec, unvec and trace of expressions)
from .expressions import Expression, Variable
from .text import parse_identity, parse_shapes

__all__ = ["Expression", "Variable", "parse_identity", "parse_shapes"]
