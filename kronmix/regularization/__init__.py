"""What training on the factors regularises: problems, descent, and the paths they leave (T16-T23, T26, T27)."""

from .boxes import BoxPoint, adamw_bound, adamw_point
from .central import CentralFlow, central_flow
from .closed_forms import (
    averaged_flow,
    averaged_mode,
    balanced_mode,
    learning_time,
    soft_threshold_path,
    unbalanced_mode,
)
from .conservation import DecayFlow, GradientFlow, MomentumFlow, conserved_quantities
from .curvature import estimated_step_size, hessian, hessian_product, hessian_trace, largest_hessian_eigenvalue
from .descent import DivergenceError, EdgeOfStabilityWarning, gradient_descent
from .diagonal import DiagonalFlow, diagonal_flow, is_monotone, quadratic_flow
from .flow import FlowError, gradient_flow
from .gradients import loss_and_gradients
from .hypentropy import hypentropy, interpolation_path, minimum_hypentropy, minimum_l1, minimum_l2
from .induced import induced_norm
from .margin_paths import MarginPath, margin_path
from .margins import MaxMargin, NotSeparableError, max_margin
from .norms import register_penalty
from .path import Path
from .paths import Decay, Plan, Rank, Scale, Time, register_kind, regularization_path
from .penalties import InducedPenalty, L1Bound, balanced_factors, induced_penalty, l1_bound
from .problems import Observed, Problem, Regression, Sensing, loss
from .proximal import GapError, Solution, minimize_penalized, relative_gap
from .references import GapWarning, reference_path
from .saddles import SaddleSequence, saddle_sequence, signed_least_squares
from .sampling import Sampling
from .scaling import Scaling
from .selection import Selection, select
from .solvers import Found, Solver, register_solver
from .stored_paths import load_path, save_path
from .training_path import Record, TrainingPath

__all__ = [
    "BoxPoint",
    "CentralFlow",
    "Decay",
    "DecayFlow",
    "DiagonalFlow",
    "DivergenceError",
    "EdgeOfStabilityWarning",
    "FlowError",
    "Found",
    "GapError",
    "GapWarning",
    "GradientFlow",
    "InducedPenalty",
    "L1Bound",
    "MarginPath",
    "MaxMargin",
    "MomentumFlow",
    "NotSeparableError",
    "Observed",
    "Path",
    "Plan",
    "Problem",
    "Rank",
    "Record",
    "Regression",
    "SaddleSequence",
    "Sampling",
    "Scale",
    "Scaling",
    "Selection",
    "Sensing",
    "Solution",
    "Solver",
    "Time",
    "TrainingPath",
    "adamw_bound",
    "adamw_point",
    "averaged_flow",
    "averaged_mode",
    "balanced_factors",
    "balanced_mode",
    "central_flow",
    "conserved_quantities",
    "diagonal_flow",
    "estimated_step_size",
    "gradient_descent",
    "gradient_flow",
    "hessian",
    "hessian_product",
    "hessian_trace",
    "hypentropy",
    "induced_norm",
    "induced_penalty",
    "interpolation_path",
    "is_monotone",
    "l1_bound",
    "largest_hessian_eigenvalue",
    "learning_time",
    "load_path",
    "loss",
    "loss_and_gradients",
    "margin_path",
    "max_margin",
    "minimize_penalized",
    "minimum_hypentropy",
    "minimum_l1",
    "minimum_l2",
    "quadratic_flow",
    "reference_path",
    "register_kind",
    "register_penalty",
    "register_solver",
    "regularization_path",
    "relative_gap",
    "saddle_sequence",
    "save_path",
    "select",
    "signed_least_squares",
    "soft_threshold_path",
    "unbalanced_mode",
]
