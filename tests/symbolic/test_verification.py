"""Running entries: rows, failures, JSON, LaTeX, bad arguments."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

import kronmix as km
from kronmix.symbolic import VerificationReport, registry
from kronmix.symbolic.claims import EVIDENCE, PROVING, Claim, Counterexample, Mutant, Proof, Undecided
from kronmix.symbolic.latex import escape
from kronmix.symbolic.verification import run_claim

TRUE = Claim(
    "T1",
    "one",
    "x_1 & 50 % of ‖V ⊗ W‖",
    r"\|V\otimes W\|",
    "a source",
    "certificate at sizes",
    lambda: Proof("all", "by $ and #"),
    (Mutant("wrong", lambda: Counterexample("2", {"x": 1})),),
)


def test_row_of_a_true_claim():
    row = run_claim(TRUE)
    assert row.passes
    assert row.holds
    assert (row.mutants_rejected, row.mutants, row.accepted) == (1, ("wrong",), ())
    assert row.counterexample is None
    assert row.seconds >= 0


@pytest.mark.parametrize(
    "mutant", [lambda: Proof("all"), lambda: Counterexample("2", {}), lambda: (_ for _ in ()).throw(Undecided("hm"))]
)
def test_mutant_accepted_or_rejected_without_values_fails_the_report(mutant):
    row = run_claim(replace(TRUE, mutants=(Mutant("sly", mutant),)))
    report = VerificationReport((row,))
    assert row.holds
    assert not row.passes
    assert row.accepted == ("sly",)
    assert not report.holds
    assert report.failures == (row,)
    assert "FAIL" in repr(report)
    assert "sly" in report.to_latex()


def test_false_claim_shows_its_counterexample():
    row = run_claim(replace(TRUE, prove=lambda: Counterexample("S = 2", {"W": [[1]]}, "entry (0, 0)")))
    assert not row.passes
    assert row.counterexample == {"W": "[[1]]"}
    assert "Fails" in VerificationReport((row,)).to_latex()


def test_undecided_claim_does_not_hold():
    def prove():
        raise Undecided("neither proved nor refuted")

    row = run_claim(replace(TRUE, prove=prove))
    assert not row.passes
    assert "neither" in row.detail


def test_slow_and_size_choose_the_prover():
    claim = replace(TRUE, slow=lambda: Proof("large"), at=lambda S, C: Proof(f"{S}, {C}"))
    assert run_claim(claim).sizes == "all"
    assert run_claim(claim, slow=True).sizes == "large"
    assert run_claim(claim, (4, 5)).sizes == "4, 5"


def test_report_of_one_theorem():
    calls = []
    report = km.verify(16, progress=lambda done, total, name: calls.append((done, total, name)))
    assert report.holds
    assert {row.number for row in report.rows} == {"T16"}
    assert [done for done, _, _ in calls] == list(range(len(report.rows) + 1))
    parsed = json.loads(report.to_json())
    assert parsed["holds"] is True
    assert [row["name"] for row in parsed["rows"]] == [row.name for row in report.rows]


@pytest.mark.parametrize("theorems", ["T0", "T38", "x", ["T1", "__import__"], -3])
def test_unknown_theorem(theorems):
    with pytest.raises(ValueError, match="expected T1 to T37"):
        km.verify(theorems)


@pytest.mark.parametrize("size", [(1,), (0, 3), "ab", (2.5, 3), 7])
def test_bad_size(size):
    with pytest.raises(ValueError, match="two positive integers"):
        km.verify("T16", size=size)


def test_every_entry_is_complete():
    claims = registry.all_claims()
    assert len({(c.number, c.name, c.evidence) for c in claims}) == len(claims)
    for claim in claims:
        assert claim.evidence in EVIDENCE
        assert claim.mutants, claim
        assert all((claim.statement, claim.latex, claim.source))


def test_latex_of_every_entry_is_balanced_and_known(tmp_path):
    rows = [
        run_claim(replace(claim, prove=lambda: Proof("all"), mutants=(), slow=None)) for claim in registry.all_claims()
    ]
    rows = [
        replace(row, mutants=tuple(m.name for m in c.mutants))
        for row, c in zip(rows, registry.all_claims(), strict=True)
    ]
    text = VerificationReport(tuple(rows)).to_latex()
    assert text.isascii() or not re.search(r"[^\x00-\u017f]", text)
    assert "?" not in text
    for row in rows:
        assert row.latex.isascii(), row.latex
        assert_balanced(row.latex)
    assert_balanced(text)
    compiler = shutil.which("pdflatex")
    if compiler:
        (tmp_path / "verdicts.tex").write_text(text, encoding="utf-8")
        subprocess.run(
            [compiler, "-halt-on-error", "verdicts.tex"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL
        )


def test_latex_knows_every_character_of_what_the_provers_say():
    assert "?" not in km.verify(["T1", "T5", "T11", "T19", "T36"], size=(2, 3)).to_latex()


def assert_balanced(text):
    """Braces, environments, displays and dollars close in order."""
    stack = []
    closing = {"}": "{", r"\]": r"\[", r"\right": r"\left"}
    for token in re.findall(r"\\begin\{\w+\*?\}|\\end\{\w+\*?\}|\\left\b|\\right\b|\\[\[\]]|\\.|[{}$]", text):
        if token.startswith((r"\begin", r"\left", r"\[")) or token == "{":
            stack.append(token)
        elif token == "$":
            if stack and stack[-1] == "$":
                stack.pop()
            else:
                stack.append("$")
        elif token.startswith(r"\end"):
            assert stack.pop() == token.replace(r"\end", r"\begin")
        elif token in closing:
            assert stack, f"{token} closes nothing in {text}"
            assert stack.pop() == closing[token], text
    assert not stack, text


def test_escape_marks_what_it_does_not_know():
    assert escape("a_b ☃") == r"a\_b ?"


def test_sympy_is_loaded_only_when_asked():
    code = """
import sys, kronmix as km
km.vec; km.Kronecker
assert "sympy" not in sys.modules
km.verify
assert "kronmix.symbolic" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_proved_counts_neither_worked_cases_nor_numbers():
    rows = [run_claim(replace(TRUE, name=kind, evidence=kind)) for kind in EVIDENCE]
    report = VerificationReport((*rows, replace(rows[0], name="refuted", holds=False)))
    assert [[row.name for row in statement] for statement in report.proved] == [[kind] for kind in PROVING]
    assert f"{len(EVIDENCE) + 1} statements, 1 FAIL, {len(PROVING)} proved" in repr(report)
    parsed = json.loads(report.to_json())
    assert (parsed["statements"], parsed["proved"]) == (len(EVIDENCE) + 1, len(PROVING))
