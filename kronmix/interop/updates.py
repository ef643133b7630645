"""What the factors of one adapted layer are as a matrix: LoRA, LoKr, LoHa before their scale.

Weights are seen as out × in·kh·kw, the columns in the order (in, kh, kw), as reshaping a convolution's weight gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from ..operators import Chain, Kronecker, KroneckerSparse, LowRank, LowRankHadamard, Permutation, StructuredOperator
from ..operators.arrays import Array

Parts = Mapping[str, Array]


@dataclass(frozen=True)
class Update:
    """ΔW up to its scale.

    Attributes
    ----------
    operator : StructuredOperator
        Of shape out × in·kh·kw.
    shape : tuple of int
        Of the weight as far as the file tells it: (out, in), or (out, in, kh, kw).
    rank : int or None
        What alpha is divided by; None where no factor is decomposed.
    """

    operator: StructuredOperator
    shape: tuple[int, ...]
    rank: int | None


@dataclass(frozen=True)
class Kind:
    """One kind of adapter: the names of its factors, and what they make.

    Attributes
    ----------
    name : str
    choices : tuple of tuples of tuples of names
        One set of each group must be there, whole.
    optional : tuple of tuples of names
        Sets that may be there, whole.
    build : function of the factors
    """

    name: str
    choices: tuple[tuple[tuple[str, ...], ...], ...]
    optional: tuple[tuple[str, ...], ...]
    build: Callable[[Parts], Update]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name a factor may have."""
        sets = [names for group in self.choices for names in group] + list(self.optional)
        return tuple(name for names in sets for name in names)

    def update(self, parts: Parts, where: str) -> Update:
        """ΔW of one layer, up to its scale.

        Raises
        ------
        ValueError
            If a factor is missing, is not there alone, or has a shape that does not fit.
        """
        used: set[str] = set()
        for group in self.choices:
            whole = [names for names in group if all(name in parts for name in names)]
            if not whole:
                wanted = " or ".join(" and ".join(names) for names in group)
                raise ValueError(f"{where} has {', '.join(sorted(parts))}: {self.name} also needs {wanted}")
            used |= set(whole[0])
        for names in self.optional:
            there = [name for name in names if name in parts]
            if there and len(there) < len(names):
                missing = ", ".join(name for name in names if name not in parts)
                raise ValueError(f"{where} has {', '.join(there)} but not {missing}")
            used |= set(there)
        left = [name for name in parts if name not in used]
        if left:
            raise ValueError(f"{where} has both {' and '.join(sorted(used))} and {' and '.join(left)}")
        for name in used:
            if parts[name].ndim < 2 or parts[name].size == 0:
                raise ValueError(
                    f"{where}: {name} has shape {parts[name].shape}, expected at least two axes, none empty"
                )
        try:
            return self.build(parts)
        except ValueError as error:
            shapes = ", ".join(f"{name} {parts[name].shape}" for name in sorted(used))
            raise ValueError(f"{where}: shapes do not fit each other: {shapes} ({error})") from error


def lora(down: str, up: str, *middle: str) -> Kind:
    """LoRA, ΔW = up @ down; with a Tucker core, down and up act on channels and the core holds the kernel."""

    def build(parts: Parts) -> Update:
        B, A, kernel = flat(parts[up]), parts[down], parts[down].shape[2:]
        for core in (parts[name] for name in middle if name in parts):
            kernel = core.shape[2:]
            A = np.einsum("ij...,jc->ic...", core, flat(A))
        return Update(LowRank(B, flat(A)), (len(B), A.shape[1], *kernel), len(A))

    return Kind("LoRA", (((down,),), ((up,),)), (middle,) if middle else (), build)


