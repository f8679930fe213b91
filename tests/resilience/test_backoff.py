"""Back-off, and every form in which a server says when to come back."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from dbt.adapters.fabricspark.livy.errors import SessionLost
from dbt.adapters.fabricspark.resilience.backoff import LONGEST_STAY_AWAY, query_pause, retry_pause, stay_away

from fakelivy.engine.scripted import Rule
from tests.resilience.world import world

NOW = dt.datetime(2026, 8, 31, 18, 24, 8, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("55", "", 55),
        (" 55 ", "", 55),
        ("1.5", "", 1.5),
        ("0", "", 0),
        ("-5", "", 0),
        ("999999999", "", LONGEST_STAY_AWAY),
        ("1e9", "", None),
        ("soon", "", None),
        ("", "", None),
        ("Mon, 31 Aug 2026 18:24:38 GMT", "", 30),
        ("Mon, 31 Aug 2026 20:24:38 +0200", "", 30),
        ("Mon, 31 Aug 2020 18:24:38 GMT", "", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "", LONGEST_STAY_AWAY),
        ("", "blocked by the upstream service until: 8/31/2026 6:24:38 PM (UTC)", 30),
        ("", "blocked by the upstream service until: 8/31/2026 6:24:38 PM", 30),
        ("", "blocked until 08/31/2026 06:24:38 pm", 30),
        ("", "blocked until: 8/31/2026 6:24:38PM", 30),
        ("", "blocked until: 8/31/2026 6:24:38 AM (UTC)", 0),
        ("", "blocked until: 13/31/2026 6:24:38 AM (UTC)", None),
        ("", "wait until: tomorrow", None),
        ("10", "until: 8/31/2026 6:24:38 PM (UTC)", 30),
    ],
)
def test_every_form_of_retry_after_is_understood(header: str, body: str, seconds: float | None) -> None:
    assert stay_away({"Retry-After": header} if header else {}, body, NOW) == seconds


def test_back_off_doubles_is_capped_and_spread_over_the_whole_interval() -> None:
    assert [retry_pause(n, 0.999999) for n in range(7)] == pytest.approx([1, 2, 4, 8, 16, 30, 30], rel=1e-3)
    assert [retry_pause(n, 0.5) for n in range(3)] == [0.5, 1, 2]
    assert retry_pause(3, 0.0) > 0  # never a spin
    assert retry_pause(10_000, 0.5) == 15


def test_a_query_is_run_again_after_5_10_20_40_and_60_seconds() -> None:
    assert [query_pause(n) for n in range(7)] == [5, 10, 20, 40, 60, 60, 60]


def test_a_query_whose_sessions_die_is_run_again_after_longer_and_longer_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dies, rules = "get_statement:before:session_to(dead)", (Rule("select", duration=60),)
    with world(dies, rules=rules, settings={"connect_retries": 6}) as here:
        here.run(["select 1"])
        took = here.runtime.monotonic()
        lost = here.results["select 1"]
        assert isinstance(lost, SessionLost)
        assert str(lost).endswith(" It was tried 7 times, on 7 sessions.")
        assert here.sessions_made == 7
    said = re.findall(r"Running it again in (\d+) s", caplog.text)
    assert said == ["5", "10", "20", "40", "60", "60"]
    assert took >= sum(map(int, said))


def test_a_query_that_is_not_run_again_says_by_which_setting() -> None:
    dies, rules = "get_statement:before:session_to(dead)", (Rule("select", duration=60),)
    with world(dies, rules=rules, settings={"connect_retries": 0}) as here:
        here.run(["select 1"])
        assert str(here.results["select 1"]).endswith(" It was tried once; connect_retries is 0.")
