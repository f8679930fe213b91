"""Decides which request meets which armed fault, and has the effects happen.

For every armed fault, in the order of arming: match, then the trigger, then the effect, then a line in the journal
whether or not it fired. A decision depends on the seed, the fault's label, what the request asks for and how often
that was asked for before, so it is the same however threads interleave; only triggers that count all matches follow
the order of arrival.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from werkzeug.wrappers import Response

from fakelivy import faults as f
from fakelivy import mishaps as m
from fakelivy.call import Call, Route
from fakelivy.clock import Clock
from fakelivy.effects import EFFECTS, SURE, Hit, Memory, Missed
from fakelivy.fingerprint import fingerprint
from fakelivy.journal import FaultArmed, FaultCleared, FaultDecision, Journal, TokenRefused
from fakelivy.misfortune import EXPIRED, failed
from fakelivy.usage import meant
from fakelivy.wire import Wire


@dataclass(frozen=True)
class Place:
    """A request among the matches of a fault: its place in all, what it asks for, its place among those like it."""

    ordinal: int
    request: str
    repeat: int


@dataclass
class Armed:
    """A fault in force and how often it met a request. The counts are guarded by the injector's lock."""

    fault: f.Fault
    at: float
    matches: int = 0
    fires: int = 0
    alike: Counter[str] = field(default_factory=Counter)
    memory: Memory = field(default_factory=Memory)
    released: threading.Event = field(default_factory=threading.Event)


class Injector:
    """The faults in force.

    Its lock is held to count and for nothing else. ``closing`` frees every request that a fault holds.
    """

    def __init__(self, *, seed: int, clock: Clock, journal: Journal, routes: Mapping[str, list[Route]]) -> None:
        self._seed = seed
        self.clock = clock
        self.journal = journal
        self._routes = routes
        self._lock = threading.Lock()
        self._armed: dict[str, Armed] = {}
        self.closing = threading.Event()

    @property
    def seed(self) -> int:
        """What decisions are made of."""
        return self._seed

    def arm(self, fault: f.Fault | str) -> f.Fault:
        """Put a fault in force.

        Raises:
            FaultError: it is misspelt, cannot happen to the operations it names, or is in force already.
        """
        fault = f.Fault.parse(fault) if isinstance(fault, str) else fault
        self._check(fault)
        with self._lock:
            if fault.label in self._armed:
                raise f.FaultError(f"{fault.label} is armed already; give one of the two another name")
            self._armed[fault.label] = Armed(fault, self.clock.monotonic())
        self.journal.add(FaultArmed(fault.label, str(fault)))
        return fault

    def clear(self, label: str | None = None) -> None:
        """Take one fault, or all, out of force; requests it holds go on.

        Raises:
            FaultError: no fault of this name is in force.
        """
        with self._lock:
            if label is not None and label not in self._armed:
                raise f.FaultError(f"no fault {label!r} is armed" + (meant(label, self._armed) if self._armed else ""))
            gone = [self._armed.pop(each) for each in (list(self._armed) if label is None else [label])]
        for armed in gone:
            armed.released.set()
            self.journal.add(FaultCleared(armed.fault.label, armed.matches, armed.fires))

    def armed(self) -> list[Armed]:
        """The faults in force, in the order of arming."""
        with self._lock:
            return [replace(each) for each in self._armed.values()]

    @contextlib.contextmanager
    def fault(self, fault: f.Fault | str) -> Iterator[f.Fault]:
        """A fault in force for the length of a block."""
        armed = self.arm(fault)
        try:
            yield armed
        finally:
            with contextlib.suppress(f.FaultError):  # cleared inside the block
                self.clear(armed.label)

    def meet(self, call: Call, route: Route, path: str, wire: Wire) -> Meeting:
        """What awaits one request."""
        return Meeting(self, call, route.operation, path, wire)

    def _check(self, fault: f.Fault) -> None:
        pattern, kind = fault.select.operation, fault.effect.type
        dialects: list[str] = [fault.select.dialect] if fault.select.dialect else list(self._routes)
        routes = [route for dialect in dialects for route in self._routes[dialect]]
        matched = [route for route in routes if fnmatch.fnmatchcase(route.operation, pattern)]
        if not matched:
            raise f.FaultError(f"no operation {pattern!r}{meant(pattern, {route.operation for route in routes})}")
        only = f.OPERATIONS.get(type(fault.effect))
        strangers = sorted({route.operation for route in matched} - only) if only else []
        if strangers:
            raise f.FaultError(f"{kind} happens to {', '.join(sorted(only or ()))}, not to {strangers[0]}")
        if isinstance(fault.effect, m.SessionTo):
            for route in matched:
                born = fault.phase == "after_commit" and route.operation == "create_session"
                if not born and "<session>" not in route.rule:
                    raise f.FaultError(f"{route.operation} {fault.phase} has no session that could go to a state")

    def expired(self, caller: str) -> m.Shape | None:
        """How to tell a caller that his token counts as expired; None when it does not."""
        with self._lock:
            faults = list(self._armed.values())
        for armed in faults:
            if isinstance(armed.fault.effect, m.ExpireToken):
                with armed.memory.lock:
                    if caller in armed.memory.expired:
                        return armed.fault.effect.shape
        return None

    def matching(self, call: Call, operation: str, phase: f.Phase) -> list[tuple[Armed, Place]]:
        """The faults whose selector fits, each with the place of this request among its matches, from 1."""
        with self._lock:
            chosen = [
                armed
                for armed in self._armed.values()
                if armed.fault.phase == phase and _selects(armed.fault.select, call, operation)
            ]
        if not chosen:
            return []
        request = fingerprint(call, operation)
        with self._lock:
            for armed in chosen:
                armed.matches += 1
                armed.alike[request] += 1
            return [(armed, Place(armed.matches, request, armed.alike[request])) for armed in chosen]

    def triggered(self, armed: Armed, place: Place) -> bool:
        """Whether the trigger fires here, within the fault's lifetime; a shot is counted."""
        elapsed = self.clock.monotonic() - armed.at
        lifetime, trigger = armed.fault.lifetime, armed.fault.trigger
        with self._lock:
            if isinstance(lifetime, f.Lasts) and elapsed >= lifetime.seconds:
                return False
            if isinstance(lifetime, f.Fires) and armed.fires >= lifetime.n:
                return False
            if not _pulls(trigger, place, elapsed, self.chance(armed, place)):
                return False
            armed.fires += 1
            return True

    def missed(self, armed: Armed) -> None:
        """Take back a shot that hit nothing."""
        with self._lock:
            armed.fires -= 1

    def chance(self, armed: Armed, place: Place, use: str = "") -> float:
        """A number in [0, 1) for one decision: never drawn, always the same for the same seed."""
        key = f"{self._seed}/{armed.fault.label}/{place.request}/{place.repeat}/{use}".encode()
        return int.from_bytes(hashlib.blake2b(key, digest_size=7).digest(), "big") / 2**56


