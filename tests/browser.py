"""A real browser for the tests that open pages: headless Chromium, where the machine has one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on this machine: nothing was opened in a browser"
)


def open_page(address: str, profile: Path, *options: str, seconds: int = 120) -> subprocess.CompletedProcess[str]:
    """Open a page and return the document as it stands after its scripts, with what the browser said of it."""
    command = [
        str(BROWSER),
        "--headless",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={profile}",
        *options,
        "--dump-dom",
        address,
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # Chromium's sandbox does not run as root
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True)
