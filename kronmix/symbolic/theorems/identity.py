"""One identity of matrices, proved by several kinds of evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from ..claims import ALL_SIZES, ENTRYWISE, FINITE_FIELD, Claim, Mutant, Outcome
from ..provers.statements import Sizes, Statement, prove_entries, prove_for_all_sizes, prove_modulo_primes

__all__ = ["identity"]

#: Tokens and channels of Mixer-B/16, where the finite-field proofs are made by default.
_REAL = (196, 768)


#: Factors on the right side of every identity that make it false.
_NEAR = {"1 % more": Fraction(101, 100), "the opposite sign": Fraction(-1)}


def _scaled(sides: Callable[..., tuple[Any, Any]], factor: Fraction, *sizes: Any) -> tuple[Any, Any]:
    left, right = sides(*sizes)
    return left, factor * right


def identity(
    number: str,
    name: str,
    statement: str,
    latex: str,
    source: str,
    sides: Statement,
    names: str,
    small: Sequence[Sizes],
    mutants: dict[str, dict[str, Any]],
    real: Callable[[int, int], Sizes] | None = None,
    large: Sequence[Sizes] | None = None,
) -> tuple[Claim, ...]:
    """One statement by each kind of evidence: for all sizes; entry by entry where ``large`` gives the sizes of the slow run;
    modulo primes where ``real`` gives its sizes for S tokens and C channels.
    """

    def claim(
        evidence: str, prove: Callable[[Statement], Outcome], at: Any = None, whole: Any = None, slow: Any = None
    ) -> Claim:
        wrong = {words: partial(sides, **options) for words, options in mutants.items()}
        wrong |= {words: partial(_scaled, sides, factor) for words, factor in _NEAR.items()}
        false = tuple(Mutant(words, partial(prove, other)) for words, other in wrong.items())
        proved = whole or partial(prove, sides)
        return Claim(number, name, statement, latex, source, evidence, proved, false, slow=slow, at=at)

    claims = [claim(ALL_SIZES, partial(prove_for_all_sizes, names=names, small=small))]
    if large is not None:
        slow = partial(prove_entries, sides, names, [*small, *large])
        claims.append(claim(ENTRYWISE, partial(prove_entries, names=names, small=small), slow=slow))
    if real is not None:

        def at(S: int, C: int) -> Outcome:
            return prove_modulo_primes(sides, names, real(S, C))

        # A mutant differs at the last of the small sizes already: no need to refute it at the real ones.
        claims.append(
            claim(FINITE_FIELD, partial(prove_modulo_primes, names=names, sizes=small[-1]), at, partial(at, *_REAL))
        )
    return tuple(claims)
