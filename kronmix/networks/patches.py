"""From images to columns: patches in row-major order, vectorised column by column of the S × C feature matrix."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import isqrt
from typing import Any, Protocol

import numpy as np

from ..datasets import tokens
from .parts import Array


class Inputs(Protocol):
    """How what a user has becomes columns of features, and columns of outputs become what a user wants.

    :class:`Patches` does so for images and feature matrices.
    """

    def columns(self, inputs: Any, dtype: Any) -> Array:
        """Columns (width, N)."""
        ...

    def outputs(self, columns: Array, inputs: Any) -> Array:
        """Outputs (N, …) from columns (rows, N), given the inputs they belong to."""
        ...


@dataclass(frozen=True)
class PixelRange:
    """What normalised pixels lie between, and how that is known."""

    low: float
    high: float
    source: str

    def warn(self, pixels: Array) -> None:
        """Warn of pixels that lie outside by more than a tenth of the range."""
        if pixels.size == 0:
            return
        slack = 0.1 * (self.high - self.low)
        low, high = float(pixels.min()), float(pixels.max())
        if low < self.low - slack or high > self.high + slack:
            warnings.warn(
                f"pixels lie between {low:.4g} and {high:.4g}, and {self.source} between {self.low:.4g} and {self.high:.4g}: "
                "normalise them as in training, or the outputs mean little",
                stacklevel=4,
            )


@dataclass(frozen=True)
class Patches:
    """How inputs become columns of features.

    Attributes
    ----------
    patch : int or None
        Side of the patches of images; None makes rows of pixels the tokens, as in ``km.datasets``.
    features : (S, C) or None
        Tokens and numbers a token that the network takes, to check inputs axis by axis; None where any layout of the right
        size will do.
    size : (height, width) or None
        Of the images, where only one is right.
    expected : PixelRange or None
        What pixels should lie between; others are warned of.
    per_token : int or None
        Number of tokens, where the outputs are one row a token.
    """

    patch: int | None = None
    features: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    expected: PixelRange | None = None
    per_token: int | None = None

    def columns(self, inputs: Any, dtype: Any) -> Array:
        """Columns (width, N): images (N, H, W, colours), feature matrices (N, S, C), or rows (N, width).

        Raises
        ------
        ValueError
            If the inputs have another number of axes or are laid out in another order, or the patch does not divide the image.

        Examples
        --------
        >>> X = np.arange(6).reshape(1, 2, 3)  # one feature matrix, 2 tokens × 3 channels
        >>> km.networks.Patches().columns(X, float)[:, 0]
        array([0., 3., 1., 4., 2., 5.])
        >>> km.networks.Patches(patch=8, features=(16, 192)).columns(np.zeros((5, 3, 32, 32)), float)
        Traceback (most recent call last):
            ...
        ValueError: inputs have shape (5, 3, 32, 32), colours before height and width: expected (N, H, W, colours), which is
        X.transpose(0, 2, 3, 1)
        """
        given = np.asarray(inputs)
        if given.ndim == 3 and self._grey(given.shape):
            given = given[..., None]
        if given.ndim == 4:
            self._check_images(given.shape)
            if self.expected is not None:
                self.expected.warn(given)
            given = tokens(given, self.patch)
        if given.ndim == 3:
            if self.features is not None and given.shape[1:] != self.features:
                self._refuse_one_image(given.shape)
                raise ValueError(
                    f"inputs have shape {given.shape}: this network takes features (N, {self.features[0]}, {self.features[1]}), "
                    f"{self.features[0]} tokens × {self.features[1]} channels{self._images()}"
                )
            given = given.transpose(0, 2, 1).reshape(len(given), -1)
        if given.ndim != 2:
            raise ValueError(
                f"inputs have shape {np.shape(inputs)}: expected images (N, H, W, colours), features (N, S, C) or rows (N, width)"
            )
        return np.ascontiguousarray(given.T, dtype=dtype)

    def outputs(self, columns: Array, inputs: Any) -> Array:
        """Outputs (N, rows), or (N, tokens, rows) where there is one row a token."""
        if self.per_token is None:
            return columns.T
        return columns.reshape(-1, self.per_token, columns.shape[1]).transpose(2, 1, 0)

    def _grey(self, shape: tuple[int, ...]) -> bool:
        """Whether three axes are grey images (N, H, W) rather than features.

        Raises
        ------
        ValueError
            If they may be either.
        """
        if self.features is None or self.patch is None or not self._fits(shape[1], shape[2], 1):
            return False
        if shape[1:] == self.features:
            raise ValueError(
                f"inputs have shape {shape}, which may be grey images or features: give images as (N, H, W, 1), X[..., None]"
            )
        return True

    def _fits(self, height: int, width: int, colours: int) -> bool:
        """Whether images of this layout become the features that the network takes."""
        if self.patch is None:
            return (height, width * colours) == self.features
        whole = height % self.patch == width % self.patch == 0
        features = height * width // self.patch**2, self.patch**2 * colours
        return whole and features == self.features and self.size in (None, (height, width))

    def _check_images(self, shape: tuple[int, ...]) -> None:
        _, first, second, third = shape
        if self.features is None:
            return
        if self._fits(first, second, third):
            self._warn_of_rectangles(first, second)
            return
        if self._fits(second, third, first):
            raise ValueError(
                f"inputs have shape {shape}, colours before height and width: expected (N, H, W, colours), which is "
                "X.transpose(0, 2, 3, 1)"
            )
        S, C = self.features
        raise ValueError(f"inputs have shape {shape}: this network takes {S} tokens × {C} channels{self._images()}")

    def _refuse_one_image(self, shape: tuple[int, ...]) -> None:
        first, second, third = shape
        for fits, way in (
            (self._fits(first, second, third), "X[None]"),
            (self._fits(second, third, first), "X.transpose(1, 2, 0)[None]"),
        ):
            if fits:
                raise ValueError(
                    f"inputs have shape {shape}, which is one image: give {way}, of shape (1, H, W, colours)"
                )

    def _warn_of_rectangles(self, height: int, width: int) -> None:
        """Warn where the patches could lie in a square, do not, and nothing says that they should not."""
        if self.features is None or self.patch is None or self.size is not None or height == width:
            return
        side = isqrt(self.features[0])
        if side**2 == self.features[0]:
            rows, columns = height // self.patch, width // self.patch
            warnings.warn(
                f"images have {rows}×{columns} patches; nothing says how the {self.features[0]} patches of the network lie, and a "
                f"square, {side}×{side}, is usual: another order of patches gives other outputs",
                stacklevel=4,
            )

    def _images(self) -> str:
        """The images that fit, in words."""
        if self.features is None or self.patch is None:
            return ""
        S, C = self.features
        colours = C // self.patch**2
        if self.size is not None:
            return f": images (N, {self.size[0]}, {self.size[1]}, {colours})"
        return f": images (N, H, W, {colours}) of {S} patches of {self.patch}×{self.patch} pixels"
