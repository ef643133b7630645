"""Each study at its smallest: what it says of a claim that is false, or true, by construction; words computed from the table."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kronmix as km
from analysis import classification, results
from analysis.classification import (
    Task,
    said_of_rates,
    split,
    train,
    train_at_best_rate,
    train_to_the_end,
)
from analysis.hours import estimate
from analysis.power import ENOUGH, Pilot
from analysis.results import draw
from analysis.runner import run_one
from analysis.shapes import channels_for
from analysis.sources import image_shape, images, patch_side
from analysis.stacks import LAYERS, Layer, stacked, untied
from analysis.statistics import Outcome, Verdict
from analysis.studies import dimension_mixer
from analysis.study import PILOT, QUICK, Cell, Table, all_studies, as_plain
from kronmix import networks as nn
from kronmix.networks import restorers

STUDIES = all_studies()
#: A folder that is not there: cells keep nothing.
NOWHERE = Path("nowhere")
#: Studies whose null and planted presets take no second; those of the others take up to half a minute.
SHORT = {"cost", "permutation_distance", "spectral_edge"}
BY_TIME = [pytest.param(name, marks=[pytest.mark.slow] * (name not in SHORT)) for name in STUDIES]


def small(name: str) -> Any:
    """A configuration of a cell of seconds."""
    return STUDIES[name].presets["planted"][-1]


@cache
def cell(name: str, seed: int) -> Cell:
    found = run_one(name, small(name), seed, NOWHERE)
    assert isinstance(found, Cell), found
    return found


def table_of(name: str, preset: str) -> Table:
    study = STUDIES[name]
    jobs = [(config, seed) for config in study.presets[preset] for seed in study.numbers_of_seeds(preset)]
    cells = [run_one(name, *job, NOWHERE) for job in jobs]
    assert all(isinstance(one, Cell) for one in cells), cells
    return Table(tuple(one for one in cells if isinstance(one, Cell)))


@pytest.mark.parametrize("name", BY_TIME)
def test_a_study_finds_what_is_planted_and_nothing_where_nothing_is(name: str) -> None:
    study = STUDIES[name]
    assert study.decide(table_of(name, "planted")).verdict is Verdict.SUPPORTED
    assert study.decide(table_of(name, "null")).verdict is not Verdict.SUPPORTED


@pytest.mark.parametrize("name", BY_TIME)
def test_a_cell_depends_on_its_seed_only(name: str) -> None:
    config = small(name)
    first, second, other = cell(name, 0), run_one(name, config, 0, NOWHERE), cell(name, 1)
    assert isinstance(second, Cell)
    keep = [key for key in first.values if key != "seconds"]
    assert [first.values[k] for k in keep] == [second.values[k] for k in keep]
    assert name == "cost" or [first.values[k] for k in keep] != [other.values[k] for k in keep]
    assert first.config == as_plain(config)


@pytest.mark.parametrize("name", [name for name in STUDIES if name != "sensing_average"])  # an integral, no training
def test_a_training_stopped_by_hand_makes_no_cell(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def stopped_fit(network: nn.Network, *args: Any, **options: Any) -> nn.Fit:
        trained.append(network)
        return nn.Fit(network, reason="interrupted")

    descent = km.gradient_descent

    def stopped_descent(*args: Any, **options: Any) -> Any:
        trained.append(args)
        return replace(descent(args[0], args[1], 1e-9, 1), reason="interrupted")

    monkeypatch.setattr(nn, "fit", stopped_fit)
    monkeypatch.setattr(km, "gradient_descent", stopped_descent)
    monkeypatch.setattr(restorers, "fit", stopped_fit)
    try:
        STUDIES[name].run_cell(small(name), 0)
    except KeyboardInterrupt:
        assert trained
    else:
        assert not trained


@pytest.mark.parametrize("name", STUDIES)
def test_the_quick_preset_has_power_by_the_pilot(name: str) -> None:
    study, pilot = STUDIES[name], Pilot.load(STUDIES[name])
    assert pilot.pairs >= 3 or not pilot.deviations
    assert pilot.power(study) >= ENOUGH, pilot.powers(study)


def test_a_pilot_has_seeds_of_its_own() -> None:
    study = STUDIES["expansion"]
    assert study.configurations(PILOT) == study.configurations(QUICK)
    assert not set(study.numbers_of_seeds(PILOT)) & set(study.numbers_of_seeds("full", 1000))


@pytest.mark.slow
def test_a_pilot_without_differences_is_told_from_one_with() -> None:
    """The deviation is that of the paired differences, not of either side."""
    study = STUDIES["expansion"]
    seeds, rng = range(6), np.random.default_rng(0)
    common, own = rng.normal(size=6), 0.01 * rng.normal(size=6)
    cells = tuple(
        Cell(
            as_plain(config),
            seed,
            dict.fromkeys(cell("expansion", 0).values, common[seed] + own[seed] * config.expansion),
        )
        for config in study.presets[QUICK]
        for seed in seeds
    )
    [deviation] = Pilot.of(study, Table(cells)).deviations.values()
    expansions = [config.expansion for config in study.presets[QUICK]]
    assert deviation == pytest.approx((max(expansions) - min(expansions)) * own.std(ddof=1))


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


@pytest.mark.parametrize("name", BY_TIME)
def test_outcome_and_figure_come_from_the_table(name: str, tmp_path: Any) -> None:
    study, table = STUDIES[name], invented(name, 0.5)
    outcome = study.decide(table)
    assert isinstance(outcome, Outcome)
    assert str(outcome).startswith(str(outcome.verdict))
    assert any(character.isdigit() for character in outcome.words)
    draw(study, table, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 5000


@pytest.mark.slow
def test_sensing_phase_decides_by_recoveries() -> None:
    study = STUDIES["sensing_phase"]
    table = invented("sensing_phase", 1.0)

    def with_values(**by: tuple[float, float]) -> Table:
        cells = [
            replace(
                c,
                values={
                    "error": by[c.config["structure"]][0] + 1e-3 * c.seed * (c.config["structure"] == "dense"),
                    "recovered": by[c.config["structure"]][1],
                },
            )
            for c in table.cells
        ]
        return Table(tuple(cells))

    good = with_values(Monarch=(1e-4, 1.0), dense=(0.7, 0.0), Mixer=(1.0, 0.0))
    assert study.decide(good).verdict is Verdict.SUPPORTED
    bad = with_values(Monarch=(0.5, 0.0), dense=(0.7, 0.0), Mixer=(1.0, 0.0))
    assert study.decide(bad).verdict is Verdict.NOT_SUPPORTED


@pytest.mark.parametrize("kind", ["S-Mixer", "RP-Mixer", "untied", "sparse MLP", "dense MLP"])
@pytest.mark.parametrize("skip", [False, True])
def test_stacked_networks_keep_the_size_of_features(kind: str, skip: bool) -> None:
    network = stacked(kind, "digits", 16, 16, 3, 0, density=0.2, skip=skip)
    images = np.random.default_rng(0).standard_normal((200, 8, 8, 1)).astype(np.float32)
    sizes = [float(np.mean(f**2)) for f in network.features(images)]
    assert len(sizes) == 6
    assert all(0.1 < size < 5 for size in sizes)
    assert network(images).shape == (200, 10)


def test_a_diverging_cell_is_told_by_its_numbers() -> None:
    task = Task(data="digits", train=100, test=50, epochs=3, batch=20, rate=1e30)
    _, values = train(stacked("S-Mixer", "digits", 16, 4, 1, 0), task, 0)
    assert values["test_accuracy"] == 0.0
    assert values["loss"] == np.inf


def test_split_shares_no_image_and_depends_on_the_seed() -> None:
    task = Task(data="digits", train=300, test=100, epochs=1, rate=1e-3)
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


@pytest.mark.slow
def test_similarity_decides_by_the_peak() -> None:
    study = STUDIES["similarity"]
    table = invented("similarity", 0.5)

    def peaked(at: float) -> Outcome:
        def cka(p: float) -> float:
            return 0.9 - 0.1 * abs(np.log2(p / at))

        cells = [replace(c, values={q: v * cka(c.config["density"]) for q, v in c.values.items()}) for c in table.cells]
        return study.decide(Table(tuple(cells)))

    own = (1 / 4 + 1 / 64) / 2
    assert peaked(own).verdict is Verdict.SUPPORTED
    assert "where the paper expects it" in peaked(own).words
    assert peaked(1.0).verdict is Verdict.NOT_SUPPORTED
    assert peaked(1 / 64).verdict is Verdict.NOT_SUPPORTED


def test_similarity_has_a_grid_that_tells_the_two_densities_apart() -> None:
    densities = sorted({c.density for c in STUDIES["similarity"].presets[QUICK]})
    assert sum(1 / 64 < p < (1 / 4 + 1 / 64) / 2 for p in densities) >= 1


@pytest.mark.slow
def test_optimal_shape_decides_against_both_ends() -> None:
    study = STUDIES["optimal_shape"]
    table = invented("optimal_shape", 0.5)

    def best_at(tokens: int) -> Outcome:
        cells = [
            replace(c, values={q: v - 0.1 * (c.config["tokens"] != tokens) for q, v in c.values.items()})
            for c in table.cells
        ]
        return study.decide(Table(tuple(cells)))

    assert best_at(1).verdict is Verdict.NOT_SUPPORTED
    assert best_at(49).verdict is Verdict.NOT_SUPPORTED
    assert best_at(16).verdict is Verdict.SUPPORTED


def test_shapes_have_channels_enough_for_layer_norm() -> None:
    for configs in STUDIES["optimal_shape"].presets.values():
        assert min(c.channels for c in configs) >= 8


@pytest.mark.slow
def test_trained_weights_are_compared_with_the_start_and_the_control() -> None:
    study = STUDIES["weight_decay_sparsity"]

    def table(control: float) -> Table:
        def hoyer(decay: float) -> dict[str, float]:
            return {"hoyer_start": 0.3, "hoyer_control": control, "hoyer": 0.6 + decay}  # decay is at most 0.1

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
        Cell(as_plain(config), seed, {"test_accuracy": 0.8 - 0.02 * seed, "loss": 0.1, "settled": 1.0})
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
        assert set(study.presets) == set(study.seeds) >= {"quick", "full", "null", "planted"}


def test_kept_results_give_the_verdicts_again(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_RESULTS", tmp_path)
    study = STUDIES["permutation_distance"]
    table = invented(study.name, 0.5)
    results.keep(study, table)
    again = results.kept(study)
    assert str(study.decide(again)) == str(study.decide(table))
    assert [(c.config, c.seed, c.values) for c in again.cells] == [(c.config, c.seed, c.values) for c in table.cells]
    with pytest.raises(ValueError, match="17 cells of 6 configurations × 3 seeds are there"):
        results.keep(study, Table(table.cells[1:]))


@pytest.mark.parametrize("name", STUDIES)
def test_kept_results_are_whole_and_of_the_presets(name: str) -> None:
    """Who changes a quick preset runs it again and keeps the results."""
    study = STUDIES[name]
    table = results.kept(study)
    assert table.configurations == [as_plain(config) for config in study.presets[QUICK]]
    assert {cell.seed for cell in table.cells} == set(study.numbers_of_seeds(QUICK))
    assert study.decide(table).words


# ---- what they share -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixes_tokens", [True, False])
def test_untied_layers_have_the_support_of_mixers_and_a_weight_for_every_connection(mixes_tokens: bool) -> None:
    layer, rng = Layer(4, 3, mixes_tokens, 1.0, 2.0), np.random.default_rng(0)
    untied, tied = (LAYERS[kind](layer, rng) for kind in ("untied", "S-Mixer"))
    assert ((untied.to_dense() != 0) == (tied.to_dense() != 0)).all()
    assert untied.n_parameters == untied.connections == tied.connections > tied.n_parameters


def test_the_control_starts_as_the_mixer_and_trains_equally_much_in_every_shape() -> None:
    configs = [c for c in STUDIES["optimal_shape"].presets[QUICK] if c.arm == "untied"]
    mixers = [nn.mlp_mixer((28, 28, 1), patch_side(c.data, c.tokens), c.channels, c.depth, 10, seed=0) for c in configs]
    controls = [untied(mixer) for mixer in mixers]
    X = images("mnist")[0][:3]
    for mixer, control in zip(mixers, controls, strict=True):
        assert control(X) == pytest.approx(mixer(X), abs=1e-5)
    with pytest.raises(ValueError, match="expected a new network"):
        untied(mixers[0].with_factors(*(factor + 1 for factor in mixers[0].factors)))
    weights = [control.n_parameters for control in controls]
    assert max(weights) < 1.05 * min(weights)
    assert max(m.n_parameters for m in mixers) > 20 * min(m.n_parameters for m in mixers)


def test_a_training_to_the_end_ends_where_its_loss_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    network = stacked("S-Mixer", "digits", 16, 4, 1, 0)
    task = Task(data="digits", train=300, test=100, epochs=3, rate=1e-2)
    short, long = (measure(network, task, 0)[1] for measure in (train_at_best_rate, train_to_the_end))
    assert long["rate"] == short["rate"]
    assert long["loss"] < short["loss"] / 4
    assert (long["settled"], long["epochs"] % 3) == (1, 0)
    monkeypatch.setattr(classification, "_ROUNDS", 1)
    assert [train_to_the_end(network, task, 0)[1][q] for q in ("epochs", "settled")] == [9, 0]


def test_arms_have_equal_connections_and_the_few_as_many_weights_as_the_mixer() -> None:
    arms = {c.arm: LAYERS[c.kind](Layer(c.tokens, c.channels, True, c.density, 2.0), np.random.default_rng(0))
            for c in STUDIES["fixed_connections"].presets[QUICK]}  # fmt: skip
    dense = arms["dense"].connections
    assert {arm: op.connections for arm, op in arms.items() if arm in ("untied", "tied", "permuted")} == dict.fromkeys(
        ("untied", "tied", "permuted"), dense
    )
    assert arms["sparse"].connections == pytest.approx(dense, rel=0.05)
    assert arms["few"].n_parameters == pytest.approx(arms["tied"].n_parameters, rel=0.2)
    assert arms["untied"].shape == arms["tied"].shape != arms["dense"].shape


def test_the_rate_that_is_chosen_is_no_end_of_its_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the middle of the first three: the grid grows to where held-back images stop gaining."""
    network = stacked("S-Mixer", "digits", 16, 4, 1, 0)
    rates = [
        train_at_best_rate(network, Task(data="digits", train=300, test=100, epochs=3, rate=rate), 0)[1]["rate"]
        for rate in (1e-3, 1e-3 * 9)
    ]
    assert rates[0] == pytest.approx(rates[1], rel=1e-6)
    assert rates[0] > 3e-3


