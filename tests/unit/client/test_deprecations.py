"""Deprecations: one event for an identifier and cause, of all processes."""

import datetime
import json
import queue

import pytest

from tests.unit.client.api_server import answers, waits
from tocsin_client import client

DAY = datetime.timedelta(days=1)


# Deprecations


def test_a_deprecation_is_a_configuration_warning_kept_for_30_days(api, make):
    sender = make()

    sender.log_deprecation("old-setting", "use new-setting", "settings.yml", line=3)

    assert sender.flush()
    (event,) = api.stored.values()
    assert event.action == "configuration_warning"
    assert event.context == {
        "deprecation": "old-setting",
        "message": "use new-setting",
        "cause": "settings.yml",
        "line": 3,
    }
    assert abs(event.expires - datetime.datetime.now(datetime.UTC) - 30 * DAY) < datetime.timedelta(minutes=1)


def test_a_repeated_deprecation_writes_nothing(api, make):
    sender = make()
    sender.log_deprecation("old-setting", "use new-setting")
    sender.flush()

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.flush()
    assert len(api.requests) == 1


@pytest.mark.parametrize("message", ["use new-setting", "now in other words"])
def test_a_deprecation_that_another_process_has_said_counts_as_said(api, make, message):
    first, second = make(), make()
    first.log_deprecation("old-setting", "use new-setting")
    first.flush()

    second.log_deprecation("old-setting", message)

    assert second.flush()
    assert len(api.requests) == 2
    assert (len(api.stored), second.lost) == (1, 0)


def test_each_cause_of_a_deprecation_is_said(api, make):
    sender = make()

    for cause in (None, "settings.yml", "environment"):
        sender.log_deprecation("old-setting", "use new-setting", cause)

    assert sender.flush()
    assert len(api.stored) == 3


def test_a_deprecation_is_created_when_it_is_said(api, make):
    """It was dated to the start of a window of 30 days, where nobody looks for news."""
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(milliseconds=1)
    sender = make()

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.flush()
    (event,) = api.stored.values()
    assert before <= event.created <= datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize("days", [1, 30, 400])
def test_a_deprecation_is_kept_for_as_long_as_is_said(api, make, days):
    sender = make()

    sender.log_deprecation("old-setting", "use new-setting", expiry_days=days)

    assert sender.flush()
    (event,) = api.stored.values()
    assert abs(event.expires - datetime.datetime.now(datetime.UTC) - days * DAY) < datetime.timedelta(minutes=1)
    assert "expiry_days" not in event.context


def test_a_deprecation_is_said_again_once_the_api_has_forgotten_it(api, make, monkeypatch):
    monkeypatch.setattr(client, "_ASK_AGAIN", 0.0)  # as if a day had passed
    sender = make()
    sender.log_deprecation("old-setting", "use new-setting")
    sender.flush()
    sender.log_deprecation("old-setting", "use new-setting")
    sender.flush()
    assert len(api.stored) == 1
    api.once.clear()  # as if 30 days had

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.flush()
    assert len(api.stored) == 2


def test_more_deprecations_than_are_remembered_are_asked_about_again(api, make, monkeypatch):
    monkeypatch.setattr(client, "_MAX_REMEMBERED", 2)
    sender = make()
    for identifier in ("first", "second", "third"):
        sender.log_deprecation(identifier, "use another")
    sender.flush()
    asked = len(api.requests)

    sender.log_deprecation("third", "use another")
    sender.log_deprecation("first", "use another")

    assert sender.flush()
    (again,) = api.requests[asked:]
    assert json.loads(again.body)["context"]["deprecation"] == "first"
    assert len(api.stored) == 3


def test_a_deprecation_that_was_lost_is_said_again(api, make):
    api.faults.append(answers(422, {"title": "Some fields are wrong"}))
    sender = make()
    sender.log_deprecation("old-setting", "use new-setting")
    sender.flush()

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.flush()
    assert len(api.stored) == 1


def test_a_deprecation_for_which_the_queue_had_no_room_is_said_the_next_time(api, make):
    """The fault: it counted as said for a day, though it was never queued."""
    api.faults.append(waits)
    sender = make(queue_size=1, when_full="raise")
    sender.emit("first")
    with pytest.raises(queue.Full):
        sender.log_deprecation("old-setting", "use new-setting")
    api.released.set()
    assert sender.flush()

    sender.log_deprecation("old-setting", "use new-setting")

    assert sender.flush()
    assert [event.action for event in api.stored.values()] == ["custom_first", "configuration_warning"]
