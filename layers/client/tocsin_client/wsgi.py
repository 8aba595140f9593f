"""WSGI middleware (PEP 3333), for any application of it.

application = tocsin_client.wsgi.Middleware(application)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextvars import Token
from typing import Any

from tocsin_client import exceptions
from tocsin_client.current import bind_request_id, unbind_request_id
from tocsin_client.http_request import REQUEST_ID_HEADER, id_of

Environ = MutableMapping[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Middleware:
    """Tells what the application raises, and lets it go on; gives all events of a request, and its response, one id.

    `app`: of those events, where none is configured.
    """

    def __init__(self, application: Application, *, app: str = "wsgi") -> None:
        self._application = application
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        request_id = id_of(environ)
        environ["tocsin.request_id"] = request_id
        token = bind_request_id(request_id)

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:  # noqa: ANN401 - PEP 3333
            if not any(name.lower() == REQUEST_ID_HEADER.lower() for name, _ in headers):
                headers = [*headers, (REQUEST_ID_HEADER, request_id)]
            return start_response(status, headers, *more)

        try:
            body = self._application(environ, start)
        except Exception as error:
            exceptions.tell(error, app=self._app, request=environ)
            unbind_request_id(token)
            raise
        if isinstance(body, (list, tuple)) or _is_file(body, environ):  # made already, and the server may know how
            unbind_request_id(token)
            return body
        return _Body(body, environ, self._app, token)


def _is_file(body: object, environ: Environ) -> bool:
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


class _Body:
    """A response's body, which the application may make while it is read."""

    def __init__(self, body: Iterable[bytes], environ: Environ, app: str, token: Token[str | None]) -> None:
        self._body = body
        self._environ = environ
        self._app = app
        self._token = token

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception as error:
            exceptions.tell(error, app=self._app, request=self._environ)
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            unbind_request_id(self._token)
