{#- The exports spell the empty string as a word, because CSV cannot tell it from a missing value. -#}
{% macro empty_string(column) -%}
    case when {{ column }} = '<empty>' then '' else {{ column }} end
{%- endmacro %}
