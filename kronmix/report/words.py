"""Numbers as they stand in sentences and tables."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ..intervals import Interval


def count(n: int) -> str:
    """Thousands apart by narrow spaces at which no line breaks.

    Examples
    --------
    >>> count(150528).replace("\\u202f", "_")
    '150_528'
    """
    return f"{n:,}".replace(",", "\u202f")


def number(x: float) -> str:
    """Four significant digits; whole above a thousand.

    Examples
    --------
    >>> number(3.14159), number(0.0), number(8518.2).replace("\\u202f", "_")
    ('3.142', '0', '8_518')
    """
    if 1e3 <= abs(x) < 1e9:
        return count(round(x))
    return f"{x:.4g}" if 1e-3 <= abs(x) < 1e5 or x == 0 else scientific(x)


def scientific(x: float) -> str:
    """Two digits and a power of ten where a plain number would be long.

    Examples
    --------
    >>> scientific(3.2e-16), scientific(0.25), scientific(0.0)
    ('3.2·10⁻¹⁶', '0.25', '0')
    """
    if x == 0:
        return "0"
    power = math.floor(math.log10(abs(x)))
    if -3 <= power <= 4:
        return f"{x:.3g}"
    digits = f"{x / 10**power:.1f}"
    return f"{digits}·10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def percent(x: float) -> str:
    """Examples
    --------
    >>> percent(0.125), percent(1.0)
    ('12.5 %', '100 %')
    """
    return f"{100 * x:.3g} %"


def tied(text: str) -> str:
    """Words whose formulas do not break at the end of a line: spaces about a sign, and before %, hold.

    Examples
    --------
    >>> tied("A ⊗ B is 5 % full").replace("\\u00a0", "_")
    'A_⊗_B is 5_% full'
    """
    return re.sub(r" ([⊗×±=↦+−]) | (?=%)", lambda found: f"\u00a0{found[1]}\u00a0" if found[1] else "\u00a0", text)


def plus_minus(value: Interval, digits: int = 4) -> str:
    """Mean ± half-width, the half-width left out where there is one seed only.

    Examples
    --------
    >>> plus_minus(Interval.around(0.5, 0.01), 3), plus_minus(Interval.around(0.5, float("nan")), 1)
    ('0.500 ± 0.010', '0.5')
    """
    mean, half = float(value.mean), float(value.half_width)
    return f"{mean:.{digits}f}" + (f" ± {half:.{digits}f}" if math.isfinite(half) else "")


def short_names(names: Sequence[str], length: int = 18) -> list[str]:
    """Names with parts, their first parts cut to initials where they are long; whole where two would become one.

    Examples
    --------
    >>> short_names(["encoder.layer.0.attention.q.weight", "encoder.layer.1.attention.q.weight", "head"])
    ['e.l.0.a.q.weight', 'e.l.1.a.q.weight', 'head']
    """
    short = [_initials(name, length) for name in names]
    return short if len(set(short)) == len(set(names)) else list(names)


def _initials(name: str, length: int) -> str:
    """A dotted name with as many leading parts cut to one letter as the length asks for."""
    parts = name.split(".")
    for i, part in enumerate(parts[:-1]):
        if len(".".join(parts)) <= length:
            break
        parts[i] = part if part.isdigit() else part[:1]
    return ".".join(parts)
