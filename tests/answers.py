"""What Spark answers to the statements by which dbt looks around, for the engine without SQL."""

from __future__ import annotations

from fakelivy.engine.port import Table
from fakelivy.engine.scripted import Rule


def table(columns: tuple[str, ...], *rows: tuple[str | bool | None, ...]) -> Table:
    """Rows of strings; a column whose name begins with ``is`` is boolean."""
    fields: list[dict[str, object]] = [
        {"name": name, "type": "boolean" if name.startswith("is") else "string", "nullable": True, "metadata": {}}
        for name in columns
    ]
    return Table({"type": "struct", "fields": fields}, list(rows))


def schema_with(schema: str, *tables: str, provider: str = "delta") -> tuple[Rule, ...]:
    """A lakehouse with one schema, and what is in it."""
    information = f"Catalog: spark_catalog\nType: MANAGED\nProvider: {provider}\n"
    rows = [(schema, name, False, information) for name in tables]
    return (
        Rule("show databases", table(("namespace",), (schema,))),
        Rule("show table extended", table(("namespace", "tableName", "isTemporary", "information"), *rows)),
    )
