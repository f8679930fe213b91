"""A small Livy client: a session, SQL in, rows out; every request and every wait has an end."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import requests


class LivyError(Exception):
    """The server refused a request, a statement failed, or an answer did not come in time."""


class Livy:
    """One SQL session on a Livy server, deleted at the end of the `with` block.

    `timeout` is the longest wait, in seconds, for the session to start and for each statement to finish.
    """

    def __init__(self, url: str, timeout: float = 120) -> None:
        self.url = url
        self.timeout = timeout
        self.session = ""
        self.http = requests.Session()

    def __enter__(self) -> Livy:
        created = self.request("POST", "/sessions", {"kind": "sql", "name": "demo-figures"})
        self.session = f"/sessions/{created['id']}"
        try:
            self.wait(self.session, waiting=("not_started", "starting"), ready=("idle", "busy"))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.request("DELETE", self.session)
        except LivyError:
            # The server may be the very thing that failed; what went wrong before is what counts.
            if error is None and kind is None:
                raise
        finally:
            self.http.close()

    def rows(self, sql: str) -> list[list[Any]]:
        """The rows of a statement; Livy cuts them at 1000. Raises LivyError when it fails."""
        statement = self.request("POST", f"{self.session}/statements", {"code": sql, "kind": "sql"})
        path = f"{self.session}/statements/{statement['id']}"
        statement = self.wait(path, waiting=("waiting", "running"), ready=("available",))
        output = statement["output"]
        if output["status"] != "ok":
            raise LivyError(f"{output.get('evalue')}\nin: {sql}")
        rows: list[list[Any]] = output["data"]["application/json"]["data"]
        return rows

    def wait(self, path: str, *, waiting: tuple[str, ...], ready: tuple[str, ...]) -> dict[str, Any]:
        """Look at something until it is ready; the pauses grow from 10 ms to half a second."""
        end, pause = time.monotonic() + self.timeout, 0.01
        while time.monotonic() < end:
            view = self.request("GET", path)
            if view["state"] in ready:
                return view
            if view["state"] not in waiting:
                raise LivyError(f"{path} is {view['state']}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)
        raise LivyError(f"{path} was not ready within {self.timeout:g} s")

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request and its JSON answer. Raises LivyError for anything else."""
        try:
            reply = self.http.request(method, self.url + path, json=body, timeout=(5, 30))
            if not reply.ok:
                raise LivyError(f"{method} {path}: HTTP {reply.status_code} {reply.text[:300]}")
            answer: dict[str, Any] = reply.json()
        except requests.RequestException as error:
            raise LivyError(f"{method} {path}: {error}") from error
        return answer
