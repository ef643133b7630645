"""Docstring examples start with ``np`` and ``km`` at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kronmix as km


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["np"] = np
    doctest_namespace["km"] = km
