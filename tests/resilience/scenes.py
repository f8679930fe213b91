"""Every error a user can meet: how to provoke it for real, its cause, and what to do about it."""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from dbt.adapters.fabricspark.client import connect
from dbt.adapters.fabricspark.credentials import FabricSparkCredentials
from dbt.adapters.fabricspark.cursor import LivyCursor
from dbt.adapters.fabricspark.fabric import FabricApi, LakehouseView
from dbt.adapters.fabricspark.identity import token_source
from dbt.adapters.fabricspark.lease import LeaseFile
from dbt.adapters.fabricspark.literals import bind, literal
from dbt.adapters.fabricspark.metadata import Details, bare_name, expect_columns
from dbt.adapters.fabricspark.partitions import condition
from dbt.adapters.fabricspark.resilience.halt import Halted
from dbt.adapters.fabricspark.shortcuts import read
from dbt.adapters.fabricspark.sparksession import spark_session
from dbt_common.exceptions import DbtRuntimeError
from filelock import Timeout

from fakelivy.engine.port import Failure, Table
from fakelivy.engine.scripted import NEVER, Rule
from tests.resilience.world import World, world

LOG = logging.getLogger("tests.gallery")
LOG.addHandler(logging.NullHandler())
LOG.propagate = False

GUID = "01234567-89ab-cdef-0123-456789abcdef"
FABRIC: Mapping[str, Any] = {"lakehouse": "shop", "workspaceid": GUID, "lakehouseid": GUID, "authentication": "CLI"}
LOCAL: Mapping[str, Any] = {"livy_mode": "local", "livy_url": "http://localhost:8998"}

WRITE = "insert into sales values (1)"
ANSWER = Table(
    {"type": "struct", "fields": [{"name": "n", "type": "long", "nullable": True, "metadata": {}}]}, [(1,), (2,)]
)


@dataclass(frozen=True)
class Scene:
    """One error.

    Attributes:
        title: what a user would look for.
        provoke: raises it.
        cause: what has happened.
        remedy: what the user can do.
    """

    title: str
    provoke: Callable[[], object]
    cause: str
    remedy: str


def in_this_process(trouble: str | None) -> None:
    """`method: session` where Spark does not start, or is not there at all."""
    spark = mock.Mock()
    spark.SparkSession.builder.getOrCreate.side_effect = RuntimeError(trouble)
    with mock.patch.dict(sys.modules, {"pyspark.sql": spark if trouble else None}):
        spark_session({})


def no_such_lakehouse() -> None:
    """A lakehouse is looked up in a workspace that has none."""
    retrier = mock.Mock(call=lambda _operation, attempt, _deadline: attempt())
    fabric = FabricApi(mock.Mock(), retrier, GUID, GUID)
    with mock.patch.object(fabric, "_json", return_value={"value": []}):
        fabric.elsewhere("", "gold", mock.Mock())


def a_profile(given: Mapping[str, Any], **more: Any) -> FabricSparkCredentials:
    data = {**given, **more}
    FabricSparkCredentials.validate(data)
    return FabricSparkCredentials.from_dict(data)


def signs_in(**more: Any) -> object:
    credentials = a_profile(FABRIC, **more)
    return token_source(credentials, None, LOG)  # type: ignore[arg-type]  # nothing is asked of the clock


def runs(
    *faults: str,
    sql: Sequence[str] = (WRITE,),
    dialect: str = "livy",
    rules: Sequence[Rule] = (),
    settings: Mapping[str, float] | None = None,
    token: str = "fakelivy",
    during: Callable[[World], None] | None = None,
) -> None:
    """Run statements in a world of their own, and raise the error of the last one."""
    with world(*faults, dialect=dialect, rules=rules, settings=settings) as here:
        here.client = here.another(token=token, logger=LOG)
        here.run(sql, during=None if during is None else lambda: during(here))
        result = here.results[sql[-1]]
        if isinstance(result, Exception):
            raise result


