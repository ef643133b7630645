"""Networks: the tensor form is the wide MLP, gradients are derivatives, training stops, goes on and says what is wrong (T5)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.networks import SGD, AdamW, DivergedError, Network, cosine, fit
from kronmix.networks.losses import cross_entropy, squared
from kronmix.networks.normalization import LayerNorm
from kronmix.networks.steps import Stepper

Build = Callable[[str, Any], Network]

BUILDERS: dict[str, Build] = {
    "mlp": lambda a, t: km.networks.mlp(12, [7, 5], 3, activation=a, dtype=t),
    "sparse_mlp": lambda a, t: km.networks.sparse_mlp(12, [20, 20, 10], 3, density=0.3, activation=a, dtype=t),
    "s_mixer": lambda a, t: km.networks.s_mixer(4, 3, 2, 3, activation=a, dtype=t),
    "rp_mixer": lambda a, t: km.networks.rp_mixer(4, 3, 2, 3, activation=a, dtype=t),
    "monarch_mlp": lambda a, t: km.networks.monarch_mlp((4, 3), 2, 3, activation=a, dtype=t),
    "group_mixer": lambda a, t: km.networks.group_mixer(8, 2, 3, expansion=2, activation=a, dtype=t),
    "mlp_mixer": lambda a, t: km.networks.mlp_mixer((4, 6, 1), 2, 5, 2, 3, activation=a, dtype=t),
}
BUILDERS["image_mixer"] = lambda a, t: km.networks.image_mixer((4, 6, 1), 2, 5, 2, activation=a, dtype=t)
SHAPES = {"image_mixer": (4, 6, 1), "s_mixer": (4, 3), "rp_mixer": (4, 3), "group_mixer": (8,), "mlp_mixer": (4, 6, 1)}


def data(name: str, samples: int = 6, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(samples, *SHAPES.get(name, (12,))))


def shaken(net: Network, seed: int = 1) -> Network:
    """Biases, norms and all away from their initial zeros and ones."""
    rng = np.random.default_rng(seed)
    return net.with_factors(*(f + 0.1 * rng.standard_normal(f.shape).astype(f.dtype) for f in net.factors))


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "relu", "tanh", "linear"])
@pytest.mark.parametrize("name", BUILDERS)
def test_the_network_is_its_wide_mlp(name: str, activation: str) -> None:
    net = shaken(BUILDERS[name](activation, np.float64))
    X = data(name)
    np.testing.assert_allclose(net(X), net.as_wide_mlp()(X), rtol=0, atol=1e-12 * (1 + np.abs(net(X)).max()))


def test_mlp_mixer_is_the_usual_formula_on_matrices() -> None:
    """W₂ φ(W₁ LN(X)) and φ(LN(X) V₁) V₂ with biases and skips, written on S × C matrices (T5)."""
    net = shaken(km.networks.mlp_mixer((4, 4, 2), 2, 5, 1, 3, token_expansion=1.5, dtype=np.float64))
    images = np.random.default_rng(0).normal(size=(3, 4, 4, 2))
    embed, be, g1, s1, W1, b1, W2, b2, g2, s2, V1, c1, V2, c2, g3, s3, head, bh = net.factors

    def norm(X: Any, scale: Any, shift: Any) -> Any:
        centred = X - X.mean(axis=1, keepdims=True)
        return centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1e-6) * scale + shift

    def gelu(z: Any) -> Any:
        from scipy.special import erf

        return z * (1 + erf(z / np.sqrt(2))) / 2

    for image, found in zip(images, net(images), strict=True):
        patches = image.reshape(2, 2, 2, 2, 2).transpose(0, 2, 1, 3, 4).reshape(4, 8)
        X = patches @ embed[0, 0].T + be.reshape(-1)
        X = X + W2[0, 0] @ gelu(W1[0, 0] @ norm(X, g1, s1) + b1.reshape(-1, 1)) + b2.reshape(-1, 1)
        X = X + gelu(norm(X, g2, s2) @ V1[0, 0].T + c1.reshape(-1)) @ V2[0, 0].T + c2.reshape(-1)
        expected = head @ norm(X, g3, s3).mean(axis=0) + bh.reshape(-1)
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh", "relu", "tanh"])
@pytest.mark.parametrize("name", BUILDERS)
def test_gradients_are_central_differences(name: str, activation: str) -> None:
    net = shaken(BUILDERS[name](activation, np.float64))
    X = net.patches.columns(data(name), np.float64)
    labels = np.arange(6) % 3
    flat = Stepper(net, "cross_entropy")
    θ = flat.vector(net.factors)

    def value(θ: Any) -> float:
        return cross_entropy(net.body.with_factors(*flat.arrays(θ)).vjp(X)[0], labels, 6)[0]

    outputs, pull = net.body.vjp(X)
    gradients, X_bar = pull(cross_entropy(outputs, labels, 6)[1], True)
    gradient = flat.vector(gradients)
    rng = np.random.default_rng(2)
    for _ in range(4):
        direction = rng.normal(size=θ.size)
        h = 1e-6
        numeric = (value(θ + h * direction) - value(θ - h * direction)) / (2 * h)
        assert gradient @ direction == pytest.approx(numeric, rel=1e-5, abs=1e-8)
    assert X_bar is not None
    move = rng.normal(size=X.shape)
    ahead, behind = (cross_entropy(net.body(X + s * 1e-6 * move), labels, 6)[0] for s in (1, -1))
    assert np.vdot(X_bar, move) == pytest.approx((ahead - behind) / 2e-6, rel=1e-5, abs=1e-8)


def test_squared_loss_gradient_and_layer_norm() -> None:
    rng = np.random.default_rng(0)
    outputs, targets, move = rng.normal(size=(3, 4, 5))
    value, gradient = squared(outputs, targets, 5)
    assert value == pytest.approx(0.5 * np.sum((outputs - targets) ** 2) / 5)
    assert np.vdot(gradient, move) == pytest.approx(np.vdot(outputs - targets, move) / 5)
    norm = LayerNorm(np.ones(4), np.zeros(4), tokens=3)
    Y = norm(rng.normal(size=(12, 2))).reshape(4, 3, 2)
    np.testing.assert_allclose(Y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(Y.std(axis=0), 1, atol=1e-4)


def test_single_precision_stays_single_and_close() -> None:
    net = km.networks.mlp_mixer((8, 8, 1), 2, 16, 2, 10)
    assert all(f.dtype == np.float32 for f in net.factors)
    X = np.random.default_rng(0).normal(size=(4, 8, 8, 1))
    found = net(X)
    assert found.dtype == np.float32
    double = km.networks.mlp_mixer((8, 8, 1), 2, 16, 2, 10, dtype=np.float64)
    double = double.with_factors(*(f.astype(np.float64) for f in net.factors))
    np.testing.assert_allclose(found, double(X), rtol=1e-4, atol=1e-5)
    assert net(X, batch=3).tobytes() != b""
    np.testing.assert_allclose(net(X, batch=3), found, rtol=1e-5, atol=1e-6)


def test_counts_of_the_wide_mlp() -> None:
    """T5, T6: widths m → γm → m → γm → m, and the connections of MixerShape."""
    net = km.networks.mlp_mixer((8, 8, 1), 2, 12, 1, 10, token_expansion=2, channel_expansion=3)
    shape = km.MixerShape(16, 12, token_expansion=2, channel_expansion=3)
    wide = net.layers()[1:-1]
    assert [op.shape[0] for op in wide] == [layer.width_out for layer in shape.layers()]
    assert [op.nnz for op in wide] == [layer.connections for layer in shape.layers()]
    assert net.as_wide_mlp().widths[1:6] == (192, 384, 192, 576, 192)


def test_initial_weights_keep_the_size_of_features() -> None:
    """Variance of the features stays of order one through wide layers, for sparse fan-in too."""
    X = np.random.default_rng(7).normal(size=(64, 1024))  # not the seed of the weights
    for net in (
        km.networks.sparse_mlp(1024, [1024, 1024, 1024], 8, density=0.05, activation="linear", dtype=np.float64),
        km.networks.monarch_mlp((32, 32), 3, 8, activation="linear", dtype=np.float64),
        km.networks.rp_mixer(32, 32, 2, 8, activation="linear", dtype=np.float64),
    ):
        Z = net.patches.columns(X, np.float64)
        for op in net.layers()[:-1]:
            Z = op @ Z
            assert 0.7 < Z.std() < 1.4


# ---- training --------------------------------------------------------------------------------------------------------


def digits() -> tuple[Any, Any]:
    X, y = km.datasets.digits()
    return X[:400, :, :, None], y[:400]


def mixer(seed: int = 0) -> Network:
    return km.networks.mlp_mixer((8, 8, 1), 2, 16, 1, 10, seed=seed)


def test_training_learns_and_is_the_same_again() -> None:
    X, y = digits()
    found = fit(mixer(), X, y, epochs=8, schedule=1e-2)
    assert found.history[-1].loss < 0.6 * found.history[0].loss
    assert found.history[-1].accuracy > 0.6
    again = fit(mixer(), X, y, epochs=8, schedule=1e-2)
    assert all(np.array_equal(a, b) for a, b in zip(found.network.factors, again.network.factors, strict=True))
    other = fit(mixer(), X, y, epochs=8, schedule=1e-2, seed=1)
    assert not np.array_equal(found.network.factors[0], other.network.factors[0])
    assert np.array_equal(mixer().factors[0], mixer().factors[0])


@pytest.mark.parametrize("make", [lambda: AdamW(weight_decay=0.1), lambda: SGD(momentum=0.9, weight_decay=1e-3)])
def test_a_run_goes_on_bit_for_bit(make: Any, tmp_path: Path) -> None:
    X, y = digits()
    schedule = cosine(5e-3, steps=28, warmup=3)
    whole = fit(mixer(), X, y, epochs=4, optimizer=make(), schedule=schedule)
    file = tmp_path / "run.npz"
    fit(mixer(), X, y, epochs=2, optimizer=make(), schedule=schedule, checkpoint=file)
    resumed = fit(mixer(), X, y, epochs=4, optimizer=make(), schedule=schedule, checkpoint=file)
    assert resumed.history == whole.history
    assert all(np.array_equal(a, b) for a, b in zip(resumed.network.factors, whole.network.factors, strict=True))


def test_interruption_keeps_the_last_whole_epoch() -> None:
    X, y = digits()

    def stop(epoch: Any, epochs: int) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    found = fit(mixer(), X, y, epochs=5, progress=stop)
    assert found.reason == "interrupted"
    assert len(found.history) == 2
    two = fit(mixer(), X, y, epochs=2)
    assert all(np.array_equal(a, b) for a, b in zip(found.network.factors, two.network.factors, strict=True))


def test_squared_loss_fits_a_line() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 12))
    Y = X @ rng.normal(size=(12, 3))
    net = km.networks.mlp(12, [], 3, activation="linear", dtype=np.float64)
    found = fit(net, X, Y, epochs=60, loss="squared", optimizer=SGD(), schedule=0.2)
    np.testing.assert_allclose(found.network(X), Y, atol=1e-6)


def test_an_optimizer_brings_nothing_from_an_earlier_run() -> None:
    X, y = digits()
    optimizer = AdamW()
    first, second = (fit(mixer(), X, y, epochs=2, optimizer=optimizer) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first.network.factors, second.network.factors, strict=True))
    assert optimizer.state == {}


def test_a_skip_connection_leaves_its_input_alone() -> None:
    X = np.ones((2, 3))
    Y, pull = km.networks.Residual().vjp(X)
    _, X_bar = pull(X, True)
    np.testing.assert_array_equal(Y, 2 * np.ones((2, 3)))
    np.testing.assert_array_equal(X_bar, 2 * np.ones((2, 3)))
    np.testing.assert_array_equal(km.networks.Residual()(X), Y)
    np.testing.assert_array_equal(X, np.ones((2, 3)))


def test_divergence_is_named() -> None:
    X, y = digits()
    with pytest.raises(DivergedError, match="in epoch 1 at a rate of 1e"), np.errstate(all="ignore"):
        fit(mixer(), X, y, optimizer=SGD(), schedule=1e30)


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: km.networks.mlp(4, [3], 2, activation="sine"), ValueError, "activation='sine'"),
        (lambda: km.networks.mlp(4, [0], 2), ValueError, "size=0"),
        (lambda: km.networks.mlp(4.5, [2], 2), TypeError, "not an integer"),
        (lambda: km.networks.sparse_mlp(4, [3, 3], 2), ValueError, "either density or connections"),
        (lambda: km.networks.sparse_mlp(4, [3, 3], 2, density=1.5), ValueError, "expected 0 < p ≤ 1"),
        (lambda: km.networks.sparse_mlp(4, [3, 3], 2, connections=100), ValueError, "expected 0 < p ≤ 1"),
        (lambda: km.networks.s_mixer(4, 3, 0, 2), ValueError, "depth=0"),
        (lambda: km.networks.group_mixer(12, 2, 3), ValueError, "expected a power of group=2"),
        (lambda: km.networks.mlp_mixer((8, 8, 1), 3, 4, 1, 2), ValueError, "patch=3: expected a divisor"),
        (lambda: mixer()(np.zeros(3)), ValueError, "inputs have shape"),
        (
            lambda: fit(mixer(), np.zeros((2, 4, 4, 1)), np.zeros(2, int)),
            ValueError,
            r"takes 16 tokens × 4 channels: images \(N, 8, 8, 1\)",
        ),
        (lambda: fit(mixer(), np.zeros((3, 8, 8, 1)), np.zeros(2, int)), ValueError, "X holds 3 samples and y 2"),
        (lambda: fit(mixer(), np.zeros((2, 8, 8, 1)), np.array([0, 10])), ValueError, "labels from 0 to 9"),
        (lambda: fit(mixer(), np.zeros((2, 8, 8, 1)), np.zeros(2)), ValueError, "integer labels"),
        (lambda: fit(mixer(), np.zeros((2, 8, 8, 1)), np.zeros(2), loss="squared"), ValueError, "for squared loss"),
        (lambda: fit(mixer(), *digits(), loss="hinge"), ValueError, "loss='hinge'"),
        (lambda: fit(mixer(), *digits(), batch=0), ValueError, "batch=0"),
    ],
)
def test_bad_input(build: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        build()


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    X, y = digits()
    file = tmp_path / "run.npz"
    fit(mixer(), X, y, epochs=1, checkpoint=file)
    other = km.networks.mlp_mixer((8, 8, 1), 2, 16, 2, 10)
    with pytest.raises(ValueError, match="not a checkpoint of this network"):
        fit(other, X, y, epochs=2, checkpoint=file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"truncated|not a"):
        fit(mixer(), X, y, epochs=2, checkpoint=file)


def test_a_training_step_holds_little_beyond_the_activations_it_must_keep() -> None:
    S, C, batch, depth, γ = 16, 32, 64, 3, 2
    network = km.networks.mlp_mixer((16, 16, 3), 4, C, depth, 10, γ, γ)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(16 * 16 * 3, batch)).astype(np.float32)
    step = Stepper(network, "cross_entropy")
    θ, labels = step.vector(network.factors), rng.integers(0, 10, batch)
    # The input of every linear layer, x̂ of every norm, the derivative of every activation.
    kept = 4 * batch * (len(X) + depth * 2 * (2 + 2 * γ) * S * C + S * C + C)
    step(θ, X, labels)
    tracemalloc.start()
    step(θ, X, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * kept
