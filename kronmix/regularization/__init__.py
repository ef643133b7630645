"""What training on the factors regularises: problems, descent, and the paths they leave (T16-T23, T26, T27)."""

from .descent import (
    DivergenceError,
    EdgeOfStabilityWarning,
    estimated_step_size,
    gradient_descent,
    largest_hessian_eigenvalue,
    loss_and_gradients,
)
from .problems import Observed, Problem, Regression, Sensing, loss
from .training_path import Record, TrainingPath

__all__ = [
    "DivergenceError",
    "EdgeOfStabilityWarning",
    "Observed",
    "Problem",
    "Record",
    "Regression",
    "Sensing",
    "TrainingPath",
    "estimated_step_size",
    "gradient_descent",
    "largest_hessian_eigenvalue",
    "loss",
    "loss_and_gradients",
]
