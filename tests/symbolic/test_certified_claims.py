"""Every entry T16–T27 holds, and its prover rejects every false neighbour with a counterexample."""

import pytest

from kronmix.symbolic import flow_claims, penalty_claims, sample_claims

CLAIMS = (*penalty_claims.CLAIMS, *flow_claims.CLAIMS, *sample_claims.CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.number} {claim.name}")
def test_claim_holds(claim):
    assert claim.prove().holds


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
    assert {claim.number for claim in CLAIMS} == {f"T{n}" for n in range(16, 28)}
    assert len({(claim.number, claim.name) for claim in CLAIMS}) == len(CLAIMS)
