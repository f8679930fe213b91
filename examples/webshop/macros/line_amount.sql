{#- What a line costs: exact, eight decimals, never a float. -#}
{% macro line_amount(quantity, unit_price, discount_rate) -%}
    cast({{ quantity }} * {{ unit_price }} * (1 - {{ discount_rate }}) as decimal(24, 8))
{%- endmacro %}
