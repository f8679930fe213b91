"""Hooks: a table of Spark's types that they write into, and the fields that a target has here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dbt.tests.adapter.hooks import test_model_hooks, test_run_hooks

SEEDS = Path(__file__).parent / "sql"

# What the published checks ask of every row, as far as it is not Postgres's.
FIELDS = (
    "target_name",
    "target_schema",
    "target_threads",
    "target_type",
    "run_started_at",
    "invocation_id",
    "thread_id",
)


class _Hooks:
    table: str

    @pytest.fixture(scope="class")
    def test_data_dir(self) -> Path:
        return SEEDS

    def check_hooks(self, state: str, project: Any, host: str | None, count: int = 1) -> None:
        rows = project.run_sql(
            f"select {', '.join(FIELDS)} from {project.test_schema}.{self.table} where test_state = '{state}'",
            fetch="all",
        )
        assert len(rows) == count
        for found in rows:
            said = dict(zip(FIELDS, found, strict=True))
            assert said["target_name"] == "default"
            assert said["target_schema"] == project.test_schema
            assert said["target_type"] == "fabricspark"
            assert said["target_threads"] == project.adapter.config.threads
            assert said["run_started_at"]
            assert said["invocation_id"]
            assert said["thread_id"].startswith(("Thread-", "MainThread"))


class _ModelHooks(_Hooks):
    table = "on_model_hook"
    keys = ("pre-hook", "post-hook")

    @pytest.fixture(scope="class")
    def project_config_update(self) -> dict[str, Any]:
        outside = {"sql": "optimize {{ this.schema }}.on_model_hook", "transaction": False}
        before, after = self.keys
        hooks = {
            before: [test_model_hooks.MODEL_PRE_HOOK, outside],
            after: [outside, test_model_hooks.MODEL_POST_HOOK],
        }
        return {"models": {"test": hooks}}


class AdaptedPrePostModelHooks(_ModelHooks, test_model_hooks.TestPrePostModelHooks):
    """`optimize` for `vacuum`, and a target of ours."""


class AdaptedPrePostModelHooksUnderscores(_ModelHooks, test_model_hooks.TestPrePostModelHooksUnderscores):
    """`optimize` for `vacuum`, and a target of ours."""

    keys = ("pre_hook", "post_hook")


class AdaptedPrePostModelHooksInConfigWithCount(_ModelHooks, test_model_hooks.TestPrePostModelHooksInConfigWithCount):
    """`optimize` for `vacuum`, and a target of ours."""


class AdaptedHookRefs(_Hooks, test_model_hooks.TestHookRefs):
    """A target of ours."""

    table = "on_model_hook"


class AdaptedPrePostModelHooksInConfig(_Hooks, test_model_hooks.TestPrePostModelHooksInConfig):
    """A target of ours."""

    table = "on_model_hook"


class AdaptedPrePostModelHooksInConfigKwargs(_Hooks, test_model_hooks.TestPrePostModelHooksInConfigKwargs):
    """A target of ours."""

    table = "on_model_hook"


class AdaptedPrePostRunHooks(_Hooks, test_run_hooks.TestPrePostRunHooks):
    """Spark's types, tables filled as they are made, and a target of ours."""

    table = "on_run_hook"

    @pytest.fixture(scope="class")
    def project_config_update(self) -> dict[str, Any]:
        def created_and_dropped(name: str) -> list[str]:
            table = "{{ target.schema }}." + name
            return [f"create table {table} (id int)", f"drop table {table}"]

        return {
            "on-run-start": [
                "{{ custom_run_hook('start', target, run_started_at, invocation_id) }}",
                *created_and_dropped("start_hook_order_test"),
                "{{ log(env_var('TERM_TEST'), info=True) }}",
            ],
            "on-run-end": [
                "{{ custom_run_hook('end', target, run_started_at, invocation_id) }}",
                *created_and_dropped("end_hook_order_test"),
                "create table {{ target.schema }}.schemas using delta as {% for schema in schemas %}"
                "select '{{ schema }}' as schema{{ ' union all ' if not loop.last }}{% endfor %}",
                "create table {{ target.schema }}.db_schemas using delta as {% for db, schema in database_schemas %}"
                "select '{{ db }}' as db, '{{ schema }}' as schema{{ ' union all ' if not loop.last }}{% endfor %}",
            ],
        }

    def assert_used_schemas(self, project: Any) -> None:
        assert project.run_sql(f"select * from {project.test_schema}.schemas", fetch="all") == [(project.test_schema,)]
        (row,) = project.run_sql(f"select * from {project.test_schema}.db_schemas", fetch="all")
        assert row[1] == project.test_schema
