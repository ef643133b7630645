"""The commands, one module each: they read options, call the rooms, and return an ``Answer``.

To add one, write a module with one function decorated with ``@command``, import it below, and describe its JSON in ``schemas/``.
"""

from ..extras import needed

with needed("The command line"):
    import rich  # noqa: F401
    import typer  # noqa: F401

from . import convert, factor, inspect, path, report, train, verify
from .answer import Answer
from .app import app, command, main

__all__ = ["Answer", "app", "command", "convert", "factor", "inspect", "main", "path", "report", "train", "verify"]
