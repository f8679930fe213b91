"""Where a statement names tables, and what the names mean."""

from __future__ import annotations

import pytest

from fakelivy.engine.sail.catalog import Name
from fakelivy.engine.sail.names import full_name, mentioned, references


def found(query: str) -> list[str]:
    return [".".join(reference.parts) for reference in references(query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select 1", []),
        ("select * from a", ["a"]),
        ("select * from a x, b as y, c where x.i in (1, 2)", ["a", "b", "c"]),
        ("select * from a join s.b using (id) left join l.s.c on true", ["a", "s.b", "l.s.c"]),
        ("select * from `my s`.`my t` t", ["my s.my t"]),
        ("with a as (select * from b), c (x) as (select * from a) select * from c, d", ["b", "d"]),
        ("select * from (select * from a) x, b", ["a", "b"]),
        ("select (select max(i) from a), f from b", ["a", "b"]),
        ("select extract(year from d), trim(both 'x' from e), a is distinct from b from t", ["t"]),
        ("select * from range(3)", []),
        ("select * from values (1), (2) as v(i)", []),
        ("select * from a lateral view explode(x) e as y", ["a"]),
        ("select 'from x' /* from y */ from z -- from w", ["z"]),
        ("merge into a.t as d using b.s as x on d.i = x.i when matched then update set *", ["a.t", "b.s"]),
        ("insert into table a select * from b", ["a", "b"]),
        ("update a set i = (select max(i) from b)", ["a", "b"]),
        ("select * from a union all select * from b except select * from c", ["a", "b", "c"]),
    ],
)
def test_table_names_of_a_query(query: str, expected: list[str]) -> None:
    assert found(query) == expected


def test_references_know_their_place() -> None:
    query = "select * from `A` . b as x"
    (reference,) = references(query)
    assert query[reference.start : reference.end] == "`A` . b"


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("T",), Name("lh", "dbo", "t")),
        (("S", "t"), Name("lh", "s", "t")),
        (("Other", "s", "t"), Name("other", "s", "t")),
        (("My Workspace", "other", "s", "t"), Name("other", "s", "t")),
    ],
)
def test_a_name_of_one_to_four_parts_is_completed_from_the_current_schema(parts: tuple[str, ...], name: Name) -> None:
    assert full_name(parts, ("lh", "dbo")) == name


def test_a_name_of_five_parts_means_nothing() -> None:
    with pytest.raises(ValueError, match="one to four"):
        full_name(("a", "b", "c", "d", "e"), ("lh", "dbo"))


def test_mentions_ignore_case_and_see_quoted_names() -> None:
    assert mentioned("select * from DBO.Orders, `my table`", {"orders", "my table", "other"}) == {"orders", "my table"}
