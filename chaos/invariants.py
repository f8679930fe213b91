"""What must be true of every run, judged from the server's journal, the wire and the data; the client is a witness.

Each function yields what is broken, with the moment it happened where there is one.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fakelivy import Fault, Oracle
from fakelivy.journal import (
    Entry,
    Execution,
    FaultArmed,
    FaultDecision,
    Request,
    SessionForgotten,
    SessionMoved,
    StatementMoved,
)
from fakelivy.machines import SESSION, STATEMENT

from chaos.history import Call
from chaos.ledger import EVENTS, LEDGER, NOT_FOUND, SEED
from chaos.runner import Run
from chaos.scenario import OUTCOMES
from chaos.simulation import Deadlock
from chaos.simulation.clock import START
from chaos.wiretap import SECRET, Exchange

Broken = Iterator[tuple[str, float | None]]
Check = Callable[[Run], Broken]

GRACE = 1.0
"""Seconds in which a thread may still act on what it knew before."""

SLACK = 60.0
"""Seconds an operation may take beyond its time-outs, to clean up behind itself."""

IN_A_ROW, AT_ONCE = 30, 0.02
"""How many requests a thread may make in a row, each within so many seconds of the answer to the last: who waits for
something pauses, and who cleans up after ten failed starts asks for ten lists."""

PER_MINUTE = 600
"""Requests of four threads to Fabric in one minute; more threads may make more."""

STALE = 600.0
"""Seconds before its end from which on a token may be replaced."""

CANCEL_BOUND = 30.0
"""Seconds from a cancel to the end of what ran."""

REPLS = 5
"""REPLs that Fabric packs into one Livy session (Fabric docs)."""

_ACCIDENTS = (
    "AssertionError",
    "AttributeError",
    "IndexError",
    "JSONDecodeError",
    "KeyError",
    "NameError",
    "RecursionError",
    "TypeError",
    "UnboundLocalError",
)
"""Errors that speak of the client's own code and not of what went wrong: nobody had thought of it."""

_ENDED = ("Aborted", "KeyboardInterrupt")
"""Errors with which chaos itself ends a call."""

_ENDING = SESSION.terminal | {"error", "shutting_down"}
_WRITES = ("write", "slow", "append", "rebuild")


def writes_at_most_once(run: Run) -> Broken:
    """Each marked write is executed at most once."""
    executed: dict[str, list[float]] = defaultdict(list)
    marks = {call.mark: call for call in run.calls if call.step in _WRITES}
    for entry in run.journal:
        if isinstance(entry.event, Execution):
            found = re.search(r"'((?:write|slow|build)-[\w.]+)'", entry.event.code)
            if found and found[1] in marks and "select mark from" not in entry.event.code:
                executed[found[1]].append(moment(entry))
    for mark, times in executed.items():
        if len(times) > 1:
            yield f"{mark} was executed {len(times)} times, at {', '.join(f'{at:.2f}' for at in times)} s", times[1]


def success_is_true(run: Run) -> Broken:
    """What is reported done is in the data, exactly once; what is read is what is there."""
    for call in run.calls:
        if call.outcome != "ok":
            continue
        if call.step in _WRITES:
            count = _count(run, call)
            if count != 1 and not (call.step == "append" and run.rebuilt):
                yield f"{call.mark} was reported done and is there {count} times", call.end
        elif call.step == "read" and call.rows != (((call.mark,),) if call.mark else ()):
            yield f"reading {call.mark or 'what nobody wrote'} gave {list(call.rows)}", call.end
        elif call.step == "list" and not any(EVENTS in row for row in call.rows):
            yield f"the list of tables lacks {EVENTS}: {list(call.rows)}", call.end
        elif call.step == "wrong":
            yield f"a statement that fails was reported done: {call.sql}", call.end


