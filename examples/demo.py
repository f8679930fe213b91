"""The demo: a web shop built with real dbt on fakelivy, changed, built again, and every figure checked.

It starts a fake Livy server, makes raw data, runs dbt (seed, source freshness, build), changes the data, runs
dbt again, and compares the tables with figures worked out without dbt and without SQL. Exit code 0 means that
everything ran and every figure is right.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python examples/demo.py` works without installing anything here

from examples import docs, processes, report  # noqa: E402 - needs the path above
from examples.figures import Check, compare  # noqa: E402
from examples.livy import LivyError  # noqa: E402
from examples.report import say  # noqa: E402
from examples.webshop import generate, truth  # noqa: E402

PROJECT = Path(__file__).with_name("webshop")
# Only a folder with this file in it is wiped.
MARKER = ".fakelivy-demo"
SERVER_START, STEP_LIMIT = 120.0, 600.0

# A node that dbt is done with: "12:00:00  3 of 90 OK created sql table model dbo.x .... [OK in 0.50s]"
NODE = re.compile(r"^\d\d:\d\d:\d\d +(\d+) of (\d+) (?!START)(\S+) (.*?) \.*\s*\[(.*)\]$")


class DemoError(Exception):
    """A step failed; the message says which and why."""


class Demo:
    """One run of the demo in its work folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.work: Path = options.workdir.resolve()
        self.project = self.work / "webshop"
        self.raw = {day: self.work / f"day_{day}" for day in (1, 2)}
        self.timings: list[tuple[str, float]] = []
        self.checks: dict[int, list[Check]] = {}
        self.url = ""
        # Both loads count from one time, which is now: sources must look fresh.
        self.as_of = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)

    # -- the story -----------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Do all of it. Returns whether every figure is right; raises DemoError when a step fails."""
        self.prepare()
        with self.server():
            shop = truth.Shop(PROJECT / "seeds" / "reference")
            for day in (1, 2):
                with self.step(f"day {day}: make the raw data"):
                    self.make_data(day)
                self.dbt(f"day {day}: dbt seed", "seed")
                if day == 1:
                    self.dbt("day 1: dbt source freshness", "source", "freshness")
                self.dbt(f"day {day}: dbt build", "build", "--exclude", "resource_type:seed")
                with self.step(f"day {day}: check the figures"):
                    shop.load(self.raw[day])
                    self.check(day, shop.figures())
            self.dbt("dbt docs generate", "docs", "generate")
            self.check_docs()
            right = report.summary(self.checks[1], self.checks[2])
            report.timings(self.timings)
            if self.options.keep_serving:
                self.look_around()
        return right

    def prepare(self) -> None:
        """An empty work folder with a copy of the project."""
        if self.work.exists() and any(self.work.iterdir()):
            if not (self.work / MARKER).exists():
                raise DemoError(f"{self.work} is not empty and not the demo's; give another --workdir")
            shutil.rmtree(self.work)
        self.work.mkdir(parents=True, exist_ok=True)
        (self.work / MARKER).touch()
        shutil.copytree(PROJECT, self.project, ignore=shutil.ignore_patterns("target", "logs", "raw", "__pycache__"))

    def make_data(self, day: int) -> None:
        """The load of that day, for dbt and, in a folder of its own, for the truth."""
        count = generate.write(
            generate.generate(day, seed=self.options.seed, scale=self.options.scale, as_of=self.as_of),
            self.raw[day],
        )
        shutil.copytree(self.raw[day], self.project / "seeds" / "raw", dirs_exist_ok=True)
        say(f"      {count:,} rows, seed {self.options.seed}")

    def check(self, day: int, expected: truth.Figures) -> None:
        """Ask the tables, over plain Livy HTTP."""
        try:
            self.checks[day] = compare(self.url, expected)
        except LivyError as error:
            raise DemoError(f"the figures of day {day} could not be read: {error}") from error
        right = sum(check.right for check in self.checks[day])
        say(f"      {right} of {len(self.checks[day])} figures are right")

    # -- processes -----------------------------------------------------------------------------------------

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step and time it."""
        say(f"\n==> {title}")
        started = time.monotonic()
        yield
        self.timings.append((title, time.monotonic() - started))
        say(f"    done in {self.timings[-1][1]:.1f} s")

    @contextmanager
    def server(self) -> Iterator[None]:
        """fakelivy on a free port, stopped at the end whatever happens."""
        warehouse = self.work / "warehouse"
        log = self.work / "server.log"
        command = [sys.executable, "-m", "fakelivy", "serve", "--engine", self.options.engine]
        with log.open("w", encoding="utf-8") as output:
            say(f"\n==> start fakelivy; its log is {log}")
            command += ["--port", "0", "--warehouse", str(warehouse)]
            with processes.running(command, folder=self.work, env=self.environment(), output=output) as process:
                self.url = self.server_url(process, log)
                say(f"    it listens on {self.url}")
                self.write_profile()
                yield
        say("\nfakelivy is stopped.")

    def server_url(self, process: subprocess.Popen[str], log: Path) -> str:
        """Wait for the server to print its URL."""
        end = time.monotonic() + SERVER_START
        while time.monotonic() < end:
            # The line must be complete, or the port may be cut.
            found = re.search(r"(http://127\.0\.0\.1:\d+)\S*\s", log.read_text(encoding="utf-8"))
            if found:
                return found[1]
            if process.poll() is not None:
                break
            time.sleep(0.05)
        raise DemoError(f"fakelivy did not start:\n{tail(log)}")

    def write_profile(self) -> None:
        """profiles.yml, as `fakelivy profile` writes it."""
        command = [sys.executable, "-m", "fakelivy", "profile", "--url", self.url]
        made = subprocess.run(
            [*command, "--dialect", self.options.dialect],
            cwd=self.work,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=SERVER_START,
        )
        if made.returncode:
            raise DemoError(f"fakelivy profile failed: {made.stderr.strip()}")
        (self.project / "profiles.yml").write_text(made.stdout, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """Ours, with a dbt that keeps to itself."""
        spark = {"FAKELIVY_SPARK_URL": self.options.spark_url} if self.options.engine == "spark" else {}
        quiet = {"DBT_PROFILES_DIR": str(self.project), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        return {**os.environ, **quiet, **spark, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "NO_COLOR": "1"}

    def dbt(self, title: str, *arguments: str) -> None:
        """Run dbt as a person would, show each node as it ends, and raise DemoError unless all is well."""
        threads, target = str(self.options.threads), self.options.dialect
        # The same dbt as ours, on any platform; runpy warns that dbt.cli imports its main itself.
        dbt = [sys.executable, "-W", "ignore::RuntimeWarning:runpy", "-m", "dbt.cli.main"]
        command = [*dbt, "--no-use-colors", *arguments]
        log = self.work / "logs" / f"{re.sub('[^a-z0-9]+', '_', title)}.log"
        log.parent.mkdir(exist_ok=True)
        with self.step(title), log.open("w", encoding="utf-8") as file:
            command += ["--threads", threads, "--target", target]
            env = self.environment()
            with processes.running(command, folder=self.project, env=env, output=subprocess.PIPE) as process:
                alarm = threading.Timer(STEP_LIMIT, process.kill)
                alarm.daemon = True  # a Ctrl-C may come before the try: it must not keep the demo alive
                alarm.start()
                try:
                    counts = self.show(process, file.write)
                    code = process.wait()
                finally:
                    alarm.cancel()
            if code:
                file.flush()
                raise DemoError(f"{title} ended with exit code {code}; the end of {log}:\n{tail(log)}")
            if counts:
                say("      " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))

    def show(self, process: subprocess.Popen[str], keep: Callable[[str], object]) -> Counter[str]:
        """Show what dbt is done with, except for tests that pass, and count its verdicts."""
        counts: Counter[str] = Counter()
        for line in process.stdout or ():
            keep(line)
            node = NODE.match(line.rstrip())
            if node:
                number, of, verdict, what, result = node.groups()
                counts[verdict] += 1
                if verdict not in ("PASS", "NO-OP"):
                    say(f"      {number:>3}/{of} {verdict:<5} {what}  [{result}]")
        return counts

    # -- the end -------------------------------------------------------------------------------------------

    def check_docs(self) -> None:
        """dbt's catalog must be complete, and descriptions must have reached the tables."""
        target = self.project / "target"
        try:
            found = docs.problems(self.url, target)
        except LivyError as error:
            raise DemoError(f"the docs could not be checked: {error}") from error
        if found:
            raise DemoError("the docs are not right:\n" + "\n".join(found))
        say(f"    catalog and comments are complete: {target / 'index.html'}")

    def look_around(self) -> None:
        """Keep the server until Ctrl-C, and say what can be done with it."""
        dbt = Path(sys.executable).with_name("dbt")
        say(f"\nfakelivy still listens on {self.url}. In another terminal:\n")
        say(f"  cd {self.project}")
        say(f"  {dbt} show --profiles-dir . --inline 'select * from dbo.rpt_daily_revenue'")
        say(f"  {dbt} docs serve --profiles-dir .")
        say(f"  curl {self.url}/sessions")
        say("\nCtrl-C here stops it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say()


def tail(path: Path, lines: int = 40) -> str:
    """The end of a log."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    value = float(text)
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError("must be above 0, and 100 at most")
    return value


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Build a web shop with dbt on fakelivy and check every figure.")
    parser.add_argument("--scale", type=positive, default=1.0, help="size of the shop: 1 is about 20,000 rows")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another shop (default 7)")
    parser.add_argument("--threads", type=int, choices=range(1, 65), metavar="N", default=4, help="dbt's (default 4)")
    parser.add_argument("--dialect", choices=("livy", "fabric"), default="livy", help="which Livy dbt talks to")
    parser.add_argument("--engine", choices=("sail", "spark"), default="sail", help="what executes the SQL")
    parser.add_argument("--spark-url", default="sc://127.0.0.1:15002", metavar="URL", help="of the engine spark")
    parser.add_argument("--workdir", type=Path, default=ROOT / ".demo", help="wiped at the start (default .demo)")
    parser.add_argument("--keep-serving", action="store_true", help="leave the server on at the end, until Ctrl-C")
    return parser.parse_args(argv)


def interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends the demo as Ctrl-C does: children first."""
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    """0: all ran and every figure is right. 1: not so. 130: stopped by Ctrl-C or SIGTERM."""
    options = parse(argv)
    signal.signal(signal.SIGTERM, interrupted)
    try:
        return 0 if Demo(options).run() else 1
    except DemoError as error:
        say(f"\nFAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped; nothing is left running.")
        return 130


if __name__ == "__main__":
    sys.exit(main())
