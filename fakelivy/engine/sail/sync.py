"""Keeps a child's in-memory catalog in step with the shared one, for the names a statement mentions and no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fakelivy.engine.sail.catalog import Catalog, Content, Name, Relation
from fakelivy.engine.sail.errors import SparkError
from fakelivy.engine.sail.names import mentioned, render
from fakelivy.engine.sail.tokens import quote_name, quote_string


class Mirror:
    """What one child has been told of the catalog.

    Delta tables are registered by location alone: such a pointer always shows the table's current schema and data,
    so only a change of what a name *is* has to be told again. Views are another matter. Sail (0.7.2) binds a temporary
    view to the files its tables have at that moment, and writes the text of any other view anew without the quotes of
    its names. So every view is a temporary one inside, made again for each statement that mentions it.

    Attributes:
        broken: views the last statement mentions that cannot be read now, by their last name part, with the reason.
    """

    def __init__(self, catalog: Catalog, lakehouse: str, execute: Callable[[str], object]) -> None:
        self.broken: dict[str, str] = {}
        self._catalog = catalog
        self._lakehouse = lakehouse
        self._execute = execute
        self._epoch = -1
        self._known: dict[Name, Relation] = {}
        self._inner: dict[Name, str] = {}
        self._schemas: set[tuple[str, str]] = set()

    def ensure(self, source: str, temporary: Mapping[str, str], current: tuple[str, str]) -> None:
        """Tell the child of every table and view that ``source`` mentions.

        Args:
            source: a statement.
            temporary: the session's temporary views, with their queries.
            current: the current lakehouse and schema, which a name may leave out.
        """
        content = self._catalog.content()
        if content.epoch != self._epoch:
            self._forget_changed(content)
            self._epoch = content.epoch
        self.broken = {}
        self._register(source, content, temporary, current, set())

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

    def _register(
        self,
        source: str,
        content: Content,
        temporary: Mapping[str, str],
        current: tuple[str, str],
        visited: set[object],
    ) -> None:
        for view in mentioned(source, temporary.keys()):
            if view not in visited:
                visited.add(view)
                self._register(temporary[view], content, temporary, current, visited)
                self._make(view, view, temporary[view])
        words = mentioned(source, {part for name in content.relations for part in name})
        for name, relation in content.relations.items():
            meant = name.table in words and (
                name[:2] == current
                or (name.schema in words and (name.lakehouse == current[0] or name.lakehouse in words))
            )
            if not meant or name in visited:
                continue
            visited.add(name)
            self.ensure_schema(name.lakehouse, name.schema)
            if relation.is_view:
                self._register(relation.body, content, temporary, current, visited)
                inner = self._inner.setdefault(name, f"__fakelivy_view_{len(self._inner)}")
                if self._make(name.table, inner, relation.body) and name not in self._known:
                    self._execute(f"create or replace view {render(name)} as select * from {inner}")
                    self._known[name] = relation
            elif name not in self._known:
                location = quote_string(self._catalog.for_sail(self._catalog.folder(relation)))
                self._execute(
                    f"create table if not exists {render(name)} using {relation.provider} location {location}"
                )
                self._known[name] = relation

    def _make(self, view: str, inner: str, body: str) -> bool:
        # A view nobody reads may be broken: a mention is only a word that stands in the statement.
        try:
            self._execute(f"create or replace temporary view {quote_name(inner)} as {body}")
        except SparkError as error:
            self._execute(f"drop view if exists {quote_name(inner)}")
            self.broken[view] = str(error)
            return False
        return True
