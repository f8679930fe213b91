"""259 statements as dbt renders them and Fabric's users write them, one after another on both engines.

``python -m tests.engine.fidelity.matrix`` says how many of them the embedded engine does as Spark does; with the URL of
a Spark Connect server it records what Spark does, and ``--write`` records where the embedded engine differs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fakelivy.clock import SystemClock
from fakelivy.engine import create_engine
from fakelivy.engine.port import Engine, Failure, SessionSpec
from fakelivy.engine.sail.engine import SailEngine
from tests.engine.conftest import Sql
from tests.engine.fidelity.examples import FOLDER, Answer, agrees, answered, without_traces
from tests.engine.fidelity.statements import PATIENCE, QUICK, said

ASKS = ("select", "with", "show", "describe", "set", "/*")
"""How statements begin whose rows count; of the others it counts whether they succeed."""

REASONS: Mapping[str, str] = {
    "describe database dbo": "names of the catalog and the folder",
    "create table dbo.t_csv using csv": "tables are Delta here; other formats are refused",
    "create table dbo.t_pq using parquet": "tables are Delta here; other formats are refused",
    "create table dbo.t_gen": "Delta 3.2 has no identity columns yet; they are numbered here",
    "show tables in dbo like 't_p*'": "the parquet table is not there",
    "show tblproperties dbo.t_part('nothing')": "the name of the catalog in a text",
    "select id from dbo.t1 timestamp as of": "a moment after the last commit: Delta refuses it",
    "grant": "Spark has no GRANT; it is accepted here",
    "revoke": "Spark has no REVOKE; it is accepted here",
    "show grants": "Spark has no SHOW GRANTS; it is empty here",
    "create or replace materialized lake view": "Fabric's own; Spark does not know it",
    "drop materialized lake view": "Fabric's own; Spark does not know it",
}
"""Why a statement is done otherwise, by its beginning. What is not here is a defect."""

LAKEHOUSES = ("lakehouse", "bronze", "silver")
OURS = FOLDER / "matrix-differences.json"


def statements() -> list[tuple[str, str]]:
    """Group and SQL of each."""
    found, group = [], ""
    for line in (FOLDER / "matrix.sql").read_text(encoding="utf-8").splitlines():
        if line.startswith("-- "):
            group = line[3:]
        else:
            found.append((group, line))
    return found


def answers(engine: Engine) -> list[Answer]:
    """What the engine answers, each statement after the ones before it."""
    sql = Sql(engine.open(SessionSpec("matrix", "lakehouse", {"spark.sql.ansi.enabled": "false", **QUICK})), PATIENCE)
    for lakehouse in LAKEHOUSES:
        sql.outcome(f"drop schema if exists {lakehouse}.dbo cascade")
        sql.rows(f"create schema {lakehouse}.dbo")
    sql.rows("use lakehouse.dbo")
    found = []
    for _, text in statements():
        outcome = sql.outcome(text)
        if isinstance(outcome, Failure):
            found.append({"error": said(outcome.message)})
        else:
            found.append(answered(outcome, text) if text.lower().startswith(ASKS) else {})
    sql.session.close()
    return found


def recorded() -> Path:
    """Spark's answers; those of the newest 3.5, which is the line of Fabric's runtime 1.3."""
    return max(FOLDER.glob("matrix-3.5.*.json"))


def differences(ours: Sequence[Answer]) -> dict[str, dict[str, Answer]]:
    """By statement, where ``ours`` is not Spark's."""
    spark = json.loads(recorded().read_text(encoding="utf-8"))
    found = {}
    for number, ((_, text), mine, theirs) in enumerate(zip(statements(), ours, spark, strict=True), start=1):
        same = agrees(text, theirs, mine) if "types" in theirs or "types" in mine else _failed(theirs) == _failed(mine)
        if not same:
            found[f"{number}. {text}"] = {"spark": theirs, "ours": mine}
    return found


def reason(difference: str) -> str:
    """Why; empty when nobody knows."""
    text = difference.partition(". ")[2]
    return next((why for start, why in REASONS.items() if text.startswith(start)), "")


def _failed(answer: Mapping[str, Any]) -> bool:
    return "error" in answer


def embedded() -> list[Answer]:
    with tempfile.TemporaryDirectory() as folder:
        engine = SailEngine(Path(folder), SystemClock())
        try:
            return answers(engine)
        finally:
            engine.close()


def verdict(found: Mapping[str, object]) -> str:
    """The count, in a line."""
    total, unknown = len(statements()), sum(not reason(text) for text in found)
    return (
        f"{total - len(found)} of {total} statements as on Spark, {len(found) - unknown} otherwise for a reason, "
        f"{unknown} otherwise without one"
    )


def _dump(path: Path, data: Any) -> None:
    path.write_text(without_traces(json.dumps(data, ensure_ascii=False, indent=1)) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    urls = [each for each in arguments if each.startswith("sc://")]
    if urls:
        engine = create_engine("spark", warehouse=None, clock=SystemClock(), url=urls[0])
        try:
            ((version,),) = Sql(engine.open(SessionSpec("version", "lakehouse"))).rows("select version()")
            _dump(FOLDER / f"matrix-{version.split()[0]}.json", answers(engine))
        finally:
            engine.close()
    found = differences(embedded())
    if "--write" in arguments:
        _dump(OURS, found)
    for text, both in found.items():
        sys.stdout.write(f"{text}\n  Spark {both['spark']}\n  ours  {both['ours']}\n  {reason(text)}\n")
    sys.stdout.write(f"{verdict(found)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
