"""From images to columns: patches in row-major order, vectorised column by column of the S × C feature matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..datasets import tokens
from .parts import Array


@dataclass(frozen=True)
class Patches:
    """How inputs become columns of features.

    Attributes
    ----------
    patch : int or None
        Side of the patches of images; None makes rows of pixels the tokens, as in ``km.datasets``.
    """

    patch: int | None = None

    def columns(self, inputs: Any, dtype: Any) -> Array:
        """Columns (width, N): images (N, H, W, colours), feature matrices (N, S, C), or rows (N, width).

        Raises
        ------
        ValueError
            If the inputs have another number of axes, or the patch does not divide the image.

        Examples
        --------
        >>> X = np.arange(6).reshape(1, 2, 3)  # one feature matrix, 2 tokens × 3 channels
        >>> Patches().columns(X, float)[:, 0]
        array([0., 3., 1., 4., 2., 5.])
        """
        given = np.asarray(inputs)
        if given.ndim == 4:
            given = tokens(given, self.patch)
        if given.ndim == 3:
            given = given.transpose(0, 2, 1).reshape(len(given), -1)
        if given.ndim != 2:
            raise ValueError(
                f"inputs have shape {np.shape(inputs)}: expected images (N, H, W, colours), features (N, S, C) or rows (N, width)"
            )
        return np.ascontiguousarray(given.T, dtype=dtype)
