"""The control plane under ``/_fake``: faults, journal, clock, reset. No web page can reach it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from fakelivy.call import Services
from fakelivy.clock import ManualClock
from fakelivy.faults import FaultError
from fakelivy.injector import Armed
from fakelivy.journal_query import Query, QueryError
from fakelivy.knobs import Dialect

HEADER = "X-Fakelivy-Control"
"""Must be ``1``: a header a page of another origin cannot send without asking first, which is never answered."""

OLDEST = "X-Fakelivy-Oldest"
"""Of a part of the journal: the number of the first entry that is still in memory."""

Handler = Callable[[Services, Request], Response]

_MAX_ADVANCE = 1e9
_RESTART = 'say what restarts: {"dialect": "livy" or "fabric", "recovery": false, "down": 0}'


@dataclass(frozen=True)
class Denied(Exception):
    """A control request that gets an error."""

    status: int
    text: str


def answer(services: Services, request: Request, handler: Handler) -> Response:
    """What ``handler`` answers to somebody who may ask."""
    try:
        if "Origin" in request.headers or "mozilla" in request.headers.get("User-Agent", "").lower():
            raise Denied(403, "browsers may not control this server: it executes code")
        if request.headers.get(HEADER) != "1":
            raise Denied(403, f"send the header {HEADER}: 1 if you mean it")
        return handler(services, request)
    except Denied as denied:
        return _json({"error": denied.text}, denied.status)


def list_faults(services: Services, _: Request) -> Response:
    return _json({"faults": [_view(armed) for armed in services.injector.armed()]})


def arm(services: Services, request: Request) -> Response:
    try:
        fault = services.injector.arm(request.get_data(as_text=True).strip())
    except UnicodeDecodeError:
        raise Denied(400, "a fault is text in UTF-8") from None
    except FaultError as error:
        raise Denied(400, str(error)) from None
    return _json({"name": fault.label, "spec": str(fault), "fault": fault.document()}, 201)


def clear(services: Services, request: Request) -> Response:
    try:
        services.injector.clear(request.args.get("name"))
    except FaultError as error:
        raise Denied(404, str(error)) from None
    return list_faults(services, request)


def journal(services: Services, request: Request) -> Response:
    """The remembered entries that are asked for, as JSON lines; a header says with which number memory begins."""
    try:
        query = Query.of(request.args.items(multi=True))
    except QueryError as error:
        raise Denied(400, str(error)) from None
    entries = services.journal.entries()
    lines = [entry.line() + "\n" for entry in query.select(entries)]
    oldest = str(entries[0].seq if entries else 0)
    return Response("".join(lines), headers={OLDEST: oldest}, content_type="application/x-ndjson")


def show_clock(services: Services, _: Request) -> Response:
    clock = services.injector.clock
    return _json(
        {"now": clock.now().isoformat(), "monotonic": clock.monotonic(), "manual": isinstance(clock, ManualClock)}
    )


def advance(services: Services, request: Request) -> Response:
    clock = services.injector.clock
    if not isinstance(clock, ManualClock):
        raise Denied(409, "this server runs in real time")
    try:
        document = json.loads(request.get_data())
        seconds = document["advance"]
    except (ValueError, TypeError, KeyError, RecursionError):
        seconds = None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= _MAX_ADVANCE:
        raise Denied(400, 'say how many seconds: {"advance": 60}')
    clock.advance(seconds)
    return show_clock(services, request)


def restart(services: Services, request: Request) -> Response:
    """Restart one dialect's side of the server."""
    try:
        document = json.loads(request.get_data())
        dialect = Dialect(document["dialect"])
        recovery, down = document.get("recovery", False), document.get("down", 0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Denied(400, _RESTART) from None
    if not isinstance(recovery, bool) or isinstance(down, bool) or not isinstance(down, (int, float)):
        raise Denied(400, _RESTART)
    if not 0 <= down <= _MAX_ADVANCE:
        raise Denied(400, _RESTART)
    services.restarter.restart(dialect, recovery=recovery, down=down)
    return Response(status=204)


def reset(services: Services, _: Request) -> Response:
    services.reset()
    return Response(status=204)


ROUTES: Sequence[tuple[str, str, Handler]] = (
    ("/_fake/faults", "GET", list_faults),
    ("/_fake/faults", "POST", arm),
    ("/_fake/faults", "DELETE", clear),
    ("/_fake/journal", "GET", journal),
    ("/_fake/clock", "GET", show_clock),
    ("/_fake/clock", "POST", advance),
    ("/_fake/restart", "POST", restart),
    ("/_fake/reset", "POST", reset),
)


def _view(armed: Armed) -> dict[str, Any]:
    fault = armed.fault
    return {
        "name": fault.label,
        "spec": str(fault),
        "fault": fault.document(),
        "matches": armed.matches,
        "fires": armed.fires,
    }


def _json(document: Any, status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")
