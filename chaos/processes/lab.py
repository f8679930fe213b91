"""The lab: a fake server, a proxy before it where a scenario needs one, and what happens at which moment."""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from fakelivy import FakeLivy, IdentityOptions, Oracle, TokenMode
from fakelivy.identity.authority import AUDIENCES
from fakelivy.journal import Entry, Execution, FaultDecision, Request, SessionForgotten

from chaos.processes.model import Moment, Scenario
from chaos.toxics import Proxy, Toxiproxy

TOKEN = "chaos-token-that-nobody-may-show"


def nobody(act: str) -> None:
    """Hears of a signal while no dbt runs."""


class Lab:
    """Where a scenario takes place; a context manager that leaves nothing running.

    Args:
        scenario: what goes wrong in it.
        warehouse: folder of the tables, changed by the run.
        seed: of the server's ids and faults.
        toxiproxy: program of the proxy; looked for if ``None``.
    """

    def __init__(self, scenario: Scenario, warehouse: Path, seed: int, toxiproxy: Path | None = None) -> None:
        self._scenario = scenario
        self._warehouse = warehouse
        self._seed = seed
        self._program = toxiproxy
        self._exit = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._journal: list[Entry] = []
        self._due: queue.SimpleQueue[Moment | None] = queue.SimpleQueue()
        self._waiting: list[tuple[Moment, itertools.count[int]]] = []
        self._stopped = threading.Event()
        self._toxiproxy: Toxiproxy | None = None
        self._proxy: Proxy | None = None
        self.happened: list[tuple[str, int]] = []
        """What was done, and how many entries the journal had by then."""
        self.trouble: list[str] = []
        """What the lab itself could not do: then the run says nothing."""
        self.on_signal: Callable[[str], None] = nobody
        """Called with ``interrupt`` or ``terminate``; whoever runs dbt sets it."""

    def __enter__(self) -> Lab:
        try:
            self.server = self._start_server(port=0)
            self._exit.callback(lambda: self.server.stop())
            if self._scenario.proxied:
                self._toxiproxy = self._exit.enter_context(Toxiproxy(self._program))
                self._proxy = self._toxiproxy.proxy("fakelivy", f"{self.server.host}:{self.server.port}")
            director = threading.Thread(target=self._direct, name="director", daemon=True)
            director.start()
            self._exit.callback(director.join)
            self._exit.callback(self._stop_directing)
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @property
    def url(self) -> str:
        """Where clients reach the server, through the proxy if there is one."""
        return self.through_proxy(self.server.url)

    def through_proxy(self, text: str) -> str:
        """A text with the server's address in it, with the proxy's instead."""
        if self._proxy is None:
            return text
        return text.replace(f"{self.server.host}:{self.server.port}", self._proxy.listen)

    @property
    def journal(self) -> list[Entry]:
        """Everything that happened so far, in every life of the server."""
        with self._lock:
            return list(self._journal)

    @property
    def bearer(self) -> str:
        """A token that the server takes: its fixed one, or over TLS, where tokens are checked, one it has issued."""
        if not self._scenario.tls:
            return TOKEN
        return self.server.authority.issue(flow="profile", subject="profile", audience=AUDIENCES[0]).value

    def profile(self) -> dict[str, Any]:
        """The fields of a dbt target for this lab."""
        output: dict[str, Any] = self.server.profile(self._scenario.dialect)["fakelivy"]["outputs"][
            self._scenario.dialect
        ]
        return {key: self.through_proxy(value) if isinstance(value, str) else value for key, value in output.items()}

    def environment(self) -> dict[str, str]:
        """What clients need in their environment."""
        return {name: self.through_proxy(value) for name, value in self.server.client_environment().items()}

    def disturb(self) -> None:
        """Have everything of the scenario go wrong from now on."""
        for fault in self._scenario.faults:
            self.server.arm(fault)
        for toxic in self._scenario.toxics:
            assert self._proxy is not None
            self._proxy.add(toxic)
            self._did(str(toxic))
        with self._lock:
            self._waiting = [(moment, itertools.count(1)) for moment in self._scenario.moments]

    def heal(self) -> None:
        """Nothing goes wrong from now on."""
        with self._lock:
            self._waiting = []
        self.server.clear()
        if self._toxiproxy:
            self._toxiproxy.reset()

    def _start_server(self, port: int) -> FakeLivy:
        server = FakeLivy(
            engine="sail",
            warehouse=self._warehouse,
            port=port,
            token=TOKEN,
            tls=self._scenario.tls,
            identity=IdentityOptions(mode=TokenMode.VERIFY) if self._scenario.tls else None,
            seed=self._seed,
        )
        server.journal.listen(self._note)
        server.start()
        return server

    def _note(self, entry: Entry) -> None:
        with self._lock:
            self._journal.append(entry)
            waiting = list(self._waiting)
            due = [moment for moment, count in waiting if _is_of(moment, entry) and next(count) == moment.nth]
        for moment in due:
            # A fault is in force before the request goes on; what takes time must not hold the server up.
            (self._due.put if moment.fault is None else self._try)(moment)

    def _direct(self) -> None:
        while (moment := self._due.get()) is not None:
            self._stopped.wait(moment.after)
            self._try(moment)

    def _try(self, moment: Moment) -> None:
        try:
            self._do(moment)
        except Exception as error:  # noqa: BLE001 - a run in which this failed proves nothing, and says so
            self.trouble.append(f"{moment}: {error}")

    def _do(self, moment: Moment) -> None:
        self._did(str(moment))
        if moment.do in ("interrupt", "terminate"):
            self.on_signal(moment.do)
        elif moment.fault is not None:
            self.server.arm(moment.fault)
        elif moment.do == "restart_server":
            port = self.server.port
            self.server.stop()
            # It forgets everything, and has nobody left to say so.
            for session in Oracle(self.journal).live_sessions():
                self._note(Entry(-1, self.server.clock.now(), SessionForgotten(session, "the server was restarted")))
            self._stopped.wait(moment.seconds)
            self.server = self._start_server(port)
        elif moment.do == "crash_proxy":
            assert self._toxiproxy is not None
            self._toxiproxy.kill()
            self._stopped.wait(moment.seconds)
            self._toxiproxy.start()
        else:
            assert self._proxy is not None
            assert moment.toxic is not None
            with self._proxy.toxic(moment.toxic):
                self._stopped.wait(moment.seconds)

    def _did(self, what: str) -> None:
        with self._lock:
            self.happened.append((what, len(self._journal)))

    def _stop_directing(self) -> None:
        self._stopped.set()
        self._due.put(None)


def _is_of(moment: Moment, entry: Entry) -> bool:
    event = entry.event
    if moment.struck is not None:
        return isinstance(event, FaultDecision) and event.fired and event.fault == moment.struck
    if moment.code is not None:
        return isinstance(event, Execution) and moment.code in event.code
    return isinstance(event, Request) and event.operation == moment.operation


def missing(scenario: Scenario, happened: Sequence[tuple[str, int]]) -> list[str]:
    """The moments of a scenario that never came."""
    seen = [what for what, _ in happened]
    return [str(moment) for moment in scenario.moments if str(moment) not in seen]
