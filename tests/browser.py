"""A real browser for the tests that open pages: headless Chromium, where the machine has one."""

from __future__ import annotations

import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROBE = Path(__file__).with_name("probe.html")
#: axe-core, which `make test-docs` brings.
AXE = Path(__file__).parents[1] / ".axe" / "node_modules" / "axe-core" / "axe.min.js"
#: Longest look at a whole site; axe-core takes most of it.
SECONDS = 900

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


class _Handler(http.server.SimpleHTTPRequestHandler):
    beside: dict[str, tuple[str, bytes]]  # path -> its kind and text

    def do_GET(self) -> None:
        if self.path not in self.beside:
            super().do_GET()
            return
        kind, text = self.beside[self.path]
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words: Any) -> None:
        pass


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The site on this machine's own network, where frames may look into each other."""
    pages = sorted(str(page.relative_to(site)) for page in site.rglob("*.html") if "_static" not in page.parts)
    probe = PROBE.read_text(encoding="utf-8").replace("PAGES", json.dumps(pages))
    beside = {"/probe": ("text/html", probe.replace("!AXE", json.dumps(not AXE.exists())).encode())}
    if AXE.exists():
        beside["/axe.js"] = ("text/javascript", AXE.read_bytes())
    handler = type("Handler", (_Handler,), {"beside": beside})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/probe"
        server.shutdown()
        thread.join()


def look(site: Path, profile: Path, scheme: str) -> list[dict[str, Any]]:
    """What a browser sees of every page, in two widths."""
    colours = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    options = (colours, f"--virtual-time-budget={1000 * SECONDS}", "--window-size=1400,1000")
    with served(site) as address:
        done = open_page(address, profile, *options, seconds=SECONDS)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None
    return json.loads(html.unescape(found.group(1)))  # type: ignore[no-any-return]


def assert_legible(seen: list[dict[str, Any]], scheme: str) -> None:
    """Nothing leaves a page, pictures are there, text stands out (4.5 to 1) from its ground, and axe-core finds no barrier."""
    for page in seen:
        assert page.pop("dark") == (scheme == "dark"), page
        where = page.pop("page"), page.pop("width")
        assert set(page) == {"overflow", "outside", "broken", "faint", "barriers"}
        faults = {name: found for name, found in page.items() if found}
        assert not faults, (*where, faults)
