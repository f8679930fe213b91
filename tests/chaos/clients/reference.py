"""A client that keeps every promise, as small as that can be done; the broken ones each undo one of its methods."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from chaos.client import Options
from chaos.simulation import SimulatedRuntime

ENDED = ("dead", "error", "killed", "shutting_down", "success")
"""States of a session in which nothing can run any more."""


class Failed(Exception):
    """The statement did not happen."""


class OutcomeUnknown(Exception):
    """The statement may have happened."""


class Gone(Exception):
    """The server does not know the session, or says that it is dead."""


class NoReply(Exception):
    """No usable answer: whatever was asked for may have been done."""


class TurnedAway(Exception):
    """An answer that says that nothing was done."""

    def __init__(self, message: str, pause: float) -> None:
        super().__init__(message)
        self.pause = pause


@dataclasses.dataclass
class Token:
    """The token in use; who finds it refused asks for the next generation."""

    value: str = ""
    expires_on: float = 0.0
    generation: int = 0


class Reference:
    """One session, shared by all threads."""

    ends: Sequence[str] = ENDED

    def __init__(self, url: str, adapter: HTTPAdapter, runtime: SimulatedRuntime, options: Options) -> None:
        self.url = url
        self.runtime = runtime
        self.options = options
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.mount(url, adapter)
        self.lock = runtime.lock()
        self.token_lock = runtime.lock()
        self.token = Token()
        self.session = ""
        self.doubtful: list[str] = []
        self.running: dict[str, bool] = {}
        self.not_before = 0.0

    # ---- what chaos calls

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        deadline = self.runtime.monotonic() + self.options.settings["statement_timeout"]
        code = f"{sql} /* {self.runtime.unique()} */"
        while True:
            session = self.connected()
            try:
                path = self.submit(session, code, deadline)
            except Gone:
                self.forget(session)
                if self.runtime.monotonic() >= deadline:
                    raise Failed("the session kept dying before the statement could be sent") from None
                continue
            return self.result(session, path, deadline)

    def cancel(self) -> None:
        for path in list(self.running):
            self.call_off(path)

    def close(self) -> None:
        with self.lock:
            for session in {self.session, *self.doubtful} - {""}:
                self.delete(session)
            self.session, self.doubtful = "", []
        self.http.close()

    # ---- the session

    def connected(self) -> str:
        with self.lock:
            if not self.session:
                self.session = self.start()
            return self.session

    def start(self) -> str:
        deadline = self.runtime.monotonic() + self.options.settings["session_start_timeout"]
        name = f"chaos-{self.runtime.unique()}"
        session = ""
        while not session:
            try:
                made = self.ask("POST", "/sessions", deadline, {"kind": "sql", "name": name})
                session = f"/sessions/{self.field(made, 'id')}"
            except TurnedAway as away:
                self.pause(away.pause, deadline, away)
            except NoReply as lost:
                session = self.find(name, deadline, lost)
        self.doubtful.append(session)
        try:
            return self.started(session, deadline)
        except Failed:
            self.delete(session)
            raise

    def started(self, session: str, deadline: float) -> str:
        while True:
            try:
                reply = self.ask("GET", session, deadline)
            except Gone:
                # Just made, it may not be found for a moment.
                self.pause(2, deadline, Failed("the new session is not there"))
                continue
            except (NoReply, TurnedAway) as trouble:
                self.pause(getattr(trouble, "pause", 1.0), deadline, trouble)
                continue
            state = reply.get("state") or (reply.get("livyInfo") or {}).get("currentState")
            if state == "idle":
                return session
            if state in self.ends:
                raise Failed(f"the session ended while it started: {state}")
            self.pause(1, deadline, Failed(f"the session is still {state}"))

    def find(self, name: str, deadline: float, lost: Exception) -> str:
        self.pause(1, deadline, lost)
        while True:
            try:
                listed = self.ask("GET", "/sessions", deadline)
            except (NoReply, TurnedAway) as trouble:
                self.pause(getattr(trouble, "pause", 1.0), deadline, trouble)
                continue
            entries = listed.get("sessions") or listed.get("items") or []
            return next((f"/sessions/{each['id']}" for each in entries if each.get("name") == name), "")

    def check(self, session: str) -> bool:
        """Whether the session may still be alive; one that is not is given up."""
        try:
            reply = self.ask("GET", session, self.runtime.monotonic() + 20)
        except Gone:
            alive = False
        except (NoReply, TurnedAway):
            return True
        else:
            state = reply.get("state") or (reply.get("livyInfo") or {}).get("currentState")
            alive = state not in self.ends
        if not alive:
            self.forget(session)
        return alive

    def forget(self, session: str) -> None:
        with self.lock:
            # After a restart another session has the same number, so it must be the very same text.
            if self.session is session:
                self.session = ""

    def delete(self, session: str) -> None:
        deadline = self.runtime.monotonic() + self.options.settings["http_timeout"] * 2
        while self.runtime.monotonic() < deadline:
            try:
                self.ask("DELETE", session, deadline)
                return
            except Gone:
                # It may be the path that is gone: once more makes sure.
                try:
                    if self.ask("GET", session, deadline).get("state") not in ("idle", "busy", "starting"):
                        return
                except Gone:
                    return
                except (NoReply, TurnedAway):
                    pass
                self.runtime.sleep(1)
            except (NoReply, TurnedAway) as trouble:
                self.runtime.sleep(min(getattr(trouble, "pause", 1.0), 30.0))

    # ---- statements

    def submit(self, session: str, code: str, deadline: float) -> str:
        while True:
            try:
                reply = self.ask("POST", f"{session}/statements", deadline, {"code": code, "kind": "sql"})
                return f"{session}/statements/{self.field(reply, 'id')}"
            except TurnedAway as away:
                self.pause(away.pause, deadline, away)
            except NoReply as lost:
                return self.look_for(session, code, deadline, lost)

    def look_for(self, session: str, code: str, deadline: float, lost: Exception) -> str:
        while self.runtime.monotonic() < deadline:
            try:
                listed = self.ask("GET", f"{session}/statements", deadline)
            except (NoReply, TurnedAway) as trouble:
                self.runtime.sleep(getattr(trouble, "pause", 1.0))
                continue
            except Gone:
                break
            for each in listed.get("statements") or ():
                if each.get("code") == code:
                    return f"{session}/statements/{each['id']}"
            break
        self.check(session)
        raise OutcomeUnknown(f"the statement was sent to {session} and its reply was lost: {lost}")

    def result(self, session: str, path: str, deadline: float) -> Sequence[Sequence[Any]]:
        pause = 0.1
        self.running[path] = True
        missing = 0
        reply: dict[str, Any] = {}
        try:
            while True:
                try:
                    reply = self.ask("GET", path, deadline)
                except (NoReply, TurnedAway) as trouble:
                    self.wait(path, getattr(trouble, "pause", 1.0), deadline)
                    continue
                except Gone as gone:
                    missing += 1
                    if missing > 10:
                        self.forget(session)
                        raise OutcomeUnknown(f"{path} is gone: {gone}") from None
                    self.wait(path, 1, deadline)
                    continue
                missing = 0
                rows = self.ended(path, reply)
                if rows is not None:
                    return rows
                if pause == 5 and not self.check(session):
                    raise OutcomeUnknown(f"the session of {path} ended while it ran")
                pause = min(pause * 1.5, 5)
                self.wait(path, pause, deadline)
        except Failed:
            raise
        except BaseException:
            self.call_off(path)
            raise
        finally:
            self.running.pop(path, None)

    def ended(self, path: str, reply: dict[str, Any]) -> Sequence[Sequence[Any]] | None:
        """The rows of a statement that has ended well, None if it has not ended."""
        state, output = str(reply.get("state")).lower(), reply.get("output")
        if state == "cancelled":
            raise Failed(f"{path} was cancelled")
        if state == "error" and not isinstance(output, dict):
            raise Failed(f"{path} failed, and the server does not say why")
        if state not in ("available", "error") or not isinstance(output, dict):
            return None
        if output.get("status") != "ok":
            raise Failed(f"{output.get('ename')}: {output.get('evalue')}")
        return self.rows(path, output)

    def rows(self, path: str, output: dict[str, Any]) -> Sequence[Sequence[Any]]:
        table = output["data"]["application/json"]
        if table.get("truncated"):
            raise Failed(f"the result of {path} was cut")
        found: Sequence[Sequence[Any]] = table["data"]
        return found

    def wait(self, path: str, seconds: float, deadline: float) -> None:
        if self.runtime.monotonic() + seconds > deadline:
            raise OutcomeUnknown(f"{path} was not done in time; it has been cancelled, perhaps too late")
        self.runtime.sleep(seconds)

    def call_off(self, path: str) -> None:
        deadline = self.runtime.monotonic() + 20
        while self.runtime.monotonic() < deadline:
            try:
                self.ask("POST", f"{path}/cancel", deadline)
                return
            except Gone:
                return
            except (NoReply, TurnedAway):
                self.runtime.sleep(1)

    # ---- one request

    def ask(self, method: str, path: str, deadline: float, body: Any = None) -> dict[str, Any]:
        while self.runtime.monotonic() < self.not_before and method != "DELETE" and not path.endswith("/cancel"):
            self.runtime.sleep(min(self.not_before, deadline + 1) - self.runtime.monotonic())
            if self.runtime.monotonic() > deadline:
                raise TurnedAway("the server told us to stay away for longer than there is time", 1)
        for _ in range(5):
            token = self.bearer()
            headers = {"Authorization": f"Bearer {token.value}"} if token.value else {}
            try:
                reply = self.http.request(
                    method,
                    self.url + path,
                    json=body,
                    headers=headers,
                    timeout=self.options.settings["http_timeout"] / 2,
                )
                text, status = reply.text, reply.status_code
            except requests.RequestException as error:
                raise NoReply(f"{method} {path}: {type(error).__name__}") from error
            if status != 401:
                return self.sorted_out(method, path, reply, text)
            self.refused(token)
            self.runtime.sleep(1)
        raise TurnedAway(f"{method} {path}: tokens are refused", 5)

    def sorted_out(self, method: str, path: str, reply: requests.Response, text: str) -> dict[str, Any]:
        status = reply.status_code
        if status in (429, 430, 415) or (status == 503 and "Retry-After" in reply.headers):
            pause = max(self.told(reply, text), 2.0)
            if status in (429, 430, 503):
                self.not_before = max(self.not_before, self.runtime.monotonic() + pause)
            raise TurnedAway(f"{method} {path}: {status}", pause)
        if status == 500 and "in state starting" in text:
            raise TurnedAway(f"{method} {path}: {text[:200]}", 2.0)
        if status in (400, 404) or (status == 500 and "not found" in text):
            raise Gone(f"{method} {path}: {status} {text[:200]}")
        if status >= 400:
            raise NoReply(f"{method} {path}: {status}")
        try:
            document = reply.json() if text else None
        except ValueError:
            document = None
        if method in ("DELETE",) or path.endswith("/cancel"):
            return {}
        if not isinstance(document, dict):
            raise NoReply(f"{method} {path}: not what Livy answers")
        return document

    def told(self, reply: requests.Response, text: str) -> float:
        header = reply.headers.get("Retry-After", "")
        if header.isdigit():
            return float(header)
        if header:
            return (parsedate_to_datetime(header) - self.runtime.now()).total_seconds() + 1
        found = re.search(r"until: (\d+)/(\d+)/(\d+) (\d+):(\d+):(\d+) (AM|PM)", text)
        return 25.0 if found else 0.0

    def bearer(self) -> Token:
        if self.options.dialect != "fabric":
            return self.token
        with self.token_lock:
            if self.token.expires_on - self.runtime.now().timestamp() < 120:
                self.renew()
            return self.token

    def refused(self, token: Token) -> None:
        with self.token_lock:
            if self.token.generation == token.generation:
                self.renew()

    def renew(self) -> None:
        fresh = self.options.get_token("https://api.fabric.microsoft.com/.default")
        self.token = Token(fresh.token, fresh.expires_on, self.token.generation + 1)

    def pause(self, seconds: float, deadline: float, error: Exception) -> None:
        if self.runtime.monotonic() + seconds > deadline:
            raise Failed(f"gave up: {error}") from error
        self.runtime.sleep(seconds)

    def field(self, reply: dict[str, Any], name: str) -> Any:
        if not isinstance(reply.get(name), (int, str)):
            raise NoReply(f"a reply without {name}")
        return reply[name]


connect = Reference
