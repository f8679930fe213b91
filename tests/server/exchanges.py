"""One talk with the server that uses every operation and meets every error, written down whole.

``python -m tests.server.exchanges`` writes it to ``exchanges.txt`` again; what changed is then to be judged by what is
known of the real services.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import requests

from fakelivy import FakeLivy, IdentityOptions, Knobs, ManualClock
from fakelivy.engine.port import Failure, StoredTable, Table
from fakelivy.engine.scripted import Rule, ScriptedEngine
from fakelivy.errors import FABRIC as FABRIC_ERRORS
from fakelivy.errors import LIVY as LIVY_ERRORS
from fakelivy.errors import Refused, error_reply
from fakelivy.knobs import Dialect
from fakelivy.routes.tokens import APP_SERVICE_PATH, AZ_PATH

FILE = Path(__file__).with_name("exchanges.txt")
SHOWN = ("Content-Type", "Location", "Retry-After", "Allow", "x-ms-operation-id", "x-ms-public-api-error-code")
"""The headers that are written down; those that are on every reply have tests of their own."""

_HIDDEN = re.compile(
    r'("(?:access_token|accessToken|n|expiresOn|requestId|trace_id|correlation_id)": "|Trace ID: )[^"]+'
)
"""What is new every time, or with every exchange before it; that it is there is enough."""

FABRIC = "https://api.fabric.microsoft.com"
NOBODY = "00000000-0000-4000-8000-000000000000"
SCHEMA = {
    "type": "struct",
    "fields": [
        {"name": "id", "type": "long", "nullable": True, "metadata": {}},
        {"name": "price", "type": "decimal(10,2)", "nullable": True, "metadata": {}},
    ],
}
WHEN = {"type": "Cron", "interval": 1, "startDateTime": "2026-01-01T00:00:00", "endDateTime": "2027-01-01T00:00:00"}
ONELAKE = {"oneLake": {"workspaceId": NOBODY, "itemId": NOBODY, "path": "Tables/t"}}


class Engine(ScriptedEngine):
    """Answers by rule, and has a table in the lakehouse without schemas."""

    def tables(self, lakehouse: str) -> tuple[StoredTable, ...]:
        return (StoredTable("t", "delta"),) if lakehouse == "flat" else ()


class Talk:
    """Asks, and keeps what was said."""

    def __init__(self, server: FakeLivy, clock: ManualClock) -> None:
        self.clock = clock
        self.server = server
        self.http = server.mount(requests.Session())
        self.http.trust_env = False
        self.lines: list[str] = []
        target = server.profile("fabric")["fakelivy"]["outputs"]["fabric"]
        self.workspace = f"/v1/workspaces/{target['workspaceid']}"
        self.lakehouse = f"{self.workspace}/lakehouses/{target['lakehouseid']}"
        self.item = f"{self.workspace}/items/{target['lakehouseid']}"
        self.livy_api = f"{self.lakehouse}/livyapi/versions/2023-12-01"

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """One exchange; the reply's document."""
        headers = {"Authorization": "Bearer fakelivy", **options.pop("headers", {})}
        data = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
        url = path if path.startswith("http") else self.server.url + path
        reply = self.http.request(method, url, data=data, headers=headers, timeout=10, **options)
        said = [f"> {method} {url.removeprefix(self.server.url)}", *([f"> {data!s}"] if data else [])]
        said += [str(reply.status_code), *(f"{name}: {reply.headers[name]}" for name in SHOWN if name in reply.headers)]
        try:
            document = reply.json()
            said += [json.dumps(document)]
        except ValueError:
            document = None
            said += [reply.text] if reply.text else []
        self.lines += [*said, ""]
        return document

    def text(self) -> str:
        """All of it, without what is new every time; the places are called by their names."""
        text = _HIDDEN.sub(r"\1…", "\n".join(self.lines)).replace(self.server.url, "")
        _, _, _, workspace, _, lakehouse = self.lakehouse.split("/")
        return text.replace(workspace, "{workspace}").replace(lakehouse, "{lakehouse}")

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.lines += [f"... {seconds:g} seconds later", ""]

    def about(self, title: str) -> None:
        self.lines += [f"=== {title}", ""]


