"""A site of one page and one picture builds, and a browser can read it; the whole site takes longer: ``test_site.py``."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from docs.extensions.course import lesson, plan
from docs.extensions.mathml import split_tag, to_mathml
from docs.links import check
from tests.browser import assert_legible, look, needs_browser

from .test_site import ROOT, build

PAGE = r"""# Small

% generate: api kronmix.vectorize

$$ \mathcal R(B) = \|B\| \tag{3} $$

```python
>>> 1 + 1
2

```

```{toctree}
auto_gallery/index
```
"""


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    gallery = folder / "pages" / "gallery"
    gallery.mkdir(parents=True)
    (folder / "pages" / "index.md").write_text(PAGE, encoding="utf-8")
    for name in ("GALLERY_HEADER.rst", "plot_02_commutation.py"):
        shutil.copy(ROOT / "docs" / "gallery" / name, gallery)
    return build(folder, folder / "pages")


def test_its_parts_are_there(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    for part in ("<math", 'id="kronmix.vec"', "doctest"):
        assert part in page
    assert "A permutation matrix of 24 rows" in (site / "auto_gallery" / "index.html").read_text(encoding="utf-8")
    assert check(site) == []


@needs_browser
def test_it_can_be_read(site: Path, tmp_path: Path) -> None:
    seen = look(site, tmp_path / "profile", "dark")
    assert len(seen) >= 2 * 3
    assert_legible(seen, "dark")


def test_a_plan_knows_headings_inside_a_cell(tmp_path: Path) -> None:
    """CASES 37: sections whose heading stands inside a text cell were lost."""
    cells = [
        nbformat.v4.new_markdown_cell("# 1 X\n\nWords.\n\n## First\n\n" + "word " * 330 + "\n\n## Second\n\nWords."),
        nbformat.v4.new_code_cell("1"),
        nbformat.v4.new_markdown_cell("## Exercises\n\n**1.1** Do.\n\n**1.2** Do."),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "01_x.ipynb")
    assert plan(lesson(tmp_path / "01_x.ipynb")) == [("Goals", 5), ("First", 3), ("Second", 1), ("Exercises", 20)]


def test_what_mathml_does_not_know_is_told() -> None:
    assert split_tag(r"x = y \tag{T1, T4}") == ("x = y", ["T1", "T4"])
    assert "&#x0211B;" in to_mathml(r"\mathcal R(B)")
    with pytest.raises(ValueError, match="foo"):
        to_mathml(r"\foo{x}")
