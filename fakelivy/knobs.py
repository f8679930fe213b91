"""What differs between the two dialects, and what nobody knows for sure, as settings with documented defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from fakelivy.knob_values import check


class Dialect(str, Enum):
    """Whose Livy is being spoken."""

    LIVY = "livy"
    FABRIC = "fabric"


@dataclass(frozen=True)
class DialectKnobs:
    """One dialect's settings. Times are seconds.

    Raises:
        FakeLivyError: a value is none that its knob can have.

    Attributes:
        idle_timeout: inactivity after which a session is reaped (Livy source: 1 h; Fabric docs: 20 min).
        retained_statements: statements a session remembers (Livy source); None is all. Whether Fabric forgets any is
            not known: it is built on Livy, so as many as there.
        ttl: age at which a session is reaped even while it works, unless it brought its own ``ttl``; None is never
            (Livy source: the check is off; that a session's own ``ttl`` counts all the same is assumed).
        reap_busy: whether a session that still works is reaped too (Livy source: yes, LIVY-547).
        reaped_view: what a reaped session looks like: ``gone`` is a 404 (Livy source); Fabric is unsure.
        deleted_view: what a deleted session looks like (Livy source: gone; recorded from Fabric: killed or gone).
        unique_names: names are unique and stand for the id in paths (Livy source).
        nonfinite: infinities as JSON strings (Livy, measured) or as null (recorded from Fabric).
        ntz_encoding: timestamps without time zone: Livy on JDK 17 fails the statement (``error``), on older JDKs
            sends ``{}`` (``empty``); Fabric sends ISO text (``iso``).
        stringify_wide: bigints and booleans as JSON strings; reported from Fabric by one client, denied by another.
        truncated_key: whether results say that they were cut (recorded from Fabric; Livy is silent).
    """

    idle_timeout: float
    retained_statements: int | None
    ttl: float | None
    reap_busy: bool
    reaped_view: Literal["gone", "dead", "killed"]
    deleted_view: Literal["gone", "dead", "killed"]
    unique_names: bool
    nonfinite: Literal["string", "null"]
    ntz_encoding: Literal["error", "empty", "iso"]
    stringify_wide: bool
    truncated_key: bool

    def __post_init__(self) -> None:
        check(self)


LIVY = DialectKnobs(
    idle_timeout=3600.0,
    retained_statements=100,
    ttl=None,
    reap_busy=True,
    reaped_view="gone",
    deleted_view="gone",
    unique_names=True,
    nonfinite="string",
    ntz_encoding="error",
    stringify_wide=False,
    truncated_key=False,
)

FABRIC = DialectKnobs(
    idle_timeout=1200.0,
    retained_statements=100,
    ttl=None,
    reap_busy=False,
    reaped_view="dead",
    deleted_view="killed",
    unique_names=False,
    nonfinite="null",
    ntz_encoding="iso",
    stringify_wide=False,
    truncated_key=True,
)


@dataclass(frozen=True)
class Knobs:
    """Every setting of the wire behaviour. Times are seconds.

    Raises:
        FakeLivyError: a value is none that its knob can have.

    Attributes:
        dialects: what differs between the dialects.
        max_rows: rows of a result; the rest is cut (Livy source ``livy.rsc.sql.num-rows``).
        session_retention: how long a finished session stays visible (Livy source).
        cancel_timeout: when a statement that does not stop is called cancelled anyway (Livy source).
        log_lines: lines of log a session keeps (Livy source).
        max_creating: sessions that may be starting at one time (Livy source).
        create_reply: Fabric's answer to a new session: ``id-only`` was seen live, ``full`` is the swagger, with
            ``full-null`` all but the ids is null (recorded from the sibling service).
        livyinfo_during_start: Fabric leaves ``livyInfo`` out while a session starts (seen live).
        statement_post_status: Fabric's answer to a new statement; swagger 200, docs accept 201.
        list_shape: Fabric's list of sessions: ``items`` was seen live, with ``count-only`` the same without its items
            when ``$count=true`` is asked for (seen live too), ``sessions`` is the sibling service's.
        acquire_status: Fabric's answer to a new high-concurrency session; swagger 202, clients have seen 200.
        hc_max_repls: REPLs a Livy session takes before the next one gets another session (Fabric docs).
        hc_last_repl_delete: what becomes of a Livy session when its last REPL goes: it stays until it is reaped
            (``linger``, captured live, and the harder one for clients) or ends at once (``teardown``, one report).
        hc_pack_delay: how old a Livy session must be before it takes the REPL of another acquire with the same tag;
            above 0, acquires that follow each other quickly get several sessions (seen live, no figure is known).
        hc_idempotency_header: the header by which Fabric knows an acquire that is sent again, and answers it as it did
            the first time. Microsoft's ODBC documentation speaks of such a key but not of its name; None is no header.
        no_session_code: Fabric's ``errorCode`` for a Livy session that is not there; never captured.
        unauthorized_body: what comes with Fabric's 401: an error document (``json``, Fabric REST) or nothing
            (``empty``, seen on another path); never captured on the Livy path.
        batch_start_time: how long a batch is ``starting``.
        page_size: entries of a page of Fabric's lists that come in pages.
        lakehouse_create: whether Fabric makes a lakehouse at once (201) or as a long-running operation (202); the
            specification has both. The lakehouse is there at once in either case.
        operation_duration: how long a long-running operation takes.
        job_queue_time: how long a job instance is ``NotStarted``.
        job_duration: how long it then is ``InProgress``.
        job_failure: the ``errorCode`` of the ``failureReason`` that jobs end with, such as ``MLV_NOT_FOUND`` or
            ``MLV_SPARK_JOB_CAPACITY_THROTTLING``; None lets them complete.
        csrf_protection: whether vanilla Livy wants ``X-Requested-By`` on whatever changes something; off, as in Livy
            (Livy source ``livy.server.csrf-protection.enabled``).
        impersonation: whether ``?doAs=`` replaces ``proxyUser``; off, as in Livy, where it is refused (Livy source).
    """

    dialects: Mapping[Dialect, DialectKnobs] = field(
        default_factory=lambda: {Dialect.LIVY: LIVY, Dialect.FABRIC: FABRIC}
    )
    max_rows: int = 1000
    session_retention: float = 600.0
    cancel_timeout: float = 30.0
    log_lines: int = 200
    max_creating: int = 100
    create_reply: Literal["id-only", "full-null", "full"] = "id-only"
    livyinfo_during_start: Literal["absent", "null", "present"] = "absent"
    statement_post_status: Literal[200, 201] = 200
    list_shape: Literal["items", "sessions", "count-only"] = "items"
    acquire_status: Literal[200, 202] = 202
    hc_max_repls: int = 5
    hc_last_repl_delete: Literal["linger", "teardown"] = "linger"
    hc_pack_delay: float = 0.0
    hc_idempotency_header: str | None = None
    no_session_code: str = "EntityNotFound"
    unauthorized_body: Literal["json", "empty"] = "json"
    batch_start_time: float = 1.0
    page_size: int = 100
    lakehouse_create: Literal["created", "accepted"] = "created"
    operation_duration: float = 2.0
    job_queue_time: float = 1.0
    job_duration: float = 5.0
    job_failure: str | None = None
    csrf_protection: bool = False
    impersonation: bool = False

    def __post_init__(self) -> None:
        check(self)
