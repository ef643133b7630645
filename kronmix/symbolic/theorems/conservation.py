"""T19 and T36, conservation laws of flows of factors, for an arbitrary symbolic loss gradient G.

    d/dt Q(θ) = −⟨∇Q(θ), ∇_θ⟨G, B(θ)⟩⟩ ≡ 0

as a polynomial in the entries of θ and G: the loss, the data and the time do not enter. B(θ) is read from the operators themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from ...mixer import LinearMixer
from ...operators import Chain, Dense, Hadamard, Kronecker, Monarch, StructuredOperator, SumOfKroneckers
from ..claims import CERTIFICATE, ENTRYWISE, Claim, Counterexample, Mutant, Outcome, Proof, claim
from ..language.operators import parametrised
from ..laws import accessible_directions
from ..provers.circuits import Circuit, evaluate
from ..provers.elimination import rank
from ..provers.evaluation import Objects, Values, entries as entries_of
from ..provers.finite_field import PRIMES
from ..provers.polynomials import Array, derivative, entries, inner, square_norm
from ..steps import Step, stepwise
from .minima import vanish
from .sources import MARCOTTE

Factors = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Structure:
    """An operator, names for its factors in their order, and its conserved quantities as functions of these."""

    name: str
    op: StructuredOperator
    letters: tuple[str, ...]
    laws: Callable[[Factors], list[Array]]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {letter: f.shape for letter, f in zip(self.letters, self.op.factors, strict=True)}

    @property
    def sizes(self) -> str:
        shapes = (f"{name} {'×'.join(map(str, shape))}" for name, shape in self.shapes.items())
        return f"{self.name}: {', '.join(shapes)}"

    def symbols(self, **extra: tuple[int, ...]) -> dict[str, Array]:
        """The factors with a symbol for every entry, and further arrays in the same ring."""
        return entries(**self.shapes, **extra)

    def weight(self, F: Factors) -> Array:
        """B(θ) for factors of polynomials."""
        expression, shapes = parametrised(self.op)
        given = zip(shapes.items(), self.letters, strict=True)
        arrays = {variable: F[letter].reshape(shape) for (variable, shape), letter in given}
        one = F[self.letters[0]].flat[0].ring.one
        return entries_of(expression, Values(Objects(one), arrays, {}))

    def flow(self, **extra: tuple[int, ...]) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        """θ, the gradient of ⟨G, B(θ)⟩ for a symbolic G, and further arrays in the same ring."""
        M = self.symbols(G=self.op.shape, **extra)
        θ = {letter: M[letter] for letter in self.letters}
        loss = inner(M["G"], self.weight(θ))
        return θ, {letter: derivative(loss, factor) for letter, factor in θ.items()}, M


def hadamard(size: int = 3) -> Structure:
    """u ∘ v with u_i² − v_i² for every entry."""
    ones = np.ones((size, 1))
    return Structure("u∘v", Hadamard(ones, ones), ("u", "v"), lambda F: [F["u"] ** 2 - F["v"] ** 2])


def kronecker(*shapes: tuple[int, int]) -> Structure:
    """V_1 ⊗ … ⊗ V_k with ‖V_l‖² − ‖V_{l+1}‖²."""
    letters = tuple(f"V{l}" for l in range(len(shapes)))
    return Structure(
        "⊗".join(letters),
        Kronecker(*map(np.ones, shapes)),
        letters,
        lambda F: [_square_norms(F[a]) - _square_norms(F[b]) for a, b in pairwise(letters)],
    )


def product(n: int = 3, r: int = 2, m: int = 4) -> Structure:
    """PQ with PᵀP − QQᵀ."""
    op = Chain(Dense(np.ones((n, r))), Dense(np.ones((r, m))))
    return Structure("PQ", op, ("P", "Q"), lambda F: [F["P"].T @ F["P"] - F["Q"] @ F["Q"].T])


def momentum_product(n: int = 3, r: int = 2, m: int = 2) -> Structure:
    """PQ with momentum: the antisymmetric P'ᵀP − PᵀP' + Q'Qᵀ − QQ'ᵀ, above its diagonal; dP and dQ are the velocities (T36)."""

    def laws(F: Factors) -> list[Array]:
        A = F["dP"].T @ F["P"] - F["P"].T @ F["dP"] + F["dQ"] @ F["Q"].T - F["Q"] @ F["dQ"].T
        return [A[np.triu_indices(r, 1)]]

    return replace(product(n, r, m), laws=laws)


def sum_of_kroneckers(left: tuple[int, int] = (2, 3), right: tuple[int, int] = (3, 2), terms: int = 2) -> Structure:
    """Σ V_i ⊗ W_i with the r × r matrix ⟨V_i, V_j⟩ − ⟨W_i, W_j⟩."""
    letters = [(f"V{i}", f"W{i}") for i in range(terms)]

    def laws(F: Factors) -> list[Array]:
        V, W = (np.stack([F[name].ravel() for name in side]) for side in zip(*letters, strict=True))
        return [_gram(V) - _gram(W)]

    op = SumOfKroneckers([(np.ones(left), np.ones(right))] * terms)
    return Structure(f"Σ V_i⊗W_i, r = {terms}", op, tuple(name for pair in letters for name in pair), laws)


def monarch(shape: tuple[int, int, int, int] = (2, 2, 2, 3), block_rank: int = 2) -> Structure:
    """Monarch of block rank r with U_jkᵀU_jk − V_jkV_jkᵀ of every slice U_jk V_jk."""
    p, k, q, s = shape

    def laws(F: Factors) -> list[Array]:
        U = F["L"].reshape(q, p, k, block_rank).transpose(0, 2, 3, 1)  # transposed slices: axes q, k, r, p
        V = F["R"].reshape(k, block_rank, q, s).transpose(2, 0, 1, 3)
        return [_gram(U[j, i]) - _gram(V[j, i]) for j in range(q) for i in range(k)]

    op = Monarch(np.ones((q, p, k * block_rank)), np.ones((k, q * block_rank, s)), rank=block_rank)
    return Structure(f"Monarch (p, k, q, s) = {shape}, r = {block_rank}", op, ("L", "R"), laws)


def mixer(tokens: int = 2, channels: int = 2, depth: int = 2) -> Structure:
    """B = (V_0⋯V_{L−1})ᵀ ⊗ (W_{L−1}⋯W_0): W_lW_lᵀ − W_{l+1}ᵀW_{l+1}, V_lᵀV_l − V_{l+1}V_{l+1}ᵀ, ‖V_0‖² − ‖W_0‖²."""

    def laws(F: Factors) -> list[Array]:
        W, V = ([F[f"{letter}{l}"] for l in range(depth)] for letter in "WV")
        inside = [a @ a.T - b.T @ b for a, b in pairwise(W)] + [a.T @ a - b @ b.T for a, b in pairwise(V)]
        return [*inside, _square_norms(V[0]) - _square_norms(W[0])]

    op = LinearMixer([np.ones((tokens, tokens))] * depth, [np.ones((channels, channels))] * depth)
    return Structure(
        f"linear Mixer, L = {depth}", op, tuple(f"{letter}{l}" for l in range(depth) for letter in "WV"), laws
    )


def prove_conserved(*structures: Structure) -> Outcome:
    """Every law of every structure has a time derivative that is the zero polynomial in θ and G."""
    for structure in structures:
        θ, slope, _ = structure.flow()
        for law in structure.laws(θ):
            rate = _rate(law, θ, {letter: -g for letter, g in slope.items()})
            if wrong := vanish(rate, 0 * rate, structure.sizes, "d/dt of the conserved quantity"):
                return wrong
    return Proof("; ".join(structure.sizes for structure in structures), "entrywise, any G")


def prove_drift_order(structure: Structure, order: int = 2) -> Outcome:
    """One gradient step of size η changes every law by a polynomial in η without terms below η^order.

    A path of time t has t/η steps, so the drift of gradient descent from the laws is O(η) at order 2.
    """
    θ, slope, M = structure.flow(eta=())
    η = M["eta"].item()
    moved = {letter: factor - slope[letter] * η for letter, factor in θ.items()}
    for before, after in zip(structure.laws(θ), structure.laws(moved), strict=True):
        for power in range(order):
            part = np.array([_coefficient(x, η, power) for x in (after - before).ravel()], object)
            if wrong := vanish(part, 0 * part, structure.sizes, f"the term in η^{power}"):
                return wrong
    return Proof(structure.sizes, f"a step changes the laws by terms in η^{order} and above only")


def prove_law_count(structure: Structure, count: int, flow: str = "gradient") -> Outcome:
    """dim θ − dim Lie(∇φ)(θ) = count at generic θ, and the laws of the structure number as many, independent ones.

    At a point modulo a prime, the rank of the algebra is at most the generic one, and so is that of the gradients of known laws;
    every field is orthogonal to every law. So when the two ranks add up to dim θ both are exact.
    """
    F, rng = PRIMES[0], np.random.default_rng(0)
    state, reached = accessible_directions(structure.op, flow, None, F, rng)
    circuit = Circuit()
    size = sum(f.size for f in structure.op.factors)
    speeds = {f"d{letter}": shape for letter, shape in structure.shapes.items()} if state > size else {}
    θ = {letter: circuit.inputs(shape) for letter, shape in {**structure.shapes, **speeds}.items()}
    laws = [law for array in structure.laws(θ) for law in array.ravel()]
    inputs = [node for array in θ.values() for node in array.ravel()]
    values = np.zeros((len(inputs), 1 + len(inputs), 1), np.uint64)
    values[:, 0, 0] = F.random(rng, (len(inputs),))
    values[np.arange(len(inputs)), 1 + np.arange(len(inputs)), 0] = 1
    independent = rank(evaluate(laws, inputs, values, F)[:, 1:, 0], F) if laws else 0
    found = {"dim θ": state, "dim Lie": reached, "independent laws": independent}
    if reached + independent != state:
        return Counterexample(
            structure.sizes, found, "the known laws and the Lie algebra do not fill the parameter space"
        )
    if independent != count:
        return Counterexample(structure.sizes, found, f"{independent} independent laws, {count} were claimed")
    return Proof(structure.sizes, f"dim θ = {state}, dim Lie = {reached}, {independent} independent laws")


def _rate(law: Array, at: Factors, velocity: Factors) -> Array:
    """⟨∂law/∂at, velocity⟩, entry by entry."""
    out = np.empty(law.shape, object)
    for index in np.ndindex(*law.shape):
        out[index] = sum((inner(derivative(law[index], at[n]), velocity[n]) for n in at), start=0)
    return out


def _coefficient(polynomial: Any, variable: Any, power: int) -> Any:
    """The polynomial in the other variables that multiplies variable**power."""
    position = polynomial.ring.gens.index(variable)
    return polynomial.ring.from_dict(
        {
            (*exponents[:position], 0, *exponents[position + 1 :]): value
            for exponents, value in polynomial.terms()
            if exponents[position] == power
        }
    )


def _gram(rows: Array) -> Array:
    return rows @ rows.T


def _square_norms(array: Array) -> Array:
    return np.array([square_norm(array)])


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
        MARCOTTE,
        (hadamard(),),
        {"u² + v²": replace(hadamard(), laws=lambda F: [F["u"] ** 2 + F["v"] ** 2])},
    ),
    _conserved(
        "Kronecker product",
        "Gradient flow conserves the differences of the squared norms of the factors.",
        r"\tfrac{d}{dt}(\|V\|_F^2-\|W\|_F^2)=0",
        MARCOTTE,
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
        "Saxe et al. 2014; Arora et al. 2019; " + MARCOTTE,
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
        MARCOTTE,
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
        MARCOTTE,
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
        "Arora et al. 2019; " + MARCOTTE,
        (mixer(2, 3, 2), mixer(2, 1, 3), mixer(1, 2, 3)),
        {"transposed balance": replace(mixer(), laws=lambda F: [F["W0"].T @ F["W0"] - F["W1"] @ F["W1"].T])},
        (mixer(2, 2, 3), mixer(3, 3, 2)),
    ),
    claim(
        "T19",
        "drift of gradient descent",
        "A gradient step of size η changes the laws by terms of order η² and above, so a path drifts from them at O(η).",
        r"Q(\theta-\eta\nabla)-Q(\theta)=O(\eta^2)",
        MARCOTTE,
        ENTRYWISE,
        partial(prove_drift_order, structure=product()),
        {
            "order η³": {"order": 3},
            "PᵀP + QQᵀ": {"structure": replace(product(), laws=lambda F: [F["P"].T @ F["P"] + F["Q"] @ F["Q"].T])},
            "PᵀP alone": {"structure": replace(product(), laws=lambda F: [F["P"].T @ F["P"]])},
        },
    ),
    *(
        claim(
            "T19",
            f"number of laws, {name}",
            f"{name} has {said}: dim θ − dim Lie(∇φ)(θ).",
            r"\#\text{laws}=\dim\theta-\dim\operatorname{Lie}(\nabla\varphi)(\theta)=" + latex,
            MARCOTTE,
            CERTIFICATE,
            partial(prove_law_count, structure=structure, count=count),
            {
                f"{count + 1} laws": {"count": count + 1},
                f"{count - 1} laws": {"count": count - 1},
                "a law left out": {"structure": without_a_law(structure)},
            },
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
