"""Clients that each break one promise, in the ways that real ones did; chaos must find each of them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from chaos.client import Options
from chaos.ledger import EVENTS
from chaos.simulation import SimulatedRuntime
from tests.chaos.clients.reference import Failed, Gone, NoReply, OutcomeUnknown, Reference, TurnedAway


class DoubleSubmit(Reference):
    """A lost reply is taken for a lost request: the statement is sent again."""

    def look_for(self, session: str, code: str, deadline: float, lost: Exception) -> str:
        self.pause(1, deadline, lost)
        return self.submit(session, code, deadline)


class NoDeadline(Reference):
    """Looks at a statement for as long as it takes."""

    def wait(self, path: str, seconds: float, deadline: float) -> None:
        self.runtime.sleep(seconds)


class SwallowsMetadataErrors(Reference):
    """A list of tables that could not be had is an empty list."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        try:
            return super().execute(sql)
        except (Failed, OutcomeUnknown):
            if sql.startswith("show"):
                return []
            raise


class LeaksSessions(Reference):
    """Deleting is tried once, and trouble with it is ignored."""

    def delete(self, session: str) -> None:
        try:
            self.ask("DELETE", session, self.runtime.monotonic() + 60)
        except (Gone, NoReply, TurnedAway):
            return


class HotLoop(Reference):
    """Asks again at once, whatever went wrong."""

    def wait(self, path: str, seconds: float, deadline: float) -> None:
        if self.runtime.monotonic() > deadline:
            raise OutcomeUnknown(f"{path} was not done in time")


class UnlockedRefresh(Reference):
    """Each thread that finds the token old or refused fetches a new one."""

    def bearer(self) -> Any:
        if self.options.dialect == "fabric" and self.token.expires_on - self.runtime.now().timestamp() < 120:
            self.renew()
        return self.token

    def refused(self, token: Any) -> None:
        self.renew()


class TwoLocks(Reference):
    """Whoever uses the session takes its lock and then that of the token; whoever renews the token, the other way."""

    def connected(self) -> str:
        with self.lock:
            session = super().connected()
            with self.token_lock:
                return session

    def bearer(self) -> Any:
        if self.options.dialect == "fabric" and self.lock._owner is None:
            with self.token_lock, self.lock:
                pass
        return super().bearer()


class UnlockedSession(Reference):
    """Threads that find no session each make one."""

    def connected(self) -> str:
        if not self.session:
            self.session = self.start()
        return self.session


class FalseSuccess(Reference):
    """What cannot be found out is taken for success."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        try:
            return super().execute(sql)
        except OutcomeUnknown:
            return []


class FalseFailure(Reference):
    """What cannot be found out is reported as a failure."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        try:
            return super().execute(sql)
        except OutcomeUnknown as unknown:
            raise Failed(f"the statement failed: {unknown}") from unknown


class ComesBackEarly(Reference):
    """Has its own idea of when to come back."""

    def told(self, reply: requests.Response, text: str) -> float:
        return 2.0


class ShowsSecrets(Reference):
    """Puts the headers into its errors."""

    def sorted_out(self, method: str, path: str, reply: requests.Response, text: str) -> dict[str, Any]:
        try:
            return super().sorted_out(method, path, reply, text)
        except NoReply as error:
            raise NoReply(f"{error}, sent with {reply.request.headers}") from None


class ForgetsToCancel(Reference):
    """Cancelling ends the client's own waiting only."""

    def call_off(self, path: str) -> None:
        return


class NeverRecovers(Reference):
    """A session that has died stays the one in use."""

    def forget(self, session: str) -> None:
        self.runtime.sleep(5)


class CachesDeadToken(Reference):
    """A refused token is used on, by all who have it."""

    def __init__(self, url: str, adapter: HTTPAdapter, runtime: SimulatedRuntime, options: Options) -> None:
        super().__init__(url, adapter, runtime, options)
        self.first = self.token

    def refused(self, token: Any) -> None:
        self.runtime.sleep(2)


class KeepsNotes(Reference):
    """Writes down in a table of the user's that it was here."""

    def start(self) -> str:
        session = super().start()
        deadline = self.runtime.monotonic() + 60
        self.result(session, self.submit(session, f"insert into {EVENTS} select 'note' as mark", deadline), deadline)
        return session


class Mumbles(Reference):
    """Says that a statement failed, and not why."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        try:
            return super().execute(sql)
        except Failed:
            raise Failed("the statement has failed") from None


class KnowsOneEnd(Reference):
    """A session that starts can die, and in no other way end."""

    ends = ("dead",)


class KnowsOneSpelling(Reference):
    """States are what they were when this was written, to the letter."""

    def ended(self, path: str, reply: dict[str, Any]) -> Sequence[Sequence[Any]] | None:
        if reply.get("state") not in ("available", "cancelled", "error"):
            return None
        return super().ended(path, reply)


class Stumbles(Reference):
    """What has ended has an output."""

    def ended(self, path: str, reply: dict[str, Any]) -> Sequence[Sequence[Any]] | None:
        if reply.get("state") in ("cancelled", "error"):
            reply["output"]["status"]
        return super().ended(path, reply)


class RunsAgainByWords(Reference):
    """An error that speaks of a time-out passes, so the statement is run again."""

    def execute(self, sql: str) -> Sequence[Sequence[Any]]:
        try:
            return super().execute(sql)
        except Failed as error:
            if "timeout" in str(error):
                return super().execute(sql)
            raise


class TakesAPartForTheWhole(Reference):
    """Does not hear that a result was cut."""

    def rows(self, path: str, output: dict[str, Any]) -> Sequence[Sequence[Any]]:
        output["data"]["application/json"].pop("truncated", None)
        return super().rows(path, output)


class WaitsForTheDead(Reference):
    """Does not ask whether the session is still there, nor believes it when told."""

    def result(self, session: str, path: str, deadline: float) -> Sequence[Sequence[Any]]:
        while True:
            try:
                return super().result(session, path, deadline)
            except OutcomeUnknown:
                self.wait(path, 5, deadline)


class GivesUpAtOnce(Reference):
    """Whoever is turned away has failed."""

    def pause(self, seconds: float, deadline: float, error: Exception) -> None:
        if isinstance(error, TurnedAway):
            raise Failed(f"turned away: {error}") from error
        super().pause(seconds, deadline, error)


class KnowsOneRefusal(Reference):
    """A token has expired when the server says so in its usual form, and in no other."""

    def sorted_out(self, method: str, path: str, reply: requests.Response, text: str) -> dict[str, Any]:
        if reply.status_code == 403:
            raise Failed(f"{method} {path}: not allowed")
        return super().sorted_out(method, path, reply, text)
