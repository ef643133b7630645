"""T1 to T15 entry by entry and modulo primes: true statements hold, false neighbours never do."""

from __future__ import annotations

from typing import Any

import pytest

import kronmix as km
from kronmix.symbolic.claims import ALL_SIZES, ENTRYWISE, FINITE_FIELD
from kronmix.symbolic.registry import find_claims
from kronmix.symbolic.steps import prove_modulo_primes

CLAIMS = find_claims(range(1, 16))


def named(claim: Any) -> str:
    return f"{claim.number} {claim.name}"


def chosen(evidence: str) -> Any:
    return pytest.mark.parametrize("claim", [c for c in CLAIMS if c.evidence == evidence], ids=named)


def assert_refutes_all(claim: Any) -> None:
    for mutant in claim.mutants:
        outcome = mutant.prove()
        assert not outcome.holds, mutant.name
        assert outcome.values, mutant.name


@chosen(ENTRYWISE)
def test_entry_by_entry(claim: Any) -> None:
    proof = claim.prove()
    assert proof.holds
    assert proof.error_probability == 0
    assert_refutes_all(claim)


@chosen(ENTRYWISE)
def test_the_slow_run_holds_at_more_sizes(claim: Any) -> None:
    slow = claim.slow()
    assert slow.holds
    assert slow.sizes.startswith(claim.prove().sizes + ", ") or claim.number in (
        "T8",
        "T13",
    )  # other sizes, not more of them


@chosen(FINITE_FIELD)
@pytest.mark.parametrize("size", [(1, 1), (3, 4), (5, 2)])
def test_modulo_primes(claim: Any, size: tuple[int, int]) -> None:
    proof = claim.at(*size)
    assert proof.holds
    assert proof.error_probability < 1e-15
    # Commutation matrices alone, small enough to compare entry by entry, leave nothing to chance.
    assert (proof.error_probability == 0) == (claim.name in ("transpose", "inverse"))
    assert_refutes_all(claim)


def test_a_default_run_uses_the_sizes_of_a_real_mixer() -> None:
    (row,) = (r for r in km.verify("T4").rows if r.evidence == FINITE_FIELD)
    assert row.sizes == "S = 196, C = 768"
    assert row.passes
    assert 0 < row.error_probability < 1e-15


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutant",
    [
        mutant
        for claim in CLAIMS
        for mutant in claim.mutants
        if claim.evidence == FINITE_FIELD and mutant.name in ("factors swapped", "the transpose slip", "sizes swapped")
    ],
    ids=lambda mutant: mutant.name,
)
def test_mutants_are_refuted_at_the_sizes_of_a_real_mixer(mutant: Any) -> None:
    assert not prove_modulo_primes(mutant.prove.args[0], {"S": 196, "C": 768}).holds


def test_every_statement_for_tokens_and_channels_is_proved_in_two_ways() -> None:
    everywhere = {
        named(claim) for claim in CLAIMS if claim.evidence == ALL_SIZES and claim.number not in ("T6", "T7", "T8")
    }
    real = {named(claim) for claim in CLAIMS if claim.evidence == FINITE_FIELD}
    # tr(MᵀM) of a Kronecker product has m² entries on the way.
    assert everywhere - real == {"T15 Frobenius norm"}
