"""Shortcuts of a lakehouse (contract 3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fakelivy.call import Call, Reply, Route
from fakelivy.errors import Problem, Refused
from fakelivy.pages import page
from fakelivy.routes.lakehouses import item
from fakelivy.shortcuts import POLICIES, Shortcut


def create(call: Call) -> Reply:
    place = item(call)
    policy = call.query.get("shortcutConflictPolicy", POLICIES[0])
    if policy not in POLICIES:
        raise Refused(Problem.BAD_BODY, text=f"shortcutConflictPolicy is one of {', '.join(POLICIES)}")
    made, new = call.services.shortcuts.put(place.id, _wanted(call.document()), policy)
    name = quote(f"{made.path}/{made.name}", errors="replace")
    location = f"{call.origin}/v1/workspaces/{place.workspace_id}/items/{place.id}/shortcuts/{name}"
    return Reply(201 if new else 200, _view(made), {"Location": location})


def listing(call: Call) -> Reply:
    place = item(call)
    return Reply(200, page(call, [_view(each) for each in call.services.shortcuts.of(place.id)], "value"))


def get(call: Call) -> Reply:
    return Reply(200, _view(call.services.shortcuts.get(item(call).id, *_key(call))))


def delete(call: Call) -> Reply:
    call.services.shortcuts.delete(item(call).id, *_key(call))
    return Reply(200)


def _key(call: Call) -> tuple[str, str]:
    path, _, name = call.params["path"].strip("/").rpartition("/")
    return path, name


def _wanted(document: dict[str, Any]) -> Shortcut:
    path, name, target = document.get("path"), document.get("name"), document.get("target")
    if not isinstance(path, str) or not isinstance(name, str) or not name or "/" in name:
        raise Refused(Problem.BAD_BODY, text="a shortcut has a path and a name")
    source = target.get("oneLake") if isinstance(target, dict) else None
    if not isinstance(source, dict) or not all(isinstance(source.get(key), str) for key in _SOURCE):
        raise Refused(Problem.BAD_BODY, text=f"only targets of the form oneLake with {', '.join(_SOURCE)} are taken")
    # The server adds the type, so what it shows is not what it was sent (seen live).
    return Shortcut(path.strip("/"), name, {"type": "OneLake", "oneLake": {key: source[key] for key in _SOURCE}})


_SOURCE = ("workspaceId", "itemId", "path")


def _view(shortcut: Shortcut) -> dict[str, Any]:
    return {"path": shortcut.path, "name": shortcut.name, "target": shortcut.target}


_BASE = "/v1/workspaces/<workspace>/items/<item>/shortcuts"

ROUTES = (
    Route("create_shortcut", "POST", _BASE, create),
    Route("list_shortcuts", "GET", _BASE, listing),
    Route("get_shortcut", "GET", _BASE + "/<path:path>", get),
    Route("delete_shortcut", "DELETE", _BASE + "/<path:path>", delete),
)
