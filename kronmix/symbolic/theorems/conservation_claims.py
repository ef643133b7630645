"""Theorem entries T19: conservation laws of gradient flow, and how many there are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import sympy as sp

from ..claims import CERTIFICATE, ENTRYWISE, Claim, Mutant
from ..steps import Step, stepwise
from .conservation import (
    Structure,
    hadamard,
    kronecker,
    mixer,
    monarch,
    product,
    prove_conserved,
    prove_drift_order,
    prove_law_count,
    sum_of_kroneckers,
)

__all__ = ["CLAIMS"]

_MARCOTTE = "Marcotte, Gribonval & Peyré 2023"


def _conserved(
    name: str,
    statement: str,
    latex: str,
    source: str,
    structures: tuple[Structure, ...],
    false: dict[str, Structure],
    slow: tuple[Structure, ...] = (),
) -> Claim:
    """The laws of structures; two more neighbours are false of every structure: a factor 1 % larger, and a square added."""
    first = structures[0]
    letter = first.letters[0]
    wrong = false | {
        f"{letter} 1 % larger": replace(first, laws=lambda F: first.laws({**F, letter: F[letter] * sp.QQ(101, 100)})),
        f"a square of {letter} more": replace(
            first, laws=lambda F: [law + F[letter].flat[0] ** 2 for law in first.laws(F)]
        ),
    }
    mutants = tuple(Mutant(words, partial(prove_conserved, other)) for words, other in wrong.items())
    prove = partial(prove_conserved, *structures)
    larger = partial(prove_conserved, *slow) if slow else None
    return Claim("T19", name, statement, latex, source, ENTRYWISE, prove, mutants, slow=larger)


def without_a_law(structure: Structure) -> Structure:
    """All laws but the first: a false neighbour, because the algebra leaves room for one more."""
    return replace(structure, laws=lambda F: [np.concatenate([law.ravel() for law in structure.laws(F)])[1:]])


CLAIMS = (
    _conserved(
        "diagonal network",
        "Gradient flow conserves u_i² − v_i² of every entry, whatever the loss.",
        r"\tfrac{d}{dt}(u_i^2-v_i^2)=0",
        _MARCOTTE,
        (hadamard(),),
        {"u² + v²": replace(hadamard(), laws=lambda F: [F["u"] ** 2 + F["v"] ** 2])},
    ),
    _conserved(
        "Kronecker product",
        "Gradient flow conserves the differences of the squared norms of the factors.",
        r"\tfrac{d}{dt}(\|V\|_F^2-\|W\|_F^2)=0",
        _MARCOTTE,
        (kronecker((2, 3), (3, 2)), kronecker((2, 1), (2, 2), (1, 2))),
        {
            "VᵀV − WᵀW as matrices": replace(
                kronecker((2, 2), (2, 2)), laws=lambda F: [F["V0"].T @ F["V0"] - F["V1"].T @ F["V1"]]
            )
        },
        (kronecker((3, 4), (4, 3)), kronecker((2, 2), (2, 3), (3, 2))),
    ),
    stepwise(
        "T19",
        "matrix product",
        "Gradient flow on PQ conserves the matrix PᵀP − QQᵀ.",
        r"\tfrac{d}{dt}(P^{\top}P-QQ^{\top})=0",
        "Saxe et al. 2014; Arora et al. 2019; " + _MARCOTTE,
        Step(
            "the derivatives of both terms along P' = −GQᵀ, Q' = −PᵀG agree",
            "(G@Q.T).T@P+P.T@(G@Q.T) == (P.T@G)@Q.T+Q@(P.T@G).T",
            "P=n,r Q=r,m G=n,m",
        ),
        {
            "PPᵀ − QᵀQ": {
                "text": "(G@Q.T)@P.T+P@(G@Q.T).T == (P.T@G).T@Q+Q.T@(P.T@G)",
                "shapes": "P=n,n Q=n,n G=n,n",
            }
        },
    ),
    _conserved(
        "sum of Kronecker products",
        "Gradient flow on Σ V_i⊗W_i conserves the r × r matrix of ⟨V_i, V_j⟩ − ⟨W_i, W_j⟩.",
        r"\tfrac{d}{dt}\bigl(\langle V_i,V_j\rangle-\langle W_i,W_j\rangle\bigr)=0",
        _MARCOTTE,
        (sum_of_kroneckers(),),
        {
            "ViᵀVj − WiᵀWj as matrices": replace(
                sum_of_kroneckers((2, 2), (2, 2)), laws=lambda F: [F["V0"].T @ F["V1"] - F["W0"].T @ F["W1"]]
            )
        },
        (sum_of_kroneckers((3, 2), (2, 3), 3),),
    ),
    _conserved(
        "Monarch",
        "Gradient flow conserves U_jkᵀU_jk − V_jkV_jkᵀ of every slice U_jk V_jk.",
        r"\tfrac{d}{dt}(U_{jk}^{\top}U_{jk}-V_{jk}V_{jk}^{\top})=0",
        _MARCOTTE,
        (monarch(), monarch(block_rank=1)),
        {
            "slices paired with the transposed index": replace(
                monarch((2, 2, 2, 2), 1),
                laws=lambda F: [(F["L"][0, :, 1] ** 2).sum(keepdims=True) - (F["R"][0, 1] ** 2).sum(keepdims=True)],
            )
        },
        (monarch((3, 2, 3, 3), 2),),
    ),
    _conserved(
        "linear Mixer",
        "A linear Mixer of depth L conserves the layers' balance matrices and ‖V_1‖² − ‖W_1‖².",
        r"\tfrac{d}{dt}(W_lW_l^{\top}-W_{l+1}^{\top}W_{l+1})=0,\ \tfrac{d}{dt}(V_l^{\top}V_l-V_{l+1}V_{l+1}^{\top})=0,\ "
        r"\tfrac{d}{dt}(\|V_1\|_F^2-\|W_1\|_F^2)=0",
        "Arora et al. 2019; " + _MARCOTTE,
        (mixer(2, 3, 2), mixer(2, 1, 3), mixer(1, 2, 3)),
        {"transposed balance": replace(mixer(), laws=lambda F: [F["W0"].T @ F["W0"] - F["W1"] @ F["W1"].T])},
        (mixer(2, 2, 3), mixer(3, 3, 2)),
    ),
    Claim(
        "T19",
        "drift of gradient descent",
        "A gradient step of size η changes the laws by terms of order η² and above, so a path drifts from them at O(η).",
        r"Q(\theta-\eta\nabla)-Q(\theta)=O(\eta^2)",
        _MARCOTTE,
        ENTRYWISE,
        partial(prove_drift_order, product()),
        (
            Mutant("order η³", partial(prove_drift_order, product(), 3)),
            Mutant(
                "PᵀP + QQᵀ",
                partial(prove_drift_order, replace(product(), laws=lambda F: [F["P"].T @ F["P"] + F["Q"] @ F["Q"].T])),
            ),
            Mutant("PᵀP alone", partial(prove_drift_order, replace(product(), laws=lambda F: [F["P"].T @ F["P"]]))),
        ),
    ),
    *(
        Claim(
            "T19",
            f"number of laws, {name}",
            f"{name} has {said}: dim θ − dim Lie(∇φ)(θ).",
            r"\#\text{laws}=\dim\theta-\dim\operatorname{Lie}(\nabla\varphi)(\theta)=" + latex,
            _MARCOTTE,
            CERTIFICATE,
            partial(prove_law_count, structure, count),
            (
                Mutant(f"{count + 1} laws", partial(prove_law_count, structure, count + 1)),
                Mutant(f"{count - 1} laws", partial(prove_law_count, structure, count - 1)),
                Mutant("a law left out", partial(prove_law_count, without_a_law(structure), count)),
            ),
            slow=None if slow is None else partial(prove_law_count, *slow),
        )
        for name, said, latex, structure, count, slow in (
            ("PQ of inner size 2", "r(r+1)/2 = 3 laws", r"\tfrac{r(r+1)}2", product(3, 2, 2), 3, (product(3, 2, 3), 3)),
            ("V⊗W", "one law", "1", kronecker((2, 2), (2, 1)), 1, (kronecker((2, 2), (2, 2)), 1)),
            (
                "a product of three Kronecker factors",
                "k − 1 = 2 laws",
                "k-1",
                kronecker((2, 1), (2, 1), (2, 1)),
                2,
                None,
            ),
            ("Monarch of rank 1", "one law per slice", r"\#\text{slices}", monarch((2, 2, 2, 2), 1), 4, None),
        )
    ),
)
