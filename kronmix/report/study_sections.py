"""The section of studies."""

from __future__ import annotations

from .findings import Findings
from .page import Figure, Section, picture


def studies(findings: Findings) -> Section:
    """Each study's question, outcome and figure."""
    figures = tuple(
        Figure(
            (picture(study.figure, f"{study.name}: {study.question}", 640),),
            f"error bars of {study.name}, {study.preset} preset: 95 % t intervals over seeds.",
            f"{study.question} {study.outcome[:1].upper()}{study.outcome[1:]}",
        )
        for study in findings.studies
    )
    explanation = (
        "What was found by the studies in this folder: one question each, error bars are 95 % t intervals over seeds, and "
        "the verdicts are computed from the tables."
    )
    return Section("studies", "Studies", explanation, figures)
