"""Old names of the public interface, which go on working for a while and say what to write now."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["renamed"]


def renamed(
    module: str, names: Mapping[str, str], since: str, otherwise: Callable[[str], Any] | None = None
) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that gives what has a new name under its old one too, with a ``DeprecationWarning``.

    Parameters
    ----------
    module : str
        ``__name__`` of the module.
    names : mapping of str to str
        Old names with the new ones.
    since : str
        The version, as "0.2", that brought the new names; the old ones stay for that version and the next.
    otherwise : function of str, optional
        The ``__getattr__`` for all other names; None raises ``AttributeError`` for them.

    Returns
    -------
    function of str

    Examples
    --------
    >>> import warnings
    >>> from kronmix import deprecation
    >>> old = deprecation.renamed("kronmix.vectorize", {"stack": "vec"}, since="0.2")
    >>> with warnings.catch_warnings(record=True, action="always") as told:
    ...     old("stack") is km.vec
    True
    >>> print(told[0].message)
    kronmix.vectorize.stack is called vec since 0.2; the old name goes in 0.4
    """
    major, minor = map(int, since.split(".")[:2])

    def get(name: str) -> Any:
        if name not in names:
            if otherwise is not None:
                return otherwise(name)
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(
            f"{module}.{name} is called {names[name]} since {since}; the old name goes in {major}.{minor + 2}",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(sys.modules[module], names[name])

    return get
