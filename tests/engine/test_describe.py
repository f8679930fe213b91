"""SHOW and DESCRIBE in the shapes that dbt takes apart."""

from __future__ import annotations

import re
from pathlib import Path

from tests.engine.conftest import Sql, names

# As dbt-spark reads the information column of SHOW TABLE EXTENDED.
COLUMNS = re.compile(r"^ \|-- (.*): (.*) \(nullable = (.*)\b", re.MULTILINE)
OWNER = re.compile(r"^Owner: (.*)$", re.MULTILINE)
STATISTICS = re.compile(r"^Statistics: (\d+) bytes, (\d+) rows$", re.MULTILINE)


def make(sql: Sql) -> None:
    sql.rows(
        "create or replace table t using delta partitioned by (p) comment 'it\\'s' "
        "as select cast(1 as bigint) as id, 'x' as p, cast(1.5 as decimal(18,2)) as amt, array(1) as a"
    )
    sql.rows("create or replace view v (id comment 'the id') comment 'a view' as select id from t")


def test_show_table_extended_tells_kind_provider_owner_columns_and_statistics(sql: Sql) -> None:
    make(sql)
    table = sql.table("show table extended like '*'")
    assert names(table) == ["namespace", "tableName", "isTemporary", "information"]
    information = {row[1]: row[3] for row in table.rows}
    assert list(information) == ["t", "v"]
    assert "\nProvider: delta\n" in information["t"]
    assert "\nType: MANAGED\n" in information["t"]
    assert "\nComment: it's\n" in information["t"]
    assert OWNER.findall(information["t"]) == ["fakelivy"]
    assert STATISTICS.findall(information["t"])[0][1] == "1"
    # Spark's tree has Spark's type words, DESCRIBE has SQL's.
    assert COLUMNS.findall(information["t"]) == [
        ("id", "long", "true"),
        ("p", "string", "true"),
        ("amt", "decimal(18,2)", "true"),
        ("a", "array", "true"),
    ]
    assert " |    |-- element: integer (containsNull = true)" in information["t"]
    assert "\nType: VIEW\n" in information["v"]
    assert COLUMNS.findall(information["v"]) == [("id", "long", "true")]


def test_show_table_extended_takes_a_pattern(sql: Sql) -> None:
    make(sql)
    (schema,) = sql.rows("select current_schema()")[0]
    for pattern, found in (("t*", ["t"]), ("T|V", ["t", "v"]), ("nope", [])):
        assert [row[1] for row in sql.rows(f"show table extended in {schema} like '{pattern}'")] == found


def test_describe_extended_has_the_details_after_the_columns(sql: Sql, warehouse: Path) -> None:
    make(sql)
    (schema,) = sql.rows("select current_schema()")[0]
    rows = sql.rows("describe table extended t")
    assert rows[:4] == [
        ("id", "bigint", None),
        ("p", "string", None),
        ("amt", "decimal(18,2)", None),
        ("a", "array<int>", None),
    ]
    assert rows[4][0] == "# Partition Information"
    marker = rows.index(("# Detailed Table Information", "", ""))
    assert rows[marker - 1] == ("", "", "")
    details = {label: text for label, text, _ in rows[marker + 1 :]}
    assert details["Catalog"] == "lakehouse"
    assert details["Database"] == schema
    assert details["Table"] == "t"
    assert details["Type"] == "MANAGED"
    assert details["Provider"] == "delta"
    assert details["Location"] == (warehouse / "lakehouse" / "Tables" / schema / "t").as_uri()
    assert re.fullmatch(r"\d+ bytes, 1 rows", details["Statistics"])
    view = {label: text for label, text, _ in sql.rows("describe formatted v")}
    assert view["Type"] == "VIEW"
    assert view["View Text"] == "select id from t"
    assert sql.rows("describe v")[0] == ("id", "bigint", "the id")


def test_describe_history_tells_what_was_done(sql: Sql) -> None:
    make(sql)
    sql.rows("insert into t values (2, 'y', 1, null)")
    sql.rows("delete from t where id = 1")
    table = sql.table("describe history t")
    column = names(table).index("operation")
    assert [(row[0], row[column]) for row in table.rows] == [
        (2, "DELETE"),
        (1, "WRITE"),
        (0, "CREATE OR REPLACE TABLE AS SELECT"),
    ]
    assert [row[0] for row in sql.rows("describe history t limit 1")] == [2]


def test_describe_detail_tells_size_and_partitioning(sql: Sql) -> None:
    make(sql)
    table = sql.table("describe detail t")
    detail = dict(zip(names(table), table.rows[0], strict=True))
    assert detail["format"] == "delta"
    assert detail["partitionColumns"] == ["p"]
    assert detail["numFiles"] == 1
    assert detail["sizeInBytes"] > 0
    assert "DELTA_ONLY_OPERATION" in sql.error("describe detail v")


def test_show_create_table_gives_a_statement_that_makes_the_same_table(sql: Sql) -> None:
    make(sql)
    ((text,),) = sql.rows("show create table t")
    before = sql.rows("describe t")
    sql.rows("drop table t")
    sql.rows(text)
    assert sql.rows("describe t") == before
    ((text,),) = sql.rows("show create table v")
    sql.rows("drop view v")
    sql.rows(text)
    assert sql.rows("describe v") == [("id", "bigint", "the id")]


def test_properties_include_deltas_protocol_versions(sql: Sql) -> None:
    make(sql)
    sql.rows("alter table t set tblproperties ('k' = 'v')")
    assert sql.rows("show tblproperties t") == [
        ("delta.minReaderVersion", "1"),
        ("delta.minWriterVersion", "2"),
        ("k", "v"),
    ]


def test_describe_cuts_the_type_of_a_long_struct_as_spark_does(sql: Sql) -> None:
    fields = ", ".join(f"'f{n}', {n}" for n in range(30))
    sql.rows(f"create table long using delta as select array(named_struct({fields})) as s")
    ((_, kind, _),) = sql.rows("describe long")
    assert kind.startswith("array<struct<f0:int,f1:int,")
    assert kind.endswith(",f23:int,... 6 more fields>>")
    sql.rows("set spark.sql.debug.maxToStringFields = 100")
    assert sql.rows("describe long s")[1][1].endswith(",f29:int>>")


def test_schema_evolution_is_no_word_of_a_merge_before_spark_4(sql: Sql) -> None:
    sql.rows("create table t using delta as select 1 as id")
    merge = "merge %sinto t using (select 1 as id, 2 as x) as s on t.id = s.id when matched then update set *"
    assert "[PARSE_SYNTAX_ERROR]" in sql.error(merge % "with schema evolution ")
