"""Spark types in the forms Spark shows them: JSON (our own form), SQL text, and the tree of ``SHOW TABLE EXTENDED``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SparkType = str | Mapping[str, Any]
Field = dict[str, Any]

_SQL_NAMES = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}


def sql_text(kind: SparkType, longest: int | None = None) -> str:
    """A type as ``DESCRIBE`` prints it: ``bigint``, ``array<struct<a:int>>``.

    Args:
        longest: how many fields of a struct Spark prints, the last of them as a count of what is left; ``None`` is all.
    """
    if isinstance(kind, str):
        return _SQL_NAMES.get(kind, kind)
    match kind["type"]:
        case "array":
            return f"array<{sql_text(kind['elementType'], longest)}>"
        case "map":
            return f"map<{sql_text(kind['keyType'], longest)},{sql_text(kind['valueType'], longest)}>"
        case "struct":
            return f"struct<{','.join(_cut([_member(f, longest) for f in kind['fields']], longest))}>"
    return str(kind["type"])


def _member(field: Field, longest: int | None) -> str:
    return f"{field['name']}:{sql_text(field['type'], longest)}"


def _cut(fields: list[str], longest: int | None) -> list[str]:
    if longest is None or len(fields) <= longest:
        return fields
    shown = max(0, longest - 1)
    return [*fields[:shown], f"... {len(fields) - shown} more fields"]


def tree(fields: Sequence[Field]) -> str:
    """The schema tree Spark prints, with its own words (``integer``, ``long``)."""
    return "\n".join(["root", *_branches(fields, " ")]) + "\n"


def _branches(fields: Sequence[Field], indent: str) -> list[str]:
    lines: list[str] = []
    for field in fields:
        nullable = str(field["nullable"]).lower()
        lines.append(f"{indent}|-- {field['name']}: {_word(field['type'])} (nullable = {nullable})")
        lines += _inner(field["type"], indent + "|    ")
    return lines


def _inner(kind: SparkType, indent: str) -> list[str]:
    if isinstance(kind, str):
        return []
    if kind["type"] == "struct":
        return _branches(kind["fields"], indent)
    parts = (
        [("element", kind["elementType"], "containsNull", kind["containsNull"])]
        if kind["type"] == "array"
        else [
            ("key", kind["keyType"], "", False),
            ("value", kind["valueType"], "valueContainsNull", kind["valueContainsNull"]),
        ]
    )
    lines: list[str] = []
    for name, inner, flag, value in parts:
        lines.append(f"{indent}|-- {name}: {_word(inner)}" + (f" ({flag} = {str(value).lower()})" if flag else ""))
        lines += _inner(inner, indent + "|    ")
    return lines


def _word(kind: SparkType) -> str:
    return kind if isinstance(kind, str) else str(kind["type"])


def nullable(kind: Any) -> Any:
    """The same type with everything in it nullable, as Delta on Spark stores the result of a query."""
    if isinstance(kind, list):
        return [{**field, "type": nullable(field["type"]), "nullable": True} for field in kind]
    if isinstance(kind, str):
        return kind
    match kind["type"]:
        case "struct":
            return {**kind, "fields": nullable(kind["fields"])}
        case "array":
            return {**kind, "elementType": nullable(kind["elementType"]), "containsNull": True}
        case "map":
            return {**kind, "valueType": nullable(kind["valueType"]), "valueContainsNull": True}
    return kind


def field(name: str, kind: SparkType, *, null: bool = True, comment: str | None = None) -> Field:
    return {
        "name": name,
        "type": kind,
        "nullable": null,
        "metadata": {"comment": comment} if comment is not None else {},
    }


def struct(fields: Sequence[Field]) -> dict[str, Any]:
    return {"type": "struct", "fields": list(fields)}
