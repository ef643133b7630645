"""Theorem entries T28 to T33: bounds for chains, solves, permutations, data-aware nearest structure, adapters."""

from __future__ import annotations

from functools import partial

from ..claims import CERTIFICATE, ENTRYWISE, Claim, Mutant
from ..steps import Step, stepwise
from .cuts import prove_cuts, prove_parallel_rows, prove_rank

__all__ = ["CLAIMS"]

_HORN = "Horn & Johnson 1991, chapter 4"
_HYEON = "Hyeon-Woo et al. 2022; Khatri & Rao 1968"
_SUM = "kron(A,eye(n))+kron(eye(m),B)"

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
    Claim(
        "T28",
        "cuts of a chain",
        "A chain lies in the two-factor set of each of its cuts, so every cut's optimum is a lower bound of the chain's.",
        r"\max_l E_l\ \le\ \min_{X_1,\dots,X_L}\|B-X_1\cdots X_L\|_F",
        "Le, Zheng, Riccietti & Gribonval 2024, arXiv 2411.04506",
        CERTIFICATE,
        prove_cuts,
        (
            Mutant("slices of a rank less", partial(prove_cuts, rank=lambda r: r - 1)),
            Mutant("sums of two chains too", partial(prove_cuts, terms=2)),
            Mutant("slices transposed", partial(prove_cuts, lambda B, s: s.slices(B.T[None, None]), radices=((2, 3),))),
        ),
        slow=partial(prove_cuts, radices=((2, 2, 2), (2, 3), (3, 2), (2, 2, 3), (2, 2, 2, 2))),
    ),
    stepwise(
        "T29",
        "eigenvalues of A⊗B + σI",
        "The eigenvectors of A⊗B + σI are the products of those of A and B, with eigenvalues ab + σ.",
        r"(A\otimes B+\sigma I)(p\otimes q)=(ab+\sigma)(p\otimes q)",
        _HORN,
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
        _HORN,
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
        _HORN + "; Hall 2015, proposition 2.3, for commuting exponentials",
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
    Claim(
        "T31",
        "rows of a shuffled Monarch matrix",
        "In B = PMQ with M Monarch of rank 1, two rows are parallel on every column group exactly where they come from one group.",
        r"B_{ij}B_{i'j'}=B_{ij'}B_{i'j}\quad\text{for } i,i' \text{ of one group and } j,j' \text{ of one group}",
        "T12; the search of T31",
        ENTRYWISE,
        prove_parallel_rows,
        (
            Mutant("contiguous row groups", partial(prove_parallel_rows, lambda i, p, q: i // p)),
            Mutant("strided column groups", partial(prove_parallel_rows, columns=lambda j, k, s: j % k)),
            Mutant("block rank 2", partial(prove_parallel_rows, block_rank=2, sizes=((3, 2, 2, 3),))),
            Mutant("all rows", partial(prove_parallel_rows, lambda i, p, q: 0)),
        ),
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
        _HYEON,
        Step("all sizes", "hadamard(B@A,D@C) == face_splitting(B,D)@khatri_rao(A,C)", "B=m,r A=r,n D=m,s C=s,n"),
        {
            "the left pair exchanged": {"text": "hadamard(B@A,D@C) == face_splitting(D,B)@khatri_rao(A,C)"},
            "the right pair exchanged": {"text": "hadamard(B@A,D@C) == face_splitting(B,D)@khatri_rao(C,A)"},
        },
    ),
    Claim(
        "T33",
        "rank of LoKr",
        "The rank of a Kronecker product is the product of the ranks.",
        r"\operatorname{rank}(A\otimes B)=\operatorname{rank}A\cdot\operatorname{rank}B",
        "Yeh et al. 2024; " + _HORN,
        CERTIFICATE,
        prove_rank,
        (
            Mutant("the sum of the ranks", partial(prove_rank, inner=lambda r, s: r + s)),
            Mutant("exponents 1 and 2", partial(prove_rank, (1, 2))),
            Mutant("exponents 2 and 3", partial(prove_rank, (2, 3))),
        ),
    ),
)
