"""One Livy session's engine: its thread, its child process, and what follows a cancel or the child's death."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace

from fakelivy.clock import Clock
from fakelivy.engine.port import EngineUnavailable, Failure, Output, SessionSpec, Table
from fakelivy.engine.python.owned import SessionInterpreter
from fakelivy.engine.sail.bridge import Bridge
from fakelivy.engine.sail.catalog import Catalog
from fakelivy.engine.sail.connect import Interrupted, Link, Lost, SailError
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.errors import SparkError, unsupported
from fakelivy.engine.sail.expressions import SPARK_VERSION
from fakelivy.engine.sail.host import Host
from fakelivy.engine.sail.notices import notices
from fakelivy.engine.sail.process import Child
from fakelivy.engine.sail.settings import Settings
from fakelivy.engine.sail.statements import dispatch
from fakelivy.engine.worker import Running, Worker

CANCEL_GRACE = 2.0
"""Seconds an interrupted statement may go on before its child is killed: some plans never look up."""

SHARED_GRACE = 15.0
"""The same where the child has other sessions, whose statements would end with it."""

INTERRUPT_PAUSE = 0.5
"""Seconds after which a statement is interrupted again that goes on."""

logger = logging.getLogger(__name__)


class SailSession:
    """A session over a child process. Statements run one after another on the session's own thread.

    Args:
        host: of the application it joins; ``None`` begins one with a child of its own.
        open_sibling: opens another session on a host.

    Raises:
        EngineUnavailable: the child did not start.
    """

    def __init__(
        self,
        spec: SessionSpec,
        catalog: Catalog,
        clock: Clock,
        on_close: Callable[[SailSession], None],
        open_sibling: Callable[[SessionSpec, Host], SailSession],
        host: Host | None,
    ) -> None:
        self._lakehouse = spec.lakehouse.lower()
        self._on_close = on_close
        self._open_sibling = open_sibling
        try:
            for schema in ("dbo", "default"):
                catalog.create_schema(self._lakehouse, schema)
        except sqlite3.Error as error:
            raise EngineUnavailable(f"the warehouse's catalog cannot be written: {error}") from error
        try:
            self._settings = Settings(spec.conf)
        except SparkError as error:
            raise EngineUnavailable(str(error)) from error
        self._context = Context(catalog, clock, self._lakehouse, self._settings)
        self._guard = threading.Lock()  # over _child, _link and _closed; held for moments only
        self._closed = False
        self._child: Child | None = None
        self._link: Link | None = None
        # It speaks to the same Spark session, and ends with the link to that.
        self._python = SessionInterpreter(lambda: {"url": self._context.session_url, "version": SPARK_VERSION})
        self._lost_views: set[str] = set()
        self._host = (host or Host(self._lakehouse)).join()
        try:
            self._attach()
        except BaseException:
            self._host.leave()
            raise
        self._worker = Worker(f"fakelivy-sail-{spec.session_id}", clock, self._outcome, self._stop)

    def start(self, code: str, *, kind: str, max_rows: int, started_at: float, on_done: Callable[[], None]) -> Running:
        del started_at  # real work takes real time
        return self._worker.start(code, kind, max_rows, on_done)

    def sibling(self, spec: SessionSpec) -> SailSession:
        # One child is one application, as in Spark: what kills it ends the neighbours' statements too.
        return self._open_sibling(spec, self._host)

    def close(self) -> None:
        with self._guard:
            if self._closed:
                return
            self._closed = True
        running = self._worker.running
        if running is not None:
            running.cancel()
        shared = self._host.shared
        self._host.leave()
        self._python.close()
        if running is not None and shared:
            # The child lives on for its neighbours, so what runs may take its time to listen; whoever closes does not.
            threading.Thread(target=self._end, args=(SHARED_GRACE,), name="fakelivy-end", daemon=True).start()
        else:
            self._end()

    def _end(self, grace: float = 0) -> None:
        self._worker.end(timeout=grace + 5)
        self._detach()
        self._on_close(self)

    # -- the worker thread -------------------------------------------------------------------------------------------

    def _outcome(self, running: Running) -> Table | Output | Failure:
        context = self._context
        context.cancelled = running.cancelled
        context.max_rows = running.max_rows
        try:
            context.check_cancelled()
            if running.kind not in ("sql", "pyspark"):
                raise unsupported(f"code of kind {running.kind!r}")
            if not self._alive():
                self._attach()
            if running.kind == "pyspark":
                return self._cell(running)
            return replace(dispatch(context, running.code), notices=notices(running.code))
        except Interrupted:
            return _cancelled()
        except Lost:
            reason = self._autopsy()
            self._kill()  # before the next statement: a process that is about to be dead still looks alive
            if running.cancelled.is_set():
                return _cancelled()
            return Failure(
                f"[ENGINE_LOST] The SQL engine process ended while the statement ran ({reason}); the statement may or "
                "may not have taken effect. The session goes on with a new process, without its temporary views."
            )
        except EngineUnavailable as error:
            return _cancelled() if running.cancelled.is_set() else Failure(f"[ENGINE_LOST] {error}")
        except SparkError as error:
            return _cancelled() if running.cancelled.is_set() else Failure(self._explained(str(error)))
        except Exception as error:
            # A bug of ours must end the statement, not the thread that all later ones wait for.
            logger.exception("statement failed inside the engine")
            return Failure(f"[INTERNAL_ERROR] The embedded engine failed: {type(error).__name__}: {error}")

    def _cell(self, running: Running) -> Output | Failure:
        self._python.ready()
        self._context.check_cancelled()
        outcome = self._python.run(running.code, Bridge(self._context).answer)
        return _cancelled() if running.cancelled.is_set() and isinstance(outcome, Failure) else outcome

    def _explained(self, message: str) -> str:
        gone = self._lost_views - set(self._context.temporary)
        lost = [view for view in sorted(gone) if f"`{view}`" in message.lower()]
        if lost and "TABLE_OR_VIEW_NOT_FOUND" in message:
            return f"{message} (The temporary view {lost[0]} was lost when the SQL engine process was restarted.)"
        return message

    # -- the child ---------------------------------------------------------------------------------------------------

    def _alive(self) -> bool:
        with self._guard:
            return self._child is not None and self._child.alive()

    def _attach(self) -> None:
        self._detach()
        if self._closed:
            raise Interrupted
        self._lost_views |= set(self._context.temporary)
        child = self._host.child()
        try:
            link = Link(child.port, self._settings.forwarded())
            with self._guard:
                self._child, self._link = child, link
                closed = self._closed
            if closed:
                raise Interrupted
            self._context.attach(link)
        except (SailError, SparkError) as error:
            self._detach()
            raise EngineUnavailable(f"the SQL engine refuses the session: {error}") from error
        except Lost as error:
            self._kill()
            raise EngineUnavailable(f"the SQL engine process ended: {error}") from error

    def _detach(self) -> None:
        self._python.end()
        with self._guard:
            link = self._link
            self._child = self._link = None
        if link is not None:
            link.close()

    def _kill(self) -> None:
        with self._guard:
            child = self._child
        if child is not None:
            child.kill()
        self._detach()

    def _autopsy(self) -> str:
        with self._guard:
            child = self._child
        return child.last_words() if child is not None else "it was closed"

    def _stop(self, running: Running) -> None:
        """Interrupt a statement; kill its child if it does not listen."""
        with self._guard:
            child = self._child
        # A child that is busy enough does not even answer, so asking must not keep us from killing.
        threading.Thread(target=self._interrupt, args=(running,), name="fakelivy-interrupt", daemon=True).start()
        if running.kind == "pyspark" and not running.done.wait(CANCEL_GRACE):
            self._python.end()
        grace = SHARED_GRACE if self._host.shared else CANCEL_GRACE
        if not running.done.wait(grace) and child is not None:
            child.kill()

    def _interrupt(self, running: Running) -> None:
        def now() -> None:
            if running.kind == "pyspark":
                self._python.interrupt()
            link = self._link
            if link is not None:
                link.interrupt()

        # What has not reached the child yet is not there to be interrupted.
        self._worker.while_running(running, now)
        while not running.done.wait(INTERRUPT_PAUSE):
            self._worker.while_running(running, now)


def _cancelled() -> Failure:
    return Failure("[OPERATION_CANCELED] The statement was cancelled.", cancelled=True)
