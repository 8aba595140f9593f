"""Tocsin for FastAPI.

app.add_middleware(tocsin_client.fastapi.Middleware)

@app.post("/invoices/{number}/pay")
async def pay(number: int, event: Annotated[NewEvent, Depends(new_event)]) -> None:
    event("invoice_paid", invoice=number).save()  # with the request, and who it is by
"""

from __future__ import annotations

import sys

from fastapi import Request
from starlette.requests import HTTPConnection

from tocsin_client import configuration
from tocsin_client.asgi import Middleware
from tocsin_client.event import Event, app_of

__all__ = ["Middleware", "NewEvent", "new_event"]


class NewEvent:
    """Begins events with what one request says."""

    def __init__(self, request: HTTPConnection) -> None:
        self._request = request

    def __call__(self, action: str, /, app: str | None = None, **context: object) -> Event:
        """Begin an event, as Event.new and from_http."""
        app = app or configuration.default_app() or app_of(sys._getframe(1).f_globals)
        return Event.new(action, app=app, **context).from_http(self._request)


async def new_event(request: Request) -> NewEvent:
    """Give, as a dependency, what begins events of the request."""
    return NewEvent(request)
