"""An estimate with its interval: what seeds, bootstraps and tests report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Interval", "t_interval"]


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its confidence interval; numbers, or arrays of one shape.

    Attributes
    ----------
    value : float or array
        The estimate; also ``mean``, where it is one.
    low, high : float or array
        Ends of the interval; nan where one sample gives none.
    confidence : float
    replicates : array of shape (resamples,), optional
        The estimate on every resample, for pictures.

    Examples
    --------
    >>> from kronmix.intervals import Interval
    >>> found = Interval(0.5, 0.25, 1.0)
    >>> 0.3 in found, found.half_width, str(found)
    (True, 0.375, '0.5 [0.25, 1]')
    """

    value: Any
    low: Any
    high: Any
    confidence: float = 0.95
    replicates: Any = field(default=None, repr=False, compare=False)

    @classmethod
    def around(cls, value: Any, half_width: Any, confidence: float = 0.95) -> Interval:
        """The symmetric interval value ± half_width."""
        return cls(value, value - half_width, value + half_width, confidence)

    @property
    def mean(self) -> Any:
        """The estimate."""
        return self.value

    @property
    def half_width(self) -> Any:
        """Half the distance of the ends."""
        return (self.high - self.low) / 2

    def __contains__(self, value: Any) -> bool:
        return bool(self.low <= value <= self.high)

    def __str__(self) -> str:
        value = f"{self.value:.4g}"
        return f"{value} [{self.low:.4g}, {self.high:.4g}]" if self.low < self.high else value


def t_interval(samples: Any, confidence: float = 0.95, axis: int = 0) -> Interval:
    """Mean along an axis with Student's t interval; its ends are nan for one sample, and where a number is not finite.

    The percentile bootstrap of n numbers covers the mean too rarely when n is small: for normal numbers 80 % instead of 95 % at
    n = 4. Its correction BCa covers 90 % at n = 10.

    Parameters
    ----------
    samples : array
        At least one along the axis.
    confidence : float
    axis : int

    Examples
    --------
    >>> from kronmix.intervals import t_interval
    >>> print(t_interval([1.0, 2.0, 3.0]), t_interval([1.0]))
    2 [-0.4841, 4.484] 1
    """
    import numpy as np
    from scipy.stats import t as student

    x = np.asarray(samples, dtype=np.float64)
    n, mean = x.shape[axis], x.mean(axis=axis)
    half = np.full_like(mean, np.nan)
    if n > 1:
        with np.errstate(invalid="ignore"):
            spread = x.std(axis=axis, ddof=1)
        half = np.where(np.isfinite(spread), student.ppf((1 + confidence) / 2, n - 1) * spread / n**0.5, np.nan)
    if mean.ndim == 0:
        return Interval.around(float(mean), float(half), confidence)
    return Interval.around(mean, half, confidence)
