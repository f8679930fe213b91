"""The table of effects, what each is handed, and what several of them need."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from werkzeug.wrappers import Response

from fakelivy import mishaps as m
from fakelivy.call import Call
from fakelivy.clock import Clock
from fakelivy.damage import set_field as replaced
from fakelivy.journal import Journal
from fakelivy.wire import Wire


class Missed(Exception):
    """The effect found nothing to work on; the text says what was missing."""


@dataclass
class Memory:
    """What a fault remembers from one request to the next. Guarded by ``lock``."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    first_look: dict[str, float] = field(default_factory=dict)
    replies: dict[str, deque[tuple[float, bytes, int]]] = field(default_factory=dict)
    tokens: dict[str, tuple[float, float]] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Hit:
    """One request that a fault strikes. ``response`` is what the server would send, if it has got so far."""

    call: Call
    operation: str
    path: str
    caller: str
    fault: str
    chance: float
    wire: Wire
    clock: Clock
    journal: Journal
    memory: Memory
    released: threading.Event
    response: Response | None = None

    @property
    def reply(self) -> Response:
        assert self.response is not None, "this effect happens to replies"
        return self.response


Result = Response | Call | None
Struck = Callable[[Hit, Any], Result]
E = TypeVar("E", bound=m.Data)

EFFECTS: dict[type[m.Data], Struck] = {}
"""By type of the effect."""

SURE: set[type[m.Data]] = {m.Delay, m.Hang, m.Reset, m.Close, m.Restart}
"""Effects that cannot miss: they are journaled first, for they may last, or be the end."""


def effect(kind: type[E]) -> Callable[[Callable[[Hit, E], Result]], Callable[[Hit, E], Result]]:
    """Register the function of one effect."""

    def register(function: Callable[[Hit, E], Result]) -> Callable[[Hit, E], Result]:
        EFFECTS[kind] = function
        return function

    return register


def document(hit: Hit) -> dict[str, Any]:
    """The reply as a JSON object. Raises Missed."""
    try:
        content = json.loads(hit.reply.get_data())
    except ValueError:
        raise Missed("the reply is not JSON") from None
    if not isinstance(content, dict) or hit.reply.status_code >= 400:
        raise Missed("the reply is an error, or no JSON object")
    return content


def edited(hit: Hit, changes: dict[str, Any]) -> Response:
    """The reply with values set at dotted paths. Raises Missed."""
    content = document(hit)
    for path, value in changes.items():
        try:
            replaced(content, path, value)
        except KeyError as missing:
            raise Missed(f"the reply has no {missing.args[0]}") from None
    return Response(json.dumps(content), hit.reply.status_code, hit.reply.headers)


def ordered(hit: Hit, **orders: Any) -> Call:
    """The request, to be carried out differently."""
    return dataclasses.replace(hit.call, orders=dataclasses.replace(hit.call.orders, **orders))


def session_of(hit: Hit) -> str:
    """The id of the session it is about. Raises Missed."""
    if "session" in hit.call.params:
        return hit.call.params["session"]
    return str(document(hit).get("id"))
