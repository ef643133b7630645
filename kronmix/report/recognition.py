"""What a file given for a page is."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from .. import files
from ..mixer.checkpoints import is_checkpoint
from ..networks.runs import is_run

#: Endings of text tables.
TABLES = (".csv", ".tsv", ".txt")


class Kind(Enum):
    """What a page can be about."""

    images = "images"
    table = "a table"
    layer = "the weights of a layer"
    network = "a network"
    matrices = "matrices"


def kind_of(file: Path) -> Kind:
    """The kind of a file, from its ending and, for an archive, the names and shapes of its arrays.

    Examples
    --------
    >>> import tempfile
    >>> from kronmix.report.recognition import kind_of
    >>> file = Path(tempfile.mkdtemp()) / "mine.npz"
    >>> np.savez(file, X=np.ones((20, 3)), y=np.ones(20))
    >>> kind_of(file).name, kind_of(Path("mine.csv.gz")).name
    ('table', 'table')
    """
    if {suffix.lower() for suffix in file.suffixes[-2:]} & set(TABLES):
        return Kind.table
    if file.suffix.lower() == ".npz" and file.is_file():
        stored = files.read_arrays(file).stored
        if {"W", "V"} & stored.keys():
            return Kind.layer
        if "X" in stored:
            return Kind.table if len(stored["X"].shape) == 2 else Kind.images
    if is_run(file):
        return Kind.network
    return Kind.network if file.is_dir() or is_checkpoint(file) else Kind.matrices
