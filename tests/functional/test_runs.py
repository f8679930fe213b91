"""Real dbt processes against the fake server: results, failures, interruption, and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests
import yaml

from fakelivy import FakeLivy
from fakelivy.journal import Entry, Execution, StatementMoved
from tests.functional.conftest import Dbt

MakeDbt = Callable[[Mapping[str, str]], Dbt]

ENDLESS = "select count(*) as n from range(1000000) a cross join range(1000000) b where sqrt(a.id * b.id) > 7"


def live_sessions(server: FakeLivy) -> list[Any]:
    found = requests.get(f"{server.url}/sessions", timeout=30).json()["sessions"]
    return [session for session in found if session["state"] not in ("dead", "killed", "error")]


def rows(dbt: Dbt, query: str) -> list[dict[str, Any]]:
    result = dbt.run("-q", "show", "--output", "json", "--limit", "100", "--inline", query)
    assert result.returncode == 0, result.stdout
    return list(json.loads(result.stdout)["show"])


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


def test_values_come_back_as_what_they_are(make_dbt: MakeDbt) -> None:
    found = rows(make_dbt({}), "select cast(1.10 as decimal(10,2)) as amount, 9007199254740993 as big, null as nothing")
    assert found == [{"amount": 1.1, "big": 9007199254740993, "nothing": None}]


@pytest.mark.parametrize("target", ["livy", "fabric"])
def test_a_model_that_fails_is_reported_in_sparks_words_and_skips_what_depends_on_it(
    target: str, make_dbt: MakeDbt, fakelivy_server: FakeLivy
) -> None:
    dbt = make_dbt(
        {
            "models/good.sql": "select 1 as id",
            "models/bad.sql": "select * from {{ target.schema }}.no_such_table",
            "models/after.sql": "select * from {{ ref('bad') }}",
        }
    )
    result = dbt.run("run", "--target", target)
    assert result.returncode == 1
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in result.stdout
    assert "PASS=1 WARN=0 ERROR=1 SKIP=1" in result.stdout
    assert live_sessions(fakelivy_server) == []


def test_sql_reaches_the_server_as_it_was_written(make_dbt: MakeDbt, fakelivy_server: FakeLivy) -> None:
    sql = "select /*+ broadcast(t) */ '/* not; a comment */ 100% %s \\\\ é' as a -- it's; \"one\"\n  , 1 as b"
    dbt = make_dbt({"models/verbatim.sql": sql})
    result = dbt.run("run")
    assert result.returncode == 0, result.stdout
    assert [event for event in fakelivy_server.journal.events(Execution) if sql in event.code]


@pytest.mark.slow
def test_ctrl_c_cancels_the_statement_deletes_the_session_and_keeps_the_old_table(
    make_dbt: MakeDbt, fakelivy_server: FakeLivy
) -> None:
    dbt = make_dbt({"models/total.sql": "{{ config(materialized='table') }} select 1 as n"})
    assert dbt.run("run").returncode == 0
    dbt.write({"models/total.sql": "{{ config(materialized='table') }} " + ENDLESS})
    with subprocess.Popen(
        dbt.command("run"),
        cwd=dbt.folder,
        env=dbt.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "START sql table model" in line:
                    break
            _wait_until_running(fakelivy_server, ENDLESS)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode not in (0, None)
    assert "CANCEL query" in output
    assert live_sessions(fakelivy_server) == []
    assert [event for event in fakelivy_server.journal.events(StatementMoved) if event.after.startswith("cancel")]
    assert rows(dbt, "select n from {{ ref('total') }}") == [{"n": 1}]


def _wait_until_running(server: FakeLivy, sql: str) -> None:
    started = threading.Event()

    def look(entry: Entry) -> None:
        if isinstance(entry.event, Execution) and sql in entry.event.code:
            started.set()

    server.journal.listen(look)
    for entry in server.journal.entries():
        look(entry)
    assert started.wait(60), "the statement never reached the server"


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
    for name in names:
        result = dbt.run("-q", "run-operation", "described", "--args", json.dumps({"name": name}))
        assert result.returncode == 0, result.stdout
        found = [list(json.loads(line).values()) for line in result.stdout.splitlines() if line.startswith("{")]
        assert ["id", "int", said] in found
        assert ["Comment", said] in [row[:2] for row in found]


DESCRIBED = """
{% macro described(name) %}
  {% for row in run_query('describe extended ' ~ target.schema ~ '.' ~ name) %}
    {{ print(tojson(row.dict())) }}
  {% endfor %}
{% endmacro %}
"""
