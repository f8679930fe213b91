"""The interpreter of one session: its statements, first in first out, one at a time."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import traceback
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from fakelivy import journal as j
from fakelivy.clock import Clock
from fakelivy.encoder import encode_output
from fakelivy.engine.port import EngineSession, EngineUnavailable, Execution, Failure, Output, Table
from fakelivy.knobs import DialectKnobs, Knobs
from fakelivy.machines import CANCELABLE, STATEMENT
from fakelivy.model import Statement
from fakelivy.orders import NONE, Orders

SEE_JOURNAL = "a bug of this fake server: see its journal"


@dataclasses.dataclass(frozen=True)
class _Queued:
    statement: Statement
    submitted: float
    max_rows: int
    runs_for: float


class _Waits:
    """A statement that runs without its engine, which is handed it at ``until`` unless it is cancelled before."""

    def __init__(self, queued: _Queued, until: float, clock: Clock) -> None:
        self.queued = queued
        self.until = until
        self._clock = clock
        self.outcome: Failure | None = None
        self.finished_at: float | None = None

    def cancel(self) -> None:
        if self.outcome is None:
            self.outcome = Failure("[OPERATION_CANCELED] The statement was cancelled.", cancelled=True)
            self.finished_at = self._clock.monotonic()


@dataclasses.dataclass
class _Running:
    statement: Statement
    execution: Execution
    cancelled_at: float | None = None


class Interpreter:
    """Statements of one session. Not locked: the store calls it under its own lock.

    Attributes:
        name: id of its session, and of its REPL if it is one.
        engine: what executes; ``None`` until the session has started and after it ended.
        statements: the remembered statements by id, oldest first.
        active_at: when somebody last used it or a statement last ended (monotonic seconds).
        death: why it cannot go on, or ``None``.
    """

    def __init__(
        self,
        session: str,
        *,
        clock: Clock,
        journal: j.Journal,
        knobs: Knobs,
        dialect: DialectKnobs,
        max_rows: int,
        on_done: Callable[[], None],
    ) -> None:
        self.engine: EngineSession | None = None
        self.statements: OrderedDict[int, Statement] = OrderedDict()
        self.active_at = clock.monotonic()
        self.death: str | None = None
        self.name = session
        self._clock = clock
        self._journal = journal
        self._knobs = knobs
        self._dialect = dialect
        self._max_rows = max_rows
        self._on_done = on_done
        self._ids = itertools.count()
        self._queue: deque[_Queued] = deque()
        self._running: _Running | None = None
        self.notices: list[str] = []  # for the session's log, which takes them from here
        self._free_at = self.active_at

    @property
    def busy(self) -> bool:
        return self._running is not None or bool(self._queue)

    def submit(self, code: str, kind: str, now: float, orders: Orders = NONE) -> Statement:
        """Queue a statement, or with ``orders.lose`` only say so; the answer is the statement as it was queued."""
        statement = Statement(next(self._ids), code, kind, STATEMENT.initial)
        if orders.lose:
            return statement
        self.statements[statement.id] = statement
        # The oldest is forgotten even if it still waits: it runs all the same (Livy source).
        retained = self._dialect.retained_statements
        while retained is not None and len(self.statements) > retained:
            self.statements.popitem(last=False)
        rows = min(orders.max_rows or self._max_rows, self._max_rows)
        self._queue.append(_Queued(statement, now, rows, orders.runs_for))
        self._journal.add(j.StatementMoved(self.name, statement.id, None, statement.state))
        return statement

    def cancel(self, number: int, now: float) -> Execution | None:
        """Call a statement off if that is possible; the execution returned is the caller's to cancel."""
        found = self.statements.get(number)
        if found is None or found.state not in CANCELABLE:
            return None
        if found.state == STATEMENT.initial:
            self._queue = deque(item for item in self._queue if item.statement.id != number)
            self._move(found, "cancelled", completed=self._millis(now))
            return None
        running = self._running
        assert running is not None, "a statement in state running is the one that runs"
        running.statement = self._move(found, "cancelling")
        running.cancelled_at = now
        return running.execution

    def advance(self, now: float) -> None:
        """Take in what the engine has finished by ``now`` and start what waits."""
        while self.engine and self.death is None:
            running = self._running
            if running is None:
                if not self._queue:
                    return
                self._start(self.engine, self._queue.popleft())
                continue
            outcome = running.execution.outcome
            waits = running.execution
            if outcome is None and isinstance(waits, _Waits) and now >= waits.until:
                self._hand_over(self.engine, running.statement, waits.queued, waits.until)
                continue
            if outcome is None:
                self._give_up_cancelling(running, now)
                return
            ended = running.execution.finished_at
            self._finish(running, outcome, now if ended is None else ended)

    def _start(self, engine: EngineSession, queued: _Queued) -> None:
        started = max(self._free_at, queued.submitted)
        statement = self._move(queued.statement, "running", started=self._millis(started))
        if queued.runs_for:
            self._running = _Running(statement, _Waits(queued, started + queued.runs_for, self._clock))
        else:
            self._hand_over(engine, statement, queued, started)

    def _hand_over(self, engine: EngineSession, statement: Statement, queued: _Queued, started: float) -> None:
        self._running = None
        self._journal.add(j.Execution(self.name, statement.id, statement.kind, statement.code))
        try:
            execution = engine.start(
                statement.code,
                kind=statement.kind,
                max_rows=queued.max_rows,
                started_at=started,
                on_done=self._on_done,
            )
        except EngineUnavailable as error:
            self._die(statement, Failure(f"Interpreter died:\n{error}"), started)
        except Exception as error:  # noqa: BLE001  # a bug of the engine ends its session, not this server
            where = f"starting {self.name}/{statement.id}"
            self._journal.add(j.HandlerError(where, traceback.format_exc()))
            self._die(statement, _internal(error), started)
        else:
            self._running = _Running(statement, execution)

    def _finish(self, running: _Running, outcome: Table | Output | Failure, at: float) -> None:
        statement = running.statement
        cancelled = statement.state == "cancelling"
        # One that was called cancelled before it really stopped has had its say.
        if cancelled or statement.state == "running":
            output = None if cancelled and isinstance(outcome, Table | Output) else self._encode(outcome, statement)
            after = "cancelled" if cancelled else "available"
            self._move(statement, after, output=output, progress=1.0, completed=self._millis(at))
        if isinstance(outcome, Table):
            self.notices += [f"WARN statement {statement.id}: {text}" for text in outcome.notices]
        self._running = None
        self._free_at = self.active_at = at

    def _die(self, statement: Statement, failure: Failure, at: float) -> None:
        output = self._encode(failure, statement)
        self._move(statement, "available", output=output, progress=1.0, completed=self._millis(at))
        self._queue.clear()
        self.death = failure.message

    def _give_up_cancelling(self, running: _Running, now: float) -> None:
        if running.cancelled_at is None or running.statement.state != "cancelling":
            return
        deadline = running.cancelled_at + self._knobs.cancel_timeout
        if now >= deadline:
            running.statement = self._move(running.statement, "cancelled", completed=self._millis(deadline))

    def _move(self, statement: Statement, state: str, **changes: Any) -> Statement:
        STATEMENT.check(statement.state, state)
        after = dataclasses.replace(statement, state=state, **changes)
        if statement.id in self.statements:
            self.statements[statement.id] = after
        self._journal.add(j.StatementMoved(self.name, statement.id, statement.state, state))
        return after

    def _encode(self, outcome: Table | Output | Failure, statement: Statement) -> dict[str, Any]:
        try:
            return encode_output(outcome, statement.id, self._dialect)
        except Exception as error:  # noqa: BLE001  # a result that breaks the encoder must not break the session
            self._journal.add(j.HandlerError(f"encoding {self.name}/{statement.id}", traceback.format_exc()))
            return encode_output(_internal(error), statement.id, self._dialect)

    def _millis(self, at: float) -> int:
        """Epoch milliseconds of a monotonic time."""
        moment = self._clock.now() + dt.timedelta(seconds=at - self._clock.monotonic())
        return int(moment.timestamp() * 1000)


def _internal(error: Exception) -> Failure:
    return Failure(SEE_JOURNAL, name=f"Internal Error: {type(error).__name__}")