class Meeting:
    """One request and the faults that await it, phase by phase. ``call`` is the request as it goes on."""

    def __init__(self, injector: Injector, call: Call, operation: str, path: str, wire: Wire) -> None:
        self.call = call
        self._injector = injector
        self._operation = operation
        self._path = path
        self._wire = wire
        self._caller = hashlib.blake2b((call.authorization or "").encode(), digest_size=16).hexdigest()

    def before(self) -> Response | None:
        """The reply of a fault that keeps the request from being carried out."""
        shape = self._injector.expired(self._caller)
        if shape is not None:
            self._injector.journal.add(TokenRefused(self.call.request_id, "expired by a fault"))
            return failed(EXPIRED.model_copy(update={"shape": shape}), self.call, self._injector.clock.now())
        return self._strike("before", None)

    def after_commit(self, response: Response) -> Response | None:
        """The reply of a fault that loses the real one, though the request was carried out."""
        return self._strike("after_commit", response)

    def body(self, response: Response) -> Response:
        """The reply as it goes on the wire, damaged or not."""
        for armed, place in self._injector.matching(self.call, self._operation, "body"):
            response = self._fire(armed, place, response) or response
        return response

    def _strike(self, phase: f.Phase, response: Response | None) -> Response | None:
        instead: Response | None = None
        # Counted for all of them even so: one fault must not shift the decisions of another.
        for armed, place in self._injector.matching(self.call, self._operation, phase):
            if instead is None:
                instead = self._fire(armed, place, response)
            else:
                self._decided(armed, place, False, "another fault came first")
        return instead

    def _fire(self, armed: Armed, place: Place, response: Response | None) -> Response | None:
        injector, effect = self._injector, armed.fault.effect
        if not injector.triggered(armed, place):
            self._decided(armed, place, False, "")
            return None
        if type(effect) in SURE:
            self._decided(armed, place, True, "")
        hit = Hit(
            call=self.call,
            operation=self._operation,
            path=self._path,
            caller=self._caller,
            fault=armed.fault.label,
            chance=injector.chance(armed, place, "effect"),
            wire=self._wire,
            clock=injector.clock,
            journal=injector.journal,
            memory=armed.memory,
            released=armed.released,
            response=response,
        )
        try:
            result = EFFECTS[type(effect)](hit, effect)
        except Missed as missed:
            injector.missed(armed)
            self._decided(armed, place, False, str(missed))
            return None
        if type(effect) not in SURE:
            self._decided(armed, place, True, "")
        if isinstance(result, Call):
            self.call = result
            return None
        return result

    def _decided(self, armed: Armed, place: Place, fired: bool, why_not: str) -> None:
        label, phase = armed.fault.label, armed.fault.phase
        self._injector.journal.add(
            FaultDecision(
                self.call.request_id,
                label,
                self._operation,
                phase,
                place.ordinal,
                fired,
                why_not,
                place.request,
                place.repeat,
            )
        )


def _selects(select: f.Select, call: Call, operation: str) -> bool:
    return (
        fnmatch.fnmatchcase(operation, select.operation)
        and select.dialect in (None, call.dialect.value)
        and (select.session is None or call.params.get("session", "").lower() == select.session.lower())
        and (select.statement is None or call.params.get("statement") == str(select.statement))
        and (select.contains is None or select.contains.encode() in call.body)
    )


def _pulls(trigger: f.Trigger, place: Place, elapsed: float, chance: float) -> bool:
    ordinal = place.repeat if getattr(trigger, "per", "fault") == "request" else place.ordinal
    if isinstance(trigger, f.First):
        return ordinal <= trigger.n
    if isinstance(trigger, f.Nth):
        return ordinal == trigger.n
    if isinstance(trigger, f.Every):
        return ordinal % trigger.n == 0
    if isinstance(trigger, f.Rate):
        return chance < trigger.p
    if isinstance(trigger, f.Window):
        return trigger.start <= elapsed < trigger.end
    return True
