{#- What runs a Python model: the model, dbt's own `dbt` object, and then one write that replaces the table as a whole. -#}
{% macro py_write_table(compiled_code, target_relation) %}
{%- do fabricspark_refuse_sql_header() -%}
{%- for option in ['location_root', 'clustered_by'] if config.get(option) -%}
  {%- do exceptions.warn(option ~ ' of ' ~ model.name ~ ' is left out: a DataFrame is not written that way') -%}
{%- endfor %}
{{ compiled_code }}
# --- written by dbt-fabricspark ---
{%- if config.get('packages') %}
import importlib.metadata
import importlib.util
import re


def is_there(package):
    name = re.split(r"[^A-Za-z0-9._-]", package.strip())[0]
    if importlib.util.find_spec(re.split(r"\W", name)[0] if "." in name else name.replace("-", "_")):
        return True
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


missing = [package for package in {{ config.get('packages') | list | tojson }} if not is_there(package)]
if missing:
    raise ModuleNotFoundError(f"the session has no {', '.join(missing)}: add it to the environment (environmentId)")
{%- endif %}
dbt = dbtObj(spark.table)
df = model(dbt, spark)
if type(df).__module__.startswith("pyspark.pandas"):
    df = df.to_spark()
elif type(df).__module__.startswith("pandas"):
    df = spark.createDataFrame(df)
if not hasattr(df, "write"):
    raise TypeError(f"a Python model returns a Spark or pandas DataFrame, and this one returned {type(df)}")
writer = df.write.mode("overwrite").format({{ fabricspark_file_format() | tojson }})
{%- if fabricspark_file_format() == 'delta' %}
writer = writer.option("overwriteSchema", "true")
{%- endif %}
{%- for name, value in (config.get('options') or {}).items() %}
writer = writer.option({{ name | tojson }}, {{ value | string | tojson }})
{%- endfor %}
{%- set partitions = config.get('partition_by') or [] %}
{%- if partitions %}
writer = writer.partitionBy({{ ([partitions] if partitions is string else partitions | list) | tojson }})
{%- endif %}
writer.saveAsTable({{ target_relation | string | tojson }})
{%- if tblproperties_clause() | trim %}
spark.sql({{ ('alter table ' ~ target_relation ~ ' set ' ~ tblproperties_clause() | trim) | tojson }})
{%- endif %}
{%- endmacro %}
