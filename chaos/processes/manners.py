"""The invariants of manners towards a server: its quota, its throttles, its tokens, and what is called off."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

from fakelivy import Fault
from fakelivy.journal import (
    EarlyCall,
    Entry,
    Event,
    FaultArmed,
    FaultDecision,
    Request,
    SessionForgotten,
    SessionMoved,
    StatementMoved,
    TokenIssued,
    TokenRefused,
)
from fakelivy.machines import SESSION, STATEMENT
from fakelivy.oracle import EXPIRED

from chaos.processes.model import Scenario
from chaos.processes.run import Run

Broken = Iterator[tuple[str, dt.datetime | None]]
"""What is broken, and when that happened; nothing means that it holds."""

PER_MINUTE = 200
"""Requests to Fabric in a minute, of each dbt process: its quota for a user (Fabric docs)."""

OVER = 4 / 3
"""Requests in the worst minute for each that a profile allows: a quarter more at once at first, and what calls off."""

AT_ONCE = 60
"""Times that a process may ask for one and the same thing in a second; without a pause it would be hundreds."""

GRACE = 2.0
"""Seconds in which what was on its way may still arrive; a busy machine takes so long."""

_SECOND, _MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
_CALLING_OFF = ("delete_session", "cancel_statement", "delete_hc", "cancel_repl_statement")
_SPOILS = ("expire_token", "revoke_tokens", "reject_token", "clock_skew", "token_lifetime")
_ENDED = STATEMENT.terminal | {"cancelling"}


def quota(scenario: Scenario) -> int:
    """Requests of all processes in the worst minute."""
    asked = scenario.profile.get("requests_per_minute")
    return scenario.processes * (min(PER_MINUTE, int(asked * OVER)) if asked else PER_MINUTE)


def requests(entries: Sequence[Entry]) -> list[Entry]:
    """Those that Fabric counts."""
    return [each for each in entries if isinstance(each.event, Request) and each.event.dialect == "fabric"]


def bounded_rate(run: Run) -> Broken:
    limit = quota(run.scenario)
    recent: deque[dt.datetime] = deque()
    for entry in requests(run.by_dbt()):
        if len(_within(recent, entry.at, _MINUTE)) > limit:
            yield f"more than {limit} requests in a minute", entry.at
            return


def no_hot_loop(run: Run) -> Broken:
    limit = AT_ONCE * run.scenario.processes
    recent: dict[tuple[str, str], deque[dt.datetime]] = defaultdict(deque)
    for entry in run.by_dbt():
        event = entry.event
        # What was accepted is work; what is looked at or refused is asked for again.
        if not isinstance(event, Request) or (event.method == "POST" and 200 <= event.status < 300):
            continue
        if len(_within(recent[event.method, event.path], entry.at, _SECOND)) > limit:
            yield f"{event.method} {event.path} came more than {limit} times in a second", entry.at
            return


def no_early_call(run: Run) -> Broken:
    entries = run.by_dbt()
    early = [(each.at, each.event) for each in entries if isinstance(each.event, EarlyCall)]
    ours = {event.request_id for _, event in early}
    told = sum(each.fault in _pauses(run) and each.request_id not in ours for _, each in _strikes(entries))
    others = told * (run.scenario.processes * run.scenario.threads - 1)
    for at, event in early:
        if event.operation in _CALLING_OFF:
            continue
        others -= 1
        if others < 0 or event.early < _pauses(run)[event.fault] - GRACE:
            yield f"{event.operation} came {event.early:.1f} s before the moment that was told", at
            return


def one_refresh(run: Run) -> Broken:
    if run.scenario.proxied:
        return  # nobody knows which tokens a bad line has swallowed
    for steps in run.phases():
        mine = run.journal[steps[0].begin : max(step.end for step in steps)]
        allowed = len(steps) * (1 + len(_spoilt(run, mine))) + _lost_tokens(run, mine)
        count: Counter[str] = Counter()
        for entry in mine:
            if isinstance(entry.event, TokenIssued) and entry.event.flow != "profile":
                count[entry.event.audience] += 1
                if count[entry.event.audience] > allowed:
                    yield f"more than {allowed} tokens were fetched, {allowed} are accounted for", entry.at
                    return


def no_dead_token(run: Run) -> Broken:
    for steps in run.phases():
        mine = run.journal[steps[0].begin : max(step.end for step in steps)]
        allowed, at_once = len(steps) * len(_spoilt(run, mine)), len(steps) * (run.scenario.threads + 1)
        told, together, last = 0, 0, None
        for entry in mine:
            if not _tells_of_a_dead_token(run, entry):
                continue
            if last is None or (entry.at - last).total_seconds() > GRACE:
                told, together, last = told + 1, 0, entry.at
            together += 1
            if told > allowed or together > at_once:
                yield "a token was sent again that had been refused as expired", entry.at
                return


def cancel_reaches_the_server(run: Run) -> Broken:
    for steps in run.phases():
        stopped = [step for step in steps if step.ended.stop_seconds is not None]
        entries = run.journal[: max(step.end for step in steps)] if stopped else []
        left = [*_unfinished(entries), *_shown_running(run, entries)]
        if left:
            yield f"{stopped[0].label} was stopped and is gone, but {', '.join(left)} goes on", stopped[0].ended_at


def _within(recent: deque[dt.datetime], at: dt.datetime, span: dt.timedelta) -> deque[dt.datetime]:
    """The moments of the last ``span``, with this one."""
    recent.append(at)
    while at - recent[0] > span:
        recent.popleft()
    return recent


def _unfinished(entries: Sequence[Entry]) -> list[str]:
    """Statements that run or will, in sessions that are there."""
    found: dict[tuple[str, int], str] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, StatementMoved):
            found[event.session, event.statement] = event.after
        elif gone := _ended_session(event):
            found = {place: state for place, state in found.items() if place[0] != gone}
    return [f"statement {number} of session {name}" for (name, number), each in found.items() if each not in _ENDED]


def _shown_running(run: Run, entries: Sequence[Entry]) -> list[str]:
    """Statements that a fault had shown as running when they were last looked at, and that nobody called off."""
    sticking = {name for name, fault in _armed(run).items() if fault.effect.type == "stick_state"}
    struck = {each.request_id for _, each in _strikes(entries) if each.fault in sticking}
    found: dict[str, str] = {}
    for entry in entries:
        event = entry.event
        if isinstance(event, Request):
            found.pop(event.path.removesuffix("/cancel"), None)
            if event.request_id in struck:
                found[event.path] = event.session
        elif gone := _ended_session(event):
            found = {path: session for path, session in found.items() if session != gone}
    return list(found)


def _ended_session(event: Event) -> str:
    """The session that this ended, if it did."""
    if isinstance(event, SessionMoved):
        return event.session if event.after in SESSION.terminal | {"shutting_down"} else ""
    return event.session if isinstance(event, SessionForgotten) else ""


def _armed(run: Run) -> Mapping[str, Fault]:
    events = (entry.event for entry in run.journal)
    return {each.fault: Fault.parse(each.spec) for each in events if isinstance(each, FaultArmed)}


def _strikes(entries: Sequence[Entry]) -> list[tuple[dt.datetime, FaultDecision]]:
    return [(each.at, each.event) for each in entries if isinstance(each.event, FaultDecision) and each.event.fired]


def _pauses(run: Run) -> Mapping[str, float]:
    """Throttle -> seconds that it tells its callers to stay away."""
    effects = {name: fault.effect for name, fault in _armed(run).items()}
    return {name: max(each.retry_seconds, 60 / each.rate) for name, each in effects.items() if each.type == "throttle"}


def _spoilt(run: Run, entries: Sequence[Entry]) -> list[FaultDecision]:
    """Strikes after which a client needs another token."""
    spoiling = {name for name, fault in _armed(run).items() if _spoils(fault)}
    return [each for _, each in _strikes(entries) if each.fault in spoiling]


def _spoils(fault: Fault) -> bool:
    return fault.effect.type in _SPOILS or (fault.effect.type == "status" and fault.effect.code in (401, 403))


def _lost_tokens(run: Run, entries: Sequence[Entry]) -> int:
    """Tokens that were issued and perhaps not heard of; whoever has given up waiting for one has another issued."""
    late = {name for name, fault in _armed(run).items() if fault.effect.type == "delay"}
    return sum(
        each.operation.endswith("_token") and (each.phase != "before" or each.fault in late)
        for _, each in _strikes(entries)
    )


def _tells_of_a_dead_token(run: Run, entry: Entry) -> bool:
    event = entry.event
    if isinstance(event, TokenRefused):
        return event.why in EXPIRED
    # This one answers the request that it strikes; what bears the token later is refused as any other.
    ending = {name for name, fault in _armed(run).items() if fault.effect.type == "expire_token"}
    return isinstance(event, FaultDecision) and event.fired and event.fault in ending
