"""Adapters of LyCORIS and of kohya's training scripts: one file, an alpha for each layer."""

from __future__ import annotations

from collections.abc import Mapping

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .updates import LOHA, LOKR, Kind, Update, lora

LORA = lora("lora_down.weight", "lora_up.weight", "lora_mid.weight")


class Kohya:
    """Names and scales of LyCORIS' and kohya's files."""

    name = "kohya"
    kinds = (LORA, LOKR, LOHA)

    def split(self, key: str) -> tuple[str, str] | None:
        """The layer and the factor, or alpha, that a key names."""
        for part in (*(name for kind in self.kinds for name in kind.names), "alpha"):
            if key.endswith(f".{part}"):
                return key.removesuffix(f".{part}"), part
        return None

    def other(self, key: str) -> str | None:
        """Nothing else is stored."""
        return None

    def finish(
        self, kind: Kind, layer: str, update: Update, parts: Mapping[str, Array], where: str
    ) -> StructuredOperator:
        """Apply alpha over the rank: 1 where alpha is missing or 0, and where nothing is decomposed."""
        alpha = 0.0
        if "alpha" in parts:
            if parts["alpha"].size != 1:
                raise ValueError(f"{where}: alpha has shape {parts['alpha'].shape}, expected one number")
            alpha = float(parts["alpha"].reshape(()))
        if update.rank is None or alpha == 0:
            return update.operator
        return update.operator.scale(alpha / update.rank)
