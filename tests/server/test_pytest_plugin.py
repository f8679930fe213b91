"""The pytest plugin in suites of its own."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
import requests

@pytest.fixture(scope="session")
def fakelivy_options():
    return {"engine": "scripted"}

@pytest.fixture
def session(fakelivy):
    return requests.post(fakelivy.url + "/sessions", json={"kind": "sql"}, timeout=20).json()["id"]
"""

END = "requests.delete(f'{fakelivy.url}/sessions/{session}', timeout=20)"


class Suite:
    """A folder of tests and the command that runs them with no plugins but ours."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        # Whether the entry point is installed must make no difference here.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        self._pytester = pytester
        pytester.makeconftest(CONFTEST)

    def run(self, test: str, *options: str) -> pytest.RunResult:
        self._pytester.makepyfile("import pytest\nimport requests\n\n" + test)
        plugins = ("-p", "fakelivy.pytest_plugin", "-p", "xdist")
        if "-n" in options:
            return self._pytester.runpytest_subprocess(*plugins, *options, timeout=240)
        return self._pytester.runpytest_inprocess(*plugins, *options)


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


def test_a_clean_test_passes_and_tests_share_one_server(suite: Suite) -> None:
    result = suite.run(
        f"""
def test_one(fakelivy, session):
    {END}

def test_two(fakelivy, fakelivy_server):
    assert fakelivy.url == fakelivy_server.url
    assert fakelivy_server.journal.size > 0, "not the server of the first test"
    assert fakelivy.entries() == [], "the first test shows through"
"""
    )
    result.assert_outcomes(passed=2)


def test_a_session_left_alive_fails_the_test_and_is_gone_for_the_next(suite: Suite) -> None:
    result = suite.run(
        """
def test_one(session):
    pass

def test_two(fakelivy):
    assert requests.get(fakelivy.url + "/sessions", timeout=20).json()["sessions"] == []
"""
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*fakelivy: the test left sessions alive: 0;*"])


def test_a_session_of_the_whole_suite_is_nobodys_leftover(suite: Suite) -> None:
    result = suite.run(
        """
from fakelivy.journal import SessionMoved
from tests.server.toy import eventually

@pytest.fixture(scope="session", autouse=True)
def shared(fakelivy_server):
    session = fakelivy_server.url + "/sessions/0"
    requests.post(fakelivy_server.url + "/sessions", json={"kind": "sql"}, timeout=20)
    eventually(lambda: requests.get(session, timeout=20).json()["state"] == "idle")
    return session

def test_one(fakelivy, shared):
    requests.post(shared + "/statements", json={"code": "select 1"}, timeout=20)
    eventually(lambda: "available" in requests.get(shared + "/statements/0", timeout=20).text)
    assert "busy" in [each.after for each in fakelivy.events(SessionMoved)], "it does not show in the journal"
    assert len(requests.get(fakelivy.url + "/sessions", timeout=20).json()["sessions"]) == 1
"""
    )
    result.assert_outcomes(passed=1)


def test_a_bug_of_the_server_fails_the_test(suite: Suite) -> None:
    result = suite.run(
        """
from fakelivy.journal import HandlerError

def test_one(fakelivy, fakelivy_server):
    fakelivy_server.journal.add(HandlerError("somewhere", "the traceback"))
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*a bug of fakelivy in somewhere:*", "*the traceback*"])


def test_a_failure_shows_the_journals_tail_and_how_to_repeat_it(suite: Suite) -> None:
    result = suite.run(f"def test_one(fakelivy, session):\n    {END}\n    assert False", "--fakelivy-seed=7")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "fakelivy: --fakelivy-seed=7",
            "*fakelivy journal*",
            '*"event": "SessionMoved"*',
            "*pytest test_*.py::test_one --fakelivy-seed=7*",
        ]
    )


def test_the_seed_of_the_command_line_reaches_the_server(suite: Suite) -> None:
    test = "def test_one(fakelivy_server):\n    assert fakelivy_server.seed == 7"
    suite.run(test, "--fakelivy-seed=7").assert_outcomes(passed=1)


def test_the_profile_has_a_schema_for_each_test(suite: Suite) -> None:
    result = suite.run(
        """
seen = set()

@pytest.mark.parametrize("number", range(2))
def test_one(fakelivy, fakelivy_profile, number):
    outputs = fakelivy_profile["fakelivy"]["outputs"]
    assert outputs["livy"]["livy_url"] == fakelivy.url
    (schema,) = {output["schema"] for output in outputs.values()}
    assert schema not in seen
    seen.add(schema)
"""
    )
    result.assert_outcomes(passed=2)


