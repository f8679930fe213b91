"""The invariants of process scenarios, judged from the server's journal and the data, not from what dbt says alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from fakelivy.journal import Execution, FaultArmed, FaultDecision
from fakelivy.oracle import Oracle

from chaos.processes.baseline import Phase, tail, writes
from chaos.processes.lab import missing
from chaos.processes.run import Run
from chaos.processes.tables import Rows
from chaos.results import Finding, Verdict

Check = Callable[[Run], Iterator[str]]
"""Yields what is broken; nothing means that it holds."""


def ends_in_time(run: Run) -> Iterator[str]:
    for step in run.steps:
        if step.ended.code is None:
            waited = step.ended.stop_seconds if step.ended.stop_seconds is not None else step.ended.seconds
            why = "after its signal" if step.ended.stop_seconds is not None else "after its start"
            yield f"{step.label} still ran {waited:.0f} s {why} and had to be killed"


def ends_as_expected(run: Run) -> Iterator[str]:
    for step in run.under_faults():
        if run.scenario.ends == "ok" and not step.ended.ok:
            yield f"{step.label} ended with {step.ended.code}:\n{tail(step.ended)}"
        if run.scenario.ends == "failed" and step.ended.ok:
            yield f"{step.label} reported success"
    for pattern in run.scenario.says:
        if not any(re.search(pattern, step.ended.output) for step in run.under_faults()):
            yield f"nothing that dbt printed matches {pattern!r}"


def recovers(run: Run) -> Iterator[str]:
    for step in run.steps:
        if step.phase == "healed" and not step.ended.ok:
            yield f"{step.label}: dbt fails although everything is healed ({step.ended.code}):\n{tail(step.ended)}"


def success_is_true(run: Run) -> Iterator[str]:
    for step in run.under_faults():
        if step.ended.ok:
            yield from (f"{step.label} reported success, but {each}" for each in _differences(run, step.process))


def tables_are_right(run: Run) -> Iterator[str]:
    for process in run.tables:
        yield from _differences(run, process)


def nothing_rebuilt(run: Run) -> Iterator[str]:
    for table, width in run.baseline.project.keeps.items():
        before, after = run.baseline.setup.tables[table], run.tables[0][table]
        if isinstance(after, str):
            yield f"{table} is gone: {after}"
            continue
        lost = _ids(before, width) - _ids(after, width)
        if lost:
            yield f"{table} lost {len(lost)} of the {len(before)} rows it had before: it was made anew"


def writes_once(run: Run) -> Iterator[str]:
    for step in run.steps:
        normal = _expected(run, step.process).writes
        for code, times in writes(run.journal[step.begin : step.end], step.process).items():
            if times > max(1, normal.get(code, 0)):
                yield f"{step.label} ran {times} times, instead of {max(1, normal.get(code, 0))}: {code[:300]}"


def no_session_left(run: Run) -> Iterator[str]:
    if run.scenario.may_leave_sessions:
        return
    for step in run.steps:
        # Processes that run at once are looked at when the last of them has ended.
        end = max(each.end for each in run.steps if each.phase == step.phase)
        before = Oracle(run.journal[: step.begin]).live_sessions()
        left = [each for each in Oracle(run.journal[:end]).live_sessions() if each not in before]
        if left:
            yield f"when {step.label} had ended, sessions were alive: {', '.join(left)}"


def no_early_call(run: Run) -> Iterator[str]:
    early = Oracle(run.journal).early_callers()
    if early:
        yield f"{len(early)} calls came before the moment they were told, the first {early[0].early:.1f} s too early"


def no_secret_shown(run: Run) -> Iterator[str]:
    if run.leaks:
        yield f"a secret is in {', '.join(run.leaks)}"


INVARIANTS: Mapping[str, tuple[str, Check]] = {
    "ends in time": ("every dbt process ends by itself within its bound, also after a signal", ends_in_time),
    "ends as expected": ("dbt ends and speaks as the scenario says", ends_as_expected),
    "recovers": ("once healed, the same command succeeds", recovers),
    "success is true": ("dbt reports success only when the tables are right", success_is_true),
    "tables are right": ("the final tables equal those of a run without faults", tables_are_right),
    "nothing rebuilt": ("no incremental table and no snapshot was made anew", nothing_rebuilt),
    "writes once": ("no write was handed to the engine more often than without faults", writes_once),
    "no session left": ("no session is alive when dbt has ended", no_session_left),
    "no early call": ("no call came before its Retry-After", no_early_call),
    "no secret shown": ("no secret is in logs and artefacts", no_secret_shown),
}
"""Name -> what it says, and the check."""


def table() -> str:
    """What is judged, for the documentation."""
    rows = [f"| {name} | {meaning} |" for name, (meaning, _) in INVARIANTS.items()]
    return "\n".join(["| invariant | what it says |", "|---|---|", *rows])


PROVES = "proves something"
"""The last finding: whether what was to go wrong went wrong, and something succeeded all the same."""


def judge(run: Run) -> list[Finding]:
    """What every invariant says of a run."""
    findings = []
    for name, (_, check) in INVARIANTS.items():
        broken = list(check(run))
        findings.append(Finding(name, Verdict.FAIL if broken else Verdict.PASS, "\n".join(broken)))
    doubts = list(_doubts(run))
    findings.append(Finding(PROVES, Verdict.UNKNOWN if doubts else Verdict.PASS, "\n".join(doubts)))
    return findings


def _doubts(run: Run) -> Iterator[str]:
    yield from (f"the lab itself failed: {each}" for each in run.trouble)
    yield from (f"never came: {each}" for each in missing(run.scenario, run.happened))
    armed = {entry.event.fault for entry in run.journal if isinstance(entry.event, FaultArmed)}
    fired = {e.event.fault for e in run.journal if isinstance(e.event, FaultDecision) and e.event.fired}
    yield from (f"never struck: {fault}" for fault in sorted(armed - fired))
    if not any(isinstance(entry.event, Execution) for entry in run.journal):
        yield "no statement was ever executed"


def _expected(run: Run, process: int) -> Phase:
    return run.baseline.work if process == 0 else run.baseline.setup


def _differences(run: Run, process: int) -> Iterator[str]:
    """Tables that differ from those of a run without faults."""
    for table, wanted in _expected(run, process).tables.items():
        found = run.tables[process][table]
        if isinstance(found, str):
            yield f"{table} cannot be read: {found}"
        elif found != wanted:
            lost, more = _ids(wanted) - _ids(found), _ids(found) - _ids(wanted)
            yield (
                f"{table} of dbt {process} has {len(found)} rows instead of {len(wanted)}; "
                f"missing {sorted(lost)[:3]}, too many {sorted(more)[:3]}"
            )


def _ids(rows: Rows | str, width: int | None = None) -> set[str]:
    return set() if isinstance(rows, str) else {repr(row[:width]) for row in rows}
