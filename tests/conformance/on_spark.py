"""What dbt's published classes come to on real Spark, and where that is not what the embedded engine says.

``make test-dbt-spark`` runs them and ``python -m tests.conformance.on_spark REPORT`` writes down what its report says.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.conformance.verdicts import verdicts

RECORD = Path(__file__).with_name("on_spark.txt")

SPARK = "Apache Spark 4.0.1 with Delta Lake 4.0.0"

_NO_LAKE_VIEWS = "Materialized lake views are Fabric's"
_NO_STATISTICS = "A table has statistics only after `analyze table`; the embedded engine counts always"

WHY: Mapping[str, str] = {
    "basic.test_docs_generate.TestDocsGenReferences": _NO_STATISTICS,
    "basic.test_docs_generate.TestDocsGenerate": _NO_STATISTICS,
    "basic.test_get_catalog_for_single_relation.BaseGetCatalogForSingleRelation": _NO_STATISTICS,
    "constraints.test_constraints.TestTableConstraintsRollback": (
        "The old table stays as it was; but Spark Connect says `TASK_WRITE_FAILED`, and not which constraint is broken"
    ),
    "materialized_view.basic.MaterializedViewBasic": _NO_LAKE_VIEWS,
    "materialized_view.changes.MaterializedViewChanges": _NO_LAKE_VIEWS,
    "materialized_view.changes.MaterializedViewChangesApplyMixin": _NO_LAKE_VIEWS,
    "materialized_view.changes.MaterializedViewChangesContinueMixin": _NO_LAKE_VIEWS,
    "materialized_view.changes.MaterializedViewChangesFailMixin": _NO_LAKE_VIEWS,
    "simple_copy.test_simple_copy.TestSimpleCopyBase": _NO_LAKE_VIEWS,
}
"""Why a class fails on Spark."""


def record() -> dict[str, str]:
    """Every class that was run on Spark, and ``passes`` or ``fails``."""
    lines = RECORD.read_text(encoding="utf-8").splitlines()
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
    """How much was run on Spark, in a sentence."""
    words, known = Counter(record().values()), sum(each.run is not None for each in verdicts())
    run = words["passes"] + words["fails"]
    return f"On {SPARK}, {run} of the {known} classes have been run: {words['passes']} pass, {words['fails']} fail."


def differences() -> str:
    """Every class that does not come to the same on both engines."""
    here = {each.name: "fails" if each.gaps else "passes" for each in verdicts()}
    rows = ["| class | embedded engine | Spark | why |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {here[name]} | {there} | {WHY.get(name, '')} |"
        for name, there in record().items()
        if there != here[name]
    ]
    return "\n".join(rows)


def main() -> None:
    """Write down what a report says; what it does not name stays as it was."""
    found = record() | read(Path(sys.argv[1]))
    lines = [f"{found[each.name]} {each.name}\n" for each in verdicts() if each.name in found]
    RECORD.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
