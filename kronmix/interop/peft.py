"""PEFT's adapters: names, and the scale that adapter_config.json gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import sqrt
from pathlib import Path
from typing import Any

from ..operators import StructuredOperator
from ..operators.arrays import Array
from .updates import LOHA, LOKR, Kind, Update, lora, swapped_kronecker

#: What every name of a file begins with.
PREFIX = "base_model.model."
LORA = lora("lora_A.weight", "lora_B.weight")
#: PEFT's name of a method, what it is here, and its setting of alpha.
_TYPES = {"LORA": (LORA, "lora_alpha"), "LOKR": (LOKR, "alpha"), "LOHA": (LOHA, "alpha")}

#: Settings that do not change what is added, at least not beyond what is read here. Others may only have a value that says no.
_KNOWN = {
    *(
        "alpha",
        "lora_alpha",
        "r",
        "alpha_pattern",
        "rank_pattern",
        "use_rslora",
        "peft_type",
        "peft_version",
        "task_type",
    ),
    *("auto_mapping", "base_model_name_or_path", "revision", "inference_mode", "init_weights", "init_lora_weights"),
    *("target_modules", "exclude_modules", "layers_pattern", "layers_to_transform", "modules_to_save"),
    *("module_dropout", "rank_dropout", "rank_dropout_scale", "lora_dropout"),
    *("decompose_both", "decompose_factor", "use_effective_conv2d", "fan_in_fan_out", "ensure_weight_tying"),
    *(
        "megatron_core",
        "megatron_config",
        "runtime_config",
        "corda_config",
        "eva_config",
        "loftq_config",
        "qalora_group_size",
    ),
}


class Peft:
    """Names and scales of PEFT's files."""

    name = "peft"

    def __init__(self, file: Path, config: Mapping[str, Any]) -> None:
        found = _TYPES.get(str(config.get("peft_type")))
        if found is None:
            raise ValueError(f"{file}: peft_type is {config.get('peft_type')!r}, expected one of {', '.join(_TYPES)}")
        kind, alpha = found
        if config.get("use_dora"):
            raise ValueError(
                f"{file}: sets use_dora, which rescales the base weight: DoRA has no update without the base model"
            )
        if config.get("bias") not in (None, "none"):
            raise ValueError(f"{file}: bias={config['bias']!r} trains biases too, expected 'none'")
        other = sorted(key for key, value in config.items() if key not in _KNOWN and key != "bias" and value)
        if other:
            raise ValueError(f"{file}: sets {', '.join(other)}, not known here: what is added may differ")
        self.file, self.config, self.kinds = file, config, (kind,)
        self._alpha, self._rank = self._read_number(alpha), self._read_number("r")
        self._patterns = {key: self._compiled_patterns(key) for key in ("alpha_pattern", "rank_pattern")}

    def _read_number(self, key: str) -> float:
        value = self.config.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
            raise ValueError(f"{self.file}: {key} is {value!r}, expected a number")
        return value

    def _compiled_patterns(self, key: str) -> dict[re.Pattern[str], float]:
        """A setting for some layers only: regular expressions of names, and the number of each."""
        given = self.config.get(key) or {}
        try:
            return {re.compile(rf"(.*\.)?({name})$"): float(value) for name, value in given.items()}
        except (AttributeError, TypeError, ValueError, re.error) as error:
            raise ValueError(f"{self.file}: {key} is {given!r}, expected names with a number each") from error

    def _setting(self, pattern: str, layer: str, default: float) -> float:
        """The number for a layer: of the first pattern that matches its name, else the default."""
        return next((value for name, value in self._patterns[pattern].items() if name.match(layer)), default)

    def split(self, key: str) -> tuple[str, str] | None:
        """The module path and the factor that a key names."""
        for part in self.kinds[0].names:
            if key.startswith(PREFIX) and key.endswith(f".{part}"):
                return key.removeprefix(PREFIX).removesuffix(f".{part}"), part
        return None

    def other(self, key: str) -> str | None:
        """The module of ``modules_to_save`` that a key belongs to."""
        path = key.removeprefix(PREFIX)
        for module in self.config.get("modules_to_save") or ():
            if key.startswith(PREFIX) and f".{module}." in f".{path}":
                return str(module)
        return None

    def finish(
        self, kind: Kind, layer: str, update: Update, parts: Mapping[str, Array], where: str
    ) -> StructuredOperator:
        """Apply alpha over the rank, which is the configuration's even where nothing is decomposed."""
        rank = self._setting("rank_pattern", layer, self._rank)
        alpha = self._setting("alpha_pattern", layer, self._alpha)
        if rank <= 0 or (update.rank is not None and update.rank != rank):
            raise ValueError(f"{where} has factors of rank {update.rank}, {self.file.name} says {rank:g}")
        if kind is LOKR and "lokr_w2" in parts and parts["lokr_w2"].ndim == 3:
            (a, c), (b, d, kernel) = _shape_of_first_factor(parts), parts["lokr_w2"].shape
            update = swapped_kronecker(update, (a, b, c, d), kernel)
        divisor = sqrt(rank) if self.config.get("use_rslora") else rank
        return update.operator.scale(alpha / divisor)


def _shape_of_first_factor(parts: Mapping[str, Array]) -> tuple[int, int]:
    if "lokr_w1" in parts:
        rows, columns = parts["lokr_w1"].shape
        return rows, columns
    return len(parts["lokr_w1_a"]), parts["lokr_w1_b"].shape[1]
