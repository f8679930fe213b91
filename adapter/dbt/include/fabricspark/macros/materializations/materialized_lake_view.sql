{#- Created when it is new or its definition has changed, refreshed otherwise. The definition is remembered as a property of
    the view. -#}
{% materialization materialized_lake_view, adapter='fabricspark' %}
  {%- set old_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='materialized_view') -%}
  {%- do fabricspark_refuse_sql_header() -%}
  {%- set problem = adapter.lake_views_problem(target_relation) -%}
  {%- if problem -%}
    {%- do exceptions.raise_compiler_error(problem) -%}
  {%- endif -%}
  {%- set schedule = config.get('mlv_schedule') -%}
  {%- set clauses = fabricspark_lake_view_clauses() -%}
  {%- set definition = local_md5(clauses ~ sql) -%}
  {%- set is_one = old_relation is not none and old_relation.is_materialized_view -%}
  {%- set is_kept = is_one and not should_full_refresh() -%}
  {%- set is_same = is_kept and fabricspark_lake_view_definition(old_relation) == definition -%}
  {%- if is_kept and not is_same and not fabricspark_applies_changes(target_relation) -%}
    {%- call noop_statement('main', 'KEPT AS IT WAS', 'KEPT', none) -%}{%- endcall -%}
    {{ return({'relations': [target_relation]}) }}
  {%- endif -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks) }}
  {%- if is_same and schedule -%}
    {%- call noop_statement('main', 'SCHEDULED', 'SCHEDULED', none) -%}{%- endcall -%}
  {%- elif is_same and config.get('mlv_on_demand') -%}
    {%- set job = adapter.refresh_by_job(target_relation, config.get('mlv_timeout')) -%}
    {%- call noop_statement('main', 'REFRESHED BY JOB ' ~ job, 'REFRESH', none) -%}{%- endcall -%}
  {%- elif is_same -%}
    {%- call statement('main') -%}
      refresh materialized lake view {{ target_relation }}
    {%- endcall -%}
  {%- else -%}
    {%- do log('Applying REPLACE to: ' ~ old_relation) if old_relation is not none -%}
    {#- Fabric does not let every change of a definition replace a view: then the new one is built beside it. -#}
    {%- set in_place = old_relation is none or (is_one and not config.get('mlv_allow_schema_evolution')) -%}
    {%- set built = target_relation if in_place else target_relation.incorporate(path={'identifier': this.identifier ~ '__dbt_new'}) -%}
    {%- if not in_place -%}
      {%- do adapter.drop_relation(built) -%}
    {%- endif -%}
    {%- call statement('main') -%}
      create or replace materialized lake view {{ built }}
      {{- fabricspark_lake_view_clauses(definition) }}
      as
      {{ sql }}
    {%- endcall -%}
    {%- if not in_place -%}
      {%- do adapter.drop_relation(old_relation) -%}
      {%- do adapter.rename_relation(built, target_relation) -%}
    {%- endif -%}
  {%- endif -%}
  {%- if schedule -%}
    {%- do adapter.schedule_refresh(target_relation, schedule) -%}
  {%- endif -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke(old_relation, full_refresh_mode=True)) -%}
  {{ run_hooks(post_hooks) }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}

  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{#- dbt's own word for it. -#}
{% materialization materialized_view, adapter='fabricspark' %}
  {{ return(context['materialization_materialized_lake_view_fabricspark']()) }}
{% endmaterialization %}


{#- Whether a changed definition is to replace the view, as `on_configuration_change` says. -#}
{% macro fabricspark_applies_changes(relation) %}
  {%- set wish = config.get('on_configuration_change') or 'apply' -%}
  {%- set message = "Configuration changes were identified and `on_configuration_change` was set to `" ~ wish ~ "` for `" ~ relation ~ "`" -%}
  {%- if wish == 'fail' -%}
    {%- do exceptions.raise_fail_fast_error(message) -%}
  {%- elif wish == 'continue' -%}
    {%- do exceptions.warn(message) -%}
  {%- endif -%}
  {{ return(wish == 'apply') }}
{% endmacro %}


{% macro fabricspark_lake_view_clauses(definition=none) %}
  {%- set constraints = config.get('mlv_constraints') or [] -%}
  {%- set partitions = config.get('partitioned_by') or config.get('partition_by') or [] -%}
  {%- set comment = config.get('mlv_comment') or (model.description if config.get('persist_docs', {}).get('relation') else none) -%}
  {%- set properties = dict(config.get('tblproperties') or {}) -%}
  {%- if definition -%}
    {%- do properties.update({'dbt.definition': definition}) -%}
  {%- endif -%}
  {%- if constraints %} (
    {%- for constraint in constraints %}
      constraint {{ constraint.name }} check ({{ constraint.expression }})
      {%- if constraint.on_mismatch %} on mismatch {{ constraint.on_mismatch }}{% endif %}{{ ',' if not loop.last }}
    {%- endfor %}
  )
  {%- endif %}
  {%- if partitions %}
    partitioned by ({{ partitions if partitions is string else partitions | join(', ') }})
  {%- endif %}
  {%- if comment %}
    comment {{ adapter.string_literal(comment) }}
  {%- endif %}
  {%- if properties %}
    tblproperties (
    {%- for name, value in properties.items() %}
      {{ adapter.string_literal(name) }} = {{ adapter.string_literal(value | string) }}{{ ',' if not loop.last }}
    {%- endfor %}
    )
  {%- endif %}
{% endmacro %}


{% macro fabricspark_lake_view_definition(relation) %}
  {%- call statement('definition', fetch_result=True) -%}
    show tblproperties {{ relation }}
  {%- endcall -%}
  {%- for row in load_result('definition').table.rows if row[0] == 'dbt.definition' -%}
    {{ return(row[1]) }}
  {%- endfor -%}
  {{ return(none) }}
{% endmacro %}
