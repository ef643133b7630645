"""kronmix: MLP-Mixers as wide, sparse MLPs, exactly.

The public names are listed in ``__init__.pyi`` and loaded on first use (SPEC 1), so that ``import kronmix`` costs
little more than NumPy.
"""

import lazy_loader

from .deprecation import renamed

_open, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
__getattr__ = renamed(__name__, {"check_reparametrisation": "check_reparametrization"}, since="0.1", otherwise=_open)
