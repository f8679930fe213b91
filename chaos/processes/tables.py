"""What is in the tables, asked over plain Livy of a server on which nothing goes wrong any more."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import requests

Rows = list[list[Any]]
_TIMEOUT = 60.0
_PAUSE = 0.05
_LOOKS = int(_TIMEOUT / _PAUSE)


class TableError(RuntimeError):
    """The server refused, failed, or did not answer in time."""


def read(url: str, schema: str, tables: Mapping[str, str], *, verify: str | None = None) -> dict[str, Rows | str]:
    """Table -> its rows in order, or why it could not be read, e.g. because it is not there.

    Raises:
        TableError: no session could be had for asking.
    """
    with requests.Session() as http:
        # Without this, a certificate bundle of the environment takes the place of the one that is given.
        http.trust_env = False
        http.verify = verify or True
        session = f"{url}/sessions/{_json(http.post(f'{url}/sessions', json={'kind': 'sql'}, timeout=_TIMEOUT))['id']}"
        try:
            _until(http, session, ("idle",), ("not_started", "starting"))
            found: dict[str, Rows | str] = {}
            for table, columns in tables.items():
                names = ", ".join(str(place + 1) for place in range(_width(columns)))
                sql = f"select {columns} from {schema}.{table} order by {names}"
                try:
                    found[table] = _rows(http, session, sql)
                except TableError as error:
                    found[table] = str(error)
            return found
        finally:
            http.delete(session, timeout=_TIMEOUT)


def _width(columns: str) -> int:
    """How many columns an SQL list has: its commas outside brackets, and one."""
    depth = width = 0
    for character in columns:
        depth += {"(": 1, ")": -1}.get(character, 0)
        width += character == "," and depth == 0
    return width + 1


def _rows(http: requests.Session, session: str, sql: str) -> Rows:
    made = _json(http.post(f"{session}/statements", json={"code": sql, "kind": "sql"}, timeout=_TIMEOUT))
    output = _until(http, f"{session}/statements/{made['id']}", ("available",), ("waiting", "running"))["output"]
    if output["status"] != "ok":
        raise TableError(str(output.get("evalue")))
    rows: Rows = output["data"]["application/json"]["data"]
    return rows


def _until(http: requests.Session, url: str, wanted: tuple[str, ...], waiting: tuple[str, ...]) -> dict[str, Any]:
    pause = threading.Event()
    for _ in range(_LOOKS):
        view = _json(http.get(url, timeout=_TIMEOUT))
        if view["state"] in wanted:
            return view
        if view["state"] not in waiting:
            raise TableError(f"{url} is {view['state']}")
        pause.wait(_PAUSE)
    raise TableError(f"{url} was not {wanted[0]} within {_TIMEOUT:g} s")


def _json(reply: requests.Response) -> dict[str, Any]:
    if not reply.ok:
        raise TableError(f"HTTP {reply.status_code}: {reply.text[:300]}")
    content: dict[str, Any] = reply.json()
    return content
