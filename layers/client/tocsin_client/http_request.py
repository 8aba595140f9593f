"""What an event says of the HTTP request that it came of, whatever framework the request is of."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from tocsin_client.client_ip import UNDETERMINED, client_ip
from tocsin_client.faults import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REQUEST_ID_HEADER = "X-Request-ID"
"""In which responses say the id that their events have."""

_MOST_ARGS = 500
_MOST_QUERY = 65_536  # characters
_LONGEST_ID = 128
_FLOW = re.compile(r"/flows?/")


class HttpRequest:
    """One request as it was read. `args` are those of its query.

    People are in the framework's form: `user` whom it is by, `impersonator` who acts as that user, `pending_user` whom
    a flow takes them for that has not signed them in yet. `user_later` gives the user where that has to be awaited.
    """

    __slots__ = (
        "args",
        "brand",
        "client_ip",
        "impersonator",
        "method",
        "path",
        "pending_user",
        "request_id",
        "user",
        "user_agent",
        "user_later",
    )

    def __init__(
        self,
        *,
        path: str,
        method: str,
        query: str | Mapping[str, Any] = "",
        user_agent: str = "",
        request_id: str | None = None,
        client_ip: str = UNDETERMINED,
        user: object = None,
        brand: object = None,
        impersonator: object = None,
        pending_user: object = None,
    ) -> None:
        self.path = path
        self.method = method
        self.args = parsed(query) if isinstance(query, str) else dict(query)
        self.user_agent = user_agent
        self.request_id = request_id
        self.client_ip = client_ip
        self.user = user
        self.brand = brand
        self.impersonator = impersonator
        self.pending_user = pending_user
        self.user_later: Callable[[], Awaitable[object]] | None = None

    def by(self, user: object) -> dict[str, Any]:
        """Whom the request is by, as an event has it, where `user` is who its framework has found."""
        from tocsin_client.users import as_user  # noqa: PLC0415 - id_of makes nothing of users

        by = as_user(user)
        if self.impersonator is not None:
            by = {**as_user(self.impersonator), "on_behalf_of": by}
        pending = as_user(self.pending_user)
        if pending and ("pk" not in pending or pending["pk"] != by.get("pk")):
            by = {**pending, "authenticated_as": by}
        return by

    def to_context(self) -> dict[str, Any]:
        """{path, method, args, user_agent, request_id}, the last where there is one."""
        context = {
            "path": self.path,
            "method": self.method,
            "args": unwrapped(self.args) if _FLOW.search(self.path) else self.args,
            "user_agent": self.user_agent,
        }
        return context if self.request_id is None else {**context, "request_id": self.request_id}


def parsed(query: str) -> dict[str, Any]:
    """A query string's parameters; a list where one is given several times."""
    args: dict[str, Any] = {}
    for name, value in parse_qsl(query[:_MOST_QUERY], keep_blank_values=True, errors="replace")[:_MOST_ARGS]:
        if name not in args:
            args[name] = value
        elif isinstance(args[name], list):
            args[name].append(value)
        else:
            args[name] = [args[name], value]
    return args