def livy(talk: Talk) -> None:
    ask = talk.ask
    talk.about("Livy: sessions")
    ask("GET", "/version")
    ask("POST", "/sessions", {"kind": "sql", "name": "one", "conf": {"spark.a": "1"}, "executorCores": 2, "ttl": "2h"})
    ask("POST", "/sessions", {"numExecutors": 3, "jars": ["a.jar"], "proxyUser": "u"})
    ask("GET", "/sessions?from=0&size=1")
    ask("GET", "/sessions")
    ask("GET", "/sessions/one")
    ask("GET", "/sessions/1/state")
    ask("GET", "/sessions/1/log?size=1")
    ask("POST", "/sessions/1/connect")
    ask("POST", "/sessions/1/completion", {"code": "sel", "kind": "sql", "cursor": 3})
    talk.about("Livy: statements")
    ask("POST", "/sessions/0/statements", {"code": "select rows", "kind": "sql"})
    ask("GET", "/sessions/0/statements/0")
    ask("POST", "/sessions/0/statements", {"code": "fail", "kind": "sql"})
    ask("GET", "/sessions/0/statements/1")
    ask("POST", "/sessions/0/statements", {"code": "long", "kind": "sql"})
    ask("GET", "/sessions/0/statements/2")
    ask("POST", "/sessions/0/statements/2/cancel")
    ask("GET", "/sessions/0/statements?order=desc&size=2")
    ask("GET", "/sessions/0/statements")
    talk.about("Livy: what is refused")
    ask("POST", "/sessions/1/statements", {"code": "select 1", "kind": "cobol"})
    ask("GET", "/sessions/0/statements/9")
    ask("GET", "/sessions/7")
    ask("GET", "/sessions?from=x")
    ask("POST", "/sessions", {"kind": "sql", "color": "red"})
    ask("POST", "/sessions", {"name": "one"})
    ask("POST", "/batches", {})
    ask("GET", "/nowhere")
    ask("PUT", "/sessions")
    ask("GET", "/version", headers={"Accept": "application/vnd.livy.v0.2+json"})
    ask("POST", "/sessions?doAs=u", {})
    ask("POST", "/sessions", {}, headers={"Origin": "http://elsewhere"})
    talk.about("Livy: the end of sessions")
    ask("POST", "/sessions/1/interrupt")
    ask("GET", "/sessions/1")
    ask("POST", "/sessions", {})
    ask("POST", "/sessions/3/stop")
    ask("DELETE", "/sessions/0")
    talk.about("Livy: batches")
    ask("POST", "/batches", {"file": "good.py", "name": "b", "args": ["1"]})
    ask("POST", "/batches", {"file": "bad.py"})
    talk.later(5)
    ask("GET", "/batches")
    ask("GET", "/batches/0")
    ask("GET", "/batches/1/state")
    ask("GET", "/batches/1/log")
    ask("DELETE", "/batches/0")
    ask("GET", "/batches/0")


def fabric(talk: Talk) -> None:
    ask, api = talk.ask, talk.livy_api
    talk.about("Fabric: sessions")
    ask("POST", f"{api}/sessions", {"name": "one", "conf": {"spark.a": "1"}, "tags": {"t": "1"}})
    session = f"{api}/sessions/{ask('POST', f'{api}/sessions', {})['id']}"
    ask("GET", session)
    ask("GET", f"{api}/sessions?$top=1")
    ask("GET", f"{api}/sessions?$count=true&$skip=1")
    ask("POST", f"{session}/reset-timeout")
    talk.about("Fabric: statements")
    for code in ("select rows", "fail", "long"):
        ask("POST", f"{session}/statements", {"code": code, "kind": "sql"})
    ask("GET", f"{session}/statements/0")
    ask("GET", f"{session}/statements/1")
    ask("POST", f"{session}/statements/2/cancel")
    ask("GET", f"{session}/statements/0?from=1&size=1")
    ask("GET", f"{session}/statements")
    talk.about("Fabric: what is refused")
    ask("GET", f"{api}/sessions/{NOBODY}")
    ask("GET", f"{api}/sessions/7")
    ask("GET", f"{session}/statements/9")
    ask("GET", f"{session}/statements/0?from=x")
    ask("POST", f"{session}/statements", {"code": "select 1", "kind": "cobol"})
    ask("POST", f"{session}/statements", {"kind": "sql"})
    ask("POST", f"{api}/sessions", "no JSON")
    ask("POST", f"{api}/sessions", {"ttl": "soon"})
    ask("POST", f"{api}/batches", {})
    ask("GET", f"{api}/nowhere")
    ask("PUT", f"{api}/sessions")
    ask("GET", "/v1/workspaces", headers={"Authorization": ""})
    ask("POST", f"{api}/sessions", {}, headers={"Origin": "http://elsewhere"})
    talk.about("Fabric: the end of a session")
    ask("DELETE", session)
    ask("GET", session)
    ask("POST", f"{session}/statements", {"code": "select 1", "kind": "sql"})
    ask("DELETE", session)
    talk.later(700)
    ask("GET", session)


