"""``${…}`` in a statement: Spark puts settings in its place before it reads anything else, texts and comments too."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from fakelivy.engine.sail.errors import SparkError, unsupported

ENABLED = "spark.sql.variable.substitute"

# Spark source, ConfigReader.REF_RE.
_REFERENCE = re.compile(r"\$\{(?:(\w+?):)?(\S+?)\}")
_OF_SETTINGS = ("", "spark", "sparkconf", "hivevar", "hiveconf")
_DEEPEST = 40


def substituted(source: str, setting: Callable[[str], str | None], depth: int = 0) -> str:
    """``source`` with the values of what it refers to; what nobody has set is empty, as in Spark.

    Args:
        setting: the value of a setting of the session.

    Raises:
        SparkError: a setting of Spark's own that was not set, whose default is not known here; or settings that
            refer to each other.
    """
    if "${" not in source:
        return source
    if depth > _DEEPEST:
        raise SparkError(f"Circular reference in {source}")

    def value(match: re.Match[str]) -> str:
        prefix, key = match[1] or "", match[2]
        if prefix == "env":
            return os.environ.get(key, match[0])
        if prefix not in _OF_SETTINGS:
            if prefix == "system":
                raise unsupported(match[0], "there is no JVM that has properties")
            return match[0]
        found = setting(key)
        if found is None and key.startswith("spark."):
            raise unsupported(match[0], "the default of this setting is not known here; SET it first")
        return substituted(found or "", setting, depth + 1)

    return _REFERENCE.sub(value, source)
