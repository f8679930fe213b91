"""How long a dbt process lives on after Ctrl-C or SIGTERM while its server accepts requests and never answers.

In each phase of a run the server falls silent for good, and then the signal is sent:
``python -m tests.bench.stopping``.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from fakelivy import FakeLivy
from fakelivy.clock import SystemClock
from fakelivy.engine.scripted import NEVER, Rule, ScriptedEngine
from fakelivy.journal import Entry, Event, Execution, FaultDecision
from tests.answers import schema_with

SILENCE = 600
"""Seconds for which a request gets no answer: beyond every time-out here."""

COMES = 120
"""Seconds in which a run gets to a phase, on a machine that is busy with other things."""

LEAVES = 60
"""Seconds after which a process that is still there is ended by force."""

SIGNALS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM}

ENDLESS, QUICK = "select 'endless' as n", "select 'quick' as n"


@dataclass(frozen=True)
class Phase:
    """What a run is doing when its server falls silent.

    Attributes:
        silent: the request that is the first to get no answer.
        before: faults that bring the run there.
        after: SQL that must run before anything is silent.
        model: what the run builds.
    """

    silent: str
    before: tuple[str, ...] = ()
    after: str = ""
    model: str = ENDLESS


PHASES = {
    "a session is asked for": Phase("create_session"),
    "the session starts": Phase("get_session"),
    "statements are submitted": Phase("submit_statement"),
    "a lost reply is looked for": Phase(
        "list_statements", before=("submit_statement[contains=endless]:after_commit:reset@first(1)",)
    ),
    "a statement runs": Phase("get_statement", after=ENDLESS),
    "the session is deleted": Phase("delete_session", model=QUICK),
}


@dataclass(frozen=True)
class Stop:
    """How a process ended.

    Attributes:
        seconds: from the signal to its end; ``None`` if it had to be ended by force.
        code: what it left to its caller.
        output: what it printed.
    """

    seconds: float | None
    code: int
    output: str


def stop(phase: Phase, number: signal.Signals, folder: Path) -> Stop:
    """Start a run in ``folder``, have its server fall silent in that phase, and stop it.

    Raises:
        TimeoutError: the run never got there.
    """
    rules = (Rule(ENDLESS, duration=NEVER), *schema_with("default"))
    clock = SystemClock()
    with FakeLivy(engine=ScriptedEngine(clock, rules), clock=clock, faults=phase.before) as server:
        for name, content in {
            "dbt_project.yml": yaml.safe_dump({"name": "stop", "profile": "fakelivy"}),
            "profiles.yml": yaml.safe_dump(server.profile("livy")),
            "models/one.sql": phase.model,
            "models/two.sql": phase.model,
        }.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        command = [str(Path(sys.executable).with_name("dbt")), "run", "--threads", "2", "--project-dir", str(folder)]
        with subprocess.Popen(
            [*command, "--profiles-dir", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                if phase.after:
                    _wait(server, lambda event: isinstance(event, Execution) and phase.after in event.code)
                with server.fault(f"silence={phase.silent}:before:hang({SILENCE})"):
                    _wait(server, lambda event: isinstance(event, FaultDecision) and event.fault == "silence")
                    with server.fault(f"*:before:hang({SILENCE})"):
                        return _stop(process, number)
            finally:
                process.kill()


def _stop(process: subprocess.Popen[str], number: signal.Signals) -> Stop:
    began = time.perf_counter()
    process.send_signal(number)
    try:
        output, _ = process.communicate(timeout=LEAVES)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        return Stop(None, process.returncode, output)
    return Stop(time.perf_counter() - began, process.returncode, output)


def _wait(server: FakeLivy, what: Callable[[Event], bool]) -> None:
    there = threading.Event()

    def look(entry: Entry) -> None:
        if what(entry.event):
            there.set()

    server.journal.listen(look)
    for entry in server.journal.entries():
        look(entry)
    if not there.wait(COMES):
        raise TimeoutError("the run never got there")


def main() -> None:
    """Measure and print."""
    sys.stdout.write(f"| the server falls silent while | {' | '.join(SIGNALS)} |\n|---|{'---|' * len(SIGNALS)}\n")
    for name, phase in PHASES.items():
        cells = []
        for number in SIGNALS.values():
            with tempfile.TemporaryDirectory() as folder:
                found = stop(phase, number, Path(folder))
            cells.append("never" if found.seconds is None else f"{found.seconds:.1f} s")
        sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
