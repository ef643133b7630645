"""What a command has to say, and its three ways of saying it: tables, one JSON object, or the name of a file."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from .. import __version__
from .session import Session
from .tables import show

if TYPE_CHECKING:
    from .faults import Stop


@dataclass(frozen=True)
class Answer:
    """The end of a command.

    Attributes
    ----------
    record : mapping
        Everything that was found, for ``--json``.
    shown : tuple of Table or str
        The same for a reader, in order.
    files : tuple of Path
        All that was written, the main one last.
    code : int
        Exit code.
    complaint : str
        One sentence for stderr, where the code is not 0.
    """

    record: Mapping[str, Any] = field(default_factory=dict)
    shown: tuple[Table | str, ...] = ()
    files: tuple[Path, ...] = ()
    code: int = 0
    complaint: str = ""


def print_answer(schema: str, answer: Answer, given: Session) -> None:
    """Print JSON of a schema (PROGRAM/COMMAND/VERSION), the name of the main file, or tables and lines with all files last."""
    if given.json:
        head = {"exit_code": answer.code, "files": [str(file) for file in answer.files]}
        _print_json(schema, head | dict(answer.record))
    elif given.quiet:
        for file in answer.files[-1:]:
            typer.echo(str(file))
    else:
        for item in answer.shown:
            show(item) if isinstance(item, Table) else typer.echo(item)
        for file in answer.files:
            typer.echo(str(file))
    sys.stdout.flush()  # a reader that has left is noticed here
    if answer.complaint:
        print(f"{schema.partition('/')[0]}: {answer.complaint}", file=sys.stderr)


def print_error(schema: str, stop: Stop) -> None:
    """The object that stands on stdout where there is no answer."""
    _print_json(schema, {"exit_code": stop.code, "message": stop.sentence})


def _print_json(schema: str, record: Mapping[str, Any]) -> None:
    """Print one object: schema and version first, then the record."""
    head = {"schema": schema, "kronmix": __version__}
    typer.echo(json.dumps(plain({**head, **record}), ensure_ascii=False, allow_nan=False, indent=2))


@singledispatch
def plain(value: Any) -> Any:
    """Values that JSON knows: arrays as lists, paths as text, and null for what is not finite.

    Examples
    --------
    >>> from kronmix.cli.answer import plain
    >>> plain({"a": (1, float("inf")), "b": Path("x")})
    {'a': [1, None], 'b': 'x'}
    """
    return plain(value.tolist())  # NumPy's scalars and arrays


@plain.register(Mapping)
def _(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): plain(item) for key, item in value.items()}


@plain.register(list)
@plain.register(tuple)
def _(value: Sequence[Any]) -> list[Any]:
    return [plain(item) for item in value]


@plain.register
def _(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


@plain.register
def _(value: str | int | None) -> str | int | None:
    return value


@plain.register
def _(value: Path) -> str:
    return str(value)
