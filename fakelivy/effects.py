"""What each effect does to a request: one registered function each, looked up by the effect's type.

A function answers with the Response to send instead, with the Call to go on with, or with None: nothing replaced.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from werkzeug.wrappers import Response

from fakelivy import faults as f
from fakelivy.call import Call
from fakelivy.clock import Clock
from fakelivy.damage import garble
from fakelivy.damage import set_field as replaced
from fakelivy.errors import Problem
from fakelivy.journal import EarlyCall, Journal
from fakelivy.misfortune import EXPIRED, UNAUTHORIZED, failed, no_capacity, not_found, throttled
from fakelivy.wire import ConnectionLost, Wire


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
E = TypeVar("E", bound=f.Data)

EFFECTS: dict[type[f.Data], Struck] = {}
"""By type of the effect."""

SURE: set[type[f.Data]] = {f.Delay, f.Hang, f.Reset, f.Close}
"""Effects that cannot miss: they are journaled first, for they may last, or be the end."""


def effect(kind: type[E]) -> Callable[[Callable[[Hit, E], Result]], Callable[[Hit, E], Result]]:
    """Register the function of one effect."""

    def register(function: Callable[[Hit, E], Result]) -> Callable[[Hit, E], Result]:
        EFFECTS[kind] = function
        return function

    return register


# ---- the connection


@effect(f.Delay)
def delay(hit: Hit, what: f.Delay) -> Result:
    hit.wire.wait(what.seconds + what.jitter * hit.chance, hit.released)
    return None


@effect(f.Hang)
def hang(hit: Hit, what: f.Hang) -> Result:
    hit.wire.wait(what.seconds, hit.released)
    raise ConnectionLost("close")


@effect(f.Reset)
def reset(_: Hit, __: f.Reset) -> Result:
    raise ConnectionLost("reset")


@effect(f.Close)
def close(_: Hit, __: f.Close) -> Result:
    raise ConnectionLost("close")


@effect(f.Truncate)
def truncate(hit: Hit, what: f.Truncate) -> Result:
    body = hit.reply.get_data()
    if what.bytes >= len(body):
        raise Missed(f"the body has only {len(body)} bytes")
    return _streamed(hit.reply, iter([body[: what.bytes]]), len(body))


@effect(f.Dribble)
def dribble(hit: Hit, what: f.Dribble) -> Result:
    body = hit.reply.get_data()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), what.bytes):
            hit.wire.wait(what.pause, hit.released)
            yield body[start : start + what.bytes]

    return _streamed(hit.reply, pieces(), len(body))


def _streamed(reply: Response, pieces: Iterator[bytes], length: int) -> Response:
    response = Response(pieces, reply.status_code, reply.headers)
    response.headers["Content-Length"] = str(length)
    return response


# ---- errors


@effect(f.Status)
def status(hit: Hit, what: f.Status) -> Result:
    return failed(what, hit.call, hit.clock.now())


@effect(f.Throttle)
def throttle(hit: Hit, what: f.Throttle) -> Result:
    now, memory = hit.clock.monotonic(), hit.memory
    with memory.lock:
        told = memory.told.get(hit.caller, now)
        if now < told:
            hit.journal.add(EarlyCall(hit.call.request_id, hit.fault, hit.operation, round(told - now, 3)))
            return throttled(what, told - now, hit.call, hit.clock.now())
        left, at = memory.tokens.get(hit.caller, (float(what.burst), now))
        left = min(left + (now - at) * what.rate / 60, float(what.burst))
        if left >= 1:
            memory.tokens[hit.caller] = (left - 1, now)
            raise Missed("below the rate")
        memory.tokens[hit.caller] = (left, now)
        pause = max((1 - left) * 60 / what.rate, what.retry_seconds)
        # Who was told nothing cannot come too early.
        if what.retry_after != "absent":
            memory.told[hit.caller] = now + pause
    return throttled(what, pause, hit.call, hit.clock.now())


@effect(f.Capacity)
def capacity(hit: Hit, _: f.Capacity) -> Result:
    return no_capacity(hit.call, hit.clock.now())


@effect(f.RejectToken)
def reject_token(hit: Hit, what: f.RejectToken) -> Result:
    return failed(UNAUTHORIZED.model_copy(update={"shape": what.shape}), hit.call, hit.clock.now())


@effect(f.ExpireToken)
def expire_token(hit: Hit, what: f.ExpireToken) -> Result:
    with hit.memory.lock:
        hit.memory.expired.add(hit.caller)
    return failed(EXPIRED.model_copy(update={"shape": what.shape}), hit.call, hit.clock.now())


@effect(f.NotFoundWindow)
def not_found_window(hit: Hit, what: f.NotFoundWindow) -> Result:
    with hit.memory.lock:
        first = hit.memory.first_look.setdefault(hit.path, hit.clock.monotonic())
    if hit.clock.monotonic() - first >= what.seconds:
        raise Missed("the window is over")
    if "statement" in hit.call.params:
        return not_found(hit.call, Problem.NO_STATEMENT, hit.call.params["statement"])
    if "session" in hit.call.params:
        return not_found(hit.call, Problem.NO_SESSION, hit.call.params["session"])
    return not_found(hit.call, Problem.NO_ROUTE, "")


# ---- what the server shows


@effect(f.Garbage)
def garbage(hit: Hit, what: f.Garbage) -> Result:
    try:
        return garble(hit.reply, what)
    except KeyError as missing:
        raise Missed(f"the reply has no {missing.args[0]}") from None


@effect(f.SetField)
def set_field(hit: Hit, what: f.SetField) -> Result:
    return _edited(hit, {what.path: what.value})


@effect(f.CapacityAsync)
def capacity_async(hit: Hit, _: f.CapacityAsync) -> Result:
    text = "TooManyRequestsForCapacity: This Spark job can't be run because you have hit a Spark compute limit."
    return _edited(hit, {"state": None, "fabricSessionStateInfo": {"state": "error", "errorMessage": text}})


@effect(f.StickState)
def stick_state(hit: Hit, what: f.StickState) -> Result:
    changes: dict[str, Any] = {"state": what.state}
    document = _document(hit)
    if isinstance(document.get("livyInfo"), dict):
        changes["livyInfo.currentState"] = what.state
    if what.output == "null":
        changes["output"] = None
    elif what.output == "error":
        count = document.get("id", 0)
        changes["output"] = {
            "status": "error",
            "execution_count": count,
            "ename": "Error",
            "evalue": "the statement failed",
            "traceback": [],
        }
    return _edited(hit, changes)


@effect(f.StaleRead)
def stale_read(hit: Hit, what: f.StaleRead) -> Result:
    now = hit.clock.monotonic()
    with hit.memory.lock:
        replies = hit.memory.replies.setdefault(hit.path, deque(maxlen=1000))
        old = [reply for reply in replies if now - reply[0] >= what.lag]
        shown = old[-1] if old else replies[0] if replies else None
        replies.append((now, hit.reply.get_data(), hit.reply.status_code))
    if shown is None:
        raise Missed("nobody has looked before")
    return Response(shown[1], shown[2], hit.reply.headers)


def _document(hit: Hit) -> dict[str, Any]:
    try:
        document = json.loads(hit.reply.get_data())
    except ValueError:
        raise Missed("the reply is not JSON") from None
    if not isinstance(document, dict) or hit.reply.status_code >= 400:
        raise Missed("the reply is an error, or no JSON object")
    return document


def _edited(hit: Hit, changes: dict[str, Any]) -> Response:
    document = _document(hit)
    for path, value in changes.items():
        try:
            replaced(document, path, value)
        except KeyError as missing:
            raise Missed(f"the reply has no {missing.args[0]}") from None
    return Response(json.dumps(document), hit.reply.status_code, hit.reply.headers)


# ---- what is true


@effect(f.SlowStart)
def slow_start(hit: Hit, what: f.SlowStart) -> Result:
    return dataclasses.replace(hit.call, start_after=what.seconds)


@effect(f.SessionTo)
def session_to(hit: Hit, what: f.SessionTo) -> Result:
    key = _session(hit)
    if not hit.call.store.break_session(key, what.state):
        raise Missed(f"no live session {key}")
    return None


@effect(f.LoseStatement)
def lose_statement(hit: Hit, what: f.LoseStatement) -> Result:
    if what.how == "lost":
        return dataclasses.replace(hit.call, lose_statement=True)
    if not hit.call.store.evict(_session(hit), int(_document(hit)["id"])):
        raise Missed("no such statement")
    return None


def _session(hit: Hit) -> str:
    if "session" in hit.call.params:
        return hit.call.params["session"]
    return str(_document(hit).get("id"))
