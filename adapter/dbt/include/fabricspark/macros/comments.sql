{#- Descriptions go to Spark as exact string literals: dbt-spark's macros escape quotes only, and lose backslashes. -#}

{% macro fabricspark__comment_clause() %}
  {%- set persist_docs = config.get('persist_docs', {}) -%}
  {%- if persist_docs is not mapping -%}
    {%- do exceptions.raise_compiler_error("persist_docs must be a mapping such as {'relation': true}, not: " ~ persist_docs) -%}
  {%- endif -%}
  {%- if persist_docs.get('relation', false) -%}
    comment {{ adapter.string_literal(model.description) }}
  {%- endif -%}
{% endmacro %}

{% macro fabricspark__create_view_as(relation, sql) -%}
  {%- do fabricspark_refuse_sql_header() -%}
  create or replace view {{ relation }}
  {%- if config.persist_column_docs() %}
    (
    {%- for name in get_columns_in_query(sql) %}
      {%- set description = model.columns.get(name, {}).get('description') %}
      {{ adapter.quote(name) }}{% if description %} comment {{ adapter.string_literal(description) }}{% endif %}
      {{- "," if not loop.last }}
    {%- endfor %}
    )
  {%- endif %}
  {{ comment_clause() }}
  {%- if config.get('contract').enforced %}
    {{ get_assert_columns_equivalent(sql) }}
  {%- endif %}
  as
    {{ sql }}
{%- endmacro %}

{% macro fabricspark__alter_column_comment(relation, column_dict) %}
  {%- for name, column in column_dict.items() %}
    {%- call statement('alter_column_comment') %}
      alter table {{ relation.render() }} change column {{ adapter.quote(name) }} comment {{ adapter.string_literal(column.description) }}
    {%- endcall %}
  {%- endfor %}
{% endmacro %}
