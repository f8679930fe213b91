{#-
  Macros that dbt_utils dispatches and whose default forms Spark cannot run, or runs wrong. dbt looks here only if the
  project says so: dispatch: [{macro_namespace: dbt_utils, search_order: [the project's name, dbt, dbt_utils]}].
-#}

{#- Spark has no information_schema; the listing of each schema says the same. `%` and `_` are SQL's, case does not count. -#}
{% macro fabricspark__get_relations_by_pattern(schema_pattern, table_pattern, exclude='', database=target.database) %}
  {{ return(adapter.relations_like(database, schema_pattern, table_pattern, exclude)) }}
{% endmacro %}

{% macro fabricspark__get_relations_by_prefix(schema, prefix, exclude='', database=target.database) %}
  {{ return(adapter.relations_like(database, schema, prefix ~ '%', exclude)) }}
{% endmacro %}

{#- The default joins the rows with themselves, which loses each that has a NULL. The row travels whole, as a struct. -#}
{% macro fabricspark__deduplicate(relation, partition_by, order_by) %}
    select _dbt_numbered._dbt_row.*
    from (
      select
        struct(_dbt_inner.*) as _dbt_row,
        row_number() over (partition by {{ partition_by }} order by {{ order_by }}) as _dbt_number
      from {{ relation }} as _dbt_inner
    ) as _dbt_numbered
    where _dbt_number = 1
{% endmacro %}
