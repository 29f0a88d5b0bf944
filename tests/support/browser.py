"""A headless Chromium for pages on disk, without any driver: it prints the page after a script has measured it."""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--disable-extensions",
]


def find() -> str:
    """The browser: $CHROMIUM, or the first of the usual names. Skips the test if there is none."""
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed, and CHROMIUM names none")


def run(profile: Path, *arguments: str) -> subprocess.CompletedProcess:
    """One start with a profile of its own. Raises CalledProcessError or TimeoutExpired."""
    command = [find(), *FLAGS, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)


def measure(page: str, width: int, script: str, folder: Path) -> Any:
    """What ``script``, the body of a function of ``page`` (a document), returns for a window of ``width`` pixels.

    The page stands in a frame of that width, with all it has as text, so that it is laid out as in such a window.
    """
    wrapper = folder / f"frame-{width}.html"
    wrapper.write_text(
        f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><pre id="found"></pre>'
        f'<iframe id="frame" style="width:{width}px;height:900px;border:0" srcdoc="{html.escape(page)}"></iframe>'
        f"<script>document.getElementById('frame').addEventListener('load', event => {{"
        f"const measure = page => {{ {script} }};"
        f"document.getElementById('found').textContent = JSON.stringify(measure(event.target.contentDocument));"
        f"}})</script>"
    )
    dom = run(folder / f"profile-{width}", "--virtual-time-budget=5000", "--dump-dom", wrapper.as_uri()).stdout
    return json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)[1]))
