"""What a run that crashed has left running in a session that is used again: stopped before anything else is sent."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.livy.states import StatementPhase, statement_phase
from dbt.adapters.fabricspark.livy.wire import StatementView
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import Halted
from dbt.adapters.fabricspark.resilience.outcome import AttemptError

PATIENCE = 30.0
"""Seconds that a cancelled statement may take to end."""

PAUSE = 1.0
"""Seconds between two looks."""


class GoesOn(LivyError):
    """A list has shown that something goes on, and nothing that it has ended."""


def stop_leftovers(api: LivyApi, session_id: str, deadline: Deadline, logger: logging.Logger) -> int:
    """Cancel what goes on in a session, and wait until nothing does.

    A write of a run that is no more must not come to its end behind the back of the one that repeats it.

    Returns:
        The highest statement id in the session, -1 for none.

    Raises:
        GoesOn: it goes on nevertheless.
        LivyError, TransportError: nobody can tell.
    """
    told: set[int] = set()
    found = api.list_statements(session_id, deadline)
    while going_on := [view for view in found if _goes_on(view)]:
        names = ", ".join(str(view.id) for view in going_on)
        if deadline.expired:
            raise GoesOn(f"statement {names} of an earlier run goes on although it was cancelled")
        new = [view for view in going_on if view.id not in told]
        told.update(view.id for view in new)
        try:
            _cancel(api, session_id, new, deadline, logger)
            deadline.pause(PAUSE)
            found = api.list_statements(session_id, deadline)
        except Halted:
            raise
        except AttemptError as error:
            raise GoesOn(f"statement {names} of an earlier run cannot be seen to end: {error}") from error
    return max((view.id for view in found), default=-1)


def _cancel(
    api: LivyApi, session_id: str, views: Sequence[StatementView], deadline: Deadline, logger: logging.Logger
) -> None:
    for view in views:
        logger.warning(
            "statement %s of Livy session %s is still %s, for an earlier run; cancelling it",
            view.id,
            session_id,
            view.state,
        )
        api.cancel_statement(session_id, view.id, deadline)


def _goes_on(view: StatementView) -> bool:
    return statement_phase(view.state) is StatementPhase.PENDING or view.state.lower() == "cancelling"
