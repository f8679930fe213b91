"""The profile: every field with its default and its meaning, and the frozen settings made of it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dbt.adapters.contracts.connection import Credentials
from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark.checks import CHECKS, LOOPBACK, NUM_ROWS, ROW_LIMIT
from dbt.adapters.fabricspark.fabric import LakehouseView
from dbt.adapters.fabricspark.incumbent import INCUMBENT_FIELDS, check_incumbent_fields
from dbt.adapters.fabricspark.lease import target_key
from dbt.adapters.fabricspark.naming import Naming, in_workspace
from dbt.adapters.fabricspark.shortcuts import Shortcut
from dbt.adapters.fabricspark.shortcuts import read as read_shortcuts
from dbt_common.dataclass_schema import ValidationError
from dbt_common.exceptions import DbtRuntimeError

SECRETS = ("client_secret", "client_certificate_password", "accessToken", "credential_kwargs")
"""Fields whose values appear in no message."""

SHORTCUTS_FILE = "shortcuts.json"

FABRIC_REQUEST_RATE = 150.0
"""Requests a minute; Fabric allows 200 to an identity, which may be used elsewhere too (contract 2.8)."""

_API_VERSION = "2023-12-01"


def _setting(default: Any, help: str) -> Any:
    if callable(default):
        return field(default_factory=default, metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass
class FabricSparkCredentials(Credentials):
    """One target of a ``profiles.yml``."""

    database: str | None = _setting(None, "Not to be set: it is the lakehouse.")  # type: ignore[assignment]  # dbt: non-optional
    schema: str | None = _setting(None, "Schema dbt builds in. Default: the lakehouse's name; without one, `default`.")  # type: ignore[assignment]  # dbt: non-optional
    method: str = _setting(
        "livy",
        "`livy`: a Livy server. `session`: the Spark session of this very process, as in a notebook.",
    )
    livy_mode: str = _setting(
        "fabric", "`fabric`: Microsoft Fabric. `local`: Apache Livy or fakelivy, without authentication."
    )
    lakehouse: str | None = _setting(None, "Name of the lakehouse. Required in mode `fabric`.")
    workspaceid: str | None = _setting(None, "GUID of the workspace. Required in mode `fabric`.")
    lakehouseid: str | None = _setting(None, "GUID of the lakehouse. Required in mode `fabric`.")
    workspace_name: str | None = _setting(
        None, "Name of the workspace, to be written in front of the lakehouse: relations then have four parts."
    )
    lakehouse_schemas_enabled: bool | None = _setting(
        None, "Whether the lakehouse has schemas: relations then have three parts. Default: Fabric is asked."
    )
    quote_identifiers: bool = _setting(False, "Whether every part of a relation's name is quoted.")
    endpoint: str = _setting(
        "https://api.fabric.microsoft.com/v1", "Fabric's REST API; https, but for this machine itself."
    )
    livy_url: str = _setting("http://localhost:8998", "The Livy server of mode `local`.")
    authentication: str = _setting("CLI", "How to get a token: see below.")
    tenant_id: str | None = _setting(None, "Entra tenant.")
    client_id: str | None = _setting(None, "Client id of the service principal or user-assigned managed identity.")
    client_secret: str | None = _setting(None, "For `SPN`.")
    client_certificate_path: str | None = _setting(
        None, "For `SPN`, instead of a secret: file with certificate and private key, PEM or PKCS12."
    )
    client_certificate_password: str | None = _setting(None, "Of that file, if it has one.")
    token_file_path: str | None = _setting(
        None,
        "For `workload_identity`: file with the Kubernetes token. Default: what `AZURE_FEDERATED_TOKEN_FILE` says.",
    )
    authority: str | None = _setting(
        None, "https address that gives tokens, of a sovereign cloud or of a fake. Default: Entra's own."
    )
    disable_instance_discovery: bool = _setting(
        False, "Do not ask Microsoft whether it knows the `authority`; a private one needs `true`."
    )
    credential_class: str | None = _setting(None, "For `token_credential`: dotted path of a class with `get_token`.")
    credential_kwargs: dict[str, Any] = _setting(dict, "For `token_credential`: what it is made with.")
    accessToken: str | None = _setting(None, "For `token`: a bearer token from elsewhere.")
    azure_cli_process_timeout: int = _setting(10, "Seconds `az` may take to give a token.")
    environmentId: str | None = _setting(None, "GUID of a Fabric environment to run in.")
    create_shortcuts: bool = _setting(False, "Make the shortcuts below in the lakehouse, before anything else runs.")
    shortcuts_json_str: str | None = _setting(
        None,
        "For `create_shortcuts`, JSON: a list of `path`, `shortcut_name`, `source_workspace_id`, `source_item_id`, "
        "`source_path`. Default: what the file `shortcuts.json` in the current folder says.",
    )
    session_idle_timeout: str | None = _setting(None, "Spark's own idle time-out of the session, such as `20m`.")
    spark_config: dict[str, Any] = _setting(
        dict, "Sent as the body of the request for a session: `name`, `conf`, sizes."
    )
    auto_optimize: bool = _setting(
        False, "Run `optimize` after every build of a table, incremental model or snapshot that does not say otherwise."
    )
    high_concurrency: bool = _setting(
        False,
        "Fabric's high-concurrency sessions: each thread has a REPL of its own, up to five in one Livy session, and "
        "their statements run at the same time. Only in mode `fabric`.",
    )
    session_tag: str | None = _setting(
        None,
        "For `high_concurrency`: REPLs of one tag share a Livy session, those of other runs too, and it is left to "
        "them at the end. Default: a tag of this run's own; with `reuse_session` one of this target's own.",
    )
    reuse_session: bool = _setting(False, "Leave the session running at the end, for the next run.")
    session_id_file: str = _setting(
        "livy-session-id.txt", "For `reuse_session`: where sessions are remembered, from the current folder."
    )
    connect_retries: int = _setting(1, "How often to try again when the server cannot be reached. Recommended: 3.")
    connect_timeout: int = _setting(10, "Longest pause between two such tries, in seconds.")
    requests_per_minute: int | None = _setting(
        None,
        "Requests a minute to the server, over all threads; 0 is no limit. Default: 150 for Fabric, which allows 200 "
        "to an identity; no limit for Apache Livy and on this machine.",
    )
    http_timeout: float = _setting(120, "Seconds one HTTP request may take, body included.")
    session_start_timeout: float = _setting(600, "Seconds a session may take to start.")
    statement_timeout: float = _setting(3600, "Seconds a statement may take; then it is cancelled on the server.")
    poll_wait: float = _setting(10, "Longest pause between two looks at a starting session, in seconds.")
    poll_statement_wait: float = _setting(5, "Longest pause between two looks at a running statement, in seconds.")

    @classmethod
    def validate(cls, data: Any) -> None:
        """Check names and types of a target's fields.

        Raises:
            DbtRuntimeError: naming the field, and the one that was probably meant.
        """
        known = [f.name for f in fields(cls)]
        for name in data:
            if name not in known and name not in INCUMBENT_FIELDS and name not in ("type", "threads"):
                raise DbtRuntimeError(_unknown_field(name, known))
        try:
            super().validate(_without_empty(data))
        except ValidationError as error:
            name = ".".join(map(str, error.path))
            what = "has the wrong type" if name in SECRETS else error.message
            raise DbtRuntimeError(f"{name}: {what}") from None
        for name, value in data.items():
            # A whole number may have any number of digits, but what is computed with it may not.
            if isinstance(value, int) and abs(value) > sys.float_info.max:
                raise DbtRuntimeError(f"{name} is too large a number")

    @classmethod
    def __pre_deserialize__(cls, data: dict[str, Any]) -> dict[str, Any]:
        data = _without_empty(super().__pre_deserialize__(data))  # type: ignore[no-untyped-call]  # dbt leaves it untyped
        check_incumbent_fields(data)
        return data

    def __post_init__(self) -> None:
        self.livy_mode = self.livy_mode.lower()
        for check in CHECKS:
            check(self)
        self.schema = self.schema or self.lakehouse or "default"
        self.database = self.home

    @property
    def type(self) -> str:
        return "fabricspark"

    @property
    def unique_field(self) -> str:
        return self.lakehouseid or self.base_url

    @property
    def is_fabric(self) -> bool:
        """Whether Fabric's REST API is talked to: Livy's and its own."""
        return self.method == "livy" and self.livy_mode == "fabric"

    @property
    def home(self) -> str | None:
        """The lakehouse, behind its workspace if that is to be written; ``None`` where there are none."""
        return in_workspace(self.lakehouse, self.workspace_name) if self.is_fabric or self.method == "session" else None

    @property
    def base_url(self) -> str:
        """Where sessions live: the server itself, or the lakehouse's Livy endpoint (Fabric docs)."""
        if self.method == "session":
            return "this process"
        if self.livy_mode == "local":
            return self.livy_url.rstrip("/")
        return (
            f"{self.endpoint.rstrip('/')}/workspaces/{self.workspaceid}/lakehouses/{self.lakehouseid}"
            f"/livyapi/versions/{_API_VERSION}"
        )

    @property
    def lakehouse_in_fabric(self) -> tuple[str, str] | None:
        """GUIDs of workspace and lakehouse; ``None`` where Fabric is not asked."""
        if not self.is_fabric:
            return None
        return str(self.workspaceid), str(self.lakehouseid)

    def shortcuts(self) -> list[Shortcut]:
        """Those to be made when a session starts.

        Raises:
            DbtRuntimeError: there is no such file, or it makes no sense.
        """
        if not self.create_shortcuts:
            return []
        if self.shortcuts_json_str:
            return read_shortcuts(self.shortcuts_json_str)
        try:
            return read_shortcuts(Path(SHORTCUTS_FILE).read_text(encoding="utf-8"))
        except OSError as error:
            raise DbtRuntimeError(
                f"create_shortcuts needs shortcuts_json_str or a file {SHORTCUTS_FILE}: {error.strerror}"
            ) from None
        except UnicodeDecodeError as error:
            raise DbtRuntimeError(f"the file {SHORTCUTS_FILE} is not text in UTF-8: {error.reason}") from None

    def naming(self) -> Naming:
        """How relations are written, as far as the profile says.

        In this process nobody can be asked: two parts are right for its own lakehouse, whatever that is.
        """
        schemas = self.lakehouse_schemas_enabled
        return Naming(self.database, self.quote_identifiers, bool(schemas) if self.method == "session" else schemas)

    def check_lakehouse(self, found: LakehouseView) -> None:
        """Compare the profile with what the lakehouse is.

        Raises:
            FailedToConnectError: names made by this profile would lead elsewhere, or nowhere.
        """
        if found.name.lower() != str(self.lakehouse).lower():
            raise FailedToConnectError(
                f"lakehouse {self.lakehouseid} is called '{found.name}', and the profile calls it '{self.lakehouse}'"
            )
        if not found.schemas and str(self.schema).lower() != found.name.lower():
            raise FailedToConnectError(
                f"lakehouse '{found.name}' has no schemas, and the profile wants schema '{self.schema}' in it: set "
                f"schema: {found.name}"
            )

    def _connection_keys(self) -> tuple[str, ...]:
        # Not `endpoint`: dbt-spark's macros take a target that has one for a Databricks SQL endpoint.
        return (
            "method",
            "livy_mode",
            "database",
            "schema",
            "lakehouse",
            "workspace_name",
            "workspaceid",
            "lakehouseid",
            "auto_optimize",
            *_SHOWN_SETTINGS,
        )

    def connection_info(self, *, with_aliases: bool = False) -> Iterable[tuple[str, Any]]:
        yield "server", self.base_url
        yield from super().connection_info(with_aliases=with_aliases)

    def __repr__(self) -> str:
        return f"FabricSparkCredentials(server={self.base_url!r}, schema={self.schema!r})"

    @property
    def who(self) -> str:
        """Which identity this is, for telling two apart; secrets are in it as hashes."""
        names = ("authentication", "authority", "tenant_id", "client_id", "token_file_path", "credential_class")
        secrets = (*SECRETS, "client_certificate_path")
        return repr([getattr(self, name) for name in names] + [hash(repr(getattr(self, name))) for name in secrets])

    @property
    def has_repls(self) -> bool:
        """Whether each thread has a REPL of its own."""
        return self.high_concurrency and self.is_fabric

    @property
    def kept_tag(self) -> str | None:
        """The tag of REPLs whose Livy session is left to others; ``None`` if nobody else uses it."""
        if self.session_tag:
            return self.session_tag
        return f"dbt-fabricspark-{self.session_key}" if self.reuse_session else None

    @property
    def session_key(self) -> str:
        """What makes a session this target's, the same in every process; no secret is in it."""
        names = ("authentication", "tenant_id", "client_id", "credential_class")
        return target_key(self.base_url, [getattr(self, name) for name in names], self.session_body())

    def session_body(self) -> dict[str, Any]:
        """The body of the request for a session (Livy's ``CreateInteractiveRequest``, Fabric's ``SessionRequest``)."""
        body: dict[str, Any] = {"name": "dbt-fabricspark", **self.spark_config}
        conf = dict(body.get("conf") or {})
        if self.environmentId:
            conf["spark.fabric.environmentDetails"] = f'{{"id":"{self.environmentId}"}}'
        if self.session_idle_timeout:
            conf["spark.livy.session.idle.timeout"] = self.session_idle_timeout
        if conf:
            body["conf"] = conf
        if self.livy_mode == "local":
            body["kind"] = "sql"
            body["conf"] = {NUM_ROWS: str(self.row_limit), **conf}
        return body

    @property
    def row_limit(self) -> int | None:
        """Rows after which Apache Livy cuts a result without a word; ``None`` where the server says so itself."""
        if self.livy_mode != "local":
            return None
        return int((self.spark_config.get("conf") or {}).get(NUM_ROWS, ROW_LIMIT))

    @property
    def request_rate(self) -> float | None:
        """Requests a minute to keep to; ``None`` is no limit."""
        if self.requests_per_minute is not None:
            return self.requests_per_minute or None
        return FABRIC_REQUEST_RATE if self.is_fabric and urlsplit(self.endpoint).hostname not in LOOPBACK else None

    def settings(self) -> Settings:
        """What waiting needs to know, frozen."""
        return Settings(**{f.name: getattr(self, f.name) for f in fields(Settings)})


@dataclass(frozen=True)
class Settings:
    """The profile's figures for waiting and trying again; seconds, but for ``connect_retries`` and ``row_limit``."""

    http_timeout: float
    session_start_timeout: float
    statement_timeout: float
    poll_wait: float
    poll_statement_wait: float
    connect_retries: int
    connect_timeout: float
    row_limit: int | None = None


_SHOWN_SETTINGS = tuple(f.name for f in fields(Settings) if f.name != "row_limit")


def _without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    # `key:` without a value means the default.
    return {name: value for name, value in data.items() if value is not None}


def _unknown_field(name: object, known: list[str]) -> str:
    by_lower = {field_name.lower(): field_name for field_name in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=1)
    hint = f" Did you mean '{by_lower[close[0]]}'?" if close else ""
    return f"unknown field '{name}'.{hint}"
