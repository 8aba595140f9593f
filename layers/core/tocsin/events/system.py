"""Events that Tocsin itself reports. They are stored and matched like any other, so that rules can tell people.

Each carries its cause, so that it can't fire the rule nor reach the transport that it is about, and its depth in the
chain of such events, so that a chain ends.

Each is created when it happens, with a random id: a producer could post an event with an id that it can predict, and
the system event would be missing. Where only one an hour is to be reported, a marker of Tocsin's own sees to that.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import orjson

from tocsin.aws.errors import RETRY_AFTER
from tocsin.aws.logging import Code, note
from tocsin.aws.retry import retry
from tocsin.errors import Conflict, Unavailable
from tocsin.events.model import OWN_APP, Cause, Event, EventAction, Once
from tocsin.events.sanitize import sanitize
from tocsin.events.store import Earlier, EventStore, Submission, digest_of
from tocsin.ids import new_id
from tocsin.times import parse_duration, utc_now
from tocsin.ttl_cache import TTLCache
from tocsin.types import JsonObject

APP = OWN_APP
"""The `app` of system events, and the owner of the markers for what is reported once an hour."""

_HOUR = timedelta(hours=1)
_IDS_TRIED = 3


class EventSettings(Protocol):
    """The settings that fill in a system event."""

    @property
    def brand(self) -> str:
        """The brand of an event."""

    @property
    def event_retention(self) -> str:
        """How long an event is kept: a duration string."""


class SystemEvents:
    """Stores events that Tocsin reports. Keep one a process: it remembers what was reported in this hour."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._said: TTLCache[tuple[str, ...], tuple[str, str]] = TTLCache(_HOUR)

    def report(
        self,
        action: EventAction,
        context: dict[str, object],
        *,
        cause: Cause | None,
        settings: EventSettings,
        hourly: tuple[str, ...] | None = None,
        now: datetime | None = None,
        user: JsonObject | None = None,
        client_ip: str | None = None,
        tries: int = 1,
        id_: str | None = None,
    ) -> str:
        """Store an event that happens `now` (default: by the clock); its id.

        Of those with the same action and `hourly` only the first of each hour, UTC, is stored, whatever the number of
        processes, and the id is that one's; without `hourly` each is. An event with an `id_`, which is kept elsewhere
        and was drawn by `new_id`, is stored once, however often and by whomever it is reported.
        Raises Unavailable where it could not be stored in `tries` tries.
        """
        moment = now or utc_now()
        hour = f"{moment.astimezone(UTC):%Y-%m-%dT%H}"
        said = None if hourly is None else (action, *hourly)
        if said is not None and (known := self._said.get(said)) is not None and known.value[0] == hour:
            return known.value[1]
        clean = _clean(context)
        for _ in range(_IDS_TRIED):
            event = Event(
                id=id_ or new_id(now),
                action=action,
                app=APP,
                user=user or {},
                context=clean,
                client_ip=client_ip,
                brand=settings.brand,
                expires=moment + parse_duration(settings.event_retention),
                cause=cause or Cause(None, None, 1),
            )
            stored = retry(partial(self._stored, event, said, hour, moment), tries=tries)
            if stored is not None:
                break
            if id_ is not None:  # reported before, while the settings were others
                return id_
            note(Code.ID_TAKEN, "another event has the id of a system event", level=logging.ERROR, event_id=event.id)
        else:
            raise Unavailable("the ids of a system event were all taken", retry_after=RETRY_AFTER)
        if said is not None:
            self._said.put(said, (hour, stored))
        return stored

    def _stored(self, event: Event, said: tuple[str, ...] | None, hour: str, now: datetime) -> str | None:
        """Store `event`, if not reported in this hour: the id of what says it. None where another event has its id.

        Raises Unavailable.
        """
        submission = submission_of(event)
        result: Event | Earlier | Conflict | Unavailable
        if said is None:
            (result,) = self._events.add([submission])
        else:
            key = orjson.dumps([*said, hour]).decode()
            result = self._events.add_first(APP, now, submission, Once(key, 2 * _HOUR))
        if isinstance(result, Unavailable):
            raise result
        return None if isinstance(result, Conflict) else result.id


def event_of_now(action: EventAction, context: JsonObject, *, settings: EventSettings, user: JsonObject) -> Event:
    """Return a system event that happens now, with a new id and no cause, for its caller to store."""
    id_ = new_id()
    return in_force(
        Event(
            id=id_,
            action=action,
            app=APP,
            user=user,
            context=_clean(context),
            client_ip=None,
            brand="",
            expires=None,
            cause=Cause(None, None, 1),
        ),
        settings,
    )


def in_force(event: Event, settings: EventSettings) -> Event:
    """Return a system event that was made before, as `settings` fill it in."""
    expires = event.created + parse_duration(settings.event_retention)
    return replace(event, brand=settings.brand, expires=expires)


def submission_of(event: Event) -> Submission:
    """Return a system event as it is stored: tried again after an unknown outcome, it is told from another by a digest.

    So it is stored once, however often it is tried.
    """
    return Submission(event, digest_of({"system": event.to_json()}))


def _clean(context: Mapping[str, object]) -> JsonObject:
    from tocsin.events.redact import cleanse  # noqa: PLC0415 - its patterns; faults are few

    clean = sanitize(cleanse(sanitize(dict(context))))  # a mask can be longer than what it hides
    return clean if isinstance(clean, dict) else {}


def caused_by(event: Event, *, rule: str | None, transport: str | None) -> Cause:
    """The cause of an event that is reported about `event`: one deeper than that event's own."""
    return Cause(rule, transport, event.next_depth)