def failure_is_true(run: Run) -> Broken:
    """What is reported as failed, and not as unknown, has not happened."""
    for call in run.calls:
        if call.outcome == "failed" and call.step in _WRITES and _count(run, call):
            yield f"{call.mark} was reported failed ({call.error}: {_cut(call.message)}) and is there", call.end


def tables_are_right(run: Run) -> Broken:
    """The tables hold what was reported done, perhaps what is unknown, and nothing else."""
    known: dict[str, set[str]] = {LEDGER: set(), EVENTS: {SEED}}
    for call in run.calls:
        if call.step in _WRITES:
            known[_table(call)].add(call.mark)
    for table, rows in run.tables.items():
        for mark, count in Counter(rows).items():
            if mark not in known.get(table, ()):
                yield f"{table} has {mark}, which nobody wrote", None
            if count > 1:
                yield f"{table} has {mark} {count} times", None


def nothing_rebuilt(run: Run) -> Broken:
    """The table that only grows is never begun anew."""
    for table, times in run.rebuilt.items():
        at = next((call.end for call in run.calls if call.step == "rebuild"), None)
        yield f"{table} was rebuilt {times} times: an answer that did not come was taken for an empty one", at


def no_deadlock(run: Run) -> Broken:
    """No threads wait for each other."""
    if isinstance(run.stuck, Deadlock):
        yield str(run.stuck), run.elapsed


def ends_in_time(run: Run) -> Broken:
    """Every operation ends by its deadline, or as soon as the scenario says, and the run comes to its end."""
    if run.stuck is not None and not isinstance(run.stuck, Deadlock):
        yield str(run.stuck), run.elapsed
    most = run.settings["statement_timeout"] + run.settings["session_start_timeout"] + SLACK
    bound = run.scenario.phases.end_within
    for call in run.calls:
        took = call.end - call.begin
        if call.error == "Aborted":
            continue
        if took > most:
            yield f"{call.step} {call.mark} took {took:.0f} s; its time-outs are {most:.0f}", call.begin
        elif bound is not None and call.phase == "safety" and took > bound:
            yield f"{call.step} {call.mark} took {took:.0f} s; the scenario gives it {bound:.0f}", call.begin
    if run.closing_at and run.elapsed - run.closing_at > run.settings["http_timeout"] * 3 + SLACK:
        yield f"close took {run.elapsed - run.closing_at:.0f} s", run.closing_at


