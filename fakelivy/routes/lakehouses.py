"""Workspaces and lakehouses of the Fabric REST API, as far as a Livy client asks for them (contract 3)."""

from __future__ import annotations

from fakelivy.call import Call, Reply, Route
from fakelivy.errors import Problem, Refused
from fakelivy.model import Lakehouse
from fakelivy.views import fabric_lakehouse


def workspace_lakehouses(call: Call) -> list[Lakehouse]:
    """The lakehouses of the workspace in the path.

    Raises:
        Refused: NO_WORKSPACE.
    """
    wanted = call.params["workspace"].lower()
    found = [each for each in call.services.lakehouses.values() if each.workspace_id == wanted]
    if not found:
        raise Refused(Problem.NO_WORKSPACE, id=call.params["workspace"])
    return found


def lakehouse(call: Call) -> Lakehouse:
    """The lakehouse in the path, GUIDs in any case.

    Raises:
        Refused: NO_WORKSPACE, NO_LAKEHOUSE.
    """
    wanted = call.params["lakehouse"].lower()
    for each in workspace_lakehouses(call):
        if each.id == wanted:
            return each
    raise Refused(Problem.NO_LAKEHOUSE, id=call.params["lakehouse"])


def list_workspaces(call: Call) -> Reply:
    workspaces = {each.workspace_id: each.workspace for each in call.services.lakehouses.values()}
    return Reply(200, {"value": [_workspace(id_, name) for id_, name in workspaces.items()]})


def get_workspace(call: Call) -> Reply:
    first = workspace_lakehouses(call)[0]
    return Reply(200, _workspace(first.workspace_id, first.workspace))


def list_lakehouses(call: Call) -> Reply:
    return Reply(200, {"value": [fabric_lakehouse(each) for each in workspace_lakehouses(call)]})


def get_lakehouse(call: Call) -> Reply:
    return Reply(200, fabric_lakehouse(lakehouse(call)))


def _workspace(id_: str, name: str) -> dict[str, str]:
    return {"id": id_, "displayName": name, "description": "", "type": "Workspace"}


ROUTES = (
    Route("list_workspaces", "GET", "/v1/workspaces", list_workspaces),
    Route("get_workspace", "GET", "/v1/workspaces/<workspace>", get_workspace),
    Route("list_lakehouses", "GET", "/v1/workspaces/<workspace>/lakehouses", list_lakehouses),
    Route("get_lakehouse", "GET", "/v1/workspaces/<workspace>/lakehouses/<lakehouse>", get_lakehouse),
)
