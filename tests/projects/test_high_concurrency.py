"""High concurrency: a REPL for each thread, packed into one Livy session, returned and ended at the end."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from fakelivy import FakeLivy, Knobs
from fakelivy.journal import Execution, HighConcurrencyMoved, StatementMoved
from tests.functional.conftest import Dbt
from tests.functional.test_runs import ENDLESS
from tests.functional.test_stop import started, stop, wait_for
from tests.projects.project import Project

# dbt's own modules warn.
pytestmark = pytest.mark.filterwarnings("ignore")

MODELS = {f"models/m{n}.sql": f"{{{{ config(materialized='table') }}}} select {n} as id" for n in range(8)}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeLivy]:
    knobs = Knobs(hc_last_repl_delete="linger")  # the session outlives its last REPL, which costs money
    with FakeLivy(warehouse=tmp_path_factory.mktemp("warehouse"), lakehouses=("home",), knobs=knobs) as server:
        yield server


def project(folder: Path, server: FakeLivy, **change: Any) -> Project:
    made = Project(folder, server, **{"high_concurrency": True, "threads": 4, **change})
    made.write(MODELS)
    return made


def events(server: FakeLivy, kind: type) -> list[Any]:
    return [entry.event for entry in server.journal.entries() if isinstance(entry.event, kind)]


def left(server: FakeLivy) -> list[Any]:
    """Livy sessions that still live, and REPLs that nobody returned."""
    place = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
    base = f"{place['endpoint']}/workspaces/{place['workspaceid']}/lakehouses/{place['lakehouseid']}/livyapi/versions"
    reply = requests.get(
        f"{base}/2023-12-01/sessions", headers={"Authorization": f"Bearer {server.token}"}, timeout=30
    ).json()
    repls = {event.id: event.after for event in events(server, HighConcurrencyMoved)}
    dead = ("dead", "killed", "error")
    return [
        *(each for each in reply["items"] if str(each.get("livyState") or each.get("state")).lower() not in dead),
        *(state for state in repls.values() if state in ("Idle", "NotStarted", "AcquiringHighConcurrencySession")),
    ]


def test_threads_have_a_repl_each_in_one_session_and_nothing_is_left(server: FakeLivy, tmp_path: Path) -> None:
    built = project(tmp_path, server).dbt("run")
    assert built.success, built
    moved = events(server, HighConcurrencyMoved)
    assert len({event.session for event in moved}) == 1
    assert 2 <= len({event.repl for event in moved}) <= 5
    requests = Counter(project(tmp_path, server).requests())
    assert requests["acquire_hc"] == requests["delete_hc"]
    assert requests["create_session"] == 0
    assert left(server) == []


SLOW = (
    "{{ config(materialized='table') }} "
    "select count(*) as n from range(3000) a cross join range(3000) b where a.id + b.id > %d"
)


@contextmanager
def together(server: FakeLivy, count: int) -> Iterator[None]:
    """Let the first ``count`` models' statements reach the server only when all of them are on their way."""
    over = threading.Event()

    def let_go() -> None:
        while not over.wait(0.02):
            if server.armed[0].fires == count:
                server.clear()
                return

    server.arm(f'submit_repl_statement[contains="cross join"]:before:delay(100)@first({count})')
    friend = threading.Thread(target=let_go)
    friend.start()
    try:
        yield
    finally:
        over.set()
        friend.join()
    assert server.armed == [], f"{count} statements were never on their way at the same time"


def running_at_once(server: FakeLivy) -> list[set[str]]:
    """The REPLs whose statements were running at the same time, at each moment at which that changed."""
    moments: list[set[str]] = [set()]
    for event in events(server, StatementMoved):
        repl = event.session.rpartition("/")[2]
        if event.after == "running":
            moments.append(moments[-1] | {repl})
        elif event.before == "running":
            moments.append(moments[-1] - {repl})
    return moments


def test_statements_of_different_threads_run_at_the_same_time(server: FakeLivy, tmp_path: Path) -> None:
    made = project(tmp_path, server)
    made.write({f"models/m{n}.sql": SLOW % n for n in range(8)})
    with together(server, 4):
        built = made.dbt("run")
    assert built.success, built
    assert max(map(len, running_at_once(server))) >= 2


def test_more_threads_than_a_session_takes_are_spread_over_several(server: FakeLivy, tmp_path: Path) -> None:
    made = project(tmp_path, server, threads=8)
    made.write({f"models/m{n}.sql": SLOW % n for n in range(16)})
    with together(server, 8):
        built = made.dbt("run")
    assert built.success, built
    sessions = {event.repl: event.session for event in events(server, HighConcurrencyMoved)}
    sizes = sorted(Counter(sessions.values()).values())
    assert sizes == [3, 5], "eight threads need two sessions, and get no third"
    at_once = [{sessions[repl] for repl in running} for running in running_at_once(server)]
    assert max(map(len, at_once)) == 2, "statements of both sessions overlap"
    assert left(server) == []


