"""What the comparison page shows of PyTorch was run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "comparison.md"


def test_console_blocks_print_what_they_show() -> None:
    found = re.findall(r"```console\n\$ python (-c \"\n.*?\")\n(.*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    for command, shown in found:
        done = subprocess.run(f"python {command}", shell=True, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == shown
