"""What can become of one attempt at a request that brought no usable answer."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """Classes of failed attempts; the value says what one is, for the docs."""

    NOT_SENT = "no connection: nothing reached the server"
    LOST = "the connection broke before the reply was complete, or a gateway answered 502 in the server's place"
    LATE = "no reply in time, 408 or 504: the request may still be on its way"
    GARBLED = "a success whose body is not what Livy sends"
    THROTTLED = "429: too many requests"
    CAPACITY = "430, or a refusal that says so: no room for another Spark job"
    SERVER_ERROR = "500, 503 or another 5xx but 501"
    COLD = "415 with a web page: a gateway that is still waking up, and replied before the server saw the request"
    UNAUTHENTICATED = "401, or a 403 that says that the token has expired"
    NOT_FOUND = "404 without a word about the session"
    NOT_READY = "the session is still starting"
    SESSION_GONE = "the session is no more, or not active"
    REFUSED = "any other refusal"


class AttemptError(Exception):
    """An attempt that brought no usable answer; the message is fit for a user.

    Attributes:
        outcome: its class.
        retry_after: seconds the server asks to stay away, ``None`` if it does not say.
        generation: of the token that was sent, ``None`` without one.
        attempts: how many attempts it ended; set by the retrying layer.
        elapsed: seconds those attempts took; likewise.
    """

    outcome = Outcome.REFUSED
    retry_after: float | None = None
    generation: int | None = None
    attempts = 1
    elapsed = 0.0

    def __str__(self) -> str:
        said = super().__str__()
        return said if self.attempts == 1 else f"{said} (tried {self.attempts} times in {self.elapsed:.0f} s)"


class TransportError(AttemptError):
    """No reply. The message names method, address without query, and cause."""

    outcome = Outcome.LOST


class NotSent(TransportError):
    """The request never reached the server: nothing happened there."""

    outcome = Outcome.NOT_SENT


class ReplyLost(TransportError):
    """The request may have reached the server, and may have been carried out; the reply was lost.

    Never a reason to send a request again that is not idempotent.
    """

    outcome = Outcome.LOST


class ReplyLate(ReplyLost):
    """No reply came in time: the request may even be carried out from now on."""

    outcome = Outcome.LATE
