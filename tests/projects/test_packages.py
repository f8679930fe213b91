"""What packages such as dbt_utils do with an adapter: dispatch, metadata in macros, generated SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakelivy import FakeLivy
from tests.projects.project import HEAD, Project
from tests.versions import ARGUMENTS

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

PACKAGE = {
    "packages.yml": "packages: [{local: toolbox}]",
    "toolbox/dbt_project.yml": "{name: toolbox, version: 1.0.0, config-version: 2}",
    "toolbox/macros/dispatch.sql": """
{% macro who() %}{{ return(adapter.dispatch('who', 'toolbox')()) }}{% endmacro %}
{% macro default__who() %}{{ return('default') }}{% endmacro %}
{% macro spark__who() %}{{ return('spark') }}{% endmacro %}
{% macro quoted(text) %}{{ return(adapter.dispatch('quoted', 'toolbox')(text)) }}{% endmacro %}
{% macro spark__quoted(text) %}{{ return('spark ' ~ text) }}{% endmacro %}
{% macro fabricspark__quoted(text) %}{{ return('fabric ' ~ text) }}{% endmacro %}
""",
    "toolbox/macros/found.sql": """
{% macro get_relations_by_pattern(schema, table, exclude='') %}
  {{ return(adapter.dispatch('get_relations_by_pattern', 'toolbox')(schema, table, exclude)) }}
{% endmacro %}
{% macro get_relations_by_prefix(schema, prefix) %}
  {{ return(adapter.dispatch('get_relations_by_prefix', 'toolbox')(schema, prefix)) }}
{% endmacro %}
{% macro deduplicate(relation, by, order) %}
  {{ return(adapter.dispatch('deduplicate', 'toolbox')(relation, by, order)) }}
{% endmacro %}
""",
    "toolbox/macros/columns.sql": """
{% macro star(relation, except=[]) %}
  {%- for column in adapter.get_columns_in_relation(relation) if column.name not in except -%}
    {{ adapter.quote(column.name) }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}
{% macro values_of(relation, column) %}
  {%- if execute -%}
    {{ return(run_query('select distinct ' ~ column ~ ' from ' ~ relation ~ ' order by 1').columns[0].values()) }}
  {%- endif -%}
  {{ return([]) }}
{% endmacro %}
{% macro pivot(column, values) %}
  {%- for value in values %}
    sum(case when {{ column }} = '{{ value }}' then 1 else 0 end) as {{ adapter.quote(value) }}
    {{- ',' if not loop.last }}
  {%- endfor %}
{% endmacro %}
{% macro union_of(relations) %}
  {%- for relation in relations %}
    select cast({{ dbt.string_literal(relation | string) }} as {{ dbt.type_string() }}) as came_from,
      {{ toolbox.star(relation) }}
    from {{ relation }} {{ 'union all' if not loop.last }}
  {%- endfor %}
{% endmacro %}
{% macro key_of(columns) %}
  {%- set parts = [] -%}
  {%- for column in columns -%}
    {%- do parts.append("coalesce(cast(" ~ column ~ " as " ~ dbt.type_string() ~ "), '_null_')") -%}
  {%- endfor -%}
  {{ dbt.hash(dbt.concat(parts)) }}
{% endmacro %}
""",
    "toolbox/macros/tests.sql": """
{% test not_constant(model, column_name) %}
  select count(distinct {{ column_name }}) as n from {{ model }} having count(distinct {{ column_name }}) < 2
{% endtest %}
""",
}
MODELS = {
    "seeds/orders.csv": "id,state,at\n1,open,2024-01-30\n2,paid,2024-02-28\n3,paid,2024-03-01\n",
    "models/dispatched.sql": "select '{{ toolbox.who() }}' as who, '{{ toolbox.quoted(\"x\") }}' as quoted",
    "models/pivoted.sql": "select {{ toolbox.pivot('state', toolbox.values_of(ref('orders'), 'state')) }} "
    "from {{ ref('orders') }}",
    "models/starred.sql": "select {{ toolbox.star(ref('orders'), except=['at']) }}, "
    "{{ toolbox.key_of(['id', 'state']) }} as orders_key from {{ ref('orders') }}",
    "models/united.sql": "{{ toolbox.union_of([ref('orders'), ref('orders')]) }}",
    "models/spine.sql": "{{ dbt.date_spine('day', \"cast('2024-02-27' as date)\", \"cast('2024-03-02' as date)\") }}",
    "models/counted.sql": "{{ dbt.generate_series(5) }}",
    "models/dates.sql": "select {{ dbt.dateadd('month', 1, 'at') }} as later, "
    "{{ dbt.datediff('at', \"cast('2024-03-31' as date)\", 'day') }} as days, "
    "{{ dbt.date_trunc('month', 'at') }} as month, {{ dbt.last_day('at', 'month') }} as month_end, "
    "{{ dbt.split_part(\"'a|b'\", \"'|'\", 2) }} as part, "
    "{{ dbt.safe_cast(\"'x'\", api.Column.translate_type('int')) }} as nothing from {{ ref('orders') }}",
    # An interval that needs parentheses, as every spine has.
    "models/steps.sql": "select {{ dbt.dateadd('week', 'id - 1', 'at') }} as weeks, "
    "{{ dbt.dateadd('hour', 'id - 1', 'at') }} as hours, {{ dbt.dateadd('quarter', 'id - 1', 'at') }} as quarters, "
    "{{ dbt.dateadd('millisecond', '-id', 'at') }} as earlier from {{ ref('orders') }} where id = 3",
    "models/latest.sql": "{{ toolbox.deduplicate(ref('paid'), 'state', 'id desc') }}",
    "models/paid.sql": "select id, state, cast(null as string) as note from {{ ref('orders') }}",
    "models/relations.sql": "-- depends_on: {{ ref('orders') }} {{ ref('paid') }}\n"
    "select '{{ toolbox.get_relations_by_pattern('PACK%', '%r_ers', 'x%') | map(attribute='name') | join }}' as a, "
    "'{{ toolbox.get_relations_by_pattern('pack%', '%', 's%') | map(attribute='type') | unique | sort | join }}' as b, "
    "{{ toolbox.get_relations_by_prefix('packages', 'order') | length }} as c, "
    "{{ toolbox.get_relations_by_prefix('elsewhere', 'order') | length }} as d",
    "models/tests.yml": "models: [{name: starred, columns: [{name: orders_key, data_tests: [unique, not_null]}, "
    "{name: state, data_tests: [toolbox.not_constant, accepted_values: {arguments: {values: [open, paid]}}]}]}]",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home",)) as server:
        yield server


@ARGUMENTS
def test_the_macros_that_packages_are_made_of_work(server: FakeLivy, tmp_path: Path) -> None:
    project = Project(tmp_path, server, schema="packages")
    order = "dispatch: [{macro_namespace: toolbox, search_order: [small, dbt, toolbox]}]"
    project.write({**PACKAGE, **MODELS, "dbt_project.yml": f"{HEAD[:-1]}, {order}}}"})
    assert project.dbt("deps").success
    built = project.dbt("build")
    assert built.success, built
    query = """
        select (select who || ', ' || quoted from {{ ref('dispatched') }}) as dispatched,
          (select concat(open, paid) from {{ ref('pivoted') }}) as pivoted,
          (select count(distinct orders_key) from {{ ref('starred') }}) as keys,
          (select count(*) from {{ ref('united') }}) as united,
          (select concat(min(date_day), ' ', max(date_day)) from {{ ref('spine') }}) as spine,
          (select max(generated_number) from {{ ref('counted') }}) as counted,
          (select concat_ws(' ', max(cast(later as date)), sum(days), min(cast(month as date)), max(month_end),
             max(part), max(nothing)) from {{ ref('dates') }}) as dates,
          (select array_join(transform(array(weeks, hours, quarters, earlier), x -> cast(x as string)), ' ')
             from {{ ref('steps') }}) as steps,
          (select concat_ws(' ', collect_list(cast(id as string))) from {{ ref('latest') }} where id <> 2) as latest,
          (select concat(a, ' ', b, ' ', c, ' ', d) from {{ ref('relations') }}) as relations"""
    assert project.rows(query) == [
        (
            "spark, fabric x",
            "12",
            3,
            6,
            "2024-02-27 00:00:00 2024-03-01 00:00:00",
            5,
            "2024-04-01 123 2024-01-01 2024-03-31 b",
            "2024-03-15 00:00:00 2024-03-01 02:00:00 2024-09-01 00:00:00 2024-02-29 23:59:59.997",
            "1 3",
            "orders tableview 1 0",
        )
    ]
