"""What binds events to the request that they happen in."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from tocsin_client import configuration
from tocsin_client.context import bound_request_id
from tocsin_client.http_request import REQUEST_ID_HEADER, Reading

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

_request: ContextVar[HttpRequest | None] = ContextVar("tocsin_django_request", default=None)


def current_request() -> HttpRequest | None:
    """The request that is being answered; None outside of one."""
    return _request.get()


class AuditMiddleware:
    """Gives each request an id, its own or the one that it came with, which all its events and the response have.

    Events of models and sign-ins tell the request that they happened in. For the outermost place in MIDDLEWARE; for
    WSGI and ASGI.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer the request, events bound to it meanwhile."""
        if iscoroutinefunction(self.get_response):
            return self._answer_async(request)
        with _bound(request) as request_id:
            response: HttpResponseBase = self.get_response(request)
        response.headers.setdefault(REQUEST_ID_HEADER, request_id)
        return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        with _bound(request) as request_id:
            response: HttpResponseBase = await self.get_response(request)
        response.headers.setdefault(REQUEST_ID_HEADER, request_id)
        return response


@contextmanager
def _bound(request: Any) -> Iterator[str]:  # noqa: ANN401 - Django's HttpRequest, and an attribute of ours
    given = getattr(request, "request_id", None)
    reading = Reading(0, configuration.current.request_id_headers)
    request_id = reading.request_id(request.headers.get, given) or os.urandom(16).hex()
    if given is None:
        request.request_id = request_id
    token = _request.set(request)
    try:
        with bound_request_id(request_id):
            yield request_id
    finally:
        _request.reset(token)
