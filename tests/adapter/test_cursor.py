"""Rows are handed out in order, once, and never as less than they are."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest
from dbt.adapters.fabricspark.credentials import Settings
from dbt.adapters.fabricspark.cursor import LivyCursor, LivyHandle
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livysession import LivySessionManager
from dbt_common.exceptions import DbtDatabaseError

from tests.adapter.conftest import ScriptedServer, VirtualRuntime

SUBMIT = "POST /sessions/0/statements"


@pytest.fixture
def session(api: LivyApi, settings: Settings, runtime: VirtualRuntime, logger: logging.Logger) -> LivySessionManager:
    return LivySessionManager(api, settings, {"name": "dbt-fabricspark"}, runtime, logger)


def answer(server: ScriptedServer, data: dict[str, Any]) -> None:
    output = {"status": "ok", "data": data}
    server.answers = {
        "POST /sessions": [(201, {"id": 0})],
        "GET /sessions/0": [(200, {"id": 0, "state": "idle"})],
        SUBMIT: [(201, {"id": 3, "state": "available", "output": output})],
    }


def table(count: int, **more: object) -> dict[str, Any]:
    schema = {"fields": [{"name": "n", "type": "long"}]}
    return {"application/json": {"schema": schema, "data": [[n] for n in range(count)], **more}}


def test_rows_are_fetched_in_order_and_once(session: LivySessionManager, server: ScriptedServer) -> None:
    answer(server, table(6))
    cursor = LivyCursor(session)
    cursor.execute("select n")
    assert cursor.fetchone() == (0,)
    assert cursor.fetchmany(2) == [(1,), (2,)]
    assert cursor.fetchall() == [(3,), (4,), (5,)]
    assert cursor.fetchone() is None
    assert cursor.fetchmany(2) == []


def test_columns_are_described_by_name_and_spark_type(session: LivySessionManager, server: ScriptedServer) -> None:
    answer(server, table(1))
    cursor = LivyCursor(session)
    assert cursor.description is None
    cursor.execute("select n")
    assert cursor.description == [("n", "bigint", None, None, None, None, True)]
    assert cursor.query_id == "0/3"


def test_a_result_that_was_cut_is_refused_as_a_whole(session: LivySessionManager, server: ScriptedServer) -> None:
    answer(server, table(1000, truncated=True))
    cursor = LivyCursor(session)
    cursor.execute("select n")
    assert len(cursor.fetchmany(10)) == 10
    for fetch in (cursor.fetchall, lambda: cursor.fetchmany(991)):
        with pytest.raises(DbtDatabaseError, match="cut the result of statement 0/3 after 1000 rows"):
            fetch()
    assert len(cursor.fetchmany(990)) == 990
    with pytest.raises(DbtDatabaseError, match="cut the result"):
        cursor.fetchone()


@pytest.mark.parametrize(("count", "whole"), [(4, True), (5, False)])
def test_a_result_as_long_as_the_limit_of_a_silent_server_is_refused(
    count: int, whole: bool, session: LivySessionManager, server: ScriptedServer, settings: Settings
) -> None:
    session._settings = dataclasses.replace(settings, row_limit=5)
    answer(server, table(count))
    cursor = LivyCursor(session)
    cursor.execute("select n")
    if whole:
        assert len(cursor.fetchall()) == count
    else:
        with pytest.raises(DbtDatabaseError, match=r"cut the result.*num-rows in spark_config.conf, which is 5 now"):
            cursor.fetchall()


def test_whoever_cannot_raise_the_limit_is_told_so(session: LivySessionManager, server: ScriptedServer) -> None:
    answer(server, table(1, truncated=True))
    cursor = LivyCursor(session)
    cursor.execute("select n")
    with pytest.raises(DbtDatabaseError, match=r"after 1 row, .*no setting of the profile raises it$"):
        cursor.fetchall()


def test_no_table_is_not_an_empty_table(session: LivySessionManager, server: ScriptedServer) -> None:
    answer(server, {"text/plain": "n\n0\n"})
    cursor = LivyCursor(session)
    cursor.execute("select n")
    with pytest.raises(DbtDatabaseError, match="sent no table for statement 0/3"):
        _ = cursor.description


def test_bindings_are_sent_as_literals(session: LivySessionManager, server: ScriptedServer) -> None:
    answer(server, table(0))
    LivyCursor(session).execute("select %s, '100%'", ["it's"])
    [code] = [body["code"] for route, body in server.seen if route == SUBMIT and isinstance(body, dict)]
    assert code.startswith("select 'it\\'s', '100%'\n/* dbt-fabricspark ")


def test_a_connection_may_be_closed_while_it_is_cancelled(session: LivySessionManager) -> None:
    closed: list[str] = []

    class Closing(LivyHandle):
        """Closed by another thread as soon as it has been looked at."""

        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name == "_cursor" and not closed:
                closed.append(name)
                self.close()
            return found

    handle = Closing(session)
    object.__setattr__(handle, "_cursor", LivyCursor(session))
    handle.cancel()
    assert closed


def test_a_finished_query_is_not_cancelled(session: LivySessionManager, server: ScriptedServer) -> None:
    answer(server, table(1))
    handle = LivyHandle(session)
    handle.cancel()
    handle.cursor().execute("select n")
    handle.cancel()
    assert server.count(SUBMIT) == 1
    assert not any(route.endswith("cancel") for route, _ in server.seen)
