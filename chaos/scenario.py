"""What a scenario says: a failure, the work that meets it, and what must be true afterwards. Read from YAML, strictly.

These are the scenarios in virtual time, for any client object; those with real processes are in ``processes``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from fakelivy import Fault, FaultError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from chaos.simulation import STRATEGIES

FOLDER = Path(__file__).with_name("scenarios")
SETS = ("smoke", "nightly", "rare")
"""Folders of scenarios: on every change, every night, and when somebody has the time."""

Seconds = Annotated[float, Field(ge=0, le=1e6)]
Moment = Seconds | tuple[Seconds, Seconds]
Count = Annotated[int, Field(ge=1, le=10_000)]
Outcome = Literal["ok", "failed", "unknown"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
Step = Literal["write", "slow", "read", "wrong", "build"]
"""``write`` adds a marked row, ``slow`` takes 60 times as long to; ``read`` looks for the thread's last row; ``wrong``
must fail on the server; ``build`` asks which tables there are and appends to one that must never be rebuilt."""


class ScenarioError(ValueError):
    """A scenario that makes no sense; the message says where, what, and what was probably meant."""


class Data(BaseModel):
    """Frozen; a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Workload(Data):
    """What the client is asked to do. Times are virtual seconds.

    Attributes:
        dialects: whose Livy the server speaks; a seed takes one of them.
        threads: of one client object, each going through ``script``.
        script: the steps of each thread.
        takes: how long a statement runs on the server.
        settings: the client's: ``statement_timeout``, ``session_start_timeout``, ``http_timeout``.
        token_lifetime: of the tokens the client can get.
        cancel_after: when somebody calls the client's ``cancel``; of two moments, the seed picks one between them.
        interrupt_after: when the first thread gets a KeyboardInterrupt, wherever it is; it cancels and closes then.
            Likewise.
        high_concurrency: the client is to use Fabric's high-concurrency sessions: a REPL for each statement that runs
            at the same time, packed into one Livy session. Only in dialect ``fabric``.
    """

    dialects: tuple[Literal["livy", "fabric"], ...] = ("livy", "fabric")
    threads: Annotated[int, Field(ge=1, le=32)] = 2
    script: Annotated[tuple[Step, ...], Field(min_length=1)] = ("write", "read", "write")
    takes: Seconds = 0.5
    settings: Mapping[str, float] = {}
    token_lifetime: Annotated[float, Field(gt=0)] = 3600.0
    cancel_after: Moment | None = None
    interrupt_after: Moment | None = None
    high_concurrency: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Workload:
        if self.high_concurrency and self.dialects != ("fabric",):
            raise ValueError("only Fabric has high-concurrency sessions: say dialects: [fabric]")
        return self

    @field_validator("settings")
    @classmethod
    def _known(cls, value: Mapping[str, float]) -> Mapping[str, float]:
        for name in value:
            if name not in SETTINGS:
                raise ValueError(f"no setting {name!r}{meant(name, SETTINGS)}")
        return value


SETTINGS: Mapping[str, float] = {"statement_timeout": 600.0, "session_start_timeout": 300.0, "http_timeout": 60.0}
"""What every client is told unless a scenario says otherwise, in seconds."""


def _spelt(value: tuple[str, ...]) -> tuple[str, ...]:
    for each in value:
        try:
            Fault.parse(each)
        except FaultError as error:
            raise ValueError(str(error)) from None
    return value


Faults = Annotated[tuple[str, ...], AfterValidator(_spelt)]
Operation = Literal[
    "create_session",
    "get_session",
    "list_sessions",
    "delete_session",
    "submit_statement",
    "get_statement",
    "list_statements",
    "cancel_statement",
]
"""What all clients of a Livy session do."""


class Explicit(Data):
    """These faults, in the grammar of docs/faults.md; each must strike."""

    plan: Literal["explicit"] = "explicit"
    faults: Faults


class Random(Data):
    """Up to ``most`` faults that the seed draws: first which kinds and operations, then faults of these only."""

    plan: Literal["random"] = "random"
    most: Count = 4


class Pairs(Data):
    """Each seed takes the next pair of one of the ``operations`` and a fault that can happen to it; it strikes the
    first ``strikes`` requests. The faults of ``beside`` are there too, to bring the client into the situation."""

    plan: Literal["pairs"] = "pairs"
    operations: Annotated[tuple[Operation, ...], Field(min_length=1)] = (
        "create_session",
        "get_session",
        "submit_statement",
        "get_statement",
        "delete_session",
    )
    strikes: Count = 1
    beside: Faults = ()


Plan = Annotated[Explicit | Random | Pairs, Field(discriminator="plan")]


class Phases(Data):
    """The safety phase lasts until the script is done; the faults end after ``heal_after`` virtual seconds at the
    latest, and each step takes ``end_within`` at most, if that is less than its time-outs allow. In the liveness phase
    each thread must write and read again, within ``recover_within``."""

    heal_after: Seconds = 120.0
    end_within: Seconds | None = None
    recover_within: Seconds = 120.0