@pytest.mark.parametrize("preset", [QUICK, "full", "planted"])
def test_dimension_mixers_are_compared_at_equal_multiply_adds(preset: str) -> None:
    configs = STUDIES["dimension_mixer"].presets[preset]
    costs = [dimension_mixer.network_of(config, 0).connections for config in configs]
    assert max(costs) < 1.05 * min(costs)
    groups = {config.group for config in configs}
    assert {0, round(max(groups) ** 0.5), max(groups)} <= groups


def test_a_rate_at_the_end_of_its_grid_is_told() -> None:
    config = as_plain(STUDIES["expansion"].presets[QUICK][0])

    def table(*powers: int) -> Table:
        return Table(tuple(Cell(config, seed, {"rate": config["rate"] * 3.0**p}) for seed, p in enumerate(powers)))

    assert said_of_rates(table(-3, 0, 3)) == "In all 3 cells the chosen rate lies inside its grid."
    assert "In 2 of 4 cells the chosen rate is the last of its grid" in said_of_rates(table(-4, 0, 4, 1))
    assert said_of_rates(Table((Cell({"rate": 1.0}, 0, {"accuracy": 1.0}),))) == ""


def test_noise_takes_the_labels_away_from_training_only() -> None:
    clean = Task(data="digits", train=1000, test=100, epochs=1, rate=1e-3)
    (X, y), (_, y_test) = split(clean, 0)
    (X_noisy, y_noisy), (_, y_test_noisy) = split(replace(clean, noise=1.0), 0)
    assert (X == X_noisy).all()
    assert (y_test == y_test_noisy).all()
    assert np.mean(y == y_noisy) < 0.2


