"""Workspaces and lakehouses of the Fabric REST API, as far as a Livy client asks for them (contract 3)."""

from __future__ import annotations

import contextlib
import re

from fakelivy.call import Call, Reply, Route
from fakelivy.errors import Problem, Refused
from fakelivy.model import Lakehouse
from fakelivy.pages import page
from fakelivy.routes.operations import accepted
from fakelivy.views import fabric_lakehouse


def workspace_lakehouses(call: Call) -> list[Lakehouse]:
    """The lakehouses of the workspace in the path.

    Raises:
        Refused: NO_WORKSPACE.
    """
    wanted = call.params["workspace"].lower()
    if wanted not in dict(call.services.lakehouses.workspaces()):
        raise Refused(Problem.NO_WORKSPACE, id=call.params["workspace"])
    return [each for each in call.services.lakehouses if each.workspace_id == wanted]


def lakehouse(call: Call) -> Lakehouse:
    """The lakehouse in the path, GUIDs in any case.

    Raises:
        Refused: NO_WORKSPACE, NO_LAKEHOUSE.
    """
    return _item(call, call.params["lakehouse"])


def item(call: Call) -> Lakehouse:
    """The same for routes of items in general; there are no other items here."""
    return _item(call, call.params["item"])


def _item(call: Call, id_: str) -> Lakehouse:
    for each in workspace_lakehouses(call):
        if each.id == id_.lower():
            return each
    raise Refused(Problem.NO_LAKEHOUSE, id=id_)


def list_workspaces(call: Call) -> Reply:
    workspaces = [_workspace(id_, name) for id_, name in call.services.lakehouses.workspaces()]
    return Reply(200, page(call, workspaces, "value"))


def get_workspace(call: Call) -> Reply:
    return Reply(200, _workspace(*_place(call)))


def list_lakehouses(call: Call) -> Reply:
    return Reply(200, page(call, [fabric_lakehouse(each) for each in workspace_lakehouses(call)], "value"))


def get_lakehouse(call: Call) -> Reply:
    return Reply(200, fabric_lakehouse(lakehouse(call)))


def create_lakehouse(call: Call) -> Reply:
    workspace_id, workspace = _place(call)
    document = call.document()
    name, payload = document.get("displayName"), document.get("creationPayload") or {}
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused(Problem.BAD_BODY, text="a displayName has letters, digits and underscores, a letter first")
    if not isinstance(payload, dict) or not isinstance(payload.get("enableSchemas", False), bool):
        raise Refused(Problem.BAD_BODY, text="creationPayload is an object with enableSchemas, true or false")
    made = Lakehouse(
        workspace_id, workspace, call.services.ids.session_guid(), name, payload.get("enableSchemas", False)
    )
    call.services.lakehouses.add(made)
    view = fabric_lakehouse(made)
    if call.services.knobs.lakehouse_create == "accepted":
        return accepted(call, call.services.operations.begin(call.services.knobs.operation_duration, view))
    return Reply(201, view, {"Location": f"{call.origin}/v1/workspaces/{workspace_id}/lakehouses/{made.id}"})


def delete_lakehouse(call: Call) -> Reply:
    place = lakehouse(call)
    call.services.lakehouses.remove(place)
    for session in call.store.sessions(place.id):
        with contextlib.suppress(Refused):  # somebody else is stopping it
            call.store.delete(place.id, session.id)
    return Reply(200)


def list_tables(call: Call) -> Reply:
    place = lakehouse(call)
    if place.schemas:
        raise Refused(Problem.NO_TABLES_HERE)
    base = f"abfss://{place.workspace_id}@onelake.dfs.fabric.microsoft.com/{place.id}/Tables"
    tables = [
        {
            "type": "Managed" if each.managed else "External",
            "name": each.name,
            "location": f"{base}/{each.name}",
            "format": each.format,
        }
        for each in call.services.engine.tables(place.name)
    ]
    # Here the keys of the token are always there (Fabric REST specification).
    return Reply(200, {"continuationToken": None, "continuationUri": None, **page(call, tables, "data")})


def _place(call: Call) -> tuple[str, str]:
    workspace_lakehouses(call)
    wanted = call.params["workspace"].lower()
    return wanted, dict(call.services.lakehouses.workspaces())[wanted]


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,122}")
"""Assumed; what matters here is that the name can be a folder's."""


def _workspace(id_: str, name: str) -> dict[str, str]:
    return {"id": id_, "displayName": name, "description": "", "type": "Workspace"}


ROUTES = (
    Route("list_workspaces", "GET", "/v1/workspaces", list_workspaces),
    Route("get_workspace", "GET", "/v1/workspaces/<workspace>", get_workspace),
    Route("list_lakehouses", "GET", "/v1/workspaces/<workspace>/lakehouses", list_lakehouses),
    Route("create_lakehouse", "POST", "/v1/workspaces/<workspace>/lakehouses", create_lakehouse),
    Route("delete_lakehouse", "DELETE", "/v1/workspaces/<workspace>/lakehouses/<lakehouse>", delete_lakehouse),
    Route("list_tables", "GET", "/v1/workspaces/<workspace>/lakehouses/<lakehouse>/tables", list_tables),
    Route("get_lakehouse", "GET", "/v1/workspaces/<workspace>/lakehouses/<lakehouse>", get_lakehouse),
)
