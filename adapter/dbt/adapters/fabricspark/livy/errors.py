"""What can go wrong between this client and a Livy server.

::

    LivyError
    ├── HttpError          the server refused, in its own words
    │   └── SessionGone    … because the session is no more
    ├── ProtocolError      it answered, but not like Livy
    ├── SessionLost        a statement did not run, or is safe to run again on another session
    ├── DeadlineExceeded   the profile's time-out passed
    ├── OutcomeUnknown     a statement or session may exist, and its reply was lost
    ├── StatementFailed    the SQL failed
    └── StatementCancelled somebody cancelled it
"""

from __future__ import annotations

from dbt.adapters.fabricspark.resilience.outcome import AttemptError, Outcome


class LivyError(Exception):
    """Base of all; the message is fit for a user."""


class HttpError(LivyError, AttemptError):
    """A status that is not 2xx.

    Attributes:
        status: the HTTP status.
    """

    def __init__(
        self,
        message: str,
        status: int,
        outcome: Outcome = Outcome.REFUSED,
        *,
        retry_after: float | None = None,
        generation: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.outcome = outcome
        self.retry_after = retry_after
        self.generation = generation

    __str__ = AttemptError.__str__


class SessionGone(HttpError):
    """The session does not exist any more, or is not active."""


class ProtocolError(LivyError, AttemptError):
    """A reply that no Livy server would send.

    Attributes:
        status: of a reply that is no JSON; 0 for any other.
    """

    outcome = Outcome.GARBLED
    status = 0
    __str__ = AttemptError.__str__


class SessionLost(LivyError):
    """The statement is known not to have run, or is safe to run again: on another session, if this one has ended.

    Attributes:
        ended: whether the session has.
    """

    def __init__(self, message: str, *, ended: bool) -> None:
        super().__init__(message)
        self.ended = ended


class DeadlineExceeded(LivyError):
    """An operation was still not done when its time was up."""


class OutcomeUnknown(LivyError):
    """A request that is not safe to repeat may have been carried out.

    Attributes:
        session_id: where to look; ``None`` if the session itself is what is unknown.
        statement_id: of the statement, if it is known.
        mark: the comment in the statement's code by which it can be found on the server.
        session_ended: whether the session has.
    """

    def __init__(
        self,
        message: str,
        *,
        session_id: str | None = None,
        statement_id: int | None = None,
        mark: str = "",
        session_ended: bool = False,
    ) -> None:
        super().__init__(message)
        self.session_ended = session_ended
        self.session_id = session_id
        self.statement_id = statement_id
        self.mark = mark


class StatementFailed(LivyError):
    """The server ran the statement and reports an error."""


class StatementCancelled(LivyError):
    """The statement was cancelled before it could end."""
