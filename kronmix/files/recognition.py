"""What people give instead of a file of arrays; each is refused in one sentence that says how to get one."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

_HUB = re.compile(r"(hf-hub:|hf_hub:|timm/)?[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class _Kind:
    """A kind of file that is not read: what its name ends in, or its first bytes, and what to do."""

    words: str
    suffixes: tuple[str, ...] = ()
    beginning: re.Pattern[bytes] | None = None

    def fits(self, suffix: str, head: bytes) -> bool:
        return suffix in self.suffixes or (self.beginning is not None and self.beginning.match(head) is not None)


_PICKLE = _Kind(
    "holds a pickle, which can run any program and is never loaded: in an environment with torch run "
    "`safetensors.torch.save_file(torch.load(FILE, weights_only=True), 'model.safetensors')`, of the state_dict in it",
    suffixes=(".pth", ".pt", ".ckpt", ".bin", ".pkl", ".pickle", ".tar"),
)

# What a file begins with says more than its name: these come first.
_KINDS = (
    _Kind(
        "is a Git LFS pointer, a note of where the file lies and not the file: run `git lfs pull` in its repository, "
        "or download the file from its page",
        beginning=re.compile(rb"version https://git-lfs\.github\.com/spec"),
    ),
    _Kind(
        "is a web page (HTML), not a file of arrays: download the file itself, on most sites by its link 'download' or 'raw'",
        beginning=re.compile(rb"\s*<(!doctype html|html|head)", re.IGNORECASE),
    ),
    _PICKLE,
    _Kind(
        "is an HDF5 file of Keras, which is not read: write `numpy.savez('weights.npz', **{w.name: w.numpy() for w in "
        "model.weights})` and give that",
        suffixes=(".h5", ".hdf5", ".keras"),
    ),
    _Kind(
        "is part of a TensorFlow checkpoint, which is not read: load it in TensorFlow and write `numpy.savez('weights.npz', "
        "**{w.name: w.numpy() for w in model.weights})`",
        suffixes=(".index", ".data-00000-of-00001", ".meta", ".pb"),
    ),
    _Kind(
        "is a file of flax's msgpack, which is not read: flatten its parameters to names and write them with numpy.savez",
        suffixes=(".msgpack", ".flax"),
    ),
    _Kind("is an ONNX graph, which is not read: export the weights with safetensors", suffixes=(".onnx",)),
    _Kind("is a GGUF file, which is not read: take the .safetensors it was made from", suffixes=(".gguf", ".ggml")),
)


def refuse_what_is_no_file(given: str | Path) -> None:
    """Raise where a path is a web address or a name on a model hub.

    Raises
    ------
    ValueError
        Saying what was given, and how to get a file.

    Examples
    --------
    >>> refuse_what_is_no_file("timm/mixer_b16_224.goog_in21k")
    Traceback (most recent call last):
        ...
    ValueError: timm/mixer_b16_224.goog_in21k: no such file; if it is a name on a model hub, download it first: ...
    """
    text = str(given)
    if re.match(r"(https?|s3|gs|hf):/", text):
        address = re.sub(r"^(\w+):/(?!/)", r"\1://", text)  # a Path has taken one of them
        raise ValueError(f"{address}: a web address, and nothing is downloaded here: fetch the file and give its path")
    if not Path(text).exists() and text.count("/") <= 1 and not _has_known_suffix(text) and _HUB.fullmatch(text):
        name = re.sub(r"hf[-_]hub:", "", text)
        raise ValueError(
            f"{text}: no such file; if it is a name on a model hub, download it first: `hf download {name} --local-dir FOLDER`, "
            "then give FOLDER"
        )


def refuse_what_is_not_read(file: Path) -> None:
    """Raise where an existing file is of a kind that is known and not read.

    Raises
    ------
    ValueError
        Saying what it is, and how to get a file that can be read.
    """
    with file.open("rb") as stream:
        head = stream.read(256)
    for kind in _KINDS:
        if kind.fits(file.suffix.lower(), head):
            raise ValueError(f"{file}: {kind.words}")
    if _is_of_pytorch(file):
        raise ValueError(f"{file}: {_PICKLE.words}")


def refuse_names_that_are_not_read(folder: Path) -> None:
    """Raise where a file of a folder has a name of a kind that is known and not read.

    Raises
    ------
    ValueError
        Saying what the first of them is, and how to get a file that can be read.
    """
    for file in sorted(folder.iterdir()):
        for kind in _KINDS:
            if file.suffix.lower() in kind.suffixes:
                raise ValueError(f"{file}: {kind.words}")


def how_it_begins(head: bytes) -> str:
    """What stands at the beginning of a file, if it is text: ", it begins with ..."; else nothing.

    Examples
    --------
    >>> how_it_begins(b"Entry not found"), how_it_begins(bytes(8))
    (", it begins with 'Entry not found'", '')
    """
    text = head.decode("utf-8", "replace").strip()
    return f", it begins with {text!r}" if text and text.isprintable() and "\ufffd" not in text else ""


def _is_of_pytorch(file: Path) -> bool:
    """Whether a file under any name is what ``torch.save`` writes, an archive around a pickle."""
    if not zipfile.is_zipfile(file):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError):
        return False


def _has_known_suffix(text: str) -> bool:
    read = (".npz", ".npy", ".csv", ".mtx", ".mat", ".gz", ".safetensors", ".json", ".txt")
    return text.lower().endswith((*read, *(suffix for kind in _KINDS for suffix in kind.suffixes)))
