"""T9 to T15: Kronecker-sparse factors, Monarch, and Kronecker products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from ...operators.kernels import apply_factor
from ...patterns import Pattern, monarch_patterns
from ..claims import ENTRYWISE, Outcome, Proof, claim
from ..provers.polynomials import Array, entries, square_norm
from ..steps import KRONECKER_NORM, Step, identity
from .minima import compound, vanish
from .sources import DAO, HAYASE, LE, VAN_LOAN

Sizes = tuple[int, ...]

_PAIRS = [(1, 2), (2, 2), (2, 3), (3, 2)]


_QUADS = [(1, 1, 2, 2), (2, 2, 2, 2), (1, 2, 3, 2), (2, 3, 3, 2)]


def kronecker_rearrangement(B: Array, left: tuple[int, int], right: tuple[int, int]) -> Array:
    """𝓡(B) of T14: 𝓡(V ⊗ W) = vec(V) vec(W)ᵀ for V of shape ``left``, W of shape ``right``; columns are stacked."""
    (p, q), (s, t) = left, right
    return B.reshape(p, s, q, t).transpose(2, 0, 3, 1).reshape(p * q, s * t)


def monarch_slices(B: Array, sizes: tuple[int, int, int, int]) -> Array:
    """Slices of a (pq) × (ks) matrix, axes (i_q, i_k, p, s): rows strided by q, columns in blocks of s (T12)."""
    p, k, q, s = sizes
    return B.reshape(p, q, k, s).transpose(1, 2, 0, 3)


def contiguous_blocks(B: Any, shape: Sizes) -> Any:
    """Contiguous blocks of rows taken for Monarch's slices, which are strided: a false neighbour."""
    p, k, q, s = shape
    return B.reshape(q, p, k, s).transpose(0, 2, 1, 3)


def strided_columns(B: Any, shape: Sizes) -> Any:
    """Columns strided by k as the rows are by q: a false neighbour."""
    p, k, q, s = shape
    return B.reshape(p, q, s, k).transpose(1, 3, 0, 2)


def prove_best_monarch(
    slices: Callable[..., Any] = monarch_slices,
    block_rank: int = 1,
    shapes: Sequence[Sizes] = ((2, 2, 2, 1), (1, 2, 3, 2)),
) -> Outcome:
    """T13: ‖B − M‖² is Σ ‖B_qk − L_qk R_kq‖² over slices of B that share no entry, and of M that share no parameter.

    So the least error is the sum of the slices' least errors for rank r, which Eckart & Young (1936, cited) give.
    """
    for shape in shapes:
        p, k, q, s = shape
        where = f"(p, k, q, s) = {shape}, block rank {block_rank}"
        M = entries(B=(p * q, k * s), L=(q, p, k * block_rank), R=(k, q * block_rank, s))
        left, right = monarch_patterns(p, k, q, s, block_rank)
        whole = apply_factor(
            M["L"][None], left, apply_factor(M["R"][:, None], right, np.eye(k * s, dtype=int).astype(object))
        )
        U = M["L"].reshape(q, p, k, block_rank).transpose(0, 2, 1, 3)
        V = M["R"].reshape(k, block_rank, q, s).transpose(2, 0, 1, 3)
        parts = slices(M["B"], shape) - U @ V
        if wrong := vanish(square_norm(M["B"] - whole), square_norm(parts), where, "the squared error"):
            return wrong
    return Proof(
        f"{', '.join(map(str, shapes))} for (p, k, q, s), block rank {block_rank}",
        "up to Eckart & Young for every slice",
    )


