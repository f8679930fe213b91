"""dbt processes that begin where dbt has been imported already: the imports are most of a short run's time.

``python -m tests.functional.prepared`` imports dbt and forks for each line of JSON that it reads. What comes of it
is a process like any other: it has its own folder, environment and output, and ends as Python ends.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PREPARED = ("dbt.cli.main", "dbt.adapters.fabricspark")
"""Nothing here starts a thread, and ``azure`` is left to those who ask for it."""

ROOT = Path(__file__).resolve().parents[2]


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run ``dbt`` with ``arguments`` in ``folder`` to its end; standard error is in the output.

    Raises ``subprocess.TimeoutExpired`` after ``timeout`` seconds, rounded up; the process is ended.
    """
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as unanswered:
        # Whoever is interrupted here must not leave its answer to the next.
        unanswered.callback(_forget, server)
        output = Path(place) / "output"
        order = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
            "output": str(output),
            "timeout": timeout,
        }
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        unanswered.pop_all()
        said = output.read_text(encoding="utf-8")
    if code == -signal.SIGALRM:
        raise subprocess.TimeoutExpired(list(arguments), timeout, said)
    return subprocess.CompletedProcess(list(arguments), code, said)


@functools.cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", __name__]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(server.communicate)  # closes its input, which ends it
    return server


def _forget(server: subprocess.Popen[str]) -> None:
    server.kill()
    _server.cache_clear()


def _become(order: dict[str, Any]) -> None:
    """Be ``dbt`` from here on; ends as the command does, by ``SystemExit``."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    there = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(there, stream)
    os.chdir(order["folder"])
    signal.alarm(math.ceil(order["timeout"]))  # its default is the end of the process
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["dbt", *order["arguments"]]
    importlib.import_module("dbt.cli.main").cli()


def main() -> None:
    for module in PREPARED:
        importlib.import_module(module)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
