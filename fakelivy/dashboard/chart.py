"""Places of spans on a page: seconds become a thousandth of the chart's width."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fakelivy.dashboard.timeline import Lane, Span, Timeline

WIDTH = 1000.0
"""Units from the chart's left edge to its right one."""

LANES = 24
"""Lanes shown at most, the newest."""

BARS = 60
"""Bars of requests per second."""

TICKS = 5
"""Moments named below the chart, from its left edge to its right one."""

_THINNEST = 2.0


@dataclass(frozen=True)
class Box:
    """A rectangle: what it is, where it is, what it says."""

    kind: str
    x: float
    width: float
    text: str


@dataclass(frozen=True)
class Row:
    """A lane on the page."""

    name: str
    repl: bool
    states: Sequence[Box]
    statements: Sequence[Box]
    strikes: Sequence[Box]


@dataclass(frozen=True)
class Chart:
    """Everything on the page that has a place in time.

    ``rates`` are requests per second, oldest first; ``ticks`` are evenly spaced times of day.
    """

    rows: Sequence[Row]
    armed: Sequence[Box]
    elsewhere: Sequence[Box]
    rates: Sequence[float]
    ticks: Sequence[str]
    seconds: float

    @property
    def peak(self) -> float:
        return max(self.rates, default=0.0)


def chart(timeline: Timeline, *, start: dt.datetime, end: dt.datetime) -> Chart:
    """The part of a timeline from ``start`` to ``end``, which is now."""
    seconds = max((end - start).total_seconds(), 1.0)

    def boxes(spans: Iterable[Span]) -> list[Box]:
        return [_box(span, start, end, seconds) for span in spans if span.end is None or span.end >= start]

    def row(lane: Lane) -> Row:
        return Row(lane.name, "/" in lane.name, boxes(lane.states), boxes(lane.statements), boxes(lane.strikes))

    return Chart(
        rows=[row(lane) for lane in timeline.shown(start, LANES)],
        armed=boxes(timeline.armed),
        elsewhere=boxes(timeline.elsewhere),
        rates=_rates(timeline.requests, start, seconds),
        ticks=[f"{start + dt.timedelta(seconds=seconds * tick / (TICKS - 1)):%H:%M:%S}" for tick in range(TICKS)],
        seconds=seconds,
    )


def _box(span: Span, start: dt.datetime, end: dt.datetime, seconds: float) -> Box:
    left = max((span.start - start).total_seconds(), 0.0) / seconds * WIDTH
    right = ((span.end or end) - start).total_seconds() / seconds * WIDTH
    left = min(left, WIDTH - _THINNEST)
    return Box(span.kind, round(left, 2), round(max(right - left, _THINNEST), 2), span.text)


def _rates(requests: Iterable[dt.datetime], start: dt.datetime, seconds: float) -> list[float]:
    step = seconds / BARS
    counts = [0] * BARS
    for at in requests:
        place = int((at - start).total_seconds() // step)
        if 0 <= place <= BARS:
            counts[min(place, BARS - 1)] += 1
    return [round(count / step, 2) for count in counts]
