"""One source of the version."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import kronmix as km

ROOT = Path(__file__).parents[1]


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert (ROOT / project["tool"]["hatch"]["version"]["path"]).samefile(str(km.__file__))
    assert version("kronmix") == km.__version__


def test_the_citation_has_the_version() -> None:
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == km.__version__
