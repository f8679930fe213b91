"""The web application: every request goes through ``pipeline``, from top to bottom."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import Any

from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.wrappers import Request, Response

from fakelivy.call import Call, Reply, Route, Services
from fakelivy.errors import Problem, Refused, error_reply
from fakelivy.gate import SECURITY_HEADERS, admit
from fakelivy.injector import Meeting
from fakelivy.journal import HandlerError, TokenRefused
from fakelivy.journal import Request as Answered
from fakelivy.knobs import Dialect
from fakelivy.routes import ROUTES, control, dashboard
from fakelivy.routes.dashboard import Dashboard
from fakelivy.wire import KEY, ConnectionLost, SocketWire, Wire


class App:
    """The WSGI application over ``services``."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.dashboard = Dashboard(services)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request. Raises ConnectionLost for one that gets no answer."""
        incoming = Request(environ)
        return self._reply(incoming)(environ, start_response)

    def _reply(self, incoming: Request) -> Response:
        try:
            view, params = _urls().bind_to_environ(incoming.environ).match()
            response: Response = view(self, incoming, params)
        except HTTPException as error:
            return misrouted(self.services, incoming, error)
        except Exception as error:  # noqa: BLE001  # as ``_answer``
            return misrouted(self.services, incoming, InternalServerError(original_exception=error))
        return response


@cache
def _urls() -> Map:
    """Every URL with its view, shared by all servers of a process: to build it takes longer than to start one."""
    views: list[tuple[str, str, View]] = [
        *(
            (route.rule, route.method, partial(_pipeline, dialect, route))
            for dialect, routes in ROUTES.items()
            for route in routes
        ),
        *((rule, method, partial(_control, handler)) for rule, method, handler in control.ROUTES),
        *((rule, method, partial(_page, handler)) for rule, method, handler in dashboard.ROUTES),
    ]
    rules = [_MatchOnly(rule, methods=[method], endpoint=view) for rule, method, view in views]
    return Map(rules, converters={"anycase": _AnyCase}, strict_slashes=False, merge_slashes=False)


View = Callable[[App, Request, Mapping[str, str]], Response]
"""Answers a request, whose path has these parameters."""


def _control(handler: control.Handler, app: App, incoming: Request, _: Mapping[str, str]) -> Response:
    return control.answer(app.services, incoming, handler)


def _page(handler: dashboard.Handler, app: App, incoming: Request, _: Mapping[str, str]) -> Response:
    return handler(app.dashboard, incoming)


def _pipeline(dialect: Dialect, route: Route, app: App, incoming: Request, params: Mapping[str, str]) -> Response:
    """The life of a request: identify, answer, record. Faults may strike at three places on the way."""
    services = app.services
    call = _call(services, dialect, incoming, params)
    wire = _wire(services, incoming)
    faults = services.injector.meet(call, route, incoming.path, wire)
    try:
        response = _answer(call, incoming, route, faults)
    except ConnectionLost as lost:
        # On record before the client can know.
        _record(call, incoming, route.operation, status=0)
        wire.cut(lost.how)
        raise
    _record(call, incoming, route.operation, response.status_code)
    return response


def _answer(call: Call, incoming: Request, route: Route, faults: Meeting) -> Response:
    """Admit, authenticate, handle, render."""
    try:
        refuse_web_pages(incoming)
        if call.services.restarter.is_down(call.dialect):
            raise ConnectionLost("close")
        if (instead := faults.before()) is not None:
            return instead
        if call.dialect is Dialect.FABRIC:
            if not route.public:
                authenticate(faults.call)
        else:
            admit(incoming.method, incoming.headers, incoming.args, call.services.knobs)
        response = _render(call, route.handler(faults.call))
        if (instead := faults.after_commit(response)) is not None:
            return instead
    except Refused as refused:
        response = _refuse(call, refused)
    except Exception:  # noqa: BLE001  # a bug of ours must look like a bug of the real server, and be on record
        call.services.journal.add(HandlerError(route.operation, traceback.format_exc()))
        response = _refuse(call, Refused(Problem.BUG))
    return faults.body(response)


