"""The web application: every request goes through ``pipeline``, from top to bottom."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from functools import partial

from flask import Flask, Request, request
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.wrappers import Response

from fakelivy.call import Call, Reply, Route, Services
from fakelivy.errors import Problem, Refused, error_reply
from fakelivy.gate import SECURITY_HEADERS, admit
from fakelivy.injector import Meeting
from fakelivy.journal import HandlerError, TokenRefused
from fakelivy.journal import Request as Answered
from fakelivy.knobs import Dialect
from fakelivy.routes import ROUTES, control
from fakelivy.routes.dashboard import Dashboard
from fakelivy.wire import KEY, ConnectionLost, SocketWire, Wire


def create_app(services: Services) -> Flask:
    """The WSGI application over ``services``."""
    app = Flask("fakelivy", static_folder=None)
    app.url_rule_class = _MatchOnly
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters["anycase"] = _AnyCase
    for dialect, routes in ROUTES.items():
        for route in routes:
            app.add_url_rule(
                route.rule,
                endpoint=f"{dialect.value}.{route.operation}",
                view_func=partial(pipeline, services, dialect, route),
                methods=[route.method],
                provide_automatic_options=False,
            )
    control.install(app, services)
    Dashboard(services).install(app)
    app.register_error_handler(HTTPException, partial(misrouted, services))
    return app


def pipeline(services: Services, dialect: Dialect, route: Route, **params: str) -> Response:
    """The life of a request: identify, answer, record. Faults may strike at three places on the way."""
    call = _call(services, dialect, request, params)
    wire = _wire(services)
    faults = services.injector.meet(call, route, request.path, wire)
    try:
        response = _answer(call, route, faults)
    except ConnectionLost as lost:
        # On record before the client can know.
        _record(call, route.operation, status=0)
        wire.cut(lost.how)
        raise
    _record(call, route.operation, response.status_code)
    return response


def _answer(call: Call, route: Route, faults: Meeting) -> Response:
    """Admit, authenticate, handle, render."""
    try:
        refuse_web_pages()
        if call.services.restarter.is_down(call.dialect):
            raise ConnectionLost("close")
        if (instead := faults.before()) is not None:
            return instead
        if call.dialect is Dialect.FABRIC:
            if not route.public:
                authenticate(faults.call)
        else:
            admit(request.method, request.headers, request.args, call.services.knobs)
        response = _render(call, route.handler(faults.call))
        if (instead := faults.after_commit(response)) is not None:
            return instead
    except Refused as refused:
        response = _refuse(call, refused)
    except Exception:  # noqa: BLE001  # a bug of ours must look like a bug of the real server, and be on record
        call.services.journal.add(HandlerError(route.operation, traceback.format_exc()))
        response = _refuse(call, Refused(Problem.BUG))
    return faults.body(response)


def misrouted(services: Services, error: HTTPException) -> Response:
    """The reply where no route matches, or where not even the pipeline could answer."""
    dialect = Dialect.FABRIC if re.match(r"/v1(/|$)", request.path) else Dialect.LIVY
    call = _call(services, dialect, request, {})
    try:
        if dialect is Dialect.FABRIC:
            authenticate(call)
        raise _misrouting(services, error)
    except Refused as refused:
        response = _refuse(call, refused)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    _record(call, "no_route", response.status_code)
    return response


def _misrouting(services: Services, error: HTTPException) -> Refused:
    if isinstance(error, InternalServerError):
        services.journal.add(HandlerError("pipeline", "".join(traceback.format_exception(error.original_exception))))
        return Refused(Problem.BUG)
    if isinstance(error, (NotFound, MethodNotAllowed)):
        return Refused(Problem.BAD_METHOD if isinstance(error, MethodNotAllowed) else Problem.NO_ROUTE)
    return Refused(Problem.BAD_BODY, text=error.name)


def refuse_web_pages() -> None:
    """Raise Refused (WEB_PAGE) for a request of a web page: any page the user visits can post to loopback."""
    if "Origin" in request.headers:
        raise Refused(Problem.WEB_PAGE)


def authenticate(call: Call) -> None:
    """Raise Refused (NO_TOKEN, TOKEN_EXPIRED) unless the request bears a good token."""
    try:
        call.services.gate.check(call.authorization, skew=call.orders.clock_skew)
    except Refused as refused:
        call.services.journal.add(TokenRefused(call.request_id, str(refused.details["why"])))
        raise


def _call(services: Services, dialect: Dialect, incoming: Request, params: dict[str, str]) -> Call:
    return Call(
        services=services,
        dialect=dialect,
        request_id=services.ids.request_id(),
        params=params,
        query=incoming.args,
        authorization=incoming.headers.get("Authorization"),
        body=incoming.get_data(cache=False),
        origin=incoming.host_url.rstrip("/"),
        headers=dict(incoming.headers),
        path=incoming.path,
    )


def _render(call: Call, reply: Reply) -> Response:
    return _labelled(call, Response(reply.body(), reply.status, reply.headers, content_type=reply.content_type))


def _refuse(call: Call, refused: Refused) -> Response:
    error = error_reply(refused, call.dialect, call.request_id, call.services.knobs)
    return _labelled(call, Response(error.body, error.status, error.headers, content_type=error.content_type))


def _labelled(call: Call, response: Response) -> Response:
    response.headers.update({"RequestId": call.request_id} if call.dialect is Dialect.FABRIC else SECURITY_HEADERS)
    return response


def _wire(services: Services) -> Wire:
    given: Wire | None = request.environ.get(KEY)
    injector = services.injector
    return given or SocketWire(request.environ.get("werkzeug.socket"), injector.clock, injector.closing)


def _record(call: Call, operation: str, status: int) -> None:
    call.services.journal.add(
        Answered(
            request_id=call.request_id,
            dialect=call.dialect.value,
            operation=operation,
            method=request.method,
            path=request.path,
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
