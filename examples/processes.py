"""Child processes of the demo: started in a group of their own, and gone when the demo is."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

GRACE = 15.0


@contextmanager
def running(
    command: Sequence[str], *, folder: Path, env: Mapping[str, str], output: IO[str] | int
) -> Iterator[subprocess.Popen[str]]:
    """A program whose output and errors go to `output`, stopped at the end whatever happens.

    It gets a process group of its own: Ctrl-C reaches the demo alone, which then stops things in order.
    """
    process: subprocess.Popen[str] | None = None
    try:
        # A signal between its birth and our knowing of it would leave it to itself.
        with deferred_signals():
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=os.name == "posix",
            )
        yield process
    finally:
        if process is not None:
            stop(process)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the end of this, and then raise KeyboardInterrupt."""
    came: list[int] = []
    before = [
        (number, signal.signal(number, lambda each, _: came.append(each))) for number in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def stop(process: subprocess.Popen[str]) -> None:
    """Stop a program and all it started: first politely, then for good; never raises, takes seconds at most."""
    with uninterrupted():
        if process.poll() is None:
            process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if os.name == "posix":
            kill_group(process.pid)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """No second Ctrl-C in here: it would leave something running that is about to be stopped."""
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def kill_group(group: int) -> None:
    """Kill what is left of a group, if anything is."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
