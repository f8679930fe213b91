"""Which partitions a query fills, and the condition that names exactly those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dbt.adapters.fabricspark.literals import text
from dbt_common.exceptions import DbtRuntimeError


def values_sql(source: str, names: Sequence[str]) -> str:
    """The distinct values of the partition columns ``names`` in ``source``, as strings."""
    return (
        f"select distinct {', '.join(f'cast({name} as string) as p{i}' for i, name in enumerate(names))} from {source}"
    )


def condition(names: Sequence[str], types: Mapping[str, str], rows: Iterable[Sequence[str | None]]) -> str:
    """SQL that is true for the rows of those partitions and no others; NULL is a partition of its own.

    Delta takes it only in simple comparisons with constants, and refuses rows that do not fulfil it: should the query
    give other partitions the second time it is read, the statement fails and changes nothing.

    Raises:
        DbtRuntimeError: a partition column is not a column of the table.
    """
    for name in names:
        if _bare(name) not in types:
            raise DbtRuntimeError(f"partition_by names '{name}', and the table has the columns {', '.join(types)}")
    kinds = [types[_bare(name)] for name in names]
    return " or ".join(
        "(" + " and ".join(_is(name, value, kind) for name, value, kind in zip(names, row, kinds, strict=True)) + ")"
        for row in rows
    )


def spec(names: Sequence[str], row: Sequence[str | None]) -> str:
    """One partition as ``partition (…)`` has it, for tables that know no condition to replace by."""
    return ", ".join(
        f"{name} = {'null' if value is None else text(str(value))}" for name, value in zip(names, row, strict=True)
    )


def _is(name: str, value: str | None, kind: str) -> str:
    return f"{name} is null" if value is None else f"{name} = cast({text(str(value))} as {kind})"


def _bare(name: str) -> str:
    return name.strip().strip("`").lower()
