"""Writes a stand-in for the Azure CLI whose tokens come from this server."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

_PROGRAM = '''\
"""A stand-in for `az account get-access-token`."""
import argparse
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

parser = argparse.ArgumentParser(prog="az", description="Only `account get-access-token` of the Azure CLI.")
parser.add_argument("command", choices=["account"])
parser.add_argument("action", choices=["get-access-token"])
parser.add_argument("--resource", default={resource!r})
parser.add_argument("--tenant")
parser.add_argument("--subscription")
parser.add_argument("--output", "-o", choices=["json"], default="json")
query = urllib.parse.urlencode({{"resource": parser.parse_args().resource}})
request = urllib.request.Request({url!r} + "?" + query, headers={{"Metadata": "true"}})
# Neither a proxy nor the machine's certificates have a say between this program and its server.
handlers = [urllib.request.ProxyHandler({{}})]
if {trusted!r}:
    handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile={trusted!r})))
try:
    with urllib.request.build_opener(*handlers).open(request, timeout=8) as reply:
        print(reply.read().decode())
except urllib.error.HTTPError as error:
    sys.exit("ERROR: " + error.read().decode())
except OSError as error:
    sys.exit(f"ERROR: no answer from {url}: {{error}}")
'''


def write_az(folder: Path, url: str, trusted: Path | None, *, resource: str) -> Path:
    """Write the command ``az`` into ``folder``, which then goes on ``PATH``. POSIX only.

    Args:
        folder: made if it is missing.
        url: where it asks for tokens.
        trusted: the certificate authority of an https server.
        resource: what it asks a token for unless told.

    Returns:
        ``folder``, absolute.

    Raises:
        OSError: ``folder`` is not writable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    program = folder / "az.py"
    program.write_text(
        _PROGRAM.format(url=url, trusted=str(trusted) if trusted else "", resource=resource), encoding="utf-8"
    )
    command = folder / "az"
    # -I: neither the caller's PYTHONPATH nor a site of ours changes what the program does.
    words = (sys.executable, "-I", str(program))
    command.write_text(f'#!/bin/sh\nexec {" ".join(map(shlex.quote, words))} "$@"\n', encoding="utf-8")
    os.chmod(command, 0o755)
    return folder
