{#- dbt-spark's, with Delta as the format of a model that names none. -#}
{% materialization clone, adapter='fabricspark' %}
  {%- if not defer_relation -%}
    {{ log("No relation found in state manifest for " ~ model.unique_id, info=True) }}
    {{ return({'relations': []}) }}
  {%- endif -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- if existing_relation and not flags.FULL_REFRESH -%}
    {{ log("Relation " ~ existing_relation ~ " already exists", info=True) }}
    {{ return({'relations': []}) }}
  {%- endif -%}
  {#- A relation cloned onto itself would be replaced by a copy of what is being replaced. -#}
  {%- if this.render() | lower == defer_relation.render() | lower -%}
    {{ log("Target relation and defer relation are the same, skipping clone for relation: " ~ this.render()) }}
    {{ return({'relations': [existing_relation] if existing_relation else []}) }}
  {%- endif -%}
  {%- if fabricspark_file_format() != 'delta' -%}
    {%- do exceptions.raise_compiler_error("Invalid file format: " ~ fabricspark_file_format() ~ "\nshallow clone requires file_format be set to 'delta'") -%}
  {%- endif -%}

  {%- set original = load_cached_relation(defer_relation) -%}
  {%- if original and original.type == 'table' and can_clone_table() -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {#- Delta clones into what is empty only (DELTA_UNSUPPORTED_NON_EMPTY_CLONE). A table that is not there fails who
        reads it meanwhile; one emptied before would tell him that there are no rows. -#}
    {%- if existing_relation is not none -%}
      {%- do adapter.drop_relation(existing_relation) -%}
    {%- endif -%}
    {%- call statement('main') -%}
      {{ create_or_replace_clone(target_relation, defer_relation) }}
    {%- endcall -%}
    {%- do apply_grants(target_relation, config.get('grants'), should_revoke(existing_relation, full_refresh_mode=True)) -%}
    {%- do persist_docs(target_relation, model) -%}
  {%- else -%}
    {{ return(context['materialization_view_fabricspark']()) }}
  {%- endif -%}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
