"""Factors in files: what kronmix writes is read, and what other libraries read is written, entry by entry."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from safetensors.numpy import load_file

import kronmix as km

interop = km.interop
RNG = np.random.default_rng(0)


def operators() -> dict[str, Any]:
    return {
        "Kronecker": km.Kronecker(RNG.normal(size=(2, 3)), RNG.normal(size=(4, 5))),
        "Monarch": km.Monarch(RNG.normal(size=(4, 2, 6)), RNG.normal(size=(3, 8, 5)), rank=2),
        "sum": km.SumOfKroneckers([(RNG.normal(size=(2, 3)), RNG.normal(size=(4, 5))) for _ in range(2)]),
        "butterfly": km.Chain(
            *(km.KroneckerSparse(RNG.normal(size=p.values_shape), p) for p in km.butterfly_patterns(12))
        ),
        "one factor": km.KroneckerSparse(RNG.normal(size=(2, 5, 3, 4)), (2, 3, 4, 5)),
    }


@pytest.mark.parametrize("name", operators())
def test_files_of_kronmix_are_read(name: str, tmp_path: Path) -> None:
    op = operators()[name]
    np.savez(tmp_path / "factors.npz", **{f"factor_{i}": factor for i, factor in enumerate(op.factors)})
    km.save(op, tmp_path / "saved.npz")
    for file in ("factors.npz", "saved.npz"):
        found = interop.read_factors(tmp_path / file)
        assert type(found) is type(op)
        np.testing.assert_array_equal(found.to_dense(), op.to_dense())


def test_structures_of_this_room_are_saved_and_read(tmp_path: Path) -> None:
    shapes = ((5, 2), (2, 4), (5, 3), (3, 4))
    padded = interop.from_fly(RNG.normal(size=(3, 4, 5)), RNG.normal(size=(4, 2, 3)), shape=(7, 13))
    for op in (km.LowRankHadamard(*(RNG.normal(size=shape) for shape in shapes)), padded):
        km.save(op, tmp_path / "op.npz")
        np.testing.assert_array_equal(interop.read_factors(tmp_path / "op.npz").to_dense(), op.to_dense())


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"W": np.eye(2)}, "holds W, expected what km.save writes"),
        ({"factor_0": np.eye(2), "factor_2": np.eye(2)}, "holds factor_0, factor_2, expected"),
        ({"factor_0": np.ones(3)}, r"its factors make no operator \(shapes \(3,\)\)"),
        ({"factor_0": np.ones((2, 2, 2)), "factor_1": np.ones((3, 2, 2))}, "its factors make no operator"),
        ({"factor_0": np.eye(2), "factor_1": np.eye(2), "factor_2": np.eye(2)}, "its factors make no operator"),
        ({"structure": np.zeros(3, np.uint8)}, "not an operator that km.save wrote"),
    ],
)
def test_other_files_are_told(arrays: dict[str, Any], words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        interop.read_factors(tmp_path / "x.npz")


@pytest.mark.parametrize("name", operators())
def test_mat_files_hold_the_factors_in_order(name: str, tmp_path: Path) -> None:
    op = operators()[name]
    interop.write_factors(op, tmp_path / "x.mat", "lazylinop")
    cells = scipy.io.loadmat(tmp_path / "x.mat")["ks_values"]
    assert cells.shape[1] == 1
    found = interop.from_ks_values([cells[i, 0] for i in range(len(cells))])
    np.testing.assert_allclose(found.to_dense(), op.to_dense(), atol=1e-12)
    interop.write_factors(op, tmp_path / "x.mat", "pyfaust")
    cells = scipy.io.loadmat(tmp_path / "x.mat")["faust_factors"]
    assert cells.shape[0] == 1
    product: Any = reduce(lambda left, right: left @ right, cells[0])
    dense = product.toarray() if scipy.sparse.issparse(product) else product
    np.testing.assert_allclose(dense, op.to_dense(), atol=1e-12)


@pytest.mark.parametrize("target", interop.exports.LIBRARIES)
def test_the_line_reads_the_file_where_it_was_written(target: str, tmp_path: Path) -> None:
    """It named the file without its folder, beside the full path of the factors."""
    file = tmp_path / f"x{interop.exports.LIBRARIES[target].suffix}"
    line = interop.write_factors(operators()["Monarch"], file, target)
    assert str(file.with_suffix("")) in line


def test_tensors_have_the_names_of_the_modules(tmp_path: Path) -> None:
    op = km.Dense(RNG.normal(size=(2, 8))) @ operators()["Monarch"]
    interop.write_factors(op, tmp_path / "x.safetensors", "torch")
    found = load_file(tmp_path / "x.safetensors")
    assert sorted(found) == [f"operators.{i}.factors.0" for i in range(3)]
    np.testing.assert_array_equal(found["operators.0.factors.0"], op.factors[0])
    interop.write_factors(operators()["Monarch"], tmp_path / "x.safetensors", "torch")
    assert sorted(load_file(tmp_path / "x.safetensors")) == ["factors.0", "factors.1"]
    interop.write_factors(operators()["Kronecker"], tmp_path / "x.safetensors", "fly")
    found = load_file(tmp_path / "x.safetensors")
    assert (found["blkdiag1"].shape, found["blkdiag2"].shape) == ((3, 4, 5), (4, 2, 3))


def test_what_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    op = operators()["Kronecker"]
    with pytest.raises(ValueError, match="expected one of 'torch', 'lazylinop'"):
        interop.write_factors(op, tmp_path / "x.mat", "matlab")
    with pytest.raises(ValueError, match=r"ending in \.mat"):
        interop.write_factors(op, tmp_path / "x.npz", "pyfaust")
    with pytest.raises(TypeError, match="is none"):
        interop.write_factors(km.Permutation([1, 0]), tmp_path / "x.mat", "lazylinop")
    with pytest.raises(TypeError, match="product of two factors"):
        interop.write_factors(operators()["butterfly"], tmp_path / "x.safetensors", "fly")
    assert list(tmp_path.iterdir()) == []