@pytest.mark.parametrize("name", ["natural patches", "mixer teacher", "low-rank teacher"])
def test_images_made_here_have_labels_that_are_used(name: str) -> None:
    pixels, y = images(name)
    assert pixels.shape == (5000, 8, 8, 1)
    assert np.bincount(y).min() > 20
    assert images(name)[0] is pixels


def test_an_image_that_does_not_divide_is_refused() -> None:
    assert patch_side("digits", 16) == 2
    with pytest.raises(ValueError, match=r"images of 8×8 pixels do not divide into 49 square patches"):
        patch_side("digits", 49)
    with pytest.raises(ValueError, match="has 1797 images, not 1700 to train on and 1000 to test"):
        split(Task(data="digits", train=1700, epochs=1, rate=1.0), 0)


def test_a_study_on_other_images() -> None:
    other = STUDIES["expansion"].on("digits")
    assert {config.data for config in other.configurations("full")} == {"digits"}
    assert image_shape("digits") == (8, 8, 1)
    with pytest.raises(ValueError, match="cost: reads no data"):
        STUDIES["cost"].on("digits")


def test_hours_are_those_of_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training of 300 images in batches of 50, 100 epochs, is 600 steps; a trial takes three seconds and half a second a step."""
    study = STUDIES["expansion"]
    small = study.presets["planted"][0]
    assert 0 < estimate(study, [small]) < 1
    monkeypatch.setattr("analysis.hours._time_trial", lambda study, config, batches: 3 + 0.5 * batches)
    assert estimate(study, [replace(small, epochs=100)] * 2) == pytest.approx(2 * (3 + 0.5 * 600) / 3600)
    assert estimate(STUDIES["cost"], STUDIES["cost"].presets[QUICK]) is None


def test_a_network_with_a_fixed_readout_is_trained() -> None:
    """The number of classes is that of its outputs, not of its last trained layer."""
    rng = np.random.default_rng(0)
    body = nn.Sequential(nn.Linear(km.Dense(rng.normal(size=(2, 4)))), nn.Fixed(km.Dense(rng.normal(size=(5, 2)))))
    fit = nn.fit(nn.Network(body, nn.Patches()), rng.normal(size=(20, 4)), rng.integers(0, 5, 20), epochs=1)
    assert fit.network(np.zeros((3, 4))).shape == (3, 5)


def test_one_class_too_many_is_refused() -> None:
    with pytest.raises(ValueError, match="integer labels from 0 to 1"):
        nn.fit(nn.mlp(4, [3], 2), np.zeros((5, 4)), np.array([0, 1, 2, 0, 1]), epochs=1)
