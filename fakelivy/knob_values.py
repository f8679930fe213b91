"""What values the knobs can have, and how a command line turns them."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from fakelivy.usage import FakeLivyError, meant

if TYPE_CHECKING:
    from fakelivy.knobs import Knobs

_WORDS: Mapping[str, object] = {"true": True, "false": False, "none": None}


def check(owner: Any) -> None:
    """Raise FakeLivyError if a field of a dataclass of knobs has a value that it cannot have."""
    for name, hint in _hints(owner).items():
        value = getattr(owner, name)
        if not _fits(value, hint):
            raise FakeLivyError(f"the knob {name} is {_shown(hint)}, not {value!r}")


def turned(knobs: Knobs, settings: Iterable[str]) -> Knobs:
    """``knobs`` with some of them turned: ``create_reply=full``, or ``fabric.idle_timeout=60`` for one dialect.

    Raises:
        FakeLivyError: there is no such knob or dialect, or the value is none that it can have.
    """
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise FakeLivyError(f"{setting!r} turns nothing; say NAME=VALUE")
        dialect, dot, below = name.partition(".")
        if dot:
            dialects = {each.value: each for each in knobs.dialects}
            if dialect not in dialects:
                raise FakeLivyError(f"no dialect {dialect!r}{meant(dialect, dialects)}")
            one = _turned(knobs.dialects[dialects[dialect]], below, text, setting)
            knobs = dataclasses.replace(knobs, dialects={**knobs.dialects, dialects[dialect]: one})
        elif name in _hints(next(iter(knobs.dialects.values()))):
            choices = " or ".join(f"{each.value}.{setting}" for each in knobs.dialects)
            raise FakeLivyError(f"each dialect has its own {name}; say {choices}")
        else:
            knobs = _turned(knobs, name, text, setting)
    return knobs


def _turned(owner: Any, name: str, text: str, setting: str) -> Any:
    hints = _hints(owner)
    if name not in hints:
        raise FakeLivyError(f"no knob {setting.partition('=')[0]!r}{meant(name, hints)}")
    value = next((value for value in _readings(text) if _fits(value, hints[name])), text)
    return dataclasses.replace(owner, **{name: value})


def _hints(owner: Any) -> Mapping[str, Any]:
    hints = get_type_hints(type(owner))
    return {field.name: hints[field.name] for field in dataclasses.fields(owner) if field.name != "dialects"}


def _readings(text: str) -> Iterable[object]:
    if text in _WORDS:
        yield _WORDS[text]
    for kind in (int, float):
        try:
            yield kind(text)
        except ValueError:
            continue
    yield text


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return any(value == each and type(value) is type(each) for each in get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if hint in (int, float):
        if isinstance(value, int) and not isinstance(value, bool):
            return value >= (1 if hint is int else 0)
        # NaN is not at least 0 either.
        return hint is float and isinstance(value, float) and value >= 0
    return isinstance(value, hint)


def _shown(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(str(each.value if isinstance(each, Enum) else each) for each in get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_shown(each) for each in get_args(hint))
    names = {int: "a whole number from 1", float: "a number from 0", bool: "true or false", str: "a text"}
    return names.get(hint, "none")
