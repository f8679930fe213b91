"""The interpreter process: takes cells from the server one at a time, and ends when the server does.

Started with ``python -m``. Its standard input and output are the channel, so both are put out of the reach of the
user's code before any of that runs.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import queue
import signal
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any, BinaryIO

from fakelivy.engine.python.cells import run_cell
from fakelivy.engine.python.channel import Closed, receive_values, send_json


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    commands, replies = _take_pipes()
    server = Server(commands, replies)
    namespace = _main_module()
    from fakelivy.engine.python.spark import connect

    try:
        namespace.update(connect(server, **server.next_command()))
    except Exception as error:  # noqa: BLE001  # whatever it is, the server must hear of it
        server.reply({"broken": f"{type(error).__name__}: {error}"})
        return
    server.reply({"ready": os.getpid()})
    while True:
        code = server.next_command()["code"]
        server.reply({"done": run_cell(code, namespace, _interruptible)})


class Server:
    """The other side: commands come from it, and questions of the running cell go to it."""

    def __init__(self, commands: BinaryIO, replies: BinaryIO) -> None:
        self._replies = replies
        self._asking = threading.Lock()
        self._sending = threading.Lock()
        self._commands: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, args=(commands,), daemon=True).start()

    def _listen(self, commands: BinaryIO) -> None:
        # A thread of its own, so that the end of the server is noticed whatever the cell is doing.
        try:
            while True:
                kind, message = receive_values(commands)
                (self._commands if kind == "command" else self._answers).put(message)
        except Closed:
            _end()

    def next_command(self) -> Any:
        return self._commands.get()

    def reply(self, message: Any) -> None:
        try:
            with self._sending:
                send_json(self._replies, message)
        except Closed:
            _end()

    def ask(self, question: str, **more: Any) -> Any:
        """The server's answer to a question of the running cell. One thread at a time, and never half an exchange."""
        with self._asking, _uninterrupted():
            self.reply({"question": question, **more})
            return self._answers.get()


def _end() -> None:
    # Not alone: what the cells have started is in this process group.
    if os.name == "posix" and os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    commands, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # the user's, for as long as the process lives
    return commands, replies


def _main_module() -> dict[str, Any]:
    # What cells define belongs to `__main__`: pickle finds it there, and cloudpickle sends it along by value.
    main_module = types.ModuleType("__main__")
    main_module.__dict__["__builtins__"] = builtins
    main_module.__dict__["__file__"] = "<stdin>"  # without one pyspark takes itself for a doctest run
    sys.modules["__main__"] = main_module
    return main_module.__dict__


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put an interrupt off: the server answers in any case, and sooner when the statement was cancelled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: came.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came.is_set():
        raise KeyboardInterrupt


if __name__ == "__main__":
    main()
