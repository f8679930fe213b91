"""One statement from submission to result, within its deadline, cancelled on the server if given up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import (
    DeadlineExceeded,
    LivyError,
    OutcomeUnknown,
    SessionGone,
    SessionLost,
    StatementCancelled,
    StatementFailed,
)
from dbt.adapters.fabricspark.livy.find import Absent, find_statement
from dbt.adapters.fabricspark.livy.kinds import SQL, Kind, marked
from dbt.adapters.fabricspark.livy.line import Line
from dbt.adapters.fabricspark.livy.place import Place, StatementSettings
from dbt.adapters.fabricspark.livy.repeatable import is_safe_to_repeat
from dbt.adapters.fabricspark.livy.seen import Seen
from dbt.adapters.fabricspark.livy.states import StatementPhase, statement_phase
from dbt.adapters.fabricspark.livy.wire import Output, StatementView
from dbt.adapters.fabricspark.livy.words import error_text
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import CANCEL_BUDGET, Halted, cleaning
from dbt.adapters.fabricspark.resilience.locks import Rank, RankedCondition
from dbt.adapters.fabricspark.resilience.outcome import AttemptError, Outcome, TransportError
from dbt.adapters.fabricspark.resilience.policy import POLICY, SENDS, Decision, Operation
from dbt.adapters.fabricspark.resilience.polling import poll_pause
from dbt.adapters.fabricspark.resilience.runtime import Runtime

CANCEL_TIMEOUT = 5.0
"""Seconds spent on telling the server to stop a statement nobody waits for any more."""

SETTLE_TIMEOUT = 10.0
"""Seconds in which a statement that was stopped at its time-out is looked at, to see how it ended after all."""

SETTLE_PAUSE = 0.5
"""Seconds between two of these looks."""

WATCH = 60.0
"""Seconds between two looks at the session while its statement goes on, or cannot be looked at."""

_TRANSIENT = frozenset(
    {
        Outcome.NOT_SENT,
        Outcome.LOST,
        Outcome.LATE,
        Outcome.GARBLED,
        Outcome.THROTTLED,
        Outcome.CAPACITY,
        Outcome.SERVER_ERROR,
        Outcome.COLD,
        Outcome.NOT_READY,
    }
)


class Statement(Seen):
    """A statement. Used by one thread; ``cancel`` may be called from any.

    Args:
        api: the server.
        sql: sent byte for byte, with a comment beside it by which it can be found, see ``marked``.
        settings: see there.
        runtime: clock, lock and the mark.
        logger: where surprises that are survived are told.
        kind: its language; only SQL may be known to be safe to repeat.

    Attributes: those of ``Seen``, and
        sql: what it does, without the mark.
        mark: the comment.
        on_look: called after every look, by the thread that runs it.
        key: what it is remembered under.
    """

    def __init__(
        self,
        api: LivyApi,
        sql: str,
        settings: StatementSettings,
        runtime: Runtime,
        logger: logging.Logger,
        kind: Kind = SQL,
    ) -> None:
        super().__init__()
        self._api = api
        self._kind = kind
        self.sql = sql
        self._settings = settings
        self._runtime = runtime
        self._logger = logger
        self._lock = RankedCondition(runtime, Rank.STATEMENT)
        self._line: Line | None = None
        self._cancelled = self._told = False
        # Since when the server has refused to show it for want of a token that it takes.
        self._denied_at: float | None = None
        self._repeatable = kind is SQL and is_safe_to_repeat(sql)
        self.mark = kind.comment.format(f"dbt-fabricspark {runtime.unique()}")
        self.key = ""
        self.on_look: Callable[[Statement], None] | None = None

    def run(self, place: Place) -> Output:
        """Submit and wait.

        Raises:
            StatementFailed: the SQL failed.
            StatementCancelled: somebody cancelled it, here or on the server.
            DeadlineExceeded: it took longer than its time-out, and did not run or only reads: it was told to stop.
            SessionLost: it did not run, or is safe to run again.
            OutcomeUnknown: it may have run, and nobody can tell.
            HttpError, ProtocolError, TransportError: the server refused, or made no sense; it did not run or reads.
        """
        with self._lock:
            self.session_id, self.id, self._told, self._line = place.session_id, None, False, place.line
        try:
            return self._run(place, Deadline.after(self._runtime, self._settings.timeout))
        finally:
            self._leave()

    def _run(self, place: Place, deadline: Deadline) -> Output:
        try:
            self._saw(self._submit(place, deadline), place)
        except BaseException as error:
            # A halt, or Ctrl-C: what was sent and not yet heard of must not go on running either.
            if isinstance(error, Halted) or not isinstance(error, LivyError | TransportError):
                self._stop_unheard()
            raise
        try:
            return self._wait(place, deadline)
        except (StatementFailed, StatementCancelled, SessionLost, OutcomeUnknown):
            raise
        except DeadlineExceeded as late:
            self._tell_server_to_stop()
            if self._repeatable:
                raise
            output = self._settle(place, late)
            if output is None:
                self._unknown(str(late), "its end was not seen", ended=False, cause=late)
            return output
        except BaseException:
            # Whatever ended the waiting (time-out, Ctrl-C, a broken server): nobody will read this result, so
            # it must not go on running.
            self._tell_server_to_stop()
            raise

    def cancel(self) -> None:
        """Stop it on the server; if the reply to it has not come yet, by looking for it there."""
        with self._lock:
            self._cancelled = True
        self._stop_unheard()
        self._leave()

    def _leave(self) -> None:
        """Let those behind it have their turn, and its own thread look at it."""
        if self._line is not None and self.id is not None:
            self._line.leave(self.id)

    # --- submission ---------------------------------------------------------------------------------------------------

    def _submit(self, place: Place, deadline: Deadline) -> StatementView:
        operation = Operation.SUBMIT_READ if self._repeatable else Operation.SUBMIT_WRITE
        newest = place.newest
        self.submitted_at = self.idle_until = self._runtime.monotonic()
        error: AttemptError | None = None
        absent = ""
        for _ in range(SENDS):
            self._stop_if_cancelled()
            if error is not None:
                if not self._api.retrier.pace.may_retry():
                    break
                self._logger.warning("%s; %s; sending it again", error, absent)
            self.sends += 1
            try:
                return self._api.submit_statement(
                    str(self.session_id), marked(self.sql, self.mark), operation, deadline, self._kind.name
                )
            except SessionGone as gone:
                # Refused, so it did not run; what was sent before is known not to be there.
                raise _did_not_run(str(gone)) from gone
            except AttemptError as lost:
                error = lost
                decision = POLICY[operation][lost.outcome].decision
                if decision not in (Decision.FIND, Decision.FIND_OR_SEND):
                    # What is not found is not always named: perhaps it is the session.
                    how = place.ended() if lost.outcome is Outcome.NOT_FOUND else None
                    if how is not None:
                        raise _did_not_run(how) from lost
                    raise
                found = find_statement(
                    self._api,
                    str(self.session_id),
                    self.mark,
                    newest,
                    deadline,
                    once=self._repeatable,
                    known=lambda: place.newest,
                )
                if isinstance(found, StatementView):
                    self._logger.warning("%s; found as statement %s, going on", lost, found.id)
                    return found
                if found is Absent.CERTAINLY and not place.is_there():
                    # Livy counts from 0 again after a restart: it may have been another session's list (F40).
                    found = Absent.SESSION_GONE if place.ended() else Absent.PERHAPS
                self._judge_absence(found, decision, lost)
                absent = found.value
        if error is None:
            raise LivyError("no submission was tried")
        error.attempts, error.elapsed = self.sends, deadline.elapsed
        raise error

    def _judge_absence(self, absent: Absent, decision: Decision, lost: AttemptError) -> None:
        """Go on to send it again, or raise."""
        ended = absent is Absent.SESSION_GONE
        if self._repeatable:
            if ended:
                raise SessionLost(f"{lost}; and then {absent.value}", ended=True) from lost
        elif absent is not Absent.CERTAINLY or decision is Decision.FIND:
            self._unknown(str(lost), absent.value, ended=ended, cause=lost)

    def _stop_if_cancelled(self) -> None:
        with self._lock:
            if self._cancelled:
                raise StatementCancelled("cancelled before it was sent")

    # --- waiting ------------------------------------------------------------------------------------------------------

    def _wait(self, place: Place, deadline: Deadline) -> Output:
        trouble: AttemptError | None = None
        watched = self._runtime.monotonic()
        while not deadline.expired:
            output = self._judge()
            if output is not None:
                return output
            if not self._wait_in_line(place, deadline):
                look = self.due(deadline.started, self._settings.expected)
                now = self._runtime.monotonic()
                deadline.pause(poll_pause(now - look.begun, self._settings.longest_pause, look.expected, self.left))
            if deadline.expired:
                break
            trouble = self._look(place, deadline)
            if self._runtime.monotonic() - watched >= WATCH:
                watched = self._runtime.monotonic()
                self._check(place)
        raise DeadlineExceeded(
            f"{self.name} was still {self.state} after {deadline.seconds:.0f} s and was told to stop. Raise "
            f"statement_timeout in the profile if it needs longer." + (f" Last trouble: {trouble}" if trouble else "")
        )

    def _wait_in_line(self, place: Place, deadline: Deadline) -> bool:
        """Wait for those of ours before it, if there are any; whether to look now, after all that time."""
        ahead = place.line.ahead(self._id) if self.state == "waiting" else 0
        if not ahead:
            return False
        # The thread that looks at the first may be stuck; the further behind, the less there is to see.
        pause = min(ahead * self._settings.longest_pause, WATCH, deadline.remaining)
        if not place.line.wait(self._id, pause):
            return True
        self._note_turn(self._runtime.monotonic())
        return False

    def _settle(self, place: Place, late: DeadlineExceeded) -> Output | None:
        """How a write ended that was told to stop: it may have been done just before, or not listen."""
        deadline = Deadline.after(self._runtime, SETTLE_TIMEOUT)
        while not deadline.expired:
            self._look(place, deadline)
            try:
                output = self._judge()
            except StatementCancelled:
                raise late from None
            if output is not None:
                self._logger.warning("%s It had ended by then.", late)
                return output
            deadline.pause(SETTLE_PAUSE)
        return None

    def _look(self, place: Place, deadline: Deadline) -> AttemptError | None:
        """Look once more; the trouble, if that did not work out and may pass."""
        try:
            worth = self.due(deadline.started, self._settings.expected).worth
            self._saw(self._api.get_statement(str(self.session_id), self._id, deadline.sooner(WATCH), worth), place)
        except SessionGone as error:
            self._lost(str(error), ended=True, cause=error)
        except AttemptError as error:
            if error.outcome is Outcome.NOT_FOUND:
                self._check(place)
                self._lost(str(error), ended=False, cause=error)
            if not self._may_pass(error):
                self._refused(place, error)
            self._logger.debug("%s: %s", self.name, error)
            return error
        return None

    def _may_pass(self, error: AttemptError) -> bool:
        """Whether looking again may help. A new token may take longer to count than one look may."""
        if error.outcome is not Outcome.UNAUTHENTICATED or error.generation is None:
            return error.outcome in _TRANSIENT
        now = self._runtime.monotonic()
        if self._denied_at is None:
            self._denied_at = now - error.elapsed
        return now - self._denied_at < (POLICY[Operation.LOOK][error.outcome].patience or 0.0)

    def _refused(self, place: Place, error: AttemptError) -> NoReturn:
        """It cannot be looked at any more, which says nothing of whether it has run."""
        if isinstance(error, Halted):
            raise error
        # Perhaps the session has ended, and the words that said so were lost.
        self._check(place)
        if self._repeatable:
            raise error
        self._tell_server_to_stop()
        self._unknown(str(error), "its end was not seen", ended=False, cause=error)

    def _saw(self, view: StatementView, place: Place) -> None:
        if view.code is not None and self.mark not in view.code:
            # The server has started again and counts from 0: this is somebody else's statement (F40).
            self._lost(f"{self.name} is another statement now: the server was restarted", ended=True)
        with self._lock:
            new = self.id is None
            self.id, self.view = view.id, view
            cancelled = self._cancelled
        self._denied_at = None
        place.saw(view.id)
        if new:
            place.line.join(view.id)
        self._note_times(view, self._runtime.monotonic(), first=new)
        if new and cancelled:
            self._tell_server_to_stop()
        if self.on_look is not None:
            self.on_look(self)

    def _check(self, place: Place) -> None:
        """A statement can outlive its session on paper: look at the session itself."""
        how = place.ended()
        if how is not None:
            self._lost(how, ended=True)

    def _lost(self, why: str, *, ended: bool, cause: BaseException | None = None) -> NoReturn:
        if self._repeatable:
            raise SessionLost(f"{self.name} was lost: {why}", ended=ended) from cause
        self._unknown(why, "its result cannot be read any more", ended=ended, cause=cause)

    def _unknown(self, what: str, why: str, *, ended: bool, cause: BaseException | None) -> NoReturn:
        since = self._runtime.monotonic() - (self.submitted_at or 0.0)
        sent = "once" if self.sends == 1 else f"{self.sends} times"
        number = "a statement" if self.id is None else f"statement {self.id}"
        raise OutcomeUnknown(
            f"{what.rstrip('.')}{'' if what.endswith('?') else '.'} {why[0].upper()}{why[1:]}. The statement may have "
            f"run, in whole or in part: it was sent {sent}, {since:.0f} s ago, and is not sent again. Before you run "
            f"this model again, look at its table, and at {number} of Livy session {self.session_id} with the comment "
            f"{self.mark}.",
            session_id=self.session_id,
            statement_id=self.id,
            mark=self.mark,
            session_ended=ended,
        ) from cause

    def _judge(self) -> Output | None:
        phase = statement_phase(self.state)
        output = self.view.output if self.view else None
        text = error_text(output, self._kind)
        if phase is StatementPhase.CANCELLED:
            raise StatementCancelled(f"{self.name} was cancelled" + (f": {text}" if text else ""))
        if phase is StatementPhase.FAILED or (output is not None and output.status == "error"):
            raise StatementFailed(text or f"{self.name} failed without a message")
        if phase is StatementPhase.FINISHED and output is not None:
            return output
        # Pending; or finished with an output that has not arrived yet, which is a race on the server (F30).
        return None

    def _stop_unheard(self) -> None:
        """Have the server stop it, wherever it is by now."""
        if self.id is None and self.sends and self.session_id is not None:
            deadline = Deadline.after(self._runtime, CANCEL_TIMEOUT)
            with suppress(Halted), cleaning(self._runtime, CANCEL_BUDGET):
                found = find_statement(self._api, self.session_id, self.mark, -1, deadline, once=True)
                if isinstance(found, StatementView):
                    with self._lock:
                        self.id = found.id
        self._tell_server_to_stop()

    def _tell_server_to_stop(self) -> None:
        if self.id is None or self.session_id is None:
            return
        with self._lock:
            told, self._told = self._told, True
        if told:
            return
        deadline = Deadline.after(self._runtime, CANCEL_TIMEOUT)
        try:
            with cleaning(self._runtime, CANCEL_BUDGET):
                self._api.cancel_statement(self.session_id, self.id, deadline)
        except (LivyError, TransportError) as error:
            self._logger.warning("%s could not be cancelled on the server: %s", self.name, error)

    @property
    def _id(self) -> int:
        if self.id is None:
            raise LivyError("the statement has not been sent")
        return self.id


def _did_not_run(how: str) -> SessionLost:
    """The error for a statement that was refused because its session has ended."""
    return SessionLost(f"{how.rstrip('.')}. The statement did not run.", ended=True)
