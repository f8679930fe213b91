"""``${…}`` is what Spark makes of it, before anything else is read."""

from __future__ import annotations

import pytest

from fakelivy.engine.sail.errors import SparkError
from fakelivy.engine.sail.variables import substituted
from tests.engine.conftest import Sql

SETTINGS = {"x": "5", "of.x": "<${x}>", "round": "${about}", "about": "${round}", "spark.sql.ansi.enabled": "false"}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        # as Spark 4.0.1 answers
        ("select ${x} + 1, '${x}', '${hivevar:x}'", "select 5 + 1, '5', '5'"),
        ("select '${spark.sql.ansi.enabled} a', \"${spark:x}\"", "select 'false a', \"5\""),
        ("select '${nope}' /* ${x} */", "select '' /* 5 */"),
        ("select '${of.x}'", "select '<5>'"),
        ("select '\\u0024{x}', '$\\{x}', '$ {x}', '${}', '${x y}', '$x'", None),
        ("select '${env:NO_SUCH_VARIABLE_HERE}', '${what:x}'", None),
    ],
)
def test_variables_have_their_values(source: str, wanted: str | None) -> None:
    assert substituted(source, SETTINGS.get) == (wanted or source)


@pytest.mark.parametrize("source", ["${spark.sql.nobody.knows}", "${system:user.name}", "${round}"])
def test_what_cannot_be_known_is_refused(source: str) -> None:
    with pytest.raises(SparkError, match=r"UNSUPPORTED_FEATURE|Circular reference"):
        substituted(source, SETTINGS.get)


def test_a_session_has_its_own_until_it_is_told_not_to(sql: Sql) -> None:
    sql.rows("set days = 3")
    sql.rows("set more = ${days} + 1")
    assert sql.rows("select ${more}, '${days}', '\\u0024{days}', r'$' || '{days}'") == [(4, "3", "${days}", "${days}")]
    sql.rows("create view v as select '${days}' as d")
    sql.rows("set days = 4")
    assert sql.rows("select d from v") == [("3",)]
    sql.rows("set spark.sql.variable.substitute = false")
    assert sql.rows("select '${days}'") == [("${days}",)]
