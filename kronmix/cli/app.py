"""The application: what all commands share. A command returns an ``Answer``; printing it, faults and exit codes are here."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from functools import update_wrapper
from typing import Annotated, Any, get_type_hints

import typer

from .answer import Answer, print_answer, print_error
from .faults import Stop, stop_for
from .session import Session, session
from .vocabulary import today_s_words

app = typer.Typer(
    name="kronmix",
    help="MLP-Mixers as wide, sparse MLPs: inspect them, factor them, and see what training their factors does.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)

_PANEL = "Every command"
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.", rich_help_panel=_PANEL)]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="No tables and no bar: print the name of the main file only.", rich_help_panel=_PANEL
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist outside out/.", rich_help_panel=_PANEL)]


def command(function: Callable[..., Answer]) -> Callable[..., None]:
    """Register a command: give it the options that all have, print its answer, and end with its exit code."""

    def run(json: bool, quiet: bool, force: bool, **options: Any) -> None:
        given = Session(json=json, quiet=quiet, force=force)
        token = session.set(given)
        try:
            answer = function(**options)
            print_answer(function.__name__, answer, given)
        except BrokenPipeError:  # the reader, as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None
        except (Exception, KeyboardInterrupt) as error:
            stop = stop_for(error)
            if stop is None:
                raise
            raise typer.Exit(_said(stop, json)) from None
        finally:
            session.reset(token)
        if answer.code:
            raise typer.Exit(answer.code)

    shared = {"json": Json, "quiet": Quiet, "force": Force}
    hints = get_type_hints(function, include_extras=True)
    update_wrapper(run, function)
    del run.__dict__["__wrapped__"]  # typer would read the signature of what is wrapped
    run.__annotations__ = {**hints, **shared, "return": None}
    own = inspect.signature(function).parameters.values()
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in shared.items()
    ]
    parameters = [
        *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own),
        *common,
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    app.command(no_args_is_help=False)(run)
    return run


def main() -> None:
    """Entry point of ``kronmix`` and ``python -m kronmix``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # ⊗ on a terminal that has no such letter
    arguments = sys.argv[1:]
    try:
        code = app(today_s_words(arguments), prog_name="kronmix", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        stop = stop_for(error)
        if stop is None:
            raise
        code = _said(stop, "--json" in arguments)
    sys.exit(code if isinstance(code, int) else 0)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    if version:
        from .. import __version__

        typer.echo(f"kronmix {__version__}")
        raise typer.Exit


def _said(stop: Stop, json: bool) -> int:
    if stop.traceback:
        print(stop.traceback, file=sys.stderr)
    print(f"kronmix: {stop.sentence}", file=sys.stderr)
    if json:
        print_error(stop)
    return stop.code
