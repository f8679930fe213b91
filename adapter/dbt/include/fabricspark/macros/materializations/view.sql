{#- Replaced in place; a table of the name stays until the view that follows it is known to be good. -#}
{% materialization view, adapter='fabricspark' -%}
  {%- set old_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set in_place = old_relation is none or old_relation.is_view -%}
  {%- set built = target_relation if in_place else target_relation.incorporate(path={'identifier': this.identifier ~ '__dbt_new'}) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks) }}
  {%- call statement('main') -%}
    {{ get_create_view_as_sql(built, sql) }}
  {%- endcall -%}
  {%- if not in_place -%}
    {%- do adapter.drop_relation(old_relation) -%}
    {%- do adapter.rename_relation(built, target_relation) -%}
  {%- endif -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke(old_relation, full_refresh_mode=True)) -%}
  {{ run_hooks(post_hooks) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}
