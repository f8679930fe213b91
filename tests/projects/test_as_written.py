"""What a project says of its data is stored as it was written: seeds and descriptions, read back by dbt itself."""

from __future__ import annotations

import json

import yaml

from fakelivy import FakeLivy
from tests.functional.test_runs import MakeDbt, rows


def test_a_seed_keeps_every_digit_and_every_null(make_dbt: MakeDbt, fakelivy_server: FakeLivy) -> None:
    dbt = make_dbt(
        {
            "seeds/odd.csv": "\n".join(
                [
                    "id,name,amount,big,day,moment,flag,code",
                    "1,it's 100% %s,12345678901234567890.123456789012345678,9007199254740993,2024-02-29,"
                    "2024-01-01 10:00:00,true,007",
                    '2,"back\\slash\\",0.1,-9223372036854775808,1969-12-31,1969-12-31 23:59:59,false,"a ""b"""',
                    "3,,,,,,,",
                    '4,"two\nlines; -- no /* comment */ 🐎",1.10,1,0001-01-01,2024-01-01 00:00:00,true,x',
                ]
            )
            + "\n",
            "seeds/odd.yml": "seeds: [{name: odd, config: {column_types: {amount: 'decimal(38,18)', code: string}}}]\n",
        }
    )
    result = dbt.run("seed")
    assert result.returncode == 0, result.stdout
    query = (
        "select id, name, cast(amount as string) as amount, cast(big as string) as big, cast(day as string) as day, "
        "cast(moment as string) as moment, cast(flag as string) as flag, code from {{ ref('odd') }} order by id"
    )
    found = rows(dbt, query)
    assert [list(row.values())[1:] for row in found] == [
        ["it's 100% %s", "12345678901234567890.123456789012345678", "9007199254740993", "2024-02-29",
         "2024-01-01 10:00:00", "true", "007"],
        ["back\\slash\\", "0.100000000000000000", "-9223372036854775808", "1969-12-31", "1969-12-31 23:59:59", "false",
         'a "b"'],
        [None] * 7,
        ["two\nlines; -- no /* comment */ 🐎", "1.100000000000000000", "1", "0001-01-01", "2024-01-01 00:00:00", "true",
         "x"],
    ]  # fmt: skip


def test_descriptions_are_stored_as_they_were_written(make_dbt: MakeDbt) -> None:
    said = 'it\'s a \\ and "more" -- 100% 🐎 \\'
    names = {"as_view": "view", "as_table": "table"}
    persist = {"persist_docs": {"relation": True, "columns": True}}
    models = [
        {"name": name, "description": said, "columns": [{"name": "id", "description": said}], "config": persist}
        for name in names
    ]
    dbt = make_dbt(
        {
            f"models/{name}.sql": f"{{{{ config(materialized='{kind}') }}}} select 1 as id"
            for name, kind in names.items()
        }
        | {"models/described.yml": yaml.safe_dump({"models": models}), "macros/described.sql": DESCRIBED}
    )
    assert dbt.run("run").returncode == 0
    result = dbt.run("-q", "run-operation", "described", "--args", json.dumps({"names": list(names)}))
    assert result.returncode == 0, result.stdout
    found = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    for name in names:
        of_it = [list(each["row"].values()) for each in found if each["name"] == name]
        assert ["id", "int", said] in of_it
        assert ["Comment", said] in [row[:2] for row in of_it]


DESCRIBED = """
{% macro described(names) %}
  {% for name in names %}
    {% for row in run_query('describe extended ' ~ target.schema ~ '.' ~ name) %}
      {{ print(tojson({'name': name, 'row': row.dict()})) }}
    {% endfor %}
  {% endfor %}
{% endmacro %}
"""
