"""The gallery of errors is complete: every error that the adapter raises is in it, or is said not to be for users."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dbt.adapters.fabricspark
import pytest
from dbt.adapters.fabricspark.livy import errors
from dbt.adapters.fabricspark.livy.errors import LivyError

from tests.resilience.gallery import kind, provoked
from tests.resilience.scenes import GALLERY, Scene

ADAPTER = Path(dbt.adapters.fabricspark.__file__).parent
SCENES = [scene for scenes in GALLERY.values() for scene in scenes]

NOT_SHOWN = {
    "SOCKS proxies are not supported; use an HTTP proxy",
    " of an earlier run goes on although it was cancelled",
    " of an earlier run cannot be seen to end: ",
    # inside: a caller's mistake, or turned into another error before anybody sees it
    "no submission was tried",
    " cannot be changed back",
    "high-concurrency session ",
    "the statement has not been sent",
    "there is no Livy session: it was deleted or never created",
    "locks taken in the wrong order: ",
    " while holding another lock",
    "the reply was still arriving when the time was up",
    "no connection was there when the time was up",
    "the handshake was still going on when the time was up",
    "the request was still being sent when the time was up",
    "no time is left for the last of them",
    "the last try returns or raises",
    # as others of their kind, at another moment
    "another thread has been starting a Livy session for ",
    "another thread has been waiting for a REPL for ",
    "the run ended while a Livy session started",
    "cancelled before it was sent",
    "whether the lakehouse has schemas, and so how its tables are named, could not be learned: ",
    "the shortcuts of the profile could not be made: ",
    " failed without a message",
    "; and then ",
    "' cannot be used: ",
    "no access token: the identity provider did not answer within ",
    # of a server that nobody has seen yet
    "the server described a session without an id",
    "the server described a statement without an id",
    "the server answered without a list where one was expected",
    "a result row has ",
    "Fabric described the lakehouse without its name or its properties",
    "Fabric started a job and did not say where to look for it",
    "Fabric listed the schedules of the lakehouse in a form that makes no sense",
    " in a form that makes no sense",
    "Fabric described the shortcut ",
    "Fabric described a job without its status",
    "the server answered with ",
    "nested too deeply, or with a number out of all bounds: ",
    "the server described a statement whose output is nested too deeply",
    # of settings that only a hand-made file can have
    "spark_config cannot be sent as JSON: ",
    " cannot be written as JSON",
    " is not text in UTF-8: ",
    " cannot be the name of a file",
    " is too large a number",
}
"""The longest piece of text of every message that is not in the gallery."""


OF_MODELS = ("impl.py", "metadata.py", "partitions.py", "refresh.py", "seeds.py", "shortcuts.py")
"""Modules whose errors are about a project's own models: some are in the gallery, all say themselves what to do."""


def raised() -> Iterator[str]:
    """The longest piece of text of every message in the adapter's code."""
    for path in sorted(ADAPTER.rglob("*.py")):
        if path.name in OF_MODELS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                pieces = [
                    str(each.value)
                    for each in ast.walk(node.exc.args[0])
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                ]
                if pieces:
                    yield max(pieces, key=len)


def test_every_error_in_the_code_is_in_the_gallery_or_is_said_not_to_be() -> None:
    page = " ".join((ADAPTER.parents[3] / "docs" / "errors.md").read_text(encoding="utf-8").split())
    missing = {text for text in raised() if " ".join(text.split()) not in page}
    assert missing - NOT_SHOWN == set(), "not in the gallery"
    assert NOT_SHOWN - missing == set(), "in the gallery, or not in the code any more"


def test_every_class_of_livy_errors_is_in_the_gallery() -> None:
    shown = {type(provoked(scene)).__name__ for scene in SCENES if scene.title}
    classes = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, LivyError)}
    # The base; and two that become an error of the statement or the session they were met with.
    assert classes - shown == {"LivyError", "SessionGone", "ProtocolError"}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.title)
def test_an_error_says_something_a_user_can_read(scene: Scene) -> None:
    error = provoked(scene)
    text = str(getattr(error, "msg", error))
    assert len(text) > 20
    assert not re.search(r"Traceback|object at 0x|\\bNone\\b", text)
    assert kind(error).startswith(("Database Error", "Runtime Error"))
    assert scene.cause.endswith(".")
    assert scene.remedy.endswith((".", "`"))
