"""What Tocsin itself reports, as events like any other: they are stored, matched, and people hear of them.

Each carries what caused it, so that it can't fire the rule nor reach the transport that it is about, and how
many such events stand behind it, so that a chain of them ends.
"""

from __future__ import annotations

from typing import Protocol

from tocsin.errors import Unavailable
from tocsin.events.model import Cause, Event, EventAction
from tocsin.events.redact import cleanse
from tocsin.events.sanitize import sanitize
from tocsin.events.store import EventStore, Submission, digest_of
from tocsin.ids import derived_id
from tocsin.times import parse_duration, utc_now
from tocsin.types import JsonObject

APP = "tocsin"
"""The `app` of system events."""


class EventSettings(Protocol):
    """What the settings say of events that name nothing themselves."""

    @property
    def brand(self) -> str:
        """The brand of an event."""

    @property
    def event_retention(self) -> str:
        """How long an event is kept: a duration string."""


class SystemEvents:
    """Alerts events into the log, each once however often its cause is worked through."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def report(
        self,
        action: EventAction,
        context: dict[str, object],
        *,
        anchor: str,
        about: tuple[str, ...],
        cause: Cause | None,
        settings: EventSettings,
        user: JsonObject | None = None,
        client_ip: str | None = None,
    ) -> str:
        """Store an event and give its id. The same `anchor` and `about` are the same event: a repeat stores nothing.

        `anchor` is an event id whose time the event takes: that of the event that it is about, or one that
        stands for a window of time. Raises Unavailable where it could not be stored.
        """
        clean = sanitize(cleanse(sanitize(context)))  # a mask can be longer than what it hides
        event = Event(
            id=derived_id(anchor, "system", action, *about),
            action=action,
            app=APP,
            user=user or {},
            context=clean if isinstance(clean, dict) else {},
            client_ip=client_ip,
            brand=settings.brand,
            expires=utc_now() + parse_duration(settings.event_retention),
            cause=cause or Cause(None, None, 1),
        )
        (stored,) = self._events.add([Submission(event, digest_of({"action": action, "about": list(about)}))])
        if isinstance(stored, Unavailable):
            raise stored
        return event.id


def caused_by(event: Event, *, rule: str | None, transport: str | None) -> Cause:
    """The cause of what is reported of `event`: one deeper than its own."""
    return Cause(rule, transport, (event.cause.depth if event.cause else 0) + 1)
