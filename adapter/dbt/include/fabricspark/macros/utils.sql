{#- dbt's utilities where Spark has its own word, or dbt-spark's is not right. -#}

{#- Spark counts from the end too, and takes the delimiter as it is; dbt-spark's takes it for a regular expression. -#}
{% macro fabricspark__split_part(string_text, delimiter_text, part_number) -%}
  split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}

{#- A timestamp of Spark's is an instant, the same in every time zone. dbt's own write `::`, which Spark 3.5 does not read. -#}
{% macro fabricspark__current_timestamp_backcompat() -%}
  current_timestamp()
{%- endmacro %}
{% macro fabricspark__current_timestamp_in_utc_backcompat() -%}
  current_timestamp()
{%- endmacro %}
