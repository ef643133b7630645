"""What training on the factors regularises: problems, descent, and the paths they leave (T16-T23, T26, T27)."""

from .descent import (
    DivergenceError,
    EdgeOfStabilityWarning,
    estimated_step_size,
    gradient_descent,
    largest_hessian_eigenvalue,
    loss_and_gradients,
)
from .norms import induced_norm, register_penalty
from .path import Path
from .problems import Observed, Problem, Regression, Sensing, loss
from .proximal import GapError, Solution, minimize_penalized, relative_gap
from .references import reference_path, register_solver
from .training_path import Record, TrainingPath

__all__ = [
    "DivergenceError",
    "EdgeOfStabilityWarning",
    "GapError",
    "Observed",
    "Path",
    "Problem",
    "Record",
    "Regression",
    "Sensing",
    "Solution",
    "TrainingPath",
    "estimated_step_size",
    "gradient_descent",
    "induced_norm",
    "largest_hessian_eigenvalue",
    "loss",
    "loss_and_gradients",
    "minimize_penalized",
    "reference_path",
    "register_penalty",
    "register_solver",
    "relative_gap",
]
