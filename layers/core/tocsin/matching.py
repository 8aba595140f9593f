"""From an event to the messages that tell people: rules, recipients, one message a delivery.

A rule's people are read in pages. The first few hundred are told at once; then the rest of the group is
handed on through the match queue with a cursor, so that no event holds a function for long, however many
people a group has. Ids of deliveries derive from what they are about, so doing any of this again is harmless.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Self

import orjson

from tocsin.configuration import Configuration
from tocsin.deliveries.models import DeliveryMessage
from tocsin.directory import Group, User, with_descendants
from tocsin.durations import parse_duration
from tocsin.events import Event
from tocsin.jsontypes import Json, JsonObject
from tocsin.observability import Code, note
from tocsin.rules import Firing, NotificationRule, RuleSet
from tocsin.store.configuration import ConfigurationStore
from tocsin.store.ledger import Ledger
from tocsin.store.outbox import Outbox
from tocsin.store.people import PeopleStore
from tocsin.transports import INBOX, NotificationTransport, TransportMode

PAGE = 100
"""Members read at a time: as many as one BatchGetItem takes."""

PAGES_AT_ONCE = 3
"""Pages told before the rest is handed on."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a rule's people were told: which group of the tree, and after which member of it."""

    group: int = 0
    after: str | None = None
    page: int = 0
    once_told: bool = False
    """Whether send-once transports that need a person have found theirs."""


@dataclass(frozen=True, slots=True)
class Work:
    """What travels through the match queue: an event to be matched, or a rule's people from a cursor on."""

    event_id: str
    rule: str | None = None
    cursor: Cursor | None = None
    reason: str | None = None
    """Why it is here: what failed the last time, or that the group is large."""

    def to_body(self) -> str:
        """As the message's body: the event's id and the reason stand where a person looks first."""
        cursor = self.cursor
        position: Json = None
        if cursor is not None:
            position = {
                "group": cursor.group,
                "after": cursor.after,
                "page": cursor.page,
                "once_told": cursor.once_told,
            }
        body: JsonObject = {
            "event_id": self.event_id,
            "reason": self.reason,
            "rule": self.rule,
            "cursor": position,
        }
        return orjson.dumps(body).decode()

    @classmethod
    def from_body(cls, body: str) -> Self:
        """The inverse of `to_body`. KeyError, TypeError or ValueError on what it did not write."""
        data = orjson.loads(body)
        cursor = Cursor(**data["cursor"]) if data.get("cursor") else None
        return cls(data["event_id"], data.get("rule"), cursor, data.get("reason"))


class EventAudience:
    """The person behind an event, looked up only where a rule asks."""

    def __init__(self, event: Event, configuration: Configuration, people: PeopleStore) -> None:
        self._event = event
        self._configuration = configuration
        self._people = people
        self._in_group: dict[str, bool] = {}
        self._user: JsonObject | None = None

    def user(self) -> JsonObject:
        """{username, pk, email, name, groups}: what the event says, completed by the directory."""
        if self._user is None:
            username = self._event.username
            known = self._people.users([username]).get(username) if username else None
            groups: list[Json] = [
                group.name for group in self._configuration.groups if username and self.is_in_group(group.name)
            ]
            self._user = {
                "username": username or "",
                "pk": self._event.user.get("pk"),
                "email": self._event.user_email or (known.email if known else ""),
                "name": known.name if known else "",
                "groups": groups,
            }
        return self._user

    def is_in_group(self, group: str) -> bool:
        """Whether the event's user is a member of `group` or of a group below it."""
        username = self._event.username
        if not username:
            return False
        if group not in self._in_group:
            below = with_descendants(self._configuration.groups_by_name, group)
            self._in_group[group] = bool(self._people.members_among(below, [username]))
        return self._in_group[group]


