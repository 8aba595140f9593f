"""Match events against the rules, and make the messages that notify people: one for each delivery.

A rule's people are read in pages. The first few hundred are notified at once. The rest of the group is passed on
through the match queue with a cursor, so that no event occupies a function for long, however large a group is. Ids of
deliveries are derived from event, rule, transport and person: matching an event again sends nothing twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.aws.logging import Code, note
from tocsin.aws.metrics import Metric, measured
from tocsin.aws.sqs import Outbox
from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.waiting_store import WaitingStore
from tocsin.errors import Unavailable
from tocsin.events.model import Event
from tocsin.events.system import SystemEvents
from tocsin.identity.store import PeopleStore
from tocsin.matching.ending import Endings, about_of
from tocsin.matching.escalation import Escalations
from tocsin.matching.failures import EndFailures, PolicyFailures
from tocsin.matching.firings_store import Firings
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.message import Cursor, MatchMessage
from tocsin.matching.open_store import OpenStore
from tocsin.matching.recipients import MAX_PAGES, EventAudience, Recipients
from tocsin.matching.story import StoryStore
from tocsin.matching.telling import Telling, decide_on_rule
from tocsin.matching.throttle import Throttles, Window
from tocsin.notifications.remarks import held_back
from tocsin.notifications.seen_store import SeenStore
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.records import dataclass
from tocsin.rules.endings import Endings as Ends
from tocsin.rules.model import NotificationRule, Silence, not_over
from tocsin.rules.ruleset import Firing, PolicyRun, RuleSet, Verdict
from tocsin.telling.decision import Cause, Kind
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.times import iso, utc_now
from tocsin.types import JsonObject


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of the rules for an event, and the configuration that they belong to."""

    configuration: Configuration
    verdict: Verdict
    ended: tuple[NotificationRule, ...] = ()
    """Rules whose `resolve` the event matches, without those that it fires."""
    failed_ends: tuple[tuple[str, str], ...] = ()
    """(rule, error) of each rule whose `resolve` could not be evaluated, without those that it fires."""

    @property
    def is_in_turn(self) -> bool:
        """Whether the event must be handled in the order in which events happened: it begins or ends something."""
        return bool(self.ended) or any(firing.rule.resolve is not None for firing in self.verdict.firings)


