"""Whose fault an exception is, in one sentence and an exit code."""

from __future__ import annotations

import traceback
from dataclasses import dataclass

import typer

from ..extras import install_line

#: What kronmix raises to refuse an input. The same classes raised by anything else are a fault of kronmix.
_REFUSALS = (ValueError, TypeError, ArithmeticError)
#: Of click or of the copy that typer carries, whichever typer uses.
_USAGE = typer.BadParameter.__base__
_OURS = ("kronmix", "analysis")


@dataclass(frozen=True)
class Stop:
    """How a command ends that did not come to its end."""

    code: int
    sentence: str
    traceback: str = ""


def stop_for(error: BaseException) -> Stop | None:
    """The ending for an exception; None for those by which typer itself ends a command."""
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return Stop(130, str(error) or "interrupted, nothing was written")
    if isinstance(error, typer.Exit):
        return None
    if _USAGE is not None and isinstance(error, _USAGE):
        return Stop(2, _usage(error))
    if isinstance(error, OSError) and error.strerror:
        return Stop(2, f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    if isinstance(error, ModuleNotFoundError) and not _is_ours(error.name or ""):
        return Stop(2, missing(error))
    if isinstance(error, MemoryError):
        return Stop(2, f"not enough memory: {_one_line(error)}")
    if _is_refusal(error):
        return Stop(2, _one_line(error))
    told = "".join(traceback.format_exception(error))
    return Stop(1, "this is a fault of kronmix, not of your input; please report it with the lines above", told)


def missing(error: ImportError) -> str:
    """What is missing, and the line that installs it."""
    said = _one_line(error)
    return said if "pip install" in said or not error.name else f"{said}: {install_line(error.name)}"


def _is_refusal(error: BaseException) -> bool:
    """Whether a ``raise`` in kronmix made it: what breaks inside NumPy, or in a sum, was not foreseen."""
    if isinstance(error, ImportError) and "pip install" in str(error):
        return True
    from ..checks import raised_in  # with NumPy, which a command that is only parsed does without

    return isinstance(error, _REFUSALS) and raised_in(error, _OURS)


def _is_ours(module: str) -> bool:
    """Whether a module is part of kronmix or of analysis."""
    return module.partition(".")[0] in _OURS


def _usage(error: BaseException) -> str:
    """The parser's message in one line, with the command whose --help to read."""
    said = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]  # the base class has no name here
    said = said.replace("Value error, ", "")  # which the parser puts before what a check of an option says
    context = getattr(error, "ctx", None)
    return f"{said}; see {context.command_path} --help" if context is not None else said


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