class Matcher:
    """Matches events and tells people. Raises Unavailable where a table or a queue does not do as asked."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        people: PeopleStore,
        ledger: Ledger,
        outbox: Outbox,
        queues: Mapping[TransportMode, str],
        match_queue: str,
    ) -> None:
        self._configuration = configuration
        self._people = people
        self._ledger = ledger
        self._outbox = outbox
        self._queues = queues
        self._match_queue = match_queue
        self._rules: tuple[str, RuleSet] | None = None

    def match(self, event: Event) -> None:
        """Put into the outbox what tells people of `event`, and into the ledger which rules fired."""
        configuration, rules = self._current()
        verdict = rules.judge(event, EventAudience(event, configuration, self._people))
        for failure in verdict.failures:
            note(
                Code.POLICY_FAILED,
                failure.error,
                event_id=event.id,
                policy=failure.policy,
                rule=failure.rule,
            )
        for firing in verdict.firings:
            self._tell(event, firing.rule, Cursor(), configuration, firing)

    def go_on(self, event: Event, rule_name: str, cursor: Cursor) -> None:
        """Tell the next of a rule's people. A rule that is gone meanwhile tells nobody any more."""
        configuration, _ = self._current()
        rule = next((rule for rule in configuration.rules if rule.name == rule_name and rule.enabled), None)
        if rule is not None:
            self._tell(event, rule, cursor, configuration, None)

    def _current(self) -> tuple[Configuration, RuleSet]:
        version, configuration = self._configuration.current()
        if self._rules is None or self._rules[0] != version.generation:
            self._rules = (version.generation, RuleSet(configuration.rules, configuration.policies))
            note(Code.RULES_LOADED, "rules loaded", version=version.number, rules=len(self._rules[1]))
        return configuration, self._rules[1]

    def _tell(
        self,
        event: Event,
        rule: NotificationRule,
        cursor: Cursor,
        configuration: Configuration,
        firing: Firing | None,
    ) -> None:
        transports = _transports(event, rule, configuration)
        telling = _Telling(event, rule, transports, self._put, once_told=cursor.once_told)
        for page in self._pages(event, rule, cursor, configuration):
            telling.people(page.users)
            cursor = replace(page.next, once_told=telling.once_told)
        finished = cursor.group < 0
        if finished and not cursor.once_told:
            telling.nobody_in_particular()
        now = datetime.now(UTC)
        self._ledger.note_match(
            event.id,
            rule.name,
            _facts(rule, transports, firing),
            page=str(cursor.page),
            told=telling.told,
            now=now,
            keep=parse_duration(configuration.settings.notification_retention) + timedelta(days=1),
        )
        if not finished:
            more = Work(event.id, rule.name, cursor, "the group has more members")
            self._outbox.add(self._match_queue, more.to_body(), event.id)
        note(
            Code.RULE_FIRED if telling.told or not finished else Code.RULE_TOLD_NOBODY,
            "rule fired" if telling.told or not finished else "rule fired, but there is nobody to tell",
            event_id=event.id,
            rule=rule.name,
            bindings=[result.reason for result in firing.results] if firing else None,
            deliveries=dict(telling.told),
            goes_on=None if finished else True,
        )

    def _put(self, message: DeliveryMessage, mode: TransportMode, owner: Hashable) -> None:
        self._outbox.add(self._queues[mode], message.to_body(), owner)

    def _pages(
        self, event: Event, rule: NotificationRule, cursor: Cursor, configuration: Configuration
    ) -> Iterator[_Page]:
        """The next pages of a rule's people, each person once. A cursor with a group below 0 is at the end."""
        groups = (
            with_descendants(configuration.groups_by_name, rule.destination_group) if rule.destination_group else ()
        )
        told_before = {event.username} if rule.destination_event_user and event.username else set()
        if cursor.page == 0 and told_before:
            found = self._people.users(sorted(told_before))
            yield _Page(tuple(u for u in found.values() if u.active), replace(cursor, group=0 if groups else -1))
        if not groups:
            yield _Page((), replace(cursor, group=-1))
            return
        for _ in range(PAGES_AT_ONCE):
            group = groups[cursor.group]
            members = self._people.members(group, after=cursor.after, limit=PAGE)
            usernames = [name for name in members.usernames if name not in told_before]
            if cursor.group and usernames:  # who is in a group that came before was told there
                before = self._people.members_among(groups[: cursor.group], usernames)
                usernames = [name for name in usernames if name not in before]
            found = self._people.users(usernames)
            cursor = _after(cursor, members.last, groups)
            yield _Page(tuple(found[n] for n in usernames if n in found and found[n].active), cursor)
            if cursor.group < 0:
                return


@dataclass(frozen=True, slots=True)
class _Page:
    users: tuple[User, ...]
    next: Cursor


def _after(cursor: Cursor, last: str | None, groups: tuple[Group, ...]) -> Cursor:
    if last is not None:
        return replace(cursor, after=last, page=cursor.page + 1)
    further = cursor.group + 1
    return replace(cursor, group=further if further < len(groups) else -1, after=None, page=cursor.page + 1)


class _Telling:
    """Makes the messages of one event and rule, and counts them by transport."""

    def __init__(
        self,
        event: Event,
        rule: NotificationRule,
        transports: tuple[NotificationTransport, ...],
        put: Callable[[DeliveryMessage, TransportMode, Hashable], None],
        *,
        once_told: bool,
    ) -> None:
        self._event = event
        self._rule = rule
        self._transports = transports
        self._put = put
        self.told: Counter[str] = Counter()
        self.once_told = once_told

    def people(self, users: tuple[User, ...]) -> None:
        """Tell each of `users` by each transport, and the first of all by those that send once."""
        for user in users:
            for transport in self._transports:
                if not transport.send_once or not self.once_told:
                    self._message(transport, user)
            self.once_told = True

    def nobody_in_particular(self) -> None:
        """Send what is sent once to a channel, not a person, although no person was found."""
        for transport in self._transports:
            if transport.send_once and transport.mode in {TransportMode.WEBHOOK, TransportMode.WEBHOOK_SLACK}:
                self._message(transport, None)

    def _message(self, transport: NotificationTransport, user: User | None) -> None:
        message = DeliveryMessage(
            event_id=self._event.id,
            rule=self._rule.name,
            severity=self._rule.severity,
            transport=transport.name,
            mode=transport.mode,
            user=user,
            once=transport.send_once,
            event=self._event,
        )
        self._put(message, transport.mode, self._event.id)
        self.told[transport.name] += 1


def _transports(
    event: Event, rule: NotificationRule, configuration: Configuration
) -> tuple[NotificationTransport, ...]:
    """The rule's transports, without the one that caused the event; the inbox where it names none."""
    if not rule.transports:
        return (INBOX,)
    known = configuration.transports_by_name
    caused_by = event.cause.transport if event.cause else None
    return tuple(known[name] for name in rule.transports if name in known and known[name].enabled and name != caused_by)


def _facts(rule: NotificationRule, transports: tuple[NotificationTransport, ...], firing: Firing | None) -> JsonObject:
    facts: JsonObject = {
        "severity": rule.severity.value,
        "transports": [transport.name for transport in transports],
    }
    if firing is not None:
        facts["bindings"] = [
            {"binding": result.binding.target, "passed": result.passed, "reason": result.reason}
            for result in firing.results
        ]
    return facts
