"""Where every id that a client sees comes from."""

from __future__ import annotations

import threading
import uuid

from fakelivy.rng import Rng, Stream

_NAMESPACE = uuid.UUID("6d1f3f0e-5d0b-5b3a-9a55-0f5a6b1c2d3e")


class Ids:
    """GUIDs and request ids from a seed: the same seed and the same requests give the same ids."""

    def __init__(self, rng: Rng) -> None:
        self._lock = threading.Lock()
        self._sessions = rng.stream("sessions")
        self._requests = rng.stream("requests")

    def session_guid(self) -> str:
        return self._guid(self._sessions)

    def request_id(self) -> str:
        return self._guid(self._requests)

    def _guid(self, source: Stream) -> str:
        with self._lock:
            return str(uuid.UUID(int=source.getrandbits(128), version=4))


class Numbers:
    """Livy's ids: 0, 1, 2, and from 0 again when the server has restarted without its memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0

    def new(self) -> str:
        with self._lock:
            self._next += 1
            return str(self._next - 1)

    def restart(self) -> None:
        with self._lock:
            self._next = 0


def item_guid(*path: str) -> str:
    """The GUID of a workspace or lakehouse: made of its name, so a client's profile outlives the server."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(path)))
