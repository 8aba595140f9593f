"""The end of what a rule told of: those who were notified since the beginning are told once that it is over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import orjson

from tocsin.aws.logging import Code, note
from tocsin.config.model import Configuration
from tocsin.deliveries.waiting_store import WaitingStore
from tocsin.events.model import Event
from tocsin.identity.store import PeopleStore
from tocsin.ids import id_time
from tocsin.matching.message import Cursor
from tocsin.matching.open_store import Listener, OpenStore
from tocsin.matching.story import StoryStore
from tocsin.matching.telling import Put, Telling, transports_told
from tocsin.matching.throttle import values_of
from tocsin.rules.model import NotificationRule
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.times import iso, parse_duration
from tocsin.types import Json

ITEMS_AT_ONCE = 3
"""Items of some hundred people each that one end takes at once; the rest is handed on to the match queue."""

_PAGES_OF_STEP = 100_000
"""More than `recipients.MAX_PAGES`: pages of a step's people have other numbers than the rule's and other steps'."""


class Endings:
    """Notes who was told of what may end, and tells them of the end. Raises Unavailable."""

    def __init__(
        self,
        opened: OpenStore,
        people: PeopleStore,
        deleted: Callable[[Iterable[str]], Mapping[str, datetime]],
        preferences: PreferencesStore,
        waiting: WaitingStore,
        stories: StoryStore,
        put: Put,
        clock: Callable[[], datetime],
    ) -> None:
        """`deleted` says when the last person of each name was deleted. Who has the name since then is another."""
        self._opened = opened
        self._people = people
        self._deleted = deleted
        self._preferences = preferences
        self._waiting = waiting
        self._stories = stories
        self._put = put
        self._clock = clock

    def begin(
        self, event: Event, rule: NotificationRule, telling: Telling, page: int, *, step: int | None = None
    ) -> None:
        """Note whom `telling` notifies, now or later: page `page` of the rule's people, or of a step's."""
        if rule.resolve is not None and telling.about is not None:
            now, page = self._clock(), page + (step or 0) * _PAGES_OF_STEP
            ends = now + parse_duration(rule.resolve.within)
            told = self._marked(telling.listeners, id_time(event.id))
            self._opened.begin(rule.name, telling.about, page, event.id, told, now=now, ends=ends)

    def end(
        self, event: Event, rule: NotificationRule, cursor: Cursor, configuration: Configuration, keep: timedelta
    ) -> Cursor | None:
        """Tell some of those who were told; where to go on after them, None at the end."""
        about = None if rule.resolve is None else about_of(rule, event)
        if about is None:
            return None
        now = self._clock()
        ended = self._opened.end(rule.name, about, event.id, after=cursor.after, now=now, most=ITEMS_AT_ONCE)
        if ended.told:
            told = self._there_still(ended.told)
            users = self._people.users(sorted({username for _, username in told if username}))
            telling = Telling(
                event,
                rule,
                configuration,
                self._preferences,
                self._put,
                once_told=True,
                remark=None,
                clock=self._clock,
                about=about,
                over=True,
                transports=transports_told({name for name, _ in told}, event, rule, configuration),
            )
            active = {name: user for name, user in users.items() if user.active}
            cursor = replace(cursor, used=telling.again(told, active, cursor.used))
            telling.note_kept(self._waiting, keep=keep)
            self._stories.note_match(
                event.id,
                rule.name,
                {
                    "severity": rule.severity.value,
                    "transports": [transport.name for transport in telling.transports],
                    "ends": True,
                },
                page=str(cursor.page),
                told=telling.told,
                kept=telling.kept,
                now=now,
                keep=keep,
            )
            note(
                Code.RULE_ENDED,
                "what the rule told of is over",
                event_id=event.id,
                rule=rule.name,
                deliveries=dict(telling.told),
                kept_back=dict(telling.kept) or None,
            )
        return None if ended.after is None else replace(cursor, after=ended.after, page=cursor.page + 1)

    def _marked(self, listeners: Collection[Listener], happened: datetime) -> set[Listener]:
        """Return `listeners` with who each is, of all who had the name: after it, when the one before was deleted.

        Whoever was deleted after it happened is nobody: the transport alone is noted, which may be a channel's.
        """
        deleted = self._deletions(name for _, name in listeners)
        return {
            (transport, "" if name in deleted and happened <= deleted[name] else _marked(name, deleted))
            for transport, name in listeners
        }

    def _there_still(self, told: Collection[Listener]) -> set[Listener]:
        """Return those who were told by their names alone, and no name for those who were deleted since."""
        names = {person: person.partition("\n")[0] for _, person in told}
        deleted = self._deletions(names.values())
        return {
            (transport, names[person] if person == _marked(names[person], deleted) else "")
            for transport, person in told
        }

    def _deletions(self, names: Iterable[str]) -> Mapping[str, datetime]:
        return self._deleted(sorted({name for name in names if name}))


def _marked(name: str, deleted: Mapping[str, datetime]) -> str:
    return f"{name}\n{iso(deleted[name])}" if name in deleted else name


def about_of(rule: NotificationRule, event: Event) -> str | None:
    """Return the key of what a rule tells of one thing, its beginning, its steps, its end and groups of it: a hash.

    It is made of the values at the paths of the rule's `group`, or of its `resolve`. For a rule that has only
    `escalate` it is made of the event's id. None where the rule has none of the three.
    """
    told_of = rule.group or rule.resolve
    if told_of is None and not rule.escalate:
        return None
    told: list[Json] = [rule.name, event.id if told_of is None else values_of(event, told_of.by)]
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
