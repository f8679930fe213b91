"""How long a run takes to get to its first statement: what the adapter adds to dbt's own start.

Each import happens in a fresh process, all of them in turns, and the best of each is taken: a machine that is busy with
something else only ever makes it slower. ``python -m tests.bench.startup``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from fakelivy import FakeLivy
from fakelivy.journal import Entry
from tests.bench.results import Results, Row, parser

ROUNDS = 7

IMPORTS = {
    "dbt itself (baseline)": "",
    "the base adapter, dbt-spark": "import dbt.adapters.spark",
    "this adapter": "import dbt.adapters.fabricspark",
    "this adapter, with azure-identity": "import dbt.adapters.fabricspark, dbt.adapters.fabricspark.azure",
}
PROGRAM = "import dbt.cli.main, time; began = time.perf_counter()\n{imports}\nprint(time.perf_counter() - began)"


def imports(rounds: int) -> dict[str, float]:
    """Seconds each import takes in a process that has imported dbt; the baseline is the whole process."""
    best = dict.fromkeys(IMPORTS, float("inf"))
    for _ in range(rounds):
        for name, line in IMPORTS.items():
            began = time.perf_counter()
            program = PROGRAM.format(imports=line)
            said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
            taken = float(said.stdout) if line else time.perf_counter() - began
            best[name] = min(best[name], taken)
    return best


def first_statement(rounds: int) -> dict[str, float]:
    """Seconds from starting ``dbt run`` to the session being asked for, and to the first statement.

    The server is in this process and answers at once: what is measured is dbt and the adapter.
    """
    asked, submitted = [], []
    with tempfile.TemporaryDirectory() as folder, FakeLivy(engine="scripted") as server:
        place = Path(folder)
        (place / "dbt_project.yml").write_text(yaml.safe_dump({"name": "start", "profile": "fakelivy"}))
        (place / "profiles.yml").write_text(yaml.safe_dump(server.profile("livy")))
        (place / "models").mkdir()
        (place / "models" / "one.sql").write_text("select 1 as n")
        command = [str(Path(sys.executable).with_name("dbt")), "run", "--quiet", "--project-dir", folder]
        moments: dict[str, float] = {}

        def note(entry: Entry) -> None:
            moments.setdefault(getattr(entry.event, "operation", ""), time.perf_counter())

        server.journal.listen(note)
        for _ in range(rounds):
            moments.clear()
            began = time.perf_counter()
            # The engine without SQL gives dbt no schemas, and the run ends there: its first statement has been seen.
            subprocess.run([*command, "--profiles-dir", folder], check=False, capture_output=True)
            asked.append(moments["create_session"] - began)
            submitted.append(moments["submit_statement"] - began)
    return {"dbt run: the session is asked for after": min(asked), "dbt run: the first statement after": min(submitted)}


RESULTS = Results("startup", {"from a process's start, or on top of dbt's": "{}", "seconds": "{:.2f}"})


def rows(rounds: int) -> Iterator[Row]:
    """Lines of the table."""
    for measure in (imports, first_statement):
        for name, seconds in measure(rounds).items():
            yield dict(zip(RESULTS.columns, (name, seconds), strict=True))


def main() -> None:
    """Measure and print."""
    options = parser(__doc__).parse_args()
    RESULTS.show(rows(1 if options.quick else ROUNDS), keep=options.keep)


if __name__ == "__main__":
    main()
