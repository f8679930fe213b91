"""The parent's handle on one child process: start it, ask whether it lives, read why it died, kill it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import fakelivy
from fakelivy.engine.port import EngineUnavailable

START_TIMEOUT = 60.0
"""Seconds a child may take to print its port; it needs 0.1 to 0.3."""

MEMORY = 2 * 1024**3
"""Bytes that the queries of one child may hold; beyond them sorts and joins go to disk, or the query fails."""

_ROOT = str(Path(fakelivy.__file__).parent.parent)


def _environment(lakehouse: str) -> dict[str, str]:
    # A long chain of operators overflows the default stack and takes the process along (measured: 256 MiB carries
    # 2,000). The pages are only reserved until used.
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("SAIL_")},
        "SAIL_CATALOG__LIST": f'[{{name={json.dumps(lakehouse)}, type="memory", initial_database=["dbo"]}}]',
        "SAIL_CATALOG__DEFAULT_CATALOG": json.dumps(lakehouse),
        "SAIL_CATALOG__DEFAULT_DATABASE": '["dbo"]',
        "SAIL_RUNTIME__STACK_SIZE": str(256 * 1024 * 1024),
        "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
        "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(MEMORY),
        "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(365 * 24 * 3600),
        "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
        "PYTHONSAFEPATH": "1",  # a file of the user's that is called like one of our modules is not
        "TZ": "UTC",
        "RUST_LOG": "error",
    }


class Child:
    """One running Sail server.

    Raises:
        EngineUnavailable: it did not start.
    """

    def __init__(self, lakehouse: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the child; closed in kill()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fakelivy.engine.sail.child"],
            env=_environment(lakehouse),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        timer = threading.Timer(START_TIMEOUT, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line.strip().isdigit():
            reason = self.last_words()
            self.kill()
            raise EngineUnavailable(f"the SQL engine process did not start: {reason}")
        self.port = int(line)

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def last_words(self) -> str:
        """The end of what it wrote to standard error, and its exit status."""
        try:
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - 2000))
            said = self._errors.read().decode("utf-8", "replace").strip()
        except ValueError:  # closed
            said = ""
        try:
            status: int | None = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            status = None
        return f"exit status {status}" + (f", {said}" if said else "")

    def kill(self) -> None:
        """End it at once and reap it. Idempotent."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()
