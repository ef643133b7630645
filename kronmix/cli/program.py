"""What the commands of a program share: options, three ways of answering, and how faults end. A command returns an ``Answer``."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import update_wrapper
from itertools import pairwise, takewhile
from typing import Annotated, Any, NoReturn, get_type_hints

import typer

from .answer import Answer, print_answer, print_error
from .faults import Stop, stop_for
from .session import Session, session

_PANEL = "Every command"
JSON = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.", rich_help_panel=_PANEL)]
QUIET = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="No tables and no bar: print the name of the main file only.", rich_help_panel=_PANEL
    ),
]
FORCE = Annotated[bool, typer.Option("--force", help="Replace files that exist outside out/.", rich_help_panel=_PANEL)]


class Program:
    """A program and its commands.

    Parameters
    ----------
    name : str
        What its sentences on stderr begin with, and the first word of its schemas.
    app : typer.Typer
        Where commands are registered.
    versions : mapping of command to int
        Of each command's JSON, and of "error".
    shared : mapping of name to annotation
        Options of every command: fields of ``Session``.
    """

    def __init__(self, name: str, app: typer.Typer, versions: Mapping[str, int], shared: Mapping[str, Any]) -> None:
        self.name, self.app, self.versions, self.shared = name, app, versions, shared

    def command(self, function: Callable[..., Answer]) -> Callable[..., None]:
        """Register a command: give it the options that all have, print its answer, and end with its exit code."""
        name = function.__name__.rstrip("_")

        def run(**options: Any) -> None:
            given = Session(**{option: options.pop(option) for option in self.shared})
            token = session.set(given)
            try:
                answer = function(**options)
                print_answer(self._schema(name), answer, given)
            except BrokenPipeError:  # the reader, as head, has seen enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(141) from None
            except (Exception, KeyboardInterrupt) as error:
                stop = stop_for(error)
                if stop is None:
                    raise
                raise typer.Exit(self._said(stop, given.json)) from None
            finally:
                session.reset(token)
            if answer.code:
                raise typer.Exit(answer.code)

        hints = get_type_hints(function, include_extras=True)
        for kind in hints.values():
            for option in getattr(kind, "__metadata__", ()):
                option.case_sensitive = False  # of choices: LoRA is lora
        update_wrapper(run, function)
        del run.__dict__["__wrapped__"]  # typer would read the signature of what is wrapped
        run.__annotations__ = {**hints, **self.shared, "return": None}
        own = inspect.signature(function).parameters.values()
        common = [
            inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
            for option, kind in self.shared.items()
        ]
        parameters = [
            *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own),
            *common,
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # functions take it, their stub does not
        self.app.command(name, no_args_is_help=False)(run)
        return run

    def main(self, arguments: Sequence[str], read: Callable[[Sequence[str]], Sequence[str]] = list) -> NoReturn:
        """Run the command that the arguments name, and end; ``read`` puts older words into those of today."""
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # ⊗ on a terminal that has no such letter
        words = list(arguments)
        try:
            words = list(read(arguments)) or ["--help"]
            code = self.app(words, prog_name=self.name, standalone_mode=False)
        except (Exception, KeyboardInterrupt) as error:
            stop = stop_for(error)
            if stop is None:
                raise
            code = self._said(stop, self._asks_for_json(words))
        sys.exit(code if isinstance(code, int) else 0)

    def _asks_for_json(self, words: Sequence[str]) -> bool:
        """Whether ``--json`` is an option among words that could not be parsed: not another one's value, nor after ``--``."""
        commands = getattr(typer.main.get_command(self.app), "commands", {})
        parameters = commands[words[0]].params if words and words[0] in commands else []
        with_values = {name for one in parameters if not getattr(one, "is_flag", True) for name in one.opts}
        options = takewhile(lambda word: word != "--", words)
        return any(word == "--json" and before not in with_values for before, word in pairwise(("", *options)))

    def _schema(self, command: str) -> str:
        return f"{self.name}/{command}/{self.versions[command]}"

    def _said(self, stop: Stop, json: bool) -> int:
        """Report why a command stopped before its end."""
        if stop.traceback:
            print(stop.traceback, file=sys.stderr)
        print(f"{self.name}: {stop.sentence}", file=sys.stderr)
        if json:
            print_error(self._schema("error"), stop)
        return stop.code
