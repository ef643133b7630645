"""Normal forms of a matrix: what every question about its values is asked of.

``form_of(op)`` says what matrix a structure is: Kronecker slots, blocks, a sum of terms, slices, permutations around such, or an
operator of which no more is known. Forms are never dense, and multiply factors out where the result is no larger.
"""

from typing import Any

from .blocks import from_sparse as from_sparse, stored as stored, to_sparse as to_sparse
from .composed import Beside as Beside, Opaque, Permuted, Product, Total, Updated
from .dtypes import widened as widened
from .inverses import inverse as inverse, pseudo_inverse as pseudo_inverse
from .items import Identity, Matrix, aligned as aligned, multiply_items as multiply_items
from .kinds import DirectSum, Form, Slices, Slots, Stack, Terms
from .permuting import permuted as permuted
from .products import (
    adjoint as adjoint,
    conj as conj,
    kron,
    multiply as multiply,
    power as power,
    product_of,
    scaled as scaled,
    sum_of,
    transpose,
)
from .slicing import (
    as_factors as as_factors,
    factor_form as factor_form,
    factor_slices as factor_slices,
    slices_of as slices_of,
)
from .stacking import beside as beside
from .sums import add as add

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
    "form_of",
    "kron",
    "product_of",
    "sum_of",
    "transpose",
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