def test_a_fixture_of_the_same_name_in_somebodys_suite_is_left_alone(suite: Suite) -> None:
    result = suite.run("@pytest.fixture\ndef fakelivy():\n    return 1\n\ndef test_one(fakelivy):\n    assert False")
    result.assert_outcomes(failed=1)
    assert "fakelivy journal" not in result.stdout.str()


def test_a_suite_that_does_not_use_it_imports_nothing_of_the_server() -> None:
    ours = "[name for name in sys.modules if name.startswith(('fakelivy', 'werkzeug'))]"
    code = f"import sys, fakelivy.pytest_plugin; print({ours})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert run.stdout.strip() == "['fakelivy', 'fakelivy.pytest_plugin']"


LOOK = "requests.get(fakelivy.url + '/sessions', timeout=20).status_code"


def test_marked_faults_are_in_force_for_one_test_only(suite: Suite) -> None:
    result = suite.run(
        f"""
@pytest.mark.fakelivy("list_sessions:before:status(503)")
def test_one(fakelivy):
    assert {LOOK} == 503

def test_two(fakelivy):
    assert {LOOK} == 200
    fakelivy.arm("list_sessions:before:status(502)")
    assert {LOOK} == 502

def test_three(fakelivy):
    assert {LOOK} == 200
""",
        "--strict-markers",
    )
    result.assert_outcomes(passed=3)


def test_a_fault_that_never_fired_fails_the_test_unless_it_may(suite: Suite) -> None:
    result = suite.run(
        """
@pytest.mark.fakelivy("list_sessions:before:status(503)")
def test_marked(fakelivy):
    pass

def test_armed_on_the_server(fakelivy):
    with fakelivy.server.fault("version:before:reset"):
        pass

@pytest.mark.fakelivy("list_sessions:before:status(503)", must_fire=False)
def test_it_may(fakelivy):
    pass
"""
    )
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*these faults never fired*list_sessions:before:status(503)*",
            "*these faults never fired*version:before:reset*",
        ]
    )


def test_a_marker_gives_a_test_a_server_of_its_own(suite: Suite) -> None:
    result = suite.run(
        """
pytestmark = pytest.mark.fakelivy("version:before:delay(0)", must_fire=False)

@pytest.mark.fakelivy(clock="manual", seed=5)
def test_one(fakelivy):
    assert fakelivy.server.seed == 5
    assert len(fakelivy.server.armed) == 1, "markers add up"
    before = fakelivy.clock.monotonic()
    fakelivy.clock.advance(43200)
    assert fakelivy.clock.monotonic() - before == 43200

def test_two(fakelivy, fakelivy_server):
    assert fakelivy.server is fakelivy_server
    with pytest.raises(Exception, match="real time"):
        fakelivy.clock
"""
    )
    result.assert_outcomes(passed=2)


def test_a_failure_at_the_end_shows_the_tail_and_the_line_too(suite: Suite) -> None:
    result = suite.run("@pytest.mark.fakelivy(seed=5)\ndef test_one(session):\n    pass", "--fakelivy-seed=7")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fakelivy journal*", "*test_one --fakelivy-seed=7  # its server: seed 5*"])


