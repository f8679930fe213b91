"""Asks real Spark: ``python -m tests.engine.fidelity.record sc://127.0.0.1:15002`` writes its corpus."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fakelivy.clock import SystemClock
from fakelivy.engine import create_engine
from fakelivy.engine.port import SessionSpec
from tests.engine.conftest import Sql
from tests.engine.fidelity.examples import FOLDER, Corpus, Example, answered, found_in, save

UNSEEN = frozenset({"UNSUPPORTED_FEATURE", "UNSUPPORTED_DATATYPE"})
"""Errors of the way the answer takes, not of Spark: Arrow has no Python for some intervals."""


def corpus(sql: Sql) -> Corpus:
    """Every example of every function that this Spark has, with its answer."""
    functions = [row[0] for row in sql.table("show system functions", max_rows=10_000).rows]
    examples: dict[str, Example] = {}
    for function in functions:
        description = "\n".join(row[0] for row in sql.rows(f"describe function extended `{function}`"))
        for query in found_in(description):
            if query not in examples:
                answer, again = (answered(sql.outcome(query), query) for _ in range(2))
                if answer != again:
                    answer.pop("rows", None)
                if answer.get("error") not in UNSEEN:
                    examples[query] = Example(function, query, answer)
    ((version,),) = sql.rows("select version()")
    ((_, ansi),) = sql.rows("set spark.sql.ansi.enabled")
    return Corpus(version.split()[0], ansi == "true", tuple(examples.values()))


def main(arguments: Sequence[str]) -> None:
    engine = create_engine("spark", warehouse=None, clock=SystemClock(), url=arguments[0])
    try:
        found = corpus(Sql(engine.open(SessionSpec("record", "lakehouse"))))
    finally:
        engine.close()
    path = FOLDER / f"spark-{found.spark}.jsonl"
    save(found, path)
    sys.stdout.write(f"{len(found.examples)} examples of Spark {found.spark} in {path}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
