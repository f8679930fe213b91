"""Relations of one to four parts; how many is the target's naming to say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from dbt.adapters.contracts.relation import ComponentName, HasQuoting, Policy, RelationConfig
from dbt.adapters.fabricspark.naming import Naming, in_workspace, quote
from dbt.adapters.spark.relation import SparkRelation

Self = TypeVar("Self", bound="FabricSparkRelation")


@dataclass
class FabricSparkIncludePolicy(Policy):
    """Everything that a relation knows of itself; ``Naming`` leaves the lakehouse out where it must."""

    database: bool = True
    schema: bool = True
    identifier: bool = True


@dataclass(frozen=True, eq=False, repr=False)
class FabricSparkRelation(SparkRelation):
    """A table or view of a lakehouse. Spark does not tell names by their case, so neither does this."""

    include_policy: Policy = field(default_factory=FabricSparkIncludePolicy)

    naming: ClassVar[Naming] = Naming()
    """Of the target whose adapter made this class; see ``named_by``."""

    def __post_init__(self) -> None:
        """dbt-spark refuses a database here."""

    @classmethod
    def named_by(cls: type[Self], naming: Naming) -> type[Self]:
        """This class for one target: two targets in one process may have different lakehouses."""
        return type(cls.__name__, (cls,), {"naming": naming, "__module__": cls.__module__})

    @classmethod
    def create_from(cls: type[Self], quoting: HasQuoting, relation_config: RelationConfig, **kwargs: Any) -> Self:
        """The relation of a node, in the workspace that its ``workspace_name`` gives."""
        made = super().create_from(quoting, relation_config, **kwargs)
        config = relation_config.config
        workspace = (config.get("workspace_name") if config else None) or relation_config.meta.get("workspace_name")
        database = in_workspace(made.database, workspace)
        if database == made.database:
            return made
        return made.replace(path=made.path.replace(database=database))

    def render(self) -> str:
        """The name as it stands in SQL."""
        parts = []
        if self.include_policy.database and (self.schema or not self.include_policy.schema):
            quoted = self.quote_policy.database or self.naming.quoted
            parts += [quote(each) if quoted and "`" not in each else each for each in self._database_parts]
        for component in (ComponentName.Schema, ComponentName.Identifier):
            part = self.path.get_part(component) if self.include_policy.get_part(component) else None
            if part is not None:
                parts.append(quote(part) if self.quote_policy.get_part(component) or self.naming.quoted else part)
        return ".".join(parts)

    def include(
        self: Self, database: bool | None = None, schema: bool | None = None, identifier: bool | None = None
    ) -> Self:
        """This relation, written with those parts only.

        The database alone is one and the same for all of its schemas: dbt asks what is in each that it is given.
        """
        made = super().include(database=database, schema=schema, identifier=identifier)
        alone = not (made.include_policy.schema or made.include_policy.identifier)
        return made.replace(path=made.path.replace(schema=None, identifier=None)) if database and alone else made

    @property
    def _database_parts(self) -> list[str]:
        return list(self.naming.database_parts(self.database))

    def _is_exactish_match(self, field: ComponentName, value: str) -> bool:
        part = self.path.get_lowered_part(field)
        return part is not None and part.strip(self.quote_character) == value.lower().strip(self.quote_character)

    def __hash__(self) -> int:
        # Not of the rendered name, which is longer once the lakehouse is known.
        return hash((self.database, self.schema, self.identifier))
