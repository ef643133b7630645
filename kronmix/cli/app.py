"""The program ``kronmix``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .program import FORCE, JSON, QUIET, Program
from .vocabulary import today_s_words

app = typer.Typer(
    name="kronmix",
    help="MLP-Mixers as wide, sparse MLPs: inspect them, factor them, and see what training their factors does.\n\n"
    "Start with `kronmix factor weights.npy` (which structure is it?) or `kronmix report --data mine.csv`; "
    "`kronmix COMMAND --help` has examples of every command.",
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
#: Version of each command's JSON, counted up by a change that a program reading it would notice.
VERSIONS = {"convert": 1, "factor": 1, "inspect": 1, "path": 1, "report": 1, "train": 1, "verify": 1, "error": 1}
program = Program("kronmix", app, VERSIONS, {"json": JSON, "quiet": QUIET, "force": FORCE})
command = program.command


def main() -> None:
    """Entry point of ``kronmix`` and ``python -m kronmix``."""
    program.main(sys.argv[1:], today_s_words)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        from .. import __version__

        typer.echo(f"kronmix {__version__}")
        raise typer.Exit
