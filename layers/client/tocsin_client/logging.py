"""Log records as events: a handler for Python's logging.

logging.getLogger("billing.audit").addHandler(tocsin_client.logging.EventHandler())
log.warning("invoice %s was changed twice", number, extra={"action": "invoice_conflict", "invoice": number})
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from tocsin_client import configuration
from tocsin_client._shared.actions import EventAction
from tocsin_client.client import Client
from tocsin_client.event import Event

_OWN = "tocsin_client"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "action", "user", "request", "taskName"}
_within = threading.local()


class EventHandler(logging.Handler):
    """Saves each record as an event, of the action `record.action`, else of `action`.

    A record with an exception is a system_exception where it names no action. `context` has its message, level, logger
    and place, and what was given as `extra`; a `request` (any that `Event.from_http` takes) and a `user` in there
    become the event's. `app` is the configured one, else the logger's name. Records of this library, and those that
    saving an event causes, make no events.
    """

    def __init__(
        self, level: int | str = logging.WARNING, *, action: str = "log", client: Client | None = None
    ) -> None:
        super().__init__(level)
        self._action = action
        self._client = client

    def emit(self, record: logging.LogRecord) -> None:
        """Save the record as an event. Never raises; what fails is handled as logging handles it."""
        if record.name.partition(".")[0] == _OWN or getattr(_within, "saving", False):
            return
        _within.saving = True
        try:
            self._event(record).save(client=self._client)
        except Exception:  # noqa: BLE001 - as logging's own handlers
            self.handleError(record)
        finally:
            _within.saving = False

    def _event(self, record: logging.LogRecord) -> Event:
        exception = record.exc_info[1] if record.exc_info else None
        given: Any = getattr(record, "action", None)
        action = given or (self._action if exception is None else EventAction.SYSTEM_EXCEPTION)
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        event = Event.new(str(action), app=configuration.default_app() or record.name)
        event.context = {
            **extra,
            "message": record.getMessage(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "source": {"file": record.pathname, "line": record.lineno, "function": record.funcName},
        }
        if exception is not None:
            event.with_exception(exception)
        request, user = getattr(record, "request", None), getattr(record, "user", None)
        if request is not None:
            event.from_http(request, user)
        elif user is not None:
            event.set_user(user)
        return event
