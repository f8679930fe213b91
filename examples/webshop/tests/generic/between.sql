{#- Rows whose value is outside [minimum, maximum]; NULL passes, not_null is a test of its own. -#}
{% test between(model, column_name, minimum, maximum) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} < {{ minimum }} or {{ column_name }} > {{ maximum }}

{% endtest %}
