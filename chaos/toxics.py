"""Network faults on real sockets: a toxiproxy server of our own, its proxies and their toxics.

Toxiproxy damages streams of bytes (TLS or not), never HTTP replies, and decides by chance which connections it strikes;
what must happen to a certain request is a fault of fakelivy. The client is toxiproxy-python; this adds what it lacks:
time-outs, errors for every status, change of a toxic, more than one server in a process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import requests
from pydantic import BaseModel, ConfigDict, Field, model_validator
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

VERSION = "v2.12.0"
TOOLS = Path(".tools") / "bin"
HOW_TO_GET = (
    "toxiproxy-server was not found in TOXIPROXY_SERVER, on PATH or in .tools/bin; get it with: "
    f'GOBIN="$PWD/.tools/bin" go install github.com/Shopify/toxiproxy/v2/cmd/server@{VERSION}'
)

_REQUEST_TIMEOUT = 10.0
_START_TIMEOUT = 30.0
_STOP_TIMEOUT = 10.0

ATTRIBUTES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "latency": {"latency": "ms before data goes on", "jitter": "ms more or less"},
        "bandwidth": {"rate": "KB a second"},
        "slow_close": {"delay": "ms before the connection closes"},
        "timeout": {"timeout": "ms until the connection closes; 0: when the toxic goes; no data till then"},
        "reset_peer": {"timeout": "ms until the connection is reset"},
        "slicer": {
            "average_size": "bytes of a slice",
            "size_variation": "bytes more or less",
            "delay": "µs between slices",
        },
        "limit_data": {"bytes": "bytes after which the connection closes"},
        "down": {},
    }
)
"""Toxic -> what it takes and in which unit (toxiproxy's README). ``down`` is the whole proxy refusing connections."""


def table() -> str:
    """Every toxic and what it takes, for the documentation."""
    rows = ["| toxic | takes |", "|---|---|"]
    for kind, attributes in ATTRIBUTES.items():
        said = "; ".join(f"`{name}`: {meaning}" for name, meaning in attributes.items())
        rows.append(f"| `{kind}` | {said or 'nothing: every connection is refused'} |")
    return "\n".join(rows)


class ToxiproxyError(RuntimeError):
    """The proxy server is not there, did not start, or refused."""


class Toxic(BaseModel):
    """What happens to the bytes of one direction; ``toxicity`` is the share of connections it strikes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    stream: Literal["upstream", "downstream"] = "downstream"
    toxicity: float = Field(default=1.0, ge=0, le=1)
    attributes: Mapping[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Toxic:
        if self.type not in ATTRIBUTES:
            raise ValueError(f"no toxic {self.type!r}; there are {', '.join(ATTRIBUTES)}")
        if unknown := set(self.attributes) - set(ATTRIBUTES[self.type]):
            takes = ", ".join(ATTRIBUTES[self.type]) or "nothing"
            raise ValueError(f"{self.type} takes {takes}, not {', '.join(sorted(unknown))}")
        return self

    @property
    def name(self) -> str:
        """What toxiproxy calls it."""
        return f"{self.type}_{self.stream}"

    def __str__(self) -> str:
        inside = ",".join(f"{key}={value}" for key, value in self.attributes.items())
        return f"{self.type}({inside})@{self.stream}" + (f"~{self.toxicity:g}" if self.toxicity < 1 else "")


def find_server(environment: Mapping[str, str] = os.environ, folder: Path | None = None) -> Path | None:
    """Where toxiproxy's server is: ``TOXIPROXY_SERVER``, on ``PATH``, or in ``.tools/bin`` of ``folder``."""
    if named := environment.get("TOXIPROXY_SERVER"):
        return Path(named)
    tools = (folder or Path.cwd()) / TOOLS
    for name, where in (("toxiproxy-server", environment.get("PATH")), ("toxiproxy-server", tools), ("server", tools)):
        if where and (found := shutil.which(name, path=str(where))):
            return Path(found)
    return None


class Proxy:
    """One listening address in front of an upstream; made by ``Toxiproxy.proxy``."""

    def __init__(self, server: Toxiproxy, name: str, listen: str) -> None:
        self._server = server
        self._path = f"/proxies/{name}"
        self.name = name
        self.listen = listen
        """Host and port, the same for as long as the proxy lives, also over a restart of the server."""

    def add(self, toxic: Toxic) -> None:
        """Have it strike from now on, connections that are open included.

        Raises:
            ToxiproxyError: the server refused, e.g. because there is one of this type and stream.
        """
        if toxic.type == "down":
            self._enable(False)
        else:
            self._server.call("post", f"{self._path}/toxics", _document(toxic))

    def update(self, toxic: Toxic) -> None:
        """Change the toxic of this type and stream. Raises ToxiproxyError when there is none."""
        # POST is PATCH's older name, and the only one that the client library has.
        self._server.call("post", f"{self._path}/toxics/{toxic.name}", _document(toxic))

    def remove(self, toxic: Toxic) -> None:
        """End it. Raises ToxiproxyError when it is not there."""
        if toxic.type == "down":
            self._enable(True)
        else:
            self._server.call("delete", f"{self._path}/toxics/{toxic.name}")

    def toxics(self) -> list[str]:
        """The names of those in force."""
        return [each["name"] for each in self._server.call("get", f"{self._path}/toxics")]

    @contextlib.contextmanager
    def toxic(self, toxic: Toxic) -> Iterator[None]:
        """In force for the length of a ``with`` block."""
        self.add(toxic)
        try:
            yield
        finally:
            self.remove(toxic)

    def _enable(self, enabled: bool) -> None:
        self._server.call("post", self._path, {"enabled": enabled})


class Toxiproxy:
    """A toxiproxy server process, on free ports of this machine, ended with the ``with`` block.

    Args:
        program: the server's program; found by ``find_server`` if ``None``.

    Raises:
        ToxiproxyError: there is no such program; the message says how to get it.
    """

    def __init__(self, program: Path | None = None) -> None:
        found = program or find_server()
        if found is None:
            raise ToxiproxyError(HOW_TO_GET)
        self._program = found
        self._process: subprocess.Popen[bytes] | None = None
        self._proxies: dict[str, dict[str, Any]] = {}
        self.host = "127.0.0.1"
        self.port = 0

    def __enter__(self) -> Toxiproxy:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start the process, with the proxies it had before a ``kill``, without their toxics.

        Raises:
            ToxiproxyError: it did not come up.
        """
        self.port = _free_port()
        command = [str(self._program), "-host", self.host, "-port", str(self.port)]
        # Its log goes nowhere: what it does is seen by what arrives.
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._wait_until_it_answers()
            for document in self._proxies.values():
                self.call("post", "/proxies", document)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process at once, as a crash would: every connection through it breaks. Idempotent."""
        if self._process:
            self._process.kill()
            self._process.wait(_STOP_TIMEOUT)
            self._process = None

    def proxy(self, name: str, upstream: str) -> Proxy:
        """A proxy on a free port in front of ``upstream``, which is host:port. Raises ToxiproxyError."""
        made = self.call("post", "/proxies", {"name": name, "upstream": upstream, "listen": "127.0.0.1:0"})
        self._proxies[name] = {"name": name, "upstream": upstream, "listen": made["listen"]}
        return Proxy(self, name, made["listen"])

    def reset(self) -> None:
        """Remove every toxic and enable every proxy."""
        self.call("post", "/reset")

    @property
    def version(self) -> str:
        return str(self.call("get", "/version")["version"])

    def call(self, method: Literal["get", "post", "delete"], path: str, document: Any = None) -> Any:
        """One request of the API, and the JSON of its reply.

        Raises:
            ToxiproxyError: no reply in time, or one that is not a success.
        """
        arguments = {} if document is None else {"json": document}
        try:
            with _LIBRARY:
                APIConsumer.host, APIConsumer.port = self.host, self.port
                reply = getattr(APIConsumer, method)(path, timeout=_REQUEST_TIMEOUT, **arguments)
        except (ProxyExists, NotFound, InvalidToxic) as error:
            raise ToxiproxyError(f"toxiproxy refused {method} {path}: {error}") from error
        except requests.RequestException as error:
            raise ToxiproxyError(f"toxiproxy did not answer {method} {path}: {error}") from error
        if not reply.ok:
            raise ToxiproxyError(f"toxiproxy refused {method} {path}: {reply.status_code} {reply.text[:200]}")
        return reply.json() if reply.content else None

    def _wait_until_it_answers(self) -> None:
        process, pause = self._process, threading.Event()
        assert process is not None
        tries = int(_START_TIMEOUT / 0.05)
        for _ in range(tries):
            if process.poll() is not None:
                raise ToxiproxyError(f"{self._program} ended at once with exit code {process.returncode}")
            with contextlib.suppress(ToxiproxyError):
                self.call("get", "/version")
                return
            pause.wait(0.05)
        raise ToxiproxyError(f"{self._program} did not answer within {_START_TIMEOUT:g} s")


# The client library keeps the server's address in its class: whoever uses it must be alone.
_LIBRARY = threading.Lock()


def _document(toxic: Toxic) -> dict[str, Any]:
    return {
        "name": toxic.name,
        "type": toxic.type,
        "stream": toxic.stream,
        "toxicity": toxic.toxicity,
        "attributes": dict(toxic.attributes),
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
