"""What a statement changes in its session is known, brought to another one, and changed back."""

from __future__ import annotations

import pytest
from dbt.adapters.fabricspark.livy.conf import PLACE, Conf, changed_by, changes_session

COMMENT = '/* {"app": "dbt", "node_id": "model.a.b"} */\n'


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("set spark.sql.shuffle.partitions = 3", "spark.sql.shuffle.partitions"),
        ("SET a.b=c;", "a.b"),
        (f"{COMMENT}-- why\nset  a.b =\n'c'", "a.b"),
        ("set `a-b.c` = 1", "a-b.c"),
        ("set time zone 'Europe/Berlin'", "spark.sql.session.timeZone"),
        ("set catalog other", PLACE),
        ("use dbo", PLACE),
        ("set a.b", None),
        ("set -v", None),
        ("set", None),
        ("settle = 1", None),
        ("select 'set a.b = 1'", None),
        ("update t set a = 1", None),
        ("reset a.b", None),
        ("user = 1", None),
    ],
)
def test_what_a_statement_changes_in_its_session(sql: str, what: str | None) -> None:
    assert changed_by(sql) == what


@pytest.mark.parametrize("sql", ["reset", "reset a.b", f"{COMMENT}RESET `a.b`;", "set a = b", "use x"])
def test_changing_back_is_a_change_too(sql: str) -> None:
    assert changes_session(sql)


def noted(*statements: str) -> Conf:
    conf = Conf()
    for sql in statements:
        conf.note(sql)
    return conf


def test_the_last_change_of_each_setting_counts_and_in_the_order_in_which_they_were_made() -> None:
    conf = noted("set a = 1", "set b = 1", "set a = 2", "use dbo")
    assert conf.again == ("set b = 1", "set a = 2", "use dbo")
    assert conf.names == ("b", "a", PLACE)


def test_what_was_reset_is_not_changed_any_more() -> None:
    assert noted("set a = 1", "set b = 1", "reset a").again == ("set b = 1",)
    assert noted("set a = 1", "use dbo", "reset").again == ("use dbo",)


def test_a_statement_that_was_refused_changed_nothing() -> None:
    conf = noted("set a = 1")
    before = conf.note("set a = nonsense")
    conf.take_back("set a = nonsense", before)
    assert conf.again == ("set a = 1",)
    conf.take_back("set c = nonsense", conf.note("set c = nonsense"))
    assert conf.again == ("set a = 1",)


def test_a_refusal_that_comes_late_leaves_what_others_have_changed_since() -> None:
    conf = Conf()
    before = conf.note("set a = nonsense")
    conf.note("set a = 1")
    conf.take_back("set a = nonsense", before)
    assert conf.again == ("set a = 1",)


def test_settings_can_be_changed_back_and_where_names_are_looked_up_cannot() -> None:
    assert noted("set a.b = 1", "set time zone 'UTC'").undo == ("reset a.b", "reset spark.sql.session.timeZone")
    assert noted("set a.b = 1", "use dbo").undo is None
