"""How the adapter's cost grows: with relations in a schema, statements in a session, threads, and rows of a result.

The server is in this process and answers at once by rule; the client of each measure is a process of its own, so that
its memory is its own. ``python -m tests.bench.growth``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from dbt.adapters.base.relation import BaseRelation
from dbt.adapters.fabricspark.checks import NUM_ROWS
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager, SessionManagers
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.cursor import LivyCursor
from dbt.adapters.fabricspark.impl import FabricSparkAdapter
from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner

from fakelivy import FakeLivy
from fakelivy.clock import SystemClock
from fakelivy.engine.port import Table
from fakelivy.engine.scripted import Rule, ScriptedEngine
from fakelivy.journal import Entry, Request
from tests.bench.results import Results, Row, parser
from tests.bench.scaled import ScaledRuntime

ROOT = Path(__file__).parents[2]

SIZES: Mapping[str, tuple[int, ...]] = {
    "relations": (10, 100, 1_000, 10_000),
    "catalog": (10, 100, 1_000, 10_000),
    "statements": (10, 100, 1_000, 10_000),
    "threads": (1, 4, 16, 64),
    "rows": (10, 1_000, 100_000, 1_000_000),
}
UNIT = {
    "relations": "relations in a schema, listed",
    "catalog": "relations in a schema, their catalog",
    "statements": "statements in a session, one after the other",
    "threads": "threads, 640 statements among them",
    "rows": "rows of a result",
}
SPEED = 10.0
"""Seconds of the client's in a real one: its pauses are not what is measured."""

MANY = 2_000_000
"""Rows that a session of the benchmark returns at most."""

INFORMATION = """Catalog: spark_catalog
Database: dbo
Table: {name}
Owner: someone
Created Time: Mon Jan 05 10:00:00 UTC 2026
Type: MANAGED
Provider: delta
Location: abfss://shop@onelake/Tables/dbo/{name}
Schema: root
 |-- id: long (nullable = true)
 |-- name: string (nullable = true)
 |-- amount: decimal(18,2) (nullable = true)
"""

COLUMNS = INFORMATION.count("|--")


@dataclass(frozen=True)
class Cost:
    """What one size costs: seconds from asking to having it, requests, and MiB beyond what the process began with."""

    seconds: float
    requests: int
    memory: float


def schema(**columns: str) -> dict[str, Any]:
    """Spark's JSON for columns of the given types."""
    fields = [{"name": name, "type": type_, "nullable": True, "metadata": {}} for name, type_ in columns.items()]
    return {"type": "struct", "fields": fields}


def answers(axis: str, size: int) -> list[Rule]:
    """What the server says."""
    relations = [("dbo", f"t{n}", False, INFORMATION.format(name=f"t{n}")) for n in range(size)]
    rows = [(n, f"customer number {n}", Decimal(n) / 100) for n in range(size)]
    return [
        Rule("show databases", Table(schema(namespace="string"), [("dbo",)])),
        Rule(
            "show table extended",
            Table(
                schema(namespace="string", tableName="string", isTemporary="boolean", information="string"),
                relations if axis in ("relations", "catalog") else [],
            ),
        ),
        Rule(
            "select rows",
            Table(schema(id="long", name="string", amount="decimal(18,2)"), rows if axis == "rows" else []),
        ),
        Rule("select one", Table(schema(n="integer"), [(1,)])),
    ]


# --- the client, in a process of its own ------------------------------------------------------------------------------


