"""Tocsin for Flask.

    tocsin = Tocsin(app)                                # or Tocsin().init_app(app)
    tocsin.event("invoice_paid", invoice=4711).save()   # in a view: with the request, and who it is by

Settings of the application: TOCSIN_URL and TOCSIN_KEY (else the environment's), TOCSIN_APP, TOCSIN_SPOOL,
TOCSIN_TRUSTED_PROXIES; TOCSIN_USER, a callable, gives the user of a request: Flask-Login's by default, else `g.user`.
"""

from __future__ import annotations

import sys
from contextvars import Token
from typing import Any

from flask import Flask, Response, current_app, g, got_request_exception, has_request_context, request
from werkzeug.exceptions import SecurityError

from tocsin_client import configuration, exceptions
from tocsin_client.current import bind_request_id, unbind_request_id
from tocsin_client.event import Event, app_of
from tocsin_client.faults import report
from tocsin_client.http_request import REQUEST_ID_HEADER, id_of

_TOKEN = "_tocsin_token"  # noqa: S105 - of a context variable


class Tocsin:
    """The extension: tells what views raise, and gives all events of a request, and its response, one id."""

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Configure the client from the application's settings, and follow its requests."""
        app.extensions["tocsin"] = self
        _configure(app)
        app.before_request(_begin)
        app.after_request(_answer)
        app.teardown_request(_end)
        got_request_exception.connect(_tell, app)
        app.register_error_handler(SecurityError, _refuse)

    def event(self, action: str, /, app: str | None = None, **context: object) -> Event:
        """Begin an event with what the current request says, where there is one."""
        app = app or configuration.default_app() or app_of(sys._getframe(1).f_globals)
        event = Event.new(action, app=app, **context)
        return event.from_http(request, _user()) if has_request_context() else event


def _configure(app: Flask) -> None:
    settings = {name: app.config.get(f"TOCSIN_{name.upper()}") for name in ("app", "spool", "trusted_proxies")}
    given = {name: value for name, value in settings.items() if value is not None}
    url, key = app.config.get("TOCSIN_URL"), app.config.get("TOCSIN_KEY")
    if configuration.is_said_by(url, key, given.get("spool")):
        try:
            configuration.configure(url, key, **given)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with them
            report("the settings of Tocsin are wrong: events are not sent", error)
    else:
        configuration.current.app = given.get("app", configuration.current.app)
        configuration.current.trusted_proxies = given.get("trusted_proxies", configuration.current.trusted_proxies)


def _begin() -> None:
    request_id = id_of(request)
    request.environ["tocsin.request_id"] = request_id
    setattr(g, _TOKEN, bind_request_id(request_id))


def _answer(response: Response) -> Response:
    request_id = request.environ.get("tocsin.request_id")
    if request_id is not None:
        response.headers.setdefault(REQUEST_ID_HEADER, request_id)
    return response


def _end(_error: BaseException | None) -> None:
    token: Token[str | None] | None = g.pop(_TOKEN, None)
    if token is not None:
        unbind_request_id(token)


def _tell(sender: Flask, exception: BaseException, **_: Any) -> None:  # noqa: ANN401 - blinker's
    exceptions.tell(exception, app=sender.import_name, request=request, user=_user())


def _refuse(error: SecurityError) -> SecurityError:
    exceptions.tell(error, app=current_app.import_name, request=request, user=_user())
    return error


def _user() -> object:
    """Who the request is by: what TOCSIN_USER gives, else the user that Flask-Login has found, else `g.user`."""
    try:
        given = current_app.config.get("TOCSIN_USER")
        return given() if callable(given) else g.get("_login_user", g.get("user"))
    except Exception as error:  # noqa: BLE001 - theirs
        report("the user of a request can't be told", error)
        return None
