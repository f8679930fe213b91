"""The examples in Spark's own documentation of its functions, as data: what real Spark answers, and what Sail does.

A file ``spark-<version>.jsonl`` has a header, then one line per example. The SQL is Apache Spark's (Apache-2.0).
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakelivy.engine.port import Failure, Output, Table
from fakelivy.engine.sail.sparktypes import sql_text

FOLDER = Path(__file__).parent

ENVIRONMENT = re.compile(
    r"\b(?:current_\w+|curdate|now|localtimestamp|session_user|user|version|uuid|rand\w*|random|shuffle|uniform|"
    r"monotonically_increasing_id|spark_partition_id|input_file_\w+|java_method|reflect)\b|unix_timestamp\(\)"
)
"""Examples whose answer is another one on another day or machine: only their types are compared."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """One example.

    Attributes:
        function: whose documentation has it.
        answer: what real Spark gives: ``types`` and ``rows``, or ``error``.
    """

    function: str
    sql: str
    answer: Answer


@dataclass(frozen=True)
class Corpus:
    """All examples of one Spark."""

    spark: str
    ansi: bool
    examples: tuple[Example, ...]


def without_traces(text: str) -> str:
    """A record without what is of one machine and one run: folders, and the moments of this century's runs."""
    text = re.sub(r"(?:file:)?/[\w./-]*/(?=(?:warehouse|lakehouse/Tables)/)", "/…/", text)
    text = re.sub(r'("(?:start|end)TimeMs": )\d+', r"\g<1>0", text)
    return re.sub(r"20(?:2[5-9]|[3-9]\d)-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00)?", "…", text)


def load(path: Path) -> Corpus:
    """The corpus in a file."""
    header, *lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return Corpus(header["spark"], header["ansi"], tuple(Example(*line) for line in lines))


def save(corpus: Corpus, path: Path) -> None:
    header = {
        "spark": corpus.spark,
        "ansi": corpus.ansi,
        "source": "DESCRIBE FUNCTION EXTENDED of Apache Spark (Apache-2.0)",
    }
    lines = [header, *([each.function, each.sql, each.answer] for each in corpus.examples)]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def found_in(description: str) -> Iterator[str]:
    """The queries among the examples of a ``DESCRIBE FUNCTION EXTENDED``."""
    for match in re.finditer(r"^ *> (.*?);[ \t]*$", description, re.MULTILINE | re.DOTALL):
        if match[1].upper().startswith(("SELECT", "WITH", "VALUES")):
            yield match[1]


def answered(outcome: Table | Output | Failure, sql: str) -> Answer:
    """An outcome as JSON can hold it."""
    assert not isinstance(outcome, Output)
    if isinstance(outcome, Failure):
        return {"error": error_class(outcome.message)}
    types = [sql_text(field["type"]) for field in outcome.schema["fields"]]
    if ENVIRONMENT.search(sql):
        return {"types": types}
    rows = [[_shown(value, kind) for value, kind in zip(row, types, strict=True)] for row in outcome.rows]
    return {"types": types, "rows": rows}


def _shown(value: Any, kind: str) -> Any:
    # A variant is told by its JSON: engines choose other bytes for the same value.
    if kind == "variant" and value is not None:
        from pyspark.sql.types import VariantVal

        return VariantVal(value["value"], value["metadata"]).toJson()
    return plain(value)


def error_class(message: str) -> str:
    """Spark's error class, or the start of a message that has none, without the number of a stage."""
    match = re.search(r"\[([A-Z_0-9]+(?:\.[A-Z_0-9]+)*)\]", message)
    return match[1] if match else re.sub(r"stage \d+\.\d+", "stage N", message.strip().splitlines()[0])[:80]


_TEXTS: dict[type, Callable[[Any], str]] = {
    decimal.Decimal: str,
    bytes: lambda value: f"X'{value.hex().upper()}'",
    dt.datetime: lambda value: value.isoformat(sep=" "),
    dt.date: lambda value: value.isoformat(),
    dt.timedelta: lambda value: f"{value.total_seconds()} s",
}


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    make = _TEXTS.get(type(value))
    return make(value) if make else value


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are equal; doubles up to the last digits, in which mathematical libraries differ."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-13)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


_UNORDERED = re.compile(r"\bcollect_set\b")


def agrees(sql: str, wanted: Answer, actual: Answer) -> bool:
    """Whether the values are the same, or both fail. Rows may come in another order, and so may a set's elements."""
    if "error" in wanted or "error" in actual:
        return "error" in wanted and "error" in actual
    if "rows" not in wanted:
        return len(wanted["types"]) == len(actual["types"])
    one, other = wanted["rows"], actual["rows"]
    if _UNORDERED.search(sql):
        one, other = ([[sorted(value) for value in row] for row in rows] for rows in (one, other))
    return same(one, other) or same(sorted(one, key=repr), sorted(other, key=repr))
