"""What a scenario of the process kind says, strictly validated, and where those that ship are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from fakelivy import Fault, FaultError
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from chaos.scenario import Data, ScenarioError
from chaos.toxics import Toxic

SCENARIOS = Path(__file__).with_name("scenarios")
PROJECTS = Path(__file__).parents[1] / "projects"
ROOT = Path(__file__).parents[2]
"""Of the source, whose examples are projects too; a scenario of theirs is left out where there is none."""

Act = Literal["interrupt", "terminate", "restart_server", "crash_proxy", "toxic", "fault"]
"""What can be done at a moment: Ctrl-C or SIGTERM to every dbt process, the server or the proxy gone and back, a toxic
for a while, a fault from then on."""


def _parsed(fault: str) -> str:
    try:
        Fault.parse(fault)
    except FaultError as error:
        raise ValueError(str(error)) from None
    return fault


Spelt = Annotated[str, AfterValidator(_parsed)]
"""A fault in the grammar of docs/faults.md."""


class Moment(Data):
    """When the ``nth`` piece of code that contains ``code`` is handed to the engine, the ``nth`` request of an
    ``operation`` was answered, or the fault of the name ``struck`` strikes for the ``nth`` time, ``do`` something."""

    code: str | None = None
    operation: str | None = None
    struck: str | None = None
    nth: Annotated[int, Field(ge=1)] = 1
    after: Annotated[float, Field(ge=0, le=600)] = 0.0
    """Seconds from that moment until it is done; a fault is armed at once."""
    do: Act
    toxic: Toxic | None = None
    fault: Spelt | None = None
    seconds: Annotated[float, Field(ge=0, le=600)] = 1.0
    """How long the server or the proxy is away, or the toxic is in force."""

    @model_validator(mode="after")
    def _whole(self) -> Moment:
        if [self.code, self.operation, self.struck].count(None) != 2:
            raise ValueError("a moment is that of a piece of code, of an operation or of a fault: give one of them")
        for name, given in {"toxic": self.toxic, "fault": self.fault}.items():
            if (given is not None) != (self.do == name):
                raise ValueError(f"a {name} goes with do: {name}, and only with it")
        if self.after and self.fault is not None:
            raise ValueError("a fault is armed at the moment itself: say after of what happens when it strikes")
        return self

    def __str__(self) -> str:
        what = f"the code {self.code!r}" if self.code else f"{self.operation or self.struck}"
        return f"{self.toxic or self.fault or self.do} at {what}, no. {self.nth}"


class Scenario(Data):
    """One failure, the workload that meets it, and what must be true after it."""

    name: str
    title: Annotated[str, Field(min_length=10)]
    why: str
    covers: Sequence[Annotated[str, Field(pattern=r"^F([1-9]|[1-3][0-9]|4[0-8])$")]] = ()
    """Numbers of the failure catalogue."""
    tier: Literal["smoke", "nightly"]
    file: str = ""
    """Where it was read from, unless it comes with chaos."""
    project: str = "ledger"
    dialect: Literal["livy", "fabric"] = "fabric"
    tls: bool = False
    processes: Annotated[int, Field(ge=1, le=8)] = 1
    threads: Annotated[int, Field(ge=1, le=32)] = 4
    profile: dict[str, Any] = Field(default_factory=dict)
    """Fields of the dbt target that differ; ``{run}`` in a text is a folder that all processes of a run share."""
    before: Sequence[str] = ()
    """dbt's arguments of a run of the first process before anything goes wrong: to leave something behind."""
    faults: Sequence[Spelt] = ()
    toxics: Sequence[Toxic] = ()
    """In force from the start of the work until it has ended."""
    moments: Sequence[Moment] = ()
    ends: Literal["ok", "failed", "either"] = "either"
    """Whether dbt must succeed under these faults, must not, or may do as it likes as long as it is honest."""
    says: Sequence[str] = ()
    """Patterns that must be found in what dbt prints."""
    may_leave_sessions: str = ""
    """Why sessions may be left at its end, e.g. because the server could not be reached any more."""
    keeps_sessions: bool = False
    """Whether each process leaves the one session it had to the next run."""
    seconds: Annotated[float, Field(gt=0, le=3600)] = 180
    """How long each dbt process may take before it counts as hanging."""
    seconds_to_stop: Annotated[float, Field(gt=0, le=600)] = 20
    """How long a process may take to go after Ctrl-C or SIGTERM: it should be gone after 10, clean-up included; a
    machine on which much else goes on is given twice that."""

    @field_validator("says")
    @classmethod
    def _patterns_compile(cls, patterns: Sequence[str]) -> Sequence[str]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a pattern: {error}") from None
        return patterns

    @model_validator(mode="after")
    def _possible(self) -> Scenario:
        if self.keeps_sessions and self.may_leave_sessions:
            raise ValueError("sessions that are kept are counted, those that may be left are not: give one of them")
        if self.tls and any(moment.do == "restart_server" for moment in self.moments):
            raise ValueError(f"{self.name}: a server that restarts has another certificate; do it without tls")
        return self

    @property
    def proxied(self) -> bool:
        """Whether it needs toxiproxy between dbt and the server."""
        return bool(self.all_toxics) or any(moment.do == "crash_proxy" for moment in self.moments)

    @property
    def all_toxics(self) -> Sequence[Toxic]:
        """Those of the whole work, and those of moments."""
        return [*self.toxics, *(moment.toxic for moment in self.moments if moment.toxic is not None)]

    @property
    def disturbed(self) -> bool:
        """Whether anything goes wrong in it at all."""
        return bool(self.faults or self.toxics or self.moments)


