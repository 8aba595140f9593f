"""Audit records of other products become events that POST /events takes."""

import json
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.audit_records import UnknownRecordError, change, custom, event_of, records, words
from local.saas import READERS
from local.samples import RECORDS

LINES = records(RECORDS)


def reading(line: int) -> dict:
    return event_of(LINES[line - 1], READERS)


@pytest.mark.parametrize("log_type", sorted({line["log_type"] for line in LINES}))
def test_every_real_record_is_an_event_within_the_limits(log_type):
    events = [event_of(line, READERS) for line in LINES if line["log_type"] == log_type]

    for event in events:
        assert set(event) <= {"action", "app", "user", "client_ip", "context"}
        assert 0 < len(event["action"]) <= 128
        assert event["context"]["message"]
        assert len(json.dumps(event)) < 200_000
        if "client_ip" in event:
            ip_address(event["client_ip"])


def test_there_are_455_records():
    assert len(LINES) == 455


def test_a_failed_console_login_is_a_failed_login_of_its_user():
    event = reading(17)

    assert event["action"] == "login_failed"
    assert event["user"] == {"username": "alice"}
    assert event["context"]["message"] == "alice failed to sign in to the AWS console"


def test_a_refused_call_is_suspicious_and_names_what_was_called_upon():
    event = reading(80)

    assert event["action"] == "suspicious_request"
    assert "production-db" in event["context"]["message"]
    assert event["client_ip"] == "10.0.2.100"


def test_a_deleted_resource_is_named_as_the_model_that_was_deleted():
    event = reading(35)

    assert event["action"] == "model_deleted"
    assert event["context"]["model"] == {
        "app": "aws",
        "model_name": "lambda_function",
        "pk": "basic-node-task",
        "name": "basic-node-task",
    }


def test_an_address_that_is_a_service_name_is_left_out():
    assert LINES[18]["log"]["sourceIPAddress"] == "autoscaling.amazonaws.com"

    assert "client_ip" not in reading(19)


def test_the_record_itself_is_kept_without_what_its_collector_added():
    record = next(line for line in LINES if any(name.startswith("p_") for name in line["log"]))

    kept = event_of(record, READERS)["context"]["record"]

    assert kept == {name: value for name, value in record["log"].items() if not name.startswith("p_")}


def test_a_record_of_an_unknown_product_is_refused_by_name():
    with pytest.raises(UnknownRecordError, match=r"Fax\.Machine"):
        event_of({"log_type": "Fax.Machine", "log": {}}, READERS)


@pytest.mark.parametrize("log_type", sorted(READERS))
def test_a_record_with_nothing_in_it_is_still_an_event(log_type):
    event = event_of({"log_type": log_type, "log": {}}, READERS)

    assert event["action"]
    assert event["app"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("PutBucketPolicy", ["put", "bucket", "policy"]),
        ("DeleteDBInstance", ["delete", "db", "instance"]),
        ("repo.transfer_start", ["repo", "transfer", "start"]),
        ("CREATE_USER", ["create", "user"]),
        ("s3", ["s3"]),
    ],
)
def test_names_are_split_into_their_words(name, parts):
    assert words(name) == parts


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("CreateTrail", "model_created"),
        ("protected_branch.destroy", "model_deleted"),
        ("pref.sso_setting_changed", "model_updated"),
        ("page.viewed", None),
    ],
)
def test_a_word_of_the_name_tells_what_was_done(name, action):
    assert change(name) == action


@given(st.lists(st.text(), max_size=4))
def test_a_custom_action_is_snake_case(parts):
    assert all(character.isalnum() or character == "_" for character in custom(*parts))
