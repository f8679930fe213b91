"""What is tested: the dbt of some virtual environment, and the profile it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import jinja2.meta
import yaml

from chaos.processes.dbt import default_dbt

if TYPE_CHECKING:
    from chaos.processes.lab import Lab
    from chaos.processes.model import Scenario

PROFILE = "chaos"


class TemplateError(ValueError):
    """The profile template does not give a dbt profile; the message says why."""


@dataclass(frozen=True)
class Target:
    """Any dbt adapter that speaks Livy.

    Args:
        dbt: the program, of any virtual environment.
        template: a Jinja template of one dbt target (an entry of ``outputs``), see ``variables``; ours if ``None``.
        label: what reports call it.
    """

    dbt: Path
    template: Path | None = None
    label: str = "dbt-fabricspark"

    @classmethod
    def ours(cls) -> Target:
        """The adapter that is installed beside this."""
        return cls(default_dbt())

    def write_profile(self, lab: Lab, folder: Path, scenario: Scenario, *, process: int) -> None:
        """Write profiles.yml.

        Raises:
            TemplateError: the template is no template, or its result is no dbt target.
        """
        own = _own_fields(scenario, folder.parent)
        output = self._from_template(lab, scenario, process, own) if self.template else lab.profile() | own
        output |= {"schema": f"chaos_{process}", "threads": scenario.threads}
        content = {_profile_name(folder): {"target": "chaos", "outputs": {"chaos": output}}}
        (folder / "profiles.yml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def leaves_out(self, scenario: Scenario) -> list[str]:
        """What of a scenario this cannot be given, so that a run of it proves nothing."""
        if self.template is None or not scenario.profile:
            return []
        text = self.template.read_text(encoding="utf-8")
        if "profile" in jinja2.meta.find_undeclared_variables(jinja2.Environment(autoescape=False).parse(text)):
            return []
        return [f"{self.template} makes no use of `profile`, and the scenario needs {', '.join(scenario.profile)}"]

    def _from_template(self, lab: Lab, scenario: Scenario, process: int, own: dict[str, Any]) -> dict[str, Any]:
        assert self.template is not None
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
        try:
            text = environment.from_string(self.template.read_text(encoding="utf-8")).render(
                **variables(lab, scenario, process), profile=own
            )
            output = yaml.safe_load(text)
        except (OSError, jinja2.TemplateError, yaml.YAMLError) as error:
            raise TemplateError(f"{self.template}: {error}") from error
        if not isinstance(output, dict) or "type" not in output:
            raise TemplateError(f"{self.template} must give one dbt target: a mapping with a type")
        return output


def _own_fields(scenario: Scenario, shared: Path) -> dict[str, Any]:
    fields = scenario.profile.items()
    return {name: each.replace("{run}", str(shared)) if isinstance(each, str) else each for name, each in fields}


def _profile_name(folder: Path) -> str:
    """What the project in a folder calls its profile."""
    path = folder / "dbt_project.yml"
    project = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return str((project or {}).get("profile", PROFILE))


def variables(lab: Lab, scenario: Scenario, process: int) -> dict[str, Any]:
    """What a template can use."""
    ours = lab.profile()
    return {
        "url": lab.url,  # of the server: vanilla Livy at /, Fabric under /v1
        "dialect": scenario.dialect,  # livy or fabric
        "tls": scenario.tls,
        "workspace_id": ours.get("workspaceid", ""),
        "lakehouse_id": ours.get("lakehouseid", ""),
        "lakehouse": ours["lakehouse"],
        "schema": f"chaos_{process}",
        "threads": scenario.threads,
        "token": lab.bearer,  # of Fabric requests
        "authority": lab.url,  # of Entra, with tls
        "tenant_id": lab.server.authority.options.tenant_id,
        "client_id": lab.server.authority.options.client_id,
        "client_secret": lab.server.authority.options.client_secret,
    }
