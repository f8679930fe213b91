"""Between dbt and the shared session: dbt's connection life cycle, and dbt's error classes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from dbt.adapters.contracts.connection import AdapterResponse, Connection, ConnectionState
from dbt.adapters.events.logging import AdapterLogger
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.cursor import LivyCursor, LivyHandle
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.livy.kinds import PYTHON
from dbt.adapters.fabricspark.naming import Naming
from dbt.adapters.fabricspark.resilience.halt import HaltingRuntime
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.outcome import TransportError
from dbt.adapters.fabricspark.resilience.runtime import Runtime, SystemRuntime
from dbt.adapters.fabricspark.signals import StopHandler
from dbt.adapters.fabricspark.target import Target, make_target
from dbt.adapters.fabricspark.timings import Timings
from dbt.adapters.sql.connections import SQLConnectionManager
from dbt_common.exceptions import DbtDatabaseError, DbtRuntimeError


class _Logger:
    """dbt's log with the methods of a stdlib logger that the lower layers use; they do not import dbt."""

    def __init__(self) -> None:
        self._log = AdapterLogger("FabricSpark")

    def debug(self, message: str, *args: object) -> None:
        self._log.debug(message % args)  # dbt refuses arguments that are not plain values, such as exceptions

    def info(self, message: str, *args: object) -> None:
        self._log.info(message % args)

    def warning(self, message: str, *args: object) -> None:
        self._log.warning(message % args)


logger = cast(logging.Logger, _Logger())


class SessionManagers:
    """The shared sessions of this process, one per target: two targets in one process never meet."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = RankedCondition(runtime, Rank.TARGETS)
        self._targets: dict[str, Target] = {}
        self._leaving: list[tuple[str, Target]] = []
        self._namings: dict[str, Naming] = {}
        self._timings: dict[str, Path] = {}

    def remember(self, credentials: FabricSparkCredentials, path: Path | None) -> None:
        """Keep in that file how long a target's statements take, from its next session on."""
        if path is not None:
            with self._lock:
                self._timings[_identity(credentials)] = path

    def target(self, credentials: FabricSparkCredentials) -> Target:
        """Everything a target talks to, made on first use."""
        key = _identity(credentials)
        with self._lock:
            if key not in self._targets:
                runtime = HaltingRuntime(self._runtime)
                timings = Timings(self._timings.get(key), runtime, logger)
                naming = self._naming(key, credentials)
                self._targets[key] = make_target(credentials, runtime, naming, timings, logger)
            return self._targets[key]

    def naming(self, credentials: FabricSparkCredentials) -> Naming:
        """How a target's relations are written. It outlives the sessions: what a lakehouse is does not change."""
        with self._lock:
            return self._naming(_identity(credentials), credentials)

    def _naming(self, key: str, credentials: FabricSparkCredentials) -> Naming:
        return self._namings.setdefault(key, credentials.naming())

    def disconnect(self, credentials: FabricSparkCredentials) -> None:
        """End a target's session. Never raises."""
        self._disconnect(_identity(credentials))

    def disconnect_all(self) -> None:
        """End the sessions of every target. Never raises."""
        with self._lock:
            keys = list(self._targets)
        for key in keys:
            self._disconnect(key)

    def _disconnect(self, key: str) -> None:
        with self._lock:
            found = self._targets.pop(key, None)
            if found is None:
                return
            # A halt reaches it to its end.
            leaving = key, found
            self._leaving.append(leaving)
        try:
            found.pool.disconnect()
        finally:
            with self._lock:
                self._leaving.remove(leaving)

    def halt(self, credentials: FabricSparkCredentials | None = None) -> None:
        """End every wait of a target, or of all; what is asked of it from now on is refused, but for cleaning up."""
        key = None if credentials is None else _identity(credentials)
        with self._lock:
            targets = [target for each, target in (*self._targets.items(), *self._leaving) if key in (None, each)]
        for target in targets:
            target.runtime.halt()

    def halt_soon(self) -> None:
        """The same from a signal handler, which must not wait for a lock."""
        self._runtime.spawn("fabricspark-halt", self.halt)


def _identity(credentials: FabricSparkCredentials) -> str:
    repls = (credentials.has_repls, credentials.kept_tag)
    return repr((credentials.base_url, credentials.who, repls, sorted(credentials.session_body().items(), key=str)))


def timings_file(config: Any) -> Path | None:
    """Where a project remembers durations: beside its target folder, or in it if that is not the project's own.

    Args:
        config: dbt's; ``dbt debug`` has one without a project.
    """
    root, target = getattr(config, "project_root", None), getattr(config, "target_path", None)
    if not root or not target:
        return None
    project = Path(root).resolve()
    folder = (project / target).resolve()
    return Path(folder.parent if project in folder.parents else folder, ".fabricspark-timings.json")


