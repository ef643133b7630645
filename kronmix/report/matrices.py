"""The matrices of any file: size, spectrum, and how near the nearest smaller structures come."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..decompose import Front, nearest_kronecker, nearest_monarch, search
from ..files import layer_matrices, read_arrays
from ..networks.inspection import near_square

Array = np.ndarray[Any, np.dtype[Any]]

#: Entries of the largest matrix whose structure is searched for a page, and the most matrices: ``kronmix factor`` takes all.
ENTRIES, MATRICES = 2**16, 16
#: The same for a page of nothing else.
ENTRIES_ALONE = 2**20


@dataclass(frozen=True)
class MatrixSeen:
    """One matrix.

    Attributes
    ----------
    name : str
    shape : (int, int)
    singular_values : array
        Decreasing.
    kronecker_error, monarch_error : float
        Relative errors of the nearest Kronecker product and Monarch matrix with near-square sizes.
    kronecker_numbers, monarch_numbers : int
        What these store.
    shuffled_error : float
        Relative error of the nearest Monarch matrix when the same entries stand in random order.
    """

    name: str
    shape: tuple[int, int]
    singular_values: Array
    kronecker_error: float
    kronecker_numbers: int
    monarch_error: float
    monarch_numbers: int
    shuffled_error: float

    @property
    def is_monarch_like(self) -> bool:
        """Nearer to a Monarch matrix than low rank as small, and a tenth nearer than its own entries in random order."""
        return self.monarch_error < min(self.low_rank_error(self.monarch_numbers), 0.9 * self.shuffled_error)

    def low_rank_error(self, numbers: int) -> float:
        """Relative error of the nearest matrix of the largest rank that stores at most so many numbers (Eckart–Young)."""
        return self.error_of_rank(numbers // sum(self.shape))

    def error_of_rank(self, rank: int) -> float:
        """Relative error of the nearest matrix of a rank."""
        s = self.singular_values
        return float(np.linalg.norm(s[rank:]) / np.linalg.norm(s))


def see_matrices(
    path: str | os.PathLike[str], progress: Callable[[int, int], None]
) -> tuple[tuple[MatrixSeen, ...], dict[str, Array]]:
    """Every matrix of a file that is not zero, and the matrices themselves."""
    arrays = read_arrays(path)
    matrices = {name: np.asarray(read(), dtype=np.float64) for name, read in layer_matrices(arrays).items()}
    seen = []
    for done, (name, matrix) in enumerate(matrices.items(), start=1):
        if matrix.any():
            seen.append(_inspect_matrix(name, matrix))
        progress(done, len(matrices))
    if not seen:
        what = "only matrices of zeros" if matrices else "no matrix"
        raise ValueError(f"{path}: holds {what} among its arrays ({', '.join(sorted(arrays)) or 'nothing'})")
    return tuple(seen), matrices


def _inspect_matrix(name: str, matrix: Array) -> MatrixSeen:
    """Spectrum of a matrix, errors of its nearest structures, and Monarch's on shuffled entries."""
    rows, columns = matrix.shape
    p, k = near_square(rows), near_square(columns)
    q, s = rows // p, columns // k
    kronecker, monarch = nearest_kronecker(matrix, ((p, k), (q, s))), nearest_monarch(matrix, (p, k, q, s))
    shuffled = np.random.default_rng(0).permutation(matrix.ravel()).reshape(matrix.shape)
    return MatrixSeen(
        name,
        (rows, columns),
        np.linalg.svd(matrix, compute_uv=False),
        float(kronecker.relative_error),
        kronecker.operator.n_parameters,
        float(monarch.relative_error),
        monarch.operator.n_parameters,
        float(nearest_monarch(shuffled, (p, k, q, s)).relative_error),
    )


def search_all(matrices: Mapping[str, Array], entries: int = ENTRIES) -> tuple[tuple[tuple[str, Front], ...], int]:
    """Fronts of the first few matrices that are small enough for a page, and how many were left out."""
    small = [(name, matrix) for name, matrix in matrices.items() if matrix.size <= entries][:MATRICES]
    found = ((name, search(matrix)) for name, matrix in small)
    return tuple((name, front) for name, front in found if front.front), len(matrices) - len(small)