class Project(Data):
    """A dbt project's ``chaos.yml``: its steps, and the tables that say whether they came out right."""

    setup: Sequence[str]
    """dbt's arguments of the step that nothing disturbs."""
    work: Sequence[str]
    """dbt's arguments of the step under faults; must be safe to run again."""
    before: dict[Literal["setup", "work"], Sequence[str]] = Field(default_factory=dict)
    """Step -> a Python script of the project, and its arguments, that makes its data ready."""
    load: Sequence[str] = ()
    """dbt's arguments of what goes before either step, undisturbed: to load what models read without a reference."""
    tables: dict[str, str]
    """Table -> columns to compare, as SQL."""
    keeps: dict[str, int] = Field(default_factory=dict)
    """Table -> how many of its columns, from the first, make up a row that is there for good: whatever the setup
    left there must still be there at the end."""

    @model_validator(mode="after")
    def _known(self) -> Project:
        if unknown := set(self.keeps) - set(self.tables):
            raise ValueError(f"keeps names tables that are not compared: {', '.join(sorted(unknown))}")
        return self


def load(path: Path) -> Scenario:
    """The scenario in a file; its name is the file's, its tier the folder's if it comes with chaos.

    Raises:
        ScenarioError: it cannot be read, or says something that makes no sense.
    """
    own = path.is_relative_to(SCENARIOS)
    # A file of somebody's own need not lie in a folder that is named after a tier.
    tier = path.parent.name if own else "nightly"
    scenario: Scenario = _read(Scenario, path, name=path.stem, tier=tier, file="" if own else str(path))
    return scenario


def shipped(tier: str | None = None) -> list[Scenario]:
    """Every scenario that comes with chaos, or those of a tier."""
    return [load(path) for path in sorted(SCENARIOS.glob(f"{tier or '*'}/*.yml"))]


def source(scenario: Scenario) -> Path:
    """The file a scenario was read from."""
    return Path(scenario.file) if scenario.file else SCENARIOS / scenario.tier / f"{scenario.name}.yml"


def project_folder(name: str) -> Path:
    """Where a project is: one that comes with chaos by its name, any other by its path.

    Raises:
        ScenarioError: there is no dbt project there.
    """
    folder = next((each for each in (PROJECTS / name, ROOT / name) if each.is_dir()), Path(name))
    if not (folder / "dbt_project.yml").is_file():
        known = ", ".join(sorted(path.name for path in PROJECTS.iterdir() if path.is_dir()))
        raise ScenarioError(f"no dbt project {name!r}: give a path, or one of {known}")
    return folder


def project_facts(folder: Path) -> Project:
    """What a project's ``chaos.yml`` says. Raises ScenarioError as ``load`` does."""
    project: Project = _read(Project, folder / "chaos.yml")
    return project


def _read(kind: type[Any], path: Path, **more: str) -> Any:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ScenarioError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise ScenarioError(f"{path} is not a mapping")
    try:
        return kind.model_validate({**content, **more})
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in error.errors()]
        raise ScenarioError("\n".join([f"{path} makes no sense:", *lines])) from None
