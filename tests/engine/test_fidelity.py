"""How near the embedded engine is to real Spark: the share of Spark's own examples may not fall."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fakelivy.engine.port import Failure
from fakelivy.engine.sail.engine import SailEngine
from tests.engine.conftest import Sql
from tests.engine.fidelity import matrix
from tests.engine.fidelity.compare import FILES, compare, known
from tests.engine.fidelity.examples import FOLDER, agrees, answered, found_in, load, same
from tests.engine.fidelity.statements import stale
from tests.engine.test_statements import CASES

FLOOR = 0.94
"""The share of examples with Spark's answer; the project's own target."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_functions_answer_as_spark_documents_them(
    engine: SailEngine, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare(engine, load(path))
    with capsys.disabled():
        print(f"\n{found}")  # noqa: T201  # the share is for people to see
    unknown = found.differences.keys() - json.loads(known(found.corpus).read_text(encoding="utf-8")).keys()
    assert not unknown, f"differs from Spark and did not before: {sorted(unknown)}"
    assert found.same / len(found.corpus.examples) >= FLOOR


def test_every_statement_that_is_done_otherwise_has_a_reason() -> None:
    found = json.loads(matrix.OURS.read_text(encoding="utf-8"))
    assert len(matrix.statements()) == 259
    assert not [text for text in found if not matrix.reason(text)]


def test_the_record_of_real_spark_is_of_these_statements() -> None:
    """A few cases may wait for the next recording; ``docs/fidelity.md`` says how many. 3.5 is Fabric's line."""
    found = json.loads(max(FOLDER.glob("statements-3.5.*.json")).read_text(encoding="utf-8"))
    old = stale(found)
    assert len(old) <= len(CASES) // 10, f"record anew, see docs/fidelity.md: {old}"
    assert found["differences"].keys() <= found["cases"].keys()


def test_a_wrong_answer_is_seen() -> None:
    """The comparison itself: what it takes for equal, and what not."""
    spark = {"types": ["int"], "rows": [[1], [2]]}
    assert agrees("select 1", spark, {"types": ["bigint"], "rows": [[2], [1]]})
    assert not agrees("select 1", spark, {"types": ["int"], "rows": [[1], [3]]})
    assert not agrees("select 1", spark, {"error": "X"})
    assert agrees("select 1", {"error": "DIVIDE_BY_ZERO"}, {"error": "other words"})
    assert agrees("select collect_set(a)", {"rows": [[[1, 2]]]}, {"rows": [[[2, 1]]]})
    assert not agrees("select collect_list(a)", {"rows": [[[1, 2]]]}, {"rows": [[[2, 1]]]})
    assert same(0.1 + 0.2, 0.3)
    assert not same(0.3000001, 0.3)
    assert not same({"a": 1}, {"b": 1})
    assert not same(None, 0)


def test_examples_are_found_in_a_description() -> None:
    text = (
        "Usage: f(x)\n  Examples:\n      > SELECT f(1);\n       1\n      > SET a=b;\n      > SELECT\n f(2);\n       2\n"
    )
    assert list(found_in(text)) == ["SELECT f(1)", "SELECT\n f(2)"]


def test_failures_are_told_by_their_class() -> None:
    assert answered(Failure("(org.x.Y) [DIVIDE_BY_ZERO] …"), "") == {"error": "DIVIDE_BY_ZERO"}
    assert answered(Failure("no class\nmore"), "") == {"error": "no class"}


REWRITTEN = [
    # decode with pairs compares as <=> does, whatever its arguments are
    ("select decode(a, null, 'none', 1, 'one', 'many') from values (1), (2), (null) t(a)", ["one", "many", "none"]),
    ("select decode(decode(1, 1, 2, 3), 2, 'x')", ["x"]),
    ("select decode(encode('abc', 'utf-8'), 'utf-8')", ["abc"]),
    # lambdas over maps and pairs see the columns around them, and names in any case
    ("select transform_values(map(1, 2), (K, v) -> v + zz.key + k) from values (5) as zz(key)", [[(1, 8)]]),
    ("select transform_keys(map(1, 2), (k, v) -> cast(k as bigint) + 1)", [[(2, 2)]]),
    ("select transform_values(cast(null as map<int, int>), (k, v) -> k)", [None]),
    ("select zip_with(a, b, (x, y) -> coalesce(x, 0) + y) from values (array(1), array(3, 4)) t(a, b)", [[4, 4]]),
    ("select zip_with(array(1), filter(array('a', 'b'), x -> x <> 'a'), (x, y) -> (y, x))", [[{"y": "b", "x": 1}]]),
    # text is a timestamp, not one without a zone; a bad one is null
    ("select typeof(date_trunc('YEAR', '2015-03-05 01:02:03'))", ["timestamp"]),
    ("select date_trunc('YEAR', 'bad')", [None]),
    ("select cast(timestamp_seconds(1.5) as double)", [1.5]),
    # what is read at the edges as Spark reads it
    ("select concat_ws(',', cast(hour(x - y) as string), minute(x - y), extract(hour from y), date_part('min', x - y))"
     " from values (timestamp'2024-01-03 05:06:07', timestamp'2024-01-01 00:00:00') t(x, y)", ["5,6,0,6"]),
    ("select left('abc', n) from values (-1), (2), (null) t(n)", ["", "ab", None]),
    ("select split(s, '') from values ('abc'), (''), (null) t(s)", [["a", "b", "c"], [""], None]),
    ("select rint(x) from values (2.5), (-0.5), (3.5) t(x)", [2.0, 0.0, 4.0]),
    ("select concat_ws(' ', bround(2.5), bround(-3.5, 0), bround(1.25, 1), bround(25, -1))", ["2 -4 1.2 20"]),
    ("select double(x) + bigint(x) - int(x) from values (timestamp'1970-01-01 00:00:01.5') t(x)", [1.5]),
    ("select typeof(date_trunc('week', date'2024-01-03'))", ["timestamp"]),
    ("select conv(s, 16, 10) from values ('FFFFFFFFFFFFFFFF'), ('8000000000000000'), ('ff'), (null) t(s)",
     ["18446744073709551615", "9223372036854775808", "255", None]),
    ("select typeof(try_add(timestamp'2021-01-01 00:00:00', interval 1 day))", ["timestamp"]),
    ("select rank(b) over (order by b) from values (7), (7), (9) t(b)", [1, 1, 3]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "wanted"), REWRITTEN)
def test_calls_that_sail_reads_otherwise_are_rewritten(sql: Sql, query: str, wanted: list[object]) -> None:
    assert [row[0] for row in sql.rows(query)] == wanted


@pytest.mark.parametrize("query", ["select zip_with(1)", "select decode()", "select transform_keys(a, b)"])
def test_half_a_call_is_an_error_and_no_more(sql: Sql, query: str) -> None:
    assert sql.error(query)
    assert sql.rows("select 1") == [(1,)]
