{% materialization table, adapter='fabricspark', supported_languages=['sql', 'python'] %}
  {%- set old_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks) }}
  {%- set built = fabricspark_building_site(old_relation, target_relation) -%}
  {%- call statement('main', language=model['language']) -%}
    {{ create_table_as(False, built, compiled_code, model['language']) }}
  {%- endcall -%}
  {%- do fabricspark_take_place(old_relation, built, target_relation) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke(old_relation, full_refresh_mode=True)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do persist_constraints(target_relation, model) -%}
  {%- do fabricspark_optimize(target_relation) -%}
  {{ run_hooks(post_hooks) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
