"""Files that users give: what is whole is read, what is not is named in one sentence."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from safetensors.numpy import save_file

from kronmix.checks import raised_in
from kronmix.files import read_arrays, read_matrix, staged_folder, take, write_file

MATRIX = np.arange(6.0).reshape(2, 3) - 2.5


def write(path: Path) -> Path:
    {
        ".npy": lambda: np.save(path, MATRIX),
        ".npz": lambda: np.savez_compressed(path, B=MATRIX, note=np.arange(3)),
        ".csv": lambda: np.savetxt(path, MATRIX, delimiter=","),
        ".mtx": lambda: scipy.io.mmwrite(path, scipy.sparse.coo_array(MATRIX)),
        ".mat": lambda: scipy.io.savemat(path, {"B": scipy.sparse.csc_array(MATRIX), "name": "text"}),
    }[path.suffix]()
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".mtx", ".mat"])
def test_every_type_gives_the_matrix_back(tmp_path: Path, suffix: str) -> None:
    np.testing.assert_array_equal(read_matrix(write(tmp_path / f"B{suffix}")), MATRIX)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mtx", ".mat"])
@pytest.mark.parametrize("keep", [0, 1, 7, 60, 100])
def test_truncated_files_raise_value_errors_that_name_the_file(tmp_path: Path, suffix: str, keep: int) -> None:
    file = write(tmp_path / f"B{suffix}")
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ValueError, match=re.escape(str(file))) as caught:
        read_matrix(file)
    assert "\n" not in str(caught.value)


def test_fortran_order_complex_and_integers_are_kept(tmp_path: Path) -> None:
    for array in (np.asfortranarray(MATRIX), MATRIX * (1 + 2j), MATRIX.astype(np.int16), MATRIX.astype(">f4")):
        np.save(tmp_path / "a.npy", array)
        read = read_matrix(tmp_path / "a.npy")
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array)


def test_pickles_are_refused_in_both_containers(tmp_path: Path) -> None:
    objects = np.array([[{}, []]], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "b.npz", B=objects)
    for name in ("a.npy", "b.npz"):
        with pytest.raises(ValueError, match="pickled Python objects, which are never loaded"):
            dict(read_arrays(tmp_path / name))


def lying_npy(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return stream.getvalue() + bytes(64)


def test_a_header_that_promises_a_terabyte_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(lying_npy((10**6, 10**6)))
    with pytest.raises(ValueError, match=r"is truncated: shape .* takes 8,000,000,000,000 bytes, 64 are there"):
        read_matrix(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("B.npy", lying_npy((10**6, 10**6)))
    with pytest.raises(ValueError, match="array 'B' is truncated"):
        read_matrix(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "a.txt",
            b"1,2",
            "unknown file type '.txt', expected one of .csv, .csv.gz, .index.json, .mat, .mtx, .mtx.gz, .npy, .npz, .safetensors",
        ),
        ("a.npy", b"not an array at all", "not a NumPy array"),
        ("a.npz", b"not an archive", "not a whole .npz archive"),
        ("a.csv", b"x,y\n1,2\n", "expected numbers separated by commas, no header"),
        ("a.csv", b"1,2\n3\n", "lines hold 1, 2 numbers, expected as many in each"),
        ("a.csv", b"\xff\xfe\x00", "expected numbers separated by commas"),
        ("a.csv", b"1,nan\n3,inf\n", r"2 NaN or infinite entries, the first at index \(0, 1\)"),
        ("a.mtx", b"%%MatrixMarket nonsense", "not a readable Matrix Market file"),
        ("a.mtx", b"%%MatrixMarket matrix coordinate real general\n999999 999999 1\n1 1 1\n", "above the limit"),
        ("a.mat", b"MATLAB 5.0 MAT-file" + bytes(200), "not a whole .mat file"),
        ("a.npy", b"", "is empty"),
    ],
)
def test_bad_files_are_named_in_one_sentence(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_matrix(tmp_path / name)
    assert "\n" not in str(caught.value)


def npy(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(100)


def shaped(shape: str, descr: str = "'<f8'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    "header",
    [
        shaped("(2, 2)")[:-2],
        "(" * 5000,
        "{{}}",
        "{[]: 1}",
        "{1: 2, 'shape': (2, 2)}",
        "{'descr': " + "[" * 300,
        shaped("(-1, -10)"),
        shaped("(-2, 2)"),
        shaped("(True, True)"),
        shaped(f"({10**21}, 0)"),
        shaped(f"({'1, ' * 70})"),
        shaped(f"({'9' * 6000}, 2)"),
        shaped("(2, 2)", "'|S0'"),
        shaped("(2, 2)", "'zz'"),
        shaped("(2, 2)", "[('a',)]"),
    ],
)
def test_whatever_numpy_raises_over_a_header_is_told_with_the_files_name(tmp_path: Path, header: str) -> None:
    """TokenError, TypeError, "Maximum allowed dimension exceeded" … came out as a fault of kronmix, with exit code 1."""
    (tmp_path / "a.npy").write_bytes(npy(header))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("W.npy", npy(header))
    for name, key in (("a.npy", None), ("a.npz", "W")):
        with pytest.raises(ValueError, match=re.escape(str(tmp_path / name))) as caught:
            read_matrix(tmp_path / name, key)
        assert raised_in(caught.value, ["kronmix"])
        assert len(str(caught.value)) < len(str(tmp_path)) + 300


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.safetensors.index.json", b'{"weight_map": {"a": "x\\u0000y"}}', "cannot be read"),
        (
            "m.safetensors",
            (58).to_bytes(8, "little") + b'{"a":{"dtype":["x"],"shape":[1,1],"data_offsets":[0,4]}}  ' + bytes(4),
            "array 'a' cannot be read",
        ),
    ],
)
def test_names_and_types_of_a_wrong_kind_are_told(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_matrix(tmp_path / name)
    assert raised_in(caught.value, ["kronmix"])


@pytest.mark.parametrize("shape", [np.array([np.nan, 2]), np.array(["a", "b"]), np.array([-3, -4])])
def test_a_sparse_matrix_of_no_shape_is_told(tmp_path: Path, shape: Any) -> None:
    scipy.sparse.save_npz(tmp_path / "B.npz", scipy.sparse.csr_array(MATRIX))
    with np.load(tmp_path / "B.npz") as whole:
        parts: dict[str, Any] = {**whole, "shape": shape}
    np.savez(tmp_path / "B.npz", **parts)
    with pytest.raises(ValueError, match="not a whole sparse matrix") as caught:
        read_matrix(tmp_path / "B.npz")
    assert raised_in(caught.value, ["kronmix"])


def test_which_matrix_is_asked_for_when_there_are_several(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", W=MATRIX, V=MATRIX.T)
    with pytest.raises(ValueError, match=r"holds 2 matrices among its arrays \(V, W\), name the one you mean"):
        read_matrix(tmp_path / "a.npz")
    np.testing.assert_array_equal(read_matrix(tmp_path / "a.npz", key="V"), MATRIX.T)


def test_take_names_what_is_wrong() -> None:
    arrays: dict[str, Any] = {"W": np.ones(3), "E": np.ones((0, 2)), "Z": np.ones((2, 2)) * 1j}
    for key, words in [("V", "no array 'V', it holds E, W, Z"), ("W", "expected 2 axes"), ("E", "is empty")]:
        with pytest.raises(ValueError, match=words):
            take(arrays, key, "file.npz")
    with pytest.raises(ValueError, match="is complex, expected real"):
        take(arrays, "Z", "file.npz", real=True)


def test_arrays_of_text_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", B=np.array([["a", "b"]]))
    with pytest.raises(ValueError, match="array 'B' has dtype <U1, expected numbers"):
        read_matrix(tmp_path / "a.npz", key="B")


def test_what_is_not_asked_for_stands_in_nobodys_way(tmp_path: Path) -> None:
    others = {"author": np.array("me"), "labels": np.array([["a", "b"]]), "pickled": np.array([[{}]], dtype=object)}
    np.savez(tmp_path / "a.npz", B=MATRIX, **others)
    for key in (None, "B"):
        np.testing.assert_array_equal(read_matrix(tmp_path / "a.npz", key), MATRIX)
    assert sorted(read_arrays(tmp_path / "a.npz")) == ["B", "author", "labels", "pickled"]
    for key, words in (("labels", "expected numbers"), ("pickled", "never loaded")):
        with pytest.raises(ValueError, match=words):
            read_matrix(tmp_path / "a.npz", key)


def test_an_archive_may_hold_what_is_no_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", B=MATRIX)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("README.txt", "hello")
    np.testing.assert_array_equal(read_matrix(tmp_path / "a.npz"), MATRIX)
    with pytest.raises(ValueError, match=r"'README.txt': not a NumPy array"):
        read_matrix(tmp_path / "a.npz", "README.txt")


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
def test_sparse_matrices_of_scipy(tmp_path: Path, form: str) -> None:
    scipy.sparse.save_npz(tmp_path / "B.npz", scipy.sparse.coo_array(MATRIX).asformat(form))
    assert list(read_arrays(tmp_path / "B.npz")) == ["B"]
    np.testing.assert_array_equal(read_matrix(tmp_path / "B.npz"), MATRIX)
    with pytest.raises(ValueError, match="above the limit of 10"):
        read_matrix(tmp_path / "B.npz", max_bytes=10)


@pytest.mark.parametrize(
    "change",
    [
        {"indices": np.array([0, 1, 2, 0, 1, 10**6], np.int32)},
        {"indptr": np.array([0, 3, 10**6], np.int32)},
        {"shape": np.array([2, 2])},
        {"format": np.array(b"xyz")},
    ],
)
def test_damaged_sparse_matrices_are_named(tmp_path: Path, change: dict[str, np.ndarray]) -> None:
    scipy.sparse.save_npz(tmp_path / "B.npz", scipy.sparse.csr_array(MATRIX))
    with np.load(tmp_path / "B.npz") as arrays:
        named = dict(arrays)
    np.savez(tmp_path / "B.npz", **named | change)
    with pytest.raises(ValueError, match="not a whole sparse matrix"):
        read_matrix(tmp_path / "B.npz")


@pytest.mark.parametrize("suffix", [".csv", ".mtx"])
def test_compressed_text(tmp_path: Path, suffix: str) -> None:
    plain = write(tmp_path / f"B{suffix}")
    packed = tmp_path / f"C{suffix}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(read_arrays(packed)) == ["C"]
    np.testing.assert_array_equal(read_matrix(packed), MATRIX)
    for content in (packed.read_bytes()[:-9], b"1,2"):
        packed.write_bytes(content)
        with pytest.raises(ValueError, match=r"gzip file|not a readable Matrix Market"):
            read_matrix(packed)


def test_a_small_gzip_file_of_a_large_text_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1,1\n" * 10**6))
    with pytest.raises(ValueError, match="above the limit of 1,000"):
        read_matrix(tmp_path / "a.csv.gz", max_bytes=1000)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "B.npz",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
            r"Git LFS pointer.*git lfs pull",
        ),
        ("B.safetensors", b"<!DOCTYPE html><html></html>", "a web page"),
        ("B.npy", b"\n <HTML>", "a web page"),
        ("B.pth", b"PK\3\4", r"pickle, which can run any program.*save_file"),
        ("B.h5", b"\x89HDF", "HDF5 file of Keras"),
        ("B.index", b"\0", "TensorFlow checkpoint"),
        ("B.onnx", b"\0", "ONNX"),
        ("B.gguf", b"GGUF", "GGUF"),
        ("B.msgpack", b"\x81", "msgpack"),
        ("B.safetensors", b"Entry not found", "not a safetensors file, or truncated, it begins with 'Entry not found'"),
        ("B.safetensors", b'{"error": "no such repository"}', r"""it begins with '{"error": "no such"""),
    ],
)
def test_what_is_no_file_of_arrays_is_told_for_what_it_is(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as caught:
        read_arrays(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["B.npz", "B.safetensors"])
def test_what_pytorch_wrote_is_told_under_any_name(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("mixer/data.pkl", b"\x80\2.")
        archive.writestr("mixer/data/0", bytes(8))
    with pytest.raises(ValueError, match=r"pickle, which can run any program.*save_file"):
        read_arrays(tmp_path / name)


def test_a_folder_of_pytorch_s_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match=r"pytorch_model\.bin: holds a pickle"):
        read_arrays(tmp_path)


def test_a_missing_file_is_no_name_on_a_hub() -> None:
    for name in ("none.pth", "none.SAFETENSORS", "folder/none.h5"):
        with pytest.raises(FileNotFoundError):
            read_arrays(name)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("https://example.org/B.npz", "a web address"),
        (Path("https://example.org/B.npz"), "^https://example.org/B.npz: a web address"),  # a Path has one slash
        ("timm/mixer_b16_224.goog_in21k", r"model hub.*hf download timm/mixer_b16_224.goog_in21k --local-dir"),
        ("hf-hub:timm/resmlp_12_224", r"hf download timm/resmlp_12_224 "),
        ("mixer_b16_224", "model hub"),
    ],
)
def test_addresses_and_names_are_not_fetched(given: str | Path, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_arrays(given)


def test_size_limit_is_held_for_every_type(tmp_path: Path) -> None:
    for suffix in (".npy", ".npz", ".csv", ".mtx", ".mat"):
        file = write(tmp_path / f"B{suffix}")
        with pytest.raises(ValueError, match="above the limit of 10"):
            read_matrix(file, max_bytes=10)


def test_folders_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(
        ValueError, match=r"expected one file of weights in this folder, such as model\.safetensors; found none"
    ):
        read_matrix(tmp_path / "folder.npy")
    with pytest.raises(FileNotFoundError):
        read_matrix(tmp_path / "none.npy")


def sharded(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    """An array to a shard, and their index."""
    places = {name: f"model-{i + 1:05d}-of-{len(arrays):05d}.safetensors" for i, name in enumerate(arrays)}
    for name, place in places.items():
        save_file({name: arrays[name]}, folder / place)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}), encoding="utf-8")
    return index


