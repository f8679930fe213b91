"""What dbt's published classes come to on real Spark, and where that is not what the embedded engine says.

``make test-dbt-spark`` runs them, and ``python -m tests.conformance.on_spark REPORT URL`` writes down what its report
says of the Spark at that URL, in a file for each version.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from fakelivy.clock import SystemClock
from fakelivy.engine import create_engine
from fakelivy.engine.port import SessionSpec
from tests.conformance.verdicts import verdicts
from tests.engine.conftest import Sql

SPARKS: Mapping[str, str] = {
    "3.5.5": "Apache Spark 3.5.5 with Delta Lake 3.2.1, Fabric's own line",
    "4.0.1": "Apache Spark 4.0.1 with Delta Lake 4.0.0",
}
"""What a version was with when it was recorded."""

_NO_LAKE_VIEWS = "Materialized lake views are Fabric's"
_NO_STATISTICS = "Spark's listing has no statistics of a Delta table; the embedded engine counts always"

WHY: Mapping[str, str] = {
    "basic.test_docs_generate.TestDocsGenReferences": _NO_STATISTICS,
    "basic.test_docs_generate.TestDocsGenerate": _NO_STATISTICS,
    "basic.test_get_catalog_for_single_relation.BaseGetCatalogForSingleRelation": _NO_STATISTICS,
    "constraints.test_constraints.TestTableConstraintsRollback": (
        "The old table stays as it was; but Spark Connect says `TASK_WRITE_FAILED`, and not which constraint is broken"
    ),
    "hooks.test_model_hooks.TestPrePostModelHooksOnSeeds": "Its test casts with `::`, which Spark reads from 4.0 on",
    "materialized_view.basic.MaterializedViewBasic": _NO_LAKE_VIEWS,
    "materialized_view.changes.MaterializedViewChanges": _NO_LAKE_VIEWS,
    "materialized_view.changes.MaterializedViewChangesApplyMixin": _NO_LAKE_VIEWS,
    "materialized_view.changes.MaterializedViewChangesContinueMixin": _NO_LAKE_VIEWS,
    "materialized_view.changes.MaterializedViewChangesFailMixin": _NO_LAKE_VIEWS,
    "simple_copy.test_simple_copy.TestSimpleCopyBase": _NO_LAKE_VIEWS,
}
"""Why a class fails on one Spark or more."""


def path(version: str) -> Path:
    """Where what was seen on a version of Spark is kept."""
    return Path(__file__).with_name(f"on_spark-{version}.txt")


def record(version: str) -> dict[str, str]:
    """Every class that was run on a version of Spark, and ``passes`` or ``fails``."""
    lines = path(version).read_text(encoding="utf-8").splitlines() if path(version).exists() else []
    return {name: word for word, _, name in (line.partition(" ") for line in lines)}


def read(report: Path) -> dict[str, str]:
    """The same from a JUnit report of pytest."""
    known = {"Test_" + each.name.replace(".", "_"): each.name for each in verdicts()}
    found: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):
        name = known.get(case.get("classname", "").rpartition(".")[2])
        if name is None:  # what pytest says of itself
            continue
        failed = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
        if failed or name not in found:
            found[name] = "fails" if failed else "passes"
    return found


def counts() -> str:
    """How much was run on Spark, a line for each version."""
    known = sum(each.run is not None for each in verdicts())
    lines = []
    for version, title in SPARKS.items():
        words = Counter(record(version).values())
        run = words.total()
        lines.append(f"- {title}: {run} of the {known} classes run, {words['passes']} pass, {words['fails']} fail.")
    return "\n".join(lines)


def differences() -> str:
    """Every class that does not come to the same on both engines."""
    there = {version: record(version) for version in SPARKS}
    rows = [
        f"| class | embedded engine | {' | '.join(f'Spark {version}' for version in SPARKS)} | why |",
        f"|---|---|{'---|' * len(SPARKS)}---|",
    ]
    for each in verdicts():
        here = "fails" if each.gaps else "passes"
        words = [there[version].get(each.name, "") for version in SPARKS]
        if {*words, here} - {here, ""}:
            rows.append(f"| `{each.name}` | {here} | {' | '.join(words)} | {WHY.get(each.name, '')} |")
    return "\n".join(rows)


def version_of(url: str) -> str:
    """The version of the Spark at a Spark Connect URL."""
    engine = create_engine("spark", warehouse=None, clock=SystemClock(), url=url)
    try:
        ((version,),) = Sql(engine.open(SessionSpec("version", "lakehouse"))).rows("select version()")
    finally:
        engine.close()
    return str(version).split()[0]


def main() -> None:
    """Write down what a report says; what it does not name stays as it was."""
    report, url = sys.argv[1:]
    version = version_of(url)
    found = record(version) | read(Path(report))
    lines = [f"{found[each.name]} {each.name}\n" for each in verdicts() if each.name in found]
    path(version).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