def _adapter(credentials: FabricSparkCredentials) -> FabricSparkAdapter:
    """dbt's adapter for a project without models."""
    folder = Path.cwd()
    (folder / "dbt_project.yml").write_text(yaml.safe_dump({"name": "growth", "profile": "growth"}))
    output = {"type": "fabricspark", **credentials.to_dict(omit_none=True)}
    profile = {"growth": {"target": "dev", "outputs": {"dev": output}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    result = dbtRunner().invoke(["parse", "--quiet", "--log-level-file", "none"])
    assert result.success, result.exception
    adapter = get_adapter_by_type("fabricspark")  # type: ignore[no-untyped-call]  # dbt leaves it untyped
    assert isinstance(adapter, FabricSparkAdapter)
    return adapter


def _relations(_size: int, credentials: FabricSparkCredentials) -> Callable[[], object]:
    adapter: Any = _adapter(credentials)
    relation: BaseRelation = adapter.Relation.create(schema="dbo", identifier="").without_identifier()

    def list_them() -> object:
        with adapter.connection_named("growth"):
            found = adapter.list_relations_without_caching(relation)
            adapter.cache.update_schemas([(None, "dbo")])
            for each in found:
                adapter.cache.add(each)
        return found

    return list_them


def _catalog(size: int, credentials: FabricSparkCredentials) -> Callable[[], object]:
    adapter = _adapter(credentials)
    # A node, as far as dbt and the adapter look at one for its catalog.
    place: Mapping[str, Any] = {
        "database": None,
        "schema": "dbo",
        "quoting_dict": {},
        "resource_type": "model",
        "config": {},
        "meta": {},
    }
    nodes: list[Any] = [SimpleNamespace(identifier=f"t{n}", name=f"t{n}", **place) for n in range(size)]

    def catalog() -> object:
        with adapter.connection_named("growth"):
            found, failures = adapter.get_catalog(nodes, frozenset())
        assert not failures, failures
        assert len(found.rows) == COLUMNS * size
        return found

    return catalog


def _cursor(credentials: FabricSparkCredentials) -> Callable[[], LivyCursor]:
    manager = FabricSparkConnectionManager.sessions.target(credentials).pool.borrow()
    return lambda: LivyCursor(manager)


def _statements(size: int, credentials: FabricSparkCredentials) -> Callable[[], object]:
    cursor = _cursor(credentials)

    def run() -> None:
        for _ in range(size):
            cursor().execute("select one")

    return run


def _threads(size: int, credentials: FabricSparkCredentials) -> Callable[[], object]:
    cursor = _cursor(credentials)

    def work() -> None:
        for _ in range(640 // size):
            cursor().execute("select one")

    def run() -> None:
        threads = [threading.Thread(target=work) for _ in range(size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def _rows(_size: int, credentials: FabricSparkCredentials) -> Callable[[], object]:
    cursor = _cursor(credentials)

    def fetch() -> object:
        asked = cursor()
        asked.execute("select rows")
        return asked.fetchall()

    return fetch


AXES = {
    "relations": _relations,
    "catalog": _catalog,
    "statements": _statements,
    "threads": _threads,
    "rows": _rows,
}


def _peak() -> float:
    """MiB that this process held at most (Linux; what ``getrusage`` says includes the parent's)."""
    said = Path("/proc/self/status").read_text()
    return int(said.partition("VmHWM:")[2].split()[0]) / 1024


def credentials_for(url: str) -> FabricSparkCredentials:
    """A profile for the server, whose sessions return all rows."""
    spark_config = {"name": "growth", "conf": {NUM_ROWS: str(MANY)}}
    given = {"schema": "dbo", "livy_mode": "local", "livy_url": url, "spark_config": spark_config}
    return FabricSparkCredentials.from_dict(given)


def client(axis: str, size: int, url: str) -> None:
    """Do it, and print what it cost this process."""
    credentials = credentials_for(url)
    FabricSparkConnectionManager.sessions = SessionManagers(ScaledRuntime(SPEED))
    act = AXES[axis](size, credentials)
    before = _peak()
    began = time.perf_counter()
    act()
    print(json.dumps({"seconds": time.perf_counter() - began, "memory": _peak() - before}))  # noqa: T201  # to its parent
    FabricSparkConnectionManager.sessions.disconnect(credentials)


# --- the measure ------------------------------------------------------------------------------------------------------


@contextmanager
def serving(axis: str, size: int) -> Iterator[tuple[FakeLivy, list[str]]]:
    """A server that answers, and the requests it has had so far."""
    clock = SystemClock()
    requests: list[str] = []

    def note(entry: Entry) -> None:
        if isinstance(entry.event, Request):
            requests.append(entry.event.operation)

    with FakeLivy(engine=ScriptedEngine(clock, answers(axis, size)), clock=clock) as server:
        server.journal.listen(note)
        yield server, requests


def cost(axis: str, size: int) -> Cost:
    """Measure one size of one axis."""
    with serving(axis, size) as (server, requests), tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.bench.growth", "--client", axis, str(size), server.url]
        here = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=folder, env=here, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{axis} {size}: {done.stdout}{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Cost(said["seconds"], len(requests), said["memory"])


def slope(sizes: tuple[int, int], costs: tuple[float, float]) -> float:
    """By which power of the size a cost grows, between two sizes: 1 is linear."""
    return math.log(costs[1] / costs[0]) / math.log(sizes[1] / sizes[0])


RESULTS = Results(
    "growth",
    {
        "size": "{:,}",
        "of what": "{}",
        "seconds": "{:.3f}",
        "requests": "{:,}",
        "memory": "{:.0f} MiB",
        "time grows as": "size^{:.2f}",
    },
)


def rows(sizes: Mapping[str, Sequence[int]]) -> Iterator[Row]:
    """Lines of the table, from small to large."""
    for axis in sizes:
        before: tuple[int, float] | None = None
        for size in sizes[axis]:
            found = cost(axis, size)
            yield {
                "size": size,
                "of what": UNIT[axis],
                "seconds": found.seconds,
                "requests": found.requests,
                "memory": found.memory,
                "time grows as": slope((before[0], size), (before[1], found.seconds)) if before else None,
            }
            before = size, found.seconds


def main() -> None:
    """Measure and print."""
    said = parser(__doc__)
    said.add_argument("--client", nargs=3, metavar=("AXIS", "SIZE", "URL"), help=argparse.SUPPRESS)
    options = said.parse_args()
    if options.client:
        axis, size, url = options.client
        client(axis, int(size), url)
        return
    RESULTS.show(rows({axis: SIZES[axis][:2] for axis in SIZES} if options.quick else SIZES), keep=options.keep)


if __name__ == "__main__":
    main()