def test_arrays_in_shards_are_read_by_index_or_folder(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.ones((4, 5), np.float32)}
    index = sharded(tmp_path, arrays)
    for path in (index, tmp_path):
        read = read_arrays(path)
        assert list(read) == ["a", "b"]
        assert all(np.array_equal(read[name], array) for name, array in arrays.items())
    shard = tmp_path / "model-00002-of-00002.safetensors"
    shard.write_bytes(shard.read_bytes()[:-1])
    assert read_arrays(index)["a"].shape == (2, 3)
    with pytest.raises(ValueError, match=r"00002-of-00002\.safetensors: 'b' lies outside the file .*truncated"):
        read_arrays(index)["b"]
    shard.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ValueError, match=r"00002-of-00002\.safetensors: is a Git LFS pointer"):
        read_arrays(index)
    shard.unlink()
    with pytest.raises(ValueError, match=r"the shard model-00002-of-00002\.safetensors is not there, of 2"):
        read_arrays(index)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not whole JSON"),
        ("[]", "expected an object"),
        ("{}", "no 'weight_map'"),
        ('{"weight_map": {"a": 3}}', "no 'weight_map'"),
        ('{"weight_map": {"a": "../one.safetensors"}}', "not in its folder"),
        ('{"weight_map": {"b": "model-00001-of-00001.safetensors"}}', "which does not hold it"),
    ],
)
def test_indices_that_are_none_are_named(text: str, words: str, tmp_path: Path) -> None:
    index = sharded(tmp_path, {"a": np.ones(2)})
    index.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        read_arrays(index)