def high_concurrency(talk: Talk) -> None:
    ask, base = talk.ask, f"{talk.livy_api}/highConcurrencySessions"
    talk.about("Fabric: high-concurrency sessions")
    made = ask("POST", base, {"sessionTag": "t", "conf": {"spark.a": "1"}})
    view = ask("GET", f"{base}/{made['id']}")
    repl = f"{base}/{view['sessionId']}/repls/{view['replId']}"
    ask("POST", f"{repl}/statements", {"code": "select rows", "kind": "sql"})
    ask("GET", f"{repl}/statements/0")
    ask("POST", f"{repl}/statements", {"code": "long", "kind": "sql"})
    ask("POST", f"{repl}/statements/1/cancel")
    ask("GET", f"{repl}/statements")
    ask("DELETE", f"{base}/{made['id']}")
    ask("GET", f"{base}/{made['id']}")
    ask("GET", f"{repl}/statements/0")
    ask("GET", f"{base}/{view['sessionId']}/repls/{NOBODY}/statements/0")


def batches(talk: Talk) -> None:
    ask, base = talk.ask, f"{talk.livy_api}/batches"
    talk.about("Fabric: batches")
    made = ask("POST", base, {"file": "good.py", "name": "b", "tags": {"t": "1"}})
    ask("POST", base, {"file": "bad.py"})
    talk.later(5)
    ask("GET", base)
    ask("GET", f"{base}/{made['id']}")
    ask("DELETE", f"{base}/{made['id']}")


def workspaces(talk: Talk) -> None:
    ask, lakehouses = talk.ask, f"{talk.workspace}/lakehouses"
    talk.about("Fabric: workspaces and lakehouses")
    ask("GET", "/v1/workspaces")
    ask("GET", talk.workspace)
    ask("GET", f"/v1/workspaces/{NOBODY}")
    listed = ask("GET", lakehouses)
    ask("GET", listed["continuationUri"])
    ask("GET", f"{lakehouses}?continuationToken=x")
    ask("GET", talk.lakehouse)
    ask("GET", f"{lakehouses}/{NOBODY}")
    ask("GET", f"{talk.lakehouse}/tables")
    ask("POST", lakehouses, {"displayName": "flat", "description": "d"})
    ask("POST", lakehouses, {"displayName": "flat"})
    operation = next(line.partition(": ")[2] for line in talk.lines if line.startswith("x-ms-operation-id"))
    ask("GET", f"/v1/operations/{operation}")
    ask("GET", f"/v1/operations/{operation}/result")
    talk.later(5)
    ask("GET", f"/v1/operations/{operation}")
    made = ask("GET", f"/v1/operations/{operation}/result")
    ask("GET", f"/v1/operations/{NOBODY}")
    ask("GET", f"{lakehouses}/{made['id']}/tables")
    ask("DELETE", f"{lakehouses}/{made['id']}")
    ask("POST", lakehouses, {"displayName": "schemas", "creationPayload": {"enableSchemas": True}})


def items(talk: Talk) -> None:
    ask, shortcuts = talk.ask, f"{talk.item}/shortcuts"
    talk.about("Fabric: shortcuts")
    wanted = {"path": "Tables/dbo", "name": "s", "target": ONELAKE}
    ask("POST", shortcuts, wanted)
    ask("POST", shortcuts, wanted)
    ask("POST", f"{shortcuts}?shortcutConflictPolicy=CreateOrOverwrite", wanted)
    ask("GET", shortcuts)
    ask("GET", f"{shortcuts}/Tables/dbo/s")
    ask("DELETE", f"{shortcuts}/Tables/dbo/s")
    ask("DELETE", f"{shortcuts}/Tables/dbo/s")
    for place in (talk.item, talk.lakehouse):
        talk.about(f"Fabric: jobs and schedules of {place.split('/')[-2]}")
        ask("POST", f"{place}/jobs/RefreshMaterializedLakeViews/instances")
        job = next(line.partition(": ")[2] for line in reversed(talk.lines) if line.startswith("Location: "))
        job = f"{place}/jobs/instances/{job.rpartition('/')[2]}"
        ask("GET", job)
        ask("POST", f"{job}/cancel")
        ask("GET", job)
        ask("POST", f"{place}/jobs/Nonsense/instances")
        ask("GET", f"{place}/jobs/instances/{NOBODY}")
        schedules = f"{place}/jobs/RefreshMaterializedLakeViews/schedules"
        made = ask("POST", schedules, {"enabled": True, "configuration": WHEN})
        ask("GET", schedules)
        ask("PATCH", f"{schedules}/{made['id']}", {"enabled": False, "configuration": WHEN})
        ask("GET", f"{schedules}/{made['id']}")
        ask("DELETE", f"{schedules}/{made['id']}")
        ask("GET", f"{schedules}/{made['id']}")


