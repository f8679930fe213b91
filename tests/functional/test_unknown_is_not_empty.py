"""A metadata call that fails, in whatever way, never passes for "there is nothing": dbt would build tables anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from dbt.adapters.contracts.relation import RelationType
from dbt.adapters.fabricspark.connections import FabricSparkConnectionManager, SessionManagers
from dbt.adapters.fabricspark.impl import FabricSparkAdapter
from dbt.adapters.factory import get_adapter_by_type
from dbt.cli.main import dbtRunner
from dbt_common.exceptions import DbtRuntimeError

from fakelivy import FakeLivy
from fakelivy.journal import Execution
from tests.functional.impatient import ImpatientRuntime

SCHEMA = "kept"
PROJECT = {
    "dbt_project.yml": "{name: small, version: 1.0.0, profile: fakelivy, flags: {send_anonymous_usage_stats: false}}",
    "seeds/numbers.csv": "id,v\n1,a\n2,b\n",
    "models/kept.sql": "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id', "
    "merge_exclude_columns=['nothing'], on_schema_change='fail') }} "
    "select * from {{ ref('numbers') }} {% if is_incremental() %} where id > 1 {% else %} where true {% endif %}",
    "snapshots/history.sql": "{% snapshot history %}{{ config(unique_key='id', strategy='check', check_cols='all') }} "
    "select * from {{ ref('numbers') }}{% endsnapshot %}",
}

NOT_FOUND = "[SCHEMA_NOT_FOUND] [TABLE_OR_VIEW_NOT_FOUND] Table or view not found, Database not found"
EMPTY = {"status": "ok", "execution_count": 0, "data": {"application/json": {"schema": {"fields": []}, "data": []}}}


def no_rows(*names: str) -> dict[str, Any]:
    """A statement's output that has these columns and no row."""
    fields = [{"name": name, "type": "string", "nullable": True, "metadata": {}} for name in names]
    schema = {"type": "struct", "fields": fields}
    return {"status": "ok", "execution_count": 0, "data": {"application/json": {"schema": schema, "data": []}}}


ODD = no_rows("x")

# How the reply to the statement goes wrong; each is a list of faults that are in force together.
WAYS = {
    "refused": ["before:status(500)"],
    "unauthorized": ["before:status(401)"],
    "a proxy says not found": [f"before:status(404,message={json.dumps(NOT_FOUND)})"],
    "a gateway's page": ["after_commit:status(502,shape=html)"],
    "reply lost": ["after_commit:reset"],
    "a login page": ["body:garbage(html_login)"],
    "half a reply": ["body:truncate(20)"],
    "the statement fails": ["body:stick_state(error,output=error)"],
    "cancelled": ['body:stick_state(cancelled,output="null")'],
    "no table": ["body:stick_state(available)", f"body:set_field(output,{json.dumps(EMPTY)})"],
    "another table": ["body:stick_state(available)", f"body:set_field(output,{json.dumps(ODD)})"],
}

CALLS: dict[str, Callable[[FabricSparkAdapter], object]] = {
    "show databases": lambda adapter: adapter.list_schemas(""),
    "show databases ": lambda adapter: adapter.check_schema_exists("", SCHEMA),
    "show table extended": lambda adapter: adapter.list_relations_without_caching(_relation(adapter)),
    "describe extended": lambda adapter: adapter.get_columns_in_relation(_relation(adapter, "kept")),
}


def _relation(adapter: FabricSparkAdapter, name: str | None = None) -> Any:
    return adapter.Relation.create(schema=SCHEMA, identifier=name, type=None if name is None else RelationType.Table)


