"""The HTML page of ``kronmix report``: results in, one self-contained file out; nothing is computed here."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..extras import needed

with needed("kronmix.report"):
    import jinja2  # noqa: F401
    import matplotlib  # noqa: F401

from . import (
    data_sections,
    front_sections,
    network_sections,
    photograph_sections,
    proof_sections,
    regularization_sections,
    study_sections,
    training_sections,
    weight_sections,
)
from .attempts import Attempts, Failure
from .findings import (
    PRESETS,
    Findings,
    study_images,
    study_matrices,
    study_network,
    study_table,
    study_weights,
    with_photographs,
)
from .page import Page, Section
from .records import as_arrays, as_record
from .studies import find_studies
from .verdicts import verdict
from .words import count

__all__ = [
    "PRESETS",
    "SECTIONS",
    "Findings",
    "build_page",
    "find_studies",
    "study_images",
    "study_matrices",
    "study_network",
    "study_table",
    "study_weights",
    "with_photographs",
    "write_report",
]

#: Sections in the order of the page, each with what it cannot do without; to add one, append it.
SECTIONS: tuple[tuple[Callable[[Findings], Section], str], ...] = (
    (front_sections.fronts, "fronts"),
    (training_sections.task, "restoration"),
    (weight_sections.effective_weight, "inspection"),
    (training_sections.structures, "restoration"),
    (data_sections.path, "table"),
    (data_sections.matrices, "matrices"),
    (weight_sections.factors, "inspection"),
    (weight_sections.spectrum, "inspection"),
    (weight_sections.widths, "inspection"),
    (training_sections.sparsity, "inspection"),
    (regularization_sections.regularization, "regularized"),
    (photograph_sections.photographs, "photographs"),
    (network_sections.layers, "network"),
    (network_sections.spectra, "network"),
    (network_sections.training, "history"),
    (study_sections.studies, "studies"),
    (proof_sections.proofs, "proofs"),
)


def build_page(findings: Findings) -> Page:
    """Assemble the page: a section for everything that the findings hold, in the order of ``SECTIONS``.

    Parameters
    ----------
    findings : Findings
        Of ``study_images``, ``study_weights`` or ``study_network``.

    Returns
    -------
    Page
        ``.sections`` with their figures drawn, and ``.to_html()``.

    Examples
    --------
    >>> from kronmix.report import build_page, study_weights
    >>> page = build_page(study_weights(np.eye(3), np.diag([1.0, 2.0]), "two small weights"))
    >>> [section.name for section in page.sections]
    ['fronts', 'effective-weight', 'factors', 'spectrum', 'widths', 'sparsity']
    """
    attempt = Attempts(list(findings.failures))
    chosen = [(draw, draw.__name__.replace("_", " ")) for draw, needs in SECTIONS if getattr(findings, needs)]
    sections = [attempt(name, partial(draw, findings)) for draw, name in chosen]
    box = attempt("the verdict", lambda: verdict(findings))
    failed = tuple(map(_failed, attempt.failures))
    return Page(
        title=_title(findings),
        lead=_first_sentence(findings),
        sections=(*(section for section in sections if section is not None), *failed),
        footer=f"Made by kronmix from {findings.source}.",
        verdict=box,
        made=findings.made,
        files=("results.json", "arrays.npz"),
    )


def _failed(failure: Failure) -> Section:
    """What stands where a part could not be made."""
    name = "".join(letter if letter.isalnum() else "-" for letter in failure.part)
    words = f"This part could not be made: {failure.why}. The others do not depend on it."
    return Section(f"failed-{name}", f"Not shown: {failure.part}", words)


def _title(findings: Findings) -> str:
    if findings.restoration is not None:
        return "What structured weights are worth on these images"
    if findings.table is not None or findings.comparison is not None:
        return "What structured weights are worth on this table"
    if findings.matrices:
        return "Which structure these matrices have"
    if findings.network is not None and findings.network.shape is None:
        return "Which structure this network has"
    return "A Mixer is a wide, sparse MLP"


def write_report(findings: Findings, folder: Path) -> None:
    """Write ``index.html``, ``results.json`` and ``arrays.npz`` into a folder (a staged one: see ``files.staged_folder``).

    Parameters
    ----------
    findings : Findings
        Of ``study_images``, ``study_weights`` or ``study_network``.
    folder : pathlib.Path
        Exists already; files of these names in it are replaced.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from kronmix.report import study_weights, write_report
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> write_report(study_weights(np.eye(3), np.diag([1.0, 2.0]), "two small weights"), folder)
    >>> sorted(file.name for file in folder.iterdir())
    ['arrays.npz', 'index.html', 'results.json']
    """
    (folder / "index.html").write_text(build_page(findings).to_html(), encoding="utf-8")
    (folder / "results.json").write_text(
        json.dumps(as_record(findings), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        encoding="utf-8",
    )
    np.savez_compressed(folder / "arrays.npz", **as_arrays(findings))  # type: ignore[arg-type]


def _first_sentence(findings: Findings) -> str:
    if findings.matrices:
        return f"Every matrix in {findings.source} beside the nearest Kronecker product, Monarch matrix and low rank."
    if findings.comparison is not None and findings.restoration is None:
        return f"Structured weights, lasso, ridge, early-stopped dense and low rank on the same held-out rows of {findings.source}."
    seen = findings.inspection
    if seen is None:
        return f"The network in {findings.source}, layer by layer: each as the one matrix that it is."
    if findings.restoration is not None:
        return (
            f"Five ways to parametrise one linear map, trained side by side to restore {findings.source}: what they "
            "cost, what they find, and what the Mixer among them looks like from the inside."
        )
    rows, columns = seen.effective.shape
    S, C = seen.mixer.input_shape
    return (
        f"The weights in {findings.source}, seen as what they are: one {count(rows)} × {count(columns)} matrix "
        f"acting on {S} tokens × {C} channels, with {count(seen.effective.n_parameters)} free numbers."
    )
