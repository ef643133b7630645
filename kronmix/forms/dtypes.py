"""Forms in a wider dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from .composed import Beside, Permuted, Product, Total, Updated
from .kinds import DirectSum, Form, Slices, Slots, Stack, Terms


def widened(form: Form, dtype: Any) -> Form:
    """The same matrix in a dtype that holds both its own and the given one."""
    if np.result_type(form.dtype, dtype) == form.dtype:
        return form
    match form:
        case Slots():
            return Slots(form.items, form.scale, np.result_type(form.kind, dtype))
        case Stack():
            return Stack(form.blocks.astype(np.result_type(form.blocks, dtype)), form.copies, form.bound)
        case DirectSum():
            return DirectSum(tuple(widened(part, dtype) for part in form.parts))
        case Terms():
            return form.each(lambda term: widened(term, dtype))
        case Slices():
            return Slices(form.U.astype(np.result_type(form.U, dtype)), form.V)
        case Updated():
            return Updated(widened(form.base, dtype), form.update)
        case Permuted():
            return Permuted(widened(form.inner, dtype), form.rows, form.columns)
        case Product() | Total():
            return type(form)((widened(form.parts[0], dtype), *form.parts[1:]))
        case Beside():
            return Beside((widened(form.parts[0], dtype), *form.parts[1:]), form.axis)
    return form
