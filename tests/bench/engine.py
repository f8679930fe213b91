"""Measures the embedded engine against its targets: ``python -m tests.bench.engine``."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import requests

from fakelivy.clock import SystemClock
from fakelivy.engine.port import SessionSpec
from fakelivy.engine.sail.engine import SailEngine
from tests.bench.results import PROMISES, Figure, Results, judged, parser
from tests.engine.conftest import Sql
from tests.engine.fidelity import matrix

COLD_START, OVERHEAD, IDLE_MEMORY = 3.0, 5.0, 250.0
"""Seconds from the server's start to the first row; milliseconds of ours per query; MB of an idle session's process."""

ROUNDS = 300
QUERY = "select id, name from bench where id = 3"


def statements_right() -> list[Figure]:
    """The statements of ``fidelity/matrix.sql`` that are done as Spark does them, or otherwise for a reason."""
    found = matrix.differences(matrix.embedded())
    unknown = sum(not matrix.reason(text) for text in found)
    total = len(matrix.statements())
    return [
        Figure(f"of {total} statements, as on real Spark", total - len(found), ""),
        Figure("otherwise, without a known reason", unknown, "", 0),
    ]


def cold_start() -> list[Figure]:
    """A server process, a session and a statement, over HTTP."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [sys.executable, "-m", "fakelivy", "serve", "--port", "0", "--warehouse", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                url = server.stdout.readline().split()[-1]
                up = time.perf_counter() - began
                with requests.Session() as http:
                    session = http.post(f"{url}/sessions", json={"kind": "sql"}, timeout=30).json()
                    at = f"{url}/sessions/{session['id']}"
                    until(lambda: http.get(at, timeout=30).json()["state"] == "idle")
                    body = {"code": "select 1 as one", "kind": "sql"}
                    number = http.post(f"{at}/statements", json=body, timeout=30).json()["id"]
                    look = f"{at}/statements/{number}"
                    until(lambda: http.get(look, timeout=30).json()["state"] == "available")
                first = time.perf_counter() - began
            finally:
                server.terminate()
    return [
        Figure("server listens, cold", up, "s"),
        Figure("first row of the first session, cold", first, "s", COLD_START),
    ]


def until(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(0.01)


def overhead_and_memory() -> list[Figure]:
    """The same query through a session and straight to its Sail process, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        engine = SailEngine(Path(folder), SystemClock())
        session: Any = engine.open(SessionSpec("bench", "lakehouse"))
        sql = Sql(session)
        sql.rows("create table bench using delta as select id, concat('n', id) as name from range(1000)")
        idle = psutil.Process(session._child.pid).memory_info().rss / 1e6
        link = session._link
        ours, raw = [], []
        for _ in range(ROUNDS):
            ours.append(timed(lambda: sql.rows(QUERY)))
            raw.append(timed(lambda: link.run(QUERY, max_rows=1000).rows()))
        engine.close()
    return [
        Figure("query, engine called directly, median (baseline)", statistics.median(raw), "ms"),
        Figure("query, through a session, median", statistics.median(ours), "ms"),
        Figure("our part of it", statistics.median(ours) - statistics.median(raw), "ms", OVERHEAD),
        Figure("memory of an idle session's process", idle, "MB", IDLE_MEMORY),
    ]


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


RESULTS = Results("engine", PROMISES)


def figures(*, quick: bool) -> Iterator[Figure]:
    """All of them, one after the other."""
    if not quick:
        yield from statements_right()
    yield from cold_start()
    yield from overhead_and_memory()


def main() -> int:
    """Measure, print, and with ``--check`` judge."""
    said = parser(__doc__)
    said.add_argument("--check", action="store_true", help="exit 1 if a figure is beyond its limit")
    options = said.parse_args()
    return judged(RESULTS, figures(quick=options.quick), keep=options.keep, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
