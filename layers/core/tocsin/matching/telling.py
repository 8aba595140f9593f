"""Make the messages that notify a rule's people of an event: for each person and transport, now, later, or never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.aws.logging import Code, note
from tocsin.aws.metrics import Metric, measured
from tocsin.config.model import Configuration
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.waiting_store import KeptBack, WaitingStore
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.matching.throttle import Passage, values_of
from tocsin.notifications.transport import INBOX, NotificationTransport, TransportMode, inbox_among
from tocsin.rules.model import NotificationRule, Silence
from tocsin.telling.decision import Aged, Asked, Cause, Decision, Kind, Silencing, Throttling, Together, decide
from tocsin.telling.preferences import Wishes
from tocsin.telling.preferences_store import PreferencesStore

type Put = Callable[[DeliveryMessage, TransportMode, Hashable], None]


class Telling:
    """Makes the messages of one event and rule, and counts them by transport.

    Each message is decided on (`telling.decision`). One that is sent goes to `put`; one that waits or is dropped is
    collected in `kept_back`, for `note_kept` to store.
    """

    def __init__(
        self,
        event: Event,
        rule: NotificationRule,
        configuration: Configuration,
        preferences: PreferencesStore,
        put: Put,
        *,
        once_told: bool,
        used: Collection[str] = (),
        remark: str | None,
        clock: Callable[[], datetime],
        about: str | None = None,
        over: bool = False,
        step: int | None = None,
        transports: tuple[NotificationTransport, ...] | None = None,
    ) -> None:
        """`put` is given what is sent at once. `once_told` says whether there were people before these, and `used`
        which send-once transports were used for them.

        `remark`, `about`, `over` and `step` are those of the messages. `transports` default to the rule's.
        """
        self.about, self._over, self._step = about, over, step
        self._remark = remark
        self._event = event
        self._rule = rule
        self._group = group_of(rule, event)
        self.transports = transports_of(event, rule, configuration) if transports is None else transports
        self._defaults = configuration.settings.defaults
        self._preferences = preferences
        self._put = put
        self._clock = clock
        self.told: Counter[str] = Counter()
        self.once_told = once_told
        self.used = {*used}
        self.kept_back: list[KeptBack] = []
        """What is not sent now: it waits, or was dropped."""
        self.listeners: set[tuple[str, str]] = set()
        """(transport, username) of everybody who is notified now or later; "" for nobody in particular."""

    def people(self, users: tuple[User, ...]) -> None:
        """Notify each of `users` by each transport, as their preferences say.

        A send-once transport is used for the first of all users whom it can reach, and not again.
        """
        personal = any(not transport.send_once or transport.mode.is_personal for transport in self.transports)
        wishes = self._preferences.wishes([user.username for user in users], self._defaults) if personal else {}
        now = self._clock()
        for user in users:
            for transport in self.transports:
                if not transport.send_once:
                    self._person(transport, user, wishes.get(user.username), now)
                elif transport.name not in self.used and self._reaches(transport, user, wishes, now):
                    self._once(transport, user, wishes, now)
                    self.used.add(transport.name)
            self.once_told = True

    def finish(self) -> None:
        """Use the send-once transports that were used for nobody. Call it after the last of the people.

        One that reaches a channel needs no person. One that reaches none of those who were there is dropped.
        """
        for transport in self.transports:
            if not transport.send_once or transport.name in self.used:
                continue
            if not transport.mode.is_personal:
                self.decided(transport, None, self._decision(transport, None, self._clock()))
            elif self.once_told:
                reason = f"dropped: nobody of those whom rule {self._rule.name} tells takes {transport.name}"
                self.decided(transport, None, Decision(Kind.DROP, Cause.TRANSPORT_OFF, reason))

    def _reaches(
        self, transport: NotificationTransport, user: User, wishes: Mapping[str, Wishes], now: datetime
    ) -> bool:
        """Whether a send-once transport is used for `user`: one of a channel always, another where they take it."""
        if not transport.mode.is_personal:
            return True
        if transport.mode is TransportMode.EMAIL and not user.email.strip():
            return False
        asked = asked_of(self._rule, transport)
        return decide(asked, now, wishes=wishes.get(user.username)).kind is not Kind.DROP

    def again(
        self, told: Collection[tuple[str, str]], users: Mapping[str, User], used: Collection[str]
    ) -> tuple[str, ...]:
        """Notify those who were notified before, by the same transports.

        `told` are (transport, username) as `listeners` has them. A person who is not among `users` is left out, and
        what is sent to one person, once, is sent to nobody where that leaves none. `used` are the send-once transports
        that were used for others of them before; all that were by now are returned.
        """
        wishes = self._preferences.wishes([*users], self._defaults)
        now, personal = self._clock(), {transport.name for transport in self.transports if not transport.send_once}
        all_used = {*used}
        for transport in self.transports:
            names = sorted(username for name, username in told if name == transport.name)
            if transport.name in personal:
                for user in (users[name] for name in names if name in users):
                    self._person(transport, user, wishes.get(user.username), now)
            elif names and transport.name not in used:
                there = (users[name] for name in names if name in users)
                first = next((user for user in there if self._reaches(transport, user, wishes, now)), None)
                if first is not None or not transport.mode.is_personal:
                    self._once(transport, first, wishes, now)
                    all_used.add(transport.name)
        return tuple(sorted(all_used))

    @property
    def kept(self) -> Counter[str]:
        """How many messages were kept back, by the cause of the decision."""
        return Counter(each.decision.cause.value for each in self.kept_back)

    def note_kept(self, waiting: WaitingStore, *, keep: timedelta) -> None:
        """Store what was kept back: what waits is sent later, and the event's story says why. Raises Unavailable."""
        waiting.keep_back(self.kept_back, now=self._clock(), keep=keep)
        for each in self.kept_back:
            message, decision = each.message, each.decision
            measured(Metric.DELIVERIES_KEPT_BACK, cause=decision.cause)
            note(
                Code.DELIVERY_KEPT_BACK,
                decision.reason,
                event_id=message.event_id,
                delivery_id=message.delivery_id,
                rule=message.rule,
                transport=message.transport,
                user=message.user.username if message.user else None,
                decision=decision.kind.value,
                cause=decision.cause.value,
            )

    def _person(self, transport: NotificationTransport, user: User, wishes: Wishes | None, now: datetime) -> None:
        if wishes is not None:
            user = wishes.of_reader(user)
        self.decided(transport, user, self._decision(transport, wishes, now))

    def _once(
        self, transport: NotificationTransport, user: User | None, wishes: Mapping[str, Wishes], now: datetime
    ) -> None:
        """Use a send-once transport for `user`, who reads it where it is no channel's; nobody's wishes delay it."""
        known = wishes.get(user.username) if user is not None and transport.mode.is_personal else None
        reader = user if user is None or known is None else known.of_reader(user)
        self.decided(transport, reader, self._decision(transport, None, now))

    def _decision(self, transport: NotificationTransport, wishes: Wishes | None, now: datetime) -> Decision:
        return decide(asked_of(self._rule, transport), now, wishes=wishes, group=self._group)

    def decided(self, transport: NotificationTransport, user: User | None, decision: Decision) -> None:
        """Act on the decision for a transport and a person; None where a send-once transport was used for nobody."""
        message = self._message(transport, user)
        if decision.kind is not Kind.DROP:
            self.listeners.add((transport.name, user.username if user else ""))
        if decision.kind is Kind.SEND:
            self._send(message if decision.cause is Cause.NOTHING else replace(message, why=decision.reason))
        else:
            self.kept_back.append(KeptBack(message, self._event, decision))

    def _message(self, transport: NotificationTransport, user: User | None) -> DeliveryMessage:
        return DeliveryMessage(
            event_id=self._event.id,
            rule=self._rule.name,
            severity=self._rule.severity,
            transport=transport.name,
            mode=transport.mode,
            user=user,
            once=transport.send_once,
            event=self._event,
            remark=self._remark,
            about=self.about,
            over=self._over,
            step=self._step,
        )

    def _send(self, message: DeliveryMessage) -> None:
        self._put(message, TransportMode(message.mode), self._event.id)
        self.told[message.transport] += 1


