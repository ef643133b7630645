"""Each study at its smallest: a cell runs, a table is decided in words computed from it, a figure is drawn."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from analysis.__main__ import draw
from analysis.classification import Task, split, stacked, train
from analysis.runner import run_one
from analysis.shapes import channels_for
from analysis.statistics import Outcome, Verdict
from analysis.study import Cell, Table, all_studies, as_plain

STUDIES = all_studies()
#: Configurations made smaller for the tests.
SMALLER: dict[str, dict[str, Any]] = {
    "weight_decay_sparsity": {"steps": 20},
    "adamw_mixer": {"steps": 20},
    "sgd_noise": {"steps": 50},
    "sensing_average": {"log_scale": 2, "measurements": 60},
    "fixed_connections": {"epochs": 1, "train": 100, "width": 512, "channels": 32},
    "optimal_shape": {"epochs": 1, "train": 100},
    "expansion": {"epochs": 1, "train": 100},
    "similarity": {"epochs": 1, "train": 100, "density": 0.1},
    "random_permutation": {"epochs": 1, "train": 100, "depth": 2},
    "monarch_vs_kronecker": {"epochs": 1, "train": 100},
    "spectral_edge": {"epochs": 1},
    "data_aware": {"epochs": 1, "train": 60, "test": 50, "tuning_epochs": 1, "width": 32},
}
#: Studies of every kind whose cells take a second; the others' cells take their time.
QUICK = {"permutation_distance", "sensing_phase", "weight_decay_sparsity"}
EACH = [pytest.param(name, marks=[pytest.mark.slow][: name not in QUICK]) for name in STUDIES]


@cache
def cell(name: str, seed: int) -> Cell:
    return run_one(name, replace(STUDIES[name].presets["quick"][-1], **SMALLER.get(name, {})), seed)


@pytest.mark.parametrize("name", EACH)
def test_a_cell_depends_on_its_seed_only(name: str) -> None:
    study = STUDIES[name]
    config = replace(study.presets["quick"][-1], **SMALLER.get(name, {}))
    first, second, other = cell(name, 0), run_one(name, config, 0), cell(name, 1)
    timed = {"seconds"}
    keep = [key for key in first.values if key not in timed]
    assert [first.values[k] for k in keep] == [second.values[k] for k in keep]
    assert name == "cost" or [first.values[k] for k in keep] != [other.values[k] for k in keep]
    assert first.config == as_plain(config)


def invented(name: str, value: float, seeds: int = 3) -> Table:
    """A table of every configuration with all numbers the same, but for rounding over seeds."""
    study = STUDIES[name]
    quantities = cell(name, 0).values
    rng = np.random.default_rng(0)
    return Table(
        tuple(
            Cell(as_plain(config), seed, {q: value * (1 + 1e-3 * rng.random()) for q in quantities})
            for config in study.presets["quick"]
            for seed in range(seeds)
        )
    )


@pytest.mark.parametrize("name", EACH)
def test_outcome_and_figure_come_from_the_table(name: str, tmp_path: Any) -> None:
    study, table = STUDIES[name], invented(name, 0.5)
    outcome = study.decide(table)
    assert isinstance(outcome, Outcome)
    assert str(outcome).startswith(str(outcome.verdict))
    assert any(character.isdigit() for character in outcome.words)
    draw(study, table, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


def test_sensing_phase_decides_by_recoveries() -> None:
    study = STUDIES["sensing_phase"]
    table = invented("sensing_phase", 1.0)

    def with_values(**by: tuple[float, float]) -> Table:
        cells = [
            replace(c, values={"error": by[c.config["structure"]][0], "recovered": by[c.config["structure"]][1]})
            for c in table.cells
        ]
        return Table(tuple(cells))

    good = with_values(Monarch=(1e-4, 1.0), dense=(0.7, 0.0), Mixer=(1.0, 0.0))
    assert study.decide(good).verdict is Verdict.SUPPORTED
    assert (
        study.decide(with_values(Monarch=(0.5, 0.0), dense=(0.7, 0.0), Mixer=(1.0, 0.0))).verdict
        is Verdict.NOT_SUPPORTED
    )
    assert (
        study.decide(with_values(Monarch=(0.5, 0.7), dense=(0.7, 0.0), Mixer=(1.0, 0.0))).verdict is Verdict.UNDECIDED
    )


@pytest.mark.parametrize("kind", ["S-Mixer", "RP-Mixer", "sparse MLP", "dense MLP"])
@pytest.mark.parametrize("skip", [False, True])
def test_stacked_networks_keep_the_size_of_features(kind: str, skip: bool) -> None:
    network = stacked(kind, "digits", 2, 16, 3, 0, density=0.2, skip=skip)
    images = np.random.default_rng(0).standard_normal((200, 8, 8, 1)).astype(np.float32)
    sizes = [float(np.mean(f**2)) for f in network.features(images)]
    assert len(sizes) == 6
    assert all(0.1 < size < 5 for size in sizes)
    assert network(images).shape == (200, 10)


def test_a_diverging_cell_is_told_by_its_numbers() -> None:
    task = Task("digits", 100, 50, 3, 20, 1e30)
    _, values = train(stacked("S-Mixer", "digits", 2, 4, 1, 0), task, 0)
    assert values["test_accuracy"] == 0.0
    assert values["loss"] == np.inf


def test_split_shares_no_image_and_depends_on_the_seed() -> None:
    task = Task("digits", 300, 100, 1, 20, 1e-3)
    (X, _), (held, _) = split(task, 0)
    assert X.shape == (300, 8, 8, 1)
    rows = {x.tobytes() for x in X}
    assert len(rows) > 290
    assert not rows & {x.tobytes() for x in held}
    assert split(task, 1)[0][0].tobytes() != X.tobytes()


def test_channels_keep_the_connections() -> None:
    for tokens, γ_T, γ_C in ((4, 1, 1), (16, 2, 2), (49, 1, 8)):
        C = channels_for(2**17, tokens, γ_T, γ_C)
        assert (γ_T * C * tokens**2 + γ_C * C**2 * tokens) / 2 == pytest.approx(2**17, rel=0.05)


def test_similarity_decides_by_the_peak() -> None:
    study = STUDIES["similarity"]
    table = invented("similarity", 0.5)

    def peaked(at: float) -> Table:
        def cka(p: float) -> float:
            return 0.9 - 0.1 * abs(np.log2(p / at))

        cells = [replace(c, values={q: v * cka(c.config["density"]) for q, v in c.values.items()}) for c in table.cells]
        return Table(tuple(cells))

    assert study.decide(peaked(2**-4)).verdict is Verdict.SUPPORTED  # (1/16 + 1/32)/2 = 0.047
    assert study.decide(peaked(1.0)).verdict is Verdict.NOT_SUPPORTED


def test_optimal_shape_decides_by_the_nearest_size() -> None:
    study = STUDIES["optimal_shape"]
    table = invented("optimal_shape", 0.5)

    def best_at(tokens: int) -> Table:
        cells = [
            replace(c, values={q: v - 0.1 * (c.config["tokens"] != tokens) for q, v in c.values.items()})
            for c in table.cells
        ]
        return Table(tuple(cells))

    assert study.decide(best_at(1)).verdict is Verdict.NOT_SUPPORTED
    assert "in 100 % of the resamples" in study.decide(best_at(16)).words


def test_shapes_have_channels_enough_for_layer_norm() -> None:
    for configs in STUDIES["optimal_shape"].presets.values():
        assert min(c.channels for c in configs) >= 8


def test_trained_weights_are_compared_with_the_start_and_the_control() -> None:
    study = STUDIES["weight_decay_sparsity"]

    def table(control: float) -> Table:
        def hoyer(decay: float) -> dict[str, float]:
            return {"hoyer_start": 0.3, "hoyer_control": control, "hoyer": 0.6 + decay}

        return Table(
            tuple(
                Cell(
                    c.config,
                    c.seed,
                    {q: v + 1e-4 * c.seed * len(q) for q, v in hoyer(c.config["weight_decay"]).items()},
                )
                for c in invented("weight_decay_sparsity", 0.5).cells
            )
        )

    assert study.decide(table(0.5)).verdict is Verdict.SUPPORTED
    assert study.decide(table(0.6)).verdict is Verdict.NOT_SUPPORTED
    assert "trained minus control" in study.decide(table(0.6)).words


def test_a_study_pairs_by_seed() -> None:
    """By position the difference of these is 0.02 in every pair; by seed there is none."""
    study, seeds = STUDIES["monarch_vs_kronecker"], ((0, 1, 2), (1, 2, 3))
    cells = tuple(
        Cell(as_plain(config), seed, {"test_accuracy": 0.8 - 0.02 * seed})
        for config in study.presets["quick"]
        for seed in seeds[config.kind == "Kronecker"]
    )
    outcome = study.decide(Table(cells))
    assert outcome.verdict is not Verdict.SUPPORTED
    assert "(2 pairs" in outcome.words


def test_every_study_is_described() -> None:
    for name, study in STUDIES.items():
        assert name == study.name
        assert study.question.endswith("?")
        assert study.smallest_effect > 0
        assert set(study.presets) == set(study.seeds) == {"quick", "full"}
