"""The commands as they are: their help, and examples run in a temporary folder while the page is built."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sphinx.application import Sphinx

from .kept import kept

#: Characters in a line of output: what a code block shows on a desktop without scrolling.
WIDTH = 80


def environment() -> dict[str, str]:
    """Variables under which ``kronmix`` is the one beside this Python, plain and of a fixed width."""
    folder = Path(sys.executable).parent
    return os.environ | {
        "COLUMNS": str(WIDTH),
        "NO_COLOR": "1",
        "TERM": "dumb",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def output_of(line: str, folder: Path) -> str:
    """What a command line prints; one that fails raises RuntimeError."""
    done = subprocess.run(
        line, shell=True, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise RuntimeError(f"$ {line}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return "\n".join(text.rstrip() for text in done.stdout.strip("\n").splitlines())


def help_of(app: Sphinx, words: str) -> str:
    """The help of one command."""
    return run(app, f"kronmix {words} --help")


def run(app: Sphinx, words: str) -> str:
    """Command lines separated by ``;;``, run one after the other in an empty folder, and what the last one prints."""
    lines = [line.strip() for line in words.split(";;")]
    return "\n".join(["```console", *(f"$ {line}" for line in lines), kept(words, lambda: last_output(lines)), "```"])


def last_output(lines: list[str]) -> str:
    """Run command lines in an empty folder of their own; what the last one prints."""
    with tempfile.TemporaryDirectory() as folder:
        return [output_of(line, Path(folder)) for line in lines][-1]
