"""Measures the embedded engine against its targets: ``python -m tests.bench.engine``."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import requests

from fakelivy.clock import SystemClock
from fakelivy.engine.port import SessionSpec
from fakelivy.engine.sail.engine import SailEngine
from tests.engine.conftest import Sql
from tests.engine.fidelity import matrix

COLD_START, OVERHEAD, IDLE_MEMORY = 3.0, 5.0, 250.0
"""Seconds from the server's start to the first row; milliseconds of ours per query; MB of an idle session's process."""

ROUNDS = 300
QUERY = "select id, name from bench where id = 3"


def main() -> int:
    ok = True
    for what, value, target, unit in (*statements_right(), *cold_start(), *overhead_and_memory()):
        fine = target is None or value < target
        ok = ok and fine
        wanted = "" if target is None else f"  target < {target:g} {unit}  {'ok' if fine else 'MISSED'}"
        print(f"{what:<55}{value:9.2f} {unit}{wanted}", flush=True)  # noqa: T201  # it is a command
    return 0 if ok else 1


def statements_right() -> list[Figure]:
    """The statements of ``fidelity/matrix.sql`` that are done as Spark does them, or otherwise for a reason."""
    found = matrix.differences(matrix.embedded())
    unknown = sum(not matrix.reason(text) for text in found)
    total = len(matrix.statements())
    return [
        (f"of {total} statements, as on real Spark", total - len(found), None, ""),
        ("otherwise, without a known reason", unknown, 1, ""),
    ]


Figure = tuple[str, float, float | None, str]


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
        ("server listens, cold", up, None, "s"),
        ("first row of the first session, cold", first, COLD_START, "s"),
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
        ("query, engine called directly, median", statistics.median(raw), None, "ms"),
        ("query, through a session, median", statistics.median(ours), None, "ms"),
        ("our part of it", statistics.median(ours) - statistics.median(raw), OVERHEAD, "ms"),
        ("memory of an idle session's process", idle, IDLE_MEMORY, "MB"),
    ]


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main())
