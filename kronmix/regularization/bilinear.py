"""Products of two factors that are linear in their parameters: B = 𝓛(u vᵀ) with a linear 𝓛 (T30).

½‖u‖² + ½‖v‖² ≥ uᵀ𝓛*(Z)v/‖𝓛*(Z)‖ = ⟨Z, B⟩/‖𝓛*(Z)‖ for every Z, ‖·‖ the largest singular value. Where 𝓛 is one-to-one, 𝓛*(Z) can be
the unit u vᵀ itself, and R(B) = ‖u‖‖v‖: random permutations between mixings do that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, lsmr

from ..operators.arrays import Array
from .parametrisations import found_at, places

#: Largest number of products of two entries that are followed.
_MOST = 2**21
#: How much more agreement counts along these directions, and iterations of least squares.
_WEIGHT, _ITERATIONS = 1e3, 3000


@dataclass(frozen=True, eq=False)
class Bilinear:
    """𝓛 as a sparse matrix: rows are pairs of parameters, columns entries of B, values how often the pair's product is added there.

    Parameters
    ----------
    left, right : arrays
        Places of the two factors' parameters in θ.
    paths : sparse array
    """

    left: Array
    right: Array
    paths: csr_array

    @staticmethod
    def of(X: csr_array, Y: csr_array) -> Bilinear | None:
        """The bilinear form of two factors, given where parameters stand in them; None where there are too many products."""
        first, second = X.tocoo(), Y.tocsr()
        lengths = np.diff(second.indptr)[first.col]
        if lengths.sum() > _MOST:
            return None
        starts = second.indptr[first.col]
        ends = np.cumsum(lengths)
        at = np.arange(ends[-1] if ends.size else 0) - np.repeat(ends - lengths - starts, lengths)
        left, right = np.unique(places(first.data)), np.unique(places(second.data))
        u = np.repeat(found_at(left, places(first.data)), lengths)
        v = found_at(right, places(second.data[at]))
        entry = np.repeat(first.row.astype(np.int64), lengths) * Y.shape[1] + second.indices[at]
        shape = left.size * right.size, X.shape[0] * Y.shape[1]
        return Bilinear(left, right, csr_array((np.ones(at.size), (u * right.size + v, entry)), shape=shape))

    def pulled(self, Z: Array) -> Array:
        """𝓛*(Z), (parameters of the left factor, of the right one)."""
        return np.asarray(self.paths @ Z.ravel()).reshape(self.left.size, self.right.size)

    def dual_point(self, θ: Array, shape: tuple[int, int]) -> Array:
        """Z with 𝓛*(Z) near to the unit u vᵀ, nearest along the directions in which u and v can move: there it must agree."""
        u, v = (part / (np.linalg.norm(part) or 1.0) for part in (θ[self.left], θ[self.right]))
        target = np.outer(u, v)

        def weighted(M: Array) -> Array:
            across, along = u[:, None] * (u.conj() @ M), (M @ v.conj())[:, None] * v
            return M + (_WEIGHT - 1) * (across + along - u[:, None] * (u.conj() @ along))

        operator = LinearOperator(
            self.paths.shape,
            matvec=lambda z: weighted(self.pulled(z)).ravel(),
            rmatvec=lambda m: self.paths.T @ weighted(m.reshape(target.shape)).ravel(),
            dtype=θ.dtype,
        )
        found = lsmr(operator, _WEIGHT * target.ravel(), atol=1e-14, btol=1e-14, conlim=0, maxiter=_ITERATIONS)
        return np.asarray(found[0]).reshape(shape)
