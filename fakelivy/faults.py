"""The vocabulary of faults as data: a fault is selector x trigger x phase x effect x lifetime.

The same fault is a Python object, a JSON document and a compact string (``grammar.py``). Whatever is misspelt or
contradicts itself is an error: a fault that silently never fires would make a test prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from fakelivy.mishaps import (
    Alone,
    Capacity,
    CapacityAsync,
    ClockSkew,
    Close,
    Count,
    CutRows,
    Data,
    Delay,
    Dribble,
    Effect,
    ExpireToken,
    Garbage,
    Hang,
    LoseStatement,
    NotFoundWindow,
    ReapAfter,
    RejectToken,
    Reset,
    Restart,
    RevokeTokens,
    Seconds,
    SessionTo,
    SetField,
    SetHeader,
    SlowStart,
    SlowStatement,
    StaleRead,
    Status,
    StickState,
    Throttle,
    TokenLifetime,
    Truncate,
)
from fakelivy.usage import FakeLivyError

Phase = Literal["before", "after_commit", "body"]
"""``before``: the request is lost, nothing happened. ``after_commit``: it was carried out, the reply is lost.
``body``: the reply arrives damaged."""


class FaultError(FakeLivyError):
    """A fault that makes no sense; the message says what was probably meant."""


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

Per = Literal["fault", "request"]
"""What is counted: all matches of the fault in the order they arrive, or each distinct request for itself, so that
other threads cannot shift the count."""


class Always(Data):
    """Every matching request."""

    type: Literal["always"] = "always"


class First(Data):
    """The first ``n`` of them; with ``per=request`` of each distinct request."""

    type: Literal["first"] = "first"
    n: Count
    per: Per = "fault"


class Nth(Data):
    """The ``n``-th only, counted from 1; with ``per=request`` of each distinct request."""

    type: Literal["nth"] = "nth"
    n: Count
    per: Per = "fault"


class Every(Data):
    """Every ``n``-th; with ``per=request`` of each distinct request."""

    type: Literal["every"] = "every"
    n: Count
    per: Per = "fault"


class Rate(Data):
    """Each with probability ``p``, decided by seed, fault, what is asked for and how often it was asked for before:
    never by a draw, and not by the order in which threads arrive."""

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
    RevokeTokens: (("before",), _STATE),
    ClockSkew: (("before",), _STATE),
    TokenLifetime: (("before",), _STATE),
    Restart: (_LOST, "a server that restarts sends no reply"),
    SessionTo: (_LOST, "the session must be in its state when the reply is made"),
    StickState: (("body",), _NO_REPLY_YET),
    StaleRead: (("body",), _NO_REPLY_YET),
    NotFoundWindow: (("before",), "what is not found is not carried out"),
    SlowStart: (("before",), _STATE),
    ReapAfter: (("before",), _STATE),
    Alone: (("before",), _STATE),
    CutRows: (("before",), _STATE),
    SlowStatement: (("before",), _STATE),
    SetHeader: (("body",), _NO_REPLY_YET),
    LoseStatement: (_LOST, "it happens to the statement, not to the reply"),
}
"""When an effect can happen, and why not otherwise."""

OPERATIONS: Mapping[type[Data], frozenset[str]] = {
    CapacityAsync: frozenset({"get_session", "get_hc"}),
    SlowStart: frozenset({"create_session", "acquire_hc"}),
    ReapAfter: frozenset({"create_session", "acquire_hc"}),
    Alone: frozenset({"acquire_hc"}),
    CutRows: frozenset({"submit_statement", "submit_repl_statement"}),
    SlowStatement: frozenset({"submit_statement", "submit_repl_statement"}),
    LoseStatement: frozenset({"submit_statement", "submit_repl_statement"}),
    TokenLifetime: frozenset({"entra_token", "imds_token", "app_service_token", "az_token"}),
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
