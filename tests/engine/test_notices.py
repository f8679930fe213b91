"""What may be otherwise than on Spark, and is no error, is told in the session's log."""

from __future__ import annotations

import pytest

from fakelivy.engine.sail.notices import notices
from tests.engine.conftest import Sql


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("select mode(v), conv(a, 16, 10) from t", ["conv of a negative", "mode of values"]),
        ("update t set a = b / c", ["a quotient of decimals in the SET of UPDATE"]),
        ("grant select on t to `x`", ["GRANT is accepted"]),
        ("select 'mode(v)', mode, a / b /* conv(1) */ from update_log", []),
        ("select 1", []),
        ("", []),
    ],
)
def test_only_what_may_differ_is_told(source: str, told: list[str]) -> None:
    found = notices(source)
    assert len(found) == len(told)
    assert all(text.startswith(beginning) for text, beginning in zip(found, told, strict=True))


def test_a_result_has_its_notices(sql: Sql) -> None:
    assert len(sql.table("select mode(v) from values (1), (2) t(v)").notices) == 1
    assert not sql.table("select 1").notices
