"""What a study is.

A study is a module of ``analysis.studies`` with a ``STUDY``: a question, configurations in presets, a function that runs one cell
(configuration × seed), a verdict computed from the table, and a plot. Cells share nothing: every random number of a cell comes from
its own seed, so that the same seed gives the same table on one process or on many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import analysis.studies
from kronmix.intervals import Interval

from .statistics import Outcome, Samples

QUICK, PILOT = "quick", "pilot"
#: Presets whose time is announced before they start.
LONG = ("full", "paper")
#: A pilot's seeds are no other preset's.
_PILOT_SEEDS, _FIRST_OF_PILOT = 4, 100_000

#: Numbers that one cell gives.
Values = Mapping[str, float]


@dataclass(frozen=True)
class Origin:
    """What a cell was computed with: the code's version with a digest of its text, and a digest of the data."""

    code: str = ""
    data: str = ""

    def __str__(self) -> str:
        return f"code {self.code}" + (f", data {self.data}" if self.data else "")


@dataclass(frozen=True)
class Cell:
    """One configuration with one seed, and the numbers it gave."""

    config: Mapping[str, Any]
    seed: int
    values: Values
    origin: Origin = Origin()


@dataclass(frozen=True)
class Failure:
    """One configuration with one seed, and why it gave no numbers."""

    config: Mapping[str, Any]
    seed: int
    error: str

    def __str__(self) -> str:
        setting = ", ".join(f"{key}={value}" for key, value in self.config.items())
        return f"{setting}, seed {self.seed}: {self.error}"


@dataclass(frozen=True)
class Study:
    """One question.

    Attributes
    ----------
    name : str
    question, source : str
        The question, and where it comes from (P1 … P6: experiments of the paper; E.n: question n of the theory's section E).
    presets : mapping of name to configurations
        Frozen dataclasses with plain values. "quick" decides the question in minutes, "full" is as near the paper as a CPU
        allows, "paper" has the paper's sizes. In "null" the claim is false by construction, in "planted" it is true; the study
        has to say so.
    run_cell : function (configuration, seed) -> mapping of name to float
    decide : function of the table -> Outcome
    plot : function (table, Axes) -> None
    seeds : mapping of preset to default number of seeds
    smallest_effect : float
        The smallest difference that counts for ``decide``, in its unit; declared before anything is run.
    """

    name: str
    question: str
    source: str
    presets: Mapping[str, Sequence[Any]]
    run_cell: Callable[[Any, int], Values]
    decide: Callable[[Table], Outcome]
    plot: Callable[[Table, Any], None]
    seeds: Mapping[str, int]
    smallest_effect: float

    @property
    def preset_names(self) -> tuple[str, ...]:
        """Presets, and the pilot: the quick one with seeds of its own, by which its power is computed."""
        return (*self.presets, PILOT)

    def data(self, config: Any) -> tuple[str, ...]:
        """Names of the images that a cell reads."""
        return (config.data,) if hasattr(config, "data") else ()

    @property
    def reads_data(self) -> bool:
        """Whether its cells read images."""
        return all(self.data(config) for configs in self.presets.values() for config in configs)

    def configurations(self, preset: str) -> Sequence[Any]:
        """The configurations of a preset.

        Raises
        ------
        ValueError
            If the preset is unknown.
        """
        if preset not in self.preset_names:
            raise ValueError(f"preset {preset!r}: {self.name} has {', '.join(self.preset_names)}")
        return self.presets[QUICK if preset == PILOT else preset]

    def numbers_of_seeds(self, preset: str, count: int | None = None) -> range:
        """The seeds of a preset; ``count`` instead of its own number.

        Raises
        ------
        ValueError
            If there are none.
        """
        count = self.seeds.get(preset, _PILOT_SEEDS) if count is None else count
        if count < 1:
            raise ValueError(f"seeds={count}: expected at least 1")
        first = _FIRST_OF_PILOT if preset == PILOT else 0
        return range(first, first + count)

    def on(self, data: str) -> Study:
        """The same study on other images.

        Raises
        ------
        ValueError
            If it reads none.
        """
        if not self.reads_data:
            raise ValueError(f"{self.name}: reads no data")
        return replace(self, presets={n: [replace(c, data=data) for c in cs] for n, cs in self.presets.items()})


@dataclass(frozen=True)
class Table:
    """Cells, and what they say by configuration; and those that failed."""

    cells: tuple[Cell, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def configurations(self) -> list[Mapping[str, Any]]:
        """The different configurations, in order of appearance."""
        seen: dict[str, Mapping[str, Any]] = {}
        for cell in self.cells:
            seen.setdefault(repr(sorted(cell.config.items())), cell.config)
        return list(seen.values())

    @property
    def quantities(self) -> list[str]:
        """Names of the numbers."""
        return list(dict.fromkeys(name for cell in self.cells for name in cell.values))

    def levels(self, name: str, **wanted: Any) -> list[Any]:
        """The different values of one setting, in order of appearance, in configurations that have these values."""
        chosen = [c for c in self.configurations if all(c.get(k) == v for k, v in wanted.items())]
        return list(dict.fromkeys(c[name] for c in chosen))

    def samples(self, quantity: str, **wanted: Any) -> Samples:
        """One number of the one configuration that has these values, by seed.

        Raises
        ------
        ValueError
            If several configurations have them.
        """
        chosen = [c for c in self.cells if all(c.config.get(k) == v for k, v in wanted.items())]
        by_seed = {c.seed: c.values[quantity] for c in chosen}
        if len(by_seed) < len(chosen):
            raise ValueError(f"{wanted}: several configurations have these values, expected one")
        return Samples(by_seed)

    def interval(self, quantity: str, **wanted: Any) -> Interval:
        """Mean over seeds, with its interval."""
        return self.samples(quantity, **wanted).interval


def draw_intervals(ax: Any, x: Any, found: Sequence[Interval], **look: Any) -> Any:
    """Draw means with their intervals as error bars; ``look`` is Matplotlib's."""
    error = [i.mean - i.low for i in found], [i.high - i.mean for i in found]
    return ax.errorbar(x, [i.mean for i in found], error, capsize=3, **({"marker": "o"} | look))


def as_plain(config: Any) -> dict[str, Any]:
    """A configuration as plain values."""
    return asdict(config)


def all_studies() -> dict[str, Study]:
    """Every study, by name."""
    names = sorted(m.name for m in iter_modules(analysis.studies.__path__))
    found = [import_module(f"analysis.studies.{name}").STUDY for name in names]
    return {study.name: study for study in found}


def find_study(name: str) -> Study:
    """The study of a name.

    Raises
    ------
    ValueError
        If there is none.
    """
    studies = all_studies()
    if name not in studies:
        raise ValueError(f"study {name!r}: expected one of {', '.join(studies)}")
    return studies[name]
