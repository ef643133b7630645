"""Every entry holds, and its prover rejects every false neighbour with a counterexample."""

import pytest

from kronmix.symbolic.registry import all_claims

CLAIMS = all_claims()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.number} {claim.name}")
def test_claim_holds(claim):
    assert (claim.prove() if claim.at is None else claim.at(3, 4)).holds


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(mutant, id=f"{claim.number} {claim.name}: {mutant.name}")
        for claim in CLAIMS
        for mutant in claim.mutants
    ],
)
def test_mutant_is_rejected_with_values(mutant):
    wrong = mutant.prove()
    assert not wrong.holds
    assert wrong.values


def test_every_theorem_is_there():
    assert {claim.number for claim in CLAIMS} == {f"T{n}" for n in range(1, 38)}
    assert len({(claim.number, claim.name, claim.evidence) for claim in CLAIMS}) == len(CLAIMS)


def test_every_entry_has_three_false_neighbours_at_least():
    assert [f"{claim.number} {claim.name}" for claim in CLAIMS if len(claim.mutants) < 3] == []
