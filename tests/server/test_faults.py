"""Faults as data: one fault, three spellings, and errors that say what was meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakelivy import FakeLivy, Fault, FaultError
from fakelivy.effects import EFFECTS as REGISTERED
from fakelivy.faults import OPERATIONS, PHASES
from fakelivy.grammar import EFFECTS, LIFETIMES, TRIGGERS
from fakelivy.mishaps import Data

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
NUMBERS = st.floats(0, 1e5, allow_nan=False)
COUNTS = st.integers(1, 10**6)
HEADERS = st.dictionaries(
    st.from_regex(r"[A-Za-z-]{1,8}", fullmatch=True), st.from_regex(r"[ -~]{0,8}", fullmatch=True), max_size=2
)
JSON = st.none() | st.booleans() | st.integers(-99, 99) | WORDS | st.lists(WORDS | st.integers(0, 9), max_size=2)
PIECES = st.sampled_from([*'ab_*:@~()[]{}=,"1.é ', "before", "reset", "get_session", ":before:"])
RETRY = st.sampled_from(["absent", "seconds", "http-date", "body-until", "body-until-bare"])
SHAPES = st.sampled_from(["dialect", "gateway", "html", "string", "empty", "entra"])
FIELDS = {
    "seconds": NUMBERS,
    "jitter": NUMBERS,
    "pause": NUMBERS,
    "lag": NUMBERS,
    "retry_seconds": NUMBERS,
    "rate": st.floats(0.1, 1e5),
    "p": st.floats(0, 1),
    "n": COUNTS,
    "burst": COUNTS,
    "bytes": COUNTS,
    "code": st.integers(100, 599),
    "error_code": WORDS,
    "message": WORDS,
    "body": WORDS,
    "content_type": st.just("text/html; charset=x"),
    "headers": HEADERS,
    "shape": SHAPES,
    "retry_after": RETRY,
    "path": WORDS,
    "field": WORDS,
    "value": JSON,
    "output": st.sampled_from(["keep", "null", "error"]),
    "kind": st.sampled_from(["not_json", "html_login", "missing_field", "unknown_state"]),
    "operation": st.from_regex(r"[a-z_*?]{1,12}", fullmatch=True),
    "dialect": st.sampled_from(["livy", "fabric"]),
    "session": WORDS,
    "statement": st.integers(0, 99),
    "contains": WORDS,
    "how": st.just("evicted"),
    "per": st.sampled_from(["fault", "request"]),
    "rows": COUNTS,
    "recovery": st.booleans(),
    "down": NUMBERS,
    "start": st.floats(0, 10),
    "end": st.floats(11, 20),
}

OF_EFFECT = {
    ("session_to", "state"): st.sampled_from(["dead", "gone"]),
    ("token_lifetime", "seconds"): COUNTS,
    ("reap_after", "seconds"): st.floats(0.1, 1e5),
    ("set_header", "name"): st.from_regex(r"[A-Za-z-]{1,8}", fullmatch=True),
    ("set_header", "value"): st.none() | st.from_regex(r"[ -~]{0,8}", fullmatch=True),
}
"""Values of arguments that mean something else elsewhere, or are narrower."""


def some(kinds: dict[str, type[Data]]) -> st.SearchStrategy[dict[str, object]]:
    return st.sampled_from(sorted(kinds)).flatmap(lambda kind: fields(kinds[kind]).map(lambda f: {"type": kind, **f}))


def fields(model: type[Data]) -> st.SearchStrategy[dict[str, object]]:
    given: dict[str, st.SearchStrategy[object]] = {}
    free: dict[str, st.SearchStrategy[object]] = {}
    for name, field in model.model_fields.items():
        if name == "type":
            continue
        values = OF_EFFECT.get((model.model_fields["type"].default, name)) if "type" in model.model_fields else None
        values = FIELDS.get(name, WORDS) if values is None else values
        (given if field.is_required() else free)[name] = values
    return st.fixed_dictionaries(given, optional=free)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    effect = draw(some(dict(EFFECTS)))
    phases = PHASES[EFFECTS[str(effect["type"])]][0]
    if effect["type"] == "lose_statement":
        effect["how"] = "evicted"
        phases = ("after_commit",)
    return Fault.of(
        {
            "name": draw(st.from_regex(r"[a-zA-Z0-9_.-]{0,8}", fullmatch=True)),
            "select": draw(fields(type(Fault.parse("get_session:before:reset").select))),
            "phase": draw(st.sampled_from(phases)),
            "effect": effect,
            "trigger": draw(some(dict(TRIGGERS))),
            "lifetime": draw(some(dict(LIFETIMES))),
        }
    )


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(fault=faults())
def test_a_fault_survives_both_spellings(fault: Fault) -> None:
    assert Fault.parse(str(fault)) == fault
    assert Fault.parse(json.dumps(fault.document())) == fault
    assert Fault.of(fault.document()) == fault


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(PIECES, max_size=12))
def test_whatever_is_not_a_fault_is_a_fault_error(pieces: list[str]) -> None:
    try:
        fault = Fault.parse("".join(pieces))
    except FaultError:
        return
    assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("get_session:before:rest", "no effect 'rest'; did you mean 'reset'"),
        ("get_session:befor:reset", "no phase 'befor'; did you mean 'before'"),
        ("get_session:reset", "say when: before, after_commit, body"),
        ("get_session:before:reset@frist(1)", "no trigger 'frist'; did you mean 'first'"),
        ("get_session:before:reset~fire(1)", "no lifetime 'fire'; did you mean 'fires'"),
        ("get_session[sesion=1]:before:reset", "no argument 'sesion'; did you mean 'session'"),
        ("get_session:before:delay(second=1)", "no argument 'second'; did you mean 'seconds'"),
        ("get_session:before:delay", "seconds: Field required"),
        ("get_session:before:delay(-1)", "greater than or equal to 0"),
        ("get_session:before:delay(1,2,3)", "too many arguments; there are seconds, jitter"),
        ("get_session:before:delay(1,seconds=2)", "seconds is given twice"),
        ("get_session:before:reset(1)", "too many arguments; there are none"),
        ("get_session:before:hang(1) twice", "' twice' is left over"),
        ("get_session:body:hang", "hang happens before or after_commit, not body: what is in a reply's body"),
        ("get_session:before:truncate(1)", "there is no reply yet to damage"),
        ("get_session:before:reset@window(5,5)", "a window ends after it starts"),
        ("get_session:before:session_to(daed)", "did you mean 'dead'"),
        ("submit_statement:after_commit:lose_statement", "lost before it is queued"),
        ('{"select": {"operation": "x"}, "phase": "before", "effect": {"type": "rset"}}', "did you mean 'reset'"),
        ('{"selekt": {}, "phase": "before", "effect": {"type": "reset"}}', "selekt does not exist; did you mean 'sel"),
        (
            '{"select": {"operation": "x"}, "phase": "before", "effect": {"type": "delay", "secnds": 1}}',
            "did you mean 'seconds'",
        ),
        ("{", "not a fault in JSON"),
        ("", "an operation is missing"),
    ],
)
def test_an_error_says_what_was_meant(text: str, words: str) -> None:
    with pytest.raises(FaultError) as caught:
        Fault.parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("get_sesion:before:reset", "no operation 'get_sesion'; did you mean 'get_session'"),
        ("reset_timeout[dialect=livy]:before:reset", "no operation 'reset_timeout'"),
        ("get_statement:before:slow_start(1)", "slow_start happens to acquire_hc, create_session, not to"),
        ("create_session:before:session_to(dead)", "create_session before has no session"),
        ("list_*:before:session_to(dead)", "has no session"),
    ],
)
def test_a_fault_that_could_never_fire_is_refused(server: FakeLivy, text: str, words: str) -> None:
    with pytest.raises(FaultError) as caught:
        server.arm(text)
    assert words in str(caught.value)
    assert server.armed == []


def test_the_same_fault_is_not_armed_twice(server: FakeLivy) -> None:
    with server.fault("a=get_session:before:reset"), pytest.raises(FaultError, match="a is armed already"):
        server.arm("a=get_session:before:close")
    server.arm("a=get_session:before:close")
    with pytest.raises(FaultError, match="no fault 'b' is armed; there are a"):
        server.clear("b")


def test_every_effect_has_phases_a_function_and_real_operations(server: FakeLivy) -> None:
    assert set(REGISTERED) == set(PHASES) == set(EFFECTS.values())
    for effect, operations in OPERATIONS.items():
        assert effect in PHASES
        assert operations


@pytest.mark.parametrize("word", ["null", "true", "false", "NaN", "Infinity", "1", "", "a b", "é", 'x"y'])
def test_words_that_look_like_json_stay_words(word: str) -> None:
    fault = Fault.of({"select": {"operation": "x"}, "phase": "body", "effect": set_to(word)})
    assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize("value", [None, True, 1, 1.5, [], {"a": [1]}])
def test_values_that_are_no_words_stay_what_they_are(value: object) -> None:
    fault = Fault.of({"select": {"operation": "x"}, "phase": "body", "effect": set_to(value)})
    assert Fault.parse(str(fault)) == fault


def set_to(value: object) -> dict[str, object]:
    return {"type": "set_field", "path": "a", "value": value}
