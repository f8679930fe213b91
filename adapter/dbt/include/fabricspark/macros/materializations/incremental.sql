{% materialization incremental, adapter='fabricspark', supported_languages=['sql', 'python'] -%}
  {%- set language = model['language'] -%}
  {%- set strategy = config.get('incremental_strategy') or 'append' -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
  {%- do fabricspark_validate_incremental(strategy) -%}
  {%- set strategy_sql = adapter.get_incremental_strategy_macro(context, strategy) -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set full_refresh = should_full_refresh() -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks) }}

  {%- if existing_relation is none -%}
    {#- Not `or replace`: if dbt is wrong about there being no table, the server has the last word. -#}
    {%- call statement('main', language=language) -%}
      {%- if language == 'sql' -%}
        {{ fabricspark_create_table_as(target_relation, compiled_code, replace=false) }}
      {%- else -%}
        {{ create_table_as(False, target_relation, compiled_code, language) }}
      {%- endif -%}
    {%- endcall -%}
    {%- do persist_constraints(target_relation, model) -%}
  {%- elif not existing_relation.is_table or full_refresh -%}
    {%- set built = fabricspark_building_site(existing_relation, target_relation) -%}
    {%- call statement('main', language=language) -%}
      {{ create_table_as(False, built, compiled_code, language) }}
    {%- endcall -%}
    {%- do fabricspark_take_place(existing_relation, built, target_relation) -%}
    {%- do persist_constraints(target_relation, model) -%}
  {%- else -%}
    {%- set source = fabricspark_incremental_source(strategy, compiled_code, language) -%}
    {#- Here, because dbt lets nobody but a materialization run Python. -#}
    {%- if source is not string -%}
      {%- call statement('create_tmp_relation', language=language) -%}
        {{ create_table_as(True, source, compiled_code, language) }}
      {%- endcall -%}
    {%- endif -%}
    {%- set source_columns = none -%}
    {%- set dest_columns = none -%}
    {%- if on_schema_change != 'ignore' -%}
      {%- set source_columns = get_column_schema_from_query('select * from ' ~ source) -%}
      {%- set dest_columns = fabricspark_sync_columns(on_schema_change, source_columns, existing_relation) -%}
    {%- elif fabricspark_needs_columns(strategy) -%}
      {%- set dest_columns = adapter.get_columns_in_relation(existing_relation) -%}
    {%- endif -%}
    {%- set arguments = {
      'target_relation': existing_relation,
      'temp_relation': source,
      'unique_key': config.get('unique_key'),
      'dest_columns': dest_columns,
      'source_columns': source_columns,
      'incremental_predicates': config.get('predicates') or config.get('incremental_predicates'),
    } -%}
    {%- call statement('main') -%}
      {{ strategy_sql(arguments) }}
    {%- endcall -%}
    {%- if language == 'python' -%}
      {%- do adapter.drop_relation(source) -%}
    {%- endif -%}
  {%- endif -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke(existing_relation, full_refresh)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do fabricspark_optimize(target_relation) -%}
  {{ run_hooks(post_hooks) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{% macro fabricspark_validate_incremental(strategy) %}
  {%- do fabricspark_refuse_sql_header() -%}
  {%- set file_format = fabricspark_file_format() -%}
  {%- if strategy in ['merge', 'delete+insert', 'microbatch'] and file_format not in ['delta', 'iceberg', 'hudi'] -%}
    {%- do exceptions.raise_compiler_error(
      "Invalid incremental strategy provided: " ~ strategy ~ "\nIt needs file_format 'delta', and this model has '" ~ file_format ~ "'"
    ) -%}
  {%- endif -%}
  {%- if strategy == 'delete+insert' and not config.get('unique_key') -%}
    {%- do exceptions.raise_compiler_error("incremental_strategy 'delete+insert' needs a unique_key") -%}
  {%- endif -%}
{% endmacro %}


{#- Our own strategies read the model's query itself: nothing is left in the session, and nothing that another session
    would not know. Only a strategy of the user's gets the temporary view it expects, and a merge of a query that has CTEs
    and looks into its own table: in a MERGE, Delta 3.2 on Spark 3.5 cannot read that table in a subquery beside CTEs. -#}
{% macro fabricspark_incremental_source(strategy, compiled_code, language) %}
  {%- if language == 'python' -%}
    {{ return(this.incorporate(path={'identifier': this.identifier ~ '__dbt_tmp'}, type='table')) }}
  {%- elif strategy in adapter.valid_incremental_strategies() and not (
    strategy in ['merge', 'delete+insert']
    and modules.re.search('\\bwith\\b', compiled_code, modules.re.IGNORECASE)
    and this.identifier | lower in compiled_code | lower
  ) -%}
    {{ return('(\n' ~ (compiled_code | trim).rstrip(';') ~ '\n)') }}
  {%- endif -%}
  {{ return(make_temp_relation(this)) }}
{% endmacro %}


{#- Brings the table's columns up to the query's, as `on_schema_change` says; returns the columns it has then. -#}
{% macro fabricspark_sync_columns(on_schema_change, source_columns, target_relation) %}
  {%- set target_columns = adapter.get_columns_in_relation(target_relation) -%}
  {#- Of a struct whose description Spark cuts, nobody can say whether it is another. -#}
  {%- set cut = [] -%}
  {%- for column in target_columns if 'more fields>' in column.data_type -%}
    {%- do cut.append(column.name) -%}
  {%- endfor -%}
  {%- set changes = {
    'source_not_in_target': diff_columns(source_columns, target_columns),
    'target_not_in_source': diff_columns(target_columns, source_columns),
    'new_target_types': diff_column_data_types(source_columns, target_columns) | rejectattr('column_name', 'in', cut) | list,
  } -%}
  {%- if not (changes.source_not_in_target or changes.target_not_in_source or changes.new_target_types) -%}
    {{ return(target_columns) }}
  {%- endif -%}
  {%- if on_schema_change == 'fail' -%}
    {%- do exceptions.raise_compiler_error(
      "The source and target schemas on this incremental model are out of sync!\n"
      ~ "They can be reconciled in several ways: set on_schema_change to append_new_columns or sync_all_columns, "
      ~ "or run the model with --full-refresh.\n"
      ~ "Source columns not in target: " ~ changes.source_not_in_target ~ "\n"
      ~ "Target columns not in source: " ~ changes.target_not_in_source ~ "\n"
      ~ "New column types: " ~ changes.new_target_types
    ) -%}
  {%- endif -%}
  {%- do sync_column_schemas(on_schema_change, target_relation, changes) -%}
  {{ return(adapter.get_columns_in_relation(target_relation)) }}
{% endmacro %}


{#- A merge that updates everything says `*`, and Spark matches the names itself. -#}
{% macro fabricspark_needs_columns(strategy) %}
  {{ return(strategy != 'merge' or config.get('merge_exclude_columns') is not none) }}
{% endmacro %}
