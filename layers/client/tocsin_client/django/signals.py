"""Sign-ins, exceptions and suspicious requests, as Django's own signals and log tell of them."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.signals import got_request_exception

from tocsin_client import configuration
from tocsin_client._shared.actions import EventAction
from tocsin_client.django.middleware import current_request
from tocsin_client.event import Event, app_of
from tocsin_client.exceptions import tell
from tocsin_client.faults import never_raises

_SECURITY_LOG = "django.security"


def connect() -> None:
    """Make events from now on."""
    user_logged_in.connect(_logged_in, dispatch_uid="tocsin.logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="tocsin.logged_out")
    user_login_failed.connect(_login_failed, dispatch_uid="tocsin.login_failed")
    got_request_exception.connect(_exception, dispatch_uid="tocsin.exception")
    log = logging.getLogger(_SECURITY_LOG)
    if not any(isinstance(handler, _SuspiciousRequests) for handler in log.handlers):
        log.addHandler(_SuspiciousRequests(level=logging.WARNING))


@never_raises
def _logged_in(*, request: Any = None, user: Any = None, **_: object) -> None:  # noqa: ANN401
    context = {"auth_method": backend} if (backend := getattr(user, "backend", None)) else {}
    _said(EventAction.LOGIN, request, user, context).save()


@never_raises
def _logged_out(*, request: Any = None, user: Any = None, **_: object) -> None:  # noqa: ANN401
    if user is not None:
        _said(EventAction.LOGOUT, request, user).save()


@never_raises
def _login_failed(*, credentials: dict[str, Any], request: Any = None, **_: object) -> None:  # noqa: ANN401
    field = get_user_model().USERNAME_FIELD
    tried = credentials.get(field, credentials.get("username"))
    event = _said(EventAction.LOGIN_FAILED, request, {"username": tried} if tried else None)
    event.context.update(credentials)
    event.save()


@never_raises
def _exception(*, request: Any = None, **_: object) -> None:  # noqa: ANN401
    exception = sys.exc_info()[1]
    if exception is not None:
        tell(exception, app=_app_of(request), request=request or current_request())


class _SuspiciousRequests(logging.Handler):
    """Django says in its log alone that a SuspiciousOperation was refused: every one, whoever raised it."""

    @never_raises
    def emit(self, record: logging.LogRecord) -> None:
        exception = record.exc_info[1] if record.exc_info else None
        request = getattr(record, "request", None) or current_request()
        if exception is not None:
            tell(exception, app=_app_of(request), request=request)


def _said(action: str, request: object, user: Any, context: dict[str, Any] | None = None) -> Event:  # noqa: ANN401
    app = configuration.default_app() or get_user_model()._meta.app_label
    event = Event.new(action, app=app, **(context or {}))
    return _with_request(event, request, user) if request or current_request() else event.set_user(user)


def _with_request(event: Event, request: object, user: object = None) -> Event:
    request = request or current_request()
    return event.set_user(user) if request is None else event.from_http(request, user)


def _app_of(request: Any) -> str:  # noqa: ANN401
    """The configured app, else that of the view that answers."""
    view = getattr(getattr(request, "resolver_match", None), "func", None)
    module = getattr(getattr(view, "view_class", view), "__module__", None)
    return configuration.default_app() or (app_of({"__name__": module}) if module else "django")
