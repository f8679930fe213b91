"""``/version``: how clients tell that this is a Livy."""

from __future__ import annotations

from fakelivy.call import Call, Reply, Route

LIVY_VERSION = "0.9.0-incubating"


def version(_: Call) -> Reply:
    return Reply(
        200,
        {
            "version": LIVY_VERSION,
            "user": "fakelivy",
            "revision": "fakelivy",
            "branch": "fakelivy",
            "date": "",
            "url": "",
        },
    )


ROUTES = (Route("version", "GET", "/version", version),)
