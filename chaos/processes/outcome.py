"""A scenario with real processes, from its file to its result."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from chaos.processes.baseline import prepare, tail
from chaos.processes.judge import judge
from chaos.processes.model import Scenario
from chaos.processes.run import Run, run
from chaos.processes.target import Target
from chaos.processes.timeline import operations, windows
from chaos.results import Result


def outcome(scenario: Scenario, target: Target, seed: int, cache: Path, toxiproxy: Path | None = None) -> Result:
    """Run it in a temporary folder and judge it.

    Args:
        scenario: what goes wrong.
        target: whose dbt.
        seed: of the server's ids and faults. Which thread comes first is the machine's affair: with real processes a
            seed gives the same faults, not the same run.
        cache: folder of the runs without faults, shared by scenarios and processes.
        toxiproxy: program of the proxy; looked for if ``None``.

    Raises:
        BaselineError: dbt fails even without faults.
        ToxiproxyError: the scenario needs a proxy, and there is none.
    """
    baseline = prepare(scenario, target, cache)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        done = run(scenario, baseline, target, Path(folder), seed, toxiproxy)
        return result(done, target)


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
