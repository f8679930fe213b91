"""The invariants of process scenarios, judged from the server's journal and the data, not from what dbt says alone."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping

from fakelivy import Fault
from fakelivy.journal import (
    Execution,
    FaultArmed,
    FaultDecision,
    HandlerError,
    Request,
    SessionForgotten,
    SessionMoved,
)
from fakelivy.machines import SESSION
from fakelivy.oracle import Oracle

from chaos.judge import HarnessError
from chaos.processes.baseline import Phase, schema, tail, writes
from chaos.processes.lab import missing
from chaos.processes.manners import (
    Broken,
    bounded_rate,
    cancel_reaches_the_server,
    no_dead_token,
    no_early_call,
    no_hot_loop,
    one_refresh,
    quota,
    requests,
)
from chaos.processes.run import Run, Step
from chaos.processes.tables import Rows
from chaos.results import Finding, Verdict

Check = Callable[[Run], Broken]


def ends_in_time(run: Run) -> Broken:
    for step in run.steps:
        if step.ended.code is None:
            waited = step.ended.stop_seconds if step.ended.stop_seconds is not None else step.ended.seconds
            why = "after its signal" if step.ended.stop_seconds is not None else "after its start"
            yield f"{step.label} still ran {waited:.0f} s {why} and had to be killed", step.ended_at


def ends_as_expected(run: Run) -> Broken:
    for step in run.under_faults():
        if run.scenario.ends == "ok" and not step.ended.ok:
            yield f"{step.label} ended with {step.ended.code}:\n{tail(step.ended)}", step.ended_at
        if run.scenario.ends == "failed" and step.ended.ok:
            yield f"{step.label} reported success", step.ended_at
    for pattern in run.scenario.says:
        if not any(re.search(pattern, step.ended.output) for step in run.under_faults()):
            yield f"nothing that dbt printed matches {pattern!r}", None


def recovers(run: Run) -> Broken:
    for step in run.steps:
        if step.phase == "healed" and not step.ended.ok:
            told = f"dbt fails although everything is healed ({step.ended.code})"
            yield f"{step.label}: {told}:\n{tail(step.ended)}", step.ended_at


def success_is_true(run: Run) -> Broken:
    for step in run.under_faults():
        if step.ended.ok:
            for each in _differences(run, step.process):
                yield f"{step.label} reported success, but {each}", step.ended_at


def tables_are_right(run: Run) -> Broken:
    for process in run.tables:
        for each in _differences(run, process):
            yield each, _last(run, process).ended_at


def nothing_rebuilt(run: Run) -> Broken:
    for table, width in run.baseline.project.keeps.items():
        before, after = run.baseline.setup.tables[table], run.tables[0][table]
        when = _made_anew(run, table)
        if isinstance(after, str):
            yield f"{table} is gone: {after}", when
            continue
        lost = _ids(before, width) - _ids(after, width)
        if lost:
            yield f"{table} lost {len(lost)} of the {len(before)} rows it had before: it was made anew", when


def writes_once(run: Run) -> Broken:
    for step in run.steps:
        normal = _expected(run, step.process).writes
        mine = run.journal[step.begin : step.end]
        for code, times in writes(mine, step.process).items():
            limit = max(1, normal.get(code, 0))
            if times > limit:
                when = [entry.at for entry in mine if code in writes([entry], step.process)][limit]
                yield f"{step.label} ran {times} times, instead of {limit}: {code[:300]}", when


def no_session_left(run: Run) -> Broken:
    if run.scenario.keeps_sessions:
        yield from _not_kept(run)
    if run.scenario.keeps_sessions or run.scenario.may_leave_sessions:
        return
    for step in run.steps:
        # Processes that run at once are looked at when the last of them has ended.
        end = max(each.end for each in run.steps if each.phase == step.phase)
        before = Oracle(run.journal[: step.begin]).live_sessions()
        left = [each for each in Oracle(run.journal[:end]).live_sessions() if each not in before]
        if left:
            yield f"when {step.label} had ended, sessions were alive: {', '.join(left)}", step.ended_at


def _not_kept(run: Run) -> Broken:
    wanted = 0
    for steps in run.phases():
        wanted = max(wanted, len(steps))
        alive = Oracle(run.journal[: max(step.end for step in steps)]).live_sessions()
        if len(alive) != wanted:
            yield f"{len(alive)} sessions were left to the next run after {steps[0].label}, not {wanted}", None


def one_session(run: Run) -> Broken:
    if run.scenario.proxied:
        return  # nobody knows which replies a bad line has swallowed
    allowed = run.scenario.processes + _lost_starts(run)
    alive: set[str] = set()
    for entry in run.by_dbt():
        event = entry.event
        if isinstance(event, SessionMoved) and event.before is None:
            alive.add(event.session)
        elif isinstance(event, SessionForgotten) or (isinstance(event, SessionMoved) and event.after in _ENDING):
            alive.discard(event.session)
        if len(alive) > allowed:
            yield f"{len(alive)} sessions were alive at one time, {allowed} at most are accounted for", entry.at
            return


def sessions_are_not_shared(run: Run) -> Broken:
    users: dict[str, list[int]] = defaultdict(list)
    for entry in run.by_dbt():
        if isinstance(entry.event, Execution):
            for process in range(run.scenario.processes):
                mine = users[entry.event.session]
                if schema(process) in entry.event.code and mine[-1:] != [process]:
                    if process in mine:
                        yield (
                            f"session {entry.event.session} worked for dbt {mine[-1]} and dbt {process} by turns",
                            entry.at,
                        )
                        return
                    mine.append(process)


def no_secret_shown(run: Run) -> Broken:
    if run.leaks:
        yield f"a secret is in {', '.join(run.leaks)}", None


INVARIANTS: Mapping[str, tuple[str, Check]] = {
    "ends in time": ("every dbt process ends by itself within its bound, also after a signal", ends_in_time),
    "ends as expected": ("dbt ends and speaks as the scenario says", ends_as_expected),
    "recovers": ("once healed, the same command succeeds", recovers),
    "success is true": ("dbt reports success only when the tables are right", success_is_true),
    "tables are right": ("the final tables equal those of a run without faults", tables_are_right),
    "nothing rebuilt": ("no incremental table and no snapshot was made anew", nothing_rebuilt),
    "writes once": ("no write was handed to the engine more often than without faults", writes_once),
    "no session left": (
        "no session is alive when dbt has ended; with `keeps_sessions` exactly one for each dbt that ran at once; "
        "not asked with `may_leave_sessions`",
        no_session_left,
    ),
    "one session": (
        "each dbt has one live session at a time, beside those whose start was lost; not asked behind a proxy",
        one_session,
    ),
    "sessions not shared": ("no session works for two dbt processes by turns", sessions_are_not_shared),
    "cancel reaches the server": (
        "no statement goes on when a dbt that was stopped is gone, unless with its session",
        cancel_reaches_the_server,
    ),
    "bounded rate": (
        "no more requests in a minute than Fabric's quota, or `requests_per_minute` and a third, allows each process",
        bounded_rate,
    ),
    "no hot loop": ("nobody asks for the same thing again and again without a pause", no_hot_loop),
    "no early call": (
        "no call came before its Retry-After, but for those on their way and those that call off",
        no_early_call,
    ),
    "one refresh": (
        "each dbt fetches one token, and one more whenever it is spoilt; not asked behind a proxy",
        one_refresh,
    ),
    "no dead token": ("no token is sent again that was refused as expired or revoked", no_dead_token),
    "no secret shown": ("no secret is in logs and artefacts", no_secret_shown),
}
"""Name -> what it says, and the check."""


def table() -> str:
    """What is judged, for the documentation."""
    rows = [f"| {name} | {meaning} |" for name, (meaning, _) in INVARIANTS.items()]
    return "\n".join(["| invariant | what it says |", "|---|---|", *rows])


_STARTS = ("create_session", "acquire_hc")
"""Requests that may start a session."""

_ENDING = SESSION.terminal | {"error", "shutting_down"}

SLOWING = ("latency", "bandwidth", "slow_close", "slicer")
"""Toxics that break no connection: all that shows is that requests went through them."""

PROVES = "proves something"
"""The last finding: whether what was to go wrong went wrong, and something succeeded all the same."""


def judge(run: Run) -> list[Finding]:
    """What every invariant says of a run.

    Raises:
        HarnessError: the fake server had a bug.
    """
    for entry in run.journal:
        if isinstance(entry.event, HandlerError):
            raise HarnessError(f"a bug of fakelivy in {entry.event.where}:\n{entry.event.traceback}")
    findings = []
    for name, (_, check) in INVARIANTS.items():
        broken = list(check(run))
        moments = [when for _, when in broken if when is not None]
        findings.append(
            Finding(
                name,
                Verdict.FAIL if broken else Verdict.PASS,
                "\n".join(text for text, _ in broken),
                seconds(run, min(moments)) if moments else None,
            )
        )
    doubts = list(_doubts(run))
    findings.append(Finding(PROVES, Verdict.UNKNOWN if doubts else Verdict.PASS, "\n".join(doubts)))
    return findings


def seconds(run: Run, moment: dt.datetime) -> float:
    """From the start of the first process."""
    return max(0.0, (moment - min(step.began for step in run.steps)).total_seconds())


def _last(run: Run, process: int) -> Step:
    return [step for step in run.steps if step.process == process][-1]


def _made_anew(run: Run, table: str) -> dt.datetime | None:
    """When a statement began a table anew."""
    begins = re.compile(
        rf"(create\s+(or\s+replace\s+)?|drop\s+)table\b.*\b{re.escape(table)}\b", re.IGNORECASE | re.DOTALL
    )
    found = (e.at for e in run.journal if isinstance(e.event, Execution) and begins.search(e.event.code))
    return next(found, None)


def _lost_starts(run: Run) -> int:
    """Sessions that a fault accounts for: a request for one may have been carried out and left without an answer, or
    the server gave a REPL a session to itself."""
    armed = {entry.event.fault: entry.event.spec for entry in run.journal if isinstance(entry.event, FaultArmed)}
    alone = {name for name, spec in armed.items() if Fault.parse(spec).effect.type == "alone"}
    strikes = (entry.event for entry in run.journal if isinstance(entry.event, FaultDecision) and entry.event.fired)
    return sum(each.fault in alone or (each.operation in _STARTS and each.phase != "before") for each in strikes)


def _doubts(run: Run) -> Iterator[str]:
    yield from (f"the lab itself failed: {each}" for each in run.trouble)
    yield from (f"never came: {each}" for each in missing(run.scenario, run.happened))
    armed = {entry.event.fault for entry in run.journal if isinstance(entry.event, FaultArmed)}
    fired = {e.event.fault for e in run.journal if isinstance(e.event, FaultDecision) and e.event.fired}
    yield from (f"never struck: {fault}" for fault in sorted(armed - fired))
    begin = run.under_faults()[0].begin
    if not any(isinstance(entry.event, Execution) for entry in run.by_dbt()[begin:]):
        yield "no statement was ever executed"
    limited = run.scenario.profile.get("requests_per_minute") and run.scenario.dialect == "fabric"
    if limited and len(requests(run.by_dbt())) <= quota(run.scenario):
        yield "so few requests never met the limit of requests_per_minute"
    yield from _toxics_in_vain(run)


def _toxics_in_vain(run: Run) -> Iterator[str]:
    """What went wrong on the line and left no trace: nothing went through what slows down, or dbt missed nothing."""
    end = max(step.end for step in run.under_faults())
    for moment in run.scenario.moments:
        if moment.do == "crash_proxy" and not run.complaints:
            yield f"left no trace in what dbt says: {moment}"
    for toxic in run.scenario.all_toxics:
        places = [place for what, place in run.happened if what.startswith(str(toxic))]
        if toxic.type in SLOWING:
            if places and not any(isinstance(entry.event, Request) for entry in run.journal[min(places) : end]):
                yield f"no request went through {toxic}"
        elif not run.complaints:
            yield f"left no trace in what dbt says: {toxic}"


def _expected(run: Run, process: int) -> Phase:
    return run.baseline.work if process == 0 else run.baseline.setup


def _differences(run: Run, process: int) -> Iterator[str]:
    """Tables that differ from those of a run without faults."""
    for table, wanted in _expected(run, process).tables.items():
        found = run.tables[process][table]
        if isinstance(found, str):
            yield f"{table} cannot be read: {found}"
        elif found != wanted:
            there, right = Counter(map(repr, found)), Counter(map(repr, wanted))
            lost, more = sorted((right - there).elements()), sorted((there - right).elements())
            yield (
                f"{table} of dbt {process} has {len(found)} rows instead of {len(wanted)}; "
                f"missing: {', '.join(lost[:3]) or 'none'}; too many: {', '.join(more[:3]) or 'none'}"
            )


def _ids(rows: Rows | str, width: int | None = None) -> set[str]:
    return set() if isinstance(rows, str) else {repr(row[:width]) for row in rows}
