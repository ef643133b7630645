"""Check a built site: ``python -m docs.links out/docs/html`` exits 1 and lists what is wrong.

Every local link and anchor leads somewhere, nothing is loaded from another host, and every image says what it shows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes that lead somewhere or load something.
_ATTRIBUTES = ("href", "src", "srcset", "poster", "data", "xlink:href")
#: Tags whose links a reader follows; every other tag loads what it names.
_FOLLOWED = ("a", "area")
_CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """What a page holds: its anchors, its links (line, tag, target) and its images without words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[int, str, str]] = []
        self.silent: list[tuple[int, str]] = []
        self._in_style = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in one tag."""
        values = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        self._in_style = tag == "style"
        self.anchors.update(
            values[name] for name in ("id", "name") if values.get(name) and (name == "id" or tag == "a")
        )
        for name in _ATTRIBUTES:
            if name in values:
                self.links += [(line, tag, target) for target in _targets(name, values[name])]
        self.links += [(line, "style", target) for target in _css_targets(values.get("style", ""))]
        if tag == "img" and not values.get("alt", "").strip():
            self.silent.append((line, values.get("src", "")))

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag."""
        self._in_style = False

    def handle_data(self, data: str) -> None:
        """Take in the text of a style sheet within the page."""
        if self._in_style:
            self.links += [(self.getpos()[0], "style", target) for target in _css_targets(data)]


def check(folder: Path) -> list[str]:
    """What is wrong with the site in a folder, one line each."""
    _read.cache_clear()
    root = folder.resolve()
    pages = sorted(root.rglob("*.html"))
    if not pages:
        return [f"{folder} holds no pages"]
    problems = []
    for path in pages:
        name, page = path.relative_to(root), _read(path)
        problems += [f"{name}:{line}: an image without alt text: {source}" for line, source in page.silent]
        problems += [
            f"{name}:{line}: {wrong}"
            for line, tag, target in page.links
            if (wrong := _fault(root, path, tag, target)) is not None
        ]
    for path in sorted(root.rglob("*.css")):
        for target in _css_targets(path.read_text(encoding="utf-8")):
            if (wrong := _fault(root, path, "style", target)) is not None:
                problems.append(f"{path.relative_to(root)}: {wrong}")
    return problems


def _fault(root: Path, source: Path, tag: str, target: str) -> str | None:
    """Why a link of a file is wrong, or None."""
    parts = urlsplit(target)
    if parts.scheme in ("data", "mailto"):
        return None
    if parts.scheme or parts.netloc:
        return None if tag in _FOLLOWED else f"<{tag}> loads from elsewhere: {target}"
    path = (source.parent / unquote(parts.path)).resolve() if parts.path else source
    if path.is_dir():
        path /= "index.html"
    if not path.is_relative_to(root) or not path.exists():
        return f"leads nowhere: {target}"
    anchor = unquote(parts.fragment)
    if anchor and path.suffix == ".html" and anchor not in _read(path).anchors:
        return f"there is no such anchor: {target}"
    return None


@cache
def _read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def _targets(attribute: str, value: str) -> list[str]:
    if attribute != "srcset":
        return [value.strip()]
    return [candidate.split()[0] for candidate in value.split(",") if candidate.strip()]


def _css_targets(text: str) -> Iterator[str]:
    for found in _CSS.finditer(text):
        target = (found[1] or found[2]).strip()
        if not target.startswith(("#", "data:")):
            yield target


def main() -> None:
    """Check the site that is named."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m docs.links FOLDER")
    problems = check(Path(sys.argv[1]))
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main()
