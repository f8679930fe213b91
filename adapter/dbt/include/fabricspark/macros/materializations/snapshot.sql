{% materialization snapshot, adapter='fabricspark' %}
  {%- set target_name = model.get('alias', model.get('name')) -%}
  {%- set exists, target_relation = get_or_create_relation(
    database=this.database, schema=model.schema, identifier=target_name, type='table'
  ) -%}
  {%- do fabricspark_validate_snapshot(exists, target_relation) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks) }}

  {%- set strategy = strategy_dispatch(config.get('strategy'))(
    dict(model, database=model.get('database')), 'snapshotted_data', 'source_data', model['config'], exists
  ) -%}
  {%- if not exists -%}
    {%- set build_sql = build_snapshot_table(strategy, model['compiled_code']) -%}
    {#- Not `or replace`: history that dbt did not see must survive. -#}
    {%- set final_sql = fabricspark_create_table_as(target_relation, build_sql, replace=false) -%}
  {%- else -%}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- do adapter.assert_valid_snapshot_target_given_strategy(target_relation, columns, strategy) -%}
    {#- Read where it is used, so that no view is left in the lakehouse and none can be missing from the session. -#}
    {%- set staging = '(\n' ~ snapshot_staging_table(strategy, sql, target_relation) ~ '\n)' -%}
    {%- set known = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | map('lower') | list -%}
    {%- set helpers = ['dbt_change_type', 'dbt_unique_key'] -%}
    {%- for key in (strategy.unique_key if strategy.unique_key | is_list else []) -%}
      {%- do helpers.append('dbt_unique_key_' ~ loop.index) -%}
    {%- endfor -%}
    {%- set missing = [] -%}
    {%- set given = [] -%}
    {%- for column in get_column_schema_from_query('select * from ' ~ staging) if column.name | lower not in helpers -%}
      {%- do given.append(column.quoted) -%}
      {%- do missing.append(column) if column.name | lower not in known -%}
    {%- endfor -%}
    {%- do create_columns(target_relation, missing) -%}
    {%- set final_sql = snapshot_merge_sql(target=target_relation, source=staging, insert_cols=given) -%}
  {%- endif -%}

  {%- call statement('main') -%}
    {{ final_sql }}
  {%- endcall -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke(exists, full_refresh_mode=False)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do fabricspark_optimize(target_relation) -%}
  {{ run_hooks(post_hooks) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro fabricspark_validate_snapshot(exists, target_relation) %}
  {%- set formats = ['delta', 'iceberg', 'hudi'] -%}
  {%- if fabricspark_file_format() not in formats -%}
    {%- do exceptions.raise_compiler_error(
      "Invalid file format: " ~ fabricspark_file_format() ~ "\nSnapshots need file_format 'delta', 'iceberg' or 'hudi'"
    ) -%}
  {%- endif -%}
  {%- if not target_relation.is_table -%}
    {%- do exceptions.relation_wrong_type(target_relation, 'table') -%}
  {%- endif -%}
  {%- if exists and not (target_relation.is_delta or target_relation.is_iceberg or target_relation.is_hudi) -%}
    {%- do exceptions.raise_compiler_error(
      "The existing table " ~ target_relation ~ " is in another format than 'delta', 'iceberg' or 'hudi'"
    ) -%}
  {%- endif -%}
{% endmacro %}


{% macro fabricspark__create_columns(relation, columns) %}
  {%- do alter_relation_add_remove_columns(relation, columns, none) if columns -%}
{% endmacro %}


{#- dbt-spark's inserts `*`, which Delta refuses for a table with a column that the source has no more. -#}
{% macro fabricspark__snapshot_merge_sql(target, source, insert_cols) %}
  {{ return(default__snapshot_merge_sql(target, source, insert_cols)) }}
{% endmacro %}
