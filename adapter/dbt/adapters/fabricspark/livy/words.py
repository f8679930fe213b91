"""What a failed statement left, as the user reads it."""

from __future__ import annotations

from dbt.adapters.fabricspark.livy.kinds import SQL, Kind
from dbt.adapters.fabricspark.livy.wire import Output

_LINES = 30
"""Entries of a Python traceback that are shown, the last ones."""

_NOISE = 8
"""Lines of a server-side traceback worth showing; the rest is the JVM's."""


def error_text(output: Output | None, kind: Kind = SQL) -> str:
    """The server's own words; ``""`` if there are none."""
    if output is None:
        return ""
    name = "" if output.ename in ("", "Error") else f"{output.ename}: "
    text = f"{name}{output.evalue}".strip()
    if text and kind.traceback:
        lines = [line.rstrip("\n") for line in output.traceback[-_LINES:]]
        return "\n".join([text, *lines[: -1 if lines[-1:] == [text] else None]])
    if text:
        return text
    return "\n".join(output.traceback[:_NOISE])
