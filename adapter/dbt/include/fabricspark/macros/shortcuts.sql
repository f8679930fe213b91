{#- dbt run-operation create_shortcuts --args '{shortcuts: [{path: Tables/raw, shortcut_name: orders, source_workspace_id: …,
    source_item_id: …, source_path: Tables/dbo/orders}]}' -#}
{% macro create_shortcuts(shortcuts) %}
  {%- if execute -%}
    {%- set made = adapter.create_shortcuts(shortcuts) -%}
    {%- do log(made | length ~ ' of ' ~ shortcuts | length ~ ' shortcuts made or changed' ~ (': ' ~ made | join(', ') if made else ''), info=true) -%}
  {%- endif -%}
{% endmacro %}
