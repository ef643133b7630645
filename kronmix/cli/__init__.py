"""The commands, one module each: they read options, call the rooms, and print.

To add one, write a module with one function decorated with ``@command`` and import it below.
"""

from . import convert, factor, inspect, path, report, train, verify
from .app import app, command, main

__all__ = ["app", "command", "convert", "factor", "inspect", "main", "path", "report", "train", "verify"]