def _lokr_update(parts: Parts) -> Update:
    """W₁ ⊗ W₂, each stored whole or as a product of two, W₂ possibly with a convolution's core."""
    W1 = (parts["lokr_w1"],) if "lokr_w1" in parts else (parts["lokr_w1_a"], parts["lokr_w1_b"])
    kernel: tuple[int, ...] = ()
    if "lokr_t2" in parts:
        if "lokr_w2" in parts:
            raise ValueError("lokr_t2 is the core of lokr_w2_a and lokr_w2_b, not of lokr_w2")
        core, b = parts["lokr_t2"], parts["lokr_w2_b"]
        kernel = core.shape[2:]
        W2: tuple[Array, ...] = (parts["lokr_w2_a"].T, flat(np.einsum("ij...,jd->id...", core, b)))
    elif "lokr_w2" in parts:
        kernel = parts["lokr_w2"].shape[2:]
        W2 = (flat(parts["lokr_w2"]),)
    else:
        W2 = (parts["lokr_w2_a"], flat(parts["lokr_w2_b"]))
    # alpha is divided by the rank of the first factor if that is decomposed, else by the second's.
    rank = len(W1[1]) if len(W1) == 2 else len(W2[1]) if len(W2) == 2 else None
    operator = _kronecker(W1, W2)
    return Update(operator, (operator.shape[0], operator.shape[1] // prod(kernel), *kernel), rank)


def _kronecker(W1: tuple[Array, ...], W2: tuple[Array, ...]) -> StructuredOperator:
    """W₁ ⊗ W₂ where either may be a product of two: (a ⊗ c)(b ⊗ d), with an identity in place of what is not there."""
    left = Kronecker(W1[0], W2[0])
    if len(W1) == len(W2) == 1:
        return left
    if len(W1) == len(W2) == 2:
        return Chain(left, Kronecker(W1[1], W2[1]))
    if len(W2) == 2:
        return Chain(left, KroneckerSparse(W2[1][None, None], (W1[0].shape[1], *W2[1].shape, 1)))
    return Chain(left, KroneckerSparse(W1[1][None, None], (1, *W1[1].shape, W2[0].shape[1])))


def _loha_update(parts: Parts) -> Update:
    """(a₁b₁) ⊙ (a₂b₂), possibly with a convolution's cores."""
    factors, kernel = [], tuple[int, ...]()
    for i in (1, 2):
        a, b = parts[f"hada_w{i}_a"], parts[f"hada_w{i}_b"]
        if "hada_t1" in parts:
            core = parts[f"hada_t{i}"]
            a, b, kernel = a.T, np.einsum("ij...,jc->ic...", core, b), core.shape[2:]
        factors += [a, flat(b)]
    operator = LowRankHadamard(*factors)
    return Update(operator, (operator.shape[0], operator.shape[1] // prod(kernel), *kernel), len(parts["hada_w1_b"]))


#: Kronecker products of two small matrices (Edalati et al. 2022; Yeh et al., LyCORIS, 2024).
LOKR = Kind(
    "LoKr",
    ((("lokr_w1",), ("lokr_w1_a", "lokr_w1_b")), (("lokr_w2",), ("lokr_w2_a", "lokr_w2_b"))),
    (("lokr_t2",),),
    _lokr_update,
)
#: Entrywise products of two low-rank matrices (Hyeon-Woo et al. 2022; Yeh et al., LyCORIS, 2024).
LOHA = Kind(
    "LoHa",
    ((("hada_w1_a",),), (("hada_w1_b",),), (("hada_w2_a",),), (("hada_w2_b",),)),
    (("hada_t1", "hada_t2"),),
    _loha_update,
)


def swapped_kronecker(update: Update, sizes: tuple[int, int, int, int], kernel: int) -> Update:
    """PEFT's LoKr of a Conv1d with a full second factor: it is the second factor that comes out as the outer one.

    Rows (i_b, i_a) and columns (i_d, i_c, kernel) in place of (i_a, i_b) and (i_c, i_d, kernel): the same products of entries
    at permuted places.
    """
    a, b, c, d = sizes
    rows = np.arange(a * b).reshape(a, b).T.ravel()
    columns = np.arange(c * d * kernel).reshape(d, c, kernel).transpose(1, 0, 2).ravel()
    operator = Chain(Permutation(rows), update.operator, Permutation(columns))
    return Update(operator, update.shape, update.rank)


def flat(array: Array) -> Array:
    """Every axis after the first as one."""
    return array.reshape(len(array), -1)
