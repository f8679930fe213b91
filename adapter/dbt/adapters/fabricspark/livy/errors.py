"""What can go wrong between this client and a Livy server.

::

    LivyError
    ├── HttpError          the server refused, in its own words
    │   └── SessionGone    … because the session is no more
    ├── ProtocolError      it answered, but not like Livy
    ├── SessionFailed      a session ended instead of becoming ready
    ├── DeadlineExceeded   the profile's time-out passed
    ├── OutcomeUnknown     a statement or session may exist, and its reply was lost
    ├── StatementFailed    the SQL failed
    └── StatementCancelled somebody cancelled it
"""

from __future__ import annotations


class LivyError(Exception):
    """Base of all; the message is fit for a user."""


class HttpError(LivyError):
    """A status that is not 2xx.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class SessionGone(HttpError):
    """The session does not exist any more, or is not active."""


class ProtocolError(LivyError):
    """A reply that no Livy server would send."""


class SessionFailed(LivyError):
    """The session reached a state from which it will not come back."""


class DeadlineExceeded(LivyError):
    """An operation was still not done when its time was up."""


class OutcomeUnknown(LivyError):
    """A request that is not safe to repeat may have been carried out."""


class StatementFailed(LivyError):
    """The server ran the statement and reports an error."""


class StatementCancelled(LivyError):
    """The statement was cancelled before it could end."""
