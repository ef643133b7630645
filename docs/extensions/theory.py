"""The theory page: every theorem entry as its prover left it, from ``km.verify()``."""

from __future__ import annotations

import json
from functools import cache
from itertools import groupby
from typing import Any

from sphinx.application import Sphinx

import kronmix as km
from kronmix.symbolic.claims import EVIDENCE, PROVING

from .kept import kept

Row = dict[str, Any]


@cache
def verdicts() -> list[Row]:
    """The rows of ``km.verify()``."""
    rows: list[Row] = json.loads(kept("verdicts", lambda: km.verify().to_json()))["rows"]
    return rows


def verdict(app: Sphinx, words: str) -> str:
    """One sentence on all of them."""
    rows = verdicts()
    statements = [list(same) for _, same in groupby(rows, key=lambda row: (row["number"], row["name"]))]
    proved = sum(all(map(_passes, same)) and any(row["evidence"] in PROVING for row in same) for same in statements)
    rejected, mutants = sum(row["mutants_rejected"] for row in rows), sum(len(row["mutants"]) for row in rows)
    seconds = sum(row["seconds"] for row in rows)
    return (
        f"When this page was built, **{proved} of {len(statements)} statements** were proved (worked cases and numerical "
        f"checks do not count), and **{rejected} of {mutants} false neighbours** were refuted, in {seconds:.0f} seconds."
    )


def _passes(row: Row) -> bool:
    return bool(row["holds"]) and not row["accepted"]


def evidence(app: Sphinx, words: str) -> str:
    """The kinds of evidence, strongest first."""
    return "\n\n".join(f"{kind}\n: {meaning}" for kind, meaning in EVIDENCE.items())


def theorems(app: Sphinx, words: str) -> str:
    """The entries of the theorems from one number to another: ``T1 T8``."""
    first, last = (int(number[1:]) for number in words.split())
    wanted = [row for row in verdicts() if first <= int(row["number"][1:]) <= last]
    parts = []
    for number, rows in groupby(wanted, key=lambda row: row["number"]):
        parts.append(f"({number.lower()})=\n### {number}")
        parts += [_statement(list(same)) for _, same in groupby(rows, key=lambda row: row["name"])]
    return "\n\n".join(parts)


def _statement(rows: list[Row]) -> str:
    """A statement with the verdict on each kind of evidence it has."""
    first = rows[0]
    lines = [
        f":::{{card}} {_plain(first['name'])}",
        ":class-card: theorem",
        _plain(first["statement"]),
        f"\n$$\n{first['latex']}\n$$\n",
        *map(_verdict, rows),
    ]
    refuted = [name for row in rows for name in row["mutants"] if name not in row["accepted"]]
    accepted = [name for row in rows for name in row["accepted"]]
    if refuted:
        count = f"{len(refuted)} of {len(refuted) + len(accepted)}"
        lines.append(f"- False neighbours refuted ({count}): " + "; ".join(map(_plain, dict.fromkeys(refuted))) + ".")
    if accepted:
        lines.append("- {bdg-danger}`ACCEPTED` false neighbours: " + "; ".join(map(_plain, accepted)) + ".")
    lines.append(f"- Source: {_plain(first['source'])}.")
    return "\n".join([*lines, ":::"])


def _verdict(row: Row) -> str:
    parts = [f"**{row['evidence']}**: {_plain(row['sizes'])}", _plain(row["detail"])]
    if row["error_probability"] and "probability" not in row["detail"]:
        parts.append(f"error probability below {row['error_probability']:.0e}")
    parts.append(_time(row["seconds"]))
    word = "{bdg-success}`holds`" if row["holds"] else "{bdg-danger}`FAILS`"
    return f"- {word} " + "; ".join(filter(None, parts)) + "."


def _time(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds >= 0.01 else "below 0.01 s"


def _plain(text: str) -> str:
    """Words that Markdown must not read as markup."""
    for character in "\\`*_{}[]<>$|":
        text = text.replace(character, "\\" + character)
    return text
