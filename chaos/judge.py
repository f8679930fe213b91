"""From a run to a result: every invariant's finding, the proof that the run could have failed, and the timeline."""

from __future__ import annotations

from fakelivy import Oracle
from fakelivy.journal import FaultDecision, HandlerError

from chaos.history import Call
from chaos.invariants import INVARIANTS, moment
from chaos.results import Finding, Operation, Result, Verdict, Window
from chaos.runner import Run
from chaos.scenario import Random

PROVES = "faults_struck_and_something_succeeded"
"""The invariant of the run itself: without it, all others hold because nothing happened."""

SHOWN = 5
"""Violations of one invariant that a finding tells in full."""


class HarnessError(Exception):
    """The run says nothing about the client, because something of ours is broken."""


def judge(run: Run, client: str) -> Result:
    """The result of a run of ``client``.

    Raises:
        HarnessError: the fake server had a bug.
    """
    for entry in run.journal:
        if isinstance(entry.event, HandlerError):
            raise HarnessError(f"a bug of fakelivy in {entry.event.where}:\n{entry.event.traceback}")
    findings = [_finding(run, name) for name in INVARIANTS if name not in run.scenario.except_]
    return Result(
        scenario=run.name,
        title=run.scenario.title,
        why=run.scenario.why,
        target=client,
        seed=run.seed,
        seconds=run.elapsed,
        findings=[*findings, _proof(run)],
        replay=replay_line(run, client),
        operations=[_operation(call) for call in run.calls],
        windows=_windows(run),
        output="\n".join(run.log[-200:]),
    )


def replay_line(run: Run, client: str) -> str:
    """What to type to have it happen again."""
    return f"chaos run {run.name} --seed {run.seed} --client {client}"


def _finding(run: Run, name: str) -> Finding:
    broken = list(INVARIANTS[name](run))
    if not broken:
        return Finding(name, Verdict.PASS)
    told = [text for text, _ in broken[:SHOWN]]
    if len(broken) > SHOWN:
        told.append(f"and {len(broken) - SHOWN} more")
    return Finding(name, Verdict.FAIL, "\n".join(told), broken[0][1])


def _proof(run: Run) -> Finding:
    fired = Oracle(run.journal).fired()
    idle = [fault for fault, count in fired.items() if count == 0]
    if isinstance(run.scenario.faults, Random) and len(idle) < len(fired):
        idle = []
    missing = [f"{fault} never struck" for fault in idle]
    if not any(call.outcome == "ok" for call in run.calls):
        missing.append("nothing succeeded")
    return Finding(PROVES, Verdict.UNKNOWN if missing else Verdict.PASS, "\n".join(missing))


def _operation(call: Call) -> Operation:
    return Operation(
        lane=call.thread,
        name=f"{call.step} {call.mark}".strip(),
        start=call.begin,
        end=call.end,
        outcome="running" if call.error == "Aborted" else call.outcome,
        detail=f"{call.error}: {call.message}" if call.error else "",
    )


def _windows(run: Run) -> list[Window]:
    """From the first to the last time that a fault struck."""
    times: dict[str, list[float]] = {}
    for entry in run.journal:
        if isinstance(entry.event, FaultDecision) and entry.event.fired:
            times.setdefault(entry.event.fault, []).append(moment(entry))
    return [Window(fault, min(struck), max(struck)) for fault, struck in times.items()]
