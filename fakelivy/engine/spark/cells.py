"""Answers what a Python cell asks of its session on a real Spark: what names mean in several lakehouses.

All else a cell does goes from pyspark to Spark without us.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakelivy.engine.port import Table
from fakelivy.engine.sail.connect import Interrupted, SailError
from fakelivy.engine.sail.errors import SparkError
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.spark.lakehouses import Lakehouses
from fakelivy.engine.spark.link import message

Message = Mapping[str, Any]

MOST_ROWS = 100_000
"""Rows of SHOW and its kin that a cell may have; queries are not limited, they go over the connection."""

_QUERIES = ("SELECT", "WITH", "VALUES", "FROM", "TABLE")


class Cells:
    """Used by the session's worker thread, while a cell runs.

    Args:
        run: executes a statement of at most so many rows in the session.
    """

    def __init__(self, lakehouses: Lakehouses, run: Callable[[str, int], Table]) -> None:
        self._lakehouses = lakehouses
        self._run = run
        self._answers: Mapping[str, Callable[[Message], Message]] = {"sql": self._sql, "name": self._name}

    def answer(self, question: Message) -> Message:
        """The answer, or ``{"error": …}`` in Spark's words."""
        try:
            return self._answers[question["question"]](question)
        except (SailError, SparkError) as error:
            return {"error": message(error)}
        except Interrupted:
            return {"error": "[OPERATION_CANCELED] The statement was cancelled."}
        except (KeyError, TypeError, AttributeError) as error:
            return {"error": f"[INTERNAL_ERROR] a question that was not understood: {type(error).__name__}: {error}"}

    def _sql(self, question: Message) -> Message:
        text = question["text"]
        cursor = Cursor(text)
        while cursor.punct("("):
            pass
        if cursor.peek().upper in _QUERIES:
            return {"query": self._lakehouses.translate(text)[0]}
        # What changes the current lakehouse, or shows a database's name, is not pyspark's to do alone.
        table = self._run(text, MOST_ROWS)
        return {"schema": dict(table.schema), "rows": list(table.rows)}

    def _name(self, question: Message) -> Message:
        name = question["name"]
        return {"name": self._lakehouses.written(Cursor(name).name()) or name}
