"""The operations of each dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakelivy.call import Route
from fakelivy.knobs import Dialect
from fakelivy.routes import (
    batches,
    fabric,
    high_concurrency,
    jobs,
    lakehouses,
    operations,
    sessions,
    shortcuts,
    statements,
    tokens,
    version,
)

ROUTES: Mapping[Dialect, Sequence[Route]] = {
    Dialect.LIVY: (*version.ROUTES, *sessions.ROUTES, *statements.ROUTES, *batches.LIVY_ROUTES),
    Dialect.FABRIC: (
        *lakehouses.ROUTES,
        *operations.ROUTES,
        *shortcuts.ROUTES,
        *jobs.ROUTES,
        *fabric.ROUTES,
        *batches.FABRIC_ROUTES,
        *high_concurrency.ROUTES,
        *tokens.ROUTES,
    ),
}
