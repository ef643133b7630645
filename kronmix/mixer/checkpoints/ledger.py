"""Arrays of one network, taken by name, checked, and at the end accounted for: nothing of a file is dropped in silence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...checks import finite
from ...files import Array, Stored


@dataclass(frozen=True)
class Irrelevant:
    """Arrays that no output depends on, by what their names look like, and why."""

    names: re.Pattern[str]
    reason: str


_IRRELEVANT = (
    Irrelevant(re.compile(r"(^|\.)num_batches_tracked$"), "counts batches, which only training asks for"),
    Irrelevant(re.compile(r"(^|\.)n_averaged$"), "counts the weights that were averaged"),
    Irrelevant(
        re.compile(
            r"(^|\.)(opt\.state|optimizer|optimizer_states?|opt_state|lr_schedulers?|(loss_|grad_)?scaler|amp)\."
        ),
        "the state of the optimizer",
    ),
    Irrelevant(
        re.compile(r"^(step|global_step|steps|num_updates|iteration|epoch|lr|best_\w+|accum_step)$"),
        "tells how far training has come",
    ),
)


class Ledger:
    """The arrays of one network in a file, under its prefix.

    Parameters
    ----------
    file : path
        For messages.
    stored : mapping of name to Stored
        By the names that remain without the prefix, with dots between their parts.
    given : mapping of name to name
        The names as they stand in the file.
    """

    def __init__(self, file: Path, stored: Mapping[str, Stored], given: Mapping[str, str]) -> None:
        self.file, self.stored, self._given = file, stored, given
        self._separator = "/" if any("/" in name for name in given.values()) else "."
        self._used: set[str] = set()
        self._biased: dict[str, tuple[bool, str]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.stored

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array, which is not read.

        Raises
        ------
        ValueError
            If it is not there.
        """
        if name not in self.stored:
            raise ValueError(f"{self.file}: no array {self._stored_name(name)!r}")
        return self.stored[name].shape

    def take(self, name: str, *shape: int | None) -> Array:
        """An array of this shape (None: any size), as float32 or float64, finite.

        Raises
        ------
        ValueError
            If it is missing, has another shape or no floating-point numbers, or NaN or infinite entries.
        """
        found, shown = self.shape(name), self._stored_name(name)
        if len(shape) != len(found) or any(w is not None and w != n for w, n in zip(shape, found, strict=True)):
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise ValueError(f"{self.file}: {shown!r} has shape {found}, expected ({wanted})")
        array = self.stored[name].read()
        if array.dtype.kind != "f":
            raise ValueError(f"{self.file}: {shown!r} holds {array.dtype}, expected floating-point numbers")
        wide = array if array.dtype.itemsize >= 4 else array.astype(np.float32)
        finite(wide, f"{self.file}: {shown!r}")
        self._used.add(name)
        return wide

    def bias(self, name: str, size: int) -> Array | None:
        """A bias, or None for a network that has none at this place of any block.

        Raises
        ------
        ValueError
            If one block has it and another has not, or as ``take``.
        """
        there = name in self.stored
        place = re.sub(r"\d+", "#", name, count=1)  # the block's number
        before, where = self._biased.setdefault(place, (there, name))
        if before != there:
            missing, other = (where, name) if there else (name, where)
            raise ValueError(
                f"{self.file}: no array {self._stored_name(missing)!r}, though {self._stored_name(other)!r} is there"
            )
        return self.take(name, size) if there else None

    def close(self, family: str) -> dict[str, str]:
        """Account for every array: used, or irrelevant for a reason that is returned by name.

        Raises
        ------
        ValueError
            Naming the arrays that have no place in this family.
        """
        reasons, left = {}, []
        for name in sorted(self.stored.keys() - self._used):
            reason = reason_to_ignore(name)
            if reason is None:
                left.append(self._stored_name(name))
            else:
                reasons[self._stored_name(name)] = reason
        if left:
            raise ValueError(
                f"{self.file}: {some_names(left)} {'have' if len(left) > 1 else 'has'} no place in the {family}: without "
                f"{'them' if len(left) > 1 else 'it'} the outputs would be those of another network"
            )
        return reasons

    def _stored_name(self, name: str) -> str:
        """The tensor's name as the file spells it."""
        return self._given.get(name, name.replace(".", self._separator))


def reason_to_ignore(name: str) -> str | None:
    """Why no output depends on an array of this name; None where one may.

    Examples
    --------
    >>> reason_to_ignore("norm.num_batches_tracked"), reason_to_ignore("pos_embed")
    ('counts batches, which only training asks for', None)
    """
    return next((kind.reason for kind in _IRRELEVANT if kind.names.search(name)), None)


def some_names(names: list[str], most: int = 4) -> str:
    """The first names, and how many more there are.

    Examples
    --------
    >>> some_names(["a", "b", "c", "d", "e", "f"])
    "'a', 'b', 'c', 'd' and 2 more"
    """
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
