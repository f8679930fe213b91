"""The files of the lab and of CI that people copy: they fit each other, the programs they call and what is pinned."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import chaos.cli
import fakelivy.cli
from chaos.processes.lab import Lab
from chaos.processes.model import Scenario
from chaos.processes.model import load as load_process
from chaos.processes.target import Target
from chaos.scenario import load as load_virtual
from chaos.toxics import VERSION

TOY = Path(__file__).with_name("toy")
ROOT = Path(__file__).parents[2]
GO_INSTALL = f"go install github.com/Shopify/toxiproxy/v2/cmd/server@{VERSION}"
COMMANDS = {"chaos": chaos.cli.main, "fakelivy": fakelivy.cli.main}


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def understood(words: list[str]) -> bool:
    """Whether a command knows all its words: it is asked for help, which it gives after it has read them."""
    result = CliRunner().invoke(COMMANDS[words[0]], [*words[1:], "--help"])
    return result.exit_code == 0


def test_every_service_runs_what_there_is_and_mounts_what_there_is() -> None:
    compose = load("docker-compose.yml")
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"], volume
        assert set(service.get("depends_on", [])) <= set(compose["services"])
    assert understood(shlex.split(compose["services"]["fakelivy"]["command"]))
    assert not understood(["fakelivy", "serve", "--no-such-option"]), "the check itself is blind"


def test_the_labs_spark_is_started_with_options_there_are() -> None:
    services = load("docker-compose.yml")["services"]
    assert understood(shlex.split(services["fakelivy-spark"]["command"]))
    _, script, *options = services["spark"]["command"]
    copied = next(line for line in services["spark"]["build"]["dockerfile_inline"].splitlines() if "COPY" in line)
    shown = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sources = copied.split()[1:-1]
    assert script in sources
    assert all((ROOT / source).exists() and f"!{source}" in shown for source in sources)
    given = [option for option in options if option.startswith("--")]
    text = subprocess.run([sys.executable, ROOT / script, "--help"], capture_output=True, text=True, check=True).stdout
    assert given
    assert all(f"{option} " in text for option in given)


def test_ports_are_published_on_this_machine_only() -> None:
    services = load("docker-compose.yml")["services"].values()
    ports = [port for service in services for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_lab_is_wired_dbt_to_proxy_to_server() -> None:
    compose = load("docker-compose.yml")["services"]
    (proxy,) = json.loads((ROOT / "examples/docker/toxiproxy.json").read_text(encoding="utf-8"))
    assert proxy["upstream"] == "fakelivy:8998"
    assert "--port 8998" in compose["fakelivy"]["command"]
    port = proxy["listen"].rpartition(":")[2]
    outputs = load("examples/docker/profiles.yml")["chaos"]["outputs"]
    assert outputs["livy"]["livy_url"] == f"http://toxiproxy:{port}"
    # Not Fabric's: no token travels in the clear but to this machine itself.
    assert list(outputs) == ["livy"]
    assert compose["toxiproxy"]["image"].endswith(f":{VERSION.removeprefix('v')}")


def test_one_version_of_toxiproxy_everywhere() -> None:
    for name in ("Dockerfile", "Makefile", "examples/github/chaos.yml"):
        assert GO_INSTALL in (ROOT / name).read_text(encoding="utf-8"), name


def test_the_workflow_says_what_chaos_understands() -> None:
    workflow = load("examples/github/chaos.yml")
    steps = workflow["jobs"]["chaos"]["steps"]
    lines = [line for step in steps for line in step.get("run", "").splitlines() if line.startswith("chaos")]
    assert len(lines) == 4
    for line in lines:
        plain = re.sub(r'"\$(SEED|MINUTES)"', "1", line).replace('"$TIER"', "smoke")
        assert understood(shlex.split(plain)), line
    assert {"pull_request", "schedule"} <= set(workflow[True])  # YAML takes "on" for a truth


@pytest.mark.parametrize("page", ["docs/chaos.md", "docs/processes.md", "docker-compose.yml"])
def test_every_command_of_the_documentation_is_understood(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [line.strip("# ").split("   #")[0] for line in text.splitlines()]
    commands = [
        line[line.index("chaos ") :] for line in lines if re.match(r"(docker compose run .*)?chaos [a-z]", line)
    ]
    commands += re.findall(r"`(chaos (?:run|list|soak|show|replay|minimise)[^`]*)`", text)
    assert commands
    for command in commands:
        # What a command is given need not be there: files of somebody's own, records of runs to come.
        words = [
            str(TOY / "dbt") if word.endswith("/bin/dbt") else word for word in shlex.split(command.replace("…", ""))
        ]
        assert understood(words), command


def test_the_scenarios_of_the_documentation_are_scenarios(tmp_path: Path) -> None:
    examples: list[Path] = []
    for page in ("docs/chaos.md", "docs/processes.md"):
        (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
        examples.append(tmp_path / f"{len(examples)}.yml")
        examples[-1].write_text(example, encoding="utf-8")
    assert load_virtual(examples[0]).title
    assert load_process(examples[1]).title


@pytest.mark.parametrize(("dialect", "tls"), [("livy", False), ("fabric", False), ("fabric", True)])
def test_the_profile_template_says_the_same_as_our_own_profile(dialect: str, tls: bool, tmp_path: Path) -> None:
    scenario = Scenario.model_validate(
        {"name": "x", "title": "Nothing at all", "why": "", "tier": "smoke", "dialect": dialect, "tls": tls}
    )
    found = []
    with Lab(scenario, tmp_path / "warehouse", 1) as lab:
        for target in (Target.ours(), Target(Path("dbt"), ROOT / "examples/profile-template.yml")):
            target.write_profile(lab, tmp_path, scenario, process=3)
            found.append(yaml.safe_load((tmp_path / "profiles.yml").read_text(encoding="utf-8")))
    ours, theirs = (
        {k: v for k, v in each["chaos"]["outputs"]["chaos"].items() if k != "spark_config"} for each in found
    )
    assert theirs == ours
    assert (ours["schema"], ours["threads"]) == ("chaos_3", 4)
