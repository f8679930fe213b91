{# Delta outside Databricks cannot make a column NOT NULL once it is there ("Cannot change nullable column to
   non-nullable"), but it takes a check that says the same. A new table has none yet; an incremental one keeps its own. #}
{% macro fabricspark__persist_constraints(relation, model) %}
  {% if config.get('contract').enforced and fabricspark_file_format() == 'delta' and not is_incremental() %}
    {% for check in fabricspark_checks() %}
      {% call statement() %}
        alter table {{ relation }} add constraint {{ adapter.quote(check.name) }} check ({{ check.sql }})
      {% endcall %}
    {% endfor %}
    {% set kept = ['not_null', 'check'] %}
    {% for constraint in model.constraints | rejectattr('type', 'in', kept) %}
      {{ exceptions.warn('Constraint ' ~ constraint.type ~ ' of ' ~ model.name ~ ' is left out; Delta keeps only not_null and check.') }}
    {% endfor %}
    {% for name, column in model.columns.items() %}
      {% for constraint in column.constraints | rejectattr('type', 'in', kept) %}
        {{ exceptions.warn('Constraint ' ~ constraint.type ~ ' of column ' ~ name ~ ' is left out; Delta keeps only not_null and check.') }}
      {% endfor %}
    {% endfor %}
  {% endif %}
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

{# What Delta can keep of a contract, of columns and of the model: named conditions. #}
{% macro fabricspark_checks() %}
  {%- set checks = [] -%}
  {%- if fabricspark_file_format() == 'delta' -%}
    {%- set constraints = [] -%}
    {%- for name, column in model.columns.items() -%}
      {%- for constraint in column.constraints -%}
        {%- do constraints.append({'type': constraint.type, 'name': constraint.name, 'expression': constraint.expression, 'columns': [name]}) -%}
      {%- endfor -%}
    {%- endfor -%}
    {%- for constraint in constraints + (model.constraints | list) -%}
      {%- set found = [] -%}
      {%- if constraint.type == 'not_null' -%}
        {%- for name in constraint.columns -%}
          {%- set quoted = name in model.columns and model.columns[name].quote -%}
          {%- do found.append({'name': 'not_null_' ~ name | lower, 'sql': (adapter.quote(name) if quoted else name) ~ ' is not null'}) -%}
        {%- endfor -%}
      {%- elif constraint.type == 'check' -%}
        {%- do found.append({'name': constraint.name or 'check_' ~ local_md5(constraint.expression), 'sql': constraint.expression}) -%}
      {%- endif -%}
      {%- for check in found if check not in checks -%}
        {%- do checks.append(check) -%}
      {%- endfor -%}
    {%- endfor -%}
  {%- endif -%}
  {{ return(checks) }}
{% endmacro %}