def asked_of(rule: NotificationRule, transport: NotificationTransport) -> Asked:
    """Return what is decided on when `rule` notifies a person by `transport`."""
    return Asked(rule.name, rule.severity, transport.name, rule.can_be_muted)


def group_of(rule: NotificationRule, event: Event) -> Together | None:
    """Return the group that `event` belongs to; None where the rule notifies of each event by itself."""
    if rule.group is None:
        return None
    return Together(values_of(event, rule.group.by), rule.group.wait, rule.group.interval)


def decide_on_rule(
    rule: NotificationRule, now: datetime, age: timedelta, silence: Silence | None, passage: Passage | None
) -> Decision:
    """Decide whether `rule` notifies anybody of an event of this age, whoever they are: age, silence and throttle."""
    aged = Aged(age, rule.max_age) if rule.is_too_old(age) else None
    silencing = None if silence is None else Silencing(silence.name, silence.ends, silence.comment)
    throttling = None
    if rule.throttle is not None and passage is not None and not passage.passes:
        throttling = Throttling(rule.throttle.max, rule.throttle.window, passage.window.ends, passage.window.group)
    return decide(Asked(rule.name, rule.severity), now, aged=aged, silence=silencing, throttle=throttling)


def transports_of(
    event: Event, rule: NotificationRule, configuration: Configuration
) -> tuple[NotificationTransport, ...]:
    """Return the rule's enabled transports, without the one that caused the event; the inbox where it names none."""
    known = configuration.transports_by_name
    named = [known[name] for name in rule.transports if name in known] if rule.transports else [inbox_among(known)]
    caused_by = event.cause.transport if event.cause else None
    return tuple(each for each in named if each.enabled and each.name != caused_by)


def transports_told(
    names: Collection[str], event: Event, rule: NotificationRule, configuration: Configuration
) -> tuple[NotificationTransport, ...]:
    """Return the enabled transports of these names by which people were told, without the one that caused the event.

    They need not be those of the rule, or of a step of its `escalate`, any more. For a rule that names none, the
    inbox is the one of that name.
    """
    known = {INBOX.name: INBOX} | configuration.transports_by_name
    if not rule.transports:
        known[INBOX.name] = inbox_among(known)
    caused_by = event.cause.transport if event.cause else None
    found = (known[name] for name in sorted(names) if name in known)
    return tuple(each for each in found if each.enabled and each.name != caused_by)


def can_be_muted(configuration: Configuration, rule: str) -> bool:
    """Whether people's preferences keep what the rule of this name tells from them; so for one that is gone."""
    known = configuration.rules_by_name.get(rule)
    return known is None or known.can_be_muted
