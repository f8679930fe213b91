{#- One statement per strategy, and nothing in it depends on a setting of the session: either it happened or it did not. -#}

{#- A NULL of a column's type. Spark cuts the type of a long struct when it describes a table, and does not quote its
    fields: such a NULL takes the type of what it stands beside. -#}
{% macro fabricspark_null_of(column) %}
  {{- return('null' if '<' in column.data_type else 'cast(null as ' ~ column.data_type ~ ')') -}}
{% endmacro %}

{#- Predicates, all of which must be true; each may hold an `or`. -#}
{% macro fabricspark_all_of(predicates) %}
  {{- return('(' ~ predicates | join(')\n    and (') ~ ')') -}}
{% endmacro %}

{#- What the query has for a column of the table: NULL if it is known not to have it. -#}
{% macro fabricspark_given(arguments, column) %}
  {%- set given = arguments['source_columns'] -%}
  {%- set is_there = given is none or column.name | lower in given | map(attribute='name') | map('lower') | list -%}
  {{- return(column.quoted if is_there else fabricspark_null_of(column)) -}}
{% endmacro %}

{#- The table's columns in its own order. -#}
{% macro fabricspark_select_list(arguments) %}
  {%- for column in arguments['dest_columns'] -%}
    {%- set given = fabricspark_given(arguments, column) -%}
    {{ given }}{{ ' as ' ~ column.quoted if given != column.quoted }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}

{% macro fabricspark__get_incremental_append_sql(arguments) %}
  insert into {{ arguments['target_relation'] }}
  select {{ fabricspark_select_list(arguments) }} from {{ arguments['temp_relation'] }}
{% endmacro %}


{% macro fabricspark__get_incremental_merge_sql(arguments) %}
  {{ return(get_merge_sql(
    arguments['target_relation'], arguments['temp_relation'], arguments['unique_key'],
    arguments['source_columns'] or arguments['dest_columns'], arguments['incremental_predicates']
  )) }}
{% endmacro %}

{% macro fabricspark__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) %}
  {%- set dest = config.get('target_alias', 'DBT_INTERNAL_DEST') -%}
  {%- set src = config.get('source_alias', 'DBT_INTERNAL_SOURCE') -%}
  {%- set predicates = [] + (incremental_predicates or []) -%}
  {%- for key in ([] if not unique_key else [unique_key] if unique_key is string else unique_key) -%}
    {%- do predicates.append(src ~ '.' ~ key ~ ' = ' ~ dest ~ '.' ~ key) -%}
  {%- endfor -%}
  {%- if not unique_key -%}{%- do predicates.append('FALSE') -%}{%- endif -%}
  {%- set update_columns = get_merge_update_columns(
    config.get('merge_update_columns'), config.get('merge_exclude_columns'), dest_columns or []
  ) -%}
  {%- if dest_columns and not update_columns -%}
    {%- set update_columns = dest_columns | map(attribute='quoted') | list -%}
  {%- endif -%}
  merge {{ 'with schema evolution ' if config.get('merge_with_schema_evolution') }}into {{ target }} as {{ dest }}
  using {{ source }} as {{ src }}
  on {{ fabricspark_all_of(predicates) }}
  {%- if not config.get('skip_matched_step') %}
  when matched {{- ' and ' ~ config.get('matched_condition') if config.get('matched_condition') }} then update set
    {%- if update_columns %}
      {%- for column in update_columns %}
      {{ column }} = {{ src }}.{{ column }}{{ ',' if not loop.last }}
      {%- endfor %}
    {%- else %} *
    {%- endif %}
  {%- endif %}
  {%- if not config.get('skip_not_matched_step') %}
  when not matched {{- ' and ' ~ config.get('not_matched_condition') if config.get('not_matched_condition') }} then insert
    {%- if dest_columns %} ({{ dest_columns | map(attribute='quoted') | join(', ') }})
    values ({% for column in dest_columns %}{{ src }}.{{ column.quoted }}{{ ', ' if not loop.last }}{% endfor %})
    {%- else %} *
    {%- endif %}
  {%- endif %}
  {%- set action = config.get('not_matched_by_source_action') %}
  {%- if action %}
  when not matched by source
    {{- ' and ' ~ config.get('not_matched_by_source_condition') if config.get('not_matched_by_source_condition') }} then {{ action }}
  {%- endif %}
{% endmacro %}


{#- In one statement: every key of the new rows stands in the source once more as an order to delete. The columns of the
    source have names of their own, so that predicates may name those of the table as they do elsewhere. -#}
{% macro fabricspark__get_incremental_delete_insert_sql(arguments) %}
  {%- set keys = [arguments['unique_key']] if arguments['unique_key'] is string else arguments['unique_key'] -%}
  {%- set columns = arguments['dest_columns'] -%}
  {%- set on = ['DBT_INTERNAL_SOURCE.__dbt_deletes'] -%}
  {%- for key in keys -%}
    {%- do on.append('DBT_INTERNAL_DEST.' ~ key ~ ' = DBT_INTERNAL_SOURCE.__dbt_key_' ~ loop.index) -%}
  {%- endfor -%}
  merge into {{ arguments['target_relation'] }} as DBT_INTERNAL_DEST
  using (
    select false as __dbt_deletes
      {%- for key in keys %}, {{ key }} as __dbt_key_{{ loop.index }}{% endfor %}
      {%- for column in columns %}, {{ fabricspark_given(arguments, column) }} as __dbt_column_{{ loop.index }}{% endfor %}
    from {{ arguments['temp_relation'] }}
    union all
    select true{% for key in keys %}, {{ key }}{% endfor %}{% for column in columns %}, {{ fabricspark_null_of(column) }}{% endfor %}
    from (select distinct {{ keys | join(', ') }} from {{ arguments['temp_relation'] }}) as __dbt_keys
  ) as DBT_INTERNAL_SOURCE
  on {{ fabricspark_all_of(on + (arguments['incremental_predicates'] or [])) }}
  when matched then delete
  when not matched and not DBT_INTERNAL_SOURCE.__dbt_deletes then insert ({{ columns | map(attribute='quoted') | join(', ') }})
    values ({% for column in columns %}DBT_INTERNAL_SOURCE.__dbt_column_{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %})
{% endmacro %}


{#- The partitions to replace are named in the statement. Spark's dynamic mode would need `set`, which a session that
    takes another's place does not know: the same statement would then empty the whole table. -#}
{% macro fabricspark__get_incremental_insert_overwrite_sql(arguments) %}
  {%- set columns = fabricspark_select_list(arguments) -%}
  {%- set target = arguments['target_relation'] -%}
  {%- set partitions = config.get('partition_by') -%}
  {%- if not partitions %}
    insert overwrite table {{ target }}
    select {{ columns }} from {{ arguments['temp_relation'] }}
  {%- else -%}
    {%- set names = [partitions] if partitions is string else partitions -%}
    {%- set values = run_query(adapter.partition_values_sql(arguments['temp_relation'], names)) -%}
    {%- if values.rows | length == 0 %}
    select 'no rows, so no partition is replaced' as note
    {%- elif target.is_delta %}
    insert into {{ target }}
    replace where {{ adapter.partition_condition(names, arguments['dest_columns'], values.rows) }}
    select {{ columns }} from {{ arguments['temp_relation'] }}
    {%- else -%}
      {%- set statements = fabricspark_overwrite_partitions(arguments, names, values.rows) -%}
      {%- for sql in statements[:-1] -%}
        {%- call statement('overwrite_partition') -%}{{ sql }}{%- endcall -%}
      {%- endfor -%}
      {{ statements[-1] }}
    {%- endif %}
  {%- endif %}
{% endmacro %}

{#- One statement for each partition: only Delta replaces several in one. Each may be run again. -#}
{% macro fabricspark_overwrite_partitions(arguments, names, rows) %}
  {%- set keys = names | map('trim') | map('replace', '`', '') | map('lower') | list -%}
  {%- set others = [] -%}
  {%- for column in arguments['dest_columns'] if column.name | lower not in keys -%}
    {%- do others.append(column) -%}
  {%- endfor -%}
  {%- set columns = fabricspark_select_list(dict(arguments, dest_columns=others)) -%}
  {%- set statements = [] -%}
  {%- for row in rows -%}
    {%- do statements.append(
      'insert overwrite table ' ~ arguments['target_relation'] ~ ' partition (' ~ adapter.partition_spec(names, row) ~ ')'
      ~ '\nselect ' ~ columns ~ ' from ' ~ arguments['temp_relation']
      ~ '\nwhere ' ~ adapter.partition_condition(names, arguments['dest_columns'], [row])
    ) -%}
  {%- endfor -%}
  {{ return(statements) }}
{% endmacro %}


{#- The batch's own span of event time is replaced, in words that equal the filter dbt puts on the inputs. -#}
{% macro fabricspark__get_incremental_microbatch_sql(arguments) %}
  {%- set start = model.config.get('__dbt_internal_microbatch_event_time_start') -%}
  {%- set end = model.config.get('__dbt_internal_microbatch_event_time_end') -%}
  {%- set field = config.get('event_time') -%}
  {%- if not start or not end -%}
    {%- do exceptions.raise_compiler_error("incremental_strategy 'microbatch' needs event_time, begin and batch_size") -%}
  {%- endif -%}
  insert into {{ arguments['target_relation'] }}
  replace where {{ field }} >= '{{ start }}' and {{ field }} < '{{ end }}'
  select {{ fabricspark_select_list(arguments) }} from {{ arguments['temp_relation'] }}
{% endmacro %}