class Matcher:
    """Matches events and notifies people.

    Methods raise Unavailable where DynamoDB or SQS fail. Messages are put into `outbox`; the caller sends them.
    """

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
        matters: EscalationStore,
        seen: SeenStore,
        deleted: Callable[[Iterable[str]], Mapping[str, datetime]],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`deleted` says when the last person of each name was deleted; it raises Unavailable."""
        self._clock = clock
        self._firings = firings
        self._held_events = held
        self._preferences = preferences
        self._waiting = waiting
        self._throttles = throttles
        self._failures = PolicyFailures(system_events, clock)
        self._end_failures = EndFailures(clock)
        self._configuration = configuration
        self._people = people
        self._recipients = Recipients(people)
        self._stories = stories
        self._outbox = outbox
        self._queues = queues
        self._match_queue = match_queue
        self._endings = Endings(opened, people, deleted, preferences, waiting, stories, self._put, clock)
        self._escalations = Escalations(
            matters, seen, self._recipients, self._endings, preferences, waiting, stories, self._put, clock
        )
        self._rules: tuple[str, RuleSet, Ends] | None = None

    def match(self, event: Event, held: HeldBatch) -> None:
        """Judge `event` and act on the result; see `judge` and `act`."""
        judged = self.judge(event)
        if judged is not None:
            self.act(event, judged, held)

    def judge(self, event: Event) -> Judged | None:
        """Return the result of the rules for `event`; None where no rule and no policy has one.

        Makes no call to AWS, except where a rule asks who the event's user is.
        """
        configuration, rules, ends = self._current()
        audience = EventAudience(event, configuration, self._people)
        now = self._clock()
        verdict = rules.judge(event, audience, now)
        fired = {firing.rule.name for firing in verdict.firings}
        over = ends.of(event, audience, now)
        ended = tuple(rule for rule in over.rules if rule.name not in fired)
        failed = tuple((rule, error) for rule, error in over.failures if rule not in fired)
        something = verdict.firings or verdict.failures or verdict.runs or ended or failed
        return Judged(configuration, verdict, ended, failed) if something else None

    def act(self, event: Event, judged: Judged, held: HeldBatch) -> None:
        """Notify people of `event`, and store which rules fired. May be called from several threads.

        Firings that a throttle, a silence or the age holds, and results of policies that log, are added to `held`,
        which the caller writes.
        """
        configuration, verdict = judged.configuration, judged.verdict
        for failure in verdict.failures:
            self._failures.report(failure, event, configuration.settings)
        for name, error in judged.failed_ends:
            self._end_failures.report(name, error, event)
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

    def _held(self, event: Event, rule: NotificationRule, silence: Silence | None) -> _Held:
        """Return whether age, silence or throttle hold the firing of `rule`, else the remark for its messages."""
        now, passage = self._clock(), None
        age = now - event.created
        # Age and silence are checked before the throttle is asked: an event that notifies nobody must not fill it.
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
        """Return an empty collection of held firings, for `act` and `match` to fill."""
        return HeldBatch(self._held_events, lambda rule: self._firings.fired(rule, held=True), self._clock)

    def go_on(self, event: Event, work: MatchMessage) -> None:
        """Notify the next people of a rule, of its end, or of a step of its escalation, as `work` says.

        Does nothing where the rule was deleted or disabled meanwhile. Raises RuntimeError beyond MAX_PAGES: Lambda's
        loop detection is off for this function, so it limits itself.
        """
        cursor = work.cursor or Cursor()
        if cursor.page >= MAX_PAGES:
            raise RuntimeError(f"rule {work.rule} told {cursor.page:,} pages of people, and there would be more")
        _, rule = self._configuration.having(lambda known: _enabled(known, work.rule))
        if rule is None:
            return
        configuration, rules, _ = self._current()
        if work.step is not None:
            audience = EventAudience(event, configuration, self._people)
            silence = rules.silence_for(event, audience, self._clock())
            more = self._escalations.tell(event, rule, work, configuration, silence)
            if more is not None:
                self._hand_on(more)
        elif work.ends:
            self._end(event, rule, cursor, configuration)
        else:
            self._tell(event, rule, cursor, configuration, None)

    def _end(self, event: Event, rule: NotificationRule, cursor: Cursor, configuration: Configuration) -> None:
        if cursor.page == 0:
            self._escalations.end(event, rule)
        more = self._endings.end(event, rule, cursor, configuration, configuration.settings.stories_kept)
        if more is not None:
            self._hand_on(MatchMessage(event.id, rule.name, more, "more people hear that it is over", ends=True))

    def _current(self) -> tuple[Configuration, RuleSet, Ends]:
        version, configuration = self._configuration.current()
        if self._rules is None or self._rules[0] != version.generation:
            silences = not_over(configuration.silences, self._clock())
            rules = RuleSet(configuration.rules, configuration.policies, silences, lenient=True)
            self._rules = (version.generation, rules, Ends(configuration.rules, lenient=True))
            self._failures.start_anew()
            self._end_failures.start_anew()
            for name, why in rules.broken.items():
                note(Code.POLICY_FAILED, f"it could not be loaded: {why}", level=logging.ERROR, policy=name)
            for name, why in self._rules[2].broken.items():
                note(Code.RULE_END_FAILED, f"its end could not be loaded: {why}", level=logging.ERROR, rule=name)
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
            used=cursor.used,
            remark=cursor.remark,
            clock=self._clock,
            about=about_of(rule, event),
        )
        begun, keep = cursor.page, configuration.settings.stories_kept
        if firing is not None:
            self._escalations.begin(event, rule, keep)
        for page in self._recipients.pages(event, rule, cursor, configuration.groups_by_name):
            telling.people(page.users)
            cursor = replace(page.next, once_told=telling.once_told, used=tuple(sorted(telling.used)))
        finished = cursor.at_end
        if finished:
            telling.finish()
        self._endings.begin(event, rule, telling, begun)
        telling.note_kept(self._waiting, keep=keep)
        is_news = self._stories.note_match(
            event.id,
            rule.name,
            _facts(rule, telling.transports, firing) | self._recipients.missing(event, rule),
            page=str(cursor.page),
            told=telling.told,
            kept=telling.kept,
            now=self._clock(),
            keep=keep,
        )
        if not finished:
            self._hand_on(MatchMessage(event.id, rule.name, cursor, "the group has more members"))
        if firing is not None:  # the first page of people
            measured(Metric.EVENTS_MATCHED)
            if is_news:
                self._firings.fired(rule.name, held=False)
        if telling.told or telling.kept_back or not finished:
            code, message = Code.RULE_FIRED, "rule fired"
        else:
            code, message = Code.RULE_TOLD_NOBODY, "rule fired, but there is nobody to tell"
        note(
            code,
            message,
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
    """Held firings of one batch, and results of policies that log. Several threads fill it; it is written once."""

    def __init__(self, store: HeldStore, count: Callable[[str], None], clock: Callable[[], datetime]) -> None:
        """`count` is called with the rule of each firing that was not stored as held before."""
        self._store = store
        self._count = count
        self._clock = clock
        self._held: list[HeldEvent] = []
        self._keep = timedelta()  # `add` says how long

    def add(self, held: HeldEvent, keep: timedelta) -> None:
        """Have it written with the batch. The item is kept for `keep`."""
        self._held.append(held)
        self._keep = keep

    def write(self, *, without: Collection[Hashable] = ()) -> dict[Hashable, str]:
        """Write all but those of the events `without`, which are matched again. Return {event id: why it failed}."""
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
    """Log a result of a policy with `execution_logging`, and add it to the event's story."""
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
    """Log a firing that was held, and add it to the event's story."""
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


def _enabled(configuration: Configuration, name: str | None) -> NotificationRule | None:
    """The rule of that name; None where it was deleted or disabled."""
    rule = None if name is None else configuration.rules_by_name.get(name)
    return rule if rule is not None and rule.enabled else None


def _facts(rule: NotificationRule, transports: tuple[NotificationTransport, ...], firing: Firing | None) -> JsonObject:
    facts: JsonObject = {
        "severity": rule.severity.value,
        "transports": [transport.name for transport in transports],
    }
    if rule.escalate:
        facts["escalates"] = True
    if firing is not None:
        facts["bindings"] = [
            {"binding": result.binding.target, "passed": result.passed, "reason": result.reason}
            for result in firing.results
        ]
    return facts
