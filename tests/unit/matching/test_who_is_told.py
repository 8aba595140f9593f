"""Whether a rule tells anybody, by which transports, and of what together: from the rule, the event and its time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.unit.rules.test_ruleset import event
from tocsin.config.model import Configuration
from tocsin.deliveries.model import DeliveryMessage
from tocsin.events.model import Cause as CauseOfEvent
from tocsin.matching.telling import Telling, asked_of, can_be_muted, decide_on_rule, group_of, transports_of
from tocsin.matching.throttle import Passage, Window
from tocsin.models import validated
from tocsin.rules.model import NotificationRule, Silence
from tocsin.telling.decision import Asked, Cause, Kind, Together
from tocsin.telling.preferences_store import PreferencesStore

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INBOX = {"name": "inbox", "mode": "local"}
HOOK = {"name": "hook", "mode": "webhook", "url": "https://example.com"}
OFF = {**HOOK, "name": "off", "enabled": False}
RULE = {"name": "logins", "severity": "alert", "transports": ["hook"], "destination_group": "oncall"}
SILENCE = {"name": "drill", "matcher": {"app": "shop"}, "starts": NOW - MINUTE, "ends": NOW + MINUTE, "comment": "fire"}


def configured(*transports: dict[str, Any], **fields: Any) -> tuple[Configuration, NotificationRule]:
    """A configuration of one rule with these fields, and the rule."""
    document = {"transports": transports, "rules": [RULE | fields], "silences": [SILENCE]}
    configuration = validated(Configuration, document)
    return configuration, configuration.rules[0]


def the_silence() -> Silence:
    return configured()[0].silences[0]


@pytest.mark.parametrize(
    ("names", "caused_by", "told"),
    [
        (["hook", "inbox"], None, ["hook", "inbox"]),
        (["off", "hook"], None, ["hook"]),
        (["hook", "inbox"], "hook", ["inbox"]),
        (["hook", "gone"], None, ["hook"]),
        ([], None, ["inbox"]),
        ([], "inbox", []),
    ],
)
def test_a_rules_transports_are_the_enabled_ones_but_for_what_caused_the_event(
    names: list[str], caused_by: str | None, told: list[str]
) -> None:
    configuration, rule = configured(INBOX, HOOK, OFF)
    about = replace(event(), cause=CauseOfEvent(None, caused_by, 1) if caused_by else None)

    found = transports_of(about, replace(rule, transports=tuple(names)), configuration)

    assert [transport.name for transport in found] == told


def test_a_channel_for_which_there_is_nobody_is_told_for_nobody_in_particular() -> None:
    configuration, rule = configured(HOOK | {"send_once": True})
    sent: list[DeliveryMessage] = []
    nobodys = cast(PreferencesStore, None)
    telling = Telling(
        event(),
        rule,
        configuration,
        nobodys,
        lambda message, _mode, _owner: sent.append(message),
        once_told=False,
        remark=None,
        clock=lambda: NOW,
    )

    telling.finish()

    assert [(message.transport, message.user) for message in sent] == [("hook", None)]
    assert telling.listeners == {("hook", "")}


def test_a_person_is_asked_by_rule_severity_transport_and_whether_they_may_mute_it() -> None:
    configuration, rule = configured(HOOK, can_be_muted=False)

    assert asked_of(rule, configuration.transports[0]) == Asked("logins", rule.severity, "hook", False)


def test_a_rule_that_can_not_be_muted_is_known_by_its_name_and_one_that_is_gone_can_be() -> None:
    configuration, _ = configured(can_be_muted=False)

    assert (can_be_muted(configuration, "logins"), can_be_muted(configuration, "gone")) == (False, True)
    assert can_be_muted(configured()[0], "logins")


def test_a_group_is_of_the_events_values_and_waits_as_its_rule_says() -> None:
    _, rule = configured(group={"by": ["app"], "wait": "minutes=2", "interval": "hours=3"})

    assert group_of(rule, event()) == Together({"app": event().app}, "minutes=2", "hours=3")
    assert group_of(configured()[1], event()) is None


def test_age_is_looked_at_before_a_silence_and_that_before_a_throttle() -> None:
    _, rule = configured(max_age="hours=1", throttle={"window": "hours=2", "max": 3, "group_by": ["app"]})
    assert rule.throttle is not None
    full = Passage(False, Window.of("logins", rule.throttle, event(), NOW))
    old, young = timedelta(hours=2), MINUTE

    decisions = [
        decide_on_rule(rule, NOW, old, the_silence(), full),
        decide_on_rule(rule, NOW, young, the_silence(), full),
        decide_on_rule(rule, NOW, young, None, full),
        decide_on_rule(rule, NOW, young, None, replace(full, passes=True)),
        decide_on_rule(rule, NOW, young, None, None),
    ]

    assert [(decision.kind, decision.cause) for decision in decisions] == [
        (Kind.DROP, Cause.AGE),
        (Kind.DROP, Cause.SILENCE),
        (Kind.DROP, Cause.THROTTLE),
        (Kind.SEND, Cause.NOTHING),
        (Kind.SEND, Cause.NOTHING),
    ]
    assert [decision.reason for decision in decisions[:3]] == [
        "dropped: the event is 2 hours old, and rule logins tells of none older than hours=1",
        "dropped: silence drill holds until 2026-07-01T12:01Z (fire)",
        f"dropped: the throttle of rule logins lets 3 in hours=2 through for app {event().app};"
        " the next may pass at 2026-07-01T14:00Z",
    ]
