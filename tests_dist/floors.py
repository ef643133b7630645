"""Prints every lower bound of pyproject.toml as a pin, one a line: what ``make test-floors`` lets pip install."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any


def floors(project: dict[str, Any]) -> list[str]:
    """``name==floor`` of everything the ``[project]`` table asks for, extras of its own left out."""
    asked = chain(project["dependencies"], *project["optional-dependencies"].values())
    others = {line for line in asked if not line.startswith(f"{project['name']}[")}
    return sorted({re.sub(r"\[.*?\]", "", line).replace(">=", "==") for line in others})


if __name__ == "__main__":
    pyproject = Path(__file__).resolve().parents[1] / "pyproject.toml"
    print("\n".join(floors(tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"])))
