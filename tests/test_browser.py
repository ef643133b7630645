"""What the browser tests look for is found where it is put, inside what is folded too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import AXE, assert_legible, look, needs_browser

PAGE = """<!doctype html><html lang="en"><title>x</title><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<style>body { background: #fff; color: #111 }</style>
<main><h1>x</h1><details><summary>more</summary>FOLDED</details></main></html>"""

pytestmark = [pytest.mark.slow, needs_browser]


@pytest.mark.parametrize(
    ("folded", "what"),
    [
        ('<p style="color: #888">grey</p>', "faint"),
        ('<div style="width: 1500px">wide</div>', "outside"),
        ('<img src="missing.png" alt="a picture">', "broken"),
        pytest.param(
            '<input type="range">', "barriers", marks=pytest.mark.skipif(not AXE.exists(), reason="no axe-core")
        ),
    ],
)
def test_what_keeps_a_page_from_being_read_is_told(folded: str, what: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "page.html").write_text(PAGE.replace("FOLDED", folded), encoding="utf-8")
    seen = look(site, tmp_path / "profile", "light")
    assert [page["width"] for page in seen] == [390, 1280]
    assert all(page[what] for page in seen)
    with pytest.raises(AssertionError, match=what):
        assert_legible(seen, "light")


def test_a_page_without_fault_can_be_read(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "page.html").write_text(PAGE.replace("FOLDED", "words"), encoding="utf-8")
    assert_legible(look(site, tmp_path / "profile", "light"), "light")
