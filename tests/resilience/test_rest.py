"""What Fabric's REST API says of a lakehouse and of shortcuts: what is not understood is an error, and never "no"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dbt.adapters.fabricspark.fabric import FabricApi
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.resilience.deadline import Deadline

from tests.resilience.actors import Rest
from tests.resilience.world import world


def ask(question: Callable[[FabricApi, Deadline], Any], *faults: str) -> Any:
    """What Fabric says, or the error."""
    answers: list[Any] = []
    with world(*faults, dialect="fabric") as here:
        here.actor = Rest(
            lambda api: answers.append(question(api, Deadline.after(here.runtime, 300))),
            here.network,
        )
        here.run(["ask"])
        assert faults == () or here.oracle.never_fired() == []
        return answers[0] if answers else here.results["ask"]


def lakehouse(api: FabricApi, deadline: Deadline) -> Any:
    return api.lakehouse(deadline)


def shortcut(api: FabricApi, deadline: Deadline) -> Any:
    return ("there is", api.shortcut("Tables/dbo", "orders", deadline))


@pytest.mark.parametrize(
    "reply",
    ["set_field(properties,null)", "set_field(displayName,null)", 'set_field(displayName,"")', "garbage(empty)"],
)
def test_a_lakehouse_that_is_not_described_has_no_kind(reply: str) -> None:
    assert isinstance(ask(lakehouse, f"get_lakehouse:body:{reply}"), LivyError)


def test_a_lakehouse_has_schemas_or_has_not() -> None:
    assert ask(lakehouse).schemas
    assert not ask(lakehouse, "get_lakehouse:body:set_field(properties.defaultSchema,null)").schemas


def test_a_shortcut_is_missing_if_fabric_itself_says_so() -> None:
    assert ask(shortcut) == ("there is", None)


@pytest.mark.parametrize("reply", ["status(404,shape=html)", "status(403)", "status(400)"])
def test_a_shortcut_of_which_somebody_else_speaks_is_not_missing(reply: str) -> None:
    assert isinstance(ask(shortcut, f"get_shortcut:before:{reply}"), LivyError)
