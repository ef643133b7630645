"""Docstring examples start with ``np`` and ``km`` at hand."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.operators import algebra
from kronmix.regularization import norms, solvers
from kronmix.regularization.paths import plan

#: Modules of a library that only a user's environment has.
collect_ignore = [] if find_spec("torch") else ["kronmix/interop/torch_kernels.py", "kronmix/interop/torch_modules.py"]


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["np"] = np
    doctest_namespace["km"] = km


@pytest.fixture(autouse=True)
def _registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an example or a test registers is gone after it."""
    monkeypatch.setattr(algebra, "_products", dict(algebra._products))
    monkeypatch.setattr(algebra, "_sums", dict(algebra._sums))
    monkeypatch.setattr(norms, "_NAMED", dict(norms._NAMED))
    monkeypatch.setattr(plan, "_KINDS", dict(plan._KINDS))
    monkeypatch.setattr(solvers, "_SOLVERS", dict(solvers._SOLVERS))