def prove_slice_ranks(
    order: tuple[int, ...] = (0, 1, 2, 3, 4, 5),
    more: int = 1,
    sizes: Sequence[Sizes] = ((1, 1, 2, 2), (2, 1, 1, 2), (2, 1, 2, 1), (1, 2, 1, 2)),
) -> Outcome:
    """T11: all minors of order r + ``more`` of the slices of a product of chainable factors vanish, and all entries outside them.

    Sizes are (a, r, κ, β).
    ``order`` is that of the axes (a, b, β, a, κ, c) in the product.
    """
    for a, r, κ, β in sizes:
        left, right = Pattern(a, r + 1, κ * r, β), Pattern(a * κ, r * β, r + 1, 1)
        M = entries(U=left.values_shape, V=right.values_shape)
        identity = np.eye(right.shape[1], dtype=int).astype(object)
        B = apply_factor(M["U"], left, apply_factor(M["V"], right, identity))
        axes = (a, r + 1, β, a, κ, r + 1)
        view = B.reshape([axes[axis] for axis in order]).transpose(np.argsort(order))
        where = f"(a, r, κ, β) = {(a, r, κ, β)}"
        outside = view[~np.eye(a, dtype=bool).reshape(a, 1, 1, a, 1, 1) & np.ones(view.shape, bool)]
        if wrong := vanish(outside, 0 * outside, where, "the entries outside the slices"):
            return wrong
        for i, j, k in np.ndindex(a, β, κ):
            minors = compound(view[i, :, j, i, k], r + more)
            if wrong := vanish(minors, 0 * minors, where, f"the minors of order {r + more}"):
                return wrong
    return Proof(", ".join(map(str, sizes)), "minors of every slice and entries outside them, every entry a symbol")


def prove_determinant(
    exponents: Callable[[int, int], tuple[int, int]] = lambda n, p: (p, n),
    sizes: Sequence[Sizes] = ((2, 1), (1, 2), (2, 2)),
) -> Outcome:
    """T15: det(A ⊗ B) = det(A)^i det(B)^j with (i, j) = exponents(n, p), for A n×n and B p×p."""
    for n, p in sizes:
        M = entries(A=(n, n), B=(p, p))
        i, j = exponents(n, p)
        power = compound(M["A"], n) ** i * compound(M["B"], p) ** j
        if wrong := vanish(compound(np.kron(M["A"], M["B"]), n * p), power, f"A {n}×{n}, B {p}×{p}", "the determinant"):
            return wrong
    return Proof(", ".join(map(str, sizes)), "every entry a symbol")


_QUADS = [(1, 1, 2, 2), (2, 2, 2, 2), (1, 2, 3, 2), (2, 3, 3, 2)]
_TIED = "einsum(K,'b c -> (a b d) (a c d)',a=a,d=d)"
_TOKENS = "einsum(W,'b c -> (a b) (a c)',a=C)"
_LEFT, _RIGHT = "einsum(L,'q p k -> (p q) (k q)')", "einsum(R,'k q s -> (k q) (k s)')"
#: Factors of the patterns (a, b, κr, βd) and (aκ, rβ, c, d); their values have the axes (a, d, b, c) of a pattern.
_CHAIN = "einsum(U,'a d b c -> (a b d) (a c d)')@einsum(V,'a d b c -> (a b d) (a c d)')"
CHAINED = Step(
    "the product has the pattern (a, bβ, κc, d), and slices that are products of inner size r",
    f"{_CHAIN} == einsum(U,V,'a (β d) b (κ r), (a κ) d (r β) c -> (a b β d) (a κ c d)',β=β,d=d,κ=κ,r=r)",
    "U=a,β*d,b,κ*r V=a*κ,d,r*β,c",
)
REARRANGED = Step(
    "𝓡(A ⊗ B)",
    "rearrange(kron(A,B),'(i k) (j l) -> (j i) (l k)',i=m,j=n) == vec(A)@vec(B).T",
    "A=m,n B=p,q",
)

