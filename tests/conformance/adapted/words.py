"""Raw SQL of the published tests: said in Spark's words, and one statement at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

TYPES = (
    (" TIMESTAMP WITHOUT TIME ZONE", " timestamp"),
    (" TEXT", " string"),
    *((f"{column}::text", f"cast({column} as string)") for column in ("id1", "id2", "updated_at")),
    ("null::timestamp", "cast(null as timestamp)"),
)
"""Postgres's types and casts; Spark 3.5 has no ``::``."""

NO_DATABASE = (("{database}.", ""), ("{{target.database}}.", ""), ("None.", ""))
"""Names have two parts with Apache Livy."""

_END = re.compile(r";[ \t]*(?:\n|\Z)")


def said(sql: str, words: Iterable[tuple[str, str]]) -> str:
    """``sql`` with every one of ``words`` replaced."""
    for before, after in words:
        sql = sql.replace(before, after)
    return sql


def translated(project: Any, words: Iterable[tuple[str, str]]) -> Any:
    """dbt's test project, whose ``run_sql`` replaces ``words`` and sends one statement after the other."""
    published, fixed = project.run_sql, tuple(words)

    def run_sql(sql: str, fetch: str | None = None) -> Any:
        result = None
        for statement in filter(str.strip, _END.split(said(sql, fixed))):
            result = published(statement, fetch)
        return result

    project.run_sql = run_sql
    return project
