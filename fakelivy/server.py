"""The fake server as an object: it owns clock, ids, stores, journal, engine and socket, and ends them all."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import requests

from fakelivy.app import App
from fakelivy.batches import Batches
from fakelivy.call import Services
from fakelivy.clock import Clock, SystemClock, VirtualClock
from fakelivy.engine.port import Engine
from fakelivy.engine.scripted import Rule
from fakelivy.errors import Refused
from fakelivy.faults import Fault
from fakelivy.highconcurrency import HighConcurrency
from fakelivy.identity.authority import AUDIENCES, Authority
from fakelivy.identity.azure_cli import write_az
from fakelivy.identity.gate import Gate
from fakelivy.identity.options import IdentityOptions, TokenMode
from fakelivy.ids import Ids, Numbers
from fakelivy.injector import Armed, Injector
from fakelivy.inprocess import BASE, InProcessAdapter
from fakelivy.jobs import Jobs
from fakelivy.journal import Journal
from fakelivy.knobs import Dialect, Knobs
from fakelivy.lakehouses import Lakehouses
from fakelivy.listener import answering, is_loopback, listen
from fakelivy.operations import Operations
from fakelivy.profiles import lakehouse_named, profile
from fakelivy.restart import Restarter
from fakelivy.rng import Rng
from fakelivy.routes import ROUTES
from fakelivy.routes.tokens import APP_SERVICE_PATH, AZ_PATH
from fakelivy.shortcuts import Shortcuts
from fakelivy.store import Store
from fakelivy.usage import FakeLivyError


class FakeLivy:
    """A Livy server, vanilla at ``/`` and Fabric's under ``/v1``, over one SQL engine.

    Use it as a context manager. It executes whatever code it is sent, so it listens on loopback unless
    ``allow_public`` is given.

    Args:
        engine: ``sail`` (real SQL), ``scripted``, ``spark`` (real Spark, at ``spark_url``), or an engine object; an
            object is closed with the server.
        warehouse: folder of the tables; ``None`` takes a temporary one that goes with the server.
        spark_url: of a Spark Connect server, for the engine ``spark``; its parameters may hold a token.
        host, port: where to listen; port 0 takes a free one.
        lakehouses: names; the first is the default one, also of vanilla sessions.
        schemas: whether the lakehouses are schema-enabled.
        token: the fixed bearer token of Fabric requests.
        identity: which other tokens there are and count; see ``IdentityOptions``.
        tls: serve https, with a certificate that is made at start; see ``client_environment``.
        seed: what ids are made from; random when ``None``, see ``server.seed``.
        clock: real time unless given.
        knobs: wire behaviour.
        listen: ``False`` opens no socket; clients reach it by ``mount`` only.
        faults: what goes wrong from the start, see ``arm``.
        journal_file: every event as a JSON line, appended.
        journal_keep: how many events stay in memory; what is asked of the journal is refused once some are gone.
        batches: how long batches take and how they end, by their file's name; no rule is success at once.
        allow_public: listen on addresses that other machines can reach.

    Raises:
        FakeLivyError: the server cannot be set up as asked; the message says why.
    """

    def __init__(
        self,
        *,
        engine: str | Engine = "sail",
        warehouse: str | Path | None = None,
        spark_url: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        lakehouses: Sequence[str] = ("lakehouse",),
        schemas: bool = True,
        token: str = "fakelivy",
        identity: IdentityOptions | None = None,
        tls: bool = False,
        seed: int | None = None,
        clock: Clock | None = None,
        knobs: Knobs | None = None,
        listen: bool = True,
        faults: Sequence[Fault | str] = (),
        journal_file: str | Path | None = None,
        journal_keep: int = 10_000,
        batches: Sequence[Rule] = (),
        allow_public: bool = False,
    ) -> None:
        if not lakehouses or len(set(lakehouses)) != len(lakehouses):
            raise FakeLivyError("give at least one lakehouse, each name once")
        if not token:
            raise FakeLivyError("the token must not be empty")
        if not allow_public and not is_loopback(host):
            raise FakeLivyError(
                f"refusing to listen on {host}: this server executes code for whoever reaches it. "
                "Listen on 127.0.0.1, or say allow_public (--allow-public) if you mean it"
            )
        self.host = host
        self.port = port
        self.token = token
        self._listens = listen
        self.clock = clock or SystemClock()
        self.knobs = knobs or Knobs()
        self.tls = tls
        self.trusted: Path | None = None
        self._rng = Rng(seed)
        self.seed = self._rng.seed
        self._lakehouses = [lakehouse_named(name, schemas=schemas) for name in lakehouses]
        self._stores: dict[Dialect, Store] = {}
        self._batches: dict[Dialect, Batches] = {}
        self._high_concurrency: HighConcurrency | None = None
        self._exit = contextlib.ExitStack()
        self._started = False
        self._numbers = (Numbers(), Numbers())
        self._restarter: Restarter | None = None
        self._batch_rules = batches
        self._app: App | None = None
        with contextlib.ExitStack() as undo:
            self.warehouse = self._own_warehouse(undo) if warehouse is None else _checked(Path(warehouse), undo)
            self.journal = _open_journal(self.clock, journal_file, journal_keep)
            undo.callback(self.journal.close)
            self._injector = _own_injector(self.seed, self.clock, self.journal, faults)
            self.authority = Authority(identity or IdentityOptions(), clock=self.clock, journal=self.journal)
            self._engine = self._own_engine(engine, spark_url, lakehouses[0])
            undo.callback(self._engine.close)
            self._exit = undo.pop_all()

    def start(self) -> None:
        """Listen. A server starts once.

        Raises:
            FakeLivyError: the port is taken, or the address is not of this machine.
        """
        if self._started:
            raise FakeLivyError("a server starts once; make a new one")
        self._started = True
        try:
            self._serve(listen(self.host, self.port) if self._listens else None)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop listening and end every session, thread and engine process. Idempotent."""
        self._exit.close()

    def __enter__(self) -> FakeLivy:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        if not self._listens:
            return BASE
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def profile(self, dialect: str | Dialect | None = None) -> dict[str, Any]:
        """The content of a dbt ``profiles.yml`` for one dialect, or with a target for each."""
        dialects = [Dialect(dialect)] if dialect else list(Dialect)
        return profile(dialects, self.url, self._lakehouses[0], self._profile_token(), self.authority.options)

    def end_sessions(self, ids: Collection[str]) -> None:
        """Delete sessions of either dialect; those that are not there any more are as wanted."""
        for store in self._stores.values():
            for scope in self._scopes:
                for session in store.sessions(scope):
                    if session.id in ids:
                        with contextlib.suppress(Refused):
                            store.delete(scope, session.id)

    def release(self, ids: Collection[str]) -> None:
        """Release high-concurrency sessions; those that are not there any more are as wanted."""
        if self._high_concurrency is None:
            return
        for scope in self._scopes:
            for key in ids:
                with contextlib.suppress(Refused):
                    self._high_concurrency.release(scope, key)

    def end_batches(self, ids: Collection[str]) -> None:
        """Delete batches of either dialect; those that are not there any more are as wanted."""
        for owner in self._batches.values():
            for scope in self._scopes:
                for batch in owner.batches(scope):
                    if batch.id in ids:
                        with contextlib.suppress(Refused):
                            owner.delete(scope, batch.id)

    @property
    def _scopes(self) -> Sequence[str]:
        return ["", *(lakehouse.id for lakehouse in self._lakehouses)]

    def client_environment(self) -> dict[str, str]:
        """The environment in which a client trusts this server and takes it for Entra; empty without ``tls``."""
        if not self.trusted:
            return {}
        return {"REQUESTS_CA_BUNDLE": str(self.trusted), "AZURE_AUTHORITY_HOST": self.url}

    def managed_identity_environment(self, form: Literal["imds", "app_service"] = "imds") -> dict[str, str]:
        """The environment in which a client takes this server for its machine's managed identity."""
        if form == "imds":
            return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self.url}
        header = self.authority.options.identity_header
        return {"IDENTITY_ENDPOINT": f"{self.url}{APP_SERVICE_PATH}", "IDENTITY_HEADER": header}

    def write_az(self, folder: str | Path) -> Path:
        """Write a stand-in for the Azure CLI into ``folder``, to go first on ``PATH``; its tokens come from here.

        Raises:
            OSError: the folder is not writable.
        """
        return write_az(Path(folder), f"{self.url}{AZ_PATH}", self.trusted, resource=AUDIENCES[0])

    def _profile_token(self) -> str:
        if self.tls or self.authority.options.mode is not TokenMode.VERIFY:
            return self.token
        return self.authority.issue(flow="profile", subject="profile", audience=AUDIENCES[0]).value

    def _secure(self) -> ssl.SSLContext:
        from fakelivy.identity.certificates import server_context

        folder = Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="fakelivy-tls-")))
        context, self.trusted = server_context(folder, self.host)
        return context

    def arm(self, fault: Fault | str) -> Fault:
        """Have something go wrong from now on; see ``fakelivy.faults``.

        Raises:
            FaultError: it is misspelt or makes no sense; the message says what was probably meant.
        """
        return self._injector.arm(fault)

    def fault(self, fault: Fault | str) -> AbstractContextManager[Fault]:
        """A fault for the length of a ``with`` block. Raises FaultError as ``arm`` does."""
        return self._injector.fault(fault)

    def clear(self, name: str | None = None) -> None:
        """Have one fault, or all, go wrong no more; requests they hold go on.

        Raises:
            FaultError: no fault of this name is armed.
        """
        self._injector.clear(name)

    def restart(self, dialect: str | Dialect, *, recovery: bool = False, down: float = 0.0) -> None:
        """Have one dialect's side restart as its clients see it; see ``fakelivy.restart``.

        Raises:
            FakeLivyError: the server has not started.
        """
        if self._restarter is None:
            raise FakeLivyError("a server restarts after its start")
        self._restarter.restart(Dialect(dialect), recovery=recovery, down=down)

    @property
    def armed(self) -> Sequence[Armed]:
        """The faults in force and how often they matched and fired."""
        return self._injector.armed()

    def mount(self, session: requests.Session) -> requests.Session:
        """Have ``session`` reach this server, and under its URL only, without a socket and in the server's time.

        Raises:
            FakeLivyError: the server has not started, or its clock is not virtual (``ManualClock``).
        """
        if self._app is None or not isinstance(self.clock, VirtualClock):
            raise FakeLivyError("a server is reached without a socket after its start, with clock=ManualClock()")
        session.mount(self.url + "/", InProcessAdapter(self._app, self.clock))
        return session

    def _serve(self, listener: socket.socket | None) -> None:
        ids = Ids(self._rng)
        stores = self._stores = {dialect: self._own_store(dialect, ids) for dialect in Dialect}
        for store in stores.values():
            self._exit.callback(store.close)
        batches = self._batches = {dialect: self._own_batches(dialect, ids) for dialect in Dialect}
        shared = HighConcurrency(stores[Dialect.FABRIC], ids, self.journal, self.clock, self.knobs)
        self._high_concurrency = shared
        services = Services(
            stores=stores,
            batches=batches,
            high_concurrency=shared,
            lakehouses=Lakehouses(self._lakehouses),
            operations=Operations(ids, self.clock),
            shortcuts=Shortcuts(),
            jobs=Jobs(ids, self.clock, self.journal, self.knobs),
            engine=self._engine,
            clock=self.clock,
            knobs=self.knobs,
            ids=ids,
            journal=self.journal,
            injector=self._injector,
            authority=self.authority,
            gate=Gate(self.token, self.authority),
            restarter=Restarter(
                stores=stores, batches=batches, numbers=self._numbers, clock=self.clock, journal=self.journal
            ),
        )
        self._restarter = services.restarter
        self._app = App(services)
        if listener is None:
            return
        self._exit.callback(listener.close)
        self.port = listener.getsockname()[1]
        secure = self._secure() if self.tls else None
        self._exit.enter_context(answering(self._app, listener, self.host, secure))
        self._exit.callback(self._injector.closing.set)

    def _own_store(self, dialect: Dialect, ids: Ids) -> Store:
        return Store(
            name=dialect.value,
            engine=self._engine,
            clock=self.clock,
            journal=self.journal,
            knobs=self.knobs,
            dialect=self.knobs.dialects[dialect],
            new_id=ids.session_guid if dialect is Dialect.FABRIC else self._numbers[0].new,
        )

    def _own_batches(self, dialect: Dialect, ids: Ids) -> Batches:
        return Batches(
            rules=self._batch_rules,
            clock=self.clock,
            journal=self.journal,
            knobs=self.knobs,
            new_id=ids.session_guid if dialect is Dialect.FABRIC else self._numbers[1].new,
        )

    def _own_warehouse(self, undo: contextlib.ExitStack) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="fakelivy-", ignore_cleanup_errors=True)
        return Path(undo.enter_context(folder))

    def _own_engine(self, engine: str | Engine, spark_url: str | None, home: str) -> Engine:
        if not isinstance(engine, str):
            return engine
        if spark_url and engine != "spark":
            raise FakeLivyError(f"a Spark URL is for the engine 'spark', not for {engine!r}")
        # Not needed, and not paid for, by those who bring their own engine.
        from fakelivy.engine import create_engine
        from fakelivy.engine.sail.catalog import WarehouseError

        try:
            options = {"url": spark_url or "", "home": home} if engine == "spark" else {}
            return create_engine(engine, warehouse=self.warehouse, clock=self.clock, **options)
        except (WarehouseError, ValueError) as error:
            raise FakeLivyError(str(error)) from error


