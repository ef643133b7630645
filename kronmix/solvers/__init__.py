"""Linear systems with structured matrices: direct where the structure allows (T15, T29), Krylov steps elsewhere."""

from .systems import Solution, solve

__all__ = ["Solution", "solve"]
