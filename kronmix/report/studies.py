"""Results of studies, as ``python -m analysis`` leaves them in a folder."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StudyFound:
    """One study's result.

    Attributes
    ----------
    name, preset : str
    question, outcome : str
        Outcome: the verdict and its words, computed from the table.
    figure : bytes
        PNG.
    table : tuple of rows of str
        The first is the header.
    """

    name: str
    preset: str
    question: str
    outcome: str
    figure: bytes
    table: tuple[Sequence[str], ...]


def find_studies(folder: str | os.PathLike[str]) -> tuple[StudyFound, ...]:
    """Every finished study in a folder, of its fullest preset; those without all their files are left out.

    Parameters
    ----------
    folder : path
        With ``NAME/full`` or ``NAME/quick`` for every study, each holding outcome.txt, figure.png and table.csv.

    Returns
    -------
    tuple of StudyFound
        In the order of their names; empty where the folder is missing.

    Examples
    --------
    >>> from kronmix.report.studies import find_studies
    >>> find_studies("no such folder")
    ()
    """
    found = []
    for place in sorted(Path(folder).glob("*/")):
        for preset in ("full", "quick"):
            inner = place / preset
            if all((inner / name).is_file() for name in ("outcome.txt", "figure.png", "table.csv")):
                found.append(_read_study(place.name, preset, inner))
                break
    return tuple(found)


def _read_study(name: str, preset: str, folder: Path) -> StudyFound:
    question, _, outcome = (folder / "outcome.txt").read_text(encoding="utf-8").partition("\n")
    with open(folder / "table.csv", encoding="utf-8", newline="") as stream:
        table = tuple(csv.reader(stream))
    return StudyFound(name, preset, question, outcome.strip(), (folder / "figure.png").read_bytes(), table)
