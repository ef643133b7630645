"""Displayed formulas that name a penalty stand beside what is computed with it, in the course and in the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kronmix as km
from docs.course import read, sources

SIZES, PENALTY = (2, 2, 2, 2), 0.4
TARGET = np.random.default_rng(0).normal(size=(4, 4))
STRENGTHS = np.random.default_rng(1).normal(size=(1, 6))


def slices(B: Any) -> Any:
    return B.reshape(2, 2, 2, 2).transpose(1, 2, 0, 3)


def joined(parts: Any) -> Any:
    return parts.transpose(2, 0, 1, 3).reshape(4, 4)


def nuclear() -> Any:
    """argmin ½‖B − T‖² + λ Σ‖slice‖_*."""
    U, σ, Vt = np.linalg.svd(slices(TARGET), full_matrices=False)
    return joined((U * np.maximum(σ - PENALTY, 0)[..., None, :]) @ Vt)


def group() -> Any:
    """argmin ½‖B − T‖² + λ Σ‖slice‖_F."""
    parts = slices(TARGET)
    norms = np.linalg.norm(parts, axis=(2, 3), keepdims=True)
    return joined(np.maximum(1 - PENALTY / norms, 0) * parts)


#: Formulas as they are displayed, spaces left out, with the solution of the problem on a fully observed target.
FORMULAS = {
    r"\sum\lVert\mathrm{slice}\rVert_*": nuclear,
    r"\sum\lVert\mathrm{slice}\rVert_F": group,
}


def _path(kind: str) -> Any:
    op = km.Monarch(*(np.random.default_rng(2).normal(size=(2, 2, 2)) for _ in range(2)))
    return km.regularization_path(km.Observed(TARGET), op, kind, [PENALTY], restarts=0).reference[0]


def _reference(name: str) -> Any:
    return km.reference_path(km.Observed(TARGET), name, [PENALTY], groups=SIZES).weights[0]


def _averaged() -> Any:
    op = km.Monarch(np.ones((2, 2, 4)), np.ones((2, 4, 2)), rank=2)  # full rank: nothing of the target is cut off
    return km.averaged_flow(op, TARGET, 1e-10, [PENALTY]).reference[0]


#: What a cell that computes slices' norms calls, and what that call draws as its convex problem.
CALLS: dict[str, Callable[[], Any]] = {
    r"regularization_path\(\w+, monarch\(": lambda: _path("decay"),
    r"averaged_flow\(start": _averaged,
    r"""(reference_path|interpolator)\(\w+, ["']nuclear""": lambda: _reference("nuclear"),
    r"""(reference_path|interpolator)\(\w+, ["']group""": lambda: _reference("group"),
}


def sections(source: Path) -> list[tuple[str, str]]:
    """Text and code of every section of a notebook."""
    out: list[tuple[str, str]] = []
    for cell in read(source).cells:
        if cell.cell_type == "markdown":
            for i, part in enumerate(re.split(r"^## ", cell.source, flags=re.MULTILINE)):
                if i or not out:
                    out.append((part, ""))
                else:
                    out[-1] = (out[-1][0] + part, out[-1][1])
        else:
            out[-1] = (out[-1][0], out[-1][1] + cell.source)
    return out


def displayed(text: str) -> list[str]:
    """The penalties that displayed formulas name."""
    formulas = [re.sub(r"\s", "", formula) for formula in re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL)]
    assert not [f for f in formulas if "mathrm{slice}" in f and not any(name in f for name in FORMULAS)], formulas
    return [name for formula in formulas for name in FORMULAS if name in formula]


CASES = [(source, *section) for source in sources() for section in sections(source) if displayed(section[0])]


@pytest.mark.parametrize(("source", "text", "code"), CASES, ids=lambda x: x.stem if isinstance(x, Path) else "")
def test_the_formula_displayed_is_the_problem_computed(source: Path, text: str, code: str) -> None:
    drawn = [solve() for call, solve in CALLS.items() if re.search(call, code)]
    assert drawn, text
    for name in displayed(text):
        assert any(np.allclose(found, FORMULAS[name](), atol=1e-6) for found in drawn), name


def test_every_notebook_on_slices_displays_its_penalty() -> None:
    assert {source.stem for source, _, _ in CASES} == {"07_regularisation_paths", "08_recovery"}
    assert not np.allclose(nuclear(), group(), atol=0.01)


def test_the_report_names_the_penalty_that_it_draws() -> None:
    op = km.Monarch(*(np.random.default_rng(2).normal(size=(2, 2, 2)) for _ in range(2)))
    assert km.induced_penalty(op).name == "sum of the slices' nuclear norms"
    assert np.allclose(_path("decay"), nuclear(), atol=1e-6)
    source = Path(km.__file__).parent / "report" / "regularization_sections.py"
    assert "induced_penalty(found.monarch).name" in source.read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", ["notebooks", "kronmix", "docs"])
def test_no_page_calls_monarchs_problem_a_group_lasso(folder: str) -> None:
    root = Path(__file__).parents[2]
    for page in [*(root / folder).rglob("*.py"), *(root / folder).rglob("*.md")]:
        text = " ".join(page.read_text(encoding="utf-8").replace("#", " ").split())
        for claim in (
            "exact group sparsity",
            "The reason is the norm",
            "convex group penalty",
            "the group lasso over slices",
        ):
            assert claim not in text, f"{page.name}: {claim}"