def misrouted(services: Services, incoming: Request, error: HTTPException) -> Response:
    """The reply where no route matches, or where not even the pipeline could answer."""
    dialect = Dialect.FABRIC if re.match(r"/v1(/|$)", incoming.path) else Dialect.LIVY
    call = _call(services, dialect, incoming, {})
    try:
        if dialect is Dialect.FABRIC:
            authenticate(call)
        raise _misrouting(services, error)
    except Refused as refused:
        response = _refuse(call, refused)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    _record(call, incoming, "no_route", response.status_code)
    return response


def _misrouting(services: Services, error: HTTPException) -> Refused:
    if isinstance(error, InternalServerError):
        services.journal.add(HandlerError("pipeline", "".join(traceback.format_exception(error.original_exception))))
        return Refused(Problem.BUG)
    if isinstance(error, (NotFound, MethodNotAllowed)):
        return Refused(Problem.BAD_METHOD if isinstance(error, MethodNotAllowed) else Problem.NO_ROUTE)
    return Refused(Problem.BAD_BODY, text=error.name)


def refuse_web_pages(incoming: Request) -> None:
    """Raise Refused (WEB_PAGE) for a request of a web page: any page the user visits can post to loopback."""
    if "Origin" in incoming.headers:
        raise Refused(Problem.WEB_PAGE)


def authenticate(call: Call) -> None:
    """Raise Refused (NO_TOKEN, TOKEN_EXPIRED) unless the request bears a good token."""
    try:
        call.services.gate.check(call.authorization, skew=call.orders.clock_skew)
    except Refused as refused:
        call.services.journal.add(TokenRefused(call.request_id, str(refused.details["why"])))
        raise


def _call(services: Services, dialect: Dialect, incoming: Request, params: Mapping[str, str]) -> Call:
    return Call(
        services=services,
        dialect=dialect,
        request_id=services.ids.request_id(),
        params=params,
        query=incoming.args,
        authorization=incoming.headers.get("Authorization"),
        body=incoming.get_data(cache=False),
        origin=f"{incoming.scheme}://{incoming.host}",
        headers=incoming.headers,
        path=incoming.path,
    )


def _render(call: Call, reply: Reply) -> Response:
    return _response(call, reply.body(), reply.status, reply.headers, reply.content_type)


def _refuse(call: Call, refused: Refused) -> Response:
    error = error_reply(refused, call.dialect, call.request_id, call.services.knobs)
    return _response(call, error.body, error.status, error.headers, error.content_type)


def _response(
    call: Call, body: bytes | str, status: int, headers: Mapping[str, str], content_type: str | None
) -> Response:
    label = {"RequestId": call.request_id} if call.dialect is Dialect.FABRIC else SECURITY_HEADERS
    return Response(body, status, {**headers, **label}, content_type=content_type)


def _wire(services: Services, incoming: Request) -> Wire:
    given: Wire | None = incoming.environ.get(KEY)
    injector = services.injector
    return given or SocketWire(incoming.environ.get("werkzeug.socket"), injector.clock, injector.closing)


def _record(call: Call, incoming: Request, operation: str, status: int) -> None:
    call.services.journal.add(
        Answered(
            request_id=call.request_id,
            dialect=call.dialect.value,
            operation=operation,
            method=incoming.method,
            path=incoming.path,
            status=status,
            session=call.params.get("session", ""),
        )
    )


class _MatchOnly(Rule):
    """A route whose URL nobody builds: to compile the builders is most of the time in which a server starts."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        del append_unknown
        return _no_url


def _no_url(*_: object) -> tuple[str, str]:
    raise NotImplementedError("this server builds no URLs of its routes")


class _AnyCase(BaseConverter):
    """A fixed path segment in any case."""

    def __init__(self, url_map: Map, text: str) -> None:
        super().__init__(url_map)
        self.regex = f"(?i:{re.escape(text)})"
