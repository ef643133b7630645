"""What training on the factors regularises: problems, descent, and the paths they leave (T16-T23, T26, T27)."""

from .closed_forms import (
    averaged_flow,
    averaged_mode,
    balanced_mode,
    learning_time,
    soft_threshold_path,
    unbalanced_mode,
)
from .descent import (
    DivergenceError,
    EdgeOfStabilityWarning,
    estimated_step_size,
    gradient_descent,
    largest_hessian_eigenvalue,
    loss_and_gradients,
)
from .diagonal import DiagonalFlow, diagonal_flow, is_monotone, quadratic_flow
from .hypentropy import hypentropy, interpolation_path, minimum_hypentropy, minimum_l1, minimum_l2
from .norms import induced_norm, register_penalty
from .path import Path
from .problems import Observed, Problem, Regression, Sensing, loss
from .proximal import GapError, Solution, minimize_penalized, relative_gap
from .references import reference_path, register_solver
from .saddles import SaddleSequence, saddle_sequence, signed_least_squares
from .training_path import Record, TrainingPath

__all__ = [
    "DiagonalFlow",
    "DivergenceError",
    "EdgeOfStabilityWarning",
    "GapError",
    "Observed",
    "Path",
    "Problem",
    "Record",
    "Regression",
    "SaddleSequence",
    "Sensing",
    "Solution",
    "TrainingPath",
    "averaged_flow",
    "averaged_mode",
    "balanced_mode",
    "diagonal_flow",
    "estimated_step_size",
    "gradient_descent",
    "hypentropy",
    "induced_norm",
    "interpolation_path",
    "is_monotone",
    "largest_hessian_eigenvalue",
    "learning_time",
    "loss",
    "loss_and_gradients",
    "minimize_penalized",
    "minimum_hypentropy",
    "minimum_l1",
    "minimum_l2",
    "quadratic_flow",
    "reference_path",
    "register_penalty",
    "register_solver",
    "relative_gap",
    "saddle_sequence",
    "signed_least_squares",
    "soft_threshold_path",
    "unbalanced_mode",
]
