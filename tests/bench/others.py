"""This adapter beside any other: seconds, statements and requests of ``dbt build``, through the chaos harness.

    python -m tests.bench.others --dbt /path/to/venv/bin/dbt --profile-template target.yml --label theirs

Both build chaos's own small project with a seed, incremental models and a snapshot, at first and once more, on a server
that really runs the SQL and takes 50 ms to answer each request and 3 s to start a session. No fault is armed. Time
counts from the first request to the last.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.processes.baseline import start, tail, workspace
from chaos.processes.lab import Lab
from chaos.processes.model import Scenario, project_facts, project_folder
from chaos.processes.target import Target
from fakelivy.journal import Entry, Execution, Request
from tests.bench.results import Results, Row, parser

SLOW = ("*:before:delay(0.05)", "create_session:before:slow_start(3)")
"""What makes the server as slow as a real one, or a tenth of that for the session."""


STEPS = {"setup": "first", "work": "next"}
"""The commands of a project of chaos, in the words of the table."""


@dataclass(frozen=True)
class Cost:
    """Of one command: seconds, statements that reached the engine, requests."""

    seconds: float
    statements: int
    requests: int


def measure(target: Target, *, tls: bool, threads: int) -> Iterator[tuple[str, Cost]]:
    """What each step of the project costs.

    Raises:
        RuntimeError: dbt failed.
    """
    calm = Scenario(
        name="calm",
        title="Nothing goes wrong",
        why="",
        tier="smoke",
        tls=tls,
        threads=threads,
        faults=SLOW,
        seconds=600,
    )
    source = project_folder(calm.project)
    project = project_facts(source)
    with tempfile.TemporaryDirectory() as name:
        space = Path(name) / "space"
        workspace(source, space)
        for step in STEPS:
            with Lab(calm, Path(name) / "warehouse", seed=0) as lab:
                target.write_profile(lab, space, calm, process=0)
                lab.disturb()
                arguments: Sequence[str] = getattr(project, step)
                ended = start(target, lab, list(arguments), space, f"{step}.log").wait(calm.seconds, 60)
                if not ended.ok:
                    raise RuntimeError(f"{target.label} failed:\n{tail(ended)}")
                yield step, _cost(lab.journal)


def _cost(journal: Sequence[Entry]) -> Cost:
    kinds = Counter(type(entry.event) for entry in journal)
    asked = [entry.at for entry in journal if isinstance(entry.event, Request)]
    return Cost((asked[-1] - asked[0]).total_seconds(), kinds[Execution], kinds[Request])


RESULTS = Results(
    "others",
    {
        "build": "{}",
        "adapter": "{}",
        "seconds": "{:.1f}",
        "of the first": "{:.0%}",
        "statements": "{}",
        "requests": "{}",
    },
)


def rows(targets: Iterable[Target], *, tls: bool, threads: int) -> Iterator[Row]:
    """Lines of the table; every adapter is compared with the first."""
    first: dict[str, float] = {}
    for target in targets:
        for step, found in measure(target, tls=tls, threads=threads):
            yield {
                "build": STEPS[step],
                "adapter": target.label,
                "seconds": found.seconds,
                "of the first": found.seconds / first.setdefault(step, found.seconds),
                "statements": found.statements,
                "requests": found.requests,
            }


def main() -> None:
    """Measure and print."""
    said = parser(__doc__)
    said.add_argument("--dbt", type=Path, help="the dbt of the other adapter's environment; without it, ours alone")
    said.add_argument("--profile-template", type=Path, help="its profile, see docs/processes.md")
    said.add_argument("--label", default="theirs", help="what to call it")
    said.add_argument("--tls", action="store_true", help="for an adapter that speaks nothing but TLS")
    said.add_argument("--threads", type=int, default=4, help="dbt's (default 4)")
    options = said.parse_args()
    targets = [Target.ours()]
    if options.dbt:
        targets.insert(0, Target(options.dbt, options.profile_template, options.label))
    RESULTS.show(rows(targets, tls=options.tls, threads=options.threads), keep=options.keep)


if __name__ == "__main__":
    main()
