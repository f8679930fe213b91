"""What a fault can make happen, as frozen data: one small model for each effect."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Seconds = Annotated[float, Field(ge=0, le=1e6)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Shape = Literal["dialect", "gateway", "html", "string", "empty", "entra"]
"""Form of an error's body: the dialect's own, ``{"error": {…}}``, a page, a JSON string, nothing, Entra's."""

RetryAfter = Literal["absent", "seconds", "http-date", "body-until", "body-until-bare"]
"""How a client is told when to come back; the ``body-until`` forms are Fabric's sentence with and without (UTC)."""


class Data(BaseModel):
    """Frozen, and strict about names, types and values."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Delay(Data):
    """The request waits ``seconds``, and up to ``jitter`` more, and then goes on."""

    type: Literal["delay"] = "delay"
    seconds: Seconds
    jitter: Seconds = 0.0


class Hang(Data):
    """No byte comes for ``seconds``; then the connection ends."""

    type: Literal["hang"] = "hang"
    seconds: Seconds = 3600.0


class Status(Data):
    """An error reply. ``body`` is sent as it is; without one it is made in the given ``shape``. ``retry_seconds``
    may be negative: a moment that has passed."""

    type: Literal["status"] = "status"
    code: Annotated[int, Field(ge=100, le=599)]
    error_code: str | None = None
    message: str | None = None
    body: str | None = None
    content_type: Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")] | None = None
    headers: dict[Annotated[str, Field(pattern=r"^[\w-]+$")], Annotated[str, Field(pattern=r"^[\x20-\x7e]*$")]] = {}
    shape: Shape = "dialect"
    retry_after: RetryAfter = "absent"
    retry_seconds: Annotated[float, Field(ge=-1e6, le=1e9)] = 55.0


class Reset(Data):
    """The connection is reset (RST)."""

    type: Literal["reset"] = "reset"


class Close(Data):
    """The connection is closed without a byte."""

    type: Literal["close"] = "close"


class Truncate(Data):
    """The body stops after ``bytes``, though ``Content-Length`` promises all of it."""

    type: Literal["truncate"] = "truncate"
    bytes: Annotated[int, Field(ge=0)]


class Dribble(Data):
    """The body comes ``bytes`` at a time with ``pause`` seconds before each piece."""

    type: Literal["dribble"] = "dribble"
    bytes: Count = 1
    pause: Seconds = 0.1


class Garbage(Data):
    """A success whose body is not what was agreed. ``field`` is the dotted path the kinds with a field work on."""

    type: Literal["garbage"] = "garbage"
    kind: Literal[
        "not_json",
        "html_login",
        "empty",
        "wrong_type",
        "missing_field",
        "null_field",
        "null_output",
        "unknown_fields",
        "unknown_state",
    ]
    field: str = "state"


class SetField(Data):
    """``value`` instead of what stands at the dotted ``path`` of the JSON document."""

    type: Literal["set_field"] = "set_field"
    path: Annotated[str, Field(min_length=1)]
    value: JsonValue


class Throttle(Data):
    """``rate`` requests a minute for each bearer token, ``burst`` at once; the rest is 429. Who comes back before
    the moment he was told is journaled as an early caller."""

    type: Literal["throttle"] = "throttle"
    rate: Annotated[float, Field(gt=0, le=1e6)]
    burst: Count = 1
    retry_after: RetryAfter = "seconds"
    retry_seconds: Seconds = 1.0


class Capacity(Data):
    """430: the capacity takes no more Spark jobs."""

    type: Literal["capacity"] = "capacity"


class CapacityAsync(Data):
    """A session that was accepted shows in a 200 that there was no capacity, in ``fabricSessionStateInfo`` only."""

    type: Literal["capacity_async"] = "capacity_async"


class RejectToken(Data):
    """401 Unauthorized for this request, whatever its token."""

    type: Literal["reject_token"] = "reject_token"
    shape: Shape = "dialect"


class ExpireToken(Data):
    """The token of this request counts as expired from now on, for every operation, until the fault is cleared."""

    type: Literal["expire_token"] = "expire_token"
    shape: Shape = "dialect"


class RevokeTokens(Data):
    """Every token that was issued so far ends before its time, and the request goes on with one of them."""

    type: Literal["revoke_tokens"] = "revoke_tokens"


class ClockSkew(Data):
    """The clock that checks this request's token is ``seconds`` ahead; behind, when negative, a new token is not valid
    yet."""

    type: Literal["clock_skew"] = "clock_skew"
    seconds: Annotated[float, Field(ge=-1e6, le=1e6)]


class TokenLifetime(Data):
    """The token that is issued is good for so many ``seconds``."""

    type: Literal["token_lifetime"] = "token_lifetime"
    seconds: Count


class Restart(Data):
    """The server restarts and is ``down`` for so many seconds. With ``recovery`` it finds its sessions again; without,
    all are gone and Livy counts from 0."""

    type: Literal["restart"] = "restart"
    recovery: bool = False
    down: Seconds = 0.0


class SessionTo(Data):
    """The session of the request really goes to ``state``; its engine ends. ``gone`` forgets it."""

    type: Literal["session_to"] = "session_to"
    state: Literal["dead", "error", "killed", "gone", "shutting_down"]


class StickState(Data):
    """The reply shows ``state``, whatever is true, and keeps, nulls or fakes the ``output``."""

    type: Literal["stick_state"] = "stick_state"
    state: Annotated[str, Field(min_length=1)]
    output: Literal["keep", "null", "error"] = "keep"


class StaleRead(Data):
    """The reply that this URL gave ``lag`` seconds ago, or the oldest there is."""

    type: Literal["stale_read"] = "stale_read"
    lag: Seconds


class NotFoundWindow(Data):
    """404 for ``seconds`` from the first look at each URL."""

    type: Literal["not_found_window"] = "not_found_window"
    seconds: Seconds


class SlowStart(Data):
    """The new session really stays ``starting`` for ``seconds``."""

    type: Literal["slow_start"] = "slow_start"
    seconds: Seconds


class ReapAfter(Data):
    """The new session is reaped when nobody has used it for ``seconds``, even while a statement runs."""

    type: Literal["reap_after"] = "reap_after"
    seconds: Annotated[float, Field(gt=0, le=1e6)]


class Alone(Data):
    """The new high-concurrency session gets a Livy session to itself, whatever its tag."""

    type: Literal["alone"] = "alone"


class CutRows(Data):
    """The statement's result ends after ``rows`` rows. Fabric says so with ``truncated``, vanilla Livy does not."""

    type: Literal["cut_rows"] = "cut_rows"
    rows: Count = 1000