def fetches(
    *faults: str,
    rules: Sequence[Rule] = (),
    sql: str = "select n from numbers",
    dialect: str = "fabric",
    settings: Mapping[str, float] | None = None,
) -> None:
    """Run one query and fetch its rows, as dbt does."""
    failed: list[Exception] = []
    with world(*faults, dialect=dialect, rules=rules, settings=settings) as here:

        def main() -> None:
            cursor = LivyCursor(here.client.manager)
            try:
                cursor.execute(sql)
                cursor.fetchall()
                assert cursor.description
            except Exception as error:  # noqa: BLE001  # an error is the result here
                failed.append(error)
            here.client.close()

        here.scheduler.run(main)
    if failed:
        raise failed[0]


@contextlib.contextmanager
def a_file(content: str) -> Iterator[LeaseFile]:
    """A ``session_id_file`` in a folder of its own, which is left out of messages."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "livy-session-id.txt")
        path.write_text(content, encoding="utf-8")
        try:
            yield LeaseFile(path, "key", LOG)
        except DbtRuntimeError as error:
            raise DbtRuntimeError(error.msg.replace(str(path), path.name)) from error


def claims(content: str) -> None:
    with a_file(content) as file:
        file.claim()


def claims_what_is_locked() -> None:
    # Without the ten seconds in which the other process may let go.
    with a_file("") as file, mock.patch(f"{LeaseFile.__module__}.FileLock", side_effect=Timeout("it")):
        file.claim()


def nowhere() -> None:
    """Nothing listens on port 1; this one is a real socket."""
    client = connect("http://127.0.0.1:1", settings={"connect_retries": 0}, logger=LOG)
    try:
        client.execute("select 1")
    finally:
        client.close()


def stopped() -> None:
    raise Halted


def cancel_soon(here: World) -> None:
    here.runtime.sleep(20)
    here.client.cancel()


SLOW = (Rule("insert", duration=NEVER),)
REFUSED = Failure("[TABLE_OR_VIEW_NOT_FOUND] The table or view `sale` cannot be found. SQLSTATE: 42P01", name="Error")

THE_PROFILE = [
    Scene(
        "A field that does not exist",
        lambda: a_profile(LOCAL, statement_time_out=60),
        "The profile has a field that this adapter does not know.",
        "Spell it as in [the list of fields](profile.md).",
    ),
    Scene(
        "A value of the wrong type",
        lambda: a_profile(LOCAL, connect_retries="many"),
        "The field takes another kind of value.",
        "See [the list of fields](profile.md); numbers from `env_var` need `| int`.",
    ),
    Scene(
        "A field of another adapter's profile",
        lambda: a_profile(FABRIC, identifier_prefix="dev_"),
        "The field asks for something that this adapter does not do, and that must not be ignored.",
        "Take it out, and do what the message says.",
    ),
    Scene(
        "Shortcuts that are nowhere",
        lambda: a_profile(FABRIC, create_shortcuts=True).shortcuts(),
        "The profile wants shortcuts made, and neither it nor a file says which.",
        "Set `shortcuts_json_str`, or write the file; see [Shortcuts](dbt.md#shortcuts).",
    ),
    Scene(
        "Shortcuts that make no sense",
        lambda: read([{"path": "Tables/dbo", "shortcut_name": "orders", "source_item_id": GUID}]),
        "An entry of the list of shortcuts lacks something.",
        "Complete it; see [Shortcuts](dbt.md#shortcuts).",
    ),
    Scene(
        "Fields are missing",
        lambda: a_profile({"lakehouse": "shop"}),
        "Fabric needs the ids of workspace and lakehouse.",
        "Both are in the address of the lakehouse's page: `/groups/<workspaceid>/lakehouses/<lakehouseid>`.",
    ),
    Scene(
        "A name where an id belongs",
        lambda: a_profile(FABRIC, workspaceid="sales"),
        "Workspace and lakehouse are given by id, not by name.",
        "Copy the ids from the address of the lakehouse's page.",
    ),
    Scene(
        "An id of an environment that is none",
        lambda: a_profile(FABRIC, environmentId="production"),
        "As above, for `environmentId`.",
        "Copy the id from the address of the environment's page.",
    ),
    Scene(
        "A database",
        lambda: a_profile(FABRIC, database="sales"),
        "`database` is made from the lakehouse and its workspace.",
        "Remove it.",
    ),
    Scene(
        "A workspace's name where there is none",
        lambda: a_profile(LOCAL, workspace_name="Sales"),
        "Only Fabric has workspaces.",
        "Remove it.",
    ),
    Scene(
        "A method that does not exist",
        lambda: a_profile(LOCAL, method="odbc"),
        "This adapter speaks to Livy, or to the Spark of its own process.",
        "Remove `method`, or set it to `livy` or `session`.",
    ),
    Scene(
        "Shortcuts without Livy",
        lambda: a_profile({"method": "session"}, create_shortcuts=True),
        "Shortcuts are made by Fabric's REST API, which `method: session` does not sign in to.",
        "Remove `create_shortcuts`, or use `method: livy`.",
    ),
    Scene(
        "`method: session` without PySpark",
        lambda: in_this_process(None),
        "The environment that dbt runs in has no package `pyspark`.",
        "Run dbt in a notebook or a Spark job, or install PySpark as the message says.",
    ),
    Scene(
        "Spark does not start in this process",
        lambda: in_this_process("Java gateway process exited before sending its port number"),
        "Spark's own words follow: mostly there is no Java, or a setting in `spark_config.conf` is wrong.",
        "Correct that; outside of Fabric, Spark needs Java 17.",
    ),
    Scene(
        "A lakehouse that Fabric does not list",
        no_such_lakehouse,
        "A model's `database`, or its `workspace_name`, names what is not there, or not for this identity.",
        "Correct the name, or give the identity a role in that workspace.",
    ),
    Scene(
        "A mode that does not exist",
        lambda: a_profile({"livy_mode": "cloud"}),
        "`livy_mode` is misspelt.",
        "Use `fabric`, or `local` for Apache Livy and fakelivy.",
    ),
    Scene(
        "An address that is none",
        lambda: a_profile(LOCAL, livy_url="localhost:8998"),
        "The scheme is missing, or the address is damaged.",
        "Write it in full.",
    ),
    Scene(
        "An address with more than an address",
        lambda: a_profile(LOCAL, livy_url="http://user:word@livy:8998"),
        "User names, passwords and queries in an address end in logs.",
        "Take them out. Apache Livy behind a password is not supported.",
    ),
    Scene(
        "A token in the clear",
        lambda: a_profile(FABRIC, endpoint="http://api.fabric.microsoft.com/v1"),
        "Everyone on the way could read the token.",
        "Use https. Only this machine itself may be reached without.",
    ),
    Scene(
        "A secret in the clear",
        lambda: a_profile(FABRIC, authority="http://localhost:8080"),
        "As above, for the address that gives tokens.",
        "Use https; `fakelivy serve --tls` has it.",
    ),
    Scene(
        "A time-out of nothing",
        lambda: a_profile(LOCAL, statement_timeout=0),
        "No time-out can be 0, and none can be infinite.",
        "Give a number of seconds.",
    ),
    Scene(
        "A negative number of retries",
        lambda: a_profile(LOCAL, connect_retries=-1),
        "A number is below 0.",
        "Give 0 or more; 3 is recommended.",
    ),
    Scene(
        "A negative rate",
        lambda: a_profile(LOCAL, requests_per_minute=-1),
        "A rate is below 0.",
        "0 is no limit; leave it out for the default.",
    ),
    Scene(
        "Spark settings that are no mapping",
        lambda: a_profile(LOCAL, spark_config={"conf": ["spark.executor.cores=4"]}),
        "`spark_config.conf` is a list or a text.",
        "Write `spark.executor.cores: 4` on a line of its own below `conf:`.",
    ),
    Scene(
        "A limit of rows that is no number",
        lambda: a_profile(LOCAL, spark_config={"conf": {"livy.rsc.sql.num-rows": "all"}}),
        "The longest result is given as a number.",
        "Leave it out: a million is the default.",
    ),
]

SIGNING_IN = [
    Scene(
        "A way to sign in that does not exist",
        lambda: signs_in(authentication="SNP"),
        "`authentication` is misspelt.",
        "See [the list](profile.md).",
    ),
    Scene(
        "Something is missing to sign in",
        lambda: signs_in(authentication="SPN", tenant_id=GUID),
        "That way to sign in needs more fields.",
        "Add them; keep secrets in environment variables: `{{ env_var('DBT_CLIENT_SECRET') }}`.",
    ),
    Scene(
        "Two ways at once",
        lambda: signs_in(
            authentication="SPN", tenant_id=GUID, client_id=GUID, client_secret="…", client_certificate_path="key.pem"
        ),
        "A service principal signs in with a secret or with a certificate.",
        "Remove one of them.",
    ),
    Scene(
        "A class that is no path",
        lambda: signs_in(authentication="token_credential", credential_class="MyCredential"),
        "The class is given with its module.",
        "Write `package.module.Class`.",
    ),
    Scene(
        "A class for another way to sign in",
        lambda: signs_in(credential_class="my.own.Credential"),
        "The class would not be used.",
        "Set `authentication: token_credential`, or remove the class.",
    ),
    Scene(
        "A class that cannot be imported",
        lambda: signs_in(authentication="token_credential", credential_class="no_such_module.Credential"),
        "Its module is not installed beside dbt, or is not on Python's path.",
        "Install it into dbt's environment, or set `PYTHONPATH`.",
    ),
    Scene(
        "A class that gives no tokens",
        lambda: signs_in(authentication="token_credential", credential_class="pathlib.Path"),
        "The class has no method `get_token`.",
        "Give it one: `get_token(*scopes, **kwargs)` with `token` and `expires_on`, as in azure-identity.",
    ),
    Scene(
        "Outside of a notebook",
        lambda: signs_in(authentication="fabric_notebook"),
        "This way to sign in is Fabric's own, inside its notebooks.",
        "Use another one outside: `CLI` on your machine, `SPN` in a pipeline.",
    ),
    Scene(
        "A token that cannot be one",
        lambda: signs_in(authentication="token", accessToken="Bearer eyJ0…"),
        "The token is empty, or something came with it: `Bearer `, a line break, quotes.",
        "Give the bare token.",
    ),
    Scene(
        "The server refuses the token",
        lambda: runs(dialect="fabric", token="of-yesterday"),
        "The token is expired, of another tenant, or for another service. A new one was asked for before this was "
        "said.",
        "`az login` again, or check the service principal, and that Fabric lets service principals use its API.",
    ),
]

THE_SESSION = [
    Scene(
        "The server cannot be reached",
        nowhere,
        "Nothing listens there: the server is down, the port is wrong, or a firewall is in between.",
        "Check `livy_url` or `endpoint`, and that `curl` reaches it from this machine. `connect_retries: 3` waits for "
        "servers that are slow to start.",
    ),
    Scene(
        "It is not a Livy server",
        lambda: runs("create_session:body:garbage(html_login)", "list_sessions:body:garbage(html_login)"),
        "Something answers, and it is not Livy: a login page, a proxy, another service.",
        "Open the address in a browser.",
    ),
    Scene(
        "The lakehouse is not there",
        lambda: runs(
            'create_session:before:status(404,error_code=EntityNotFound,message="The requested resource is not found")',
            dialect="fabric",
        ),
        "There is no such lakehouse, or it is so new that its Livy is not there yet. That is waited for 30 s.",
        "Check the ids. Run again in a minute if the lakehouse was just made.",
    ),
    Scene(
        "The lakehouse has another name",
        lambda: a_profile(FABRIC).check_lakehouse(LakehouseView("finance", schemas=True)),
        "`lakehouseid` is of one lakehouse, `lakehouse` is the name of another: tables would be looked for in the "
        "wrong place.",
        "Correct one of them.",
    ),
    Scene(
        "The lakehouse has no schemas",
        lambda: a_profile(FABRIC, schema="finance").check_lakehouse(LakehouseView("shop", schemas=False)),
        "Its tables are all in one place, which has the lakehouse's name.",
        "Do what the message says; or use a lakehouse with schemas.",
    ),
    Scene(
        "No permission",
        lambda: runs(
            'create_session:before:status(403,error_code=Forbidden,message="The caller is not authorized")',
            dialect="fabric",
        ),
        "This identity may not start sessions there.",
        "Give it the role Contributor in the workspace.",
    ),
    Scene(
        "No capacity",
        lambda: runs("create_session:before:capacity", dialect="fabric", settings={"session_start_timeout": 120}),
        "The capacity takes no more Spark jobs. That is waited for until `session_start_timeout`.",
        "Stop sessions nobody uses, raise `session_start_timeout`, or use a bigger capacity.",
    ),
    Scene(
        "It takes too long to start",
        lambda: runs("create_session:before:slow_start(5000)"),
        "The cluster is still not there after `session_start_timeout`. The session was deleted.",
        "Raise it; a custom pool or environment takes minutes. `reuse_session: true` waits once.",
    ),
    Scene(
        "It ends instead of starting",
        lambda: runs("get_session:before:session_to(dead)@first(1)"),
        "Spark did not come up: a setting it refuses, no room in the cluster, a library that cannot be loaded.",
        "The server's last lines say why, if it has any. Look at the session in Fabric's Monitoring hub, or in Livy's "
        "log.",
    ),
    Scene(
        "It vanishes while it starts",
        lambda: runs("create_session:before:slow_start(5000)", "get_session:before:session_to(gone)@nth(20)"),
        "Somebody deleted it, or the server forgot it.",
        "Run again.",
    ),
    Scene(
        "It cannot be looked at",
        lambda: runs('get_session:before:status(403,error_code=Forbidden,message="The caller is not authorized")'),
        "The server made a session and does not show it.",
        "Check the role in the workspace, and what is between here and the server.",
    ),
    Scene(
        "The server was restarted while it started",
        lambda: runs("get_session:body:set_field(name,other)"),
        "Under its id is somebody else's session now: ids of Apache Livy begin again at 0. That one was left alone.",
        "Run again.",
    ),
    Scene(
        "Nobody knows whether there is one",
        lambda: runs(
            "create_session:after_commit:reset", "list_sessions:before:status(403)", "delete_session:before:reset"
        ),
        "The reply was lost each time, and the list of sessions is not open to this identity. A session that was made "
        "all the same is without work, and ends by itself.",
        "Find out what breaks the connection; look for sessions of that name.",
    ),
]

STATEMENTS = [
    Scene(
        "The SQL is wrong",
        lambda: runs(sql=["select * from sale"], rules=(Rule("select", REFUSED),)),
        "Spark says what.",
        "Compiled SQL is in `target/run`.",
    ),
    Scene(
        "It takes longer than it may",
        lambda: runs(rules=SLOW, settings={"statement_timeout": 60}),
        "It was still running at `statement_timeout`, and has been cancelled.",
        "Raise it, or make the statement faster.",
    ),
    Scene(
        "Nobody knows whether it ran",
        lambda: runs("submit_statement:after_commit:hang@first(1)", "list_statements:before:status(403)"),
        "The reply to a statement that writes was lost, and the server does not tell whether it has it. It was not "
        "sent again: twice could double rows.",
        "Look at the table, then run the model again.",
    ),
    Scene(
        "The session died under it",
        lambda: runs("get_statement:before:session_to(dead)@nth(3)", rules=(Rule("insert", duration=60),)),
        "The session ended while the statement ran: out of memory, or somebody ended it. A write may be done in part; "
        "statements that only read are run again on a new session.",
        "Look at the table, then run the model again. If Spark ran out of memory, give it more in `spark_config`.",
    ),
    Scene(
        "Sessions die again and again",
        lambda: runs("get_statement:before:session_to(dead)", sql=["select 1"], rules=(Rule("select", duration=60),)),
        "The statement only reads, so it was run again on new sessions, `connect_retries` times; each of them died.",
        "The statement itself probably kills them: see the session's log for memory.",
    ),
    Scene(
        "The new session does not take the settings of the old one",
        lambda: runs(
            "get_statement:before:session_to(dead)@nth(2)",
            "submit_statement:before:status(400)@nth(3)",
            sql=["set spark.sql.ansi.enabled = true", "select 1"],
            rules=(Rule("select", duration=60),),
        ),
        "A session died, another one took its place, and a `set` or `use` that this run had sent was refused there. "
        "Nothing is run without it.",
        "Run again; see what the server says about the statement.",
    ),
    Scene(
        "The server was restarted under it",
        lambda: runs("get_statement:body:set_field(code,other)@nth(3)", rules=(Rule("insert", duration=60),)),
        "Under its number is another statement now.",
        "Look at the table, then run the model again.",
    ),
    Scene(
        "Somebody cancelled it",
        lambda: runs(rules=SLOW, during=cancel_soon),
        "Here, or on the server: Ctrl-C, another thread that failed with `--fail-fast`, Fabric's Monitoring hub.",
        "Run again.",
    ),
    Scene(
        "It was stopped",
        stopped,
        "Ctrl-C or SIGTERM ended the run. What ran was cancelled.",
        "Run again.",
    ),
    Scene(
        "The server refuses it",
        lambda: runs('submit_statement:before:status(400,message="requirement failed: code is too long")'),
        "It was refused, so it did not run.",
        "The server says why.",
    ),
    Scene(
        "The server has trouble of its own",
        lambda: runs("get_statement:before:status(500)", settings={"statement_timeout": 60}),
        "It could not be looked at any more until its time was up.",
        "Find out what the server's trouble is, then look at the table: the statement may have run.",
    ),
    Scene(
        "The connection breaks",
        lambda: runs("submit_statement:before:reset"),
        "It was sent three times, and each time the connection broke before it was there.",
        "Find out what breaks it: a proxy, a firewall, the server.",
    ),
    Scene(
        "No answer in time",
        lambda: runs("submit_statement:before:hang", sql=["select 1"]),
        "The server takes connections and says nothing.",
        "Is it overloaded? `http_timeout` is how long one request may take.",
    ),
    Scene(
        "Something that is not Livy answers",
        lambda: runs("submit_statement:body:garbage(html_login)", "list_statements:body:garbage(html_login)"),
        "A login page or a proxy between here and the server.",
        "Look at what is in between.",
    ),
]

RESULTS = [
    Scene(
        "A part of the rows",
        lambda: fetches("submit_statement:before:cut_rows(1)", rules=(Rule("select", ANSWER),)),
        "Fabric leaves out rows beyond its limit, which is Fabric's own.",
        "Ask for fewer rows, or for an aggregate.",
    ),
    Scene(
        "As many rows as Apache Livy returns at most",
        lambda: fetches(rules=(Rule("select", ANSWER),), dialect="livy", settings={"row_limit": 2}),
        "Apache Livy leaves out rows beyond its limit without a word: a result of exactly that length may be a part.",
        "Ask for fewer rows, or have sessions return more with `livy.rsc.sql.num-rows` in `spark_config.conf`.",
    ),
    Scene(
        "No table",
        lambda: fetches('get_statement:body:set_field(output.data,{"text/plain":"done"})'),
        "The statement is no query.",
        "Only queries have rows: check the macro that asked for them.",
    ),
    Scene(
        "A catalogue that makes no sense",
        lambda: expect_columns("show databases", ["result"], ["namespace", "catalog"]),
        "The answer to a metadata statement is not one. It is an error and not an empty list: dbt would build "
        "incremental tables anew.",
        "Run again; if it stays, report the server's version.",
    ),
    Scene(
        "A relation of no kind",
        lambda: Details.read("shop.sales", "Owner: somebody"),
        "As above.",
        "Run again; if it stays, report the server's version.",
    ),
    Scene(
        "A schema without a name",
        lambda: bare_name(""),
        "As above.",
        "Run again; if it stays, report the server's version.",
    ),
    Scene(
        "A partition column that is none",
        lambda: condition(["day"], {"id": "int", "month": "string"}, []),
        "`partition_by` of an `insert_overwrite` model names a column that its table does not have.",
        "Correct it, or run with `--full-refresh` if the table is to be partitioned anew.",
    ),
    Scene(
        "A value that has no literal",
        lambda: literal(object()),
        "A macro gave Spark a value of a type that SQL does not have.",
        "Turn it into a number, a text or a date.",
    ),
    Scene(
        "Values and placeholders",
        lambda: bind("insert into sales values (%s, %s)", [1]),
        "A macro gave more or fewer values than its SQL has `%s`.",
        "Give one each.",
    ),
]

KEPT_SESSIONS = [
    Scene(
        "The file is something else",
        lambda: claims("notes: buy milk"),
        "`session_id_file` names a file that is not one of this adapter, which is left as it is.",
        "Name another one.",
    ),
    Scene(
        "The file is locked",
        claims_what_is_locked,
        "Another process keeps it: one that was stopped in the middle, or a file system without locks.",
        "End that process. On a network drive, name a file on a local one.",
    ),
]

GALLERY: Mapping[str, Sequence[Scene]] = {
    "The profile": THE_PROFILE,
    "Signing in": SIGNING_IN,
    "The session": THE_SESSION,
    "Statements": STATEMENTS,
    "Results and metadata": RESULTS,
    "Sessions that are kept": KEPT_SESSIONS,
}
