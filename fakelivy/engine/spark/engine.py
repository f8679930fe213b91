"""Sessions on a Spark Connect server: Apache Spark with Delta, on this machine or a cluster."""

from __future__ import annotations

import re
import threading

from fakelivy.clock import Clock
from fakelivy.engine.port import EngineUnavailable, SessionSpec, StoredTable
from fakelivy.engine.sail.connect import Interrupted, Lost, SailError
from fakelivy.engine.sail.tokens import quote_name
from fakelivy.engine.spark.lakehouses import Lakehouses
from fakelivy.engine.spark.link import SparkLink, place
from fakelivy.engine.spark.session import SparkSession


class SparkEngine:
    """Sessions on the Spark Connect server at ``url``, e.g. ``sc://127.0.0.1:15002``.

    Args:
        url: Spark Connect's connection string; its parameters (a token, ``use_ssl``) are shown nowhere.
        home: the lakehouse whose schemas are Spark's databases; the others' are databases ``<lakehouse>__<schema>``.

    Raises:
        ValueError: the URL is not one.
    """

    name = "spark"
    instant = False

    def __init__(self, url: str, clock: Clock, *, home: str = "lakehouse") -> None:
        if not re.match(r"sc://[^/;]+", url):
            raise ValueError(f"the spark engine needs a URL such as sc://127.0.0.1:15002, not {place(url)!r}")
        self._url = url
        self._clock = clock
        self._home = home
        self._lock = threading.Lock()  # over _sessions and _closed
        self._sessions: set[SparkSession] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"SparkEngine({place(self._url)!r})"

    def open(self, spec: SessionSpec) -> SparkSession:
        session = SparkSession(spec, self._url, self._home, self._clock, self._forget, self.open)
        with self._lock:
            closed = self._closed
            if not closed:
                self._sessions.add(session)
        if closed:
            session.close()
            raise EngineUnavailable("the engine is closed")
        return session

    def tables(self, lakehouse: str) -> list[StoredTable]:
        """The tables of all schemas of a lakehouse.

        Raises:
            EngineUnavailable: Spark cannot be asked.
        """
        names = Lakehouses(self._home, lakehouse)
        link = SparkLink(self._url)
        try:
            databases = [row[0] for row in link.run("show schemas", max_rows=10_000).rows()]
            mine = [each for each in databases if names.schema(each)[0] == lakehouse.lower()]
            found = []
            for database in mine:
                listed = link.run(f"show table extended in {quote_name(database)} like '*'", max_rows=10_000).rows()
                found += [_stored(row[1], row[3]) for row in listed if not row[2] and "Type: VIEW" not in row[3]]
        except (Lost, Interrupted, SailError) as error:
            raise EngineUnavailable(f"Spark at {place(self._url)} does not list its tables: {error}") from error
        finally:
            link.release()
            link.close()
        return sorted(found, key=lambda table: table.name)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            sessions = list(self._sessions)
        for session in sessions:
            session.close()

    def _forget(self, session: SparkSession) -> None:
        with self._lock:
            self._sessions.discard(session)


def _stored(name: str, information: str) -> StoredTable:
    facts = dict(line.split(": ", 1) for line in information.splitlines() if ": " in line)
    return StoredTable(name, facts.get("Provider", "delta").lower(), managed=facts.get("Type") != "EXTERNAL")