CLAIMS = (
    *identity(
        "T9",
        "tied factor",
        "Values shared along a and d are I_a ⊗ K ⊗ I_d.",
        r"I_a\otimes K\otimes I_d",
        LE,
        Step("the factor", f"{_TIED} == kron(eye(a),K,eye(d))", "x=a K=b,c y=d"),
        {"a and d swapped": f"{_TIED} == kron(eye(d),K,eye(a))"},
        [(1, 1, 1, 2), (1, 2, 1, 2), (2, 2, 3, 1), (1, 2, 2, 2)],
        lambda S, C: (2, S, C, 2),
    ),
    *identity(
        "T10",
        "mixing patterns",
        "The tied factors (1, C, C, S) of Vᵀ and (C, S, S, 1) of W multiply to Vᵀ ⊗ W.",
        r"(1,C,C,S)*(C,S,S,1)",
        HAYASE,
        Step("the product", f"einsum(V.T,'b c -> (b d) (c d)',d=S)@{_TOKENS} == kron(V.T,W)", "W=S,S V=C,C"),
        {"channel mixing as blocks": f"einsum(V.T,'b c -> (a b) (a c)',a=S)@{_TOKENS} == kron(V.T,W)"},
        [(1, 2), (2, 2), (2, 3), (3, 2)],
        lambda S, C: (S, C),
    ),
    *identity(
        "T11",
        "product of chainable factors",
        "(a, b, κr, βd) and (aκ, rβ, c, d) multiply to the pattern (a, bβ, κc, d), whose slices are products of inner size r.",
        r"(a,b,\kappa r,\beta d)*(a\kappa,r\beta,c,d)=(a,b\beta,\kappa c,d)",
        LE,
        CHAINED,
        {
            "slices transposed": {
                "text": f"{_CHAIN} == einsum(U,V,'a (β d) b (κ r), (a κ) d (r β) c -> (a κ c d) (a b β d)',β=κ,d=d,κ=κ,r=r)",
                "shapes": "U=a,κ*d,c,κ*r V=a*κ,d,r*κ,c",
            }
        },
        [(1, 2, 1, 1, 2, 1, 1), (2, 2, 1, 1, 1, 2, 2), (1, 2, 2, 2, 2, 2, 1)],
        lambda S, C: (1, S, 1, 2, C, 1, 2),
        large=[(2, 2, 3, 3, 2, 2, 2)],
    ),
    claim(
        "T11",
        "rank of the slices",
        "Slices of a product of chainable factors have rank at most r, their minors vanish, and nothing stands outside them.",
        r"\operatorname{rank}\le r=a_1c_1/a_2",
        LE,
        ENTRYWISE,
        prove_slice_ranks,
        {
            "rank r − 1": {"more": 0},
            "contiguous rows": {"order": (0, 2, 1, 3, 4, 5)},
            "strided columns": {"order": (0, 1, 2, 3, 5, 4)},
        },
        slow=partial(
            prove_slice_ranks,
            sizes=((1, 1, 2, 2), (2, 1, 1, 2), (2, 1, 2, 1), (1, 2, 1, 2), (2, 2, 2, 2), (2, 1, 3, 2)),
        ),
    ),
    *identity(
        "T12",
        "Monarch",
        "M[(i_p,i_q),(i_k,i_s)] = L[i_q,i_p,i_k] R[i_k,i_q,i_s].",
        r"M_{pq,ks}=L_{qpk}R_{kqs}",
        DAO,
        Step("the product", f"{_LEFT}@{_RIGHT} == einsum(L,R,'q p k, k q s -> (p q) (k s)')", "L=q,p,k R=k,q,s"),
        {
            "factors in the other order": {
                "text": f"{_RIGHT}@{_LEFT} == einsum(L,R,'q p k, k q s -> (p q) (k s)')",
                "shapes": "L=q,q,q R=q,q,q",
            }
        },
        [(2, 2, 2, 2), (3, 1, 2, 2)],
        lambda S, C: (S, 2, C, 2),
        large=[(3, 3, 4, 2), (4, 4, 4, 4)],
    ),
    claim(
        "T13",
        "best Monarch",
        "‖B − M‖² is a sum over slices that share no parameter: the best M is the best of rank r slice by slice.",
        r"\|B-M\|_F^2=\sum_{q,k}\|B_{qk}-L_{qk}R_{kq}\|_F^2",
        DAO + "; Eckart & Young 1936, cited",
        ENTRYWISE,
        prove_best_monarch,
        {
            "contiguous blocks": {"slices": contiguous_blocks},
            "columns strided too": {"slices": strided_columns},
            "1 % more": {"slices": lambda B, shape: monarch_slices(B, shape) * sp.QQ(101, 100)},
        },
        slow=partial(prove_best_monarch, block_rank=2, shapes=((2, 2, 2, 2), (3, 2, 3, 2), (3, 3, 3, 3))),
    ),
    *identity(
        "T14",
        "rearrangement",
        "𝓡(A ⊗ B) = vec(A) vec(B)ᵀ.",
        r"\mathcal R(A\otimes B)=\operatorname{vec}A\operatorname{vec}B^\top",
        VAN_LOAN,
        REARRANGED,
        {
            "A transposed": {
                "text": "rearrange(kron(A,B),'(i k) (j l) -> (j i) (l k)',i=m,j=m) == vec(A.T)@vec(B).T",
                "shapes": "A=m,m B=p,q",
            }
        },
        _QUADS,
        lambda S, C: (S, 2, 2, C),
        large=[(4, 3, 3, 5)],
    ),
    *identity(
        "T15",
        "mixed product",
        "(A ⊗ B)(C ⊗ D) = AC ⊗ BD.",
        r"(A\otimes B)(C\otimes D)=AC\otimes BD",
        VAN_LOAN,
        Step("the product", "kron(A,B)@kron(C,D) == kron(A@C,B@D)", "A=k,m C=m,n B=p,q D=q,r"),
        {
            "second factors swapped": {
                "text": "kron(A,B)@kron(C,D) == kron(A@C,D@B)",
                "shapes": "A=k,m C=m,n B=p,p D=p,p",
            }
        },
        [(1, 1, 1, 2, 2, 1), (1, 2, 1, 2, 1, 2)],
        lambda S, C: (S, S, S, C, C, C),
    ),
    *identity(
        "T15",
        "trace",
        "tr(A ⊗ B) = tr A tr B.",
        r"\operatorname{tr}(A\otimes B)=\operatorname{tr}A\operatorname{tr}B",
        VAN_LOAN,
        Step("the traces", "trace(kron(A,B)) == trace(A)*trace(B)", "A=n,n B=p,p"),
        {"added": "trace(kron(A,B)) == trace(A)+trace(B)"},
        [(1, 1), (2, 1), (2, 3)],
        lambda S, C: (S, C),
    ),
    *identity(
        "T15",
        "Frobenius norm",
        "‖A ⊗ B‖_F² = ‖A‖_F² ‖B‖_F².",
        r"\|A\otimes B\|_F^2=\|A\|_F^2\|B\|_F^2",
        VAN_LOAN,
        KRONECKER_NORM,
        {"added": "trace(kron(V,W).T@kron(V,W)) == trace(V.T@V)+trace(W.T@W)"},
        [(1, 1, 1, 1), (1, 2, 2, 1)],
    ),
    claim(
        "T15",
        "determinant",
        "det(A ⊗ B) = det(A)^p det(B)^n.",
        r"\det(A\otimes B)=\det(A)^p\det(B)^n",
        VAN_LOAN,
        ENTRYWISE,
        prove_determinant,
        {
            "exponents exchanged": {"exponents": lambda n, p: (n, p)},
            "exponents 1": {"exponents": lambda n, p: (1, 1)},
            "one more": {"exponents": lambda n, p: (p + 1, n)},
        },
        slow=partial(prove_determinant, sizes=((2, 1), (1, 2), (2, 2), (3, 1), (1, 3))),
    ),
)
