"""A wrong profile is refused with words that say what is wrong with it."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import Any

import pytest
from dbt.adapters.fabricspark import target
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.incumbent import INCUMBENT_FIELDS
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.halt import HaltingRuntime
from dbt.adapters.fabricspark.resilience.runtime import Runtime
from dbt.adapters.fabricspark.timings import Timings
from dbt_common.exceptions import DbtRuntimeError

from tests.adapter.conftest import VirtualRuntime

LOG = logging.getLogger("tests")

GUID = "01234567-89ab-cdef-0123-456789abcdef"
SECRET = "do-not-print-me"
FABRIC: dict[str, Any] = {
    "method": "livy",
    "workspaceid": GUID,
    "lakehouseid": GUID.upper(),
    "lakehouse": "bronze",
    "authentication": "token",
    "accessToken": SECRET,
}
LOCAL: dict[str, Any] = {"method": "livy", "livy_mode": "local", "livy_url": "http://livy.example:8998/"}

FIGURES = (
    "http_timeout",
    "session_start_timeout",
    "statement_timeout",
    "poll_wait",
    "poll_statement_wait",
    "azure_cli_process_timeout",
    "connect_retries",
    "connect_timeout",
    "requests_per_minute",
)
FILES = ("session_id_file", "client_certificate_path", "token_file_path")


def load(profile: dict[str, Any]) -> FabricSparkCredentials:
    """As dbt does it."""
    data = FabricSparkCredentials.translate_aliases(profile)
    FabricSparkCredentials.validate(data)
    return FabricSparkCredentials.from_dict(data)


def test_the_five_resilience_settings_have_their_documented_defaults() -> None:
    settings = load(LOCAL).settings()
    assert (settings.http_timeout, settings.session_start_timeout, settings.statement_timeout) == (120, 600, 3600)
    assert (settings.poll_wait, settings.poll_statement_wait) == (10, 5)


def test_fabric_sessions_live_below_the_lakehouse() -> None:
    base = f"https://api.fabric.microsoft.com/v1/workspaces/{GUID}/lakehouses/{GUID.upper()}"
    assert load(FABRIC).base_url == f"{base}/livyapi/versions/2023-12-01"


def test_local_sessions_live_on_the_server_itself() -> None:
    assert load(LOCAL).base_url == "http://livy.example:8998"


def test_schema_defaults_to_the_lakehouse_and_locally_to_default() -> None:
    assert load(FABRIC).schema == "bronze"
    assert load(LOCAL).schema == "default"
    assert load({**LOCAL, "schema": "dbo"}).schema == "dbo"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"statement_timout": 5}, "unknown field 'statement_timout'. Did you mean 'statement_timeout'?"),
        ({"workspaceId": GUID}, "unknown field 'workspaceId'. Did you mean 'workspaceid'?"),
        ({"zzz": 1}, "unknown field 'zzz'."),
        ({"method": "odbc"}, "method 'odbc' is not one of livy, session"),
        ({"method": "session", "create_shortcuts": True}, "create_shortcuts needs method 'livy'"),
        ({"retry_all": True}, "'retry_all' is not supported: remove it"),
        ({"job_retry_on_messages": ["x"]}, "'job_retry_on_messages' is not supported: remove it"),
        ({"enable_experimental_unstable": True}, "materialized views are 'materialized_lake_view'"),
        ({"livy_mode": "cloud"}, "livy_mode 'cloud' is not one of fabric, local"),
        ({"workspaceid": None}, "needs workspaceid in the profile"),
        ({"workspaceid": None, "lakehouseid": "", "lakehouse": None}, "needs workspaceid, lakehouseid and lakehouse"),
        ({"lakehouseid": "my lakehouse"}, "lakehouseid 'my lakehouse' is not a GUID"),
        ({"workspaceid": GUID + "0"}, "is not a GUID"),
        ({"endpoint": "http://api.fabric.microsoft.com/v1"}, "must start with https://"),
        ({"endpoint": "api.fabric.microsoft.com"}, "is not an http(s) address"),
        ({"endpoint": "https://"}, "is not an http(s) address"),
        ({"endpoint": "https://host:port/v1"}, "is not an http(s) address"),
        ({"endpoint": f"https://me:{SECRET}@host/v1"}, "endpoint must be a plain address"),
        ({"authority": "login.example"}, "is not an http(s) address"),
        ({"authority": "http://login.example"}, "must start with https://"),
        ({"authority": "http://127.0.0.1:1"}, "authority 'http://127.0.0.1:1' must start with https://"),
        ({"authority": f"https://me:{SECRET}@login.example"}, "authority must be a plain address"),
        ({"authentication": "SNP"}, "authentication 'SNP' is not one of CLI, SPN, managed_identity"),
        (
            {"authentication": "SPN", "tenant_id": "t"},
            "'SPN' needs client_id, and client_secret or client_certificate_path in the profile",
        ),
        ({"accessToken": None}, "'token' needs accessToken"),
        ({"accessToken": 17}, "accessToken: has the wrong type"),
        ({"http_timeout": 0}, "http_timeout is 0"),
        ({"http_timeout": "soon"}, "http_timeout: 'soon' is not of type 'number'"),
        ({"poll_wait": -1}, "poll_wait is -1"),
        ({"statement_timeout": float("inf")}, "statement_timeout is inf"),
        ({"statement_timeout": float("nan")}, "statement_timeout is nan"),
        *(({name: 10**400}, f"{name} is too large a number") for name in FIGURES),
        *(({name: "a\0b"}, f"{name} 'a\\x00b' cannot be the name of a file") for name in FILES),
        ({"session_id_file": "\ud800"}, "cannot be the name of a file"),
        ({"workspace_name": ""}, "workspace_name must be the name"),
        ({"connect_retries": -1}, "connect_retries is -1; it must not be negative"),
        ({"spark_config": {"conf": ["a"]}}, "spark_config.conf must be a mapping"),
        ({"spark_config": {"conf": {"livy.rsc.sql.num-rows": "all"}}}, "must be a number of rows"),
        ({"spark_config": {"conf": {"livy.rsc.sql.num-rows": "²"}}}, "must be a number of rows"),
        ({"spark_config": {"conf": {"livy.rsc.sql.num-rows": "9" * 5000}}}, "must be a number of rows"),
        ({"spark_config": {"conf": {1: "a", "b": 2}}}, "spark_config cannot be sent as JSON"),
        ({"spark_config": {"conf": {"a": {1, 2}}}}, "spark_config cannot be sent as JSON: a value of type set"),
        ({"spark_config": {"conf": {"a": float("nan")}}}, "spark_config cannot be sent as JSON"),
        ({True: "x"}, "unknown field 'True'"),
        ({None: "x"}, "unknown field 'None'"),
        ({"environmentId": "prod"}, "environmentId 'prod' is not a GUID"),
        ({"auth": "CLI"}, "field 'auth' is not supported: use 'authentication'"),
        ({"identifier_prefix": "x_"}, "field 'identifier_prefix' is not supported"),
    ],
)
def test_a_wrong_profile_is_refused(change: dict[Any, Any], words: str) -> None:
    with pytest.raises(DbtRuntimeError) as caught:
        load({**FABRIC, **change})
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_date_in_the_settings_of_spark_is_taken() -> None:
    assert load({**LOCAL, "spark_config": {"conf": {"a": dt.date(2026, 1, 2)}}}).session_key


@pytest.mark.parametrize("content", [b"\xff\xfe[\x00]\x00", b'[{"path": "f\xfcr"}]'])
def test_shortcuts_in_another_encoding_are_refused(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shortcuts.json").write_bytes(content)
    with pytest.raises(DbtRuntimeError, match=r"shortcuts.json is not text in UTF-8"):
        load({**FABRIC, "create_shortcuts": True}).shortcuts()


def test_plain_http_is_allowed_to_this_machine_only() -> None:
    assert load({**FABRIC, "endpoint": "http://127.0.0.1:8998/v1"}).base_url.startswith("http://127.0.0.1:8998/v1/")


def test_a_profile_of_the_incumbent_loads() -> None:
    profile = {
        **FABRIC,
        "spark_config": {"name": "etl", "conf": {"spark.executor.cores": "4"}},
        "connect_retries": 3,
        "connect_timeout": 10,
        "reuse_session": True,
        "high_concurrency": True,
        "retry_all": False,
        "auto_optimize": True,
        "job_retry_max_attempts": 5,
        "stream_stop_timeout_seconds": 30.0,
        "threads": 4,
    }
    assert load(profile).settings().connect_retries == 3
    assert dict(load(profile).connection_info())["auto_optimize"] is True


def test_a_value_of_an_incumbent_field_that_asks_for_nothing_is_taken() -> None:
    for name, field in INCUMBENT_FIELDS.items():
        for value in ("anything",) if field.taken is None else field.taken:
            load({**FABRIC, name: value})


def test_in_this_process_nothing_but_names_is_needed() -> None:
    session = load({"method": "session", "lakehouse": "bronze", "schema": "dbo"})
    assert (session.database, session.schema, session.lakehouse_in_fabric) == ("bronze", "dbo", None)
    assert session.naming().schemas is False
    assert load({"method": "session", "lakehouse": "b", "lakehouse_schemas_enabled": True}).naming().schemas
    assert (load({"method": "session"}).database, load({"method": "session"}).schema) == (None, "default")


def test_secrets_are_in_no_repr_and_no_connection_info() -> None:
    credentials = load({**FABRIC, "client_secret": SECRET})
    assert SECRET not in repr(credentials)
    assert SECRET not in str(list(credentials.connection_info()))


@pytest.mark.parametrize(
    ("profile", "rate"),
    [
        (FABRIC, 150),
        ({**FABRIC, "requests_per_minute": 30}, 30),
        ({**FABRIC, "requests_per_minute": 0}, None),
        ({**FABRIC, "endpoint": "http://localhost:8998"}, None),
        (LOCAL, None),
        ({**LOCAL, "requests_per_minute": 30}, 30),
    ],
)
def test_a_run_keeps_below_fabrics_quota_unless_the_profile_says_otherwise(
    profile: dict[str, Any], rate: float | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credentials = load(profile)
    assert credentials.request_rate == rate
    made: list[float | None] = []

    def pace(runtime: Runtime, per_minute: float | None) -> Pace:
        made.append(per_minute)
        return Pace(runtime, per_minute)

    monkeypatch.setattr(target, "Pace", pace)
    runtime = HaltingRuntime(VirtualRuntime())
    timings = Timings(tmp_path / "timings", runtime, LOG)
    target.make_target(credentials, runtime, credentials.naming(), timings, LOG)
    assert made == [rate]


def test_the_session_request_carries_the_profiles_spark_config() -> None:
    extra = {"environmentId": GUID, "session_idle_timeout": "20m"}
    body = load({**FABRIC, **extra, "spark_config": {"name": "x", "conf": {"a": "b"}}}).session_body()
    assert body == {
        "name": "x",
        "conf": {
            "a": "b",
            "spark.fabric.environmentDetails": f'{{"id":"{GUID}"}}',
            "spark.livy.session.idle.timeout": "20m",
        },
    }
    conf = {"livy.rsc.sql.num-rows": "1000000"}
    assert load(LOCAL).session_body() == {"name": "dbt-fabricspark", "kind": "sql", "conf": conf}


def test_a_local_profile_may_set_the_longest_result_itself() -> None:
    conf = {"livy.rsc.sql.num-rows": "5"}
    credentials = load({**LOCAL, "spark_config": {"conf": conf}})
    assert credentials.session_body()["conf"] == conf
    assert credentials.settings().row_limit == 5
    assert load(FABRIC).settings().row_limit is None
