"""What a run that crashed has left running in a session that is used again: stopped before anything else is sent."""

from __future__ import annotations

import logging

from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.livy.states import StatementPhase, statement_phase
from dbt.adapters.fabricspark.livy.wire import StatementView
from dbt.adapters.fabricspark.resilience.deadline import Deadline

PATIENCE = 30.0
"""Seconds that a cancelled statement may take to end."""

PAUSE = 1.0
"""Seconds between two looks."""


def stop_leftovers(api: LivyApi, session_id: str, deadline: Deadline, logger: logging.Logger) -> int:
    """Cancel what goes on in a session, and wait until nothing does.

    A write of a run that is no more must not come to its end behind the back of the one that repeats it.

    Returns:
        The highest statement id in the session, -1 for none.

    Raises:
        LivyError, TransportError: it goes on nevertheless, or nobody can tell.
    """
    told: set[int] = set()
    while True:
        found = api.list_statements(session_id, deadline)
        going_on = [view for view in found if _goes_on(view)]
        if not going_on:
            return max((view.id for view in found), default=-1)
        names = ", ".join(str(view.id) for view in going_on)
        if deadline.expired:
            raise LivyError(f"statement {names} of an earlier run goes on although it was cancelled")
        for view in going_on:
            if view.id not in told:
                told.add(view.id)
                logger.warning(
                    "statement %s of Livy session %s is still %s, for an earlier run; cancelling it",
                    view.id,
                    session_id,
                    view.state,
                )
                api.cancel_statement(session_id, view.id, deadline)
        deadline.pause(PAUSE)


def _goes_on(view: StatementView) -> bool:
    return statement_phase(view.state) is StatementPhase.PENDING or view.state.lower() == "cancelling"
