"""T28 to T33: bounds for chains, solves, permutations, data-aware nearest structure, adapters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations

import numpy as np

from ...forms.slices import Slicing
from ...operators.kernels import apply_factor
from ...patterns import butterfly_patterns, chain_product, monarch_patterns
from ..claims import CERTIFICATE, ENTRYWISE, Counterexample, Outcome, Proof, claim
from ..provers.polynomials import Array, entries, nonzero_point
from ..steps import Step, stepwise
from .minima import compound, vanish
from .sources import HORN, HYEON


def cut_slices(B: Array, slicing: Slicing) -> Array:
    """The slices of a matrix for one cut of a chain, axes (…, b, c) (T11)."""
    return slicing.slices(B[None, None])


def prove_cuts(
    slices: Callable[[Array, Slicing], Array] = cut_slices,
    rank: Callable[[int], int] = lambda r: r,
    terms: int = 1,
    radices: tuple[tuple[int, ...], ...] = ((2, 2, 2), (2, 3)),
) -> Outcome:
    """The chain X₁ ⋯ X_L lies in the set of every cut: all minors of order rank(r) + 1 of the cut's slices vanish.

    So the least distance to the larger set, a truncated singular value decomposition of every slice, is below the chain's optimum.
    ``terms`` adds that many chains up.
    """
    for chosen in radices:
        patterns = butterfly_patterns(int(np.prod(chosen)), chosen)
        shapes = {f"X{t}_{l}": pattern.values_shape for t in range(terms) for l, pattern in enumerate(patterns)}
        values, n = iter(entries(**shapes).values()), patterns[0].shape[0]
        identity = np.eye(n, dtype=int).astype(object)
        B = 0 * identity
        for _ in range(terms):
            factors = [(next(values), pattern) for pattern in patterns]
            product = identity
            for X, pattern in reversed(factors):
                product = apply_factor(X, pattern, product)
            B = B + product
        for cut in range(1, len(patterns)):
            slicing = Slicing.of(chain_product(patterns[:cut]), chain_product(patterns[cut:]))
            found, order = slices(B, slicing), rank(slicing.r) + 1
            sizes = f"butterfly of radices {chosen}, cut after {cut}"
            for index in np.ndindex(found.shape[:-2]):
                minors = compound(found[index], order)
                if wrong := vanish(minors, 0 * minors, sizes, f"the minors of order {order}"):
                    return wrong
    return Proof(", ".join(f"butterflies of radices {r}" for r in radices), "minors of the slices of every cut vanish")


def prove_rank(exponents: tuple[int, int] = (2, 2), inner: Callable[[int, int], int] = lambda r, s: r * s) -> Outcome:
    """LoKr: rank(A ⊗ B) = rank A · rank B. A = UV, B = XY, of ranks r = 1, 2 and s = 2, 3×3 and 2×2.

    At most: A ⊗ B = (U ⊗ X)(V ⊗ Y) has the inner size inner(r, s). At least: a minor of order rs is det(A₁)^s det(B)^r, where
    det(A₁) is a minor of A of order r, which does not vanish identically.
    """
    for r in (1, 2):
        M = entries(U=(3, r), V=(r, 3), X=(2, 2), Y=(2, 2))
        A, B = M["U"] @ M["V"], M["X"] @ M["Y"]
        sizes = f"A 3×3 of rank {r}, B 2×2 of rank 2"
        left = np.kron(M["U"], M["X"])
        if wrong := vanish(np.kron(A, B), left @ np.kron(M["V"], M["Y"]), sizes, "A ⊗ B = (U ⊗ X)(V ⊗ Y)"):
            return wrong
        if left.shape[1] != inner(r, 2):
            return Counterexample(sizes, {"inner size": left.shape[1]}, f"not {inner(r, 2)}")
    M = entries(A=(2, 2), B=(2, 2))
    a, b = (compound(M[name], 2).item() for name in "AB")
    minor = compound(np.kron(M["A"], M["B"]), 4)
    wrong = vanish(minor, np.array([[a ** exponents[0] * b ** exponents[1]]]), "A, B 2×2", "the minor of A ⊗ B")
    return wrong or Proof(
        "A 3×3 of rank 1 and 2, B 2×2 of rank 2", "inner size rs, and a minor of order rs that does not vanish"
    )


def prove_parallel_rows(
    rows: Callable[[int, int, int], int] = lambda i, p, q: i % q,
    columns: Callable[[int, int, int], int] = lambda j, k, s: j // s,
    block_rank: int = 1,
    sizes: tuple[tuple[int, int, int, int], ...] = ((2, 2, 2, 2), (2, 2, 3, 2)),
) -> Outcome:
    """B = PMQ with M Monarch of rank 1: rows of one group are parallel on every column group, and no other pair of rows is.

    ``rows(i, p, q)`` and ``columns(j, k, s)`` are the groups before P and Q shuffle them. Parallel: all minors of order 2 vanish.
    """
    rng = np.random.default_rng(31)
    for p, k, q, s in sizes:
        left, right = monarch_patterns(p, k, q, s, block_rank)
        M = entries(L=left.values_shape, R=right.values_shape)
        whole = apply_factor(M["L"], left, apply_factor(M["R"], right, np.eye(k * s, dtype=int).astype(object)))
        P, Q = rng.permutation(p * q), rng.permutation(k * s)
        B, where = whole[P][:, Q], f"(p, k, q, s) = {(p, k, q, s)}, P = {P.tolist()}, Q = {Q.tolist()}"
        row_group, column_group = [rows(int(i), p, q) for i in P], np.array([columns(int(j), k, s) for j in Q])
        for i, j in combinations(range(p * q), 2):
            minors = [compound(B[[i, j]][:, column_group == g], 2) for g in sorted({*column_group})]
            apart = next((m for block in minors for m in block.ravel() if m != 0), None)
            if (apart is None) != (row_group[i] == row_group[j]):
                values = {"rows": (i, j)} | (dict(nonzero_point(apart)) if apart is not None else {})
                return Counterexample(
                    where, values, f"rows {i} and {j} are {'not ' if apart is not None else ''}parallel"
                )
    return Proof(
        "; ".join(map(str, sizes)) + " for (p, k, q, s), P and Q drawn", "minors of order 2 of every pair of rows"
    )


COMMUTE = Step("A⊗I and I⊗B commute", "kron(A,eye(n))@kron(eye(m),B) == kron(eye(m),B)@kron(A,eye(n))", "A=m,m B=n,n")


POWERS = (
    Step("(A⊗I)(C⊗I) = AC⊗I", "kron(A,eye(n))@kron(C,eye(n)) == kron(A@C,eye(n))", "A=m,m C=m,m X=n,n"),
    Step("(I⊗B)(I⊗D) = I⊗BD", "kron(eye(m),B)@kron(eye(m),D) == kron(eye(m),B@D)", "B=n,n D=n,n X=m,m"),
)


KRONECKER_DATA = Step("(V⊗W)(X⊗Y) = VX⊗WY", "kron(V,W)@kron(X,Y) == kron(V@X,W@Y)", "V=a,b W=c,d X=b,e Y=d,f")


_SHUFFLED = "rearrange(B@kron(X,Y), '(i k) (j l) -> (j i) (l k)', i=a, j=e)-vec(V@X)@vec(W@Y).T"


_ERROR = "B@kron(X,Y)-kron(V,W)@kron(X,Y)"


_ROW = "kron(ones(1,2),eye(n))@block_diag(E,F)"


CLAIMS = (
    claim(
        "T28",
        "cuts of a chain",
        "A chain lies in the two-factor set of each of its cuts, so every cut's optimum is a lower bound of the chain's.",
        r"\max_l E_l\ \le\ \min_{X_1,\dots,X_L}\|B-X_1\cdots X_L\|_F",
        "Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506",
        CERTIFICATE,
        prove_cuts,
        {
            "slices of a rank less": {"rank": lambda r: r - 1},
            "sums of two chains too": {"terms": 2},
            "slices transposed": {"slices": lambda B, s: s.slices(B.T[None, None]), "radices": ((2, 3),)},
        },
        slow=partial(prove_cuts, radices=((2, 2, 2), (2, 3), (3, 2), (2, 2, 3), (2, 2, 2, 2))),
    ),
    stepwise(
        "T29",
        "eigenvalues of A⊗B + σI",
        "The eigenvectors of A⊗B + σI are the products of those of A and B, with eigenvalues ab + σ.",
        r"(A\otimes B+\sigma I)(p\otimes q)=(ab+\sigma)(p\otimes q)",
        HORN,
        Step(
            "A = P diag(a) P⁻¹ and B = Q diag(b) Q⁻¹, all eigenvectors at once",
            "(kron(P@diag(a)@inv(P),Q@diag(b)@inv(Q))+s*eye(m*n))@kron(P,Q) == kron(P,Q)@(kron(diag(a),diag(b))+s*eye(m*n))",
            "P=m,m Q=n,n a=m b=n s=",
        ),
        {
            "a + b + σ": {
                "text": "(kron(P@diag(a)@inv(P),Q@diag(b)@inv(Q))+s*eye(m*n))@kron(P,Q) == "
                "kron(P,Q)@(kron(diag(a),eye(n))+kron(eye(m),diag(b))+s*eye(m*n))"
            },
            "σ left out": {
                "text": "(kron(P@diag(a)@inv(P),Q@diag(b)@inv(Q))+s*eye(m*n))@kron(P,Q) == kron(P,Q)@kron(diag(a),diag(b))"
            },
        },
    ),
    stepwise(
        "T29",
        "eigenvalues of A⊕B",
        "The eigenvectors of A⊕B = A⊗I + I⊗B are the products of those of A and B, with eigenvalues a + b.",
        r"(A\oplus B)(p\otimes q)=(a+b)(p\otimes q)",
        HORN,
        Step(
            "A = P diag(a) P⁻¹ and B = Q diag(b) Q⁻¹, all eigenvectors at once",
            "(kron(P@diag(a)@inv(P),eye(n))+kron(eye(m),Q@diag(b)@inv(Q)))@kron(P,Q) == "
            "kron(P,Q)@(kron(diag(a),eye(n))+kron(eye(m),diag(b)))",
            "P=m,m Q=n,n a=m b=n",
        ),
        {
            "ab": {
                "text": "(kron(P@diag(a)@inv(P),eye(n))+kron(eye(m),Q@diag(b)@inv(Q)))@kron(P,Q) == "
                "kron(P,Q)@kron(diag(a),diag(b))"
            },
            "a − b": {
                "text": "(kron(P@diag(a)@inv(P),eye(n))+kron(eye(m),Q@diag(b)@inv(Q)))@kron(P,Q) == "
                "kron(P,Q)@(kron(diag(a),eye(n))-kron(eye(m),diag(b)))"
            },
        },
    ),
    stepwise(
        "T29",
        "exponential of A⊕B",
        "exp(A⊕B) = exp(A)⊗exp(B): A⊗I and I⊗B commute, so the exponential of the sum is the product of the exponentials (cited), "
        "and powers of A⊗I are powers of A beside I.",
        r"\exp(A\oplus B)=e^{A\otimes I}e^{I\otimes B}=e^A\otimes e^B",
        HORN + "; Hall 2015, proposition 2.3, for commuting exponentials",
        Step("(X⊗I)(I⊗Y) = X⊗Y for X = e^A, Y = e^B", "kron(X,eye(n))@kron(eye(m),Y) == kron(X,Y)", "X=m,m Y=n,n"),
        {"e^B ⊗ e^A": {"text": "kron(X,eye(n))@kron(eye(m),Y) == kron(Y,X)"}},
        (COMMUTE, *POWERS),
    ),
    stepwise(
        "T30",
        "permutation between two factors",
        "A permutation between P and Q changes neither the sum of squares nor the law, which reads (PΠ)ᵀPΠ − QQᵀ.",
        r"\tfrac{d}{dt}\bigl[(P\Pi)^\top P\Pi-QQ^\top\bigr]=0,\qquad \|P\Pi\|_F=\|P\|_F",
        "Marcotte, Gribonval & Peyré 2023",
        Step(
            "the derivatives of both terms along P' = −GQᵀΠᵀ, Q' = −ΠᵀPᵀG agree",
            "(G@Q.T@J.T@J).T@(P@J)+(P@J).T@(G@Q.T@J.T@J) == (J.T@P.T@G)@Q.T+Q@(J.T@P.T@G).T",
            "P=n,r Q=r,m G=n,m J=r,r",
            "J permutation",
        ),
        {
            "without Π": {"text": "(G@Q.T@J.T).T@P+P.T@(G@Q.T@J.T) == (J.T@P.T@G)@Q.T+Q@(J.T@P.T@G).T"},
            "Πᵀ for Π": {
                "text": "(G@Q.T@J.T@J.T).T@(P@J.T)+(P@J.T).T@(G@Q.T@J.T@J.T) == (J.T@P.T@G)@Q.T+Q@(J.T@P.T@G).T"
            },
        },
        (Step("‖PΠ‖² = ‖P‖²", "trace((P@J).T@(P@J)) == trace(P.T@P)", "P=n,r J=r,r", "J permutation"),),
    ),
    claim(
        "T31",
        "rows of a shuffled Monarch matrix",
        "In B = PMQ with M Monarch of rank 1, two rows are parallel on every column group exactly where they come from one group.",
        r"B_{ij}B_{i'j'}=B_{ij'}B_{i'j}\quad\text{for } i,i' \text{ of one group and } j,j' \text{ of one group}",
        "T12; the search of T31",
        ENTRYWISE,
        prove_parallel_rows,
        {
            "contiguous row groups": {"rows": lambda i, p, q: i // p},
            "strided column groups": {"columns": lambda j, k, s: j % k},
            "block rank 2": {"block_rank": 2, "sizes": ((3, 2, 2, 3),)},
            "all rows": {"rows": lambda i, p, q: 0},
        },
        slow=partial(prove_parallel_rows, sizes=((2, 2, 2, 2), (2, 2, 3, 2), (3, 2, 2, 3), (2, 3, 4, 2))),
    ),
    stepwise(
        "T32",
        "data-aware error",
        "With Σ = XXᵀ the error of outputs is a Frobenius error: for invertible X the best M of rank r is that of BX, times X⁻¹.",
        r"\operatorname{tr}\bigl[(B-M)\Sigma(B-M)^{\top}\bigr]=\|BX-MX\|_F^2,\qquad\Sigma=XX^{\top}",
        "Eckart & Young 1936, cited for the best rank",
        Step("the error", "trace((B-M)@(X@X.T)@(B-M).T) == trace((B@X-M@X).T@(B@X-M@X))", "B=n,m M=n,m X=m,N"),
        {
            "XᵀX for XXᵀ": {
                "text": "trace((B-M)@(X.T@X)@(B-M).T) == trace((B@X-M@X).T@(B@X-M@X))",
                "shapes": "B=n,m M=n,m X=m,m",
            }
        },
        (Step("(MX)X⁻¹ = M", "M@X@inv(X) == M", "M=n,m X=m,m"),),
    ),
    stepwise(
        "T32",
        "data-aware Kronecker product",
        "With Σ = XXᵀ⊗YYᵀ the nearest Kronecker product is that of B(X⊗Y), rearranged, with VX and WY for its factors.",
        r"\|(B-V\otimes W)(X\otimes Y)\|_F=\|\mathcal R(B(X\otimes Y))-\operatorname{vec}(VX)\operatorname{vec}(WY)^{\top}\|_F",
        "Van Loan & Pitsianis 1993",
        Step(
            "both squared errors",
            f"trace(({_ERROR}).T@({_ERROR})) == trace(({_SHUFFLED}).T@({_SHUFFLED}))",
            "B=a*c,b*d V=a,b W=c,d X=b,e Y=d,f",
        ),
        {
            "Y⊗X": {
                "text": f"trace(({_ERROR}).T@({_ERROR})) == trace(({_SHUFFLED}).T@({_SHUFFLED}))".replace(
                    "B@kron(X,Y)-kron", "B@kron(Y,X)-kron"
                ),
                "shapes": "B=a*c,b*b V=a,b W=c,b X=b,e Y=b,e",
            }
        },
        (KRONECKER_DATA,),
    ),
    stepwise(
        "T32",
        "data-aware Monarch",
        "Where Σ is block-diagonal over the column groups, the error is a sum over them: every slice is whitened on its own.",
        r"\operatorname{tr}(E\Sigma E^{\top})=\sum_k\operatorname{tr}(E_k\Sigma_kE_k^{\top})",
        "T13 with a weight; two groups, and more one after another",
        Step(
            "two column groups",
            f"trace(({_ROW})@block_diag(S,T)@({_ROW}).T) == trace(E@S@E.T)+trace(F@T@F.T)",
            "E=n,p F=n,q S=p,p T=q,q",
        ),
        {
            "Σ full": {
                "text": "trace((E+F)@S@(E+F).T) == trace(E@S@E.T)+trace(F@S@F.T)",
                "shapes": "E=n,p F=n,p S=p,p",
            }
        },
    ),
    stepwise(
        "T32",
        "bound for general data",
        "Where Σ − λΣ_bd = YYᵀ, every error with Σ is at least λ times that with the block-diagonal part Σ_bd.",
        r"\operatorname{tr}(E\Sigma E^{\top})-\lambda\operatorname{tr}(E\Sigma_{bd}E^{\top})=\|EY\|_F^2\ge0",
        "Loewner order",
        Step(
            "the gap is a square",
            "trace(E@(k*D+Y@Y.T)@E.T)-k*trace(E@D@E.T) == trace((E@Y).T@(E@Y))",
            "E=n,m Y=m,N D=m,m k=",
        ),
        {"λ² for λ": {"text": "trace(E@(k*D+Y@Y.T)@E.T)-k*k*trace(E@D@E.T) == trace((E@Y).T@(E@Y))"}},
    ),
    stepwise(
        "T33",
        "LoHa as one product",
        "The entrywise product of two low-rank matrices is a product of their row-wise and column-wise Khatri–Rao products.",
        r"(B_1A_1)\circ(B_2A_2)=(B_1\odot_{\mathrm{row}}B_2)(A_1\odot_{\mathrm{col}}A_2)",
        HYEON,
        Step("all sizes", "hadamard(B@A,D@C) == face_splitting(B,D)@khatri_rao(A,C)", "B=m,r A=r,n D=m,s C=s,n"),
        {
            "the left pair exchanged": {"text": "hadamard(B@A,D@C) == face_splitting(D,B)@khatri_rao(A,C)"},
            "the right pair exchanged": {"text": "hadamard(B@A,D@C) == face_splitting(B,D)@khatri_rao(C,A)"},
        },
    ),
    claim(
        "T33",
        "rank of LoKr",
        "The rank of a Kronecker product is the product of the ranks.",
        r"\operatorname{rank}(A\otimes B)=\operatorname{rank}A\cdot\operatorname{rank}B",
        "Yeh et al. 2024; " + HORN,
        CERTIFICATE,
        prove_rank,
        {
            "the sum of the ranks": {"inner": lambda r, s: r + s},
            "exponents 1 and 2": {"exponents": (1, 2)},
            "exponents 2 and 3": {"exponents": (2, 3)},
        },
    ),
)
