"""dbt processes that begin where dbt has been imported already: the imports are most of a short run's time."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PREPARED = ["dbt.cli.main", "dbt.adapters.fabricspark"]
"""What the process is forked with. Nothing here starts a thread, and ``azure`` is left to those who ask for it."""


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run ``dbt`` with ``arguments`` in ``folder`` to its end; standard error is in the output.

    Raises ``subprocess.TimeoutExpired`` after ``timeout`` seconds; the process is killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PREPARED)
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "output"
        process = context.Process(target=_main, args=(list(arguments), str(folder), dict(environment), str(output)))
        process.start()
        process.join(timeout)
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
        said = output.read_text(encoding="utf-8") if output.exists() else ""
    if code is None:
        raise subprocess.TimeoutExpired(list(arguments), timeout, said)
    return subprocess.CompletedProcess(list(arguments), code, said)


def _main(arguments: list[str], folder: str, environment: dict[str, str], output: str) -> None:
    there = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(there, stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["dbt", *arguments]
    from dbt.cli.main import cli

    try:
        cli()
    finally:
        # multiprocessing ends its processes without this; dbt's own do it.
        atexit._run_exitfuncs()
