"""Sessions kept between runs are found again, used by one process at a time, and never confused."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from dbt.adapters.fabricspark.lease import MOST_ENTRIES, LeaseFile, target_key
from dbt.adapters.fabricspark.resilience.halt import Halted, HaltingRuntime
from dbt_common.exceptions import DbtRuntimeError
from filelock import FileLock

from tests.adapter.conftest import VirtualRuntime

LOG = logging.getLogger("tests.lease")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "livy-session-id.txt"


def leases(path: Path, key: str = "a") -> LeaseFile:
    return LeaseFile(path, key, LOG)


def test_without_a_file_there_is_nothing_to_claim(path: Path) -> None:
    assert leases(path).claim() is None
    assert not path.exists()


def test_a_session_is_left_to_the_next_run(path: Path) -> None:
    leases(path).add("7", "dbt-1").release()
    lease = leases(path).claim()
    assert lease is not None
    assert (lease.entry.session_id, lease.entry.name) == ("7", "dbt-1")


def test_a_session_in_use_is_nobody_elses(path: Path) -> None:
    first = leases(path).add("7", "dbt-1")
    assert leases(path).claim() is None
    second = leases(path).add("8", "dbt-2")
    first.release()
    claimed = leases(path).claim()
    assert claimed is not None
    assert claimed.entry.session_id == "7"
    second.release()


CLAIM = """
import logging, sys
from pathlib import Path
from dbt.adapters.fabricspark.lease import LeaseFile
lease = LeaseFile(Path(sys.argv[1]), "a", logging.getLogger()).claim()
print(lease.entry.session_id if lease else "none", flush=True)
sys.stdin.readline()
"""


def test_a_process_that_is_killed_leaves_its_session_to_the_next_one(path: Path) -> None:
    leases(path).add("7", "dbt-1").release()
    command = [sys.executable, "-c", CLAIM, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "7\n"
        assert leases(path).claim() is None
        other.kill()
    lease = leases(path).claim()
    assert lease is not None
    assert lease.entry.session_id == "7"


def test_targets_do_not_share(path: Path) -> None:
    leases(path, "a").add("7", "dbt-1").release()
    assert leases(path, "b").claim() is None
    parts = ("https://server", "CLI", {"conf": {"x": "1"}})
    assert target_key(*parts) == target_key(*parts)
    assert len({target_key(*parts), target_key("https://other", *parts[1:]), target_key(*parts[:2], {})}) == 3


def test_a_session_that_is_no_more_is_forgotten_with_its_lock(path: Path) -> None:
    leases(path).add("7", "dbt-1").drop()
    assert leases(path).claim() is None
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


@pytest.mark.parametrize(
    "content", ["", "12\n", "f0e1d2c3-0000-4000-8000-000000000000", '{"format": "dbt-fabricspark sessions 1", "sess']
)
def test_the_incumbents_and_a_damaged_file_are_started_anew(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    assert leases(path).claim() is None
    leases(path).add("7", "dbt-1").release()
    assert json.loads(path.read_text(encoding="utf-8"))["sessions"][0]["session_id"] == "7"


@pytest.mark.parametrize(
    "content",
    ["select 1 from x\n", '{"name": "my project"}', "[1]", "\x00\x01 binary \xff", "[" * 100_000],
)
def test_some_other_file_is_left_alone(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DbtRuntimeError, match="is some other file"):
        leases(path).claim()
    with pytest.raises(DbtRuntimeError, match="is some other file"):
        leases(path).add("7", "dbt-1")
    assert path.read_text(encoding="utf-8") == content


@pytest.mark.parametrize("entry", [1, {}, {"key": "a", "session_id": 7, "name": "x", "host": "h", "pid": 1}])
def test_an_entry_that_makes_no_sense_is_skipped(path: Path, entry: object) -> None:
    leases(path).add("7", "dbt-1").release()
    body = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**body, "sessions": [entry, *body["sessions"]]}), encoding="utf-8")
    lease = leases(path).claim()
    assert lease is not None
    assert lease.entry.session_id == "7"


def test_a_name_may_hold_half_a_character(path: Path) -> None:
    leases(path).add("7", "dbt-\ud83d").release()
    lease = leases(path).claim()
    assert lease is not None
    assert lease.entry.session_id == "7"
    lease.drop()


def test_a_lock_that_cannot_be_let_go_ends_no_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = leases(path).add("7", "dbt-1")

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(FileLock, "_release", fail)
        lease.release()


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leases(path).add("7", "dbt-1").release()
    before = path.read_text(encoding="utf-8")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DbtRuntimeError, match="No space left on device"):
        leases(path).add("8", "dbt-2")
    assert path.read_text(encoding="utf-8") == before
    assert not list(path.parent.glob(".*"))


def test_a_halt_ends_the_waiting_for_who_holds_the_file(path: Path) -> None:
    runtime = HaltingRuntime(VirtualRuntime())
    file = LeaseFile(path, "a", LOG, runtime=runtime)
    lease = file.add("7", "dbt-1")
    runtime.halt()
    with FileLock(f"{path}.lock"):
        for use in (file.claim, lambda: file.add("8", "dbt-2"), lambda: lease.mark(changed=True)):
            with pytest.raises(Halted):
                use()
        lease.drop()
    assert runtime.monotonic() == 0


def test_a_file_that_somebody_holds_is_waited_for(path: Path) -> None:
    runtime = VirtualRuntime()
    file = LeaseFile(path, "a", LOG, runtime=runtime)
    path.parent.mkdir()
    with FileLock(f"{path}.lock"), pytest.raises(DbtRuntimeError, match="locked by another process for 10 s"):
        file.claim()
    assert 9.9 < runtime.monotonic() < 10.1


def test_a_file_that_somebody_holds_is_an_error_and_not_a_wait_without_end(path: Path) -> None:
    path.parent.mkdir()
    impatient = LeaseFile(path, "a", LOG, patience=0)
    with FileLock(f"{path}.lock"), pytest.raises(DbtRuntimeError, match="locked by another process for 0 s"):
        impatient.claim()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(DbtRuntimeError, match="cannot be used"):
        leases(tmp_path / "file" / "id.txt").claim()


def test_a_file_does_not_grow_for_ever(path: Path) -> None:
    for number in range(MOST_ENTRIES + 5):
        leases(path).add(str(number), f"dbt-{number}").release()
    assert len(json.loads(path.read_text(encoding="utf-8"))["sessions"]) == MOST_ENTRIES