def test_without_it_all_threads_share_one_session(server: FakeLivy, tmp_path: Path) -> None:
    built = project(tmp_path, server, high_concurrency=False).dbt("run")
    assert built.success, built
    assert events(server, HighConcurrencyMoved) == []
    assert project(tmp_path, server).requests().count("create_session") == 1


def test_a_lost_reply_to_an_acquisition_leaves_nothing_behind(server: FakeLivy, tmp_path: Path) -> None:
    with server.fault("acquire_hc:after_commit:reset@first(1)"):
        built = project(tmp_path, server).dbt("run")
    assert built.success, built
    assert [each for each in left(server) if not isinstance(each, str)] == []


def test_a_lost_reply_to_a_write_is_found_in_its_repl_and_runs_once(server: FakeLivy, tmp_path: Path) -> None:
    with server.fault('submit_repl_statement[contains="table home.dbo.m3"]:after_commit:reset@first(1)'):
        built = project(tmp_path, server).dbt("run")
    assert built.success, built
    written = [event.code for event in events(server, Execution) if "table home.dbo.m3" in event.code]
    assert len(written) == 1


def test_a_kept_tag_leaves_the_session_to_the_next_run(server: FakeLivy, tmp_path: Path) -> None:
    for _ in range(2):
        built = project(tmp_path, server, session_tag="nightly").dbt("run")
        assert built.success, built
    assert "delete_session" not in project(tmp_path, server).requests()
    assert {event.after for event in events(server, HighConcurrencyMoved)} >= {"Idle", "Deleting"}


def test_temporary_views_stay_with_their_thread(server: FakeLivy, tmp_path: Path) -> None:
    made = project(tmp_path, server)
    merged = (
        "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }} "
        "select id, {{ 1 if is_incremental() else 0 }} as run from range({{ 4 if is_incremental() else 2 }})"
    )
    made.write({"models/merged.sql": merged})
    for _ in range(2):
        built = made.dbt("run")
        assert built.success, built
    assert made.rows("select id, run from {{ ref('merged') }} order by id") == [(0, 1), (1, 1), (2, 1), (3, 1)]


def test_a_session_that_dies_takes_its_repls_along_and_no_later_model_fails(server: FakeLivy, tmp_path: Path) -> None:
    made = project(tmp_path, server, threads=2)
    with server.fault('submit_repl_statement[contains="table home.dbo.m3"]:after_commit:session_to(dead)@first(1)'):
        built = made.dbt("run")
    unknown = [message for status, message in built.nodes.values() if status != "success"]
    assert 1 <= len(unknown) <= 2, built
    assert all("may have run" in message for message in unknown)
    # Its neighbours have one replacement, not one each.
    assert len({event.session for event in events(server, HighConcurrencyMoved)}) == 2
    assert made.dbt("run").success
    assert left(server) == []


@pytest.mark.parametrize("state", ["killed", "gone"])
def test_when_the_session_is_gone_under_its_repls_what_did_not_run_runs_elsewhere(
    state: str, server: FakeLivy, tmp_path: Path
) -> None:
    with server.fault(f'submit_repl_statement[contains="table home.dbo.m3"]:before:session_to({state})@first(1)'):
        built = project(tmp_path, server, connect_retries=3).dbt("run", "--threads", "1")
    assert built.success, built
    written = Counter(event.code for event in events(server, Execution) if "create or replace table" in event.code)
    assert set(written.values()) == {1}
    assert left(server) == []


def stopped(server: FakeLivy, folder: Path) -> None:
    """A run whose two threads are at work when Ctrl-C comes."""
    project(folder, server).write(
        {f"models/m{n}.sql": "{{ config(materialized='table') }} " + f"{ENDLESS} + {n}" for n in range(8)}
    )
    with started(Dbt(folder)) as process:
        wait_for(server, lambda _: sum(ENDLESS in event.code for event in events(server, Execution)) >= 2, 0)
        stop(process, signal.SIGINT)


def test_ctrl_c_cancels_every_repl_and_ends_their_session(server: FakeLivy, tmp_path: Path) -> None:
    stopped(server, tmp_path)
    assert [each for each in left(server) if not isinstance(each, str)] == []
    moved = events(server, StatementMoved)
    assert sum(event.after.startswith("cancel") for event in moved) >= 2


def test_ctrl_c_ends_the_session_even_if_its_repls_cannot_be_returned(server: FakeLivy, tmp_path: Path) -> None:
    with server.fault("delete_hc:before:hang(600)"):
        stopped(server, tmp_path)
    assert [each for each in left(server) if not isinstance(each, str)] == []
