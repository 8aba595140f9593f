"""Who is told again, and what was told: by names that were written down, some time ago."""

import pytest

from tests.unit.rules.test_ruleset import event
from tocsin.aws.dynamodb import text
from tocsin.config.model import Configuration
from tocsin.events.model import Cause
from tocsin.ids import new_id
from tocsin.matching.acknowledging import told_by
from tocsin.matching.story import _notification_of
from tocsin.matching.telling import transports_told
from tocsin.models import validated
from tocsin.notifications.model import digest_notification_id

CONFIGURATION = validated(
    Configuration,
    {
        "transports": [
            {"name": "hook", "mode": "webhook", "url": "https://example.com"},
            {"name": "off", "mode": "webhook", "url": "https://example.com", "enabled": False},
        ],
        "rules": [
            {"name": "by-hook", "severity": "warning", "transports": ["hook"], "destination_group": "oncall"},
            {"name": "by-none", "severity": "warning", "transports": [], "destination_group": "oncall"},
        ],
    },
)
BY_HOOK, BY_NONE = CONFIGURATION.rules


@pytest.mark.parametrize(
    ("rule", "names", "caused_by", "told"),
    [
        (BY_HOOK, {"hook", "inbox"}, None, ["hook", "inbox"]),
        (BY_HOOK, {"hook", "off", "deleted"}, None, ["hook"]),
        (BY_HOOK, {"hook", "inbox"}, "hook", ["inbox"]),
        (BY_HOOK, {"off", "hook"}, "hook", []),
        (BY_NONE, {"inbox"}, None, ["inbox"]),
    ],
    ids=["all", "one-disabled-one-deleted", "one-is-the-cause", "neither", "of-no-transport"],
)
def test_people_are_told_again_by_transports_that_are_enabled_and_did_not_cause_it(rule, names, caused_by, told):
    cause = None if caused_by is None else Cause(rule=None, transport=caused_by, depth=1)

    found = transports_told(names, event(cause=cause), rule, CONFIGURATION)

    assert [transport.name for transport in found] == told


def test_the_inbox_of_a_rule_that_names_no_transport_is_none_of_another_mode_that_has_its_name():
    transports = [{"name": "inbox", "mode": "webhook", "url": "https://example.com"}]
    rules = [
        {"name": each.name, "severity": "warning", "transports": [*each.transports]} for each in (BY_HOOK, BY_NONE)
    ]
    rules[0]["transports"] = ["inbox"]
    configuration = validated(Configuration, {"transports": transports, "rules": rules})

    modes = {
        rule.name: [each.mode for each in transports_told({"inbox"}, event(), rule, configuration)]
        for rule in configuration.rules
    }

    assert modes == {"by-hook": ["webhook"], "by-none": ["local"]}


def test_a_notification_tells_of_its_event_and_a_digest_of_its_latest():
    assert told_by({"event_id": "e1"}) == "e1"
    assert told_by({"event_id": "e1", "digest": None}) == "e1"
    assert told_by({"event_id": "e1", "digest": {"latest": "e9"}}) == "e9"


def test_a_delivery_that_joined_a_digest_has_its_notification():
    assert _notification_of({"notification_id": text("n1")}) == "n1"
    first = new_id()
    joined = {"notification_id": text("n1"), "joined": text(f"{first}-d1")}
    assert _notification_of(joined) == digest_notification_id(first, "d1")
