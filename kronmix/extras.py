"""What installs a library that is there only where a user has asked for it."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

__all__ = ["install_line"]

#: Modules whose distribution has another name.
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}


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
    for requirement in _requirements():
        if found := re.match(r"""([\w.-]+).*extra == ['"]([\w-]+)['"]""", requirement):
            extras.setdefault(found[2], []).append(found[1].lower())
    bringing = [extra for extra, brought in extras.items() if name.lower() in brought]
    return (
        f"pip install 'kronmix[{min(bringing, key=lambda e: len(extras[e]))}]'" if bringing else f"pip install {name}"
    )


def _requirements() -> list[str]:
    try:
        return requires("kronmix") or []
    except PackageNotFoundError:  # run from its sources, not installed
        return []
