"""The page of errors: each of ``scenes`` provoked, with its message as printed."""

from __future__ import annotations

import contextlib
import functools
import io
import textwrap

from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.resilience.outcome import TransportError
from dbt_common.exceptions import DbtDatabaseError, DbtRuntimeError

from tests.resilience.scenes import GALLERY, Scene


@functools.cache
def provoked(scene: Scene) -> Exception:
    """The error of a scene.

    Raises:
        AssertionError: there was none.
    """
    try:
        # What a world prints is for failing tests.
        with contextlib.redirect_stdout(io.StringIO()):
            scene.provoke()
    except (LivyError, TransportError, DbtRuntimeError) as error:
        return error
    raise AssertionError(f"{scene.title!r} did not fail")


def kind(error: Exception) -> str:
    """The words dbt puts above an error's message."""
    if isinstance(error, FailedToConnectError):
        return "Database Error (FailedToConnectError)"
    if isinstance(error, DbtRuntimeError) and not isinstance(error, DbtDatabaseError):
        return "Runtime Error"
    return f"Database Error ({type(error).__name__})"


def page() -> str:
    """The gallery as Markdown."""
    lines: list[str] = []
    for heading, scenes in GALLERY.items():
        lines += [f"## {heading}", ""]
        for scene in scenes:
            error = provoked(scene)
            lines += [f"### {scene.title}", "", f"{kind(error)}:", "", "```text", shown(error), "```", ""]
            lines += [f"*Why:* {scene.cause}", "", f"*What to do:* {scene.remedy}", ""]
    return "\n".join(lines).rstrip()


def shown(error: Exception) -> str:
    """The message, wrapped for the page; its words are as printed."""
    return "\n".join(
        textwrap.wrap(str(getattr(error, "msg", error)), 110, break_long_words=False, break_on_hyphens=False)
    )
