"""A fake Apache Livy and Fabric Livy server that really executes Spark SQL.

``with FakeLivy() as server: server.url`` - or ``fakelivy serve`` from a shell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakelivy.clock import ManualClock, SystemClock
    from fakelivy.faults import Fault, FaultError
    from fakelivy.identity.options import IdentityOptions, TokenMode
    from fakelivy.knobs import Dialect, DialectKnobs, Knobs
    from fakelivy.oracle import Oracle
    from fakelivy.server import FakeLivy
    from fakelivy.usage import FakeLivyError

_HOME = {
    "Dialect": "fakelivy.knobs",
    "DialectKnobs": "fakelivy.knobs",
    "FakeLivy": "fakelivy.server",
    "FakeLivyError": "fakelivy.usage",
    "Fault": "fakelivy.faults",
    "FaultError": "fakelivy.faults",
    "IdentityOptions": "fakelivy.identity.options",
    "Knobs": "fakelivy.knobs",
    "ManualClock": "fakelivy.clock",
    "Oracle": "fakelivy.oracle",
    "SystemClock": "fakelivy.clock",
    "TokenMode": "fakelivy.identity.options",
}

__all__ = [
    "Dialect",
    "DialectKnobs",
    "FakeLivy",
    "FakeLivyError",
    "Fault",
    "FaultError",
    "IdentityOptions",
    "Knobs",
    "ManualClock",
    "Oracle",
    "SystemClock",
    "TokenMode",
]


def __getattr__(name: str) -> object:
    # Lazy: a test suite that only has this package installed pays nothing for it.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)
