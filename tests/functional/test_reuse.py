"""A session that is left to the next run, by real dbt processes: one is killed, the next finds its session."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest
import yaml

from fakelivy import FakeLivy
from fakelivy.journal import SessionMoved, StatementMoved
from tests.functional.conftest import Dbt
from tests.functional.test_runs import live_sessions
from tests.functional.test_stop import PROJECT, is_running, started, wait_for

pytestmark = pytest.mark.timeout(300)
MakeDbt = Callable[[Mapping[str, str]], Dbt]


def keep_sessions(dbt: Dbt) -> None:
    path = dbt.folder / "profiles.yml"
    profile = yaml.safe_load(path.read_text(encoding="utf-8"))
    for target in profile["fakelivy"]["outputs"].values():
        target["reuse_session"] = True
    dbt.profile(profile)


@pytest.mark.slow
def test_the_run_after_a_killed_one_cancels_what_it_left_and_uses_its_session(
    make_dbt: MakeDbt, fakelivy_server: FakeLivy
) -> None:
    since = len(fakelivy_server.journal.entries())
    dbt = make_dbt(PROJECT)
    keep_sessions(dbt)
    with started(dbt) as process:
        wait_for(fakelivy_server, is_running, since)
        process.kill()
    dbt.write({"models/endless.sql": "{{ config(materialized='table') }} select 1 as n"})
    result = dbt.run("run", "--select", "endless")
    assert result.returncode == 0, result.stdout
    assert "for an earlier run; cancelling it" in result.stdout

    events = [entry.event for entry in fakelivy_server.journal.entries()[since:]]
    made = [event for event in events if isinstance(event, SessionMoved) and event.before is None]
    ended = [event.after for event in events if isinstance(event, StatementMoved) and event.after == "cancelled"]
    left = live_sessions(fakelivy_server)
    fakelivy_server.end_sessions([str(session["id"]) for session in left])
    assert len(made) == len(left) == 1
    assert ended
    # Durations are remembered beside the target folder, and nothing else is written there.
    timings = json.loads((dbt.folder / ".fabricspark-timings.json").read_text(encoding="utf-8"))
    assert any(key.startswith("model.small.endless ") for key in timings)
    known = {"models", "target", "logs", "dbt_project.yml", "profiles.yml", ".fabricspark-timings.json"}
    assert {path.name for path in dbt.folder.iterdir() if not path.name.startswith("livy-session-id.txt")} == known
