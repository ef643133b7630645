"""What is seen of networks, against dense effective matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kronmix as km
from kronmix.networks.inspection import shared_matrix

networks = km.networks
NETWORKS: dict[str, Any] = {
    "mlp_mixer": networks.mlp_mixer((8, 8, 1), 4, 6, 2, 3),
    "s_mixer": networks.s_mixer(4, 6, 2, 3),
    "rp_mixer": networks.rp_mixer(4, 6, 1, 3),
    "sparse_mlp": networks.sparse_mlp(10, [12, 12], 3, density=0.5),
    "mlp": networks.mlp(10, [12, 8], 3),
    "monarch_mlp": networks.monarch_mlp((4, 3), 2, 3),
    "group_mixer": networks.group_mixer(27, 3, 3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_singular_values_are_those_of_the_effective_layers(name: str) -> None:
    seen = networks.inspect_network(NETWORKS[name])
    assert seen.layers
    for layer in seen.layers:
        dense = np.linalg.svd(layer.operator.to_dense().astype(float), compute_uv=False)
        distinct = layer.singular_values
        assert distinct[0] == pytest.approx(dense[0], rel=1e-5)
        copies = dense.size // distinct.size
        np.testing.assert_allclose(np.repeat(distinct, copies), dense, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("mlp_mixer", ["token 1", "token 2", "channel 1", "channel 2"] * 2),
        ("s_mixer", ["token", "channel"] * 2),
        ("rp_mixer", ["permuted", "permuted"]),
        ("sparse_mlp", ["Dense", "Masked"]),
        ("monarch_mlp", ["Monarch", "Monarch"]),
        ("group_mixer", ["group"] * 6),
    ],
)
def test_layers_have_names(name: str, names: list[str]) -> None:
    assert [layer.name for layer in networks.inspect_network(NETWORKS[name]).layers] == names


def test_skips_are_the_products_beside_the_identity() -> None:
    net = NETWORKS["mlp_mixer"]
    seen = networks.inspect_network(net)
    assert [(skip.block, skip.name) for skip in seen.skips] == [
        (0, "token"),
        (0, "channel"),
        (1, "token"),
        (1, "channel"),
    ]
    up, down = (op.to_dense().astype(float) for op in net.blocks[0][2:])
    whole = np.linalg.svd(np.eye(len(down)) + down @ up, compute_uv=False)
    np.testing.assert_allclose(np.repeat(seen.skips[1].singular_values, 4), whole, rtol=1e-5, atol=1e-6)


def test_shape_is_that_of_the_mixer() -> None:
    seen = networks.inspect_network(networks.mlp_mixer((8, 8, 1), 4, 6, 1, 3, token_expansion=2, channel_expansion=3))
    assert seen.shape == km.MixerShape(4, 6, token_expansion=2, channel_expansion=3)
    assert networks.inspect_network(NETWORKS["mlp"]).shape is None


def test_resmlp_has_one_token_matrix_and_no_scales(tmp_path: Any) -> None:
    file = tmp_path / "res.safetensors"
    km.mixer.write_synthetic_checkpoint(file, image=8, patch=4, channels=6, depth=2, classes=3, family="ResMLP")
    seen = networks.inspect_network(km.load_mixer(file))
    assert [layer.name for layer in seen.layers[:3]] == ["token 1", "channel 1", "channel 2"]
    assert seen.skips[0].product.size == 4


def test_random_entries_end_at_the_edge() -> None:
    net = networks.mlp(400, [600], 3)
    (layer,) = networks.inspect_network(net).layers
    assert layer.singular_values[0] / layer.edge == pytest.approx(1, abs=0.03)


def test_shared_matrix_sees_through_permutations() -> None:
    W = np.arange(9.0).reshape(3, 3)
    op = km.random_permuted_mixing(W, 5, np.random.default_rng(0))
    np.testing.assert_array_equal(shared_matrix(op), W)