def one_session(run: Run) -> Broken:
    """There is one live session at a time, or as many as the threads' REPLs fill; one more for each that was made and
    whose reply was lost, or that the server gave to one REPL alone."""
    workload = run.scenario.workload
    needed = -(-workload.threads // REPLS) if workload.high_concurrency else 1
    lost = len(_lost(run, "create_session") | _lost(run, "acquire_hc") | _alone(run))
    alive: set[str] = set()
    peak, at = 0, None
    for entry in run.journal:
        event = entry.event
        if isinstance(event, SessionMoved) and event.before is None:
            alive.add(event.session)
        elif isinstance(event, SessionForgotten) or (isinstance(event, SessionMoved) and event.after in _ENDING):
            alive.discard(event.session)
        if len(alive) > peak:
            peak, at = len(alive), moment(entry)
    if peak > needed + lost:
        yield f"{peak} sessions were alive at one time, {needed + lost} at most are accounted for", at


def none_left(run: Run) -> Broken:
    """When the client has closed, no session of its is alive."""
    last = {entry.event.session: entry.event.after for entry in run.journal if isinstance(entry.event, SessionMoved)}
    # What is shutting down cannot be deleted again.
    left = [each for each in Oracle(run.journal).live_sessions() if last[each] != "shutting_down"]
    if left and run.stuck is None:
        yield f"left alive: {', '.join(left)}" + (f"; close said {run.close_error}" if run.close_error else ""), None
    if run.close_error:
        yield f"close raised {run.close_error}", run.closing_at


def one_refresh(run: Run) -> Broken:
    """A token is fetched when the last one is about to expire or was refused, once."""
    for before, after in zip(run.issued, run.issued[1:], strict=False):
        if before.client != after.client:
            continue
        refused = any(
            each.token == before.number and each.status in (401, 403) and each.end <= after.at for each in run.exchanges
        )
        if not refused and before.expires_at - after.at > STALE:
            yield f"token {after.number} was fetched although {before.number} was good", after.at


def no_dead_token(run: Run) -> Broken:
    """No request bears a token that is known to be dead: expired, or refused as expired before."""
    expiries = {issue.number: issue.expires_at for issue in run.issued}
    dead: dict[int, float] = {}
    # A token that was refused for a reason of its own may be good later.
    if any("expire_token" in spec for spec in run.faults) and not any("reject_token" in spec for spec in run.faults):
        for each in run.exchanges:
            if each.status == 401:
                dead[each.token] = min(each.end, dead.get(each.token, each.end))
    for each in run.exchanges:
        if not each.token:
            continue
        if each.begin > expiries[each.token] + GRACE:
            yield f"{each.method} {each.path} bore token {each.token}, which had expired", each.begin
        elif each.begin > dead.get(each.token, float("inf")) + GRACE:
            yield f"{each.method} {each.path} bore token {each.token}, which had been refused", each.begin


def waits_as_told(run: Run) -> Broken:
    """Nobody comes back before the time a refusal told, whatever its status; calling off and cleaning up may."""
    for told in run.exchanges:
        if told.status < 400 or not told.retry_after or told.retry_after <= 0:
            continue
        for each in run.exchanges:
            cleaning = each.method == "DELETE" or each.path.endswith("/cancel")
            if not cleaning and told.end < each.begin < told.end + told.retry_after - GRACE:
                early = told.end + told.retry_after - each.begin
                yield f"{each.method} {each.path} came {early:.1f} s too early after a {told.status}", each.begin
                break


def no_hot_loop(run: Run) -> Broken:
    """Nobody asks again and again without a pause; for Fabric, the requests of all in a minute are bounded, too."""
    lanes: dict[str, list[Exchange]] = defaultdict(list)
    for each in sorted(run.exchanges, key=lambda each: each.begin):
        lanes[each.thread].append(each)
    for thread, lane in lanes.items():
        row = 1
        for last, each in pairwise(lane):
            row = row + 1 if each.begin - last.end < AT_ONCE else 1
            if row > IN_A_ROW:
                yield f"{thread}: {row} requests in a row without a pause, {each.method} {each.path} last", each.begin
                break
    # Only Fabric counts them all.
    if run.dialect != "fabric":
        return
    threads = max(1, run.scenario.workload.threads / 4)
    yield from _too_many(sorted(each.begin for each in run.exchanges), int(PER_MINUTE * threads), 60.0)


def no_secret(run: Run) -> Broken:
    """No token shows in an error, in a log or in the journal."""
    texts = {
        "the error of close": run.close_error,
        "the log": "\n".join(run.log),
        "what ended a thread": "\n".join(run.thread_errors),
        "what the run was stuck in": str(run.stuck or ""),
        "the journal": "\n".join(str(value) for entry in run.journal for value in vars(entry.event).values()),
        **{f"the error of {call.step} {call.mark}": call.message for call in run.calls},
    }
    # All of them begin alike, so most texts are searched once.
    suspects = {where: text for where, text in texts.items() if SECRET in text}
    for where, text in suspects.items():
        if any(secret in text for secret in run.secrets()):
            yield f"a token shows in {where}", None


def errors_speak(run: Run) -> Broken:
    """Errors say something, what the server said of the statement included, and are no accident of the client's code;
    outcomes are those the scenario allows."""
    refused = _told_refused(run)
    for call in run.calls:
        if call.error in _ACCIDENTS:
            yield f"{call.step} {call.mark} ended in an accident: {call.error}: {_cut(call.message)}", call.end
        if call.outcome != "ok" and call.error not in _ENDED and len(call.message) < 10:
            yield f"{call.step} is {call.outcome} with {call.error} and says only {call.message!r}", call.end
        if call in refused and NOT_FOUND not in call.message:
            yield f"{call.step} {call.mark} was refused with {NOT_FOUND} and says {_cut(call.message)!r}", call.end
        if call.phase == "safety" and call.outcome not in _allowed(run, call):
            said = f": {call.error}: {_cut(call.message)}" if call.error else ""
            right = " or ".join(_allowed(run, call)) or "nothing"
            yield f"{call.step} {call.mark} is {call.outcome}, where {right} is right{said}", call.end
    for pattern in run.scenario.says:
        if not any(re.search(pattern, call.message) for call in run.calls):
            yield f"no error matches {pattern!r}", None
    for error in run.thread_errors:
        yield f"a thread of the client ended with {error}", None


def recovers(run: Run) -> Broken:
    """When everything is healed, every thread writes and reads again, within the scenario's bound."""
    bound = run.scenario.phases.recover_within
    for call in run.calls:
        if call.phase != "liveness":
            continue
        if call.outcome != "ok":
            yield f"{call.step} {call.mark}: {call.error}: {_cut(call.message)}", call.end
        elif call.end - call.begin > bound:
            yield f"{call.step} {call.mark} took {call.end - call.begin:.0f} s, more than {bound:.0f}", call.end


def cancel_reaches_the_server(run: Run) -> Broken:
    """What runs or waits its turn when somebody cancels has ended on the server soon after; what goes on when its own
    call has ended in an error was told to stop, if its number was known."""
    moments = [at for at in (run.cancelled_at, run.interrupted_at) if at is not None]
    for life in lives(run):
        for at in moments[:1]:
            if life.goes_on(at) and life.end > at + CANCEL_BOUND:
                yield f"{life} went on for {life.end - at:.0f} s after the cancel", at
        call = _given_up(run, life)
        if call is not None and life.end > call.end + CANCEL_BOUND:
            yield (
                f"{life} went on for {life.end - call.end:.0f} s after {call.step} {call.mark} {call.outcome}",
                call.end,
            )


@dataclass
class Life:
    """A statement on the server, from its arrival to its end, in virtual seconds; ``code`` once it was executed."""

    session: str
    statement: int
    begin: float
    end: float = math.inf
    code: str = ""
    state: str = STATEMENT.initial

    def __str__(self) -> str:
        return f"statement {self.statement} of session {self.session}"

    def goes_on(self, at: float) -> bool:
        """Whether it runs or waits its turn at that moment."""
        return self.begin <= at < self.end


def lives(run: Run) -> list[Life]:
    """Every statement that the server accepted. Ends are the engine's: the journal has them when somebody looks."""
    found: list[Life] = []
    # Livy counts from 0 again after a restart: the last of a number is the one that is spoken of.
    by_number: dict[tuple[str, int], Life] = {}
    ends = iter(run.ends)
    for entry in run.journal:
        event, at = entry.event, moment(entry)
        if isinstance(event, StatementMoved) and event.before is None:
            by_number[event.session, event.statement] = life = Life(event.session, event.statement, at)
            found.append(life)
        elif isinstance(event, Execution):
            life = by_number[event.session, event.statement]
            life.code, life.end = event.code, min(life.end, next(ends))
        elif isinstance(event, StatementMoved):
            life = by_number[event.session, event.statement]
            life.state = event.after
            if event.after in STATEMENT.terminal:
                life.end = min(life.end, at)
        elif isinstance(event, SessionForgotten) or (
            isinstance(event, SessionMoved) and event.after in SESSION.terminal
        ):
            for life in by_number.values():
                if life.session == event.session:
                    life.end = min(life.end, at)
    return found


INVARIANTS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        writes_at_most_once,
        success_is_true,
        failure_is_true,
        tables_are_right,
        nothing_rebuilt,
        no_deadlock,
        ends_in_time,
        one_session,
        none_left,
        one_refresh,
        no_dead_token,
        waits_as_told,
        no_hot_loop,
        no_secret,
        errors_speak,
        recovers,
        cancel_reaches_the_server,
    )
}
"""By name, in the order of reports."""


