{#- A seed is complete before anybody sees it: the old rows stay until one statement puts the new ones in their place. -#}
{% materialization seed, adapter='fabricspark' %}
  {%- set old_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- if old_relation is not none and old_relation.is_view -%}
    {%- do exceptions.raise_compiler_error("Cannot seed to '" ~ old_relation ~ "', it is a view") -%}
  {%- endif -%}
  {%- set agate_table = load_agate_table() -%}
  {%- do store_result('agate_table', response='OK', agate_table=agate_table) -%}
  {%- set rows = agate_table.rows | length -%}
  {%- set full_refresh = should_full_refresh() -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks) }}

  {%- set query = fabricspark_load_seed(target_relation, agate_table) -%}
  {%- set built = fabricspark_building_site(old_relation, target_relation) -%}
  {%- set sql = fabricspark_create_seed(built, agate_table, query) -%}
  {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
  {%- do fabricspark_take_place(old_relation, built, target_relation) -%}
  {%- if rows > get_batch_size() -%}
    {%- do adapter.drop_relation(fabricspark_seed_staging(target_relation)) -%}
  {%- endif -%}
  {%- set code = 'CREATE' if full_refresh else 'INSERT' -%}
  {%- call noop_statement('main', code ~ ' ' ~ rows, code, rows) -%}
    {{ sql }}
  {%- endcall -%}

  {%- do apply_grants(target_relation, config.get('grants'), should_revoke(old_relation, full_refresh)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {{ run_hooks(post_hooks) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- Rows per statement: few round trips, and a statement of a size that Spark still parses quickly. -#}
{% macro fabricspark__get_batch_size() %}
  {{ return(2000) }}
{% endmacro %}

{% macro fabricspark_seed_staging(relation) %}
  {{ return(relation.incorporate(path={'identifier': relation.identifier ~ '__dbt_seed'})) }}
{% endmacro %}


{#- The query that yields the seed's rows; a large seed is gathered in a table beside it first. -#}
{% macro fabricspark_load_seed(relation, agate_table) %}
  {%- set types = fabricspark_seed_types(agate_table) -%}
  {%- set rows = agate_table.rows | length -%}
  {%- set batch_size = get_batch_size() -%}
  {%- if rows == 0 -%}
    {{ return(none) }}
  {%- elif rows <= batch_size -%}
    {{ return('select * from ' ~ adapter.seed_values_sql(agate_table, types, 0, batch_size)) }}
  {%- endif -%}
  {%- set staging = fabricspark_seed_staging(relation) -%}
  {%- if not fabricspark_can_replace() -%}
    {%- do adapter.drop_relation(staging) -%}
  {%- endif -%}
  {#- Not where the seed itself is to be: `location_root` is for that. -#}
  {%- do adapter.add_query(fabricspark_create_seed(staging, agate_table, none, located=false)) -%}
  {%- for start in range(0, rows, batch_size) -%}
    {%- set sql = 'insert into ' ~ staging ~ ' select * from ' ~ adapter.seed_values_sql(agate_table, types, start, batch_size) -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
  {%- endfor -%}
  {{ return('select * from ' ~ staging) }}
{% endmacro %}


{% macro fabricspark_seed_types(agate_table) %}
  {%- set declared = model['config'].get('column_types', {}) -%}
  {%- set types = [] -%}
  {%- for name in agate_table.column_names -%}
    {%- do types.append(declared.get(name, adapter.convert_type(agate_table, loop.index0))) -%}
  {%- endfor -%}
  {{ return(types) }}
{% endmacro %}


{% macro fabricspark_create_seed(relation, agate_table, query, located=true) -%}
  create {{ 'or replace ' if fabricspark_can_replace() }}table {{ relation }}
  {%- if query is none %} (
    {%- set types = fabricspark_seed_types(agate_table) -%}
    {%- for name in agate_table.column_names -%}
      {{ adapter.quote_seed_column(name | string, model['config'].get('quote_columns')) }} {{ types[loop.index0] }}{{ ', ' if not loop.last }}
    {%- endfor -%}
  )
  {%- endif %}
  {{ fabricspark_table_clauses(located) }}
  {%- if query is not none %}
  as
  {{ query }}
  {%- endif %}
{%- endmacro %}