class Budget(Data):
    """How much of it is run: so many seeds from ``first`` on, over the strategies; and the virtual time of a run."""

    first: Annotated[int, Field(ge=0)] = 0
    seeds: Count = 8
    strategies: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(STRATEGIES)
    virtual_seconds: Seconds = 20_000.0

    @field_validator("strategies")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in STRATEGIES:
                raise ValueError(f"no strategy {name!r}{meant(name, STRATEGIES)}")
        return value


class Scenario(Data):
    """One failure, the work that meets it, and what must be true afterwards.

    Attributes:
        title: what is proven, as a sentence.
        why: the incident behind it.
        covers: numbers of the failure catalogue, ``F13``.
        expect: for a kind of step, the outcomes that are right here; without it any honest one is.
        says: patterns; each must be found in the text of some error.
        except_: invariants that do not hold here, each with the reason.
    """

    title: Annotated[str, Field(min_length=10)]
    why: Annotated[str, Field(min_length=10)]
    covers: tuple[Annotated[str, Field(pattern=r"^F([1-9]|[1-3][0-9]|4[0-8])$")], ...] = ()
    workload: Workload = Workload()
    faults: Plan
    phases: Phases = Phases()
    budget: Budget = Budget()
    expect: Mapping[Step, Annotated[tuple[Outcome, ...], Field(min_length=1)]] = {}
    says: tuple[str, ...] = ()
    except_: Annotated[Mapping[str, str], Field(alias="except")] = {}

    @field_validator("says")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no pattern: {error}") from None
        return value

    @field_validator("except_")
    @classmethod
    def _invariants(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        # They judge runs of scenarios, so they come after them.
        from chaos.invariants import INVARIANTS

        for name in value:
            if name not in INVARIANTS:
                raise ValueError(f"no invariant {name!r}{meant(name, INVARIANTS)}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        for step in self.expect:
            if step not in self.workload.script:
                raise ValueError(f"expect speaks of {step!r}, which is not in the script")
        return self

    @classmethod
    def of(cls, document: Any, where: str = "scenario") -> Scenario:
        """The scenario a YAML or JSON value describes.

        Raises:
            ScenarioError: it describes none.
        """
        if not isinstance(document, dict):
            raise ScenarioError(f"{where}: not a mapping")
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            lines = "; ".join(_explain(dict(each)) for each in error.errors(include_url=False))
            raise ScenarioError(f"{where}: {lines}") from None

    def document(self) -> dict[str, Any]:
        """As a JSON value, what was left to its default left out."""
        return self.model_dump(mode="json", exclude_defaults=True, by_alias=True) | {
            "faults": self.faults.model_dump(mode="json", exclude_defaults=True) | {"plan": self.faults.plan}
        }


def load(path: Path) -> Scenario:
    """The scenario of one file.

    Raises:
        ScenarioError: it is no scenario, or cannot be read.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ScenarioError(f"{path.name}: {error}") from None
    return Scenario.of(document, path.name)


def dump(scenario: Scenario) -> str:
    """As YAML; ``load`` reads it back."""
    return _yaml(scenario.document())


def dump_whole(scenario: Scenario) -> str:
    """As YAML, with what was left to its default."""
    workload = scenario.workload.model_copy(update={"settings": {**SETTINGS, **scenario.workload.settings}})
    return _yaml(scenario.model_copy(update={"workload": workload}).model_dump(mode="json", by_alias=True))


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def shipped(sets: Sequence[str] = SETS) -> Mapping[str, Scenario]:
    """The scenarios that come with this package, by ``set/name``, in order.

    Raises:
        ScenarioError: one of them is no scenario.
    """
    found = {}
    for each in sets:
        for path in sorted((FOLDER / each).glob("*.yml")):
            found[f"{each}/{path.stem}"] = load(path)
    return found


def meant(wrong: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(names)}"


_MODELS: Mapping[str, type[BaseModel]] = {
    "workload": Workload,
    "phases": Phases,
    "budget": Budget,
    "explicit": Explicit,
    "random": Random,
    "pairs": Pairs,
}


def _explain(error: dict[str, Any]) -> str:
    path = [str(part) for part in error["loc"] if part != "[key]"]
    place = ".".join(path)
    if error["type"] == "extra_forbidden":
        model = _MODELS.get(path[-2], Scenario) if len(path) > 1 else Scenario
        names = [field.alias or name for name, field in model.model_fields.items()]
        return f"{place} does not exist{meant(path[-1], names)}"
    if error["type"] == "missing":
        return f"{place} is missing"
    if error["type"] == "literal_error":
        return f"{place} is not {error['input']!r}; expected {error['ctx']['expected']}"
    if error["type"] == "union_tag_invalid":
        return f"{place}: no plan {error['ctx']['tag']!r}; expected {error['ctx']['expected_tags']}"
    if error["type"] == "union_tag_not_found":
        return f"{place}: say which plan: explicit, random or pairs"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
