"""What Fabric answers beside Livy is read, or refused as not Fabric's; no shape of it crashes a run."""

from __future__ import annotations

import json
import logging
from typing import Any
from unittest import mock

import pytest
from dbt.adapters.fabricspark.fabric import FabricApi, JobView
from dbt.adapters.fabricspark.impl import FabricSparkAdapter
from dbt.adapters.fabricspark.livy.errors import ProtocolError
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.transport import Reply, Transport
from dbt_common.exceptions import DbtRuntimeError

from tests.adapter.conftest import VirtualRuntime


class Says(Transport):
    """Says the same to everything."""

    def __init__(self, body: Any) -> None:
        super().__init__("https://fabric.example", http_timeout=1, user_agent="tests")
        self._body = body

    def request(self, method: str, path: str, deadline: Deadline, body: object | None = None) -> Reply:
        return Reply(200, {}, json.dumps(self._body).encode())


def fabric(body: Any) -> tuple[FabricApi, Deadline]:
    runtime = VirtualRuntime()
    retrier = Retrier(runtime, Pace(runtime), None, logging.getLogger("tests"))
    return FabricApi(Says(body), retrier, "w", "l"), Deadline.after(runtime, 10)


@pytest.mark.parametrize("listed", [["x"], [None], [{"displayName": "bronze"}], [[]]])
def test_a_list_of_what_has_no_id_is_not_fabrics(listed: Any) -> None:
    api, deadline = fabric({"value": listed})
    with pytest.raises(ProtocolError, match="makes no sense"):
        api.elsewhere("", "bronze", deadline)
    with pytest.raises(ProtocolError, match="makes no sense"):
        api.put_schedule(True, {}, deadline)


@pytest.mark.parametrize("reason", ["no capacity", ["no capacity"], 7])
def test_a_reason_in_another_shape_is_told_as_it_is(reason: Any) -> None:
    api, deadline = fabric({"status": "Failed", "failureReason": reason})
    assert api.job("j", deadline) == JobView("Failed", "", str(reason))


def test_a_job_need_not_have_a_reason() -> None:
    api, deadline = fabric({"status": "Completed", "failureReason": None})
    assert api.job("j", deadline) == JobView("Completed")


@pytest.mark.parametrize("seconds", ["10m", [600]])
def test_a_time_out_of_a_model_that_is_no_number_is_refused(seconds: Any) -> None:
    with pytest.raises(DbtRuntimeError, match="mlv_timeout is"):
        FabricSparkAdapter.refresh_by_job(mock.Mock(), mock.Mock(), seconds)


@pytest.mark.parametrize("schedule", ["daily", ["daily"], {}])
def test_a_schedule_that_is_none_is_refused(schedule: Any) -> None:
    with pytest.raises(DbtRuntimeError, match="mlv_schedule needs a configuration"):
        FabricSparkAdapter.schedule_refresh(mock.Mock(), mock.Mock(), schedule)
