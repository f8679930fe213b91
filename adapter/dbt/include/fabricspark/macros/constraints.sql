{# Delta outside Databricks cannot make a column NOT NULL once it is there ("Cannot change nullable column to
   non-nullable"), but it takes a check that says the same. A new table has none yet; an incremental one keeps its own. #}
{% macro fabricspark__alter_column_set_constraints(relation, column_dict) %}
  {% for column_name in column_dict %}
    {% for constraint in column_dict[column_name]['constraints'] %}
      {% if constraint.type != 'not_null' %}
        {{ exceptions.warn('Constraint ' ~ constraint.type ~ ' of column ' ~ column_name ~ ' is left out; of a column, only not_null is kept.') }}
      {% elif not is_incremental() %}
        {% set column = adapter.quote(column_name) if column_dict[column_name]['quote'] else column_name %}
        {% call statement() %}
          alter table {{ relation }} add constraint {{ adapter.quote('not_null_' ~ column_name | lower) }} check ({{ column }} is not null)
        {% endcall %}
      {% endif %}
    {% endfor %}
  {% endfor %}
{% endmacro %}

{# Delta is told of constraints once the table is there, and by then the old table is gone. So the query itself checks
   them first: rows that break one fail the statement that builds the table, and nothing has changed. Spark 3.5 moves a
   check below the query's joins, and would fail for rows that never come out of them; it moves nothing that is random. #}
{% macro fabricspark_assert_constraints() %}
  {%- set checks = [] -%}
  {%- if fabricspark_file_format() == 'delta' -%}
    {%- for name, column in model.columns.items() if column.constraints | selectattr('type', 'equalto', 'not_null') | list -%}
      {%- do checks.append({'name': 'not_null_' ~ name | lower, 'sql': (adapter.quote(name) if column.quote else name) ~ ' is not null'}) -%}
    {%- endfor -%}
    {%- for constraint in model.constraints if constraint.type == 'check' -%}
      {%- do checks.append({'name': constraint.name or 'check', 'sql': constraint.expression}) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- set asserted = [] -%}
  {%- for check in checks -%}
    {%- set message = 'Constraint ' ~ check.name ~ ' of ' ~ model.name ~ ' is broken: ' ~ check.sql -%}
    {%- set said = 'concat(' ~ adapter.string_literal(message) ~ ', left(cast(rand() as string), 0))' -%}
    {%- do asserted.append('assert_true(' ~ check.sql ~ ', ' ~ said ~ ') is null') -%}
  {%- endfor -%}
  {{ return('\nwhere ' ~ asserted | join('\n  and ') if asserted else '') }}
{% endmacro %}
