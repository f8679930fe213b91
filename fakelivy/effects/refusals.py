"""Effects that answer with an error instead."""

from __future__ import annotations

from fakelivy import mishaps as m
from fakelivy.effects.hits import Hit, Missed, Result, effect
from fakelivy.errors import Problem
from fakelivy.journal import EarlyCall
from fakelivy.misfortune import EXPIRED, UNAUTHORIZED, failed, no_capacity, not_found, throttled


@effect(m.Status)
def status(hit: Hit, what: m.Status) -> Result:
    return failed(what, hit.call, hit.clock.now())


@effect(m.Throttle)
def throttle(hit: Hit, what: m.Throttle) -> Result:
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


@effect(m.Capacity)
def capacity(hit: Hit, _: m.Capacity) -> Result:
    return no_capacity(hit.call, hit.clock.now())


@effect(m.RejectToken)
def reject_token(hit: Hit, what: m.RejectToken) -> Result:
    return failed(UNAUTHORIZED.model_copy(update={"shape": what.shape}), hit.call, hit.clock.now())


@effect(m.ExpireToken)
def expire_token(hit: Hit, what: m.ExpireToken) -> Result:
    with hit.memory.lock:
        hit.memory.expired.add(hit.caller)
    return failed(EXPIRED.model_copy(update={"shape": what.shape}), hit.call, hit.clock.now())


@effect(m.NotFoundWindow)
def not_found_window(hit: Hit, what: m.NotFoundWindow) -> Result:
    with hit.memory.lock:
        first = hit.memory.first_look.setdefault(hit.path, hit.clock.monotonic())
    if hit.clock.monotonic() - first >= what.seconds:
        raise Missed("the window is over")
    if "statement" in hit.call.params:
        return not_found(hit.call, Problem.NO_STATEMENT, hit.call.params["statement"])
    if "session" in hit.call.params:
        return not_found(hit.call, Problem.NO_SESSION, hit.call.params["session"])
    return not_found(hit.call, Problem.NO_ROUTE, "")
