"""Theorem entries T23 to T27: sensing, random spectra, CKA, and training time as a regularisation path."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from math import log

import sympy as sp

from ..claims import CERTIFICATE, ENTRYWISE, NUMERICAL, WORKED, Claim, Mutant
from ..steps import Step, stepwise
from .alignment import biased_hsic, prove_unbiased, unbiased_hsic
from .random_spectra import prove_edge, prove_sparse_growth, prove_width_free
from .saddles import CORRELATED, INDEPENDENT, SWITCHING, prove_average_is_lasso
from .sensing import Experiment, prove_recovery
from .time_paths import (
    mirror_side,
    prove_dual_limit,
    prove_mirror_identity,
    prove_saddle_average,
    prove_soft_threshold,
    prove_threshold_optimality,
)

__all__ = ["CLAIMS"]

_HAYASE = "Hayase & Karakida, ICML 2024, arXiv 2306.01470"
_NGUYEN = "Kornblith et al. 2019; Nguyen, Raghu & Kornblith 2021; Song et al. 2012"
_BERTHIER = "Berthier 2025, arXiv 2509.18766"

CLAIMS = (
    Claim(
        "T23",
        "sensing",
        "From 110 Gaussian measurements of 256 unknowns, gradient descent on Monarch factors from scale 1e-4 recovers three "
        "active slices to 1e-3, at the minimum of the slices' nuclear norms to 1 %.",
        r"\frac{\|\hat B-B\|_F}{\|B\|_F}<10^{-3},\qquad"
        r"\sum_{j,k}\|\hat B_{jk}\|_*\approx\min_{\mathcal A(B)=y}\sum_{j,k}\|B_{jk}\|_*",
        "Li, Nguyen, Hegde & Wong 2023",
        NUMERICAL,
        prove_recovery,
        (
            Mutant("so does the solution of least ℓ2 norm", partial(prove_recovery, method="least squares")),
            Mutant("from any initial scale", partial(prove_recovery, Experiment(rank=4, scale=1.0, step_size=0.02))),
            Mutant("from half the measurements", partial(prove_recovery, Experiment(measurements=55))),
        ),
        slow=partial(prove_recovery, Experiment(seed=1, steps=60_000)),
    ),
    Claim(
        "T24",
        "edge of the spectrum",
        "The largest singular value of a γS × S Gaussian matrix of variance 1/S tends to 1 + √γ; here at S = 400, to 3 %.",
        r"\sigma_{\max}(W)\to1+\sqrt\gamma",
        "Marchenko & Pastur 1967; Geman 1980",
        NUMERICAL,
        prove_edge,
        (
            Mutant("1 + γ", partial(prove_edge, lambda gamma: 1 + gamma)),
            Mutant("√γ", partial(prove_edge, lambda gamma: gamma**0.5)),
            Mutant("10 % more", partial(prove_edge, lambda gamma: 1.1 * (1 + gamma**0.5))),
        ),
        slow=partial(prove_edge, tokens=1000, tolerance=0.015),
    ),
    Claim(
        "T24",
        "independence of the width",
        "The effective token-mixing layer has the largest singular value of its block, however many channels there are.",
        r"\sigma_{\max}(I_C\otimes W)=\sigma_{\max}(W)",
        _HAYASE,
        NUMERICAL,
        prove_width_free,
        (
            Mutant("growth √C", partial(prove_width_free, lambda channels: channels**0.5)),
            Mutant("growth log C", partial(prove_width_free, lambda channels: 1 + log(channels))),
            Mutant("1 % more", partial(prove_width_free, lambda channels: 1.01)),
        ),
    ),
    Claim(
        "T24",
        "sparse-weight MLPs",
        "At fixed connections, the largest singular value of a random sparse layer grows as it widens and sparsifies.",
        r"\sigma_{\max}(M\circ A)\ \text{grows with the width at fixed}\ \Omega",
        _HAYASE,
        NUMERICAL,
        prove_sparse_growth,
        (
            Mutant("it stays at 2", partial(prove_sparse_growth, grows=False)),
            Mutant("it grows as it narrows", partial(prove_sparse_growth, degrees=(2, 8, 64))),
            Mutant("it grows by 2 at every widening", partial(prove_sparse_growth, margin=2.0)),
        ),
        slow=partial(prove_sparse_growth, connections=2**18),
    ),
    stepwise(
        "T25",
        "invariance of linear CKA",
        "Linear CKA is unchanged by rotating and scaling the features: its numerator gains a², its denominator the root of a⁴.",
        r"\operatorname{CKA}(aXQ,Y)=\operatorname{CKA}(X,Y),\qquad Q^{\top}Q=I",
        _NGUYEN,
        Step(
            "the numerator",
            "trace((a*Y.T@X@Q).T@(a*Y.T@X@Q)) == a*a*trace((Y.T@X).T@(Y.T@X))",
            "X=n,p Y=n,q Q=p,p a=",
            "Q orthogonal",
        ),
        {
            "any linear map": {"assume": None},
            "symmetric for orthogonal": {"assume": "Q symmetric"},
            "a for a²": {"text": "trace((a*Y.T@X@Q).T@(a*Y.T@X@Q)) == a*trace((Y.T@X).T@(Y.T@X))"},
        },
        (
            Step(
                "the squared denominator",
                "trace((a*X@Q).T@(a*X@Q)@(a*X@Q).T@(a*X@Q)) == a*a*a*a*trace(X.T@X@X.T@X)",
                "X=n,p Q=p,p a=",
                "Q orthogonal",
            ),
        ),
    ),
    stepwise(
        "T25",
        "kernel form of linear CKA",
        "Linear CKA compares the Gram matrices of the samples.",
        r"\|Y^{\top}X\|_F^2=\langle XX^{\top},YY^{\top}\rangle",
        _NGUYEN,
        Step("both traces", "trace((Y.T@X).T@(Y.T@X)) == trace((X@X.T)@(Y@Y.T))", "X=n,p Y=n,q"),
        {
            "Gram matrices of the features": {
                "text": "trace((Y.T@X).T@(Y.T@X)) == trace((X.T@X)@(Y.T@Y))",
                "shapes": "X=n,p Y=n,p",
            }
        },
    ),
    stepwise(
        "T25",
        "range of CKA",
        "CKA is at most 1, and 1 for proportional kernels: Cauchy–Schwarz by Lagrange's sum of squares, k = vec K, l = vec L.",
        r"\|K\|_F^2\|L\|_F^2-\langle K,L\rangle^2=\tfrac12\sum_{ij}(k_il_j-k_jl_i)^2",
        _NGUYEN,
        Step(
            "Lagrange's identity",
            "2*trace(k.T@k)*trace(l.T@l)-2*(k.T@l)@(k.T@l) == trace((k@l.T-l@k.T).T@(k@l.T-l@k.T))",
            "k=n,1 l=n,1",
        ),
        {
            "at most ½": {
                "text": "2*trace(k.T@k)*trace(l.T@l)-8*(k.T@l)@(k.T@l) == trace((k@l.T-l@k.T).T@(k@l.T-l@k.T))"
            }
        },
    ),
    Claim(
        "T25",
        "unbiased minibatch HSIC",
        "The unbiased estimate averaged over all minibatches of a data set is the estimate of the data set, for any kernels.",
        r"\tbinom Nn^{-1}\sum_{|b|=n}\operatorname{HSIC}_1(K_b,L_b)=\operatorname{HSIC}_1(K,L)",
        _NGUYEN,
        ENTRYWISE,
        prove_unbiased,
        (
            Mutant("the biased estimate", partial(prove_unbiased, biased_hsic)),
            Mutant("without the mixed term", partial(prove_unbiased, partial(unbiased_hsic, mixed=0))),
            Mutant("the mixed term 1 % less", partial(prove_unbiased, partial(unbiased_hsic, mixed=Fraction(99, 50)))),
        ),
        slow=partial(prove_unbiased, samples=7, batch=5),
    ),
    Claim(
        "T26",
        "mirror-flow identity",
        "The diagonal network's dual is time times the correlation at the time-averaged weight.",
        r"\tfrac12\operatorname{arcsinh}(w(t)/\alpha^2)=t\,(r-M\bar w(t))",
        _BERTHIER,
        CERTIFICATE,
        prove_mirror_identity,
        (
            Mutant("without the factor t", partial(prove_mirror_identity, lambda t, r, Mw: r - Mw)),
            Mutant("t²", partial(prove_mirror_identity, lambda t, r, Mw: t**2 * (r - Mw))),
            Mutant("7r more", partial(prove_mirror_identity, lambda t, r, Mw: t * (r - Mw) + 7 * r)),
            Mutant("arcsinh without ½", partial(prove_mirror_identity, side=lambda w, a: 2 * mirror_side(w, a))),
            Mutant("arcsinh(w/α)", partial(prove_mirror_identity, side=lambda w, a: sp.asinh(w / a) / 2)),
        ),
    ),
    Claim(
        "T26",
        "penalty level",
        "As α → 0 the dual divided by log(1/α) is the sign of w on the support: the lasso's level is λ = log(1/α)/t.",
        r"\lim_{\alpha\to0}\frac{\operatorname{arcsinh}(w/\alpha^2)}{2\log(1/\alpha)}=\operatorname{sign}(w)",
        _BERTHIER,
        CERTIFICATE,
        prove_dual_limit,
        (
            Mutant("λ = 2 log(1/α)/t", partial(prove_dual_limit, lambda log: 2 * log)),
            Mutant("λ = log(1/α)²/t", partial(prove_dual_limit, lambda log: log**2)),
            Mutant("λ = √log(1/α)/t", partial(prove_dual_limit, lambda log: sp.sqrt(log))),
        ),
    ),
    Claim(
        "T26",
        "limit of the average",
        "One coordinate: as α → 0 the averaged weight tends to the average of the saddle path, (r − 1/s)₊, the lasso at λ = 1/s.",
        r"\lim_{\alpha\to0}\bar w(s\log\tfrac1\alpha)=\tfrac1s\int_0^s r\,[\sigma>1/r]\,d\sigma=(r-1/s)_+",
        _BERTHIER + "; Pesme & Flammarion 2023",
        CERTIFICATE,
        prove_saddle_average,
        (
            Mutant("the last iterate", partial(prove_saddle_average, lambda r, s: r)),
            Mutant("λ = 2/s", partial(prove_saddle_average, lambda r, s: r - 2 / s)),
            Mutant("shrunk, not cut", partial(prove_saddle_average, lambda r, s: r / (1 + 1 / s))),
        ),
    ),
    *(
        Claim(
            "T26",
            f"lasso path, {case.name}",
            f"On {case.name}, a monotone path, the average of the saddle path meets the lasso's conditions at λ = 1/s exactly.",
            r"r-M\bar w(s)\in\tfrac1s\,\partial\|\bar w(s)\|_1",
            _BERTHIER,
            WORKED,
            partial(prove_average_is_lasso, case),
            (
                Mutant("λ = 2/s", partial(prove_average_is_lasso, case, lambda s: 2 / s)),
                Mutant("the last iterate", partial(prove_average_is_lasso, case, average=lambda path, s: path[-1].w)),
                Mutant("a path that is not monotone", partial(prove_average_is_lasso, SWITCHING)),
            ),
        )
        for case in (INDEPENDENT, CORRELATED)
    ),
    Claim(
        "T27",
        "soft thresholding",
        "The time average of a balanced mode from σ₀ = α² tends to (s − λ)₊ at λ = log(1/α)/t.",
        r"\frac1t\int_0^t\sigma\ \to\ (s-\lambda)_+,\qquad\lambda=\log(1/\alpha)/t",
        _BERTHIER,
        CERTIFICATE,
        prove_soft_threshold,
        (
            Mutant("hard thresholding", partial(prove_soft_threshold, lambda s, penalty: s)),
            Mutant("time doubled", partial(prove_soft_threshold, scale=2)),
            Mutant("no threshold below λ", partial(prove_soft_threshold, below=lambda s, penalty: s - penalty)),
        ),
    ),
    Claim(
        "T27",
        "optimality of soft thresholding",
        "Soft-thresholded singular values solve the nuclear-norm problem on a fully observed target: the dual matrix is feasible.",
        r"T-B=\lambda Z,\quad\|Z\|\le1,\ \langle Z,B\rangle=\|B\|_*,\qquad B=U\operatorname{diag}((s-\lambda)_+)V^{\top}",
        _BERTHIER,
        CERTIFICATE,
        prove_threshold_optimality,
        (
            Mutant("λ subtracted from every mode", partial(prove_threshold_optimality, lambda s, penalty: s - penalty)),
            Mutant("threshold λ/2", partial(prove_threshold_optimality, lambda s, penalty: sp.Max(s - penalty / 2, 0))),
            Mutant("nothing kept", partial(prove_threshold_optimality, lambda s, penalty: sp.Integer(0))),
            Mutant(
                "ridge",
                partial(prove_threshold_optimality, lambda s, penalty: s / (1 + penalty)),
            ),
        ),
    ),
)
