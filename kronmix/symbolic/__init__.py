"""The theorem registry and its provers: exact, with the kind of evidence named."""

from ..deprecation import renamed
from ..extras import needed

with needed("kronmix.symbolic"):
    import sympy  # noqa: F401

from .equivalences import check_equivalent, check_reparametrization
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
    "check_reparametrization",
    "count_conservation_laws",
    "find_quadratic_laws",
    "verify",
]

__getattr__ = renamed(__name__, {"check_reparametrisation": "check_reparametrization"}, since="0.1")
