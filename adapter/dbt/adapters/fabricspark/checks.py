"""What a profile must be, field by field and together; every message names the field."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dbt.adapters.fabricspark.authentication import check_authentication, listed
from dbt.adapters.fabricspark.resilience.transport import written
from dbt_common.exceptions import DbtRuntimeError

if TYPE_CHECKING:
    from dbt.adapters.fabricspark.credentials import FabricSparkCredentials

METHODS = ("livy", "session")
LIVY_MODES = ("fabric", "local")

LOOPBACK = ("localhost", "127.0.0.1", "::1")

NUM_ROWS = "livy.rsc.sql.num-rows"
"""Apache Livy's setting for the longest result, 1000 unless a session asks for another (contract 1.8)."""

ROW_LIMIT = 1_000_000
"""What our sessions ask for; a result of that size fails in Livy's own size limit first."""

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")


def _method(c: FabricSparkCredentials) -> None:
    if c.method not in METHODS:
        raise DbtRuntimeError(f"method '{c.method}' is not one of {', '.join(METHODS)}")
    if c.method == "session" and c.create_shortcuts:
        raise DbtRuntimeError("create_shortcuts needs method 'livy', which signs in to Fabric")
    if c.livy_mode not in LIVY_MODES:
        raise DbtRuntimeError(f"livy_mode '{c.livy_mode}' is not one of {', '.join(LIVY_MODES)}")


def _url(name: str, url: str, schemes: tuple[str, ...]) -> None:
    if set(url) & set("@?#"):
        raise DbtRuntimeError(f"{name} must be a plain address, without user, password, query or fragment")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if not usable:
        raise DbtRuntimeError(f"{name} '{url}' is not an http(s) address such as 'https://host:port/path'")
    if parts.scheme not in schemes and parts.hostname not in LOOPBACK:
        raise DbtRuntimeError(f"{name} '{url}' must start with https://: a token would travel in the clear")


def _authority(url: str) -> None:
    _url("authority", url, ("https",))
    if not url.lower().startswith("https://"):  # not even on this machine: the library refuses
        raise DbtRuntimeError(f"authority '{url}' must start with https://: a secret would travel in the clear")


def _local(c: FabricSparkCredentials) -> None:
    if c.method == "livy" and c.livy_mode == "local":
        _url("livy_url", c.livy_url, ("http", "https"))


def _fabric(c: FabricSparkCredentials) -> None:
    if not c.is_fabric:
        return
    missing = [name for name in ("workspaceid", "lakehouseid", "lakehouse") if not getattr(c, name)]
    if missing:
        raise DbtRuntimeError(f"livy_mode 'fabric' needs {listed(missing)} in the profile")
    for name in ("workspaceid", "lakehouseid"):
        if not _GUID.match(getattr(c, name)):
            raise DbtRuntimeError(
                f"{name} '{getattr(c, name)}' is not a GUID such as '01234567-89ab-cdef-0123-456789abcdef'"
            )
    _url("endpoint", c.endpoint, ("https",))
    if c.authority is not None:
        _authority(c.authority)
    check_authentication(c.authentication, lambda name: getattr(c, name, None))


def _database(c: FabricSparkCredentials) -> None:
    meant = c.home
    if c.database is not None and c.database != meant:
        raise DbtRuntimeError(f"database '{c.database}' is not to be set: name the lakehouse as 'lakehouse'")
    if c.workspace_name is not None and not (c.workspace_name and meant):
        raise DbtRuntimeError(
            "workspace_name must be the name of the Fabric workspace that the lakehouse is in; where there is none, "
            "leave it out"
        )


def _figures(c: FabricSparkCredentials) -> None:
    for name in (
        "http_timeout",
        "session_start_timeout",
        "statement_timeout",
        "poll_wait",
        "poll_statement_wait",
        "azure_cli_process_timeout",
    ):
        value = getattr(c, name)
        if not 0 < value < float("inf"):
            raise DbtRuntimeError(f"{name} is {value}; it must be a number of seconds above 0")
    for name in ("connect_retries", "connect_timeout", "requests_per_minute"):
        value = getattr(c, name) or 0
        if value < 0:
            raise DbtRuntimeError(f"{name} is {value}; it must not be negative")


def _files(c: FabricSparkCredentials) -> None:
    for name in ("session_id_file", "client_certificate_path", "token_file_path"):
        path = getattr(c, name) or ""
        try:
            usable = b"\0" not in os.fsencode(path)
        except UnicodeEncodeError:
            usable = False
        if not usable:
            raise DbtRuntimeError(f"{name} {path!r} cannot be the name of a file")


def _spark_config(c: FabricSparkCredentials) -> None:
    try:
        json.dumps(c.spark_config, sort_keys=True, default=written, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DbtRuntimeError(f"spark_config cannot be sent as JSON: {error}") from None
    conf = c.spark_config.get("conf")
    if conf is not None and not isinstance(conf, Mapping):
        raise DbtRuntimeError("spark_config.conf must be a mapping of Spark settings")
    limit = str((conf or {}).get(NUM_ROWS, ROW_LIMIT))
    if not re.fullmatch("[0-9]{1,10}", limit) or int(limit) == 0:
        raise DbtRuntimeError(f"{NUM_ROWS} in spark_config.conf is '{limit}'; it must be a number of rows")
    if c.environmentId and not _GUID.match(c.environmentId):
        raise DbtRuntimeError(f"environmentId '{c.environmentId}' is not a GUID")


CHECKS: tuple[Callable[[FabricSparkCredentials], None], ...] = (
    _method,
    _local,
    _fabric,
    _database,
    _figures,
    _files,
    _spark_config,
)
"""What a target must pass, in the order in which its user is told; each raises ``DbtRuntimeError``."""
