"""Regularisation paths: what the factors do along a parameter, beside the convex path they should follow (T17, T21, T26, T27)."""

from .decay import Decay
from .plan import Kind, Plan, register_kind, regularization_path
from .rank import Rank
from .scale import Scale
from .time import Time

__all__ = ["Decay", "Kind", "Plan", "Rank", "Scale", "Time", "register_kind", "regularization_path"]
