"""ASGI middleware (version 3), for any application of it.

application = tocsin_client.asgi.Middleware(application)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tocsin_client import configuration, exceptions
from tocsin_client.context import bound_request_id
from tocsin_client.faults import report
from tocsin_client.http_request import REQUEST_ID_HEADER, id_of

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

FLUSH = 5.0
"""Seconds that a server which shuts down waits at most."""


class Middleware:
    """Tells what the application raises, and lets it go on; gives all events of a request, and its response, one id.

    Events are flushed when the server shuts the application down. `app`: of the events, where none is configured.
    """

    def __init__(self, application: Application, *, app: str = "asgi") -> None:
        self._application = application
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or take part in the server's life."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, _flushing(send))
            return
        if scope["type"] not in {"http", "websocket"}:
            await self._application(scope, receive, send)
            return
        request_id = id_of(scope)
        scope = {**scope, "state": {**(scope.get("state") or {}), "request_id": request_id}}
        with bound_request_id(request_id):
            try:
                await self._application(scope, receive, _naming(send, request_id))
            except Exception as error:
                exceptions.tell(error, app=self._app, request=scope)
                raise


def _naming(send: Send, request_id: str) -> Send:
    """Adds the request's id to the response, where it has none."""
    name = REQUEST_ID_HEADER.lower().encode()

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers") or ())
            if not any(bytes(given).lower() == name for given, _ in headers):
                headers.append((name, request_id.encode("latin-1", "replace")))
            message = {**message, "headers": headers}
        await send(message)

    return sending


def _flushing(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.shutdown.complete" and not await asyncio.to_thread(configuration.flush, FLUSH):
            # Uvicorn ends by the signal that it got, and so without what Python does at exit.
            report("the server shuts down, and not all events are sent: without a spool they may be lost")
        await send(message)

    return sending