def table() -> str:
    """What is judged, for the documentation."""
    rows = [
        f"| {name.replace('_', ' ')} | {' '.join((check.__doc__ or '').split())} |"
        for name, check in INVARIANTS.items()
    ]
    return "\n".join(["| promise | what it says |", "|---|---|", *rows])


def moment(entry: Entry) -> float:
    """When it happened, in virtual seconds since the start."""
    return (entry.at - START).total_seconds()


def _given_up(run: Run, life: Life) -> Call | None:
    """The call that ended in an error while its statement went on, if the client knew of it and did not cancel it."""
    for call in run.calls:
        if call.step in _WRITES and f"'{call.mark}'" in life.code and call.outcome != "ok" and call.error != "Aborted":
            path = f"/{life.session}/statements/{life.statement}"
            known = any(each.path.endswith(path) and each.begin <= call.end for each in run.exchanges)
            told = any(each.path.endswith(f"{path}/cancel") for each in run.exchanges)
            return call if known and not told else None
    return None


def _told_refused(run: Run) -> list[Call]:
    """The calls whose client was told that the engine refused their SQL, in an answer that no fault has touched."""
    wrong = {call.sql: call for call in run.calls if call.step == "wrong" and call.error not in _ENDED}
    struck = {
        entry.event.request_id for entry in run.journal if isinstance(entry.event, FaultDecision) and entry.event.fired
    }
    answers = [
        (moment(entry), entry.event.path)
        for entry in run.journal
        if isinstance(entry.event, Request) and entry.event.status == 200 and entry.event.request_id not in struck
    ]
    told = []
    for life in lives(run):
        call = next((call for sql, call in wrong.items() if re.search(rf"{re.escape(sql)}\b", life.code)), None)
        if call is not None and life.state == "available":
            path, first = f"/{life.session}/statements/{life.statement}", max(life.end, call.begin)
            told += [call for at, asked in answers if first <= at < call.end and asked.endswith(path)]
    return told


