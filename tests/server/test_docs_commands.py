"""The commands in the documentation are ones that the server takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from fakelivy import FakeLivy, Fault, Knobs
from fakelivy.cli import main
from fakelivy.knob_values import turned
from tests.server.toy import Client

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(program: str) -> Iterator[str]:
    """Every use of a program in a block of commands, or in a line between backticks."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = "".join(re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.DOTALL))
        yield from re.findall(rf"^{program} .*", blocks, re.MULTILINE)
        yield from re.findall(rf"`({program} [^`\n]*)`", text)


@pytest.mark.parametrize("command", sorted(set(commands("fakelivy"))))
def test_a_command_of_fakelivy_has_the_options_that_there_are(command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    words = words[: words.index(">")] if ">" in words else words
    name, *options = words
    found = main.commands[name]
    try:
        given = found.make_context(name, [word for word in options if word != "--help"]).params
    except click.ClickException as error:
        pytest.fail(f"{command}: {error.format_message()}")
    turned(Knobs(), given.get("knobs", ()))
    for fault in given.get("faults", ()):
        Fault.parse(fault)


@pytest.mark.parametrize("command", sorted(set(commands("curl"))))
def test_what_is_asked_with_curl_is_answered(server: FakeLivy, command: str) -> None:
    words = shlex.split(command)
    headers = dict(word.split(": ", 1) for at, word in enumerate(words) if words[at - 1] == "-H")
    data = next((word for at, word in enumerate(words) if words[at - 1] == "-d"), None)
    url = next(word for word in words if word.startswith("http://"))
    client = Client(url.replace("http://127.0.0.1:8998", server.url))
    with client.http:
        reply = client.call("POST" if data else "GET", "", headers=headers, data=data)
    assert reply.ok, reply.text


def test_there_are_commands_to_look_at() -> None:
    assert len(set(commands("fakelivy"))) >= 8
    assert len(set(commands("curl"))) >= 4