def _checked(folder: Path, undo: contextlib.ExitStack) -> Path:
    """The warehouse folder, made if it is missing and proven writable; a server that is never made leaves none."""

    def forget(failed: type[BaseException] | None, *_: object) -> None:
        if failed and is_new:
            with contextlib.suppress(OSError):  # something is in it already
                folder.rmdir()

    is_new = not folder.exists()
    undo.push(forget)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (FileExistsError, NotADirectoryError):
        raise FakeLivyError(f"the warehouse {folder} is not a folder") from None
    except OSError as error:
        raise FakeLivyError(f"the warehouse {folder} is not writable: {error.strerror or error}") from None
    return folder.resolve()


def _own_injector(seed: int, clock: Clock, journal: Journal, faults: Sequence[Fault | str]) -> Injector:
    routes = {dialect.value: list(routes) for dialect, routes in ROUTES.items()}
    injector = Injector(seed=seed, clock=clock, journal=journal, routes=routes)
    for fault in faults:
        injector.arm(fault)
    return injector


def _open_journal(clock: Clock, file: str | Path | None, keep: int) -> Journal:
    if keep < 1:
        raise FakeLivyError("the journal keeps at least one entry")
    try:
        return Journal(clock, file=Path(file) if file else None, keep=keep)
    except OSError as error:
        raise FakeLivyError(f"cannot write the journal {file}: {error.strerror or error}") from None
