"""The commands, one module each: they read options, call the rooms, and return an ``Answer``.

To add one, write a module with one function decorated with ``@command``, import it below, and describe its JSON in ``schemas/``.
"""

from . import convert, factor, inspect, path, report, train, verify
from .answer import Answer
from .app import app, command, main

__all__ = ["Answer", "app", "command", "convert", "factor", "inspect", "main", "path", "report", "train", "verify"]
