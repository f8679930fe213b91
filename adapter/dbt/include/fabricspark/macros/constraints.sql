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
   them first: rows that break one fail the statement that builds the table, and nothing has changed. They are checked in
   the first column, because a condition of its own would be moved below the query's joins (Spark 3.5), and would fail for
   rows that never come out of them. #}
{% macro fabricspark_checked_subquery(sql) %}
  {%- set names = [] -%}
  {%- for name, column in model.columns.items() -%}
    {%- do names.append(adapter.quote(name) if column.quote else name) -%}
  {%- endfor -%}
  {%- set checked = namespace(sql=names[0]) -%}
  {%- for check in fabricspark_checks() | reverse -%}
    {%- set message = 'Constraint ' ~ check.name ~ ' of ' ~ model.name ~ ' is broken: ' ~ check.sql -%}
    {%- set checked.sql = 'if(' ~ check.sql ~ ', ' ~ checked.sql ~ ', raise_error(' ~ adapter.string_literal(message) ~ '))' -%}
  {%- endfor -%}
  {%- if checked.sql != names[0] -%}
    {%- set checked.sql = checked.sql ~ ' as ' ~ names[0] -%}
  {%- endif -%}
  {{ return('\n    select ' ~ ([checked.sql] + names[1:]) | join(', ') ~ '\n    from (\n' ~ sql ~ '\n    ) as model_subq') }}
{% endmacro %}

{% macro fabricspark_checks() %}
  {%- set checks = [] -%}
  {%- if fabricspark_file_format() == 'delta' -%}
    {%- for name, column in model.columns.items() if column.constraints | selectattr('type', 'equalto', 'not_null') | list -%}
      {%- do checks.append({'name': 'not_null_' ~ name | lower, 'sql': (adapter.quote(name) if column.quote else name) ~ ' is not null'}) -%}
    {%- endfor -%}
    {%- for constraint in model.constraints if constraint.type == 'check' -%}
      {%- do checks.append({'name': constraint.name or 'check', 'sql': constraint.expression}) -%}
    {%- endfor -%}
  {%- endif -%}
  {{ return(checks) }}
{% endmacro %}
