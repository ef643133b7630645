"""The theorem registry and its provers: exact, with the kind of evidence named."""

from .equivalences import check_equivalent, check_reparametrisation
from .identities import check_identity
from .laws import QuadraticLaws, count_conservation_laws, find_quadratic_laws
from .verdict import Verdict
from .verification import Row, VerificationReport, verify

__all__ = [
    "QuadraticLaws",
    "Row",
    "Verdict",
    "VerificationReport",
    "check_equivalent",
    "check_identity",
    "check_reparametrisation",
    "count_conservation_laws",
    "find_quadratic_laws",
    "verify",
]
