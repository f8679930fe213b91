{% materialization table, adapter='fabricspark', supported_languages=['sql', 'python'] %}
  {%- set old_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}

  {{ run_hooks(pre_hooks) }}
  {%- do fabricspark_replace_table(old_relation, target_relation, compiled_code, model['language']) -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke(old_relation, full_refresh_mode=True)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do persist_constraints(target_relation, model) -%}
  {%- do fabricspark_optimize(target_relation) -%}
  {{ run_hooks(post_hooks) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
