"""Operators and networks as PyTorch modules: forward pass and gradients are those of the operator."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

import kronmix as km
from kronmix.interop.exports import state
from kronmix.interop.torch_modules import Numpy, module_of
from kronmix.networks import Activation, Linear
from kronmix.networks.gates import Gate, Softmax, halves_gated
from kronmix.networks.normalization import Affine
from kronmix.networks.parts import Parallel


def operators(dtype: Any) -> dict[str, Any]:
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        values = rng.normal(size=shape)
        return (values + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else values).astype(dtype)

    monarch = km.Monarch(draw(4, 2, 6), draw(3, 8, 5), rank=2)
    mask = rng.random((5, 6)) < 0.5
    made = {
        "Kronecker-sparse": km.KroneckerSparse(draw(2, 5, 3, 4), (2, 3, 4, 5)),
        "tied": km.KroneckerSparse(draw(1, 1, 3, 4), (2, 3, 4, 5)),
        "tied inside": km.KroneckerSparse(draw(2, 1, 1, 4), (2, 3, 4, 5)),
        "Kronecker": km.Kronecker(draw(2, 3), draw(4, 2), draw(3, 3)),
        "sum of Kroneckers": km.SumOfKroneckers([(draw(2, 3), draw(4, 5)) for _ in range(3)]),
        "Monarch": monarch,
        "tied Monarch": km.Monarch(draw(1, 2, 3), draw(1, 4, 5)),
        "Dense": km.Dense(draw(3, 4)),
        "Hadamard": km.Hadamard(draw(3, 4), draw(3, 4), draw(3, 4)),
        "Masked": km.Masked(draw(5, 6), mask),
        "Permutation": km.Permutation(rng.permutation(6)),
        "Diagonal": km.Diagonal(draw(5)),
        "LowRank": km.LowRank(draw(5, 2), draw(2, 4)),
        "LoHa": km.LowRankHadamard(draw(5, 2), draw(2, 4), draw(5, 3), draw(3, 4)),
        "butterfly": km.Chain(*(km.KroneckerSparse(draw(*p.values_shape), p) for p in km.butterfly_patterns(12))),
        "Sum": km.Sum(km.Dense(draw(6, 6)), km.Permutation(rng.permutation(6))),
        "padded": km.interop.from_fly(draw(3, 4, 5), draw(4, 2, 3), shape=(7, 13)),
        "block diagonal": km.BlockDiagonal([km.Dense(draw(2, 3)), monarch]),
        "Kronecker sum": km.KroneckerSum(draw(3, 3), draw(2, 2)),
    }
    made["side by side"] = km.hstack([monarch, km.Dense(draw(8, 2))])
    made["one above another"] = km.vstack([monarch, km.LowRank(draw(2, 1), draw(1, 15))])
    made["ampliation"] = km.Ampliation(monarch, 2, 3)
    made["linear Mixer"] = km.LinearMixer([draw(3, 3), draw(2, 3)], [draw(4, 4), draw(4, 2)])
    made["product"] = made["Masked"].T @ km.Dense(draw(5, 3)) @ km.LowRank(draw(3, 1), draw(1, 7))
    return made


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("name", operators("float64"))
def test_forward_and_gradients_are_the_operator_s(name: str, dtype: str) -> None:
    op = operators(dtype)[name]
    rng = np.random.default_rng(1)
    x, y_bar = (rng.normal(size=(7, n)).astype(dtype) for n in (op.shape[1], op.shape[0]))
    if dtype == "complex128":
        x, y_bar = x + 1j * rng.normal(size=x.shape), y_bar + 1j * rng.normal(size=y_bar.shape)
    module = km.interop.to_torch(op)
    assert [tuple(p.shape) for p in module.parameters()] == [f.shape for f in op.factors]
    given = torch.from_numpy(x).requires_grad_()
    y = module(given)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-11}
    np.testing.assert_allclose(y.detach().numpy(), (op @ x.T).T, **tolerance)
    torch.real(torch.sum(torch.conj(torch.from_numpy(y_bar)) * y)).backward()
    for parameter, gradient in zip(module.parameters(), op.pullback(x.T, y_bar.T), strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), gradient, **tolerance)
    np.testing.assert_allclose(given.grad.numpy(), (op.H @ y_bar.T).T, **tolerance)
    assert module(given.reshape(1, 7, -1)).shape == (1, 7, op.shape[0])
    assert torch.equal(module(given[0]), y[0]) or torch.allclose(module(given[0]), y[0])


@pytest.mark.parametrize("name", operators("float64"))
def test_what_comes_back_is_what_was_given(name: str) -> None:
    op = operators("complex64")[name]
    back = km.interop.from_torch(km.interop.to_torch(op))
    assert type(back) is type(op)
    assert repr(back) == repr(op)
    for ours, given in zip(back.factors, op.factors, strict=True):
        assert ours.dtype == given.dtype
        np.testing.assert_array_equal(ours, given)


@pytest.mark.parametrize("name", operators("float64"))
def test_files_have_the_names_of_the_modules(name: str) -> None:
    op = operators("float64")[name]
    known = {key: tuple(tensor.shape) for key, tensor in km.interop.to_torch(op).state_dict().items()}
    assert {key: array.shape for key, array in state(op).items()} == known


def test_a_trained_module_gives_its_new_values() -> None:
    op = operators("float64")["Monarch"]
    module = km.interop.to_torch(op)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(2)
    np.testing.assert_allclose(km.interop.from_torch(module).to_dense(), 4 * op.to_dense())
    np.testing.assert_array_equal(op.factors[0], operators("float64")["Monarch"].factors[0])
    other = km.interop.to_torch(op)
    other.load_state_dict(module.state_dict())
    np.testing.assert_array_equal(km.interop.from_torch(other).to_dense(), km.interop.from_torch(module).to_dense())


def test_a_structure_of_one_s_own_brings_its_pullback() -> None:
    class Outer(km.StructuredOperator):
        def __init__(self, u: Any, v: Any) -> None:
            super().__init__((u.size, v.size), (u, v))

        def with_factors(self, *arrays: Any) -> Any:
            return Outer(*arrays)

        def _apply(self, X: Any) -> Any:
            return self.factors[0][:, None] * (self.factors[1] @ X)

        def _pullback(self, X: Any, Y_bar: Any) -> Any:
            u, v = self.factors
            return Y_bar @ (v @ X).conj(), X.conj() @ (u.conj() @ Y_bar)

        def _transpose(self) -> Any:
            return Outer(*self.factors[::-1])

    module = km.interop.to_torch(Outer(np.arange(1.0, 4.0), np.ones(4)))
    assert isinstance(module, Numpy)
    x = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, u, v: torch.func.functional_call(module, {"factors.0": u, "factors.1": v}, x),
        (x, *module.parameters()),
    )


NETWORKS = {
    "S-Mixer": (lambda: km.networks.s_mixer(4, 6, depth=2, classes=3), (5, 4, 6)),
    "MLP-Mixer": (lambda: km.networks.mlp_mixer((8, 8, 3), 4, 12, 2, 5), (5, 8, 8, 3)),
    "MLP-Mixer, float64": (lambda: km.networks.mlp_mixer((8, 8, 3), 4, 12, 1, 5, dtype=float), (5, 8, 8, 3)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_runs_and_has_the_same_gradients(name: str) -> None:
    make, shape = NETWORKS[name]
    network = make()
    rng = np.random.default_rng(0)
    network = network.with_factors(*(f + 0.1 * rng.normal(size=f.shape).astype(f.dtype) for f in network.factors))
    images = rng.normal(size=shape).astype(network.factors[0].dtype)
    module = km.interop.to_torch(network)
    outputs = module(torch.from_numpy(images))
    close = {"rtol": 1e-3, "atol": 1e-4} if images.dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(outputs.detach().numpy(), network(images), **close)
    y_bar = rng.normal(size=outputs.shape).astype(images.dtype)
    outputs.backward(torch.from_numpy(y_bar))
    _, pull = network.body.vjp(network.patches.columns(images, images.dtype))
    gradients, _ = pull(np.ascontiguousarray(y_bar.T), False)
    for tensor, gradient in zip(module.tensors(), gradients, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), gradient, **close)
    back = km.interop.from_torch(module)
    assert repr(back) == repr(network)
    np.testing.assert_array_equal(back(images), network(images))


PARTS = {
    "gate": lambda rng: Gate(Linear(km.Dense(rng.normal(size=(12, 12)))), Activation("silu")),
    "halves": lambda rng: halves_gated(Activation("sigmoid"), (2, 2, 3)),
    "softmax": lambda rng: Softmax((2, 3, 2)),
    "affine": lambda rng: Affine(rng.normal(size=3), rng.normal(size=3), (2, 3, 2)),
    "parallel": lambda rng: Parallel(
        Linear(km.Dense(rng.normal(size=(12, 12))), rng.normal(size=(1, 12, 1))), Activation("tanh")
    ),
    "groups": lambda rng: km.networks.LayerNorm(rng.normal(size=3), rng.normal(size=3), 2, groups=2),
    "skip": lambda rng: km.networks.Residual(
        Linear(km.Dense(rng.normal(size=(12, 12))), rng.normal(size=(1, 12, 1))), Activation("relu")
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_networks_are_what_they_are_here(name: str) -> None:
    rng = np.random.default_rng(3)
    part = PARTS[name](rng)
    module = km.interop.to_torch(part)
    assert not isinstance(module, Numpy)
    X = rng.normal(size=(12, 5))
    Y, pull = part.vjp(X.copy())
    x = torch.from_numpy(X.T.copy()).requires_grad_()
    y = module(x)
    np.testing.assert_allclose(y.detach().numpy(), Y.T, atol=1e-12)
    y_bar = rng.normal(size=y.shape)
    y.backward(torch.from_numpy(y_bar))
    gradients, X_bar = pull(np.ascontiguousarray(y_bar.T), True)
    np.testing.assert_allclose(x.grad.numpy(), X_bar.T, atol=1e-12)
    for tensor, gradient in zip(module.tensors(), gradients, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), gradient, atol=1e-12)
    for ours, given in zip(km.interop.from_torch(module).factors, part.factors, strict=True):
        np.testing.assert_array_equal(ours, given)


def test_a_subclass_is_computed_by_its_own_rules() -> None:
    class Doubled(km.networks.Sequential):
        def vjp(self, X: Any) -> Any:
            Y, pull = super().vjp(X)
            return 2 * Y, lambda Y_bar, with_input: pull(2 * Y_bar, with_input)

    module = km.interop.to_torch(Doubled(Linear(km.Dense(np.eye(2)))))
    np.testing.assert_array_equal(module(torch.ones(1, 2, dtype=torch.float64)).detach().numpy(), [[2.0, 2.0]])


def test_inputs_of_a_network_are_refused_as_it_refuses_them() -> None:
    network = km.networks.mlp_mixer((8, 8, 3), 4, 12, 1, 5)
    with pytest.raises(ValueError, match="expected images"):
        km.interop.to_torch(network)(torch.zeros(2, 8, 8, 5, 1))

    class Other:
        pass

    with pytest.raises(TypeError, match="Other does more to inputs"):
        km.interop.to_torch(dataclasses.replace(network, patches=Other()))


def test_linear_layers_of_pytorch_are_taken() -> None:
    layer = torch.nn.Linear(4, 3, bias=False)
    np.testing.assert_array_equal(km.interop.from_torch(layer).matrix, layer.weight.detach().numpy())
    layer = torch.nn.Linear(4, 3)
    x = torch.randn(5, 4)
    ours = km.interop.from_torch(layer)
    np.testing.assert_allclose(ours(x.numpy().T).T, layer(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match="ReLU is no module"):
        km.interop.from_torch(torch.nn.ReLU())
    with pytest.raises(TypeError, match="int is no structured operator"):
        km.interop.to_torch(3)


def test_modules_move_to_another_dtype_and_device() -> None:
    module = module_of(operators("float64")["product"]).to(torch.float32).to("meta")
    assert module(torch.empty(2, module.structure.shape[1], device="meta")).shape == (2, module.structure.shape[0])
