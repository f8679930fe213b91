"""A scenario with real processes, from its file to its result."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path

from chaos.processes.baseline import prepare, tail
from chaos.processes.judge import judge
from chaos.processes.model import Scenario
from chaos.processes.run import Run, run, written
from chaos.processes.target import Target
from chaos.processes.timeline import operations, windows
from chaos.results import Result, Verdict

_TELLING = (".log", ".json")
"""Endings of files that say what dbt did, and not what the project is."""


def outcome(
    scenario: Scenario,
    target: Target,
    seed: int,
    cache: Path,
    toxiproxy: Path | None = None,
    keep: Path | None = None,
) -> Result:
    """Run it in a temporary folder and judge it.

    Args:
        scenario: what goes wrong.
        target: whose dbt.
        seed: of the server's ids and faults. Which thread comes first is the machine's affair: with real processes a
            seed gives the same faults, not the same run.
        cache: folder of the runs without faults, shared by scenarios and processes.
        toxiproxy: program of the proxy; looked for if ``None``.
        keep: folder for the journal, logs and artefacts of a run that does not pass.

    Raises:
        BaselineError: dbt fails even without faults.
        HarnessError: the fake server had a bug.
        ToxiproxyError: the scenario needs a proxy, and there is none.
    """
    baseline = prepare(scenario, target, cache)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        done = run(scenario, baseline, target, Path(folder), seed, toxiproxy)
        passed = False
        try:
            found = result(done, target)
            passed = found.verdict is Verdict.PASS
            return found
        finally:
            if keep is not None and not passed:
                _keep(done, Path(folder), evidence(scenario, seed, keep))


def evidence(scenario: Scenario, seed: int, keep: Path) -> Path:
    """Where what a run leaves behind is kept."""
    return keep / f"processes-{scenario.tier}-{scenario.name}-{seed}"


def _keep(done: Run, folder: Path, to: Path) -> None:
    """The journal, and what dbt wrote; an earlier run's is replaced."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    (to / "journal.jsonl").write_text("".join(f"{entry.line()}\n" for entry in done.journal), encoding="utf-8")
    for path in written(folder):
        if path.suffix in _TELLING:
            copy = to / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def result(done: Run, target: Target) -> Result:
    """What came out of a run of ``target``."""
    scenario = done.scenario
    return Result(
        scenario=f"processes/{scenario.tier}/{scenario.name}",
        title=scenario.title,
        why=scenario.why,
        target=target.label,
        seed=done.seed,
        seconds=sum(step.ended.seconds for step in done.steps),
        findings=judge(done),
        replay=_replay(scenario, target, done.seed),
        operations=operations(done),
        windows=windows(done),
        output="\n\n".join(f"{step.label}:\n{tail(step.ended, 40)}" for step in done.steps),
    )


def _replay(scenario: Scenario, target: Target, seed: int) -> str:
    name = scenario.file or f"processes/{scenario.tier}/{scenario.name}"
    words = ["chaos", "run", name, "--seed", str(seed)]
    words += ["--dialect", scenario.dialect, *(["--tls"] if scenario.tls else [])]
    if target != Target.ours():
        words += ["--dbt", str(target.dbt)]
    if target.template:
        words += ["--profile-template", str(target.template)]
    return shlex.join(words)
