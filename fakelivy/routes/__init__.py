"""The operations of each dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakelivy.call import Route
from fakelivy.knobs import Dialect
from fakelivy.routes import (
    fabric,
    high_concurrency,
    jobs,
    lakehouses,
    operations,
    sessions,
    shortcuts,
    statements,
    version,
)

ROUTES: Mapping[Dialect, Sequence[Route]] = {
    Dialect.LIVY: (*version.ROUTES, *sessions.ROUTES, *statements.ROUTES),
    Dialect.FABRIC: (
        *lakehouses.ROUTES,
        *operations.ROUTES,
        *shortcuts.ROUTES,
        *jobs.ROUTES,
        *fabric.ROUTES,
        *high_concurrency.ROUTES,
    ),
}
