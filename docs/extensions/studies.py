"""The page of studies: verdicts, intervals and figures, computed from the cells that are kept in ``analysis/results``."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from analysis.classification import said_of_rates
from analysis.power import Pilot
from analysis.results import draw, kept
from analysis.study import QUICK, Study, all_studies, find_study

#: Where the figures are drawn, beside the pages.
FOLDER = "auto_studies"


def page(app: Sphinx, words: str) -> str:
    """A section for every study of which results are kept."""
    return "\n\n".join(_section(app, study) for study in all_studies().values() if kept(study).cells)


def one(app: Sphinx, words: str) -> str:
    """The section of the study that ``words`` name."""
    return _section(app, find_study(words))


def verdicts(app: Sphinx, words: str) -> str:
    """One row for every study: question, verdict, smallest effect, seeds, power."""
    rows = ["| study | question | verdict | effect | seeds | power |", "|---|---|---|---|---|---|"]
    for study in all_studies().values():
        table = kept(study)
        if table.cells:
            seeds = len({cell.seed for cell in table.cells})
            rows.append(
                f"| [{study.name}](#{study.name}) | {study.question} | {study.decide(table).verdict} "
                f"| {study.smallest_effect:g} | {seeds} | {Pilot.load(study).power(study, seeds):.2f} |"
            )
    return "\n".join(rows)


def _section(app: Sphinx, study: Study) -> str:
    table = kept(study)
    outcome = study.decide(table)
    figure = Path(app.srcdir) / FOLDER / f"{study.name}.png"
    figure.parent.mkdir(exist_ok=True)
    draw(study, table, figure)
    configurations = len(study.configurations(QUICK))
    seeds, code = len({cell.seed for cell in table.cells}), table.cells[0].origin.code
    details = "\n".join(f"- {part}" for part in outcome.words.split("; "))
    return (
        f"### {study.name}\n\n{study.question} ({study.source})\n\n**{str(outcome.verdict).capitalize()}**:\n\n{details}\n\n"
        f"```{{image}} {FOLDER}/{study.name}.png\n:alt: {study.question}\n```\n\n"
        f"Quick preset, {configurations} configuration{'s' * (configurations > 1)}, {seeds} seed{'s' * (seeds > 1)} each, "
        f"code {code}; "
        f"power {Pilot.load(study).power(study, seeds):.2f} for an effect of {study.smallest_effect:g}. "
        f"{said_of_rates(table)}"
    )
