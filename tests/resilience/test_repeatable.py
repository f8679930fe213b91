"""What counts as safe to run twice: only what reads, and in doubt nothing."""

from __future__ import annotations

import re

import pytest
from dbt.adapters.fabricspark.livy.repeatable import is_safe_to_repeat
from hypothesis import given
from hypothesis import strategies as st

SAFE = [
    "select 1",
    "  SELECT * from t ;",
    '/* {"app": "dbt"} */\nselect \'insert into t\', "drop" from `delete` -- update',
    "-- insert\nselect 1",
    "/* a /* nested */ insert */ select 1",
    "(select 1) union all (select 2)",
    "with a as (select 1) select * from a",
    "show create table t",
    "show tables in s",
    "describe extended s.t",
    "explain insert into t select 1",
    "set spark.sql.shuffle.partitions = 2",
    "use s",
    "values (1), (2)",
    "select /*+ broadcast(a) */ 1",
    "select ''",
    "select 'it''s'",
    "select `a``b` from t",
    "select 1 + 1e3 / 2",
]
DOUBTFUL = [
    "",
    "-- nothing",
    ";",
    "insert into t select 1",
    "create table t as select 1",
    "merge into t using s on a when matched then delete",
    "from s insert into t select *",
    "with a as (select 1) insert into t select * from a",
    "select 1; drop table t",
    "select 1 -- x\n; drop table t",
    "show tables; drop table t",
    "use s /* c */ ; insert into t select 1",
    "select java_method('java.lang.System', 'exit', 0)",
    "select transform(a) using 'rm' from t",
    "select 'a\\' || 'insert",
    "select 'a\\' insert into t select \\'b'",
    "select r'\\', 1",
    "select r'\\', r'\\' insert into t --'",
    "select 'no end",
    "select `no end",
    'select "no end',
    "select update from t",
    "call system.vacuum()",
    "refresh table t",
    "optimize t",
    "with a as (select 1) -- c\rinsert into t select * from a",
    "with a as (select 1) -- c\\\n'\ninsert into t select * from a -- '",
    "%%pyspark\nprint(1)",
    "héllo",
]


@pytest.mark.parametrize("sql", SAFE)
def test_what_only_reads_is_safe(sql: str) -> None:
    assert is_safe_to_repeat(sql)


@pytest.mark.parametrize("sql", DOUBTFUL)
def test_what_writes_or_is_in_doubt_is_not(sql: str) -> None:
    assert not is_safe_to_repeat(sql)


WORDS = re.findall(
    r"\w+",
    """insert into overwrite update delete merge create drop alter truncate load copy grant revoke call refresh analyze
    optimize vacuum cache uncache msck add transform reduce map reflect java_method try_reflect""",
)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_that_writes_or_runs_code_puts_a_query_in_doubt(word: str) -> None:
    assert not is_safe_to_repeat(f"with a as (select 1) select * from a {word.upper()} b")
    assert is_safe_to_repeat(f"select '{word}', `{word}`, my_{word} from a /* {word} */")


WRITES = st.sampled_from(["insert into t select 1", "DELETE from t", "merge into t using s", "create table t (a int)"])
HIDING = st.lists(
    st.sampled_from(
        ["select 1;", "with a as (select 1)", "'x'", '"y"', "`z`", "/* c */", "-- d\n", "(", ")", ",", "''"]
    )
)


@given(HIDING, WRITES)
def test_a_write_hides_behind_nothing(before: list[str], write: str) -> None:
    assert not is_safe_to_repeat(" ".join([*before, write]))


@given(st.text())
def test_any_text_gets_an_answer(sql: str) -> None:
    assert is_safe_to_repeat(sql) in (True, False)
