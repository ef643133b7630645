"""What the repository's own files say: the changelog, how to contribute, how to cite."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]


def included(app: Sphinx, words: str) -> str:
    """A Markdown file of the repository; links to files that the site does not hold become plain text."""
    path = ROOT / words
    if not path.exists():
        return f"# {path.stem.capitalize()}\n\nThe repository holds no {words} yet."
    return re.sub(r"\[([^\]]+)\]\((?!https?:|#)[^)]*\)", r"\1", path.read_text(encoding="utf-8"))


def extras(app: Sphinx, words: str) -> str:
    """A table of the extras that users install, each with the libraries it asks for."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    users = {name: asked for name, asked in extras.items() if name not in ("dev", "docs")}
    rows = (f"| `{name}` | {', '.join(asked).replace(',', ', ').replace('  ', ' ')} |" for name, asked in users.items())
    return "\n".join(["| extra | asks for |", "|---|---|", *rows])


def citation(app: Sphinx, words: str) -> str:
    """CITATION.cff as it is, and as BibTeX."""
    path = ROOT / "CITATION.cff"
    if not path.exists():
        return "The repository holds no CITATION.cff yet."
    text = path.read_text(encoding="utf-8")
    fields = yaml.safe_load(text)
    people = [who.get("name") or f"{who['family-names']}, {who['given-names']}" for who in fields["authors"]]
    entry = {
        "title": f"{{{fields['title']}}}",
        "author": " and ".join(f"{{{name}}}" for name in people),
        "version": fields["version"],
    }
    if "date-released" in fields:
        entry["year"] = str(fields["date-released"])[:4]
    bibtex = "\n".join(["@software{kronmix,", *(f"  {name} = {{{value}}}," for name, value in entry.items()), "}"])
    return "\n".join(
        [
            f"```bibtex\n{bibtex}\n```",
            "",
            "The same in the Citation File Format, as the repository holds it:",
            "",
            f"```yaml\n{text.strip()}\n```",
        ]
    )
