"""The theorem registry and its provers: exact, with the kind of evidence named."""

from . import building  # noqa: F401  (registers vec, unvec and trace of expressions)
from .verification import Row, VerificationReport, verify

__all__ = ["Row", "VerificationReport", "verify"]
