"""From a run to a result: every invariant's finding, the proof that the run could have failed, and the timeline."""

from __future__ import annotations

from fakelivy import Oracle
from fakelivy.journal import FaultDecision, HandlerError

from chaos.history import Call
from chaos.invariants import INVARIANTS, lives, moment
from chaos.results import Finding, Operation, Result, Verdict, Window
from chaos.runner import Run
from chaos.scenario import OUTCOMES, Explicit, Random

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
        # t2 before t10, whoever ended first.
        operations=[_operation(call) for call in sorted(run.calls, key=lambda call: (len(call.thread), call.thread))],
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
    missing = [text for lack in (_idle_faults, _untried_steps, _no_success, _missed_moments) for text in lack(run)]
    return Finding(PROVES, Verdict.UNKNOWN if missing else Verdict.PASS, "\n".join(missing))


def _idle_faults(run: Run) -> list[str]:
    fired = Oracle(run.journal).fired()
    idle = [fault for fault, count in fired.items() if count == 0]
    if isinstance(run.scenario.faults, Random) and len(idle) < len(fired):
        return []
    return [f"{fault} never struck" for fault in idle]


def _untried_steps(run: Run) -> list[str]:
    tried = {call.scripted for call in run.calls if call.phase == "safety"}
    if "connect" in tried:
        # Who cannot connect has tried everything.
        return []
    return [
        f"no {step} was tried, for which outcomes are expected" for step in run.scenario.expect if step not in tried
    ]


def _no_success(run: Run) -> list[str]:
    """The proof of life at the end succeeds without any fault, and says nothing of what was done under them."""
    succeeded = {call.phase for call in run.calls if call.outcome == "ok"}
    workload, expect = run.scenario.workload, run.scenario.expect
    may_succeed = any("ok" in expect.get(step, OUTCOMES) for step in workload.script)
    # Faults that are drawn may leave nothing to succeed. Nor need anybody have done anything when he is interrupted.
    is_sure = isinstance(run.scenario.faults, Explicit) and workload.interrupt_after is None
    phase = "safety" if may_succeed and is_sure else "liveness"
    return [] if phase in succeeded else [f"nothing succeeded in the {phase} phase"]


def _missed_moments(run: Run) -> list[str]:
    workload, missed = run.scenario.workload, []
    if workload.interrupt_after is not None and run.interrupted_at is None:
        missed.append("the interrupt never came: its thread had ended")
    if workload.cancel_after is not None:
        at = run.cancelled_at
        if at is None:
            missed.append("nobody cancelled: all had ended")
        elif not any(life.goes_on(at) for life in lives(run)):
            missed.append(f"nothing ran or was queued when somebody cancelled, at {at:.2f} s")
    return missed


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
    """From the first to the last time that a fault struck, and when somebody cancelled or interrupted."""
    times: dict[str, list[float]] = {}
    for entry in run.journal:
        if isinstance(entry.event, FaultDecision) and entry.event.fired:
            times.setdefault(entry.event.fault, []).append(moment(entry))
    acts = {"cancelled": run.cancelled_at, "interrupted": run.interrupted_at}
    return [
        *(Window(fault, min(struck), max(struck)) for fault, struck in times.items()),
        *(Window(act, at, at) for act, at in acts.items() if at is not None),
    ]
