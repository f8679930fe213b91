"""One Livy session on a real Spark: a Spark Connect session, and a new one when that is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from fakelivy.clock import Clock
from fakelivy.engine.port import EngineUnavailable, Failure, Output, SessionSpec, Table
from fakelivy.engine.python.owned import SessionInterpreter
from fakelivy.engine.sail.connect import Interrupted, Lost, SailError
from fakelivy.engine.sail.errors import SparkError, unsupported
from fakelivy.engine.sail.tokens import quote_name
from fakelivy.engine.spark import commands
from fakelivy.engine.spark.cells import Cells
from fakelivy.engine.spark.lakehouses import Lakehouses
from fakelivy.engine.spark.link import SparkLink, message, place
from fakelivy.engine.worker import Running, Worker

CANCEL_GRACE = 10.0
"""Seconds an interrupted statement may go on before we hang up: a cluster takes its time to stop its tasks."""

CANCELLED = Failure("[OPERATION_CANCELED] The statement was cancelled.", cancelled=True)

logger = logging.getLogger(__name__)


class SparkSession:
    """A session on the server at ``url``.

    Args:
        home: the lakehouse whose schemas have their own names on the server.
        open_sibling: opens another session.

    Raises:
        EngineUnavailable: the server is not there or refuses the session.
    """

    def __init__(
        self,
        spec: SessionSpec,
        url: str,
        home: str,
        clock: Clock,
        on_close: Callable[[SparkSession], None],
        open_sibling: Callable[[SessionSpec], SparkSession],
    ) -> None:
        self._url = url
        self._settings: Mapping[str, str] = dict(spec.conf)
        self._lakehouses = Lakehouses(home, spec.lakehouse)
        self._on_close = on_close
        self._open_sibling = open_sibling
        self._guard = threading.Lock()  # over _link and _closed; held for moments only
        self._closed = False
        self._link: SparkLink | None = None
        # It speaks to the same session of Spark, and ends with the link to that.
        self._python = SessionInterpreter(self._for_python)
        self._attach()
        self._worker = Worker(f"fakelivy-spark-{spec.session_id}", clock, self._outcome, self._stop)

    def start(self, code: str, *, kind: str, max_rows: int, started_at: float, on_done: Callable[[], None]) -> Running:
        del started_at  # real work takes real time
        return self._worker.start(code, kind, max_rows, on_done)

    def sibling(self, spec: SessionSpec) -> SparkSession:
        return self._open_sibling(spec)

    def close(self) -> None:
        with self._guard:
            if self._closed:
                return
            self._closed = True
            link, self._link = self._link, None
        running = self._worker.running
        if running is not None:
            running.cancelled.set()
        self._python.close()
        if link is not None:
            link.release()
            link.close()
        self._worker.end(timeout=5)
        self._on_close(self)

    # -- the worker's thread -----------------------------------------------------------------------------------------

    def _outcome(self, running: Running) -> Table | Output | Failure:
        try:
            if running.cancelled.is_set():
                return CANCELLED
            if running.kind not in ("sql", "pyspark"):
                raise unsupported(f"code of kind {running.kind!r}")
            link = self._link or self._attach()
            if running.kind == "pyspark":
                outcome: Table | Output | Failure = self._cell(link, running)
            else:
                outcome = self._run(link, running.code, running.max_rows)
        except Interrupted:
            return CANCELLED
        except Lost:
            self._detach()
            if running.cancelled.is_set():
                return CANCELLED
            return Failure(
                f"[ENGINE_LOST] Spark at {place(self._url)} went away while the statement ran; the statement may or "
                "may not have taken effect. The session goes on with a new Spark session, without its temporary views."
            )
        except EngineUnavailable as error:
            return Failure(f"[ENGINE_LOST] {error}")
        except (SailError, SparkError) as error:
            return CANCELLED if running.cancelled.is_set() else Failure(message(error))
        except Exception as error:
            # A bug of ours must end the statement, not the thread that all later ones wait for.
            logger.exception("statement failed inside the engine")
            self._detach()
            if running.cancelled.is_set():
                return CANCELLED
            return Failure(f"[INTERNAL_ERROR] The spark engine failed: {type(error).__name__}: {error}")
        return CANCELLED if running.cancelled.is_set() else outcome

    def _run(self, link: SparkLink, code: str, max_rows: int) -> Table:
        own = commands.find(code)
        if own is not None:
            return own(lambda sql: _table(link, sql, max_rows), self._lakehouses)
        sql, after = self._lakehouses.translate(code)
        table = _table(link, sql, max_rows)
        self._lakehouses.current = after
        return Table(table.schema, self._lakehouses.plain(table.schema, list(table.rows)), table.truncated)

    def _cell(self, link: SparkLink, running: Running) -> Output | Failure:
        self._python.ready()
        if running.cancelled.is_set():
            raise Interrupted
        cells = Cells(self._lakehouses, lambda sql, max_rows: self._run(link, sql, max_rows))
        return self._python.run(running.code, cells.answer)

    def _for_python(self) -> Mapping[str, Any]:
        with self._guard:
            link = self._link
        if link is None:
            raise EngineUnavailable("the session is closed")
        version = str(link.run("select version()", max_rows=1).rows()[0][0]).split()[0]
        return {"url": link.url, "version": version, "embedded": False}

    # -- the connection ----------------------------------------------------------------------------------------------

    def _attach(self) -> SparkLink:
        link = SparkLink(self._url)
        try:
            link.offer(self._settings)
            for schema in ("default", "dbo"):
                link.run(f"create schema if not exists {self._database(schema)}", max_rows=1)
            link.run(f"use schema {self._database('dbo')}", max_rows=1)
        except Lost as error:
            link.close()
            raise EngineUnavailable(f"no Spark Connect server answers at {place(self._url)}") from error
        except (SailError, Interrupted) as error:
            link.close()
            raise EngineUnavailable(f"Spark at {place(self._url)} refuses the session: {error}") from error
        with self._guard:
            if not self._closed:
                self._link = link
                return link
        link.release()
        link.close()
        raise EngineUnavailable("the session is closed")

    def _database(self, schema: str) -> str:
        return quote_name(self._lakehouses.database(self._lakehouses.current, schema))

    def _detach(self) -> None:
        self._python.end()
        with self._guard:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def _stop(self, running: Running) -> None:
        """Interrupt a statement; hang up if it does not listen, at which Spark ends it too."""
        threading.Thread(target=self._interrupt, args=(running,), name="fakelivy-interrupt", daemon=True).start()
        if running.kind == "pyspark" and not running.done.wait(CANCEL_GRACE):
            self._python.end()
        if not running.done.wait(CANCEL_GRACE):
            self._detach()

    def _interrupt(self, running: Running) -> None:
        def now() -> None:
            if running.kind == "pyspark":
                self._python.interrupt()
            link = self._link
            if link is not None:
                link.interrupt()

        self._worker.while_running(running, now)


def _table(link: SparkLink, sql: str, max_rows: int) -> Table:
    result = link.run(sql, max_rows=max_rows)
    try:
        rows: list[tuple[Any, ...]] = result.rows()
    except (ValueError, OverflowError) as error:
        raise unsupported("A result with this value", str(error)) from error
    except KeyError as error:  # pyarrow's way to say that it has no Python class for an Arrow type
        raise unsupported("A result with an interval of years and months") from error
    return Table(result.schema, rows, result.truncated)
