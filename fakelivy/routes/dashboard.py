"""The dashboard's pages and buttons. A page of another origin can neither read them nor press them."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Callable, Sequence
from importlib import resources
from urllib.parse import urlencode

import jinja2
from werkzeug.wrappers import Request, Response

from fakelivy.call import Services
from fakelivy.cookbook import RECIPES
from fakelivy.dashboard.view import WINDOWS, View, view
from fakelivy.faults import FaultError

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STATIC = {"dashboard.css": "text/css", "dashboard.js": "text/javascript"}


class Dashboard:
    """The page over one server.

    Its buttons need the token that only the page shows, which is new with every process, and the browser's word that
    the page is ours. The page itself is shown under an address or as ``localhost`` only: a name that somebody made to
    point here would let his page read it.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._token = secrets.token_urlsafe(32)
        loader = jinja2.PackageLoader("fakelivy.dashboard")
        self._templates = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)

    def page(self, request: Request, error: str = "", status: int = 200) -> Response:
        """All of it."""
        if not _addressed_directly(request):
            return _refused("open the dashboard at the server's address, not under another name")
        return self._rendered(request, "page.html", status, error=error, windows=WINDOWS, recipes=RECIPES)

    def live(self, request: Request) -> Response:
        """The part that changes."""
        if not _addressed_directly(request):
            return _refused("open the dashboard at the server's address, not under another name")
        return self._rendered(request, "live.html", 200)

    def static(self, request: Request) -> Response:
        """Its style and its script."""
        name = request.path.rpartition("/")[2]
        content = resources.files("fakelivy.dashboard").joinpath("static").joinpath(name).read_bytes()
        return Response(content, headers=_HEADERS, content_type=f"{_STATIC[name]}; charset=utf-8")

    def arm(self, request: Request) -> Response:
        """Arm the fault in the form."""
        if refused := self._foreign(request):
            return refused
        try:
            self._services.injector.arm(request.form.get("fault", "").strip())
        except FaultError as error:
            return self.page(request, str(error), 400)
        return _back(request)

    def clear(self, request: Request) -> Response:
        """Clear the fault named in the form, or all."""
        if refused := self._foreign(request):
            return refused
        try:
            self._services.injector.clear(request.form.get("name"))
        except FaultError as error:
            return self.page(request, str(error), 404)
        return _back(request)

    def _foreign(self, request: Request) -> Response | None:
        """The refusal of a button that was not pressed on our own page."""
        ours = request.host_url.rstrip("/")
        same = request.headers.get("Origin") == ours and request.headers.get("Sec-Fetch-Site") in (None, "same-origin")
        shown = hmac.compare_digest(request.form.get("token", "").encode(), self._token.encode())
        if _addressed_directly(request) and same and shown:
            return None
        return _refused("only the dashboard's own page may do this: it executes code")

    def _rendered(self, request: Request, template: str, status: int, **values: object) -> Response:
        content: View = view(self._services, _window(request))
        html = self._templates.get_template(template).render(view=content, token=self._token, **values)
        return Response(html, status, _HEADERS, content_type="text/html; charset=utf-8")


Handler = Callable[[Dashboard, Request], Response]

ROUTES: Sequence[tuple[str, str, Handler]] = (
    ("/_fake/", "GET", Dashboard.page),
    ("/_fake/dashboard/live", "GET", Dashboard.live),
    ("/_fake/dashboard/arm", "POST", Dashboard.arm),
    ("/_fake/dashboard/clear", "POST", Dashboard.clear),
    *((f"/_fake/{name}", "GET", Dashboard.static) for name in _STATIC),
)


def _window(request: Request) -> int:
    given = request.values.get("window", "")
    return next((seconds for _, seconds in WINDOWS if str(seconds) == given), WINDOWS[1][1])


def _addressed_directly(request: Request) -> bool:
    name = request.host.rpartition(":")[0] if ":" in request.host.rpartition("]")[2] else request.host
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _back(request: Request) -> Response:
    return Response(status=303, headers={"Location": f"/_fake/?{urlencode({'window': _window(request)})}"})


def _refused(text: str) -> Response:
    return Response(text + "\n", 403, _HEADERS, content_type="text/plain; charset=utf-8")