def test_a_misspelt_marker_is_an_error_that_says_what_was_meant(suite: Suite) -> None:
    result = suite.run(
        """
@pytest.mark.fakelivy("version:before:rest")
def test_fault(fakelivy):
    pass

@pytest.mark.fakelivy(sede=5)
def test_option(fakelivy):
    pass
"""
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*no effect 'rest'; did you mean 'reset'?*", "*unexpected keyword argument 'sede'*"])


def test_a_fixture_that_fails_shows_the_tail_and_the_line_too(suite: Suite) -> None:
    result = suite.run("@pytest.fixture\ndef bad(session):\n    assert False\n\ndef test_one(bad, fakelivy):\n    pass")
    result.stdout.fnmatch_lines(["*fakelivy journal*", '*"operation": "create_session"*', "*fakelivy replay*"])


def test_what_a_test_left_armed_or_running_does_not_meet_the_next_one(suite: Suite) -> None:
    result = suite.run(
        f"""
HEADERS = {{"X-Fakelivy-Control": "1"}}

def test_one(fakelivy):
    spec = "list_sessions:before:status(503)"
    requests.post(fakelivy.url + "/_fake/faults", data=spec, headers=HEADERS, timeout=20)
    assert {LOOK} == 503
    requests.post(fakelivy.url + "/batches", json={{"file": "a.py"}}, timeout=20)

def test_two(fakelivy):
    assert {LOOK} == 200
    assert requests.get(fakelivy.url + "/batches", timeout=20).json()["sessions"] == []
"""
    )
    result.assert_outcomes(passed=2)


def test_a_high_concurrency_session_left_in_somebody_elses_session_fails_the_test_too(suite: Suite) -> None:
    result = suite.run(
        """
from tests.server.toy import Client, fabric_base

HC = "/highConcurrencySessions"

@pytest.fixture(scope="session")
def fabric(fakelivy_server):
    client = Client(fabric_base(fakelivy_server), "fakelivy")
    client.shared = client.post(HC, {"sessionTag": "t"}).json()
    yield client
    client.http.close()

def test_left(fabric, fakelivy):
    fabric.left = fabric.post(HC, {"sessionTag": "t"}).json()
    assert fabric.left["sessionId"] == fabric.shared["sessionId"]

def test_gone(fabric, fakelivy):
    assert fabric.get(f"{HC}/{fabric.left['id']}").status_code == 404
    assert fabric.get(f"{HC}/{fabric.shared['id']}").status_code == 200
    mine = fabric.post(HC, {"sessionTag": "t"}).json()["id"]
    assert fabric.delete(f"{HC}/{mine}").ok

def test_with_its_livy_session(fabric, fakelivy):
    mine = fabric.post(HC, {"sessionTag": "another"}).json()
    assert fabric.delete(f"/sessions/{mine['sessionId']}").ok
"""
    )
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*fakelivy: the test left high-concurrency sessions: *; release what it acquires*"])


def test_faults_among_the_options_must_fire_too(suite: Suite) -> None:
    result = suite.run('@pytest.mark.fakelivy(faults=["version:before:reset"])\ndef test_one(fakelivy):\n    pass')
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*these faults never fired*version:before:reset*"])


def test_a_test_longer_than_the_journal_is_judged_all_the_same_and_does_not_answer_by_half(suite: Suite) -> None:
    result = suite.run(
        f"""
@pytest.mark.fakelivy(journal_keep=10)
def test_one(fakelivy, session):
    for _ in range(20):
        {LOOK}
    with pytest.raises(Exception, match="not remembered any more; give FakeLivy a journal_keep"):
        fakelivy.entries()
"""
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fakelivy: the test left sessions alive: 0;*", "*fakelivy journal*"])


CROWD = f"""
from pathlib import Path

@pytest.mark.parametrize("who", ["a", "it's b", "c", "d"])
@pytest.mark.fakelivy("coin=list_sessions:before:status(503)@rate(0.5)")
def test_one(fakelivy, session, who, worker_id):
    Path(f"server-{{worker_id}}-{{who}}").write_text(f"{{fakelivy.url}} {{fakelivy.server.seed}}")
    seen = [{LOOK} for _ in range(16)]
    {END}
    with Path(who + ".txt").open("a") as file:
        file.write(f"{{seen}}\\n")
    assert who != "it's b"
"""


def test_workers_share_a_seed_and_no_server_and_the_line_of_a_failure_repeats_it_alone(suite: Suite) -> None:
    crowd = suite.run(CROWD, "-n", "2")
    crowd.assert_outcomes(passed=3, failed=1)
    here = suite._pytester.path
    servers = {path.name.split("-")[1]: path.read_text() for path in here.glob("server-gw*")}
    assert len({each.split()[0] for each in servers.values()}) == len(servers)
    header = next(line for line in crowd.outlines if line.startswith("fakelivy: --fakelivy-seed="))
    assert {each.split()[1] for each in servers.values()} == {header.partition("=")[2]}

    line = next(line for line in crowd.outlines if line.startswith("pytest "))
    suite.run(CROWD, *shlex.split(line)[1:]).assert_outcomes(failed=1)
    before, alone = (here / "it's b.txt").read_text().splitlines()
    assert before == alone
    assert {"200", "503"} == set(alone.strip("[]").split(", "))
