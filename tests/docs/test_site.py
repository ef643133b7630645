"""The site builds without a warning, its links lead somewhere, and a browser shows every page, light and dark, at two widths."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from sphinx.util.inventory import InventoryFile

from docs.extensions import student, theory
from docs.extensions.api import public_names
from docs.extensions.course import lesson, notebooks, plan
from docs.links import check
from docs.sliders import PAGES
from tests.browser import assert_legible, look, needs_browser

from .test_docstrings import ROOMS
from .test_pages import ABOVE, PAGES as PAGES_WRITTEN, documented, examples_in, examples_of

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def build(folder: Path, pages: str | Path = "docs") -> Path:
    """The site of these pages, built as ``make docs`` builds it; warnings are errors."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", "docs"]
    command += ["-d", str(folder / "doctrees"), str(pages), str(folder / "html")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder / "html"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, built once where several processes share the tests: pictures of the gallery are drawn beside the pages."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return build(tmp_path_factory.mktemp("site"))
    folder = tmp_path_factory.getbasetemp().parent / "site"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "built").exists():
            build(folder)
            (folder / "built").touch()
    return folder / "html"


def test_links_anchors_and_images_are_sound(site: Path) -> None:
    assert check(site) == []


def test_every_theorem_has_its_anchor_and_its_verdict(site: Path) -> None:
    page = (site / "theory.html").read_text(encoding="utf-8")
    numbers = {row["number"].lower() for row in theory.verdicts()}
    assert len(numbers) > 30
    assert {number for number in numbers if f'id="{number}"' not in page} == set()
    assert page.count(">holds<") == len(theory.verdicts())
    assert "FAILS" not in page
    assert "ACCEPTED" not in page


def test_numbers_of_theorems_in_prose_lead_to_their_entries(site: Path) -> None:
    page = (site / "how-to" / "my-matrix.html").read_text(encoding="utf-8")
    assert {number for number in ("t31", "t32") if f'theory.html#{number}"' not in page} == set()


def shown_examples(page: str) -> set[str]:
    """The examples in Python on a page, without the lines that only the copy button brings."""
    found = re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    bare = (re.sub(r'<span class="needs">.*?</span>', "", block, flags=re.DOTALL) for block in found)
    texts = (html.unescape(re.sub(r"<[^>]+>", "", block)).strip() for block in bare)
    return {text for text in texts if text.startswith(">>> ")}


def test_every_example_on_the_site_is_one_that_was_pasted(site: Path) -> None:
    run = {text.strip() for page in (*PAGES_WRITTEN, *ABOVE) for text in examples_of(page)}
    for thing in documented().values():  # Sphinx shows them without what is said to doctest
        run |= {re.sub(r"<BLANKLINE>|\s*# doctest: .*", "", text).strip() for text in examples_in(thing, skipped=True)}
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    shown = {page: shown_examples(page.read_text(encoding="utf-8")) for page in pages}
    assert sum(map(len, shown.values())) > 50
    assert {page.name: sorted(texts - run) for page, texts in shown.items() if texts - run} == {}


def test_every_public_name_can_be_referred_to(site: Path) -> None:
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    known = {name for kind, names in inventory.data.items() if kind.startswith("py:") for name in names}
    assert {name for room in ROOMS for name in public_names(room)} <= known


def test_solutions_are_folded_and_ask_to_be_shown(site: Path) -> None:
    for source in notebooks():
        page = (site / "course" / f"{source.stem}.html").read_text(encoding="utf-8")
        assert page.count("Show the solution") >= lesson(source).exercises
        assert "<details open" not in page


def test_the_course_page_says_what_the_notebooks_say(site: Path) -> None:
    page = (site / "course" / "index.html").read_text(encoding="utf-8")
    for source in notebooks():
        taught = lesson(source)
        assert taught.goals.count("- ") >= 3
        assert (
            f"{sum(minutes for _, minutes in plan(taught))} minutes, an estimate ({taught.exercises} exercises)" in page
        )
        lesson_page = (site / "course" / f"{source.stem}.html").read_text(encoding="utf-8")
        for name in (source.name, f"{source.stem}{student.SUFFIX}"):
            assert re.search(rf'href="../_downloads/[^"]*/{name}"', lesson_page)


def test_pages_with_a_slider_stand_beside_their_notebooks(site: Path) -> None:
    for page in PAGES:
        made = (site / "course" / "sliders" / f"{page.name}.html").read_text(encoding="utf-8")
        assert 'type="range"' in made
        assert "results.json" not in made
        (notebook,) = (site / "course").glob(f"{page.notebook:02}_*.html")
        assert f'href="sliders/{page.name}.html"' in notebook.read_text(encoding="utf-8")


def test_formulas_are_mathml_with_their_numbers_beside_them(site: Path) -> None:
    page = (site / "course" / "01_mixing_is_kronecker.html").read_text(encoding="utf-8")
    assert (
        '<span class="formula-number">(<a href="../theory.html#t1">T1</a>, <a href="../theory.html#t4">T4</a>)' in page
    )
    assert "\\tag" not in re.sub(r'alttext="[^"]*"', "", page)
    assert "<math" in page
    assert not re.search(r"<script[^>]*mathjax", page, re.IGNORECASE)


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read(site: Path, tmp_path: Path, scheme: str) -> None:
    seen = look(site, tmp_path / "profile", scheme)
    assert len(seen) >= 2 * 40
    assert_legible(seen, scheme)
