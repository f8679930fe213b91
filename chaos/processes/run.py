"""Runs one scenario: dbt under faults, then healed and, had it failed, dbt again; keeps what there is to judge."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from fakelivy.journal import Entry

from chaos.processes.baseline import Baseline, ask, make_ready, start, workspace
from chaos.processes.dbt import Dbt, Ended
from chaos.processes.lab import TOKEN, Lab, nobody
from chaos.processes.model import Scenario
from chaos.processes.tables import Rows
from chaos.processes.target import Target

_JWT = re.compile(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}")
"""A bearer token of the kind that is issued: all of them are of this form, those that nobody remembers included."""

_COMPLAINT = re.compile(
    r".*(connection\s?(was |is )?(error|reset|refused|aborted|broken|timed out)|reset by peer|remote end closed|"
    r"no reply|timed out|read ?timeout|incomplete ?read|unexpected[_ ]eof|eof occurred|broken pipe|"
    r"failed to establish|connection (broke|ended|closed)).*",
    re.IGNORECASE,
)

_SIGNALS = {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}


@dataclass(frozen=True)
class Step:
    """One dbt process of a run, and the journal's entries from its start to its end."""

    process: int
    phase: str
    arguments: Sequence[str]
    ended: Ended
    begin: int
    end: int
    began: dt.datetime
    ended_at: dt.datetime

    @property
    def label(self) -> str:
        return f"dbt {self.process} ({self.phase})"


@dataclass(frozen=True)
class Run:
    """Everything there is to judge."""

    scenario: Scenario
    seed: int
    baseline: Baseline
    steps: Sequence[Step]
    journal: Sequence[Entry]
    happened: Sequence[tuple[str, int]]
    trouble: Sequence[str]
    tables: Mapping[int, Mapping[str, Rows | str]]
    leaks: Sequence[str]
    """Files of ours in which a secret was found."""
    complaints: Sequence[str] = ()
    """What dbt and its logs say of connections that broke."""

    def by_dbt(self) -> Sequence[Entry]:
        """The journal until the last dbt had ended; what comes later is the lab's own."""
        return self.journal[: max(step.end for step in self.steps)]

    def phases(self) -> list[list[Step]]:
        """Processes that ran at once, in the order of time."""
        names = dict.fromkeys(step.phase for step in self.steps)
        return [[step for step in self.steps if step.phase == name] for name in names]

    def under_faults(self) -> list[Step]:
        return [step for step in self.steps if step.phase == "faults"]

    def recovery(self, process: int) -> Step | None:
        """The run of this process after everything was healed, if one was needed."""
        return next((each for each in self.steps if each.phase == "healed" and each.process == process), None)


def run(
    scenario: Scenario, baseline: Baseline, target: Target, folder: Path, seed: int, toxiproxy: Path | None = None
) -> Run:
    """Run it in an empty folder.

    The first process does the project's work on a warehouse that is set up; the others set up schemas of their own
    meanwhile.

    Raises:
        ToxiproxyError: the scenario needs a proxy, and there is none.
        OSError: the folder cannot be written.
    """
    warehouse = folder / "warehouse"
    shutil.copytree(baseline.warehouse, warehouse)
    spaces = [folder / f"dbt_{process}" for process in range(scenario.processes)]
    for process, space in enumerate(spaces):
        workspace(baseline.source, space)
        make_ready(baseline.project, _step(process), space)
    steps: list[Step] = []
    with Lab(scenario, warehouse, seed, toxiproxy) as lab:
        for process, space in enumerate(spaces):
            target.write_profile(lab, space, scenario, process=process)
        together = partial(_together, scenario, target, lab, spaces)
        arguments = {process: _arguments(baseline, process) for process in range(scenario.processes)}
        if baseline.project.load:
            steps += together(dict.fromkeys(arguments, baseline.project.load), "load")
        if scenario.before:
            steps += together({0: list(scenario.before)}, "before")
        lab.disturb()
        steps += together(arguments, "faults")
        lab.heal()
        failed = {step.process for step in steps if step.phase == "faults" and not step.ended.ok}
        steps += together({process: arguments[process] for process in failed}, "healed")
        tables = {process: ask(lab, baseline.project, process) for process in range(scenario.processes)}
        return Run(
            scenario=scenario,
            seed=seed,
            baseline=baseline,
            steps=steps,
            journal=lab.journal,
            happened=list(lab.happened),
            trouble=[*lab.trouble, *target.leaves_out(scenario)],
            tables=tables,
            leaks=_leaks(folder, (TOKEN, lab.server.authority.options.client_secret)),
            complaints=_complaints(folder),
        )


def _together(
    scenario: Scenario,
    target: Target,
    lab: Lab,
    spaces: Sequence[Path],
    arguments: Mapping[int, Sequence[str]],
    phase: str,
) -> list[Step]:
    """A dbt process for each of the arguments, each in its workspace, all at once."""
    begin, began = len(lab.journal), lab.server.clock.now()
    processes: dict[int, Dbt] = {}
    lock = threading.Lock()

    def send(act: str) -> None:
        with lock:
            for process in processes.values():
                process.signal(_SIGNALS[act])

    steps = []
    try:
        lab.on_signal = send
        for process, words in arguments.items():
            with lock:
                processes[process] = start(target, lab, list(words), spaces[process], f"{phase}.log")
        for process, dbt in processes.items():
            ended = dbt.wait(scenario.seconds, scenario.seconds_to_stop)
            end, now = len(lab.journal), lab.server.clock.now()
            steps.append(Step(process, phase, arguments[process], ended, begin, end, began, now))
    finally:
        lab.on_signal = nobody
        for dbt in processes.values():
            dbt.kill()
    return steps


def _arguments(baseline: Baseline, process: int) -> list[str]:
    return list(getattr(baseline.project, _step(process)))


def _step(process: int) -> Literal["setup", "work"]:
    return "work" if process == 0 else "setup"


def written(folder: Path) -> list[Path]:
    """Every file that dbt wrote or was given to write to, but for the profile, which is where secrets belong."""
    found = (each for each in folder.rglob("*") if each.is_file() and each.name != "profiles.yml")
    # The tables are the server's.
    return sorted(each for each in found if each.relative_to(folder).parts[0] != "warehouse")


def _leaks(folder: Path, secrets: Sequence[str]) -> list[str]:
    """Files that hold a secret."""
    found = []
    for path in written(folder):
        content = path.read_bytes()
        if _JWT.search(content) or any(secret.encode() in content for secret in secrets):
            found.append(str(path.relative_to(folder)))
    return found


def _complaints(folder: Path) -> list[str]:
    logs = [path for path in written(folder) if path.suffix == ".log"]
    return [found[0] for path in logs for found in _COMPLAINT.finditer(path.read_text("utf-8", errors="replace"))]
