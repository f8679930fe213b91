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

{#-
  dbt-spark's multiplies an interval such as `n - 1`, that of date_spine, without parentheses, and loses what is shorter
  than a second. A date that cannot be read stays an error.
-#}
{% macro fabricspark__dateadd(datepart, interval, from_date_or_timestamp) %}
  {%- set units = ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second', 'millisecond', 'microsecond'] -%}
  {%- if datepart | lower not in units -%}
    {%- do exceptions.raise_compiler_error("dateadd knows " ~ units | join(', ') ~ ", but not '" ~ datepart ~ "'") -%}
  {%- endif -%}
  timestampadd({{ datepart }}, cast(({{ interval }}) as int), {{ assert_not_null('to_timestamp', from_date_or_timestamp) }})
{%- endmacro %}
