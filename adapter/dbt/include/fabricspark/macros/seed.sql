{#- Rows per statement: few round trips, and a statement of a size that Spark still parses quickly. -#}
{% macro fabricspark__get_batch_size() %}
  {{ return(2000) }}
{% endmacro %}

{% macro fabricspark__load_csv_rows(model, agate_table) %}
  {%- set column_types = model['config'].get('column_types', {}) -%}
  {%- set types = [] -%}
  {%- for name in agate_table.column_names -%}
    {%- do types.append(column_types.get(name, adapter.convert_type(agate_table, loop.index0))) -%}
  {%- endfor -%}
  {%- set batch_size = get_batch_size() -%}
  {%- set statements = [] -%}
  {%- for start in range(0, agate_table.rows | length, batch_size) -%}
    {%- set sql = adapter.seed_insert_sql(this, agate_table, types, start, batch_size) -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {%- if loop.first -%}{%- do statements.append(sql) -%}{%- endif -%}
  {%- endfor -%}
  {#- The first statement is what ends up in target/compiled. -#}
  {{ return(statements[0] if statements else '') }}
{% endmacro %}
