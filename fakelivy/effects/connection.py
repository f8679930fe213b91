"""Effects on the connection: late, broken, in pieces."""

from __future__ import annotations

from collections.abc import Iterator

from werkzeug.wrappers import Response

from fakelivy import mishaps as m
from fakelivy.effects.hits import Hit, Missed, Result, effect
from fakelivy.wire import ConnectionLost


@effect(m.Delay)
def delay(hit: Hit, what: m.Delay) -> Result:
    hit.wire.wait(what.seconds + what.jitter * hit.chance, hit.released)
    return None


@effect(m.Hang)
def hang(hit: Hit, what: m.Hang) -> Result:
    hit.wire.wait(what.seconds, hit.released)
    raise ConnectionLost("close")


@effect(m.Reset)
def reset(_: Hit, __: m.Reset) -> Result:
    raise ConnectionLost("reset")


@effect(m.Close)
def close(_: Hit, __: m.Close) -> Result:
    raise ConnectionLost("close")


@effect(m.Truncate)
def truncate(hit: Hit, what: m.Truncate) -> Result:
    body = hit.reply.get_data()
    if what.bytes >= len(body):
        raise Missed(f"the body has only {len(body)} bytes")
    return _streamed(hit.reply, iter([body[: what.bytes]]), len(body))


@effect(m.Dribble)
def dribble(hit: Hit, what: m.Dribble) -> Result:
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