class Project:
    """The project above, built once, and dbt in this process."""

    def __init__(self, folder: Path, server: FakeLivy) -> None:
        self.folder = folder
        self.server = server

    def dbt(self, *args: str) -> bool:
        where = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        # dbt does not close its log file.
        return bool(dbtRunner().invoke([*args, *where, "--no-use-colors", "--log-level-file", "none"]).success)

    def adapter(self) -> FabricSparkAdapter:
        found = get_adapter_by_type("fabricspark")  # type: ignore[no-untyped-call]  # dbt leaves it untyped
        assert isinstance(found, FabricSparkAdapter)
        return found

    def executed(self, begin: int) -> list[str]:
        """The statements since ``begin``, without dbt's comment in front."""
        found = [e.event.code for e in self.server.journal.entries()[begin:] if isinstance(e.event, Execution)]
        return [code.partition("*/")[2].strip().lower() for code in found]

    def versions(self) -> list[str]:
        """The log of both tables: a table made anew, or written to, has another."""
        logs = self.server.warehouse.glob(f"*/Tables/{SCHEMA}/*/_delta_log/*.json")
        return sorted(str(path) for path in logs if path.parts[-3] in ("kept", "history"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with (
        FakeLivy(engine="sail", warehouse=tmp_path_factory.mktemp("warehouse")) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(FabricSparkConnectionManager, "sessions", SessionManagers(ImpatientRuntime()))
        folder = tmp_path_factory.mktemp("project")
        profile = server.profile("livy")
        for target in profile["fakelivy"]["outputs"].values():
            target["schema"] = SCHEMA
            target["session_start_timeout"] = 1_000_000  # its clock runs fast, and a child starts as it can
        for name, content in {**PROJECT, "profiles.yml": yaml.safe_dump(profile)}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(content)
        made = Project(folder, server)
        assert made.dbt("build")
        yield made
        made.adapter().cleanup_connections()


# What no second try or look can put right.
FINAL = {"refused", "the statement fails", "cancelled", "no table", "another table"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("call", CALLS)
def test_every_metadata_call_that_fails_is_an_error(project: Project, call: str, way: str) -> None:
    adapter = project.adapter()
    with adapter.connection_named("test"):
        truth = CALLS[call](adapter)
        assert truth
        with ExitStack() as faults:
            for fault in WAYS[way]:
                faults.enter_context(
                    project.server.fault(f"submit_statement[contains={json.dumps(call.strip())}]:{fault}")
                )
            try:
                answer = CALLS[call](adapter)
            except DbtRuntimeError:
                return
        # The trouble was overcome: the answer is the whole truth.
        assert way not in FINAL
        assert answer == truth


@pytest.mark.slow
@pytest.mark.parametrize("way", ["refused", "the statement fails", "no table", "another table"])
@pytest.mark.parametrize("call", sorted({call.strip() for call in CALLS}))
def test_no_table_is_built_anew_when_metadata_cannot_be_had(project: Project, call: str, way: str) -> None:
    before, begin = project.versions(), project.server.journal.size
    with ExitStack() as faults:
        for fault in WAYS[way]:
            faults.enter_context(project.server.fault(f"submit_statement[contains={json.dumps(call)}]:{fault}"))
        assert not project.dbt("build", "--exclude", "resource_type:seed")
    assert project.versions() == before
    written = [code for code in project.executed(begin) if code.startswith(("create table", "create or replace table"))]
    assert written == []


def test_rows_that_the_server_cut_are_an_error(project: Project) -> None:
    adapter = project.adapter()
    with adapter.connection_named("test"):
        whole = adapter.list_relations_without_caching(_relation(adapter))
        assert {relation.identifier for relation in whole} == {"numbers", "kept", "history"}
        session = adapter.connections.get_thread_connection().handle._session
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(session), "row_limit", property(lambda self: len(whole)))
            with pytest.raises(DbtRuntimeError, match="cut"):
                adapter.list_relations_without_caching(_relation(adapter))


def test_a_table_without_a_single_column_is_an_error(project: Project) -> None:
    adapter = project.adapter()
    columnless = json.dumps(no_rows("col_name", "data_type", "comment"))
    with (
        adapter.connection_named("test"),
        project.server.fault('submit_statement[contains="describe extended"]:body:stick_state(available)'),
        project.server.fault(f'submit_statement[contains="describe extended"]:body:set_field(output,{columnless})'),
        pytest.raises(DbtRuntimeError, match="without a single column"),
    ):
        adapter.get_columns_in_relation(_relation(adapter, "kept"))


def failing(statement: str, words: str) -> list[str]:
    """Faults that have a statement fail with these words of Spark's."""
    output = {"status": "error", "execution_count": 0, "ename": "Error", "evalue": words, "traceback": []}
    which = f"submit_statement[contains={json.dumps(statement)}]:body"
    return [f"{which}:stick_state(available)", f"{which}:set_field(output,{json.dumps(output)})"]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (None, {"numbers", "kept", "history"}),
        ("[TABLE_OR_VIEW_NOT_FOUND] The table or view cannot be found.", {"numbers", "history"}),
        ("[DELTA_TABLE_NOT_FOUND] Delta table doesn't exist.", None),
        ("java.net.SocketTimeoutException", None),
    ],
)
def test_relations_that_must_be_asked_for_one_by_one_are_all_told(
    project: Project, words: str | None, left: set[str] | None
) -> None:
    adapter = project.adapter()
    faults = failing(
        "show table extended", "[NOT_SUPPORTED_COMMAND_FOR_V2_TABLE] SHOW TABLE EXTENDED is not supported."
    )
    faults += failing(f"describe extended `{SCHEMA}`.`kept`", words) if words else []
    with adapter.connection_named("test"), ExitStack() as stack:
        whole = adapter.list_relations_without_caching(_relation(adapter))
        for fault in faults:
            stack.enter_context(project.server.fault(fault))
        if left is None:
            with pytest.raises(DbtRuntimeError):
                adapter.list_relations_without_caching(_relation(adapter))
            return
        found = adapter.list_relations_without_caching(_relation(adapter))
    assert {(each.identifier, each.type) for each in found} == {
        (each.identifier, each.type) for each in whole if each.identifier in left
    }


def test_what_the_server_itself_calls_missing_is_missing(project: Project) -> None:
    adapter = project.adapter()
    with adapter.connection_named("test"):
        nowhere = adapter.Relation.create(schema="no_such_schema")
        assert adapter.list_relations_without_caching(nowhere) == []
        assert adapter.get_columns_in_relation(_relation(adapter, "no_such_table")) == []
        assert not adapter.check_schema_exists("", "no_such_schema")
        assert adapter.check_schema_exists("", SCHEMA.upper())


def test_a_first_build_does_not_replace_a_table_that_dbt_did_not_see(project: Project) -> None:
    before = project.versions()
    begin = project.server.journal.size
    empty = json.dumps(no_rows("namespace", "tableName", "isTemporary", "information"))
    with (
        project.server.fault('submit_statement[contains="show table extended"]:body:stick_state(available)'),
        project.server.fault(f'submit_statement[contains="show table extended"]:body:set_field(output,{empty})'),
    ):
        assert not project.dbt("build", "--exclude", "resource_type:seed")
    assert project.versions() == before
    assert [code for code in project.executed(begin) if code.startswith("create table")]