def _allowed(run: Run, call: Call) -> Sequence[str]:
    """The outcomes that are right for it; for connecting, those that are right for all that is expected."""
    expected: dict[str, Sequence[str]] = dict(run.scenario.expect.items())
    if call.step == "connect":
        return [outcome for outcome in OUTCOMES if all(outcome in each for each in expected.values())]
    return expected.get(call.scripted, OUTCOMES)


def _count(run: Run, call: Call) -> int:
    return run.tables.get(_table(call), []).count(call.mark)


def _table(call: Call) -> str:
    return LEDGER if call.step in ("write", "slow") else EVENTS


def _lost(run: Run, operation: str) -> set[str]:
    """Faults that struck this operation in a way that may have left its work done and its reply unread."""
    return {
        f"{entry.event.fault}/{entry.event.ordinal}"
        for entry in run.journal
        if isinstance(entry.event, FaultDecision)
        and entry.event.fired
        and entry.event.operation == operation
        and entry.event.phase != "before"
    }


def _alone(run: Run) -> set[str]:
    """Faults that gave a REPL a Livy session to itself."""
    alone = {
        entry.event.fault
        for entry in run.journal
        if isinstance(entry.event, FaultArmed) and Fault.parse(entry.event.spec).effect.type == "alone"
    }
    return {
        f"{entry.event.fault}/{entry.event.ordinal}"
        for entry in run.journal
        if isinstance(entry.event, FaultDecision) and entry.event.fired and entry.event.fault in alone
    }


def _too_many(times: Sequence[float], most: int, seconds: float) -> Broken:
    for first, last in zip(times, times[most:], strict=False):
        if last - first < seconds:
            yield f"more than {most} requests in {seconds:.0f} s", first
            return


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:300] + " …"