class SlowStatement(Data):
    """The statement really runs for ``seconds`` before the engine is handed it; cancelled until then, it never was."""

    type: Literal["slow_statement"] = "slow_statement"
    seconds: Seconds


class SetHeader(Data):
    """The reply's header ``name`` has this ``value``, or is not there."""

    type: Literal["set_header"] = "set_header"
    name: Annotated[str, Field(pattern=r"^[\w-]+$")]
    value: Annotated[str, Field(pattern=r"^[\x20-\x7e]*$")] | None = None


class LoseStatement(Data):
    """A statement that was accepted is not there afterwards: ``lost`` never runs, ``evicted`` runs unseen."""

    type: Literal["lose_statement"] = "lose_statement"
    how: Literal["lost", "evicted"] = "lost"


Effect = Annotated[
    Delay
    | Hang
    | Status
    | Reset
    | Close
    | Truncate
    | Dribble
    | Garbage
    | SetField
    | Throttle
    | Capacity
    | CapacityAsync
    | RejectToken
    | ExpireToken
    | RevokeTokens
    | ClockSkew
    | TokenLifetime
    | Restart
    | SessionTo
    | StickState
    | StaleRead
    | NotFoundWindow
    | SlowStart
    | ReapAfter
    | Alone
    | CutRows
    | SlowStatement
    | SetHeader
    | LoseStatement,
    Field(discriminator="type"),
]
