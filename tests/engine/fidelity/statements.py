"""The statement suite on real Spark: ``python -m tests.engine.fidelity.statements sc://…`` records where it differs.

With ``--check`` nothing is recorded: it fails if Spark differs elsewhere, or no longer, than the record says.
What the embedded engine does is what ``statements.yml`` wants of it, and its own test proves that.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fakelivy.clock import SystemClock
from fakelivy.engine import create_engine
from fakelivy.engine.port import Failure, Output, SessionSpec
from tests.engine.conftest import Sql, names
from tests.engine.fidelity.examples import FOLDER, error_class, plain, without_traces
from tests.engine.test_statements import CASES, check_rows

Difference = dict[str, Any]

PATIENCE = 900.0
"""Seconds a statement may take: Spark on a small machine needs minutes for a VACUUM."""

QUICK = {"spark.sql.sources.parallelPartitionDiscovery.parallelism": "2"}
"""A VACUUM lists folders in ten thousand tasks otherwise."""


def fingerprint(steps: Sequence[Any]) -> str:
    """What a case is told by: it changes with every statement and every expectation in it."""
    return hashlib.sha256(json.dumps(steps, default=str).encode()).hexdigest()[:12]


def stale(found: Mapping[str, Any]) -> list[str]:
    """The cases that are new or have changed since ``found`` was recorded."""
    return [case for case, steps in CASES.items() if found.get("cases", {}).get(case) != fingerprint(steps)]


def walk(sql: Sql, steps: Sequence[Any]) -> tuple[list[Difference], int]:
    """Run a case on Spark: where it differs, and how many of its steps were compared.

    A step that fails here and not there, or the other way round, leaves other tables behind: the case ends with it.
    """
    differences: list[Difference] = []
    for count, step in enumerate(steps, start=1):
        step = step if isinstance(step, dict) else {"sql": step}
        outcome = sql.outcome(step["sql"])
        assert not isinstance(outcome, Output)
        failed = isinstance(outcome, Failure)
        actual: Any
        if isinstance(outcome, Failure):
            actual = said(outcome.message)
            fits = "error" in step and re.search(step["error"], outcome.message, re.DOTALL) is not None
        elif "error" in step:
            actual, fits = "succeeds", False
        else:
            rows = list(outcome.rows)
            actual = {"columns": names(outcome)} if "rows" not in step else [plain(row) for row in rows]
            fits = _fits(step, rows, names(outcome))
        if not fits:
            differences.append({"sql": step["sql"], "embedded": _wanted(step), "spark": actual})
        if failed != ("error" in step):
            return differences, count
    return differences, len(steps)


def said(message: str) -> str:
    """How Spark's failure begins, in one line that is the same on every run."""
    name = error_class(message)
    return f"[{name}]" if f"[{name}]" in message else re.sub(r"@[0-9a-f]+|\bs\d+\b", "…", name)


def _fits(step: dict[str, Any], rows: list[Any], columns: list[str]) -> bool:
    try:
        assert columns == step.get("columns", columns)
        if "rows" in step:
            check_rows(step["sql"], rows, step["rows"])
    except AssertionError:
        return False
    return True


def _wanted(step: dict[str, Any]) -> Any:
    if "error" in step:
        return step["error"].replace("^", "").replace("\\", "")
    if "rows" in step:
        return step["rows"]
    return {"columns": step["columns"]} if "columns" in step else "succeeds"


def recorded(version: str) -> Path:
    """The file of the differences of one Spark."""
    return FOLDER / f"statements-{version}.json"


def main(arguments: Sequence[str]) -> None:
    engine = create_engine("spark", warehouse=None, clock=SystemClock(), url=arguments[0])
    differences, compared = {}, 0
    try:
        # A session for each case: temporary views and settings of one must not reach the next.
        for number, (case, steps) in enumerate(CASES.items()):
            sql = Sql(engine.open(SessionSpec(f"case-{number}", "lakehouse", QUICK)), PATIENCE)
            schema = f"fidelity_{number}"
            sql.outcome(f"drop schema if exists {schema} cascade")
            sql.rows(f"create schema {schema}")
            sql.rows(f"use {schema}")
            differences[case], count = walk(sql, steps)
            compared += count
            sql.session.close()
        sql = Sql(engine.open(SessionSpec("version", "lakehouse")))
        version = sql.rows("select version()")[0][0].split()[0]
        for number in range(len(CASES)):
            sql.outcome(f"drop schema if exists fidelity_{number} cascade")
    finally:
        engine.close()
    found: dict[str, Any] = {
        "spark": version,
        "statements": sum(len(steps) for steps in CASES.values()),
        "compared": compared,
        "cases": {case: fingerprint(steps) for case, steps in CASES.items()},
        "differences": {case: some for case, some in differences.items() if some},
    }
    text = without_traces(json.dumps(found, ensure_ascii=False, indent=1, default=str)) + "\n"
    count = sum(len(each) for each in found["differences"].values())
    sys.stdout.write(f"{compared} statements compared with Spark {version}, {count} differ\n")
    if "--check" not in arguments:
        recorded(version).write_text(text, encoding="utf-8")
        return
    before = recorded(version).read_text(encoding="utf-8")
    changed = difflib.unified_diff(before.splitlines(True), text.splitlines(True), "recorded", "now")
    sys.stdout.writelines(changed)
    sys.exit(before != text)


if __name__ == "__main__":
    main(sys.argv[1:])
