"""The operations of each dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakelivy.call import Route
from fakelivy.knobs import Dialect
from fakelivy.routes import fabric, high_concurrency, lakehouses, sessions, statements, version

ROUTES: Mapping[Dialect, Sequence[Route]] = {
    Dialect.LIVY: (*version.ROUTES, *sessions.ROUTES, *statements.ROUTES),
    Dialect.FABRIC: (*lakehouses.ROUTES, *fabric.ROUTES, *high_concurrency.ROUTES),
}
