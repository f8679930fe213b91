"""Real failures and the faults that reproduce them: the documentation and its test are made from these tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fakelivy.faults import PHASES, Phase
from fakelivy.grammar import EFFECTS, LIFETIMES, TRIGGERS


@dataclass(frozen=True)
class Recipe:
    """A failure that somebody met, by its number in the failure catalogue, and faults that show it to a client."""

    number: str
    symptom: str
    specs: tuple[str, ...]


_RETRYABLE = (
    '{"status":"error","execution_count":0,"ename":"Error","evalue":"column pending_timeout not found","traceback":[]}'
)

RECIPES: tuple[Recipe, ...] = (
    Recipe("F1", "a session is `starting` for ever", ("create_session:before:slow_start(1000000)",)),
    Recipe("F2", "a session dies while it starts", ("get_session:before:session_to(dead)@first(1)",)),
    Recipe(
        "F3",
        "a start ends in an unexpected state",
        (
            "get_session:before:session_to(error)@first(1)",
            "get_session:before:session_to(killed)@first(1)",
            "get_session:before:session_to(shutting_down)@first(1)",
            "get_session:body:stick_state(success)",
        ),
    ),
    Recipe("F4", "capacity is refused in a 200, later", ("get_session[dialect=fabric]:body:capacity_async",)),
    Recipe(
        "F5",
        "`livyInfo` is null or missing",
        (
            "get_session[dialect=fabric]:body:garbage(null_field,field=livyInfo)",
            "get_session[dialect=fabric]:body:garbage(missing_field,field=livyInfo)",
        ),
    ),
    Recipe("F6", "the reply to a new session has no `state`", ("create_session:body:garbage(missing_field)",)),
    Recipe("F7", "404 for new sessions, then all is well", ("create_session:before:status(404)@first(2)",)),
    Recipe(
        "F8",
        "404 right after it was made",
        ("get_session:before:not_found_window(5)", "get_statement:before:not_found_window(5)"),
    ),
    Recipe("F9", "a session has vanished", ("get_session:before:session_to(gone)@first(1)",)),
    Recipe("F10", "a session dies under a statement", ("get_statement:before:session_to(dead)@first(1)",)),
    Recipe(
        "F11",
        "the driver is gone: 500 with a JSON string",
        ('get_statement:before:status(500,message="RPC channel is closed.",shape=string)',),
    ),
    Recipe("F12", "submitted before the session is ready", ("create_session:before:slow_start(60)",)),
    Recipe(
        "F13",
        "carried out, but the reply is lost",
        (
            "submit_statement:after_commit:reset@first(1)",
            "submit_statement:after_commit:hang@first(1)",
            "submit_statement:after_commit:status(504,shape=html)@first(1)",
            "create_session:after_commit:close@first(1)",
            "acquire_hc:after_commit:reset@first(1)",
            "submit_repl_statement:after_commit:reset@first(1)",
        ),
    ),
    Recipe(
        "F14",
        "a gateway answers with a page",
        tuple(f"get_statement:before:status({code},shape=html)@first(1)" for code in (502, 503, 504)),
    ),
    Recipe(
        "F15",
        "200, but a page, half a body or none",
        (
            "get_statement:body:garbage(html_login)",
            "get_statement:body:garbage(not_json)",
            "get_statement:body:garbage(empty)",
            "get_statement:body:truncate(20)",
        ),
    ),
    Recipe(
        "F16", "415 with a page while a gateway wakes up", ("submit_statement:before:status(415,shape=html)@first(2)",)
    ),
    Recipe("F17", "408 for a new session", ("create_session:before:status(408)@first(1)",)),
    Recipe(
        "F18",
        "429 with every kind of Retry-After",
        (
            "get_statement:before:status(429,retry_after=seconds)@first(1)",
            "get_statement:before:status(429,retry_after=http-date)@first(1)",
            "get_statement:before:status(429,retry_after=body-until)@first(1)",
            "get_statement:before:status(429,retry_after=body-until-bare)@first(1)",
            "get_statement:before:status(429,retry_after=http-date,retry_seconds=-60)@first(1)",
            "get_statement:before:status(429)@first(1)",
        ),
    ),
    Recipe("F19", "429 for who is too fast, per token", ("*:before:throttle(200,burst=5)",)),
    Recipe("F20", "430: no capacity", ("create_session[dialect=fabric]:before:capacity@first(1)",)),
    Recipe(
        "F21",
        "a token expires while a statement runs, in each shape",
        (
            "get_statement[dialect=fabric]:before:expire_token@nth(2)",
            "get_statement[dialect=fabric]:before:expire_token(shape=empty)@nth(2)",
            "get_statement[dialect=fabric]:before:expire_token(shape=gateway)@nth(2)",
            "get_statement[dialect=fabric]:before:status(403,error_code=TokenExpired,shape=gateway)@nth(2)",
        ),
    ),
    Recipe(
        "F22",
        "a new token is refused for some seconds, or ends early",
        (
            "*[dialect=fabric]:before:reject_token~lasts(5)",
            "*[dialect=fabric]:before:clock_skew(-5)",
            "*[dialect=fabric]:before:clock_skew(3600)",
            "list_sessions[dialect=fabric]:before:revoke_tokens@nth(2)",
            "imds_token:before:token_lifetime(2)",
        ),
    ),
    Recipe(
        "F23",
        "a token endpoint fails, refuses or is slow",
        (
            "entra_token:before:status(503,error_code=temporarily_unavailable,shape=entra)@first(1)",
            "entra_token:before:status(429,error_code=throttled,shape=entra,retry_after=seconds,retry_seconds=2)@first(1)",
            "openid_configuration:before:status(500,shape=html)@first(1)",
            "entra_token:before:delay(30)",
            "imds_token:before:status(410,shape=empty)@first(1)",
            "imds_token:before:status(404,shape=entra)@first(1)",
        ),
    ),
    Recipe(
        "F24",
        "a statement never begins, or never ends",
        (
            'get_statement:body:stick_state(waiting,output="null")',
            'get_statement:body:stick_state(running,output="null")',
        ),
    ),
    Recipe("F25", "looking at a statement hangs", ("get_statement:before:hang@first(1)",)),
    Recipe(
        "F26",
        "a statement is not there any more",
        ("submit_statement:after_commit:lose_statement(how=evicted)", "submit_statement:before:lose_statement"),
    ),
    Recipe("F27", "state `Error` with a capital", ("get_statement:body:stick_state(Error,output=error)",)),
    Recipe(
        "F28",
        "cancelled, or failed, with no output",
        (
            'get_statement:body:stick_state(cancelled,output="null")',
            'get_statement:body:stick_state(error,output="null")',
        ),
    ),
    Recipe("F29", "a reply has no `state`", ("get_statement:body:garbage(missing_field)@first(1)",)),
    Recipe("F30", "available, but no output for some looks", ("get_statement:body:garbage(null_output)@first(2)",)),
    Recipe("F31", "an error that sounds retryable and is not", (f"get_statement:body:set_field(output,{_RETRYABLE})",)),
    Recipe("F32", "text and no JSON in a result", ('get_statement:body:set_field(output.data,{"text/plain": "1"})',)),
    Recipe("F33", "a result ends early, and Livy does not say so", ("submit_statement:before:cut_rows(10)",)),
    Recipe("F34", "a session is reaped while it works", ("create_session:before:reap_after(60)",)),
    Recipe(
        "F35",
        "`idle`, but every submit is a 500",
        ('submit_statement:before:status(500,message="java.lang.IllegalStateException: closed",shape=string)',),
    ),
    Recipe(
        "F36",
        "deleting is slow or fails, and the session stays",
        (
            "delete_session:before:delay(30)",
            "delete_session:before:status(404)@first(1)",
            "delete_session:before:status(500)@first(1)",
        ),
    ),
    Recipe(
        "F37",
        "a high-concurrency session shows too little, moves, fails without a reason, or cannot be had",
        (
            "get_hc:body:set_field(replId,null)",
            'get_hc:body:set_field(sessionId,"00000000-0000-0000-0000-000000000000")',
            "get_hc:body:stick_state(Failed)",
            "acquire_hc:before:status(500)@nth(2)",
        ),
    ),
    Recipe("F38", "the same tag, but a session of its own", ("acquire_hc:before:alone",)),
    Recipe(
        "F39",
        "the Livy session is gone under a REPL",
        (
            "get_repl_statement:before:session_to(gone)@first(1)",
            "submit_repl_statement:before:session_to(killed)@first(1)",
        ),
    ),
    Recipe(
        "F40",
        "the server restarts; without recovery, ids are given out again",
        (
            "get_session[dialect=livy]:before:restart@first(1)",
            "get_session[dialect=livy]:before:restart(recovery=true,down=30)@first(1)",
        ),
    ),
    Recipe("F41", "500 for the list of sessions", ("list_sessions:before:status(500)",)),
    Recipe("F42", "a lakehouse cannot be read five times", ("get_lakehouse:before:status(503)@first(5)",)),
    Recipe("F43", "a new table is not in the list yet", ("list_tables:body:stale_read(30)",)),
    Recipe(
        "F44",
        "a job cannot be followed, is a duplicate, fails for good, or is not there at first",
        (
            "start_job:body:set_header(Location)",
            'start_job:body:set_header("Retry-After")',
            "get_job:body:set_field(status,Deduped)",
            "get_job:body:set_field(status,Failed)",
            'get_job:body:set_field(failureReason,{"errorCode": "MLV_NOT_FOUND", "isRetriable": false})',
            "get_job:before:not_found_window(5)",
        ),
    ),
    Recipe("F45", "a client that resends has its statement run twice", ("submit_statement:after_commit:reset@nth(1)",)),
    Recipe(
        "F46",
        "resets and slow drips",
        ("get_statement:before:reset@first(1)", "get_statement:body:dribble(1,pause=0.5)"),
    ),
    Recipe(
        "F47",
        "times that cannot be",
        (
            "get_statement[dialect=livy]:body:set_field(started,4102444800000)",
            "get_statement[dialect=livy]:body:set_field(completed,0)",
        ),
    ),
    Recipe(
        "F48",
        "fields and states of a future version",
        ("get_statement:body:garbage(unknown_fields)", "get_statement:body:garbage(unknown_state)"),
    ),
)


def recipes_table() -> str:
    """Failures and the faults that reproduce them, for the documentation."""
    rows = ["| failure | what a client sees | fault |", "|---|---|---|"]
    for recipe in RECIPES:
        specs = "<br>".join(f"`{spec}`" for spec in recipe.specs)
        rows.append(f"| {recipe.number} | {recipe.symptom} | {specs} |")
    return "\n".join(rows)


def effects_table() -> str:
    """Every effect, its arguments, when it can happen and what it does, for the documentation."""
    rows = ["| effect | when | what happens |", "|---|---|---|"]
    for kind, model in EFFECTS.items():
        rows.append(f"| {_signature(kind)} | {_when(PHASES[model][0])} | {_text(model)} |")
    return "\n".join(rows)


def choices_table() -> str:
    """Every trigger and lifetime, for the documentation."""
    rows = ["| after `@` | which requests |", "|---|---|"]
    rows.extend(f"| {_signature(kind)} | {_text(model)} |" for kind, model in TRIGGERS.items())
    rows.extend(["", "| after `~` | how long |", "|---|---|"])
    rows.extend(f"| {_signature(kind)} | {_text(model)} |" for kind, model in LIFETIMES.items())
    return "\n".join(rows)


def _signature(kind: str) -> str:
    arguments = ", ".join(_parameters(kind))
    return f"`{kind}({arguments})`" if arguments else f"`{kind}`"


def _parameters(kind: str) -> Iterator[str]:
    model = {**EFFECTS, **TRIGGERS, **LIFETIMES}[kind]
    for name, field in model.model_fields.items():
        if name != "type":
            yield name if field.is_required() else f"{name}={field.get_default()}"


def _when(phases: tuple[Phase, ...]) -> str:
    return ", ".join(f"`{phase}`" for phase in phases)


def _text(model: type[object]) -> str:
    return " ".join((model.__doc__ or "").split()).replace("``", "`").replace("|", "\\|")
