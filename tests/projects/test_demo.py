"""The demo as a person runs it: a real server, real dbt processes, checked figures, nothing left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.versions import ARGUMENTS

ROOT = Path(__file__).resolve().parents[2]


# The demo with a project of our own; the real one is its default.
RUN = """
import pathlib, sys
from examples import demo
demo.PROJECT = pathlib.Path(sys.argv.pop(1))
sys.exit(demo.main())
"""


@contextmanager
def demo(workdir: Path, project: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """The demo in a small shop, killed at the end should it still run."""
    program = ["-c", RUN, str(project)] if project else [str(ROOT / "examples" / "demo.py")]
    command = [sys.executable, *program, "--workdir", str(workdir), "--scale", "0.01"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    alarm = threading.Timer(570, process.kill)
    alarm.start()
    try:
        yield process
    finally:
        alarm.cancel()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


def output(process: subprocess.Popen[str]) -> str:
    return process.communicate()[0]


def left_over(workdir: Path) -> list[str]:
    """What still runs of a demo: its children carry its work folder in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DBT_PROFILES_DIR", "").startswith(str(workdir)):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def numbers(text: str, name: str) -> list[int]:
    """The four numbers of a line of the summary: expected and actual, after day 1 and day 2."""
    line = re.search(rf"^ *{re.escape(name)} (.*) OK$", text, re.MULTILINE)
    assert line, f"{name} is not in the summary as OK:\n{text[-6000:]}"
    return [int(number) for number in line[1].split()]


@pytest.mark.slow
@pytest.mark.timeout(600)
@ARGUMENTS
def test_demo_builds_rebuilds_and_every_figure_is_right(tmp_path: Path) -> None:
    workdir = tmp_path / "demo"
    with demo(workdir) as process:
        text = output(process)
    assert process.returncode == 0, text[-6000:]
    right, of = re.findall(r"^OK: (\d+) of (\d+) figures are right\.$", text, re.MULTILINE)[0]
    assert right == of
    for name in ("fct_orders.rows", "fct_order_log.rows", "fct_page_events.rows", "snap_customers.closed"):
        before, _, after, _ = numbers(text, name)
        assert after > before, f"day 2 must show in {name}"
    exported = numbers(text, "raw_page_events.rows")[2]
    assert numbers(text, "fct_page_events.rows")[2] > exported, "days that are no longer exported must stay"
    assert (workdir / "webshop" / "target" / "catalog.json").exists()
    assert left_over(workdir) == []


@ARGUMENTS
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("number", "moment"), [(signal.SIGINT, "OK    loaded seed file"), (signal.SIGTERM, "==> day 1: dbt seed")]
)
def test_demo_stopped_in_the_middle_leaves_nothing_running(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    workdir = tmp_path / "demo"
    with demo(workdir) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if moment in line:
                break
        assert left_over(workdir), "the server and dbt must be seen while they run"
        process.send_signal(number)
        text = output(process)
    assert process.returncode == 130, text
    assert "Stopped; nothing is left running." in text
    assert left_over(workdir) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@ARGUMENTS
def test_demo_names_the_step_and_shows_dbts_words_when_it_fails(tmp_path: Path) -> None:
    project, workdir = tmp_path / "broken", tmp_path / "demo"
    shutil.copytree(ROOT / "examples" / "webshop", project)
    settings = project / "dbt_project.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("vat_rate: decimal(5,4)", "vat_rate: no_such_type"), encoding="utf-8")
    with demo(workdir, project) as process:
        text = output(process)
    assert process.returncode == 1, text
    failure = text.partition("FAILED: day 1: dbt seed ended with exit code 1")[2]
    # The embedded engine's parser points into the word.
    assert "o_such_type" in failure.lower(), text
    assert left_over(workdir) == []


def test_demo_does_not_wipe_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with demo(tmp_path) as process:
        text = output(process)
    assert process.returncode == 1
    assert "give another --workdir" in text
    assert (tmp_path / "thesis.txt").exists()
