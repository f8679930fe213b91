"""The timeline of a run as SVG: a lane per thread, operations coloured by outcome, times of trouble shaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from chaos.results import Finding, Operation, Result, Window

WIDTH, LEFT, RIGHT, ROW, TOP = 1200, 210, 20, 20, 26
_SMALLEST = 3.0
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000)


@dataclass(frozen=True)
class Bar:
    """An operation with its place: operations of one lane that overlap lie in rows below each other."""

    operation: Operation
    row: int


def first_violation(result: Result) -> Operation | None:
    """The operation during which the first broken invariant broke, else the first one that did not end well."""
    broken = first_broken(result)
    if broken is not None and broken.at is not None:
        at, told = broken.at, broken.detail.partition("\n")[0]
        going_on = [each for each in result.operations if each.start <= at <= each.end]
        # The one that is spoken of; else of those that were going on then the one that began last.
        named = [each for each in going_on if each.name.split()[-1:] and each.name.split()[-1] in told.split()]
        if named or going_on:
            return max(named or going_on, key=lambda each: each.start)
    return next((each for each in _in_order(result.operations) if each.outcome != "ok"), None)


def first_broken(result: Result) -> Finding | None:
    """The finding whose moment is the first; without any moment the first that is not green."""
    red = [finding for finding in result.findings if finding.verdict != "pass"]
    timed = [finding for finding in red if finding.at is not None]
    return min(timed, key=lambda finding: finding.at or 0.0) if timed else next(iter(red), None)


def lay_out(operations: Sequence[Operation]) -> tuple[list[Bar], dict[str, tuple[int, int]]]:
    """Every operation with its row, and for each lane its first row and how many it has."""
    bars: list[Bar] = []
    lanes: dict[str, tuple[int, int]] = {}
    row = 0
    for lane in dict.fromkeys(each.lane for each in operations):
        ends: list[float] = []
        for each in _in_order([each for each in operations if each.lane == lane]):
            place = next((place for place, end in enumerate(ends) if end <= each.start), len(ends))
            ends[place : place + 1] = [each.end]
            bars.append(Bar(each, row + place))
        lanes[lane] = (row, len(ends))
        row += len(ends)
    return bars, lanes


def svg(result: Result) -> str:
    """The picture; an empty string when there is nothing to draw."""
    if not result.operations:
        return ""
    bars, lanes = lay_out(result.operations)
    begin = min(0.0, *(each.start for each in result.operations))
    end = max(begin + 1e-3, *(each.end for each in result.operations), *(each.end for each in result.windows))
    scale = (WIDTH - LEFT - RIGHT) / (end - begin)

    def x(seconds: float) -> float:
        return LEFT + (seconds - begin) * scale

    height = TOP + ROW * sum(rows for _, rows in lanes.values()) + 8
    first = first_violation(result)
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="timeline of {escape(result.scenario)}">']
    parts += [_window(each, x(each.start), x(each.end), height) for each in result.windows]
    parts += _axis(begin, end, height, x)
    for lane, (row, rows) in lanes.items():
        y = TOP + row * ROW
        parts.append(f'<line class="lane" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="name" x="4" y="{y + rows * ROW / 2 + 4:.1f}">{escape(lane[:32])}</text>')
    for bar in bars:
        each = bar.operation
        width = max(_SMALLEST, x(each.end) - x(each.start))
        kind = f"op {each.outcome}" + (" first" if each is first else "")
        parts.append(
            f'<rect class="{kind}" x="{x(each.start):.1f}" y="{TOP + bar.row * ROW + 3}" width="{width:.1f}" '
            f'height="{ROW - 6}"><title>{escape(_said(each))}</title></rect>'
        )
    return "\n".join([*parts, "</svg>"])


def _said(each: Operation) -> str:
    return f"{each.name}: {each.outcome}, {each.start:.3f} to {each.end:.3f} s\n{each.detail[:600]}"


def _window(window: Window, left: float, right: float, height: int) -> str:
    width = max(_SMALLEST / 2, right - left)
    text = escape(f"{window.label}, {window.start:.3f} to {window.end:.3f} s")
    kind = "strike" if window.start == window.end else "window"
    place = f'x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{height - TOP}"'
    return f'<rect class="{kind}" {place}><title>{text}</title></rect>'


def _axis(begin: float, end: float, height: int, x: object) -> Iterator[str]:
    assert callable(x)
    step = next((step for step in _STEPS if (end - begin) / step <= 12), _STEPS[-1])
    for number in range(int((end - begin) / step) + 1):
        at = begin + number * step
        yield f'<line class="tick" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP - 6}" y2="{height}"/>'
        yield f'<text class="time" x="{x(at):.1f}" y="{TOP - 10}">{at:g} s</text>'


def _in_order(operations: Sequence[Operation]) -> list[Operation]:
    return sorted(operations, key=lambda each: (each.start, each.end))
