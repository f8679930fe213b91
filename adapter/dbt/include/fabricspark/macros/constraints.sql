{# Delta outside Databricks cannot make a column NOT NULL once it is there ("Cannot change nullable column to
   non-nullable"), but it takes a check that says the same. A new table has none yet; an incremental one keeps its own. #}
{% macro fabricspark__alter_column_set_constraints(relation, column_dict) %}
  {% for column_name in column_dict %}
    {% for constraint in column_dict[column_name]['constraints'] %}
      {% if constraint.type != 'not_null' %}
        {{ exceptions.warn('Constraint ' ~ constraint.type ~ ' of column ' ~ column_name ~ ' is left out; of a column, only not_null is kept.') }}
      {% elif not is_incremental() %}
        {% set column = adapter.quote(column_name) if column_dict[column_name]['quote'] else column_name %}
        {% call statement() %}
          alter table {{ relation }} add constraint {{ adapter.quote('not_null_' ~ column_name | lower) }} check ({{ column }} is not null)
        {% endcall %}
      {% endif %}
    {% endfor %}
  {% endfor %}
{% endmacro %}
