"""Sessions kept between runs: a file says which there are, and a lock of the operating system says whose each is.

One process at a time uses a session. A process that ends in whatever way lets go of its lock, so nothing has to be
guessed from process numbers or times, and what a crashed run leaves behind is found and used by the next one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import Halted
from dbt.adapters.fabricspark.resilience.runtime import Runtime, SystemRuntime
from dbt_common.exceptions import DbtRuntimeError
from filelock import FileLock, Timeout

LOCK_TIMEOUT = 10.0
"""Seconds to wait for the file; it is held for no longer than it takes to read and write it."""

LOCK_PAUSE = 0.05
"""Seconds between two attempts to lock it."""

FORGET_TIMEOUT = 1.0
"""The same for an entry of a session that is no more: nobody should wait long for what only saves a look."""

MOST_ENTRIES = 50
"""Sessions a file remembers; the oldest are forgotten, and end on the server when they have been idle."""

_FORMAT = "dbt-fabricspark sessions 1"
_PLAIN_ID = re.compile(r"[\w-]{0,64}\s*\Z")


@dataclass(frozen=True)
class Entry:
    """A session that is left running.

    Attributes:
        key: of the target it belongs to: server, lakehouse, identity, settings.
        session_id: its id on the server. Ids of Apache Livy start again at 0 with the server.
        name: unique, so that another session with that id is not taken for it.
        host, pid: who made it; for people who look for it.
        changed: whether the run that uses it has changed its settings, or did not come to change them back.
    """

    key: str
    session_id: str
    name: str
    host: str
    pid: int
    changed: bool = False


class Lease:
    """The right to use one session of the file; ends with the process at the latest."""

    def __init__(self, file: LeaseFile, entry: Entry, lock: FileLock) -> None:
        self._file = file
        self._lock = lock
        self.entry = entry

    def release(self) -> None:
        """Leave the session to the next run. Never raises: at worst it is let go when the process ends."""
        with suppress(OSError):
            self._lock.release()

    def mark(self, *, changed: bool) -> None:
        """Write down whether the session's settings are not what it was made with.

        Raises:
            DbtRuntimeError: as ``LeaseFile.claim``.
        """
        if self.entry.changed != changed:
            self.entry = self._file.replace(self.entry, replace(self.entry, changed=changed))

    def drop(self) -> None:
        """Forget the session: it is no more. Never raises."""
        self._file.forget(self.entry)
        self.release()


class LeaseFile:
    """Sessions of all targets that share a ``session_id_file``.

    Args:
        path: the file; made when there is something to write.
        key: see ``Entry``.
        logger: told of what is wrong with the file.
        patience: seconds that another process may keep the file locked.
        runtime: clock; a halt of it ends the waiting for that process.
    """

    def __init__(
        self,
        path: Path,
        key: str,
        logger: logging.Logger,
        patience: float = LOCK_TIMEOUT,
        runtime: Runtime | None = None,
    ) -> None:
        self._runtime = runtime or SystemRuntime()
        self._path = path
        self._key = key
        self._logger = logger
        self._patience = patience

    def claim(self) -> Lease | None:
        """A session of this target that nobody uses; ``None`` if there is none.

        Raises:
            DbtRuntimeError: the file is something else, or cannot be read, written or locked.
            Halted: the run is being stopped, and another process has the file locked.
        """
        with self._locked():
            for entry in self._read():
                if entry.key == self._key:
                    lock = self._lock_of(entry)
                    try:
                        lock.acquire(timeout=0)
                    except Timeout:
                        continue
                    return Lease(self, entry, lock)
        return None

    def add(self, session_id: str, name: str) -> Lease:
        """Write down a new session, and keep it.

        Raises:
            DbtRuntimeError: as ``claim``.
        """
        entry = Entry(self._key, session_id, name, socket.gethostname(), os.getpid())
        with self._locked():
            lock = self._lock_of(entry)
            lock.acquire(timeout=0)
            self._write([*self._read(), entry][-MOST_ENTRIES:])
        return Lease(self, entry, lock)

    def replace(self, entry: Entry, by: Entry) -> Entry:
        """Write down something else of a session; what is written.

        Raises:
            DbtRuntimeError: as ``claim``.
        """
        with self._locked():
            self._write([by if each == entry else each for each in self._read()])
        return by

    def forget(self, entry: Entry) -> None:
        """Take a session out. Never raises: at worst the next run looks at it in vain."""
        try:
            with self._locked(FORGET_TIMEOUT):
                self._write([each for each in self._read() if each != entry])
                Path(self._lock_of(entry).lock_file).unlink(missing_ok=True)
        except (DbtRuntimeError, OSError, Halted) as error:
            self._logger.debug("session_id_file: %s", error)

    @contextmanager
    def _locked(self, timeout: float | None = None) -> Iterator[None]:
        timeout = self._patience if timeout is None else timeout
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._held(FileLock(f"{self._path}.lock"), timeout):
                yield
        except Timeout as error:
            raise DbtRuntimeError(
                f"session_id_file '{self._path}' has been locked by another process for {timeout:.0f} s"
            ) from error
        except OSError as error:
            raise DbtRuntimeError(
                f"session_id_file '{self._path}' cannot be used: {error.strerror or error}"
            ) from error

    def _held(self, lock: FileLock, timeout: float) -> AbstractContextManager[object]:
        # The lock's own waiting heeds no halt.
        deadline = Deadline.after(self._runtime, timeout)
        while True:
            try:
                return lock.acquire(timeout=0)
            except Timeout:
                if deadline.expired:
                    raise
                deadline.pause(LOCK_PAUSE)

    def _lock_of(self, entry: Entry) -> FileLock:
        digest = hashlib.sha256(f"{entry.key}/{entry.name}".encode(errors="backslashreplace")).hexdigest()[:16]
        # Also let go from another thread than the one that took it: a run ends in its main thread.
        return FileLock(f"{self._path}.{digest}.lock", thread_local=False)

    def _read(self) -> list[Entry]:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        if _PLAIN_ID.match(text):
            # The incumbent's: an id and nothing that says of which server.
            return []
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict) and body.get("format") == _FORMAT and isinstance(body.get("sessions"), list):
            return [entry for entry in map(_entry, body["sessions"]) if entry is not None]
        if text.lstrip().startswith(f'{{"format": "{_FORMAT}"'):
            self._logger.warning("session_id_file '%s' is damaged; starting it anew", self._path)
            return []
        raise DbtRuntimeError(
            f"session_id_file '{self._path}' is some other file; name another one, or delete it if nobody needs it"
        )

    def _write(self, entries: list[Entry]) -> None:
        body = json.dumps({"format": _FORMAT, "sessions": [asdict(entry) for entry in entries]})
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def target_key(*parts: object) -> str:
    """One text for what makes a target: two that differ in any part never share a session."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _entry(raw: Any) -> Entry | None:
    if not isinstance(raw, dict):
        return None
    kinds = {"key": str, "session_id": str, "name": str, "host": str, "pid": int}
    if not all(isinstance(raw.get(name), kind) for name, kind in kinds.items()):
        return None
    return Entry(**{name: raw[name] for name in kinds}, changed=raw.get("changed") is True)
