"""One statement from submission to result, within its deadline, cancelled on the server if given up."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import (
    DeadlineExceeded,
    HttpError,
    LivyError,
    OutcomeUnknown,
    ProtocolError,
    StatementCancelled,
    StatementFailed,
)
from dbt.adapters.fabricspark.livy.states import StatementPhase, statement_phase
from dbt.adapters.fabricspark.livy.wire import Output, StatementView
from dbt.adapters.fabricspark.resilience.backoff import poll_pause
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import ReplyLost, TransportError
from dbt.adapters.fabricspark.resilience.runtime import Runtime

CANCEL_TIMEOUT = 5.0
"""Seconds spent on telling the server to stop a statement nobody waits for any more."""

AMBIGUOUS_STATUSES = (502, 504)
"""What a gateway answers when it lost the server's reply: the request may have been carried out (F13, F14)."""

_NOISE = 8
"""Lines of a server-side traceback worth showing; the rest is the JVM's."""


@dataclass(frozen=True)
class StatementSettings:
    """Seconds a statement may take, and the longest pause between two looks at it."""

    timeout: float
    longest_pause: float


class Statement:
    """A statement of a session. Used by one thread; ``cancel`` may be called from any.

    Args:
        api: the server.
        session_id: the session it runs in.
        code: sent byte for byte.
        settings: see there.
        runtime: clock and locks.
        logger: where surprises that are survived are told.
    """

    def __init__(
        self,
        api: LivyApi,
        session_id: str,
        code: str,
        settings: StatementSettings,
        runtime: Runtime,
        logger: logging.Logger,
    ) -> None:
        self._api = api
        self._session_id = session_id
        self._code = code
        self._settings = settings
        self._runtime = runtime
        self._logger = logger
        self._lock = runtime.lock()
        self._cancelled = False
        self.id: int | None = None

    def run(self) -> Output:
        """Submit and wait.

        Raises:
            StatementFailed: the SQL failed.
            StatementCancelled: somebody cancelled it, here or on the server.
            DeadlineExceeded: it took longer than its time-out; it has been cancelled on the server.
            OutcomeUnknown: the reply to the submission was lost.
            HttpError, ProtocolError, TransportError: the server refused, or made no sense.
        """
        deadline = Deadline.after(self._runtime, self._settings.timeout)
        view = self._submit(deadline)
        try:
            return self._wait(view, deadline)
        except (StatementFailed, StatementCancelled):
            raise
        except BaseException:
            # Whatever ended the waiting (time-out, Ctrl-C, a broken server): nobody will read this result, so
            # it must not go on running.
            self._tell_server_to_stop()
            raise

    def cancel(self) -> None:
        """Stop it on the server; before it has an id, as soon as it has one."""
        with self._lock:
            self._cancelled = True
            known = self.id is not None
        if known:
            self._tell_server_to_stop()

    def _submit(self, deadline: Deadline) -> StatementView:
        with self._lock:
            if self._cancelled:
                raise StatementCancelled("cancelled before it was sent")
        try:
            view = self._api.submit_statement(self._session_id, self._code, "sql", deadline)
        except (ReplyLost, ProtocolError, HttpError) as error:
            if isinstance(error, HttpError) and error.status not in AMBIGUOUS_STATUSES:
                raise
            raise OutcomeUnknown(
                f"{error}. The statement may have run: it was not sent again. Look at the statements of Livy session "
                f"{self._session_id} before you run this again."
            ) from error
        with self._lock:
            self.id = view.id
            cancelled = self._cancelled
        if cancelled:
            self._tell_server_to_stop()
        return view

    def _wait(self, view: StatementView, deadline: Deadline) -> Output:
        trouble: Exception | None = None
        while not deadline.expired:
            output = self._judge(view)
            if output is not None:
                return output
            deadline.pause(poll_pause(deadline.elapsed, self._settings.longest_pause))
            try:
                view = self._api.get_statement(self._session_id, view.id, deadline)
                trouble = None
            except (TransportError, ProtocolError, HttpError) as error:
                # Looking is free of effects: look again, unless the server says there is nothing to look at.
                if isinstance(error, HttpError) and error.status < 500 and error.status != 429:
                    raise
                self._logger.debug("%s: %s", self._name, error)
                trouble = error
        raise DeadlineExceeded(
            f"{self._name} was still {view.state or 'in an unknown state'} after {deadline.seconds:.0f} s and has been "
            f"cancelled. Raise statement_timeout in the profile if it needs longer."
            + (f" Last trouble: {trouble}" if trouble else "")
        )

    def _judge(self, view: StatementView) -> Output | None:
        phase = statement_phase(view.state)
        output = view.output
        if phase is StatementPhase.CANCELLED:
            raise StatementCancelled(f"{self._name} was cancelled" + _detail(output))
        if phase is StatementPhase.FAILED or (output is not None and output.status == "error"):
            raise StatementFailed(_error_text(output) or f"{self._name} failed without a message")
        if phase is StatementPhase.FINISHED and output is not None:
            return output
        # Pending; or finished with an output that has not arrived yet, which is a race on the server (F30).
        return None

    def _tell_server_to_stop(self) -> None:
        if self.id is None:
            return
        deadline = Deadline.after(self._runtime, CANCEL_TIMEOUT)
        try:
            self._api.cancel_statement(self._session_id, self.id, deadline)
        except (LivyError, TransportError) as error:
            self._logger.warning("%s could not be cancelled on the server: %s", self._name, error)

    @property
    def _name(self) -> str:
        return f"statement {self.id} of Livy session {self._session_id}"


def _detail(output: Output | None) -> str:
    text = _error_text(output)
    return f": {text}" if text else ""


def _error_text(output: Output | None) -> str:
    if output is None:
        return ""
    name = "" if output.ename in ("", "Error") else f"{output.ename}: "
    text = f"{name}{output.evalue}".strip()
    if text:
        return text
    return "\n".join(output.traceback[:_NOISE])
