"""A real headless browser for tests of pages: found on this machine, never downloaded."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

HOW_TO_GET = "no Chromium was found on PATH or in CHROMIUM; get it with: apt-get install chromium"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_TIMEOUT = 240.0


def find_chromium(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The browser named by ``CHROMIUM``, or the first one on ``PATH``."""
    if named := environment.get("CHROMIUM"):
        return Path(named)
    found = (shutil.which(name, path=environment.get("PATH")) for name in _NAMES)
    return next((Path(path) for path in found if path), None)


def chromium() -> Path:
    """The browser; where there is none the test is skipped with the line that gets it, but never in CI."""
    program = find_chromium()
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(HOW_TO_GET)
    return program


def dom(url: str, profile: Path, *, budget: int = 2000) -> str:
    """The document after its scripts have run for ``budget`` ms of the page's own, virtual time."""
    return _run(profile, f"--virtual-time-budget={budget}", "--dump-dom", url)


def screenshot(url: str, profile: Path, image: Path, *, size: tuple[int, int] = (1400, 1000)) -> None:
    """A picture of the page, as PNG."""
    _run(profile, f"--screenshot={image}", f"--window-size={size[0]},{size[1]}", "--hide-scrollbars", url)


def _run(profile: Path, *arguments: str) -> str:
    # No sandbox: tests run as root in containers, and open nothing but the project's own pages.
    common = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    command = [str(chromium()), *common, *quiet, f"--user-data-dir={profile}", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=True)
    return result.stdout
