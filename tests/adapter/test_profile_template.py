"""What ``dbt init`` asks for makes a profile that loads, whatever is answered."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.task.init import InitTask

GUID = "01234567-89ab-cdef-0123-456789abcdef"
IN_FABRIC = ["1", GUID, GUID, "home"]


def answered(answers: Sequence[str]) -> dict[str, Any]:
    """The target that dbt makes of the template and these answers; no answer takes the default."""
    template = yaml.safe_load(resources.files("dbt.include.fabricspark").joinpath("profile_template.yml").read_text())
    task = InitTask.__new__(InitTask)
    with CliRunner().isolation(input="\n".join([*answers, "", "", "", "", ""])):
        return dict(task.generate_target_from_input(template["prompts"], dict(template["fixed"])))


@pytest.mark.parametrize(
    ("answers", "made"),
    [
        ([*IN_FABRIC, "1"], {"livy_mode": "fabric", "authentication": "CLI", "schema": "dbo"}),
        ([*IN_FABRIC, "2", GUID, GUID, "hush"], {"authentication": "SPN", "client_secret": "hush"}),
        ([*IN_FABRIC, "3"], {"authentication": "managed_identity"}),
        ([*IN_FABRIC, "4", "sales"], {"authentication": "fabric_notebook", "schema": "sales"}),
        (["2"], {"livy_mode": "local", "livy_url": "http://localhost:8998", "schema": "dbo"}),
    ],
)
def test_every_path_through_dbt_init_makes_a_profile_that_loads(answers: list[str], made: dict[str, str]) -> None:
    target = answered(answers)
    assert made.items() <= target.items()
    assert target["connect_retries"] == 3
    fields = {name: value for name, value in target.items() if name not in ("type", "threads")}
    FabricSparkCredentials.validate(fields)
    assert FabricSparkCredentials.from_dict(fields).base_url
