"""Django's requests as events tell them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from asgiref.sync import sync_to_async

from tocsin_client.client_ip import client_ip
from tocsin_client.django.settings import called
from tocsin_client.faults import report
from tocsin_client.http_request import HttpRequest, Reading
from tocsin_client.users import as_user

# Where authentik keeps who impersonates, and the flow that somebody is in.
_ORIGINAL_USER = "authentik/impersonate/original_user"
_FLOW_PLAN = "authentik/flows/plan"
_HIJACKED_BY = "hijack_history"  # django-hijack: primary keys


def read_request(request: Any, reading: Reading) -> HttpRequest:  # noqa: ANN401 - Django's HttpRequest
    """Read a request. Who it is by is asked of the database where that is not known yet, but not in an event loop."""
    found = HttpRequest(
        path=request.path,
        method=request.method or "",
        query=request.META.get("QUERY_STRING", ""),
        user_agent=request.headers.get("User-Agent", ""),
        request_id=reading.request_id(request.headers.get, getattr(request, "request_id", None)),
        client_ip=client_ip(
            request.headers.get("X-Forwarded-For", ""), request.META.get("REMOTE_ADDR"), reading.trusted_proxies
        ),
        brand=getattr(request, "brand", None),
    )
    with _session_as_it_was(request):
        for name, of_request in _PEOPLE.items():
            try:
                setattr(found, name, of_request(request))
            except Exception as error:  # noqa: BLE001 - a database that fails is often why there is an event
                report(f"the {name} of a request can't be told", error)
    return found


def _user(request: Any) -> object:  # noqa: ANN401
    known = getattr(request, "_acached_user", None)  # by request.auser()
    if known is not None or not hasattr(request, "user"):
        return known
    # Asked here rather than where the event is made of it: a user that is not known yet is asked of the session.
    return None if _must_be_awaited(request) else as_user(request.user)


def _user_later(request: Any) -> object:  # noqa: ANN401
    """What gives the user where it has to be awaited: auser(), which requests have from Django 5.0 on, or alike."""

    def ask() -> object:
        return as_user(request.user)

    if not hasattr(request, "user") or not _must_be_awaited(request):
        return None
    return getattr(request, "auser", None) or sync_to_async(ask)


def _must_be_awaited(request: Any) -> bool:  # noqa: ANN401
    return _in_event_loop() and not hasattr(request, "_cached_user") and _is_lazy(request.user)


def _is_lazy(user: object) -> bool:
    from django.utils.functional import LazyObject, empty  # noqa: PLC0415

    return isinstance(user, LazyObject) and user.__dict__.get("_wrapped") is empty


def _impersonator(request: Any) -> object:  # noqa: ANN401
    found = called("IMPERSONATOR", request) or getattr(request, "impersonator", None)  # that of django-impersonate
    if found:
        return found
    session = _session(request)
    if session is None:
        return None
    if session.get(_ORIGINAL_USER) is not None:
        return session[_ORIGINAL_USER]
    history = session.get(_HIJACKED_BY)
    return {"pk": history[-1]} if isinstance(history, list) and history else None


def _pending_user(request: Any) -> object:  # noqa: ANN401
    found = called("PENDING_USER", request)
    session = _session(request)
    if found or session is None:
        return found
    context = getattr(session.get(_FLOW_PLAN), "context", None)
    return context.get("pending_user") if isinstance(context, dict) else None


_PEOPLE: dict[str, Callable[[Any], object]] = {
    "user": _user,
    "user_later": _user_later,
    "impersonator": _impersonator,
    "pending_user": _pending_user,
}


def _session(request: Any) -> Any:  # noqa: ANN401
    """The session, where there is one that can be read here."""
    session = getattr(request, "session", None)
    if session is None or (getattr(session, "session_key", None) is None and not hasattr(session, "_session_cache")):
        return None
    return session if hasattr(session, "_session_cache") or not _in_event_loop() else None


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _session_as_it_was(request: Any) -> Iterator[None]:  # noqa: ANN401
    """Whoever reads a session makes the response vary by cookie; an event is no reason for that."""
    session: Any = getattr(request, "session", None)
    accessed = getattr(session, "accessed", None)
    try:
        yield
    finally:
        if accessed is False:
            session.accessed = False
