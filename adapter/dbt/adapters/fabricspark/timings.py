"""How long each statement took last time, remembered between runs so that its end is noticed sooner with fewer looks.

The file is a cache: safe to delete, and shared by runs at the same time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dbt.adapters.fabricspark.resilience.runtime import Runtime

AGREE = 2.0
"""Two runs that differ by more than this factor say nothing about a third."""

MOST = 20_000
"""Statements remembered; the ones that were not seen for longest are forgotten first."""

OPENING = 8
"""Words at a statement's beginning by which it is known again; what follows may hold today's date."""

_COMMENTS = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*(?:\n|\Z))*", re.DOTALL)


def timing_key(node: str, sql: str) -> str:
    """What a statement is remembered under: on whose behalf it runs, and a hash of how it begins.

    Args:
        node: dbt's name for it, such as ``model.webshop.orders``.
        sql: comments before it do not count.
    """
    opening = " ".join(_COMMENTS.sub("", sql, count=1).split(maxsplit=OPENING)[:OPENING])
    # A hash: SQL may hold what should not lie about in files.
    digest = hashlib.sha256(opening.lower().encode(errors="backslashreplace")).hexdigest()[:12]
    return f"{node} {digest}".lstrip()


class Timings:
    """Durations by key, in seconds; the last two of each. Used by many threads.

    Args:
        path: the file, or ``None`` to remember nothing.
        runtime: locks.
        logger: told of what is wrong with the file; nothing else happens then.
    """

    def __init__(self, path: Path | None, runtime: Runtime, logger: logging.Logger) -> None:
        self._path = path
        self._lock = runtime.lock()
        self._logger = logger
        self._before = _read(path, logger)
        self._now: dict[str, float] = {}

    def expected(self, key: str) -> float | None:
        """What the statement will take; ``None`` if it is new, or took now this long and now that."""
        known = self._before.get(key)
        if not known or (len(known) > 1 and not 1 / AGREE <= known[0] / known[1] <= AGREE):
            return None
        return known[0]

    def took(self, key: str, seconds: float | None) -> None:
        """Remember a duration, if it is known; the last one of a run counts."""
        if seconds:
            with self._lock:
                self._now[key] = seconds

    def save(self) -> None:
        """Write what was learned. Never raises: it is only a cache.

        What another run has written meanwhile stays, but for the statements that both ran. Two that write in the same
        moment leave the figures of one of them.
        """
        with self._lock:
            now, self._now = self._now, {}
        if not now or self._path is None:
            return
        try:
            _write(self._path, _merged(_read(self._path, self._logger), now))
        except OSError as error:
            self._logger.debug("durations are not remembered: %s", error)


def _merged(before: Mapping[str, tuple[float, ...]], now: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    kept = {key: known for key, known in before.items() if key not in now}
    kept |= {key: (round(seconds, 3), *before.get(key, ())[:1]) for key, seconds in now.items()}
    return dict(list(kept.items())[-MOST:])


def _read(path: Path | None, logger: logging.Logger) -> dict[str, tuple[float, ...]]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.debug("'%s' is not read: %s", path, error)
        return {}
    known = raw if isinstance(raw, dict) else {}
    found = {key: tuple(each) for key, each in known.items() if _is_known(each)}
    if found != {} or raw == {}:
        return found
    logger.debug("'%s' is not read: there are no durations in it", path)
    return {}


def _is_known(known: object) -> bool:
    return (
        isinstance(known, list)
        and 0 < len(known) <= 2
        and all(isinstance(each, int | float) and not isinstance(each, bool) and 0 < each < 1e9 for each in known)
    )


def _write(path: Path, timings: Mapping[str, tuple[float, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(timings, file, indent=0)
        # In one step, so that a run that reads meanwhile never sees half a file.
        os.replace(fresh, path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
