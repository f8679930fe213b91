"""ALTER TABLE and COMMENT ON: most are one commit of metadata, a few write the table anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from fakelivy.engine.port import EMPTY, Table
from fakelivy.engine.sail.catalog import Relation
from fakelivy.engine.sail.context import Context
from fakelivy.engine.sail.deltalog import Snapshot, with_fields
from fakelivy.engine.sail.errors import quoted, spark_error, unsupported
from fakelivy.engine.sail.names import sql_name
from fakelivy.engine.sail.sparktypes import Field, SparkType, field, sql_text
from fakelivy.engine.sail.statements.clauses import if_exists, properties, property_key
from fakelivy.engine.sail.statements.materialized import refuse_materialized
from fakelivy.engine.sail.statements.refusals import check_mapping, check_names, check_type, is_mapped, not_nullable
from fakelivy.engine.sail.statements.tables import expected_table
from fakelivy.engine.sail.statements.views import rename
from fakelivy.engine.sail.syntax import Cursor
from fakelivy.engine.sail.tokens import quote_name
from fakelivy.engine.sail.writes import change_metadata, replace_table, staged

CHECK_CONSTRAINTS = 3
"""The Delta writer version that enforces them (Delta protocol)."""

Action = Callable[[Context, Relation, Cursor], Table]


def table(ctx: Context, cursor: Cursor) -> Table:
    parts = cursor.name()
    relation = ctx.relation(parts)
    start = cursor.index
    for words, action in _ACTIONS:
        cursor.index = start
        if all(cursor.take_any(*word.split("|")) for word in words.split()):
            if relation.is_view and action is not _rename:
                raise expected_table(parts)
            refuse_materialized(relation, "ALTER TABLE")
            with ctx.writing(relation.name):
                return action(ctx, relation, cursor)
    cursor.index = start
    raise unsupported(f"ALTER TABLE … {' '.join(cursor.rest().split()[:2]).upper()}")


def _rename(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    target = cursor.name()
    cursor.end()
    return rename(ctx, relation, target)


def _add_columns(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    if cursor.peek().text == "(":
        text = cursor.parenthesised()
        cursor.end()
    else:
        text = cursor.rest()
    snapshot = ctx.snapshot(relation)
    fields = snapshot.fields
    inner = Cursor(text)
    while True:
        new, first, after = _column(ctx, inner)
        if any(f["name"].lower() == new["name"].lower() for f in fields):
            raise spark_error(
                "FIELDS_ALREADY_EXISTS", f"Cannot add column, because `{new['name']}` already exists in the table."
            )
        fields.insert(0 if first else _at(fields, after) + 1 if after else len(fields), new)
        if not inner.punct(","):
            break
    inner.end()
    check_names((f["name"] for f in fields), relation.properties)
    change_metadata(ctx, relation, "ADD COLUMNS", with_fields(snapshot, fields), snapshot)
    return EMPTY


def _column(ctx: Context, cursor: Cursor) -> tuple[Field, bool, str]:
    """``name type [not null] [comment 'x'] [first | after y]``."""
    name = cursor.identifier()
    kind = cursor.until("NOT", "COMMENT", "FIRST", "AFTER", "DEFAULT", "GENERATED", stop=",")
    new = field(name, _type(ctx, kind))
    first, after = False, ""
    while True:
        if cursor.take("NOT", "NULL"):
            raise spark_error("DELTA_UNSUPPORTED_ADD_NOT_NULL", f"Cannot add the NOT NULL column `{name}` to a table.")
        if cursor.take("COMMENT"):
            new["metadata"]["comment"] = cursor.string()
        elif cursor.take("FIRST"):
            first = True
        elif cursor.take("AFTER"):
            after = cursor.identifier()
        elif cursor.take_any("DEFAULT", "GENERATED"):
            raise unsupported("ALTER TABLE … ADD COLUMNS with a default or generated value")
        else:
            return new, first, after


def _type(ctx: Context, text: str) -> SparkType:
    kind: SparkType = ctx.schema_of(f"select cast(null as {text}) as c")[0]["type"]
    return kind


def _at(fields: list[Field], name: str) -> int:
    for index, candidate in enumerate(fields):
        if candidate["name"].lower() == name.lower():
            return index
    raise spark_error(
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        f"A column with name `{name}` cannot be resolved. Did you mean one of {[f['name'] for f in fields]}?",
    )


def _change_column(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    parts = cursor.name()
    if len(parts) > 1:
        raise unsupported("ALTER TABLE … ALTER COLUMN of a nested field")
    snapshot = ctx.snapshot(relation)
    fields = snapshot.fields
    index = _at(fields, parts[0])
    column = fields[index]
    if cursor.take("COMMENT"):
        column["metadata"] = {**column["metadata"], "comment": cursor.string()}
    elif cursor.take("SET", "NOT", "NULL"):
        if column["nullable"]:
            raise not_nullable(column)
    elif cursor.take("DROP", "NOT", "NULL"):
        column["nullable"] = True
    elif cursor.take("TYPE"):
        check_type(relation.name, column, _type(ctx, cursor.rest()))
        return EMPTY
    elif cursor.take("FIRST"):
        fields.insert(0, fields.pop(index))
    elif cursor.take("AFTER"):
        other = cursor.identifier()
        fields.remove(column)
        fields.insert(_at(fields, other) + 1, column)
    else:
        raise unsupported(f"ALTER TABLE … ALTER COLUMN {' '.join(cursor.rest().split()[:2]).upper()}")
    cursor.end()
    change_metadata(ctx, relation, "CHANGE COLUMN", with_fields(snapshot, fields), snapshot)
    return EMPTY


def _drop_columns(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    quiet = if_exists(cursor)
    names = [name[-1].lower() for name in cursor.names()] if cursor.peek().text == "(" else [cursor.name()[-1].lower()]
    while cursor.punct(","):
        names.append(cursor.name()[-1].lower())
    cursor.end()
    check_mapping(relation.properties, "DROP")
    snapshot = ctx.snapshot(relation)
    known = {f["name"].lower() for f in snapshot.fields}
    for name in names:
        if name not in known and not quiet:
            _at(snapshot.fields, name)
        if name in (column.lower() for column in snapshot.partition_columns):
            raise spark_error("DELTA_UNSUPPORTED_DROP_PARTITION_COLUMN", f"Cannot drop the partition column `{name}`.")
    _rewrite(ctx, relation, snapshot, "DROP COLUMNS", gone=names)
    return EMPTY


def _rename_column(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    old = cursor.identifier()
    cursor.expect("TO")
    new = cursor.identifier()
    cursor.end()
    check_mapping(relation.properties, "RENAME")
    snapshot = ctx.snapshot(relation)
    column = snapshot.fields[_at(snapshot.fields, old)]["name"]
    _rewrite(ctx, relation, snapshot, "RENAME COLUMN", names={column: new})
    return EMPTY


def _rewrite(
    ctx: Context,
    relation: Relation,
    snapshot: Snapshot,
    operation: str,
    *,
    gone: Collection[str] = (),
    names: Mapping[str, str] | None = None,
) -> None:
    """Write the table anew with some columns left out (``gone``, in lower case) or renamed; the rest as they are."""
    names = names or {}
    kept = [f for f in snapshot.fields if f["name"].lower() not in gone]
    selected = ", ".join(f"{quote_name(f['name'])} as {quote_name(names.get(f['name'], f['name']))}" for f in kept)
    partition_by = [names.get(column, column) for column in snapshot.partition_columns]
    with staged(ctx, f"select {selected} from {sql_name(relation)}", partition_by=partition_by) as new:
        fields = [{**f, "name": names.get(f["name"], f["name"])} for f in kept]
        metadata = {**with_fields(snapshot, fields), "partitionColumns": partition_by}
        replace_table(ctx, ctx.catalog.folder(relation), new, operation, metadata)


def _replace_columns(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    text = cursor.parenthesised()
    cursor.end()
    inner = Cursor(text)
    fields = [_column(ctx, inner)[0]]
    while inner.punct(","):
        fields.append(_column(ctx, inner)[0])
    inner.end()
    snapshot = ctx.snapshot(relation)
    known = {f["name"].lower(): f for f in snapshot.fields}
    wanted = {f["name"].lower(): f for f in fields}
    gone = [f["name"] for f in snapshot.fields if f["name"].lower() not in wanted]
    other = [f["name"] for name, f in wanted.items() if name in known and known[name]["type"] != f["type"]]
    if other or (gone and not is_mapped(relation.properties)):
        why = f"changing data type of {other[0]}" if other else f"dropping column(s) [{', '.join(gone)}]"
        raise spark_error(
            "DELTA_UNSUPPORTED_ALTER_TABLE_REPLACE_COL_OP",
            f"Unsupported ALTER TABLE REPLACE COLUMNS operation. Reason: Cannot change data type: {why}.",
        )
    check_names((f["name"] for f in fields), relation.properties)
    for column in snapshot.partition_columns:
        _at(fields, column)
    items = ", ".join(
        f"cast({quote_name(f['name']) if f['name'].lower() in known else 'null'} as {sql_text(f['type'])}) "
        f"as {quote_name(f['name'])}"
        for f in fields
    )
    partition_by = [fields[_at(fields, column)]["name"] for column in snapshot.partition_columns]
    with staged(ctx, f"select {items} from {sql_name(relation)}", partition_by=partition_by) as new:
        metadata = {**with_fields(snapshot, fields), "partitionColumns": partition_by}
        replace_table(ctx, ctx.catalog.folder(relation), new, "REPLACE COLUMNS", metadata)
    return EMPTY


def _set_properties(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    changed = properties(cursor)
    cursor.end()
    # Not into the log: Sail refuses to write to a table with features it does not know.
    comment = changed.pop("comment", relation.comment)
    ctx.save(replace(relation, comment=comment, properties={**relation.properties, **changed}))
    return EMPTY


def _unset_properties(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    if_exists(cursor)  # or not: Delta says nothing of a property that is not there
    gone = cursor.listed(lambda: property_key(cursor))
    cursor.end()
    ctx.save(replace(relation, properties={k: v for k, v in relation.properties.items() if k not in gone}))
    return EMPTY


def _add_constraint(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    name = cursor.identifier()
    if cursor.take_any("PRIMARY", "FOREIGN", "UNIQUE"):
        raise unsupported("ALTER TABLE … ADD CONSTRAINT other than CHECK")
    cursor.expect("CHECK")
    condition = cursor.parenthesised()
    cursor.take("ENFORCED")
    cursor.end()
    snapshot = ctx.snapshot(relation)
    configuration = snapshot.configuration
    key = f"delta.constraints.{name.lower()}"
    if key in configuration:
        raise spark_error(
            "DELTA_CONSTRAINT_ALREADY_EXISTS", f"Constraint '{name}' already exists: {snapshot.configuration[key]}."
        )
    if ctx.run(f"select 1 from {sql_name(relation)} where not ({condition}) limit 1", max_rows=1).rows():
        raise spark_error(
            "DELTA_NEW_CHECK_CONSTRAINT_VIOLATION",
            f"Rows of {sql_name(relation)} violate the new check ({condition}).",
        )
    metadata = {**snapshot.metadata, "configuration": {**configuration, key: condition.strip()}}
    change_metadata(ctx, relation, "ADD CONSTRAINT", metadata, snapshot, writer=CHECK_CONSTRAINTS)
    return EMPTY


def _drop_constraint(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    quiet = if_exists(cursor)
    name = cursor.identifier()
    cursor.end()
    snapshot = ctx.snapshot(relation)
    configuration = snapshot.configuration
    if configuration.pop(f"delta.constraints.{name.lower()}", None) is None:
        if quiet:
            return EMPTY
        raise spark_error(
            "DELTA_CONSTRAINT_DOES_NOT_EXIST", f"Constraint '{name}' is not on table {quoted(relation.name)}."
        )
    change_metadata(ctx, relation, "DROP CONSTRAINT", {**snapshot.metadata, "configuration": configuration}, snapshot)
    return EMPTY


def _cluster_by(ctx: Context, relation: Relation, cursor: Cursor) -> Table:
    columns = [] if cursor.take("NONE") else [".".join(name) for name in cursor.names()]
    cursor.end()
    ctx.save(replace(relation, cluster_columns=columns))
    return EMPTY


_ACTIONS: tuple[tuple[str, Action], ...] = (
    ("RENAME TO", _rename),
    ("RENAME COLUMN", _rename_column),
    ("ADD COLUMNS|COLUMN", _add_columns),
    ("ADD CONSTRAINT", _add_constraint),
    ("DROP CONSTRAINT", _drop_constraint),
    ("DROP COLUMNS|COLUMN", _drop_columns),
    ("ALTER|CHANGE COLUMN", _change_column),
    ("CHANGE", _change_column),
    ("REPLACE COLUMNS", _replace_columns),
    ("SET TBLPROPERTIES", _set_properties),
    ("UNSET TBLPROPERTIES", _unset_properties),
    ("CLUSTER BY", _cluster_by),
)


def comment_on(ctx: Context, cursor: Cursor) -> Table:
    if not cursor.take("TABLE"):
        raise unsupported(f"COMMENT ON {cursor.peek().text.upper()}")
    relation = ctx.relation(cursor.name())
    cursor.expect("IS")
    comment = "" if cursor.take("NULL") else cursor.string()
    cursor.end()
    ctx.save(replace(relation, comment=comment))
    return EMPTY
