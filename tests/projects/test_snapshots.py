"""Snapshots whose source loses rows."""

from __future__ import annotations

import pytest

from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

SOURCE = """{{ config(materialized='table') }}
select * from values (1, 'Judith', timestamp'2024-01-01 00:00:00'), (2, 'Arthur', timestamp'2024-01-02 00:00:00')
as people(id, name, at)"""

HISTORY = """{% snapshot history %}
{{ config(unique_key='id', strategy='timestamp', updated_at='at', hard_deletes='new_record') }}
select * from {{ ref('people') }}
{% endsnapshot %}"""


@pytest.mark.timeout(300)  # five commands of dbt
def test_the_record_of_a_deleted_row_keeps_its_values_and_is_written_once(project: Project) -> None:
    project.write({"models/people.sql": SOURCE, "snapshots/history.sql": HISTORY})
    assert project.dbt("build").success
    project.write({"models/people.sql": SOURCE + " where id = 1"})
    for _ in range(2):
        again = project.dbt("build")
        assert again.success, again
    rows = "select id, name, dbt_is_deleted, dbt_valid_to is null from {{ ref('history') }} order by id, dbt_valid_from"
    assert project.rows(rows) == [
        (1, "Judith", "False", True),
        (2, "Arthur", "False", False),
        (2, "Arthur", "True", True),
    ]


@pytest.mark.timeout(300)
def test_a_column_that_the_source_has_no_more_is_null_in_new_records(project: Project) -> None:
    history = HISTORY.replace(", hard_deletes='new_record'", "")
    project.write({"models/people.sql": SOURCE, "snapshots/history.sql": history})
    assert project.dbt("build").success
    narrower = SOURCE.replace("select *", "select id, at").replace("2, 'Arthur'", "3, 'Arthur'")
    project.write({"models/people.sql": narrower})
    again = project.dbt("build")
    assert again.success, again
    rows = project.rows("select id, name from {{ ref('history') }} order by id")
    assert rows == [(1, "Judith"), (2, "Arthur"), (3, None)]