class OnBoth:
    """A method that does one thing on an instance and another on the class.

    Args:
        on_instance, on_class: given the one or the other.
    """

    def __init__(self, on_instance: Callable[[Any], None], on_class: Callable[[Any], None]) -> None:
        self._on_instance, self._on_class = on_instance, on_class

    def __get__(self, instance: object | None, owner: type) -> Callable[[], None]:
        return partial(self._on_class, owner) if instance is None else partial(self._on_instance, instance)


class FabricSparkConnectionManager(SQLConnectionManager):
    """dbt's connections; each is a handle on the session that all of them share."""

    TYPE = "fabricspark"
    sessions = SessionManagers(SystemRuntime())
    stopping = StopHandler(sessions.halt_soon)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stopping.install()
        self.sessions.remember(cast(FabricSparkCredentials, self.profile.credentials), timings_file(self.profile))

    @classmethod
    def open(cls, connection: Connection) -> Connection:
        """Give the connection a handle on the shared session, starting it if need be.

        Raises:
            FailedToConnectError: it cannot be started.
        """
        if connection.state == ConnectionState.OPEN:
            return connection
        try:
            pool = cls.sessions.target(connection.credentials).pool
            session = pool.borrow()
        except BaseException:
            connection.handle = None
            connection.state = ConnectionState.FAIL
            raise
        connection.handle = LivyHandle(session, lambda: connection.name, pool.give_back)
        connection.state = ConnectionState.OPEN
        return connection

    @classmethod
    def close(cls, connection: Connection) -> Connection:
        """Let go of the connection. Whatever goes wrong, it is closed afterwards, and others can be closed too."""
        try:
            return super().close(connection)
        except Exception as error:  # noqa: BLE001  # a handle may be anything; the run's own outcome stands
            logger.warning("closing connection %s: %s", connection.name, error)
            connection.handle, connection.state, connection.transaction_open = None, ConnectionState.CLOSED, False
            return connection

    def _release(self) -> None:
        """Close this thread's connection, if it has one. On the class there is none, and nothing happens."""
        super().release()

    def _cleanup_all(self) -> None:
        """Close every connection, then delete the sessions: of this target, or called on the class, of all."""
        try:
            super().cleanup_all()
        finally:
            # A signal in here ends waits and shortens what is left to do; a session must not be left for it.
            with self.stopping.holding_back():
                self.sessions.disconnect(cast(FabricSparkCredentials, self.profile.credentials))
            self.stopping.uninstall()

    # Both may be called on the class too, as harnesses do that never see the instance.
    release = OnBoth(_release, lambda _: None)
    cleanup_all = OnBoth(_cleanup_all, lambda cls: cls.sessions.disconnect_all())

    def cancel_open(self) -> list[str]:
        """Stop what every other connection is running; the names of those connections.

        Nothing runs on this target from now on: dbt asks for this when a run is over. Every thread wakes up and cancels
        what it was waiting for; that and the deletion of the session have a budget of seconds in all.

        Only open ones are touched: looking at the handle of one that is not would open it. No lock is held while the
        server is told.
        """
        self.sessions.halt(cast(FabricSparkCredentials, self.profile.credentials))
        mine = self.get_if_exists()
        with self.lock:
            others = [each for each in self.thread_connections.values() if each is not mine]
        for connection in others:
            if connection.state == ConnectionState.OPEN:
                self.cancel(connection)
        return [connection.name for connection in others if connection.name is not None]

    def cancel(self, connection: Connection) -> None:
        """Stop what a connection is running, on the server. Never raises: others have to be cancelled too."""
        try:
            connection.handle.cancel()
        except (LivyError, TransportError) as error:
            logger.warning("cancelling %s: %s", connection.name, error)

    def run_python(self, code: str) -> AdapterResponse:
        """Run a Python model's code in the session, to its end.

        Raises:
            DbtDatabaseError: it failed; the Python traceback is in the message.
        """
        connection = self.get_thread_connection()
        with self.exception_handler(code):
            logger.debug("running Python on %s:\n%s", connection.name, code)
            cursor = connection.handle.cursor()
            cursor.execute(code, kind=PYTHON)
            return self.get_response(cursor)

    def target(self) -> Target:
        """What this connection's target talks to."""
        return self.sessions.target(cast(FabricSparkCredentials, self.profile.credentials))

    @contextmanager
    def exception_handler(self, sql: str) -> Generator[None, None, None]:
        """Turn everything that can go wrong into the error class dbt expects."""
        try:
            yield
        except DbtRuntimeError:
            raise
        except (LivyError, TransportError) as error:
            logger.debug("%s while running:\n%s", type(error).__name__, sql)
            raise DbtDatabaseError(str(error)) from error

    @classmethod
    def get_response(cls, cursor: LivyCursor) -> AdapterResponse:
        """What dbt prints and writes of a query."""
        return cursor.response

    @classmethod
    def data_type_code_to_name(cls, type_code: int | str) -> str:
        """Columns are described by Spark's own type names."""
        return str(type_code)

    # Spark has no transactions.
    def add_begin_query(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to begin."""

    def add_commit_query(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to commit."""

    def commit(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to commit."""

    def rollback(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to roll back."""
