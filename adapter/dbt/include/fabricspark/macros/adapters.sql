{#- What differs from dbt-spark in describing, creating and replacing relations. -#}

{#- Delta unless the model says otherwise: only Delta replaces, merges and overwrites atomically. -#}
{% macro fabricspark_file_format() %}
  {{ return((config.get('file_format') or 'delta') | lower) }}
{% endmacro %}

{% macro fabricspark__file_format_clause() %}
    using {{ fabricspark_file_format() }}
{%- endmacro %}

{% macro fabricspark__tblproperties_clause() -%}
  {%- set properties = config.get('tblproperties') -%}
  {%- if properties %}
    tblproperties (
      {%- for name, value in properties.items() -%}
        {{ adapter.string_literal(name) }} = {{ adapter.string_literal(value | string) }}{{ ', ' if not loop.last }}
      {%- endfor -%}
    )
  {%- endif %}
{%- endmacro %}

{#- Columns in `clustered_by` without `buckets` are Delta's liquid clustering. -#}
{% macro fabricspark__clustered_cols(label, required=false) %}
  {%- set columns = config.get('clustered_by') -%}
  {%- if columns %}
    {%- set listed = columns if columns is string else columns | join(', ') -%}
    {%- if config.get('buckets') %}
    {{ label }} ({{ listed }}) into {{ config.get('buckets') }} buckets
    {%- else %}
    cluster by ({{ listed }})
    {%- endif %}
  {%- endif %}
{%- endmacro %}

{#- Whether `create or replace` is known to tables of the model's format. -#}
{% macro fabricspark_can_replace() %}
  {{ return(fabricspark_file_format() in ['delta', 'iceberg']) }}
{% endmacro %}

{#- Everything between a table's name and its query. -#}
{% macro fabricspark_table_clauses(located=true) %}
  {{- file_format_clause() }}
  {{ options_clause() }}
  {{- tblproperties_clause() }}
  {{- partition_cols(label="partitioned by") }}
  {{- clustered_cols(label="clustered by") }}
  {{- location_clause() if located }}
  {{- comment_clause() }}
{%- endmacro %}

{#- One statement is all that a request runs, and a setting made in another may be gone with its session. -#}
{% macro fabricspark_refuse_sql_header() %}
  {%- if config.get('sql_header') -%}
    {%- do exceptions.raise_compiler_error(
      "sql_header cannot be sent: every request runs one statement. Put settings into spark_config in the profile, "
      ~ "which every session starts with, and everything else into the query itself."
    ) -%}
  {%- endif -%}
{% endmacro %}

{#- `replace` only where the table is meant to be replaced: a plain `create` cannot destroy what dbt did not see. -#}
{% macro fabricspark_create_table_as(relation, compiled_code, replace) -%}
  {%- do fabricspark_refuse_sql_header() -%}
  {%- set query = compiled_code -%}
  create {{ 'or replace ' if replace and fabricspark_can_replace() }}table {{ relation }}
  {%- if config.get('contract').enforced %}
    {{- get_assert_columns_equivalent(compiled_code) }}
    {%- set query = fabricspark_checked_subquery(compiled_code) %}
  {%- endif %}
    {{ fabricspark_table_clauses() }}
  as
    {{ query }}
{%- endmacro %}

{% macro fabricspark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
  {%- if language == 'python' -%}
    {{ py_write_table(compiled_code=compiled_code, target_relation=relation) }}
  {%- elif temporary -%}
    {{ create_temporary_view(relation, compiled_code) }}
  {%- else -%}
    {{ fabricspark_create_table_as(relation, compiled_code, replace=true) }}
  {%- endif -%}
{%- endmacro %}

{#- Where a table is built: in place, or beside a relation of another kind, which stays until its successor is complete. -#}
{% macro fabricspark_building_site(old_relation, target_relation) %}
  {%- set in_place = old_relation is none or (old_relation.is_table and old_relation.is_delta and fabricspark_file_format() == 'delta') -%}
  {%- if in_place -%}
    {{ return(target_relation) }}
  {%- endif -%}
  {%- set successor = target_relation.incorporate(path={'identifier': target_relation.identifier ~ '__dbt_new'}) -%}
  {%- do adapter.drop_relation(successor) -%}
  {{ return(successor) }}
{% endmacro %}

{% macro fabricspark_take_place(old_relation, built, target_relation) %}
  {%- if built.identifier != target_relation.identifier -%}
    {%- do adapter.drop_relation(old_relation) -%}
    {%- do adapter.rename_relation(built, target_relation) -%}
  {%- endif -%}
{% endmacro %}

{#- The whole name's hash travels in it: one session serves all models, and two lakehouses may have a model of one name. -#}
{% macro fabricspark__make_temp_relation(base_relation, suffix) %}
  {%- set name = base_relation.identifier ~ '__' ~ local_md5(base_relation.render() | lower)[:8] ~ suffix -%}
  {{ return(api.Relation.create(identifier=name, type='view')) }}
{% endmacro %}

{% macro fabricspark__list_relations_without_caching(schema_relation) %}
  {% call statement('list_relations_without_caching', fetch_result=True) -%}
    show table extended in {{ schema_relation.without_identifier() }} like '*'
  {%- endcall %}
  {{ return(load_result('list_relations_without_caching').table) }}
{% endmacro %}

{#- dbt-core asks it what a snapshot's records of deletions have; dbt-spark's gives rows without a name. -#}
{% macro fabricspark__get_columns_in_relation(relation) %}
  {{ return(adapter.get_columns_in_relation(relation)) }}
{% endmacro %}

{#- With `--empty` and `--sample` a relation prints as a query over part of it; `render()` is its name whatever is asked. -#}
{% macro fabricspark__get_columns_in_relation_raw(relation) %}
  {% call statement('get_columns_in_relation_raw', fetch_result=True) -%}
    describe extended {{ relation.render() }}
  {%- endcall %}
  {{ return(load_result('get_columns_in_relation_raw').table) }}
{% endmacro %}

{#- Delta has no `truncate`; a table that dbt knows to be another kind has no `delete`. -#}
{% macro fabricspark__truncate_relation(relation) %}
  {%- set known = load_cached_relation(relation) -%}
  {% call statement('truncate_relation') -%}
    {{ 'truncate table' if known is not none and not known.is_delta else 'delete from' }} {{ relation.render() }}
  {%- endcall %}
{% endmacro %}

{% macro fabricspark__alter_column_type(relation, column_name, new_column_type) %}
  {% call statement('alter_column_type') -%}
    alter table {{ relation.render() }} alter column {{ adapter.quote(column_name) }} type {{ new_column_type }}
  {%- endcall %}
{% endmacro %}

{#- Delta drops columns from tables whose column mapping is on; without it, it says so itself. -#}
{% macro fabricspark__alter_relation_add_remove_columns(relation, add_columns, remove_columns) %}
  {%- if add_columns -%}
    {%- call statement('add_columns') -%}
      alter table {{ relation.render() }} add columns (
        {%- for column in add_columns %}{{ adapter.quote(column.name) }} {{ column.data_type }}{{ ', ' if not loop.last }}{% endfor -%}
      )
    {%- endcall -%}
  {%- endif -%}
  {%- if remove_columns -%}
    {%- call statement('drop_columns') -%}
      alter table {{ relation.render() }} drop columns (
        {%- for column in remove_columns %}{{ adapter.quote(column.name) }}{{ ', ' if not loop.last }}{% endfor -%}
      )
    {%- endcall -%}
  {%- endif -%}
{% endmacro %}

{#- Compaction after a build is asked for, not paid for by everybody. -#}
{% macro fabricspark_optimize(relation) %}
  {%- if config.get('auto_optimize', target.auto_optimize) and fabricspark_file_format() == 'delta' -%}
    {%- set zorder = config.get('zorder', []) -%}
    {%- call statement('optimize') -%}
      optimize {{ relation }}
      {%- if zorder %} zorder by ({{ zorder if zorder is string else zorder | join(', ') }}){% endif %}
    {%- endcall -%}
  {%- endif -%}
{% endmacro %}

{#- The database is the lakehouse, behind its workspace where the model names another one. -#}
{% macro fabricspark__generate_database_name(custom_database_name=none, node=none) -%}
  {%- set database = custom_database_name or target.database or none -%}
  {%- set workspace = node.config.get('workspace_name') or node.config.get('meta', {}).get('workspace_name') if node is not none else none -%}
  {{ return(adapter.database_in_workspace(database, workspace)) }}
{%- endmacro %}

{% macro fabricspark__list_schemas(database) -%}
  {%- call statement('list_schemas', fetch_result=True, auto_begin=False) -%}
    show databases {{- adapter.of_lakehouse(database) }}
  {%- endcall -%}
  {{ return(load_result('list_schemas').table) }}
{% endmacro %}

{% macro list_relations_show_tables_without_caching(schema_relation) %}
  {%- call statement('list_relations_without_caching_show_tables', fetch_result=True) -%}
    show tables in {{ schema_relation.without_identifier() }} like '*'
  {%- endcall -%}
  {{ return(load_result('list_relations_without_caching_show_tables').table) }}
{% endmacro %}

{% macro fabricspark_describe_detail(relation) %}
  {%- call statement('describe_detail', fetch_result=True) -%}
    describe detail {{ relation }}
  {%- endcall -%}
  {{ return(load_result('describe_detail').table) }}
{% endmacro %}

{% macro fabricspark_now() %}
  {%- call statement('now', fetch_result=True) -%}
    select {{ current_timestamp() }} as now
  {%- endcall -%}
  {{ return(load_result('now').table) }}
{% endmacro %}

{#- What a relation's kind is called in a statement. -#}
{% macro fabricspark_kind(relation) %}
  {%- if not relation.type -%}
    {%- do exceptions.raise_database_error("it is not known what kind of relation " ~ relation ~ " is") -%}
  {%- endif -%}
  {{ return('materialized lake view' if relation.is_materialized_view else relation.type) }}
{% endmacro %}

{% macro fabricspark__drop_relation(relation) -%}
  {%- call statement('drop_relation', auto_begin=False) -%}
    drop {{ fabricspark_kind(relation) }} if exists {{ relation }}
  {%- endcall -%}
{%- endmacro %}

{% macro fabricspark__rename_relation(from_relation, to_relation) -%}
  {%- call statement('rename_relation') -%}
    alter {{ fabricspark_kind(from_relation) }} {{ from_relation }} rename to {{ to_relation }}
  {%- endcall -%}
{%- endmacro %}
