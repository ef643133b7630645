"""Normal forms of a matrix: what every question about its values is asked of.

``form_of(op)`` says what matrix a structure is: Kronecker slots, blocks, a sum of terms, slices, permutations around such, or an
operator of which no more is known. Forms are never dense, and multiply factors out where the result is no larger.
"""

from typing import Any

from .blocks import from_sparse, to_sparse
from .inverses import inverse, pseudo_inverse
from .items import Identity, Matrix, aligned, multiply_items
from .kinds import DirectSum, Form, Opaque, Permuted, Product, Slices, Slots, Stack, Terms, Total, Updated
from .products import adjoint, conj, kron, multiply, permuted, product_of, scaled, sum_of, transpose, widened
from .slicing import as_factors, factor_form, factor_slices, slices_of
from .sums import add

__all__ = [
    "DirectSum",
    "Form",
    "Identity",
    "Matrix",
    "Opaque",
    "Permuted",
    "Product",
    "Slices",
    "Slots",
    "Stack",
    "Terms",
    "Total",
    "Updated",
    "add",
    "adjoint",
    "aligned",
    "as_factors",
    "conj",
    "factor_form",
    "factor_slices",
    "form_of",
    "from_sparse",
    "inverse",
    "kron",
    "multiply",
    "multiply_items",
    "permuted",
    "product_of",
    "pseudo_inverse",
    "scaled",
    "slices_of",
    "sum_of",
    "to_sparse",
    "transpose",
    "widened",
]


def form_of(op: Any) -> Form:
    """The normal form of a structured operator, or of a linear operator of another library.

    Parameters
    ----------
    op : StructuredOperator or scipy.sparse.linalg.LinearOperator

    Returns
    -------
    Form
        Never made from a dense matrix; kept with the operator.

    Examples
    --------
    >>> from kronmix.forms import form_of
    >>> rng = np.random.default_rng(0)
    >>> W, V = rng.normal(size=(196, 196)), rng.normal(size=(768, 768))
    >>> form = form_of(km.channel_mixing(V, tokens=196) @ km.token_mixing(W, channels=768))
    >>> type(form).__name__, [(item.rows, item.columns) for item in form.items]
    ('Slots', [(768, 768), (196, 196)])
    """
    form = getattr(op, "form", None)
    return form if isinstance(form, Form) else Opaque(op)
