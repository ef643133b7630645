"""kronmix: MLP-Mixers as wide, sparse MLPs, exactly.

The public names are listed in ``__init__.pyi`` and loaded on first use (SPEC 1), so that ``import kronmix`` costs
little more than NumPy.
"""

from typing import Any

import lazy_loader

from .deprecation import renamed

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"


def _open(name: str) -> Any:
    """Load a room or a public name; where a library is missing that it needs, say what installs it."""
    try:
        return _load(name)
    except ModuleNotFoundError as missing:
        from .extras import install_line

        module = missing.name or ""
        raise ModuleNotFoundError(f"kronmix.{name} needs {module}: {install_line(module)}", name=module) from missing


__getattr__ = renamed(__name__, {"check_reparametrisation": "check_reparametrization"}, since="0.1", otherwise=_open)
