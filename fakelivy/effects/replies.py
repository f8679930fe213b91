"""Effects on what a reply shows, whatever is true."""

from __future__ import annotations

from collections import deque
from typing import Any

from werkzeug.wrappers import Response

from fakelivy import mishaps as m
from fakelivy.damage import garble
from fakelivy.effects.hits import Hit, Missed, Result, document, edited, effect


@effect(m.Garbage)
def garbage(hit: Hit, what: m.Garbage) -> Result:
    try:
        return garble(hit.reply, what)
    except KeyError as missing:
        raise Missed(f"the reply has no {missing.args[0]}") from None


@effect(m.SetField)
def set_field(hit: Hit, what: m.SetField) -> Result:
    return edited(hit, {what.path: what.value})


@effect(m.SetHeader)
def set_header(hit: Hit, what: m.SetHeader) -> Result:
    if what.value is not None:
        hit.reply.headers[what.name] = what.value
    elif what.name in hit.reply.headers:
        del hit.reply.headers[what.name]
    else:
        raise Missed(f"the reply has no header {what.name}")
    return None


@effect(m.CapacityAsync)
def capacity_async(hit: Hit, _: m.CapacityAsync) -> Result:
    text = "TooManyRequestsForCapacity: This Spark job can't be run because you have hit a Spark compute limit."
    state = "Failed" if hit.operation == "get_hc" else None
    return edited(hit, {"state": state, "fabricSessionStateInfo": {"state": "error", "errorMessage": text}})


@effect(m.StickState)
def stick_state(hit: Hit, what: m.StickState) -> Result:
    changes: dict[str, Any] = {"state": what.state}
    content = document(hit)
    if isinstance(content.get("livyInfo"), dict):
        changes["livyInfo.currentState"] = what.state
    if what.output == "null":
        changes["output"] = None
    elif what.output == "error":
        count = content.get("id", 0)
        changes["output"] = {
            "status": "error",
            "execution_count": count,
            "ename": "Error",
            "evalue": "the statement failed",
            "traceback": [],
        }
    return edited(hit, changes)


@effect(m.StaleRead)
def stale_read(hit: Hit, what: m.StaleRead) -> Result:
    now = hit.clock.monotonic()
    # Another fault may have the reply drip, which takes its time: not under the lock.
    current = hit.reply.get_data()
    with hit.memory.lock:
        replies = hit.memory.replies.setdefault(hit.path, deque(maxlen=1000))
        old = [reply for reply in replies if now - reply[0] >= what.lag]
        shown = old[-1] if old else replies[0] if replies else None
        replies.append((now, current, hit.reply.status_code))
    if shown is None:
        raise Missed("nobody has looked before")
    return Response(shown[1], shown[2], hit.reply.headers)
