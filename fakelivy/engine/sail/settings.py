"""The Spark settings of a session: what `SET` shows and changes, and the few that Sail must hear of."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping

from fakelivy.engine.sail.errors import spark_error
from fakelivy.engine.sail.variables import ENABLED

OVERWRITE_MODE = "spark.sql.sources.partitionOverwriteMode"

DEFAULTS: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    OVERWRITE_MODE: "STATIC",
    "spark.sql.shuffle.partitions": "200",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
    ENABLED: "true",
}
"""What a Fabric runtime 1.3 session starts with, as far as statements of ours depend on it."""


def _flag(value: str) -> bool:
    return value.lower() in ("true", "false")


def _zone(value: str) -> bool:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return re.fullmatch(r"[+-]\d\d:\d\d", value) is not None
    return True


def _overwrite_mode(value: str) -> bool:
    return value.upper() in ("STATIC", "DYNAMIC")


CHECKED: Mapping[str, Callable[[str], bool]] = {
    "spark.sql.ansi.enabled": _flag,
    "spark.sql.session.timeZone": _zone,
    OVERWRITE_MODE: _overwrite_mode,
    "spark.databricks.delta.schema.autoMerge.enabled": _flag,
    ENABLED: _flag,
}
"""Settings we act on, and which values they may have."""

FORWARDED = frozenset({"spark.sql.ansi.enabled", "spark.sql.session.timeZone"})
"""Settings that change what Sail computes."""


class Settings:
    """Key to value, with what the session started with to go back to.

    Raises:
        SparkError: a value of ``conf`` is not one.
    """

    def __init__(self, conf: Mapping[str, str]) -> None:
        self._start = {**DEFAULTS, **conf}
        self._values = dict(self._start)
        for key, value in conf.items():
            _check(key, value)

    def get(self, key: str) -> str | None:
        return self._values.get(key)

    def flag(self, key: str) -> bool:
        return (self.get(key) or "").lower() == "true"

    def items(self) -> list[tuple[str, str]]:
        return sorted(self._values.items())

    def forwarded(self) -> dict[str, str]:
        return {
            key: value.lower() if value.lower() in ("true", "false") else value
            for key, value in self._values.items()
            if key in FORWARDED
        }

    def set(self, key: str, value: str, forward: Callable[[str, str], None]) -> None:
        """Change a setting.

        Raises:
            SparkError: it cannot have this value.
        """
        _check(key, value)
        before = self._values.get(key)
        self._values[key] = value
        if key in FORWARDED:
            try:
                forward(key, self.forwarded()[key])
            except BaseException:
                self._values[key] = before or DEFAULTS[key]
                raise

    def reset(self, key: str | None, forward: Callable[[str, str], None]) -> None:
        """Go back to the value at the session's start; all of them without a key."""
        for name in [key] if key else list(self._values):
            before = self._start.get(name)
            if before is None:
                self._values.pop(name, None)
            elif before != self._values[name]:
                self.set(name, before, forward)


def _check(key: str, value: str) -> None:
    if key in CHECKED and not CHECKED[key](value):
        raise spark_error("INVALID_CONF_VALUE", f"The value {value!r} in the config {key!r} is invalid.")
