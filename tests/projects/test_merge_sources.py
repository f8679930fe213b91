"""What a MERGE reads: the model's query itself, but a temporary view where Delta 3.2 would refuse the query there."""

from __future__ import annotations

import pytest

from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = "{{ config(materialized='incremental', incremental_strategy='%s', unique_key='id') }} "
NEW = "{% if is_incremental() %} where id >= (select max(id) from {{ this }}){% endif %}"
CTE = "with numbers as (select 1 as id, 'a' as v union all select 2, 'b') select * from numbers "


@pytest.mark.parametrize("strategy", ["merge", "delete+insert"])
@pytest.mark.parametrize(
    ("sql", "view"),
    [
        (CTE + NEW, True),
        (CTE, False),
        ("select * from (select 1 as id, 'a' as v union all select 2, 'b') " + NEW, False),
    ],
    ids=["CTEs and its own table", "CTEs", "its own table"],
)
def test_a_merge_reads_a_view_only_where_its_query_has_ctes_and_looks_into_its_own_table(
    strategy: str, sql: str, view: bool, project: Project
) -> None:
    project.write({"models/kept.sql": CONFIG % strategy + sql})
    assert project.dbt("run").success
    begin = project.server.journal.size
    assert project.dbt("run").success
    executed = project.executed(begin)
    assert len([code for code in executed if "create or replace temporary view" in code.lower()]) == view
    (merge,) = [code for code in executed if "merge into" in code.lower()]
    assert ("with numbers" in merge) == ("with" in sql and not view)
    assert sorted(project.rows("select * from {{ ref('kept') }}")) == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("strategy", ["merge", "delete+insert"])
def test_a_predicate_with_an_or_stays_one_predicate(strategy: str, project: Project) -> None:
    either = "DBT_INTERNAL_DEST.id > 1 or DBT_INTERNAL_DEST.v = 'a'"
    config = CONFIG.replace("unique_key", f'incremental_predicates=["{either}"], unique_key') % strategy
    project.write({"models/kept.sql": config + "select 1 as id, 'a' as v union all select 3, 'c'"})
    assert project.dbt("run").success
    project.write({"models/kept.sql": config + "select 2 as id, 'b' as v union all select 3, 'd'"})
    again = project.dbt("run")
    assert again.success, again
    assert sorted(project.rows("select * from {{ ref('kept') }}")) == [(1, "a"), (2, "b"), (3, "d")]


def test_two_lakehouses_may_have_a_model_of_one_name(project: Project) -> None:
    names = [("home", "a", "b__c"), ("home", "a__b", "c"), ("other", "a", "b__c")]
    made = ", ".join(
        f"make_temp_relation(api.Relation.create(database='{home}', schema='{schema}', identifier='{name}')) | string"
        for home, schema, name in names
    )
    check = "{% if found | unique | list | length < 3 %}{{ exceptions.raise_compiler_error(found | join) }}{% endif %}"
    macro = "{% macro names() %}{% set found = [" + made + "] %}" + check + "{% endmacro %}"
    project.write({"macros/names.sql": macro})
    done = project.dbt("run-operation", "names")
    assert done.success, done


@pytest.mark.parametrize("strategy", ["append", "merge", "delete+insert"])
def test_a_semicolon_at_the_end_of_a_model_is_no_part_of_its_query(strategy: str, project: Project) -> None:
    project.write({"models/kept.sql": CONFIG % strategy + "select 1 as id;\n"})
    for _ in range(2):
        done = project.dbt("run")
        assert done.success, done


@pytest.mark.parametrize("change", ["ignore", "fail", "append_new_columns", "sync_all_columns"])
def test_a_struct_whose_description_is_cut_is_no_change(change: str, project: Project) -> None:
    fields = ", ".join(f"'f{n}', {n}" for n in range(30))
    config = CONFIG.replace("unique_key", f"on_schema_change='{change}', unique_key") % "delete+insert"
    project.write({"models/kept.sql": config + f"select 1 as id, named_struct({fields}) as s"})
    for _ in range(2):
        done = project.dbt("run")
        assert done.success, done
    assert project.rows("select id, s.f29 from {{ ref('kept') }}") == [(1, 29)]