def test_a_failed_stage_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    def fail(out: Path) -> None:
        with staged_folder(out) as folder:
            (folder / "half").write_text("half", encoding="utf-8")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail(tmp_path / "new" / "deep")
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "half").write_text("whole", encoding="utf-8")
    with pytest.raises(RuntimeError, match="stop"):
        fail(tmp_path / "old")
    assert [(f.name, f.read_text(encoding="utf-8")) for f in (tmp_path / "old").iterdir()] == [("half", "whole")]


def test_a_stage_in_the_way_of_a_file_fails_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here", encoding="utf-8")
    with (
        pytest.raises(ValueError, match=r"cannot be written: Not a directory"),
        staged_folder(tmp_path / "file" / "out"),
    ):
        pytest.fail("the block must not be entered")


@pytest.mark.skipif(os.name == "nt", reason="on Windows nobody can ask whether a process runs")
def test_what_a_killed_run_left_is_cleared_and_what_runs_is_kept(tmp_path: Path) -> None:
    code = (
        "from kronmix.files import staged_folder as s\nimport os, sys; a = s(sys.argv[1]); a.__enter__(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert [f.name.partition("-")[0] for f in tmp_path.iterdir()] == [".unfinished"]
    with staged_folder(tmp_path) as running:
        assert list(tmp_path.iterdir()) == [running]
        with staged_folder(tmp_path) as other:
            assert set(tmp_path.iterdir()) == {running, other}


def test_write_file_replaces_whole_or_not_at_all(tmp_path: Path) -> None:
    write_file(tmp_path / "text", "λ = ½")
    assert (tmp_path / "text").read_bytes() == "λ = ½".encode()
    (tmp_path / "text").unlink()
    write_file(tmp_path / "a", b"one")
    write_file(tmp_path / "a", b"two")
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("a", b"two")]
    with pytest.raises(ValueError, match="is a folder"):
        write_file(tmp_path, b"x")
    with pytest.raises(ValueError, match="a cannot be written: No such file or directory"):
        write_file(tmp_path / "none" / "a", b"x")
