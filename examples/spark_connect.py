"""Apache Spark with Delta Lake as a Spark Connect server on this machine, for `fakelivy serve --engine spark`.

Installs the Spark of one line into a folder of its own, the first time (400 MB from PyPI, Delta from Maven Central),
and serves until Ctrl-C. Needs Java 17. The tables live as long as this Spark does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python examples/spark_connect.py` works without installing anything here

from examples import processes  # noqa: E402 - needs the path above

START_LIMIT = 600.0
"""Seconds until Spark must listen; the first start fetches Delta."""


@dataclass(frozen=True)
class Line:
    """One line of Spark: what is installed, and whether it can listen on loopback alone."""

    pyspark: str
    packages: tuple[str, ...]
    loopback: bool
    about: str


LINES: dict[str, Line] = {
    "3.5": Line(
        "3.5.5",
        ("io.delta:delta-spark_2.12:3.2.1", "org.apache.spark:spark-connect_2.12:3.5.5"),
        loopback=False,
        about="that of Fabric's runtime 1.3",
    ),
    "4.0": Line("4.0.1", ("io.delta:delta-spark_2.13:4.0.0",), loopback=True, about="the line after it"),
}

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # As in Fabric, where a table is Delta unless it says otherwise, and a session's time is UTC.
    "spark.sql.sources.default": "delta",
    "spark.sql.legacy.createHiveTableByDefault": "false",
    "spark.sql.session.timeZone": "UTC",
    # One machine: without these a VACUUM is ten thousand tasks, and takes minutes.
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.connect.grpc.binding.address": "127.0.0.1",
}


class StartError(Exception):
    """Spark cannot be started; the message says why and what to do."""


def install(line: Line, folder: Path) -> Path:
    """The folder's spark-submit; the Spark is installed if it is not there."""
    binaries = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    ready = folder / "installed"
    if not ready.exists():
        sys.stdout.write(f"Installing Spark {line.pyspark} into {folder}; this happens once and takes minutes.\n")
        shutil.rmtree(folder / "venv", ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"pyspark=={line.pyspark}"], check=True)
        ready.touch()
    return binaries / "spark-submit"


def command(submit: Path, line: Line, options: argparse.Namespace, folder: Path) -> list[str]:
    """What starts the server."""
    settings = {
        **SETTINGS,
        "spark.connect.grpc.binding.port": str(options.port),
        "spark.jars.ivy": str(folder / "ivy"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    if options.allow_public:
        settings["spark.connect.grpc.binding.address"] = "0.0.0.0"
    return [
        *(str(submit), "--master", f"local[{options.cores}]", "--driver-memory", options.memory),
        *("--packages", ",".join(line.packages)),
        *(part for key, value in settings.items() for part in ("--conf", f"{key}={value}")),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"),
    ]


def environment(folder: Path, submit: Path) -> dict[str, str]:
    """Ours, without what points at another Spark, and with a home of its own: a half-filled ~/.m2 breaks Ivy."""
    elsewhere = ("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_REMOTE")
    kept = {key: value for key, value in os.environ.items() if key not in elsewhere}
    flags = f"{os.environ.get('SPARK_SUBMIT_OPTS', '')} -Duser.home={folder / 'home'} -Duser.timezone=UTC".strip()
    python = str(submit.with_name("python"))
    return {**kept, "SPARK_SUBMIT_OPTS": flags, "PYSPARK_PYTHON": python, "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC"}


def answers(port: int) -> bool:
    """Whether anything on this machine takes connections at ``port``."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_for(process: subprocess.Popen[str], port: int, log: Path) -> None:
    """Return when the server takes connections.

    Raises:
        StartError: it ended, or took too long.
    """
    end = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < end:
        if answers(port):
            return
        time.sleep(0.5)
    tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
    raise StartError(f"Spark did not start; the end of {log}:\n{tail}")


def serve(options: argparse.Namespace) -> None:
    """Start Spark and keep it until Ctrl-C.

    Raises:
        StartError: it cannot be started.
    """
    line = LINES[options.line]
    if not line.loopback and not options.allow_public:
        raise StartError(
            f"Spark {line.pyspark} cannot listen on this machine only: its Spark Connect server takes every address, "
            "and whoever reaches it can run code. Behind a firewall, or in a container, say --allow-public."
        )
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise StartError("Java is not there: install Java 17 (a JRE is enough) or set JAVA_HOME.")
    if answers(options.port):
        raise StartError(f"port {options.port} is in use; choose another with --port")
    folder: Path = options.folder.resolve() / options.line
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "home").mkdir(exist_ok=True)
    # Spark's own catalog is in memory: what an earlier one left here nobody knows any more.
    shutil.rmtree(folder / "warehouse", ignore_errors=True)
    submit = install(line, folder)
    started = command(submit, line, options, folder)
    log = folder / "spark.log"
    with (
        log.open("w", encoding="utf-8") as output,
        processes.running(started, folder=folder, env=environment(folder, submit), output=output) as process,
    ):
        wait_for(process, options.port, log)
        sys.stdout.write(f"Spark {line.pyspark} listens on sc://127.0.0.1:{options.port}; its log is {log}\n")
        sys.stdout.write(f"fakelivy serve --engine spark --spark-url sc://127.0.0.1:{options.port}\n")
        sys.stdout.flush()
        process.wait()
    raise StartError(f"Spark has ended by itself; its log is {log}")


def interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM ends Spark as Ctrl-C does."""
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> int:
    """130: stopped by Ctrl-C or SIGTERM. 1: it did not start, or ended by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    about = "; ".join(f"{name}: {line.pyspark}, {line.about}" for name, line in LINES.items())
    parser.add_argument("--line", choices=LINES, default="4.0", help=f"which Spark (default 4.0; {about})")
    parser.add_argument("--port", type=int, default=15002, help="default 15002")
    parser.add_argument("--folder", type=Path, default=ROOT / ".spark", help="where all of it goes (default .spark)")
    parser.add_argument("--memory", default="2g", help="of the JVM (default 2g)")
    parser.add_argument("--cores", type=int, default=2, help="default 2")
    parser.add_argument("--allow-public", action="store_true", help="allow other machines to reach it")
    options = parser.parse_args(argv)
    # Started in the background, a shell's children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, interrupted)
    try:
        serve(options)
    except (StartError, subprocess.CalledProcessError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stdout.write("\nSpark is stopped.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
