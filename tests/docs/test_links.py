"""The checker of links finds what is planted, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.links import check

SOUND = """<html><head><link rel="stylesheet" href="style.css"></head><body id="top">
<a href="other.html#there">on</a> <a href="#top">up</a> <a href="https://example.org/page">away</a> <a href="#">here</a>
<img src="picture.png" alt="A picture." srcset="picture.png 1x, picture.png 2x"></body></html>"""

PLANTED = {
    '<a href="gone.html">x</a>': "leads nowhere: gone.html",
    '<a href="other.html#nowhere">x</a>': "no such anchor: other.html#nowhere",
    '<a href="#nowhere">x</a>': "no such anchor: #nowhere",
    '<a href="../outside.html">x</a>': "leads nowhere: ../outside.html",
    '<script src="https://cdn.example.org/x.js"></script>': "<script> loads from elsewhere",
    '<link rel="stylesheet" href="//fonts.example.org/f.css">': "<link> loads from elsewhere",
    '<img src="https://example.org/x.png" alt="x">': "<img> loads from elsewhere",
    '<img srcset="picture.png 1x, https://example.org/x.png 2x" alt="x">': "<img> loads from elsewhere",
    "<style>body { background: url(https://example.org/x.png) }</style>": "<style> loads from elsewhere",
    "<p style=\"background: url('gone.png')\">x</p>": "leads nowhere: gone.png",
    '<img src="picture.png">': "an image without alt text: picture.png",
    '<img src="picture.png" alt=" ">': "an image without alt text: picture.png",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "outside.html").write_text("<html></html>", encoding="utf-8")
    (folder / "index.html").write_text(SOUND, encoding="utf-8")
    (folder / "other.html").write_text('<html><body><h1 id="there">There</h1></body></html>', encoding="utf-8")
    (folder / "style.css").write_text("@media print { body { background: url(picture.png) } }", encoding="utf-8")
    (folder / "picture.png").write_bytes(b"")
    return folder


def test_a_sound_site_has_no_problems(site: Path) -> None:
    assert check(site) == []


@pytest.mark.parametrize("markup", PLANTED)
def test_what_is_planted_is_found(site: Path, markup: str) -> None:
    (site / "index.html").write_text(SOUND.replace("</body>", markup + "</body>"), encoding="utf-8")
    (problem,) = check(site)
    assert problem.startswith("index.html:")
    assert PLANTED[markup] in problem


def test_a_style_sheet_that_loads_a_font_from_elsewhere_is_found(site: Path) -> None:
    (site / "style.css").write_text('@import "https://fonts.example.org/f.css";', encoding="utf-8")
    assert check(site) == ["style.css: <style> loads from elsewhere: https://fonts.example.org/f.css"]


def test_the_command_lists_problems_and_fails(site: Path, tmp_path: Path) -> None:
    (site / "index.html").write_text(SOUND.replace("other.html", "gone.html"), encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "docs.links", str(site)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "leads nowhere: gone.html#there" in done.stderr
    assert check(tmp_path / "empty") == [f"{tmp_path / 'empty'} holds no pages"]