def starts(talk: Talk) -> None:
    ask = talk.ask
    talk.about("Sessions that take their time to start")
    with talk.server.fault("create_session:before:slow_start(60)"):
        for sessions in ("/sessions", f"{talk.livy_api}/sessions"):
            made = ask("POST", sessions, {})
            ask("POST", f"{sessions}/{made['id']}/statements", {"code": "select 1", "kind": "sql"})
            ask("POST", sessions, {})
            ask("POST", sessions, {})


def tokens(talk: Talk) -> None:
    ask, options = talk.ask, talk.server.authority.options
    talk.about("Token endpoints")
    tenant = f"/{options.tenant_id}"
    ask("GET", f"{tenant}/v2.0/.well-known/openid-configuration")
    ask("GET", f"{tenant}/discovery/v2.0/keys")
    form = {"grant_type": "client_credentials", "client_id": options.client_id, "scope": f"{FABRIC}/.default"}
    for secret in (options.client_secret, "wrong"):
        given = "&".join(f"{name}={value}" for name, value in {**form, "client_secret": secret}.items())
        ask("POST", f"{tenant}/oauth2/v2.0/token", given)
    metadata = {"Metadata": "true"}
    token = ask("GET", f"/metadata/identity/oauth2/token?resource={FABRIC}", headers=metadata)["access_token"]
    ask("GET", f"/metadata/identity/oauth2/token?resource={FABRIC}")
    ask("GET", f"{APP_SERVICE_PATH}?resource={FABRIC}", headers={"X-IDENTITY-HEADER": options.identity_header})
    ask("GET", f"{APP_SERVICE_PATH}?resource={FABRIC}")
    ask("GET", f"{AZ_PATH}?resource={FABRIC}", headers=metadata)
    talk.later(4000)
    ask("GET", "/v1/workspaces", headers={"Authorization": f"Bearer {token}"})


PARTS = (livy, fabric, high_concurrency, batches, workspaces, items, starts, tokens)


def every_error() -> str:
    """The whole table of errors, also those that need a race or a bug."""
    lines = []
    details = {name: f"<{name}>" for name in ("text", "id", "name", "state", "user")}
    for dialect, problems in ((Dialect.LIVY, LIVY_ERRORS), (Dialect.FABRIC, FABRIC_ERRORS)):
        lines += ["", f"=== Every error of {dialect.value}", ""]
        for problem in problems:
            error = error_reply(Refused(problem, **details), dialect, "<request>", Knobs())
            headers = "".join(f" {name}: {value}" for name, value in error.headers.items())
            lines += [f"{problem.name}: {error.status} {error.content_type}{headers}", error.body]
    return "\n".join([*lines, ""])


def record() -> str:
    """Have the talk, and give it as text."""
    clock = ManualClock()
    rules = [
        Rule("rows", Table(SCHEMA, [(1, 2.5), (None, None)])),
        Rule("fail", Failure("[TABLE_OR_VIEW_NOT_FOUND] The table or view `t` cannot be found.")),
        Rule("long", duration=3600),
    ]
    ends = [Rule("bad", Failure("it went wrong\nfor a reason"), duration=1)]
    knobs = Knobs(page_size=1, lakehouse_create="accepted", max_creating=2)
    with FakeLivy(
        engine=Engine(clock, rules),
        batches=ends,
        clock=clock,
        seed=1,
        knobs=knobs,
        listen=False,
        lakehouses=["lakehouse", "other"],
        identity=IdentityOptions(lifetime=3600),
    ) as server:
        talk = Talk(server, clock)
        with talk.http:
            for part in PARTS:
                part(talk)
        return talk.text() + every_error()


if __name__ == "__main__":
    FILE.write_text(record(), encoding="utf-8")
    sys.stdout.write(f"{FILE.name} written\n")
