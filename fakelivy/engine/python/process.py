"""The server's handle on one interpreter process: start it, run a cell in it, interrupt it, end it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import fakelivy
from fakelivy.engine.port import EngineUnavailable, Failure, Output
from fakelivy.engine.python.channel import Closed, receive_json, send_values

START_TIMEOUT = 120.0
"""Seconds an interpreter may take to import pyspark and connect; it needs 1 to 3."""

_ROOT = str(Path(fakelivy.__file__).parent.parent)

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class InterpreterDied(Exception):
    """The process ended during a cell; the text says how."""


class Interpreter:
    """A running interpreter.

    Args:
        settings: what ``spark.connect`` takes.

    Raises:
        EngineUnavailable: it did not start.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process; closed in kill()
        self._folder = tempfile.mkdtemp(prefix="fakelivy-python-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fakelivy.engine.python.child"],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
                "PYTHONSAFEPATH": "1",
                "MPLBACKEND": "Agg",
                "TZ": "UTC",
            },
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # what its cells start ends with it, and Ctrl-C at the server is not for it
        )
        self._ended = threading.Lock()
        self._closed = False
        self._commands = cast(BinaryIO, self._process.stdin)
        self._replies = cast(BinaryIO, self._process.stdout)
        timer = threading.Timer(START_TIMEOUT, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            send_values(self._commands, ("command", dict(settings)))
            hello = receive_json(self._replies)
            reason = hello.get("broken")
        except Closed:
            reason = self.last_words()
        finally:
            timer.cancel()
        if reason:
            self.kill()
            raise EngineUnavailable(f"the Python interpreter did not start: {reason}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, code: str, answer: Answer) -> Output | Failure:
        """Run a cell, answering what it asks on the way.

        Raises:
            InterpreterDied: the process ended.
        """
        try:
            send_values(self._commands, ("command", {"code": code}))
            while True:
                message = receive_json(self._replies)
                if "done" in message:
                    return _outcome(message["done"])
                send_values(self._commands, ("answer", dict(answer(message))))
        except Closed as error:
            raise InterpreterDied(self.last_words()) from error

    def interrupt(self) -> None:
        """Raise ``KeyboardInterrupt`` in the running cell; where that cannot be, end the process."""
        with self._ended:
            if self._closed or self._process.poll() is not None:
                return
            if os.name == "posix":
                self._process.send_signal(signal.SIGINT)
            else:
                self._process.kill()

    def last_words(self) -> str:
        """Its exit status and the end of what it wrote to standard error."""
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(timeout=1)
        try:
            size = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, size - 2000))
            said = self._errors.read().decode("utf-8", "replace").strip()
        except ValueError:  # closed
            said = ""
        return f"exit status {status}" + (f", {said}" if said else "")

    def kill(self) -> None:
        """End it and what its cells started, at once. Idempotent."""
        with self._ended:
            if self._closed:
                return
            self._closed = True
            if os.name == "posix":
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        for stream in (self._commands, self._replies, self._errors):
            with contextlib.suppress(OSError):
                stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _outcome(done: Mapping[str, Any]) -> Output | Failure:
    if "data" in done:
        return Output(dict(done["data"]))
    return Failure(str(done["evalue"]), name=str(done["ename"]), traceback=[str(line) for line in done["traceback"]])
