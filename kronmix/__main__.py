"""``kronmix`` and ``python -m kronmix``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.resources import files


def main() -> None:
    """Run a command; where the libraries of the command line are missing, say what there is and what installs them."""
    try:
        from .cli import main as run
    except ModuleNotFoundError as missing:
        if "pip install" not in str(missing):
            raise
        sys.exit(_without_command_line(missing))
    run()


def _without_command_line(missing: ModuleNotFoundError) -> int:
    """Print which extra is missing, with the list of commands if only help was asked for; return the exit code."""
    if set(sys.argv[1:]) - {"--help"}:
        print(f"kronmix: {missing}", file=sys.stderr)
        return 2
    print("Usage: kronmix COMMAND [OPTIONS]\n")
    for name, summary in sorted(_commands()):
        print(f"  {name:<10}{summary}")
    print(f"\n{missing}")
    return 0


def _commands() -> Iterator[tuple[str, str]]:
    """Names of the commands and the first lines of their docstrings, read from the sources without importing them."""
    for file in (files("kronmix") / "cli").iterdir():
        if file.name.endswith(".py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef) and any(ast.unparse(d) == "command" for d in node.decorator_list):
                    yield node.name, (ast.get_docstring(node) or "").partition("\n")[0]


if __name__ == "__main__":
    main()
