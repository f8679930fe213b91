"""A dbt process from outside: started in a folder, watched, interrupted, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a dbt process ended.

    ``code`` is None when it had to be killed; ``stop_seconds`` is how long it took to go after its first signal.
    """

    code: int | None
    output: str
    seconds: float
    stop_seconds: float | None = None

    @property
    def ok(self) -> bool:
        return self.code == 0


def default_dbt() -> Path:
    """The dbt of the Python that runs this."""
    return Path(sys.executable).with_name("dbt")


class Dbt:
    """One dbt process.

    Its output goes to a file, so that nobody has to read it while it runs; its process group is its own, so that
    signals reach it alone and whatever it started ends with it.

    Args:
        program: the ``dbt`` of a virtual environment.
        arguments: what to run.
        folder: the project; profiles.yml is in it.
        environment: added to ours.
        log: file for standard output and error.
    """

    def __init__(
        self, program: Path, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        self._log = log
        self._began = time.monotonic()
        self._signalled: float | None = None
        self._lock = threading.Lock()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _HEAR_CTRL_C, str(program), "--no-use-colors", *arguments],
                cwd=folder,
                env={**_ours(), **_QUIET, "DBT_PROFILES_DIR": str(folder), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to dbt itself; nothing if it has ended."""
        with self._lock:
            if self._process.poll() is None:
                self._signalled = self._signalled or time.monotonic()
                self._process.send_signal(number)

    def wait(self, seconds: float, seconds_to_stop: float) -> Ended:
        """Wait for its end, at most ``seconds``, or ``seconds_to_stop`` from a signal; then it is killed."""
        while self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
                break
            now = time.monotonic()
            if now > self._began + seconds or (self._signalled and now > self._signalled + seconds_to_stop):
                break
        code = self._process.poll()
        self.kill()
        end = time.monotonic()
        return Ended(
            code=code,
            output=self._log.read_text(encoding="utf-8", errors="replace"),
            seconds=end - self._began,
            stop_seconds=end - self._signalled if self._signalled else None,
        )

    def kill(self) -> None:
        """End it and everything it started. Idempotent."""
        with self._lock:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _ours() -> dict[str, str]:
    # dbt takes itself for one of its own unit tests when pytest's name for the test is there.
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


# What a shell starts in the background ignores Ctrl-C, and so would every dbt that it starts in turn.
_HEAR_CTRL_C = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)
_QUIET = {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
