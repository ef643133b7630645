"""The JSON of the commands: a table of fields for each, from the schemas that come with the package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from sphinx.application import Sphinx


def fields(app: Sphinx, name: str) -> str:
    """Every variant of one command's object, with what each field means."""
    schema = json.loads((files("kronmix") / "cli" / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    lines = [f"`{schema['$id']}`: {schema['description']}".rstrip(": ") + "\n"]
    for variant in schema.get("oneOf", [schema]):
        if "oneOf" in schema:
            lines.append(f"\n*{variant['description']}*\n")
        lines += ["\n| field | type | meaning |", "|---|---|---|", *_rows(variant, "")]
    return "\n".join(lines)


def _rows(schema: dict[str, Any], above: str) -> Iterator[str]:
    """One line for each field, fields of fields under the names of what holds them."""
    for name, field in schema.get("properties", {}).items():
        path = f"{above}{name}"
        if above or name not in ("schema", "kronmix", "exit_code", "files"):
            yield f"| `{path}` | {_type(field)} | {field.get('description', '')} |"
        inner, opened = field, path
        while inner.get("items", {}).get("type") in ("object", "array"):
            inner, opened = inner["items"], f"{opened}[]"
        if isinstance(values := inner.get("additionalProperties"), dict):
            inner, opened = values, f"{opened}.*"
        yield from _rows(inner, f"{opened}.")


def _type(field: dict[str, Any]) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kinds = field.get("type", "any")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "array" in kinds and isinstance(inner := field["items"].get("type"), str):
        kinds = [f"array of {inner}s" if kind == "array" else kind for kind in kinds]
    return " or ".join(kinds)
