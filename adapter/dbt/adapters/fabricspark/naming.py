"""How relations are written: ``schema.table``, ``lakehouse.schema.table``, ``workspace.lakehouse.schema.table``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

QUOTE = "`"


@dataclass
class Naming:
    """What is known of a target's own lakehouse.

    In a lakehouse without schemas, and in Apache Livy, names have two parts. In one with schemas they have three: then
    no ``use`` in a hook can send them elsewhere. Until somebody has asked the server, its own relations have two parts,
    which are right in both; nothing is ever concluded from a question that failed.

    Attributes:
        home: the target's own database: the lakehouse, behind its workspace if the profile names one; ``None`` where
            there are no lakehouses.
        quoted: whether every part is quoted, whatever dbt's own ``quoting`` says.
        schemas: whether the lakehouse has schemas; ``None`` until the server has said so.
    """

    home: str | None = None
    quoted: bool = False
    schemas: bool | None = None

    def is_home(self, database: str | None) -> bool:
        """Whether a database is the target's own lakehouse; names differ in more than their case."""
        return database is None or (self.home is not None and database.lower() == self.home.lower())

    def database_parts(self, database: str | None) -> Iterator[str]:
        """What stands before the schema: nothing, the lakehouse, or workspace and lakehouse.

        A database is a lakehouse, or ``workspace.lakehouse``: no lakehouse has a dot in its name. A workspace may have
        blanks and anything else in it, so it is always quoted.
        """
        if database is None or (self.is_home(database) and not self.schemas):
            return
        workspace, _, lakehouse = database.rpartition(".")
        if workspace:
            yield quote(workspace)
        yield lakehouse


def quote(name: str) -> str:
    """A name in quotes, ready to stand in a statement."""
    return QUOTE + name.replace(QUOTE, QUOTE * 2) + QUOTE


def in_workspace(database: str | None, workspace: str | None) -> str | None:
    """A lakehouse of another workspace, as a database; unchanged if the workspace is given already."""
    if not database or not workspace or "." in database:
        return database
    return f"{workspace}.{database}"
