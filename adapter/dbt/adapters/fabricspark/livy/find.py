"""Whether a statement whose reply was lost is on the server: by its mark in the session's list of statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import SessionGone
from dbt.adapters.fabricspark.livy.wire import StatementView
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.outcome import AttemptError

LOOKS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses in seconds before each look at the list. A request whose connection broke is carried out within milliseconds
or never; half a minute is for a gateway that keeps it for a while."""

LOOK_TIMEOUT = 60.0
"""Seconds for one look, retries included."""


class Absent(Enum):
    """Why a statement was not found; the value says it."""

    CERTAINLY = "the server's list of statements is complete and does not have it"
    PERHAPS = "the server's list of statements could not be read to its end"
    SESSION_GONE = "the session is no more"


def find_statement(
    api: LivyApi,
    session_id: str,
    mark: str,
    newest: int,
    deadline: Deadline,
    *,
    once: bool,
    known: Callable[[], int] = lambda: -1,
) -> StatementView | Absent:
    """Look for a statement that may have been accepted.

    It is certainly absent when the last two lists are complete and lack it; they come ``sum(LOOKS)`` seconds after the
    first look.

    Args:
        api: the server.
        session_id: where it was sent.
        mark: the comment in its code.
        newest: the highest statement id known in the session before it was sent, -1 for none.
        deadline: of the operation.
        once: one complete list is enough, because a second execution would do no harm.
        known: the highest one known now: other threads hear of theirs meanwhile.
    """
    complete = 0
    for pause in LOOKS:
        deadline.pause(pause)
        if deadline.expired:
            return Absent.PERHAPS
        there = known()
        try:
            listed = api.list_statements(session_id, deadline.sooner(LOOK_TIMEOUT))
        except SessionGone:
            return Absent.SESSION_GONE
        except AttemptError:
            complete = 0
            continue
        for view in listed:
            if view.code is not None and mark in view.code:
                return view
        complete = complete + 1 if is_complete(listed, newest, there) else 0
        if complete and once:
            break
    return Absent.CERTAINLY if complete >= (1 if once else 2) else Absent.PERHAPS


def is_complete(listed: Sequence[StatementView], newest: int, there: int) -> bool:
    """Whether a list has every statement that is younger than ``newest``, and says what each is.

    A server remembers only the last hundred (F26) and may answer from the past: only if the ids go on without a gap
    from one that was known before, and as far as one that was known when it was asked for, nothing can hide.
    """
    if any(view.code is None for view in listed):
        return False
    ids = {view.id for view in listed}
    last = max(ids, default=-1)
    return last >= max(newest, there) and all(each in ids for each in range(max(newest, 0), last + 1))
