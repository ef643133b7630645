"""Random sparse weights: every entry kept with the same probability (T7)."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array


def bernoulli_weight(rows: int, columns: int, density: float, rng: np.random.Generator) -> csr_array:
    """Standard normal entries on a Bernoulli(``density``) mask.

    Examples
    --------
    >>> weight = bernoulli_weight(200, 300, 0.1, np.random.default_rng(0))
    >>> weight.shape, 5500 < weight.nnz < 6500
    ((200, 300), True)
    """
    kept = rng.choice(rows * columns, rng.binomial(rows * columns, density), replace=False, shuffle=False)
    values = rng.standard_normal(kept.size)
    return csr_array((values, (kept // columns, kept % columns)), shape=(rows, columns))
