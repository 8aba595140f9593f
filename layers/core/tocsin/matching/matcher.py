"""From an event to the messages that tell people: rules, recipients, one message a delivery.

A rule's people are read in pages. The first few hundred are told at once; then the rest of the group is
handed on through the match queue with a cursor, so that no event holds a function for long, however many
people a group has. Ids of deliveries derive from what they are about, so doing any of this again is harmless.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

import orjson

from tocsin.aws.logging import Code, note
from tocsin.aws.metrics import Metric, measured
from tocsin.aws.sqs import Outbox
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.model import DeliveryMessage, message_body
from tocsin.deliveries.waiting_store import WaitingStore
from tocsin.errors import Unavailable
from tocsin.events.model import Event, EventAction
from tocsin.events.system import SystemEvents, caused_by
from tocsin.identity.store import PeopleStore
from tocsin.matching.ending import Endings, about_of
from tocsin.matching.firings_store import Firings
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.open_store import OpenStore
from tocsin.matching.recipients import MAX_PAGES, Cursor, EventAudience, Recipients
from tocsin.matching.story import StoryStore
from tocsin.matching.telling import Telling, decide_on_rule
from tocsin.matching.throttle import Throttles, Window
from tocsin.notifications.remarks import held_back
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.rules.endings import Endings as Ends
from tocsin.rules.model import NotificationRule, Silence
from tocsin.rules.ruleset import Firing, PolicyFailure, PolicyRun, RuleSet, Verdict
from tocsin.telling.decision import Cause, Kind
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.times import iso, utc_now
from tocsin.types import Json, JsonObject


@dataclass(frozen=True, slots=True)
class MatchMessage:
    """What travels through the match queue: an event to be matched, or a rule's people from a cursor on."""

    event_id: str
    rule: str | None = None
    cursor: Cursor | None = None
    reason: str | None = None
    """Why it is here: what failed the last time, or that the group is large."""
    ends: bool = False
    """Whether the rule's people are told that it is over."""

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
                "remark": cursor.remark,
            }
        body: JsonObject = {"event_id": self.event_id, "reason": self.reason, "rule": self.rule, "cursor": position}
        if self.ends:
            body["ends"] = True
        return message_body(body)

    @classmethod
    def from_body(cls, body: str) -> Self:
        """The inverse of `to_body`. KeyError, TypeError or ValueError on what it did not write."""
        data = orjson.loads(body)
        cursor = Cursor(**data["cursor"]) if data.get("cursor") else None
        return cls(data["event_id"], data.get("rule"), cursor, data.get("reason"), data.get("ends", False))


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules said of an event, and the configuration that they belong to."""

    configuration: Configuration
    verdict: Verdict
    ended: tuple[NotificationRule, ...] = ()
    """Rules whose end the event is, without those that it fires."""

    @property
    def is_in_turn(self) -> bool:
        """Whether the order of events matters: what begins something, or ends it."""
        return bool(self.ended) or any(firing.rule.resolve is not None for firing in self.verdict.firings)


class Matcher:
    """Matches events and tells people. Raises Unavailable where a table or a queue does not do as asked."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        people: PeopleStore,
        stories: StoryStore,
        outbox: Outbox,
        queues: Mapping[TransportMode, str],
        match_queue: str,
        throttles: Throttles,
        held: HeldStore,
        system_events: SystemEvents,
        firings: Firings,
        preferences: PreferencesStore,
        waiting: WaitingStore,
        opened: OpenStore,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._firings = firings
        self._held_events = held
        self._preferences = preferences
        self._waiting = waiting
        self._throttles = throttles
        self._system_events = system_events
        self._configuration = configuration
        self._people = people
        self._recipients = Recipients(people)
        self._stories = stories
        self._outbox = outbox
        self._queues = queues
        self._match_queue = match_queue
        self._endings = Endings(opened, people, preferences, waiting, stories, self._put, clock)
        self._rules: tuple[str, RuleSet, Ends] | None = None

    def match(self, event: Event, held: HeldBatch) -> None:
        """Put into the outbox what tells people of `event`, into the ledger which rules fired, into `held` the rest."""
        judged = self.judge(event)
        if judged is not None:
            self.act(event, judged, held)

    def judge(self, event: Event) -> Judged | None:
        """What the rules say of `event`; None where they say nothing, which costs no call unless a rule asks who."""
        configuration, rules, ends = self._current()
        audience = EventAudience(event, configuration, self._people)
        verdict = rules.judge(event, audience)
        fired = {firing.rule.name for firing in verdict.firings}
        ended = tuple(rule for rule in ends.of(event, audience, self._clock()) if rule.name not in fired)
        something = verdict.firings or verdict.failures or verdict.runs or ended
        return Judged(configuration, verdict, ended) if something else None

    def act(self, event: Event, judged: Judged, held: HeldBatch) -> None:
        """Carry out what the rules said of `event`. Safe to be called from several threads.

        What a throttle or a silence holds, and what policies said that log, is put into `held`: the caller writes it.
        """
        configuration, verdict = judged.configuration, judged.verdict
        for failure in verdict.failures:
            self._report(failure, event, configuration)
        for run in verdict.runs:
            _log(run, event, held, configuration.settings.stories_kept)
        for firing in verdict.firings:
            hold = self._held(event, firing.rule, verdict.silence)
            if hold.why is not None:
                _hold(event, firing, hold, held, configuration.settings.stories_kept)
            else:
                self._tell(event, firing.rule, Cursor(remark=hold.remark), configuration, firing)
        for rule in judged.ended:
            self._end(event, rule, Cursor(), configuration)

    def _report(self, failure: PolicyFailure, event: Event, configuration: Configuration) -> None:
        """One policy_exception event a policy, whatever the number of rules that ask it."""
        note(
            Code.POLICY_FAILED,
            failure.error,
            level=logging.ERROR,
            event_id=event.id,
            policy=failure.policy,
            rule=failure.rule,
        )
        self._system_events.report(
            EventAction.POLICY_EXCEPTION,
            {"policy": failure.policy, "rule": failure.rule, "error": failure.error, "event_id": event.id},
            hourly=(failure.policy,),
            cause=caused_by(event, rule=failure.rule, transport=None),
            settings=configuration.settings,
            user=event.user,
        )

    def _held(self, event: Event, rule: NotificationRule, silence: Silence | None) -> _Held:
        """Whether people are kept from hearing of `event` by `rule`, and what is to be said if they are not."""
        now, passage = self._clock(), None
        age = now - event.created
        # Before the throttle, which an event that tells nobody is not to fill.
        if silence is None and not rule.is_too_old(age) and rule.throttle is not None:
            passage = self._throttles.pass_through(rule.name, rule.throttle, event, now=now)
        decision = decide_on_rule(rule, now, age, silence, passage)
        if decision.cause is Cause.AGE:
            why: JsonObject = {"age": {"max_age": rule.max_age, "seconds": int(age.total_seconds())}}
            return _Held(why, decision.reason, None)
        if silence is not None:
            why = {"silence": {"name": silence.name, "ends": iso(silence.ends), "comment": silence.comment}}
            return _Held(why, decision.reason, None)
        if rule.throttle is None or passage is None:
            return _Held(None, decision.reason, None)
        if decision.kind is Kind.DROP:
            limits: JsonObject = {
                "group": passage.window.group,
                "max": rule.throttle.max,
                "window": rule.throttle.window,
                "until": iso(passage.window.ends),
            }
            return _Held({"throttle": limits}, decision.reason, None, passage.window)
        remark = held_back(passage.held_before) if passage.held_before else None
        return _Held(None, decision.reason, remark)

    def held_batch(self) -> HeldBatch:
        """What the events of one batch are held by, for `act` and `match` to fill."""
        return HeldBatch(self._held_events, lambda rule: self._firings.fired(rule, held=True), self._clock)

    def go_on(self, event: Event, rule_name: str, cursor: Cursor, *, ends: bool = False) -> None:
        """Tell the next of a rule's people, or that it is over. A rule that is gone meanwhile tells nobody any more.

        Raises RuntimeError beyond MAX_PAGES: Lambda stops no loop of this function, so it bounds itself.
        """
        if cursor.page >= MAX_PAGES:
            raise RuntimeError(f"rule {rule_name} told {cursor.page:,} pages of people, and there would be more")
        configuration, *_ = self._current()
        rule = configuration.rules_by_name.get(rule_name)
        if rule is None or not rule.enabled:
            return
        if ends:
            self._end(event, rule, cursor, configuration)
        else:
            self._tell(event, rule, cursor, configuration, None)

    def _end(self, event: Event, rule: NotificationRule, cursor: Cursor, configuration: Configuration) -> None:
        more = self._endings.end(event, rule, cursor, configuration, configuration.settings.stories_kept)
        if more is not None:
            self._hand_on(MatchMessage(event.id, rule.name, more, "more people hear that it is over", ends=True))

    def _current(self) -> tuple[Configuration, RuleSet, Ends]:
        version, configuration = self._configuration.current()
        if self._rules is None or self._rules[0] != version.generation:
            rules = RuleSet(configuration.rules, configuration.policies, configuration.silences, lenient=True)
            self._rules = (version.generation, rules, Ends(configuration.rules, lenient=True))
            for name, why in rules.broken.items():
                note(Code.POLICY_FAILED, f"it could not be loaded: {why}", level=logging.ERROR, policy=name)
            note(Code.RULES_LOADED, "rules loaded", version=version.number, rules=len(self._rules[1]))
        return configuration, *self._rules[1:]

    def _tell(
        self,
        event: Event,
        rule: NotificationRule,
        cursor: Cursor,
        configuration: Configuration,
        firing: Firing | None,
    ) -> None:
        telling = Telling(
            event,
            rule,
            configuration,
            self._preferences,
            self._put,
            once_told=cursor.once_told,
            remark=cursor.remark,
            clock=self._clock,
            about=about_of(rule, event),
        )
        begun = cursor.page
        for page in self._recipients.pages(event, rule, cursor, configuration.groups_by_name):
            telling.people(page.users)
            cursor = replace(page.next, once_told=telling.once_told)
        finished = cursor.at_end
        if finished and not cursor.once_told:
            telling.nobody_in_particular()
        self._endings.begin(event, rule, telling, begun)
        telling.note_kept(self._waiting, keep=configuration.settings.stories_kept)
        is_news = self._stories.note_match(
            event.id,
            rule.name,
            _facts(rule, telling.transports, firing) | self._recipients.missing(event, rule),
            page=str(cursor.page),
            told=telling.told,
            kept=telling.kept,
            now=self._clock(),
            keep=configuration.settings.stories_kept,
        )
        if not finished:
            self._hand_on(MatchMessage(event.id, rule.name, cursor, "the group has more members"))
        if firing is not None:  # the first page of people
            measured(Metric.EVENTS_MATCHED)
            if is_news:
                self._firings.fired(rule.name, held=False)
        reached = bool(telling.told or telling.kept_back or not finished)
        note(
            Code.RULE_FIRED if reached else Code.RULE_TOLD_NOBODY,
            "rule fired" if reached else "rule fired, but there is nobody to tell",
            event_id=event.id,
            rule=rule.name,
            bindings=[result.reason for result in firing.results] if firing else None,
            deliveries=dict(telling.told),
            kept_back=dict(telling.kept) or None,
            goes_on=None if finished else True,
        )

    def _hand_on(self, more: MatchMessage) -> None:
        self._outbox.add(self._match_queue, more.to_body(), more.event_id)

    def _put(self, message: DeliveryMessage, mode: TransportMode, owner: Hashable) -> None:
        self._outbox.add(self._queues[mode], message.to_body(), owner, group=message.group)


