"""Explain why a rule would notify people of an event, or why not. Sends nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from tocsin.config.model import Configuration
from tocsin.config.store import ConfigurationStore
from tocsin.config.trial_events import trial_event
from tocsin.errors import Invalid, NotFound, Violation
from tocsin.events.model import Event
from tocsin.events.store import EventStore
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.ids import IdError, parse_id
from tocsin.matching.escalation import of_step
from tocsin.matching.message import Cursor
from tocsin.matching.recipients import EventAudience, Recipients
from tocsin.matching.telling import Telling, decide_on_rule, transports_of
from tocsin.matching.throttle import Throttles
from tocsin.notifications.remarks import escalated
from tocsin.notifications.transport import INBOX, NotificationTransport, inbox_among
from tocsin.records import dataclass
from tocsin.rules.endings import Ended, Endings
from tocsin.rules.model import Binding, NotificationRule, Policy, not_over
from tocsin.rules.ruleset import BindingResult, RuleSet
from tocsin.telling.decision import Decision
from tocsin.telling.preferences_store import PreferencesStore
from tocsin.times import iso, utc_now
from tocsin.types import Json, JsonObject

MAX_RECIPIENTS = 100
"""Most names shown of the people who would be notified."""


@dataclass(frozen=True, slots=True)
class RuleUnderTest:
    """A configured or proposed rule, with everything it refers to, compiled."""

    rule: NotificationRule
    configuration: Configuration
    rules: RuleSet


class Explainer:
    """Explains rules and policies. Methods raise NotFound, Invalid and Unavailable."""

    def __init__(
        self,
        configuration: ConfigurationStore,
        people: PeopleStore,
        throttles: Throttles,
        events: EventStore,
        preferences: PreferencesStore,
    ) -> None:
        self._preferences = preferences
        self._configuration = configuration
        self._people = people
        self._recipients = Recipients(people)
        self._throttles = throttles
        self._events = events

    def rule(self, name: str) -> RuleUnderTest:
        """Return the configured rule `name`. A disabled one is tested as if it were enabled."""
        _, configuration = self._configuration.current(fresh=True)
        rule = configuration.rules_by_name.get(name)
        if rule is None:
            raise NotFound(f"there is no rule {name!r}")
        tested = replace(rule, enabled=True)
        # As the matcher loads it: what an earlier version stored, and this one can't load, is explained too.
        silences = not_over(configuration.silences, utc_now())
        rules = RuleSet([tested], configuration.policies, silences, lenient=True)
        return RuleUnderTest(rule, configuration, rules)

    def event(self, asked: Json) -> Event:
        """Return the event to test: a stored one for {"event_id"}, or a new one from {"event"} as producers send it."""
        if not isinstance(asked, dict) or asked.keys() not in ({"event"}, {"event_id"}):
            raise Invalid([Violation("", "give exactly one of event, event_id")])
        if "event_id" in asked:
            return self._stored(asked["event_id"])
        given = asked["event"]
        if not isinstance(given, dict):
            raise Invalid([Violation("event", "must be an object, as POST /events takes it")])
        try:
            return trial_event(given, self._configuration.version().settings)
        except Invalid as error:
            raise Invalid([Violation(f"event.{wrong.path}", wrong.message) for wrong in error.violations]) from None

    def _stored(self, event_id: Json) -> Event:
        try:
            event = self._events.get(parse_id(str(event_id)))
        except IdError as error:
            raise Invalid([Violation("event_id", str(error))]) from None
        if event is None:
            raise NotFound(f"there is no event {event_id}, or it has expired")
        return event

    def explain_rule(self, name: str, event: Event) -> JsonObject:
        """Return each binding's result and reason, and who would be notified by which transport if it came now."""
        tested = self.rule(name)
        now = utc_now()
        audience = EventAudience(event, tested.configuration, self._people)
        explanation = tested.rules.explain(tested.rule, event, audience, now)
        silence = explanation.silence
        throttle = tested.rule.throttle
        look = None if throttle is None else self._throttles.look(name, throttle, event, now=now)
        throttled = None if look is None else look.to_json()
        age = now - event.created
        too_old = tested.rule.is_too_old(age)
        passes = not too_old and silence is None and (look is None or look.passage.passes)
        ends, ends_error = self._ends(tested.rule, event, audience, now, fires=explanation.fires)
        people, more = self._people_of(tested.rule, tested.configuration, event)
        bindings: list[Json] = [_shown(result) for result in explanation.results]
        return {
            "rule": name,
            "enabled": tested.rule.enabled,
            "fires": explanation.fires,
            "ends": ends,
            "ends_error": ends_error,
            "tells": explanation.fires and passes and tested.rule.enabled,
            "policy_engine_mode": tested.rule.policy_engine_mode.value,
            "bindings": bindings,
            "loop": explanation.loop,
            "age": {
                "seconds": max(0, int(age.total_seconds())),
                "max_age": tested.rule.max_age,
                "passes": not too_old,
            },
            "silence": None
            if silence is None
            else {"name": silence.name, "ends": iso(silence.ends), "comment": silence.comment},
            "throttle": throttled,
            "severity": tested.rule.severity.value,
            "transports": self._transports(tested, event),
            "recipients": {"usernames": _names(people), "more": more, **self._recipients.missing(event, tested.rule)},
            "reason": decide_on_rule(tested.rule, now, age, silence, None if look is None else look.passage).reason,
            "decisions": self._decisions(tested, event, people, now, more=more) if passes else [],
            "escalate": self._steps(tested, event) if passes else [],
        }

    @staticmethod
    def _ends(
        rule: NotificationRule, event: Event, audience: EventAudience, now: datetime, *, fires: bool
    ) -> tuple[bool, str | None]:
        """Return whether `event` is an end that `rule` waits for, and why that can't be told, None where it can.

        No event that `fires` the rule is one.
        """
        endings = Endings((replace(rule, enabled=True),), lenient=True)
        for why in endings.broken.values():
            return False, f"its end could not be loaded: {why}"
        found = Ended() if fires else endings.explain(event, audience, now)
        return bool(found.rules), next((error for _, error in found.failures), None)

    def _decisions(
        self, tested: RuleUnderTest, event: Event, people: list[User], now: datetime, *, more: bool
    ) -> list[Json]:
        """Return the decision for each send-once transport (user null), and for each person by each other transport."""
        trial = _Trial(event, tested, self._preferences, now)
        trial.people(tuple(people))
        if not more:
            trial.finish()
        return [*sorted(trial.decisions, key=lambda decision: decision["user"] is not None)]

    def _transports(self, tested: RuleUnderTest, event: Event) -> list[Json]:
        known = tested.configuration.transports_by_name
        caused_by = event.cause.transport if event.cause else None
        shown: list[Json] = []
        for name in tested.rule.transports or (INBOX.name,):
            transport = known.get(name, INBOX) if tested.rule.transports else inbox_among(known)
            told = transport.enabled and name != caused_by
            shown.append({"name": name, "mode": transport.mode.value, "send_once": transport.send_once, "used": told})
        return shown

    def _steps(self, tested: RuleUnderTest, event: Event) -> list[Json]:
        """Return each step that would follow, with the first people whom it would notify."""
        shown: list[Json] = []
        for number, step in enumerate(tested.rule.escalate, 1):
            told = of_step(tested.rule, step)
            people, more = self._people_of(told, tested.configuration, event)
            transports = transports_of(event, told, tested.configuration)
            shown.append(
                {
                    "step": number,
                    "after": step.after,
                    "unless": step.unless,
                    "destination_group": step.destination_group,
                    "transports": [transport.name for transport in transports],
                    "recipients": {"usernames": _names(people), "more": more},
                    "reason": escalated(number, step.delay, unless_seen=step.unless == "seen"),
                }
            )
        return shown

    def _people_of(self, rule: NotificationRule, configuration: Configuration, event: Event) -> tuple[list[User], bool]:
        """Return the first people whom `rule` would notify, and whether there are more."""
        found: list[User] = []
        cursor = Cursor()
        while not cursor.at_end and len(found) <= MAX_RECIPIENTS:
            for page in self._recipients.pages(event, rule, cursor, configuration.groups_by_name):
                found += page.users
                cursor = page.next
        return found[:MAX_RECIPIENTS], len(found) > MAX_RECIPIENTS or not cursor.at_end

    def explain_policy(self, name: str, event: Event) -> JsonObject:
        """Whether the configured policy `name` holds for an event, and why."""
        _, configuration = self._configuration.current(fresh=True)
        policy = next((policy for policy in configuration.policies if policy.name == name), None)
        if policy is None:
            raise NotFound(f"there is no policy {name!r}")
        return self._policy(policy, configuration, event)

    def _policy(self, policy: Policy, configuration: Configuration, event: Event) -> JsonObject:
        probe = NotificationRule(name="probe", bindings=(Binding(policy=policy.name),))
        audience = EventAudience(event, configuration, self._people)
        (result,) = RuleSet([probe], [policy], lenient=True).explain(probe, event, audience, utc_now()).results
        return {
            "policy": policy.name,
            "kind": policy.kind,
            "holds": result.passed,
            "reason": result.reason,
            "error": result.error,
        }


class _Trial(Telling):
    """Collects what would be decided, as the API shows it, in place of messages."""

    def __init__(self, event: Event, tested: RuleUnderTest, preferences: PreferencesStore, now: datetime) -> None:
        super().__init__(
            event,
            tested.rule,
            tested.configuration,
            preferences,
            lambda _message, _mode, _owner: None,  # never asked: `decided` sends nothing
            once_told=False,
            remark=None,
            clock=lambda: now,
        )
        self.decisions: list[JsonObject] = []

    def decided(self, transport: NotificationTransport, user: User | None, decision: Decision) -> None:
        """Note the decision. What is sent once is shown without the person whom it is used for."""
        username = None if user is None or transport.send_once else user.username
        self.decisions.append({"user": username, "transport": transport.name, **decision.to_json()})


def _names(people: list[User]) -> list[Json]:
    return [user.username for user in people]


def _shown(result: BindingResult) -> JsonObject:
    binding = result.binding
    return {
        "binding": binding.target,
        "order": binding.order,
        "negate": binding.negate,
        "failure_result": binding.failure_result,
        "passed": result.passed,
        "reason": result.reason,
        "error": result.error,
    }
