{% materialization incremental, adapter='fabricspark', supported_languages=['sql', 'python'] -%}
  {%- set language = model['language'] -%}
  {%- set strategy = config.get('incremental_strategy') or 'append' -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') -%}
  {%- do fabricspark_validate_incremental(strategy) -%}

  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set full_refresh = should_full_refresh() -%}

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
  {%- elif existing_relation.is_view or full_refresh -%}
    {%- do fabricspark_replace_table(existing_relation, target_relation, compiled_code, language) -%}
    {%- do persist_constraints(target_relation, model) -%}
  {%- else -%}
    {%- set source = fabricspark_incremental_source(strategy, on_schema_change, compiled_code, language) -%}
    {%- set dest_columns = none -%}
    {%- if on_schema_change != 'ignore' -%}
      {%- set dest_columns = process_schema_changes(on_schema_change, source, existing_relation) -%}
    {%- endif -%}
    {%- if not dest_columns and fabricspark_needs_columns(strategy) -%}
      {%- set dest_columns = adapter.get_columns_in_relation(existing_relation) -%}
    {%- endif -%}
    {%- set arguments = {
      'target_relation': existing_relation,
      'temp_relation': source,
      'unique_key': config.get('unique_key'),
      'dest_columns': dest_columns,
      'incremental_predicates': config.get('predicates') or config.get('incremental_predicates'),
    } -%}
    {%- set strategy_sql = adapter.get_incremental_strategy_macro(context, strategy) -%}
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

  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{% macro fabricspark_validate_incremental(strategy) %}
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


{#- Our own strategies read the model's query itself: nothing that a new session would not know. A temporary view is
    made where its columns must be asked for, where a strategy is the user's, and where the query is read twice. -#}
{% macro fabricspark_incremental_source(strategy, on_schema_change, compiled_code, language) %}
  {%- if language == 'python' -%}
    {%- set source = this.incorporate(path={'identifier': this.identifier ~ '__dbt_tmp'}, type='table') -%}
  {%- elif on_schema_change == 'ignore' and strategy in ['append', 'merge', 'microbatch'] -%}
    {{ return('(\n' ~ compiled_code ~ '\n)') }}
  {%- else -%}
    {%- set source = make_temp_relation(this) -%}
  {%- endif -%}
  {%- call statement('create_tmp_relation', language=language) -%}
    {{ create_table_as(True, source, compiled_code, language) }}
  {%- endcall -%}
  {{ return(source) }}
{% endmacro %}


{#- A merge that updates everything says `*`, and Spark matches the names itself. -#}
{% macro fabricspark_needs_columns(strategy) %}
  {{ return(strategy != 'merge' or config.get('merge_exclude_columns') is not none) }}
{% endmacro %}
