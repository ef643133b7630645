"""Libraries that are there only where a user has asked for them: what needs one says so, and what installs it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires

__all__ = ["install_line", "needed"]

#: Modules whose distribution has another name.
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn"}


@contextmanager
def needed(purpose: str, install: str = "") -> Iterator[None]:
    """Around imports: where a library is missing, say in one sentence what needs it and how to get it.

    Parameters
    ----------
    purpose : str
        What needs the library, as a user calls it.
    install : str, optional
        What pip installs. [default: the smallest extra of kronmix that brings the library]

    Raises
    ------
    ModuleNotFoundError
        If a library is missing; whoever says already how to get it has said enough.

    Examples
    --------
    >>> from kronmix.extras import needed
    >>> with needed("to_nothing", "no-such-library"):
    ...     import no_such_library.of_nothing
    Traceback (most recent call last):
    ...
    ModuleNotFoundError: to_nothing needs no_such_library: pip install no-such-library
    """
    try:
        yield
    except ImportError as error:
        if error.name is None or "pip install" in str(error):  # a library that is broken says so itself
            raise
        module = error.name.partition(".")[0]
        what = _DISTRIBUTIONS.get(module, module)
        line = f"pip install {shlex.join(install.split())}" if install else install_line(module)
        raise ModuleNotFoundError(f"{purpose} needs {what}: {line}", name=error.name) from error


def install_line(module: str) -> str:
    """The pip line of the smallest extra of kronmix that brings a module; of the module itself where none does.

    Parameters
    ----------
    module : str
        As it is imported; of "sympy.core" what counts is sympy.

    Examples
    --------
    >>> from kronmix.extras import install_line
    >>> install_line("sympy.core")
    "pip install 'kronmix[symbolic]'"
    >>> install_line("torch")
    'pip install torch'
    """
    name = module.partition(".")[0]
    name = _DISTRIBUTIONS.get(name, name)
    extras: dict[str, list[str]] = {}
    for requirement in _declared_requirements():
        if found := re.match(r"""([\w.-]+).*extra == ['"]([\w-]+)['"]""", requirement):
            extras.setdefault(found[2], []).append(found[1].lower())
    bringing = [extra for extra, brought in extras.items() if name.lower() in brought]
    return (
        f"pip install 'kronmix[{min(bringing, key=lambda e: len(extras[e]))}]'" if bringing else f"pip install {name}"
    )


def _declared_requirements() -> list[str]:
    try:
        return requires("kronmix") or []
    except PackageNotFoundError:  # run from its sources, not installed
        return []
