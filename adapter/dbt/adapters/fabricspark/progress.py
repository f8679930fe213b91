"""What a user sees of a statement: that a long one is still running, and afterwards where its time went."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from dbt.adapters.contracts.connection import AdapterResponse
from dbt.adapters.fabricspark.livy.wire import StatementView
from dbt.adapters.fabricspark.resilience.notices import Rhythm, spelt


class Watched(Protocol):
    """A statement, as far as it is told of; see ``livy.statement.Statement``."""

    session_id: str | None
    id: int | None
    sends: int
    looks: int
    view: StatementView | None
    submitted_at: float | None
    running_at: float | None
    noticed_at: float | None


class Progress:
    """Tells of one statement at a sane rhythm, see ``Rhythm``.

    Args:
        monotonic: seconds on the clock of the statement's moments.
        logger: where.
    """

    def __init__(self, monotonic: Callable[[], float], logger: logging.Logger) -> None:
        self._monotonic = monotonic
        self._logger = logger
        self._rhythm = Rhythm()

    def __call__(self, statement: Watched) -> None:
        """The statement was looked at."""
        if statement.submitted_at is None or statement.noticed_at is not None:
            return
        elapsed = self._monotonic() - statement.submitted_at
        if not self._rhythm.is_due(elapsed):
            return
        view = statement.view
        done = f", {view.progress:.0%} done" if view is not None and view.progress > 0 else ""
        state = (view.state if view else "") or "in an unknown state"
        self._logger.info(
            "statement %s of Livy session %s has been %s for %s%s",
            statement.id,
            statement.session_id,
            state,
            spelt(elapsed),
            done,
        )


@dataclass(kw_only=True)
class FabricSparkResponse(AdapterResponse):
    """What ``run_results.json`` has of a statement; fields that are not known are left out.

    Attributes:
        session_id, statement_id: where it ran.
        queued_seconds: from its submission until it was seen running, or until its end if it never was.
        run_seconds: how long it ran, by the server's clock.
        noticed_seconds: from its end until this was noticed: what is left of the whole.
        total_seconds: from its submission until its end was noticed.
        attempts: how often it was sent.
        requests: how often it was looked at.
        spark_ui: address of the session's Spark UI.
    """

    session_id: str | None = None
    statement_id: int | None = None
    queued_seconds: float | None = None
    run_seconds: float | None = None
    noticed_seconds: float | None = None
    total_seconds: float | None = None
    attempts: int | None = None
    requests: int | None = None
    spark_ui: str | None = None


def response(statement: Watched | None, message: str, spark_ui: str = "") -> FabricSparkResponse:
    """What is known of a statement that has ended."""
    if statement is None or statement.id is None:
        return FabricSparkResponse(_message=message)
    view, begin, end = statement.view, statement.submitted_at, statement.noticed_at
    total = queued = run = noticed = None
    if begin is not None and end is not None:
        total = end - begin
        if view is not None and 0 < view.started <= view.completed:
            run = min(total, (view.completed - view.started) / 1000)
        if statement.running_at is not None:
            queued = statement.running_at - begin
        if run is not None:
            # Never seen running: it was done before the second look, and what is not run time is mostly waiting.
            queued = min(queued if queued is not None else 0.0, total - run)
            noticed = total - run - queued
    return FabricSparkResponse(
        _message=message,
        query_id=f"{statement.session_id}/{statement.id}",
        session_id=statement.session_id,
        statement_id=statement.id,
        queued_seconds=_rounded(queued),
        run_seconds=_rounded(run),
        noticed_seconds=_rounded(noticed),
        total_seconds=_rounded(total),
        attempts=statement.sends,
        requests=statement.looks,
        spark_ui=spark_ui or None,
    )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
