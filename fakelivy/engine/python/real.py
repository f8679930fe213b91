"""What pyspark's client must be told to get on with a real Spark, which may be older than it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.errors.exceptions.base import PySparkException

_NEWER: Mapping[str, str] = {
    "spark.sql.session.localRelationCacheThreshold": str(64 * 2**20),
    "spark.sql.session.localRelationSizeLimit": str(3 * 2**30),
    "spark.sql.session.localRelationChunkSizeRows": "10000",
    "spark.sql.session.localRelationChunkSizeBytes": str(16 * 2**20),
    "spark.sql.session.localRelationBatchOfChunksSizeBytes": str(1 * 2**30),
    "spark.sql.execution.pandas.inferPandasDictAsMap": "false",
    "spark.sql.execution.pandas.convertToArrowArraySafely": "false",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
    "spark.sql.pyspark.legacy.inferMapTypeFromFirstPair.enabled": "false",
}
"""Settings that the client reads and not every Spark has, with what they are where they are."""


def befriend(client: Any) -> None:
    """Make ``client`` read the settings of an older Spark, and say in the words of Spark 3.5 what SQL to run."""
    ask, execute = client.get_config_dict, client.execute_command

    def settings(*keys: str) -> Mapping[str, str | None]:
        try:
            found: Mapping[str, str | None] = ask(*keys)
        except PySparkException:
            newer = {key: _NEWER[key] for key in keys if key in _NEWER}
            found = {**newer, **ask(*(key for key in keys if key not in newer))}
        return found

    def command(command: Any, *arguments: Any, **options: Any) -> Any:
        if command.WhichOneof("command_type") == "sql_command":
            _spell_out(command.sql_command)
        return execute(command, *arguments, **options)

    client.get_config_dict = settings
    client.execute_command = command


def _spell_out(command: Any) -> None:
    """Say a second time, where Spark 3.5 looks for it, what a SQL command's ``input`` says; Spark 4 looks there first.

    Parameters that are not literals have no place there.
    """
    said = command.input.sql
    command.sql = said.query
    for name, value in said.named_arguments.items():
        command.args[name].CopyFrom(value.literal)
    command.pos_args.extend(value.literal for value in said.pos_arguments)
