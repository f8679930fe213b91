"""Statement after statement against the real Sail, from ``statements.yml``."""

from __future__ import annotations

import datetime as dt
import decimal
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine.conftest import Sql, names

CASES: dict[str, list[Any]] = yaml.safe_load((Path(__file__).parent / "statements.yml").read_text(encoding="utf-8"))


def plain(value: Any) -> Any:
    """A value as YAML can write it."""
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def same(actual: Any, wanted: Any) -> bool:
    """``?`` is anything; ``~text`` is a text with this in it."""
    if wanted == "?":
        return True
    if isinstance(wanted, str) and wanted.startswith("~"):
        return wanted[1:] in str(actual)
    if isinstance(wanted, dict) and isinstance(actual, dict):
        return actual.keys() == wanted.keys() and all(same(actual[key], wanted[key]) for key in wanted)
    return type(actual) is type(wanted) and bool(actual == wanted)


def check_rows(sql: str, actual: list[Any], wanted: list[Any]) -> None:
    rows = [plain(row) for row in actual]
    if wanted[-1:] == ["..."]:
        rows, wanted = rows[: len(wanted) - 1], wanted[:-1]
    elif "order by" not in sql.lower() and not sql.lower().startswith("desc"):
        rows, wanted = sorted(rows, key=repr), sorted(wanted, key=repr)
    fits = len(rows) == len(wanted) and all(
        len(row) == len(want) and all(same(a, w) for a, w in zip(row, want, strict=True))
        for row, want in zip(rows, wanted, strict=True)
    )
    assert fits, f"{sql}\n  gave   {rows}\n  wanted {wanted}"


@pytest.mark.parametrize("case", CASES)
def test_statements(sql: Sql, case: str) -> None:
    for step in CASES[case]:
        step = step if isinstance(step, dict) else {"sql": step}
        if "error" in step:
            message = sql.error(step["sql"])
            assert re.search(step["error"], message, re.DOTALL), f"{step['sql']}\n  said {message}"
            continue
        table = sql.table(step["sql"])
        if "columns" in step:
            assert names(table) == step["columns"], step["sql"]
        if "rows" in step:
            check_rows(step["sql"], list(table.rows), step["rows"])
