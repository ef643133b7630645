"""Which structure a matrix has: every family, shape and rank, each with its error and a proved bound."""

from .curves import Candidate, Curve, Family
from .front import Front
from .searching import FAMILIES, search

__all__ = ["FAMILIES", "Candidate", "Curve", "Family", "Front", "search"]
