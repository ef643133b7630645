"""Families of checkpoints as values, each recognised by the names that remain when the prefixes of wrappers are taken off."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...files import Stored
from .ledger import Ledger, reason_to_ignore, some_names
from .sources import Source


@dataclass(frozen=True)
class Family:
    """How the checkpoints of one code base are laid out.

    Attributes
    ----------
    name : str
        What it is and whose names it has.
    anchor : str
        A name that every such file has and no other family's; ``#`` stands for a number that is appended, if any, as by Keras.
    read : function of (Ledger, config)
        Takes the arrays and returns them in one layout.
    """

    name: str
    anchor: str
    read: Callable[[Ledger, Mapping[str, Any]], Any]

    def prefix(self, name: str) -> str | None:
        """What stands before the anchor in a name; None where the name does not end in it."""
        anchor = re.escape(self.anchor).replace(r"\#", r"(_?\d+)?")
        found = re.fullmatch(rf"((?:.*\.)?){anchor}", name)
        return None if found is None else found[1]


@dataclass(frozen=True)
class Network:
    """A network that a file holds: its family, and the prefix of its names (with dots)."""

    family: Family
    prefix: str


class UnknownNetworkError(ValueError):
    """A file of arrays, none of which a known family begins with."""


def find_networks(names: Sequence[str], families: Sequence[Family]) -> tuple[Network, ...]:
    """The networks among names, each by its family's anchor and whatever stands before it.

    Examples
    --------
    >>> mixer = Family("a Mixer", "blocks.0.weight", lambda ledger, config: None)
    >>> found = find_networks(["module.blocks.0.weight", "state_dict_ema/model/blocks/0/weight", "step"], [mixer])
    >>> [network.prefix for network in found]
    ['module.', 'state_dict_ema.model.']
    """
    found = {
        Network(family, prefix)
        for name in names
        for family in families
        if (prefix := family.prefix(_plain(name))) is not None
    }
    return tuple(sorted(found, key=lambda network: (network.prefix, network.family.name)))


def _plain(name: str) -> str:
    """A name with dots between its parts, without the number of outputs that TensorFlow appends."""
    return name.removesuffix(":0").replace("/", ".")


def read_network(source: Source, families: Sequence[Family], prefix: str | None = None) -> tuple[Any, dict[str, str]]:
    """Read the network of a source, or the one under a prefix, and account for every array.

    Returns
    -------
    arrays : whatever the family's ``read`` returns
    ignored : dict of name to reason
        Arrays that no output depends on.

    Raises
    ------
    ValueError
        If there is none, there are several and no prefix chooses, or an array is left over.
    """
    found = find_networks(list(source.stored), families)
    if not found:
        raise UnknownNetworkError(_unknown_message(source, families))
    chosen = _choose(source, found, prefix)
    others = [network.prefix for network in found if network is not chosen]
    stored: dict[str, Stored] = {}
    given: dict[str, str] = {}
    outside: dict[str, str | None] = {}
    for name, entry in source.stored.items():
        plain = _plain(name)
        owner = max((p for p in (chosen.prefix, *others) if plain.startswith(p)), key=len, default=None)
        if owner == chosen.prefix:
            inner = plain.removeprefix(chosen.prefix)
            if inner in stored:
                raise ValueError(f"{source.path}: {name!r} and {given[inner]!r} are two names of one array")
            stored[inner], given[inner] = entry, name
        elif owner is None:
            outside[name] = reason_to_ignore(plain)
    foreign = sorted(name for name, reason in outside.items() if reason is None)
    if foreign:
        raise ValueError(
            f"{source.path}: beside the {chosen.family.name} under {chosen.prefix!r} there {'are' if len(foreign) > 1 else 'is'} "
            f"{some_names(foreign)}, of which nothing says what to do with {'them' if len(foreign) > 1 else 'it'}"
        )
    ledger = Ledger(source.path, stored, given)
    arrays = chosen.family.read(ledger, source.config)
    return arrays, ledger.close(chosen.family.name) | {n: r for n, r in outside.items() if r is not None}


def _choose(source: Source, found: Sequence[Network], prefix: str | None) -> Network:
    """The network under the prefix, or the only one there is."""
    if prefix is None and len(found) == 1:
        return found[0]
    there = ", ".join(f"{network.prefix!r} ({network.family.name})" for network in found)
    if prefix is None:
        raise ValueError(
            f"{source.path}: holds {len(found)} networks, under the prefixes {there}: choose one with prefix (--prefix)"
        )
    wanted = prefix.replace("/", ".").strip(".")
    chosen = [network for network in found if network.prefix.strip(".") == wanted]
    if not chosen:
        raise ValueError(f"{source.path}: no network under the prefix {prefix!r}; there is one under {there}")
    return chosen[0]


def _unknown_message(source: Source, families: Sequence[Family]) -> str:
    names = some_names(sorted(source.stored)) or "nothing"
    known: dict[str, list[str]] = {}
    for family in families:
        name, _, source_of = family.name.partition(" (")
        known.setdefault(name, []).append(source_of.rstrip(")"))
    told = ", ".join(f"{name} ({', '.join(sources)})" for name, sources in known.items())
    return f"{source.path}: not a Mixer checkpoint that is known: it holds {names}; known are {told}"
