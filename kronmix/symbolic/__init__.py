"""The theorem registry and its provers: exact, with the kind of evidence named."""

from .verification import Row, VerificationReport, verify

__all__ = ["Row", "VerificationReport", "verify"]
