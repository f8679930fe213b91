"""The run without faults that others are compared with: its tables and how often it ran each piece of code."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import filelock
from fakelivy.journal import Entry, Execution

from chaos.processes.dbt import Dbt, Ended
from chaos.processes.lab import Lab
from chaos.processes.model import Project, Scenario, project_facts, project_folder
from chaos.processes.tables import Rows, read
from chaos.processes.target import Target

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_WRITE = re.compile(r"(insert|merge|update|delete|create\s+(or\s+replace\s+)?table)\b", re.IGNORECASE)
_CALM, _MAKING = 300.0, 120.0
"""Seconds that a run without faults may take, and a script that makes its data ready."""
STEPS: tuple[Literal["setup", "work"], ...] = ("setup", "work")
_SKIP = ("target", "logs", "profiles.yml", "__pycache__")


class BaselineError(RuntimeError):
    """The run without faults did not succeed, so nothing can be compared with it."""


@dataclass(frozen=True)
class Phase:
    """How things are after a step: the tables, and how often it ran each write."""

    tables: Mapping[str, Rows | str]
    writes: Mapping[str, int]


@dataclass(frozen=True)
class Baseline:
    """``warehouse`` is as the setup left it: a run begins with a copy of it."""

    project: Project
    source: Path
    warehouse: Path
    setup: Phase
    work: Phase


def schema(process: int) -> str:
    """The schema that a dbt process of a run has to itself."""
    return f"chaos_{process}"


def writes(entries: Iterable[Entry], process: int = 0) -> Mapping[str, int]:
    """Each write of a process and how often the engine was handed it; comments and the schema's number do not count."""
    mine = schema(process)
    codes = (event.event.code for event in entries if isinstance(event.event, Execution))
    plain = (" ".join(_COMMENT.sub(" ", code).split()) for code in codes if mine in code)
    return dict(Counter(code.replace(mine, schema(0)) for code in plain if _WRITE.match(code)))


def prepare(scenario: Scenario, target: Target, cache: Path) -> Baseline:
    """The baseline for a scenario's project and dialect, made once per ``cache`` folder, by one process at a time.

    Raises:
        BaselineError: dbt fails even without faults.
    """
    source = project_folder(scenario.project).resolve()
    # Ours does the same over either; an adapter of somebody else's may speak nothing but TLS.
    tls = scenario.tls and target.template is not None
    name = hashlib.sha256(f"{source} {scenario.dialect} {tls} {target}".encode()).hexdigest()[:12]
    folder = cache / name
    cache.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(cache / f"{name}.lock"):
        if not (folder / "phases.json").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(scenario, target, source, folder, tls=tls)
    phases = json.loads((folder / "phases.json").read_text(encoding="utf-8"))
    return Baseline(
        project=project_facts(source),
        source=source,
        warehouse=folder / "warehouse",
        setup=Phase(**phases["setup"]),
        work=Phase(**phases["work"]),
    )


def _make(scenario: Scenario, target: Target, source: Path, folder: Path, *, tls: bool) -> None:
    project = project_facts(source)
    calm = Scenario(
        name="baseline",
        title="Nothing goes wrong",
        why="",
        tier="smoke",
        project=scenario.project,
        dialect=scenario.dialect,
        tls=tls,
        threads=scenario.threads,
        seconds=max(_CALM, scenario.seconds),
    )
    phases = {}
    space = folder / "space"
    workspace(source, space)
    for step in STEPS:
        warehouse = folder / step
        if step == "work":
            shutil.copytree(folder / "setup", warehouse)
        with Lab(calm, warehouse, seed=0) as lab:
            target.write_profile(lab, space, calm, process=0)
            arguments: list[str] = list(getattr(project, step))
            make_ready(project, step, space)
            for words in filter(None, (list(project.load), arguments)):
                ended = start(target, lab, words, space, f"{step}.log").wait(calm.seconds, calm.seconds_to_stop)
                if not ended.ok:
                    raise BaselineError(f"dbt {words} fails without any fault ({ended.code}):\n{tail(ended)}")
            phases[step] = Phase(ask(lab, project, 0), writes(lab.journal))
        for table, rows in phases[step].tables.items():
            if isinstance(rows, str):
                raise BaselineError(f"the table {table} cannot be read after {step}: {rows}")
    (folder / "setup").rename(folder / "warehouse")
    for each in ("space", "work"):
        shutil.rmtree(folder / each, ignore_errors=True)
    content = {step: dataclasses.asdict(phase) for step, phase in phases.items()}
    (folder / "phases.json").write_text(json.dumps(content), encoding="utf-8")


def workspace(source: Path, folder: Path) -> None:
    """A copy of a project to run in."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(*_SKIP))


def make_ready(project: Project, step: Literal["setup", "work"], folder: Path) -> None:
    """The data of a step, in a workspace.

    Raises:
        BaselineError: the project's script fails.
    """
    words = project.before.get(step)
    if words:
        made = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=_MAKING)
        if made.returncode:
            raise BaselineError(f"{' '.join(words)} fails: {made.stderr or made.stdout}")


def start(target: Target, lab: Lab, arguments: list[str], folder: Path, log: str) -> Dbt:
    """dbt in a workspace, against a lab."""
    return Dbt(target.dbt, arguments, folder, lab.environment(), folder / log)


def ask(lab: Lab, project: Project, process: int) -> dict[str, Rows | str]:
    """The tables of a process, asked of the server itself and not through the proxy."""
    trusted = lab.server.trusted
    return read(lab.server.url, schema(process), project.tables, verify=str(trusted) if trusted else None)


def tail(ended: Ended, lines: int = 30) -> str:
    """The end of what dbt printed."""
    return "\n".join(ended.output.splitlines()[-lines:])
