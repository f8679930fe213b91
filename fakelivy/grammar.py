"""The compact spelling of faults: ``[name=]operation[keys]:phase:effect(args)@trigger(args)~lifetime(args)``.

Arguments are given in order or by name; a value is a bare word or JSON. For example
``submit_statement:after_commit:reset@first(1)``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from fakelivy.faults import Always, Fault, FaultError, Forever, Lifetime, Phase, Select, Trigger
from fakelivy.mishaps import Data, Effect
from fakelivy.usage import meant


def _kinds(union: Any) -> Mapping[str, type[Data]]:
    return {model.model_fields["type"].default: model for model in get_args(get_args(union)[0])}


EFFECTS = _kinds(Effect)
TRIGGERS = _kinds(Trigger)
LIFETIMES = _kinds(Lifetime)

_NAME = re.compile(r"([\w.-]+)=")
_OPERATION = re.compile(r"[\w*?]+")
_WORD = re.compile(r"[A-Za-z_]\w*")
_BARE = re.compile(r"[A-Za-z_][\w.-]*")
_SPACE = re.compile(r"\s*")
_JSON_WORDS = {"true": True, "false": False, "null": None}


def parse(text: str) -> Fault:
    """The fault a compact string or a JSON document describes.

    Raises:
        FaultError: it is neither; the message says what was meant.
    """
    if text.lstrip().startswith("{"):
        try:
            return Fault.of(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise FaultError(f"not a fault in JSON: {error}") from None
    try:
        return _Reader(text).fault()
    except (FaultError, RecursionError) as error:
        raise FaultError(f"{text!r}: {error}") from None


def spell(fault: Fault) -> str:
    """The compact string of a fault; ``parse`` reads it back."""
    name = f"{fault.name}=" if fault.name else ""
    select = fault.select.operation + _arguments(fault.select, {"operation"}, "[]")
    text = f"{name}{select}:{fault.phase}:{_spell_kind(fault.effect)}"
    if fault.trigger != Always():
        text += f"@{_spell_kind(fault.trigger)}"
    if fault.lifetime != Forever():
        text += f"~{_spell_kind(fault.lifetime)}"
    return text


def explain(error: ValidationError) -> str:
    """A validation error in one sentence."""
    return "; ".join(_explain(dict(each)) for each in error.errors(include_url=False))


def _explain(error: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "union_tag_invalid":
        known = re.findall(r"'(\w+)'", error["ctx"]["expected_tags"])
        return f"no {place} {error['ctx']['tag']!r}{meant(error['ctx']['tag'], known)}"
    if error["type"] == "extra_forbidden":
        return f"{place} does not exist{meant(str(error['loc'][-1]), _fields_at(error['loc'][:-1]))}"
    if error["type"] == "literal_error":
        known = re.findall(r"'([\w-]+)'", error["ctx"]["expected"])
        return f"{place} is not {error['input']!r}{meant(str(error['input']), known)}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _fields_at(place: tuple[Any, ...]) -> Iterable[str]:
    model: type[Data] = Fault
    parts: dict[str, Mapping[str, type[Data]]] = {
        "select": {"": Select},
        "effect": EFFECTS,
        "trigger": TRIGGERS,
        "lifetime": LIFETIMES,
    }
    if place:
        kinds = parts.get(str(place[0]), {})
        model = kinds.get(str(place[1]) if len(place) > 1 else "", Fault)
    return [name for name in model.model_fields if name != "type"]


def _spell_kind(value: Data) -> str:
    kind: str = value.type  # type: ignore[attr-defined]  # every member of the unions has one
    return kind + _arguments(value, {"type"}, "()")


def _arguments(value: Data, without: set[str], brackets: str) -> str:
    parts = []
    for name, field in type(value).model_fields.items():
        given = getattr(value, name)
        if name in without or (not field.is_required() and given == field.get_default()):
            continue
        parts.append(_spell_value(given) if field.is_required() else f"{name}={_spell_value(given)}")
    return f"{brackets[0]}{','.join(parts)}{brackets[1]}" if parts else ""


def _spell_value(value: Any) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value) and value.isascii() and value not in _JSON_WORDS:
        return value
    return json.dumps(value)


class _Reader:
    """Reads one compact string from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def fault(self) -> Fault:
        document: dict[str, Any] = {}
        if name := _NAME.match(self._text):
            document["name"], self._at = name[1], name.end()
        document["select"] = {"operation": self._take(_OPERATION, "an operation")}
        document["select"].update(self._arguments(Select, ["operation"], "[]"))
        self._expect(":", "a phase")
        document["phase"] = self._phase()
        self._expect(":", "an effect")
        document["effect"] = self._kind("effect", EFFECTS)
        if self._skip("@"):
            document["trigger"] = self._kind("trigger", TRIGGERS)
        if self._skip("~"):
            document["lifetime"] = self._kind("lifetime", LIFETIMES)
        if rest := self._text[self._at :]:
            raise FaultError(f"{rest!r} is left over; it goes operation:phase:effect@trigger~lifetime")
        return Fault.of(document)

    def _phase(self) -> str:
        phase = self._take(_WORD, "a phase")
        if phase not in get_args(Phase):
            hint = "say when: " + ", ".join(get_args(Phase)) if phase in EFFECTS else f"no phase {phase!r}"
            raise FaultError(hint if phase in EFFECTS else hint + meant(phase, get_args(Phase)))
        return phase

    def _kind(self, what: str, kinds: Mapping[str, type[Data]]) -> dict[str, Any]:
        kind = self._take(_WORD, f"a {what}")
        if kind not in kinds:
            raise FaultError(f"no {what} {kind!r}{meant(kind, kinds)}")
        return {"type": kind, **self._arguments(kinds[kind], ["type"], "()")}

    def _arguments(self, model: type[Data], without: list[str], brackets: str) -> dict[str, Any]:
        names = [name for name in model.model_fields if name not in without]
        found: dict[str, Any] = {}
        if not self._skip(brackets[0]):
            return found
        while not self._skip(brackets[1]):
            if found:
                self._expect(",", f"a comma or {brackets[1]!r}")
            self._space()
            word = _WORD.match(self._text, self._at)
            if word and self._text[word.end() : word.end() + 1] == "=":
                self._at = word.end() + 1
                name = word[0]
            elif len(found) < len(names):
                name = names[len(found)]
            else:
                raise FaultError(f"too many arguments; there are {', '.join(names) or 'none'}")
            if name not in names:
                raise FaultError(f"no argument {name!r}" + (meant(name, names) if names else "; it takes none"))
            if name in found:
                raise FaultError(f"{name} is given twice")
            found[name] = self._value()
            self._space()
        return found

    def _value(self) -> Any:
        if bare := _BARE.match(self._text, self._at):
            self._at = bare.end()
            return _JSON_WORDS.get(bare[0], bare[0])
        try:
            value, self._at = json.JSONDecoder().raw_decode(self._text, self._at)
        except ValueError:
            raise FaultError(f"a value is a word or JSON, not {self._text[self._at :]!r}") from None
        return value

    def _take(self, pattern: re.Pattern[str], what: str) -> str:
        match = pattern.match(self._text, self._at)
        if not match:
            raise FaultError(f"{what} is missing before {self._text[self._at :]!r}")
        self._at = match.end()
        return match[0]

    def _expect(self, mark: str, what: str) -> None:
        if not self._skip(mark):
            raise FaultError(f"{mark!r} and {what} are missing before {self._text[self._at :]!r}")

    def _skip(self, mark: str) -> bool:
        if self._text.startswith(mark, self._at):
            self._at += 1
            return True
        return False

    def _space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
