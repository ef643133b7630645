"""Libraries that are there only where a user has them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def library(name: str, purpose: str, install: str) -> Any:
    """Import a library, or say in one sentence what is missing and how to get it.

    Raises
    ------
    ImportError

    Examples
    --------
    >>> from kronmix.interop.optional import library
    >>> library("no_such_library", "to_nothing", "no-such-library")
    Traceback (most recent call last):
    ...
    ImportError: to_nothing needs no_such_library: pip install no-such-library
    """
    try:
        return import_module(name)
    except ImportError as error:
        missing = error.name or name
        more = "" if missing.partition(".")[0] == name.partition(".")[0] else f" ({missing} is missing)"
        raise ImportError(f"{purpose} needs {name.partition('.')[0]}{more}: pip install {install}") from error
