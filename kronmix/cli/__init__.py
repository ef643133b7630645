"""The commands, one module each: they read options, call the rooms, and print.

To add one, write a module with one function decorated with ``@command`` and import it below.
"""

from . import factor, inspect, path, report, train, verify
from .app import app, command, main

__all__ = ["app", "command", "factor", "inspect", "main", "path", "report", "train", "verify"]