def unwrapped(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of a flow's page, where its own request wraps them into one, `query`; else as they are."""
    wrapped = args.get("query")
    if len(args) != 1 or not isinstance(wrapped, str):
        return args
    return parsed(wrapped) or args


class Reading:
    """How requests are read: behind how many proxies of one's own, and where their ids are looked for."""

    def __init__(self, trusted_proxies: int, request_id_headers: tuple[str, ...]) -> None:
        self.trusted_proxies = trusted_proxies
        self.request_id_headers = request_id_headers

    def request_id(self, header: Callable[[str], str | None], otherwise: object = None) -> str | None:
        """The id that the request was given: by its framework's middleware, or on its way here."""
        for given in (otherwise, *map(header, self.request_id_headers)):
            if isinstance(given, str) and given.strip().isprintable() and given.strip():
                return given.strip()[:_LONGEST_ID]
        return None


def read(request: object, reading: Reading) -> HttpRequest:
    """Read a request of Django, Werkzeug (Flask), Starlette (FastAPI) or aiohttp, a WSGI environment, an ASGI scope,
    or an event that API Gateway (REST and HTTP APIs), a load balancer or a function URL hands to Lambda.

    TypeError for anything else.
    """
    if isinstance(request, HttpRequest):
        return request
    if isinstance(request, Mapping):
        if "requestContext" in request:
            from tocsin_client.lambda_events import read_event  # noqa: PLC0415 - the few that are one

            return read_event(request, reading)
        if "REQUEST_METHOD" in request:
            return of_environ(request, reading)
        if "type" in request and "headers" in request:
            return of_scope(request, reading)
    for attribute, of_framework in _FRAMEWORKS:
        if hasattr(request, attribute):
            return of_framework(request, reading)
    raise TypeError(f"a {type(request).__name__} is no HTTP request that is known here")


def id_of(request: object) -> str:
    """The id that the request came with, else a new one. Never raises."""
    from tocsin_client import configuration  # noqa: PLC0415 - it makes no sense of requests

    try:
        found = read(request, Reading(0, configuration.current.request_id_headers)).request_id
    except Exception as error:  # noqa: BLE001 - a request that can't be read is answered all the same
        report("a request can't be read", error)
        found = None
    return found or os.urandom(16).hex()


def of_environ(environ: Mapping[str, Any], reading: Reading) -> HttpRequest:
    """Of WSGI (PEP 3333): texts hold bytes, as latin-1."""
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"

    def header(name: str) -> str | None:
        value = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        return value if isinstance(value, str) else None

    return HttpRequest(
        path=_decoded(path) or "/",
        method=str(environ.get("REQUEST_METHOD", "")),
        query=str(environ.get("QUERY_STRING") or ""),
        user_agent=_decoded(header("User-Agent") or ""),
        request_id=reading.request_id(header, environ.get("tocsin.request_id")),
        client_ip=client_ip(header("X-Forwarded-For") or "", environ.get("REMOTE_ADDR"), reading.trusted_proxies),
        user=environ.get("REMOTE_USER") or None,
    )


def of_scope(scope: Mapping[str, Any], reading: Reading) -> HttpRequest:
    """Of ASGI: https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope"""
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope.get("headers") or ():
        headers.setdefault(bytes(name).lower(), []).append(bytes(value))

    def header(name: str) -> str | None:
        values = headers.get(name.lower().encode("latin-1"))
        return b",".join(values).decode("utf-8", "replace") if values else None

    peer = scope.get("client")
    state = scope.get("state") or {}
    return HttpRequest(
        path=str(scope.get("path") or "/"),
        method=str(scope.get("method") or scope.get("type", "")).upper(),
        query=bytes(scope.get("query_string") or b"").decode("latin-1"),
        user_agent=header("user-agent") or "",
        request_id=reading.request_id(header, state.get("request_id") if isinstance(state, Mapping) else None),
        client_ip=client_ip(header("x-forwarded-for") or "", peer[0] if peer else None, reading.trusted_proxies),
        user=scope.get("user"),
    )


def _of_django(request: Any, reading: Reading) -> HttpRequest:  # noqa: ANN401 - Django's HttpRequest
    from tocsin_client.django.requests import read_request  # noqa: PLC0415 - where there is Django

    return read_request(request, reading)


def _of_werkzeug(request: Any, reading: Reading) -> HttpRequest:  # noqa: ANN401 - werkzeug's Request
    found = of_environ(request.environ, reading)
    route = getattr(request, "path", None)
    if isinstance(route, str):  # decoded as the application sees it
        found.path = f"{getattr(request, 'root_path', '') or ''}{route}"
    found.request_id = found.request_id or reading.request_id(lambda _: None, getattr(request, "request_id", None))
    return found


def _of_asgi(request: Any, reading: Reading) -> HttpRequest:  # noqa: ANN401 - with a scope; starlette's is a mapping
    return of_scope(request.scope, reading)


def _of_aiohttp(request: Any, reading: Reading) -> HttpRequest:  # noqa: ANN401 - aiohttp's BaseRequest
    def header(name: str) -> str | None:
        values = request.headers.getall(name, [])
        return ",".join(values) if values else None

    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return HttpRequest(
        path=request.path,
        method=request.method,
        query=request.rel_url.raw_query_string,
        user_agent=header("User-Agent") or "",
        request_id=reading.request_id(header, request.get("request_id")),
        client_ip=client_ip(header("X-Forwarded-For") or "", peer[0] if peer else None, reading.trusted_proxies),
        user=request.get("user"),
    )


_FRAMEWORKS: tuple[tuple[str, Callable[[Any, Reading], HttpRequest]], ...] = (
    ("META", _of_django),
    ("rel_url", _of_aiohttp),
    ("scope", _of_asgi),
    ("environ", _of_werkzeug),
)


def _decoded(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:  # by a server that has decoded it already
        return text
