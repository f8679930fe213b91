"""Everything that one target talks to, made of its profile: the Livy session, and Fabric beside it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dbt.adapters.exceptions.connection import FailedToConnectError
from dbt.adapters.fabricspark import shortcuts
from dbt.adapters.fabricspark.__version__ import version
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.fabric import FabricApi
from dbt.adapters.fabricspark.identity import token_source
from dbt.adapters.fabricspark.lease import LeaseFile
from dbt.adapters.fabricspark.livy.api import LivyApi
from dbt.adapters.fabricspark.livy.errors import LivyError
from dbt.adapters.fabricspark.livy.high_concurrency import HighConcurrencyApi
from dbt.adapters.fabricspark.livysession import HANDOVER, LivySessionManager
from dbt.adapters.fabricspark.naming import Naming
from dbt.adapters.fabricspark.pool import OneForAll, OneForEach, Pool
from dbt.adapters.fabricspark.resilience.budget import Pace
from dbt.adapters.fabricspark.resilience.deadline import Deadline
from dbt.adapters.fabricspark.resilience.halt import HaltingRuntime
from dbt.adapters.fabricspark.resilience.outcome import TransportError
from dbt.adapters.fabricspark.resilience.retry import Retrier
from dbt.adapters.fabricspark.resilience.transport import Transport
from dbt.adapters.fabricspark.sparksession import SparkSessionManager, spark_session
from dbt.adapters.fabricspark.timings import Timings


@dataclass(frozen=True)
class Target:
    """What a target has.

    Attributes:
        pool: where its connections get their sessions from.
        runtime: its clock, which can be halted.
        fabric: its lakehouse in Fabric's REST API; ``None`` where that is not asked.
    """

    pool: Pool
    runtime: HaltingRuntime
    fabric: FabricApi | None


def make_target(
    credentials: FabricSparkCredentials,
    runtime: HaltingRuntime,
    naming: Naming,
    timings: Timings,
    logger: logging.Logger,
) -> Target:
    """A target. Nothing is asked of any server yet.

    Args:
        credentials: the profile.
        runtime: for this target alone.
        naming: what is known of its lakehouse; completed while the session starts.
        timings: how long its statements took.
        logger: dbt's.
    """
    settings = credentials.settings()
    if credentials.method == "session":
        get = partial(spark_session, dict(credentials.spark_config.get("conf") or {}))
        return Target(OneForAll(SparkSessionManager(get, settings.statement_timeout, runtime, logger)), runtime, None)
    tokens = token_source(credentials, runtime, logger)

    def transport(base_url: str) -> Transport:
        return Transport(
            base_url,
            http_timeout=settings.http_timeout,
            tokens=tokens,
            user_agent=f"dbt-fabricspark/{version}",
            left=runtime.left,
        )

    retrier = Retrier(
        runtime,
        Pace(runtime, credentials.request_rate),
        tokens,
        logger,
        settings.connect_retries,
        settings.connect_timeout,
    )
    fabric = None
    if credentials.lakehouse_in_fabric is not None:
        fabric = FabricApi(transport(credentials.endpoint.rstrip("/")), retrier, *credentials.lakehouse_in_fabric)

    prepared = False

    def prepare(deadline: Deadline) -> None:
        nonlocal prepared
        if fabric is not None and not prepared:
            _learn(fabric, credentials, naming, deadline)
            _make_shortcuts(fabric, credentials, deadline, logger)
        prepared = True

    def session(api: LivyApi, leases: LeaseFile | None) -> LivySessionManager:
        body = credentials.session_body()
        return LivySessionManager(api, settings, body, runtime, logger, leases, timings, prepare)

    livy = transport(credentials.base_url)
    if not credentials.has_repls:
        leases = None
        if credentials.reuse_session:
            path = Path(credentials.session_id_file).absolute()
            leases = LeaseFile(path, credentials.session_key, logger, runtime=runtime)
        return Target(OneForAll(session(LivyApi(livy, retrier), leases)), runtime, fabric)
    tag = credentials.kept_tag or f"dbt-fabricspark-{runtime.unique()}"
    api = HighConcurrencyApi(livy, retrier, tag)
    repls = OneForEach(
        lambda: session(api, None),
        api,
        keep=credentials.kept_tag is not None,
        patience=settings.session_start_timeout + HANDOVER,
        runtime=runtime,
        logger=logger,
    )
    return Target(repls, runtime, fabric)


def _learn(fabric: FabricApi, credentials: FabricSparkCredentials, naming: Naming, deadline: Deadline) -> None:
    if naming.schemas is not None:
        return
    try:
        view = fabric.lakehouse(deadline)
    except (LivyError, TransportError) as error:
        raise FailedToConnectError(
            f"whether the lakehouse has schemas, and so how its tables are named, could not be learned: {error}. "
            "The profile can say it instead: lakehouse_schemas_enabled: true or false"
        ) from error
    credentials.check_lakehouse(view)
    naming.schemas = view.schemas


def _make_shortcuts(
    fabric: FabricApi, credentials: FabricSparkCredentials, deadline: Deadline, logger: logging.Logger
) -> None:
    wanted = credentials.shortcuts()
    try:
        made = shortcuts.ensure(fabric, wanted, deadline)
    except (LivyError, TransportError) as error:
        raise FailedToConnectError(f"the shortcuts of the profile could not be made: {error}") from error
    if made:
        logger.info("shortcuts made: %s", ", ".join(made))
