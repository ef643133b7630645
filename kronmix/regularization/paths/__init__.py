"""Regularisation paths: what the factors do along a parameter, beside the convex path they should follow (T17, T21, T26, T27)."""

from . import decay, rank, scale, time  # noqa: F401  (each registers its kind)
from .plan import Plan, register_kind, regularization_path

__all__ = ["Plan", "register_kind", "regularization_path"]
