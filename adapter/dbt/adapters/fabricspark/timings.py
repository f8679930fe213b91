"""How long each statement took last time, remembered between runs so that its end is noticed sooner with fewer looks.

The file is a cache: safe to delete, and shared by runs at the same time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from dbt.adapters.fabricspark.resilience.runtime import Runtime
from filelock import FileLock, Timeout

AGREE = 2.0
"""Two runs that differ by more than this factor say nothing about a third."""

MOST = 20_000
"""Statements remembered; the ones that were not seen for longest are forgotten first."""

LOCK_PATIENCE = 5.0
"""Seconds to wait for another run that is writing; after that this run's figures are not kept."""


class Timings:
    """Durations by key, in seconds; the last two of each. Used by many threads.

    Args:
        path: the file, or ``None`` to remember nothing.
        runtime: locks.
    """

    def __init__(self, path: Path | None, runtime: Runtime) -> None:
        self._path = path
        self._lock = runtime.lock()
        self._before = _read(path)
        self._now: dict[str, float] = {}

    def expected(self, key: str) -> float | None:
        """What the statement will take; ``None`` if it is new, or took now this long and now that."""
        known = self._before.get(key)
        if not known or (len(known) > 1 and not 1 / AGREE <= known[0] / known[1] <= AGREE):
            return None
        return known[0]

    def took(self, key: str, seconds: float) -> None:
        """Remember a duration; the last one of a run counts."""
        if seconds > 0:
            with self._lock:
                self._now[key] = seconds

    def save(self) -> None:
        """Write what was learned. Never raises: it is only a cache.

        What another run has written meanwhile stays, but for the statements that both ran.
        """
        with self._lock:
            now, self._now = self._now, {}
        if not now or self._path is None:
            return
        try:
            with FileLock(f"{self._path}.lock", timeout=LOCK_PATIENCE):
                _write(self._path, _merged(_read(self._path), now))
        except (OSError, Timeout):
            return


def _merged(before: Mapping[str, tuple[float, ...]], now: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    kept = {key: known for key, known in before.items() if key not in now}
    kept |= {key: (round(seconds, 3), *before.get(key, ())[:1]) for key, seconds in now.items()}
    return dict(list(kept.items())[-MOST:])


def _read(path: Path | None) -> dict[str, tuple[float, ...]]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(raw, dict):
        return {}
    return {key: tuple(known) for key, known in raw.items() if _is_known(known)}


def _is_known(known: object) -> bool:
    return (
        isinstance(known, list)
        and 0 < len(known) <= 2
        and all(isinstance(each, int | float) and not isinstance(each, bool) and 0 < each < 1e9 for each in known)
    )


def _write(path: Path, timings: Mapping[str, tuple[float, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(timings, indent=0), encoding="utf-8")
    # In one step, so that a run that reads meanwhile never sees half a file.
    os.replace(fresh, path)
