"""The Spark settings of a session: what `SET` shows and changes, and the few that Sail must hear of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

DEFAULTS: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.sources.partitionOverwriteMode": "STATIC",
    "spark.sql.shuffle.partitions": "200",
    "spark.databricks.delta.schema.autoMerge.enabled": "false",
}
"""What a Fabric runtime 1.3 session starts with, as far as statements of ours depend on it."""

FORWARDED = frozenset({"spark.sql.ansi.enabled", "spark.sql.session.timeZone"})
"""Settings that change what Sail computes."""


class Settings:
    """Key to value, with what the session started with to go back to."""

    def __init__(self, conf: Mapping[str, str]) -> None:
        self._start = {**DEFAULTS, **conf}
        self._values = dict(self._start)

    def get(self, key: str) -> str | None:
        return self._values.get(key)

    def flag(self, key: str) -> bool:
        return (self.get(key) or "").lower() == "true"

    def items(self) -> list[tuple[str, str]]:
        return sorted(self._values.items())

    def forwarded(self) -> dict[str, str]:
        return {key: value for key, value in self._values.items() if key in FORWARDED}

    def set(self, key: str, value: str, forward: Callable[[str, str], None]) -> None:
        if key in FORWARDED:
            forward(key, value)
        self._values[key] = value

    def reset(self, key: str | None, forward: Callable[[str, str], None]) -> None:
        """Go back to the value at the session's start; all of them without a key."""
        for name in [key] if key else list(self._values):
            before = self._start.get(name)
            if before is None:
                self._values.pop(name, None)
            else:
                self.set(name, before, forward)
