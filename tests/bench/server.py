"""The server's speed and size, measured from outside on a process of its own: ``make bench``.

``--check`` exits with 1 when a figure is beyond its limit.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from tests.bench.results import PROMISES, Figure, Results, judged, parser

SESSION = {"kind": "sql"}


@dataclass(frozen=True)
class Server:
    """A running ``fakelivy serve`` and the seconds from its start to its first answer."""

    url: str
    process: psutil.Process
    cold: float

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def memory(self) -> float:
        """Resident MiB of the server, without the engine's processes."""
        return float(self.process.memory_info().rss / 2**20)


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """A server in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fakelivy", "serve", f"--port={port}", f"--warehouse={folder / 'warehouse'}"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _until(lambda: _answers(url), 60)
        yield Server(url, psutil.Process(process.pid), time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def cold_starts(folder: Path) -> list[Figure]:
    """From the start of the process to the first answer, and to the first row that was computed."""
    with serving(folder, "--engine=scripted") as server:
        scripted = server.cold
    with serving(folder, "--engine=sail") as server:
        began = time.perf_counter()
        run(server, session(server), "select 1")
        first_row = server.cold + time.perf_counter() - began
    return [
        Figure("first answer, engine `scripted`", scripted, "s", 1.0),
        Figure("first row, engine `sail`", first_row, "s", 10.0),
    ]


def hung_connections(folder: Path, count: int) -> list[Figure]:
    """How long a healthy client waits while others are held by a fault."""
    with serving(folder, "--engine=scripted", "--fault=get_session_log:before:hang(600)") as server:
        path = session(server)
        quiet = _median(server)
        with contextlib.ExitStack() as connections:
            for _ in range(count):
                connection = connections.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                connection.sendall(f"GET {path}/log HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            _until(lambda: _held(server) >= count, 60)
            return [
                Figure("median answer to a healthy client, nobody hung", quiet, "ms"),
                Figure(f"median answer to a healthy client, {count} connections hung", _median(server), "ms", 50.0),
                Figure(f"memory with {count} connections hung", server.memory(), "MiB"),
            ]


def throughput(folder: Path, clients: int, seconds: float) -> Figure:
    """Requests per second when every request is a connection of its own."""
    with serving(folder, "--engine=scripted") as server:
        path, deadline, done = session(server), time.monotonic() + seconds, [0] * clients

        def work(number: int) -> None:
            while time.monotonic() < deadline:
                _raw_get(server.port, f"{path}/state")
                done[number] += 1

        threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return Figure(
        f"requests per second, {clients} client{'s' * (clients > 1)}, no keep-alive", sum(done) / seconds, "/s"
    )


def memory(folder: Path, statements: int) -> list[Figure]:
    """What the server grows by over many statements, its journal on disk, after it has warmed up."""
    with serving(folder, "--engine=scripted", f"--journal={folder / 'journal.jsonl'}") as server:
        path = session(server)
        with requests.Session() as http:

            def some(count: int) -> None:
                for number in range(count):
                    reply = http.post(server.url + path + "/statements", json={"code": f"select {number}"}, timeout=30)
                    reply.raise_for_status()
                    http.get(f"{server.url}{path}/statements/{reply.json()['id']}", timeout=30).raise_for_status()

            # As many as the journal keeps in memory, and the store: from there on nothing should be added.
            some(statements // 2)
            warm = server.memory()
            some(statements)
            return [
                Figure(f"memory after {statements // 2:,} statements, journal to disk", warm, "MiB"),
                Figure(f"growth over the next {statements:,} statements", server.memory() - warm, "MiB", 10.0),
            ]


def session(server: Server) -> str:
    """The path of a session that takes statements."""
    path = f"/sessions/{requests.post(server.url + '/sessions', json=SESSION, timeout=30).json()['id']}"
    _until(lambda: requests.get(server.url + path, timeout=30).json()["state"] == "idle", 60)
    return path


def run(server: Server, path: str, code: str) -> None:
    """Run one statement to its end."""
    statement = requests.post(server.url + path + "/statements", json={"code": code}, timeout=30).json()["id"]
    url = f"{server.url}{path}/statements/{statement}"
    _until(lambda: requests.get(url, timeout=30).json()["state"] == "available", 60)


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{url}/version", timeout=30).ok
    return False


def _until(done: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"did not happen within {seconds:g} s")
        time.sleep(0.01)


def _held(server: Server) -> int:
    faults = requests.get(f"{server.url}/_fake/faults", headers={"X-Fakelivy-Control": "1"}, timeout=30).json()[
        "faults"
    ]
    return int(faults[0]["fires"])


def _median(server: Server, times: int = 100) -> float:
    """Milliseconds of one request, each with a connection of its own."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        _raw_get(server.port, "/version")
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _raw_get(port: int, path: str) -> None:
    # Without a client library: its own work would be most of what is measured.
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        reply = b""
        while piece := connection.recv(65536):
            reply += piece
    if b" 200 " not in reply.partition(b"\r\n")[0]:
        raise RuntimeError(f"not an answer: {reply[:80]!r}")


RESULTS = Results("server", PROMISES)


def figures(connections: int, seconds: float, statements: int) -> Iterator[Figure]:
    """All of them, one after the other."""
    with tempfile.TemporaryDirectory(prefix="fakelivy-bench-") as folder:
        place = Path(folder)
        yield from cold_starts(place)
        yield from hung_connections(place, connections)
        yield from (throughput(place, clients, seconds) for clients in (1, 16))
        yield from memory(place, statements)


def main() -> int:
    """Measure, print, and with ``--check`` judge."""
    said = parser(__doc__)
    said.add_argument("--check", action="store_true", help="exit 1 if a figure is beyond its limit")
    options = said.parse_args()
    found = figures(50, 0.5, 400) if options.quick else figures(500, 5.0, 10_000)
    return judged(RESULTS, found, keep=options.keep, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
