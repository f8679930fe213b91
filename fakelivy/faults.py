"""The vocabulary of faults as data: a fault is selector x trigger x phase x effect x lifetime.

The same fault is a Python object, a JSON document and a compact string (``grammar.py``). Whatever is misspelt or
contradicts itself is an error: a fault that silently never fires would make a test prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from fakelivy.errors import FakeLivyError

Phase = Literal["before", "after_commit", "body"]
"""``before``: the request is lost, nothing happened. ``after_commit``: it was carried out, the reply is lost.
``body``: the reply arrives damaged."""

Seconds = Annotated[float, Field(ge=0, le=1e6)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Shape = Literal["dialect", "gateway", "html", "string", "empty"]
"""Form of an error's body: the dialect's own, ``{"error": {…}}``, a page, a JSON string, nothing."""

RetryAfter = Literal["absent", "seconds", "http-date", "body-until", "body-until-bare"]
"""How a client is told when to come back; the ``body-until`` forms are Fabric's sentence with and without (UTC)."""


class FaultError(FakeLivyError):
    """A fault that makes no sense; the message says what was probably meant."""


class Data(BaseModel):
    """Frozen, and strict about names, types and values."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


# ---- which requests


class Select(Data):
    """Which requests. ``operation`` is a name of a route or a pattern with ``*`` and ``?``; ``session`` is an id,
    ``statement`` a number, ``contains`` a piece of the request's body."""

    operation: Annotated[str, Field(pattern=r"^[\w*?]+$")]
    dialect: Literal["livy", "fabric"] | None = None
    session: str | None = None
    statement: Annotated[int, Field(ge=0)] | None = None
    contains: Annotated[str, Field(min_length=1)] | None = None


# ---- which of them


class Always(Data):
    """Every matching request."""

    type: Literal["always"] = "always"


class First(Data):
    """The first ``n`` of them."""

    type: Literal["first"] = "first"
    n: Count


class Nth(Data):
    """The ``n``-th only, counted from 1."""

    type: Literal["nth"] = "nth"
    n: Count


class Every(Data):
    """Every ``n``-th."""

    type: Literal["every"] = "every"
    n: Count


class Rate(Data):
    """Each with probability ``p``, decided by seed, fault and its place in the order: never by a draw."""

    type: Literal["rate"] = "rate"
    p: Annotated[float, Field(ge=0, le=1)]


class Window(Data):
    """Those that come ``start`` to ``end`` seconds after the fault was armed."""

    type: Literal["window"] = "window"
    start: Seconds
    end: Seconds

    @model_validator(mode="after")
    def _in_order(self) -> Window:
        if self.start >= self.end:
            raise ValueError(f"a window ends after it starts, not {self.start:g} to {self.end:g}")
        return self


Trigger = Annotated[Always | First | Nth | Every | Rate | Window, Field(discriminator="type")]


# ---- for how long


class Forever(Data):
    """Until it is cleared."""

    type: Literal["forever"] = "forever"


class Fires(Data):
    """Until it has fired ``n`` times."""

    type: Literal["fires"] = "fires"
    n: Count


class Lasts(Data):
    """For so many seconds of the server's clock after it was armed."""

    type: Literal["lasts"] = "lasts"
    seconds: Seconds


Lifetime = Annotated[Forever | Fires | Lasts, Field(discriminator="type")]


# ---- what happens


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
    | SessionTo
    | StickState
    | StaleRead
    | NotFoundWindow
    | SlowStart
    | LoseStatement,
    Field(discriminator="type"),
]

_LOST: tuple[Phase, ...] = ("before", "after_commit")
_NO_REPLY_YET = "there is no reply yet to damage"
_NO_BODY = "what is in a reply's body cannot make it hang, fail or get lost"
_STATE = "it decides before the request is carried out"

PHASES: Mapping[type[Data], tuple[tuple[Phase, ...], str]] = {
    Delay: (_LOST, "a reply that arrives slowly is dribble"),
    Hang: (_LOST, _NO_BODY),
    Status: (_LOST, _NO_BODY),
    Reset: (_LOST, "a reply that breaks off is truncate"),
    Close: (_LOST, "a reply that breaks off is truncate"),
    Truncate: (("body",), _NO_REPLY_YET),
    Dribble: (("body",), _NO_REPLY_YET),
    Garbage: (("body",), _NO_REPLY_YET),
    SetField: (("body",), _NO_REPLY_YET),
    Throttle: (("before",), "a throttled request is not carried out"),
    Capacity: (("before",), "a job that found no capacity is not carried out"),
    CapacityAsync: (("body",), "it shows in the reply about a session"),
    RejectToken: (("before",), "a request without a good token is not carried out"),
    ExpireToken: (("before",), "a request without a good token is not carried out"),
    SessionTo: (_LOST, "the session must be in its state when the reply is made"),
    StickState: (("body",), _NO_REPLY_YET),
    StaleRead: (("body",), _NO_REPLY_YET),
    NotFoundWindow: (("before",), "what is not found is not carried out"),
    SlowStart: (("before",), _STATE),
    LoseStatement: (_LOST, "it happens to the statement, not to the reply"),
}
"""When an effect can happen, and why not otherwise."""

OPERATIONS: Mapping[type[Data], frozenset[str]] = {
    CapacityAsync: frozenset({"get_session"}),
    SlowStart: frozenset({"create_session"}),
    LoseStatement: frozenset({"submit_statement"}),
}
"""Effects that make sense for these operations only."""


class Fault(Data):
    """Something that goes wrong on purpose. Without a ``name`` its compact spelling is its name."""

    name: Annotated[str, Field(pattern=r"^[\w.-]*$")] = ""
    select: Select
    phase: Phase
    effect: Effect
    trigger: Trigger = Always()
    lifetime: Lifetime = Forever()

    @model_validator(mode="after")
    def _makes_sense(self) -> Fault:
        allowed, reason = PHASES[type(self.effect)]
        kind = self.effect.type
        if self.phase not in allowed:
            raise ValueError(f"{kind} happens {' or '.join(allowed)}, not {self.phase}: {reason}")
        if isinstance(self.effect, LoseStatement) and (self.effect.how == "lost") != (self.phase == "before"):
            raise ValueError("a statement is lost before it is queued and evicted after_commit")
        return self

    @classmethod
    def parse(cls, text: str) -> Fault:
        """The fault a compact string or a JSON document describes.

        Raises:
            FaultError: it is neither; the message says what was meant.
        """
        from fakelivy.grammar import parse

        return parse(text)

    @classmethod
    def of(cls, document: Any) -> Fault:
        """The fault a JSON value describes.

        Raises:
            FaultError: it describes none.
        """
        from fakelivy.grammar import explain

        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise FaultError(explain(error)) from None

    @property
    def label(self) -> str:
        """What it is called in the journal."""
        return self.name or str(self)

    def document(self) -> dict[str, Any]:
        """As a JSON value, everything spelt out."""
        return self.model_dump(mode="json")

    def __str__(self) -> str:
        from fakelivy.grammar import spell

        return spell(self)
