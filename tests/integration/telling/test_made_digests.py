"""Digests and their heads as they stand afterwards: how long they are kept, when they are looked at, who reads them."""

from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import record
from tests.integration.telling.telling_world import TellingWorld
from tests.integration.telling.test_cost import requests
from tocsin.deliveries.digests import LOOK_AGAIN
from tocsin.deliveries.redrive_store import STUCK_AFTER
from tocsin.deliveries.waiting_store import SETTLE
from tocsin.times import iso

MUTED: dict[str, Any] = {"rules": {"refunds": {"muted": True}}}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    return TellingWorld(stack, monkeypatch, sinks)


def group(wait: str, interval: str) -> dict[str, Any]:
    return {"by": ["context.host"], "wait": wait, "interval": interval}


def as_seconds(value: Any) -> str:
    return str(int(value.timestamp()))


def test_a_digest_is_kept_as_its_deliveries_are_and_has_had_no_attempt_yet(telling: TellingWorld) -> None:
    telling.rules(group=group("minutes=1", "minutes=30"), once=True, settings={"notification_retention": "days=20"})
    telling.match(*telling.happened(2))
    telling.later(minutes=1)

    telling.redrive()

    (item,) = [each for each in telling.all() if "digest" in each]
    (message,) = telling.stack.messages("Webhook")
    made: Any = telling.deliveries.get(f"{message['event_id']}-{message['digest']}")
    assert (made["state"], made["created"], made["updated"], made["attempts"]) == (
        "queued",
        iso(telling.now),
        iso(telling.now),
        [],
    )
    assert item["expires_at"]["N"] == as_seconds(telling.now + timedelta(days=21))


def test_a_digest_whose_message_got_lost_is_sent_again_within_an_hour_and_not_sooner(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(1))
    telling.forget_messages()
    telling.later(hours=8, minutes=1)
    telling.redrive()
    telling.forget_messages()

    sent = []
    for later in (timedelta(minutes=1), STUCK_AFTER):
        telling.now += later
        telling.redrive()
        sent.append([body["digest"] for body in telling.stack.messages("Webhook") if "digest" in body])

    assert [len(each) for each in sent] == [0, 1]


@pytest.mark.parametrize(
    ("wait", "interval", "again"),
    [("seconds=10", "minutes=1", SETTLE), ("minutes=1", "minutes=5", LOOK_AGAIN)],
    ids=["of which something came a moment ago", "of which nothing came lately"],
)
def test_a_group_of_which_nothing_waits_is_looked_at_again(
    telling: TellingWorld, wait: str, interval: str, again: timedelta
) -> None:
    """Soon where an index may not show yet what came; seldom where that can't be."""
    telling.rules(group=group(wait, interval), once=True)
    telling.match(*telling.happened(1))
    for _ in range(2):  # what came; and when the interval is over, nothing
        (head,) = telling.heads()
        telling.now += timedelta(seconds=float(head["due_at"]["N"]) - telling.now.timestamp())
        telling.redrive()

    (head,) = telling.heads()

    assert timedelta(seconds=float(head["due_at"]["N"]) - telling.now.timestamp()) == again
    assert "idle" in head


def test_what_comes_to_a_group_that_told_nothing_lately_waits_for_others_alone(telling: TellingWorld) -> None:
    """Not until the head of the group is looked at again."""
    telling.rules(group=group("minutes=1", "minutes=5"), once=True)
    worker = telling.worker()
    telling.match(*telling.happened(1))
    telling.go_on(worker, minutes=1)
    telling.go_on(worker, minutes=5)

    telling.match(*telling.happened(2))
    telling.go_on(worker, minutes=1)

    assert [body["digest"]["count"] for body in telling.posted("ana")] == [1, 2]


def test_the_log_says_who_is_not_told_any_more_of_what_and_why(
    telling: TellingWorld, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = telling.quiet()
    telling.say("ana", **quiet)
    (event,) = telling.happened(1)
    telling.match(event)
    telling.say("ana", **quiet, **MUTED)
    delivery_id = telling.story(event)["ana"]["id"]
    caplog.clear()

    telling.later(hours=8, minutes=1)
    telling.redrive()

    (line,) = [vars(each) for each in caplog.records if getattr(each, "code", None) == "DELIVERY_KEPT_BACK"]
    expected = {
        "event_id": event.id,
        "delivery_id": delivery_id,
        "rule": "refunds",
        "transport": "hook",
        "user": "ana",
        "decision": "drop",
        "cause": "muted",
    }
    assert {name: line.get(name) for name in expected} == expected
    assert line["msg"] == "dropped: ana muted rule refunds"


def test_what_is_mailed_once_is_read_by_the_person_whom_the_latest_of_it_was_for(telling: TellingWorld) -> None:
    telling.rules(group=group("hours=1", "hours=1"), transports=["mail"], mail_once=True)
    telling.match(*telling.happened(1))
    telling.say("ana", **MUTED)
    telling.later(minutes=1)
    telling.match(*telling.happened(1))
    telling.say("ana")

    telling.later(hours=1)
    telling.redrive()

    assert [message["user"]["username"] for message in telling.stack.messages("Email")] == ["bob"]


def test_what_is_dropped_is_kept_as_long_as_stories_and_says_since_when(telling: TellingWorld) -> None:
    telling.rules(settings={"notification_retention": "days=20"})
    telling.say("ana", **MUTED)
    (event,) = telling.happened(1)

    telling.match(event)

    ana = telling.story(event)["ana"]
    assert (ana["state"], ana["created"], ana["updated"]) == ("dropped", iso(telling.now), iso(telling.now))
    (item,) = [each for each in telling.all() if each["username"]["S"] == "ana"]
    assert item["expires_at"]["N"] == as_seconds(telling.now + timedelta(days=21))


@pytest.mark.parametrize("together", [False, True], ids=["quiet hours", "a group"])
def test_a_process_asks_for_a_head_once_in_some_minutes(telling: TellingWorld, together: bool) -> None:
    """The story and what waits: each event costs two writes, and the first one more."""
    if together:
        telling.rules(group=group("minutes=9", "minutes=30"), once=True)
    else:
        telling.say("ana", **telling.quiet())
        telling.say("bob", **MUTED)
    matcher, others = telling.matcher(), 0 if together else 1
    matcher.stream([record(*telling.happened(1))])

    with requests(telling.stack) as soon:
        matcher.stream([record(*telling.happened(1))])
    telling.later(minutes=5)
    with requests(telling.stack) as later:
        matcher.stream([record(*telling.happened(1))])

    assert [counted["UpdateItem"] for counted in (soon, later)] == [2 + others, 2 + others + 2]


def test_what_may_wait_no_longer_makes_its_group_due_though_the_process_asked_for_that_already(
    telling: TellingWorld,
) -> None:
    starts = telling.now + timedelta(minutes=20)
    ends = starts + timedelta(hours=8)
    telling.rules(group=group("minutes=1", "hours=1"))
    matcher, worker = telling.matcher(), telling.worker()
    matcher.stream([record(*telling.happened(1))])
    telling.go_on(worker, minutes=2)
    telling.say("ana", quiet_hours=[{"starts": f"{starts:%H:%M}", "ends": f"{ends:%H:%M}"}])

    matcher.stream([record(each, number) for number, each in enumerate(telling.happened(2))])
    telling.go_on(worker, minutes=18)

    counts = {name: [body["digest"]["count"] for body in telling.posted(name)] for name in ("ana", "bob")}
    assert counts == {"ana": [1, 2], "bob": [1]}
