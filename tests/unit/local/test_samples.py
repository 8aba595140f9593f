"""The sample events and what is declared of them agree with the sample blueprint."""

import pytest
import yaml

from local.samples import ONCE, Expected, blueprint, events, marked_sample, samples

SINK_URL = "http://127.0.0.1:9"
BLUEPRINT = yaml.safe_load(blueprint(SINK_URL))
RULES = {rule["name"]: rule for rule in BLUEPRINT["rules"]}
TRANSPORTS = {transport["name"]: transport for transport in BLUEPRINT["transports"]}
PEOPLE = {user["username"]: user for user in BLUEPRINT["users"]}
EXPECTED = sorted(expected for sample in samples() for expected in sample.expected)


def test_the_addresses_of_the_sinks_are_filled_in():
    addresses = [item["url"] for item in BLUEPRINT["transports"] if "url" in item]

    assert addresses
    assert all(address.startswith(SINK_URL + "/") for address in addresses)


@pytest.mark.parametrize("rule", sorted({expected.rule for expected in EXPECTED}))
def test_expected_deliveries_are_of_a_rule_its_transports_and_active_people(rule):
    for expected in EXPECTED:
        if expected.rule == rule:
            check(expected)


def check(expected):
    assert RULES[expected.rule].get("enabled", True)
    assert expected.transport in (RULES[expected.rule]["transports"] or ["inbox"])
    if expected.recipient == ONCE:
        assert TRANSPORTS[expected.transport]["send_once"]
    else:
        assert PEOPLE[expected.recipient].get("active", True)
        assert not TRANSPORTS[expected.transport].get("send_once", False)


def test_every_mode_of_transport_is_among_what_is_expected():
    modes = {TRANSPORTS[expected.transport]["mode"] for expected in EXPECTED}

    assert modes == {"local", "webhook", "webhook_slack", "email"}


def test_some_samples_may_tell_nobody():
    assert any(not sample.expected for sample in samples())


def test_every_sample_can_be_told_by_its_message():
    marked = {marked_sample(sample.event["context"]["message"]): sample.number for sample in samples()}

    assert marked == {number: number for number in range(1, len(marked) + 1)}
    assert len(marked) == len(samples())


def test_a_text_without_a_mark_is_of_no_sample():
    assert marked_sample("alice failed to sign in") is None


def test_expectations_are_declared_by_rule_transport_and_recipient():
    first = samples()[0]

    assert Expected(1, "failed-sign-ins", "mail", "alice") in first.expected


def test_all_records_are_events_in_order():
    assert len(events()) == 455
    assert events()[16]["user"]["username"] == "alice"
