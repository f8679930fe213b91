"""Names of several lakehouses on a Spark that has one catalog."""

from __future__ import annotations

import pytest

from fakelivy.engine.spark.lakehouses import Lakehouses

AT_HOME = [
    # what names no other lakehouse goes on as it is
    ("select * from t", None),
    ("select a.b.c from dbo.t a", None),
    ("select * from delta.`/x/y`", None),
    ("select 'lakehouse.dbo.t' -- silver.sales.t", None),
    ("use dbo", None),
    ("not sql at all (", None),
    ("create schema (", None),
    ("create schema", None),
    ("describe query select 1", None),
    # home's own names lose the lakehouse, the workspace goes
    ("select * from Lakehouse.dbo.T", "select * from `dbo`.`T`"),
    ("select * from `My Space`.lakehouse.dbo.t", "select * from `dbo`.`t`"),
    ("select lakehouse.dbo.t.i from lakehouse.dbo.t", "select `dbo`.`t`.i from `dbo`.`t`"),
    # others become databases
    ("select * from silver.sales.t join dbo.u using (i)", "select * from `silver__sales`.`t` join dbo.u using (i)"),
    ("insert into silver.sales.t select 1", "insert into `silver__sales`.`t` select 1"),
    ("create table if not exists silver.s.t as select 1", "create table if not exists `silver__s`.`t` as select 1"),
    ("create table a like silver.sales.t", "create table a like `silver__sales`.`t`"),
    ("create view silver.s.v as select * from s.t", "create view `silver__s`.`v` as select * from s.t"),
    ("drop table if exists silver.sales.t", "drop table if exists `silver__sales`.`t`"),
    ("alter table silver.s.t rename to silver.s.u", "alter table `silver__s`.`t` rename to `silver__s`.`u`"),
    ("describe extended silver.sales.t", "describe extended `silver__sales`.`t`"),
    ("describe silver.sales.t", "describe `silver__sales`.`t`"),
    ("describe history silver.sales.t", "describe history `silver__sales`.`t`"),
    ("show create table silver.sales.t", "show create table `silver__sales`.`t`"),
    ("show tblproperties silver.sales.t", "show tblproperties `silver__sales`.`t`"),
    ("optimize silver.sales.t", "optimize `silver__sales`.`t`"),
    ("merge into b.s.t t using b.s.u u on t.i = u.i", "merge into `b__s`.`t` t using `b__s`.`u` u on t.i = u.i"),
    ("create schema if not exists silver.sales", "create schema if not exists `silver__sales`"),
    ("create schema lakehouse.extra", "create schema `extra`"),
    ("drop database if exists ws.silver.sales cascade", "drop database if exists `silver__sales` cascade"),
    ("show tables in silver.sales like '*'", "show tables in `silver__sales` like '*'"),
    ("show table extended in silver.sales like '*'", "show table extended in `silver__sales` like '*'"),
]  # fmt: skip

AWAY = [
    ("select * from t", None),
    ("select * from sales.t", "select * from `silver__sales`.`t`"),
    ("select * from lakehouse.dbo.t", "select * from `dbo`.`t`"),
    ("create schema extra", "create schema `silver__extra`"),
    ("use extra", "use `silver__extra`"),
    ("describe table sales.t", "describe table `silver__sales`.`t`"),
]


@pytest.mark.parametrize(("source", "wanted"), AT_HOME)
def test_names_at_home(source: str, wanted: str | None) -> None:
    assert Lakehouses("lakehouse", "Lakehouse").translate(source) == (wanted or source, "lakehouse")


@pytest.mark.parametrize(("source", "wanted"), AWAY)
def test_names_in_another_lakehouse(source: str, wanted: str | None) -> None:
    assert Lakehouses("Lakehouse", "silver").translate(source) == (wanted or source, "silver")


def test_use_moves_to_the_lakehouse_it_names() -> None:
    assert Lakehouses("lakehouse", "lakehouse").translate("use silver.sales") == ("use `silver__sales`", "silver")
    assert Lakehouses("lakehouse", "silver").translate("use schema lakehouse.dbo") == ("use schema `dbo`", "lakehouse")


def test_databases_read_back_as_schemas() -> None:
    names = Lakehouses("lakehouse", "silver")
    assert [names.schema(each) for each in ("dbo", "silver__sales", "__x")] == [
        ("lakehouse", "dbo"),
        ("silver", "sales"),
        ("lakehouse", "__x"),
    ]
    listed = {"fields": [{"name": "namespace"}, {"name": "tableName"}]}
    assert names.plain(listed, [("silver__sales", "t"), ("", "v")]) == [("sales", "t"), ("", "v")]
    assert names.plain({"fields": [{"name": "x"}]}, [("silver__sales",)]) == [("silver__sales",)]
