"""Keeps a child's in-memory catalog in step with the shared one, for the names a statement mentions and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fakelivy.engine.sail.catalog import Catalog, Content, Name, Relation
from fakelivy.engine.sail.names import mentioned, render
from fakelivy.engine.sail.tokens import quote_string


class Mirror:
    """What one child has been told of the catalog.

    Delta tables are registered by location alone: such a pointer always shows the table's current schema and data,
    so only a change of what a name *is* has to be told again.
    """

    def __init__(self, catalog: Catalog, lakehouse: str, execute: Callable[[str], object]) -> None:
        self._catalog = catalog
        self._lakehouse = lakehouse
        self._execute = execute
        self._epoch = -1
        self._known: dict[Name, Relation] = {}
        self._schemas: set[tuple[str, str]] = set()

    def ensure(self, source: str, temporary: Mapping[str, str]) -> None:
        """Tell the child of every table and view that ``source`` mentions.

        Args:
            source: a statement.
            temporary: the session's temporary views, with their queries.
        """
        content = self._catalog.content()
        if content.epoch != self._epoch:
            self._forget_changed(content)
            self._epoch = content.epoch
        self._register(source, content, temporary, set())

    def ensure_schema(self, lakehouse: str, schema: str) -> None:
        if (lakehouse, schema) not in self._schemas:
            self._execute(f"create database if not exists {render(self.database(lakehouse, schema))}")
            self._schemas.add((lakehouse, schema))

    def database(self, lakehouse: str, schema: str) -> tuple[str, ...]:
        """A schema's name to the child: its own lakehouse is its catalog, the others are namespaces in that."""
        return (schema,) if lakehouse == self._lakehouse else (lakehouse, schema)

    def _forget_changed(self, content: Content) -> None:
        for name, known in list(self._known.items()):
            now = content.relations.get(name)
            if now is None or now.definition != known.definition:
                self._execute(f"drop {known.kind} if exists {render(name)}")
                del self._known[name]

    def _register(self, source: str, content: Content, temporary: Mapping[str, str], visited: set[object]) -> None:
        for view in mentioned(source, temporary.keys()):
            if view in visited:
                continue
            visited.add(view)
            self._register(temporary[view], content, temporary, visited)
        tables = mentioned(source, {name.table for name in content.relations})
        for name, relation in content.relations.items():
            if name.table not in tables or name in self._known or name in visited:
                continue
            visited.add(name)
            self.ensure_schema(name.lakehouse, name.schema)
            if relation.is_view:
                self._register(relation.body, content, temporary, visited)
                self._execute(f"create or replace view {render(name)} as {relation.body}")
            else:
                location = quote_string(self._catalog.for_sail(self._catalog.folder(relation)))
                self._execute(
                    f"create table if not exists {render(name)} using {relation.provider} location {location}"
                )
            self._known[name] = relation