@dataclass(frozen=True, slots=True)
class _Held:
    why: JsonObject | None
    reason: str
    remark: str | None
    window: Window | None = None


class HeldBatch:
    """What the events of one batch are held by. Filled from several threads, and then written at once."""

    def __init__(self, store: HeldStore, count: Callable[[str], None], clock: Callable[[], datetime]) -> None:
        """`count` is told the rule of each event that was not held before."""
        self._store = store
        self._count = count
        self._clock = clock
        self._held: list[HeldEvent] = []
        self._keep = timedelta(days=1)

    def add(self, held: HeldEvent, keep: timedelta) -> None:
        """Have it written with the batch, and kept for that long."""
        self._held.append(held)
        self._keep = keep

    def write(self, *, without: Collection[Hashable] = ()) -> dict[Hashable, str]:
        """Write it, but for the events that are matched again anyway. {event id: why it could not be written}."""
        held = [each for each in self._held if each.event_id not in without]
        if not held:
            return {}
        try:
            news = self._store.write(held, now=self._clock(), keep=self._keep)
        except Unavailable as error:
            return {each.event_id: error.detail for each in held}
        for rule in news.elements():
            self._count(rule)
        return {}


def _log(run: PolicyRun, event: Event, held: HeldBatch, keep: timedelta) -> None:
    """Have the log, and the event's story, tell what a policy said that logs each run."""
    took = round(run.seconds * 1000, 3)
    facts: JsonObject = {"passed": run.passed, "message": run.message, "user": event.username, "duration_ms": took}
    held.add(HeldEvent.of_policy(event.id, run.policy, facts), keep)
    note(
        Code.POLICY_RAN,
        run.message,
        event_id=event.id,
        policy=run.policy,
        passed=run.passed,
        user=event.username,
        duration_ms=took,
    )


def _hold(event: Event, firing: Firing, hold: _Held, held: HeldBatch, keep: timedelta) -> None:
    """Have the event's story tell of a rule that fired and told nobody."""
    why = hold.why or {}
    facts = _facts(firing.rule, (), firing) | {"held_by": why, "reason": hold.reason}
    held.add(HeldEvent(event.id, firing.rule.name, facts, hold.window), keep)
    measured(Metric.EVENTS_HELD, reason=next(iter(why)))
    note(
        Code.RULE_HELD,
        f"rule fired, and was held: {hold.reason}",
        event_id=event.id,
        rule=firing.rule.name,
        bindings=[result.reason for result in firing.results],
        held_by=why,
    )


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
