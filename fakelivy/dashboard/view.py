"""What the page shows, taken from the server at one moment."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass

from fakelivy.call import Services
from fakelivy.dashboard.chart import Chart, chart
from fakelivy.dashboard.timeline import timeline
from fakelivy.injector import Armed
from fakelivy.journal import EarlyCall, Entry, FaultDecision, HandlerError, ServerRestarted, TokenRefused

WINDOWS = (("1 min", 60), ("10 min", 600), ("1 h", 3600), ("all", 0))
"""How far back the chart goes, in seconds of the server's clock; 0 is to the beginning."""

_TAIL = 30
_ALARMING = (EarlyCall, HandlerError, ServerRestarted, TokenRefused)
_LONGEST = 400


@dataclass(frozen=True)
class Line:
    """A line of the journal for people."""

    seq: int
    at: str
    event: str
    text: str
    alarming: bool


@dataclass(frozen=True)
class View:
    """Everything on the page; ``window`` is one of ``WINDOWS``."""

    engine: str
    seed: int
    now: str
    window: int
    size: int
    requests: int
    armed: Sequence[Armed]
    chart: Chart
    tail: Sequence[Line]


def view(services: Services, window: int) -> View:
    """What there is to see now."""
    entries = services.journal.entries()
    now = services.clock.now()
    found = timeline(entries)
    first = entries[0].at if entries else now
    start = max(first, now - dt.timedelta(seconds=window)) if window else first
    return View(
        engine=services.engine.name,
        seed=services.injector.seed,
        now=f"{now:%H:%M:%S} UTC",
        window=window,
        size=services.journal.size,
        requests=len(found.requests),
        armed=services.injector.armed(),
        chart=chart(found, start=start, end=now),
        tail=[_line(entry) for entry in reversed(entries[-_TAIL:])],
    )


def _line(entry: Entry) -> Line:
    fields = {name: value for name, value in dataclasses.asdict(entry.event).items() if value not in (None, "")}
    text = " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in fields.items()
    )
    event = entry.event
    alarming = event.fired if isinstance(event, FaultDecision) else isinstance(event, _ALARMING)
    return Line(entry.seq, f"{entry.at:%H:%M:%S.%f}"[:-3], type(event).__name__, text[:_LONGEST], alarming)
