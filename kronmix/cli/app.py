"""The application: what all commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.table import Table

from ..extras import install_line

P = ParamSpec("P")

app = typer.Typer(
    name="kronmix",
    help="MLP-Mixers as wide, sparse MLPs: inspect them, factor them, and see what training their factors does.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

#: What a user's input can cause; anything else is a mistake of kronmix and shows its traceback.
_USER_ERRORS = (ValueError, TypeError, OSError, MemoryError, ArithmeticError, ImportError)


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Register a command whose bad input ends in one sentence on stderr and exit code 2."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except KeyboardInterrupt:
            _fail("interrupted, nothing was written", 130)
        except _USER_ERRORS as error:
            _fail(_sentence(error), 2)

    app.command(no_args_is_help=False)(guarded)
    return guarded


def main() -> None:
    """Entry point of ``kronmix`` and ``python -m kronmix``."""
    app()


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        from .. import __version__

        typer.echo(f"kronmix {__version__}")
        raise typer.Exit


def show(table: Table) -> None:
    console = Console()
    console.print(table, highlight=False)


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if isinstance(error, ImportError):
        return missing(error)
    return " ".join(str(error).split()) or type(error).__name__


def missing(error: ImportError) -> str:
    """What is missing, and the line that installs it."""
    said = " ".join(str(error).split())
    return said if "pip install" in said or not error.name else f"{said}: {install_line(error.name)}"


def _fail(sentence: str, code: int) -> None:
    print(f"kronmix: {sentence}", file=sys.stderr)
    raise typer.Exit(code)
