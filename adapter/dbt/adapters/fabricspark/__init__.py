"""dbt on Microsoft Fabric Spark, over the Livy REST API."""

from dbt.adapters.base.plugin import AdapterPlugin
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.impl import FabricSparkAdapter
from dbt.include import fabricspark

Plugin = AdapterPlugin(
    adapter=FabricSparkAdapter,  # type: ignore[arg-type]  # dbt-spark narrows two signatures of the protocol
    credentials=FabricSparkCredentials,
    include_path=fabricspark.PACKAGE_PATH,
    dependencies=["spark"],
)
