"""What is told in quiet hours waits, and goes out as one message when they end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import record
from tests.integration.telling.telling_world import TellingWorld
from tocsin.deliveries.digests import LOOK_AGAIN
from tocsin.deliveries.items import Place
from tocsin.events.model import Cause
from tocsin.events.store import event_key
from tocsin.notifications.model import Severity
from tocsin.notifications.transport import NotificationTransport, TransportMode


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    return TellingWorld(stack, monkeypatch, sinks)


def test_what_comes_in_quiet_hours_goes_out_as_one_message_when_they_end(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet())
    events = telling.happened(7)
    worker = telling.worker()

    telling.match(*events)
    telling.pump(worker)
    telling.go_on(worker, hours=7)
    before = telling.posted("ana")
    telling.go_on(worker, hours=1, minutes=1)

    assert before == []
    assert len(telling.posted("bob")) == 7
    (digest,) = telling.posted("ana")
    assert digest["body"].splitlines()[0] == "What came in your quiet hours: 7 warnings."
    assert digest["body"].splitlines()[-1] == "and 2 more"
    assert digest["severity"] == "warning"
    assert (digest["event_user_username"], digest["digest"]["count"]) == (None, 7)
    assert digest["digest"]["rules"] == {"refunds": 7}
    assert [each["event_id"] for each in digest["digest"]["first"]] == [event.id for event in events[:5]]
    assert telling.states() == {"delivered": 8, "joined": 7}


def test_the_story_says_why_it_waited_and_what_it_joined(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet(), time_zone="UTC")
    (event,) = telling.happened(1)
    worker = telling.worker()
    ends = telling.now + timedelta(hours=8)

    telling.match(event)
    waiting = telling.story(event)
    telling.go_on(worker, hours=8, minutes=1)
    told = telling.story(event)

    assert waiting["rule"]["deliveries"] == {"hook": 1}
    assert waiting["rule"]["kept_back"] == {"quiet_hours": 1}
    assert waiting["ana"]["state"] == "waiting"
    assert waiting["ana"]["why"] == f"held until {ends:%H:%M} in UTC: quiet hours of ana; alerts pass"
    assert waiting["ana"]["next_attempt"] == ends.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert told["ana"]["joined"] == telling.posted("ana")[0]["id"]
    digest = telling.deliveries.get(told["ana"]["joined"])
    assert digest is not None
    assert (digest["state"], digest["digest"]["count"]) == ("delivered", 1)  # type: ignore[index,call-overload]


def test_a_digest_is_as_deep_in_a_chain_as_the_deepest_of_its_events(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet())
    worker = telling.worker()

    telling.match(*telling.happened(1), *telling.happened(1, cause=Cause(None, None, 2)), *telling.happened(1))
    telling.go_on(worker, hours=8, minutes=1)

    (digest,) = [each for each in telling.sinks.received("/webhook/x") if '"digest"' in each.body]
    assert digest.headers["tocsin-depth"] == "3"


def test_an_alert_passes_and_says_why(telling: TellingWorld) -> None:
    telling.rules(severity="alert")
    telling.say("ana", **telling.quiet())
    (event,) = telling.happened(1)

    telling.match(event)
    telling.pump(telling.worker())

    assert len(telling.posted("ana")) == 1
    assert telling.story(event)["ana"]["why"] == "told at once: alerts pass quiet hours of ana"


def test_what_waits_longer_than_notifications_are_kept_is_told_all_the_same(telling: TellingWorld) -> None:
    telling.rules(settings={"notification_retention": "minutes=1"})
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(2))

    telling.go_on(telling.worker(), hours=8, minutes=1)

    assert [body["digest"]["count"] for body in telling.posted("ana")] == [2]
    ends = {item["expires_at"]["N"] for item in telling.all() if item["username"]["S"] == "ana"}
    assert min(map(int, ends)) > telling.now.timestamp()


def test_a_daily_digest_takes_what_came_by_then_and_the_next_one_the_rest(telling: TellingWorld) -> None:
    at = telling.now + timedelta(hours=2)
    telling.say("ana", digest={"every": "day", "at": f"{at:%H:%M}"})
    worker = telling.worker()

    telling.match(*telling.happened(3))
    telling.go_on(worker, hours=2, minutes=1)
    telling.match(*telling.happened(2))
    telling.go_on(worker, hours=23)
    by_then = [body["digest"]["count"] for body in telling.posted("ana")]
    telling.go_on(worker, hours=1, minutes=1)

    assert by_then == [3]
    assert [body["digest"]["count"] for body in telling.posted("ana")] == [3, 2]
    assert telling.posted("ana")[0]["body"].startswith("What came since your last digest: 3 warnings.")


def test_each_person_and_transport_has_a_digest_of_their_own(telling: TellingWorld) -> None:
    telling.rules(transports=["hook", "inbox"])
    for name in ("ana", "bob"):
        telling.say(name, **telling.quiet(), transports={"inbox": {"at_once": name == "bob"}})
    telling.match(*telling.happened(3))
    telling.later(hours=8, minutes=1)
    telling.redrive()
    telling.pump(telling.worker())
    telling.pump(telling.worker("local"), "local")

    assert [len(telling.posted(name)) for name in ("ana", "bob")] == [1, 1]
    inboxes = {name: [told for username, told in telling.told if username == name] for name in ("ana", "bob")}
    assert [len(inboxes[name]) for name in ("ana", "bob")] == [1, 3]
    shown = inboxes["ana"][0]["data"]
    assert shown["body"].startswith("What came in your quiet hours: 3 warnings.")
    assert shown["digest"]["count"] == 3


def test_the_most_severe_stand_first_and_lend_their_severity(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet(), alerts_pass=False)
    telling.match(*telling.happened(6))
    telling.rules(name="breaches", severity="alert")
    telling.match(*telling.happened(2))

    telling.go_on(telling.worker(), hours=8, minutes=1)

    (digest,) = telling.posted("ana")
    assert digest["severity"] == "alert"
    assert digest["digest"]["severities"] == {"notice": 0, "warning": 6, "alert": 2}
    assert [each["severity"] for each in digest["digest"]["first"]] == ["alert"] * 2 + ["warning"] * 3
    assert digest["body"].startswith("What came in your quiet hours: 2 alerts, 6 warnings.")


def test_events_that_are_gone_are_counted_and_not_shown(telling: TellingWorld, stack: Stack) -> None:
    telling.say("ana", **telling.quiet())
    events = telling.happened(7)
    telling.match(*events)
    for event in events[:3]:
        forget(stack, event.id)

    telling.go_on(telling.worker(), hours=8, minutes=1)

    (digest,) = telling.posted("ana")
    assert digest["digest"]["count"] == 7
    assert [each["event_id"] for each in digest["digest"]["first"]] == [event.id for event in events[3:]]


def test_a_digest_of_events_that_are_all_gone_is_discarded(telling: TellingWorld, stack: Stack) -> None:
    telling.say("ana", **telling.quiet())
    events = telling.happened(2)
    telling.match(*events)
    for event in events:
        forget(stack, event.id)

    telling.go_on(telling.worker(), hours=8, minutes=1)

    assert telling.posted("ana") == []
    assert telling.states()["discarded"] == 1


def test_a_digest_is_retried_held_and_sent_again_as_any_delivery(telling: TellingWorld, sinks: Sinks) -> None:
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(2))
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    worker = telling.worker()
    telling.go_on(worker, hours=8, minutes=1)
    failed = len(telling.posted("ana"))
    sinks.misbehave(Misbehaviour("/webhook/x", status=200))
    for _ in range(4):
        telling.go_on(worker, minutes=2)

    posted = telling.posted("ana")
    assert failed >= 1
    assert len(posted) == failed + 1
    assert {body["id"] for body in posted} == {posted[0]["id"]}
    assert [body["digest"]["count"] for body in posted] == [2] * len(posted)


def test_more_than_one_digest_holds_is_in_the_next(telling: TellingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.deliveries.digests.MOST", 3)
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(7))
    worker = telling.worker()

    telling.go_on(worker, hours=8, minutes=1)
    for _ in range(3):
        telling.go_on(worker, minutes=1)

    assert sorted(body["digest"]["count"] for body in telling.posted("ana")) == [1, 3, 3]


def test_what_is_left_of_a_digest_is_tidied_away(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet())
    telling.match(*telling.happened(1))
    worker = telling.worker()
    assert len(telling.heads()) == 1

    telling.go_on(worker, hours=8, minutes=1)
    telling.later(seconds=LOOK_AGAIN.total_seconds() + 1)
    telling.redrive()

    assert telling.heads() == []
    assert len(telling.posted("ana")) == 1


def test_what_waits_can_be_sent_at_once_by_hand_and_is_in_no_digest_then(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet())
    first, second = telling.happened(2)
    telling.match(first, second)
    worker = telling.worker()

    waiting = telling.story(first)["ana"]["id"]
    queued = telling.redeliveries.requeue(Place.of(waiting), now=telling.now, skip=())
    assert not isinstance(queued, str)
    assert queued is not None
    telling.send(queued)
    telling.pump(worker)
    at_once = telling.posted("ana")
    telling.go_on(worker, hours=8, minutes=1)

    assert ["digest" in body for body in at_once] == [False]
    assert [body["digest"]["count"] for body in telling.posted("ana")[1:]] == [1]


def test_what_comes_after_one_that_was_sent_by_hand_is_told_as_well(telling: TellingWorld) -> None:
    """The head is deleted when nothing waits any more: a matcher that had asked for it relied on it until its time."""
    telling.say("ana", digest={"every": "hour"})
    worker, matcher = telling.worker(), telling.matcher()
    first, by_hand, last = telling.happened(3)
    telling.now = telling.now.replace(minute=30)
    matcher.stream([record(first)])
    telling.go_on(worker, minutes=31)
    telling.later(minutes=4)
    matcher.stream([record(by_hand)])
    telling.service().retry(telling.story(by_hand)["ana"]["id"])
    for _ in range(3):  # the head, looked at until it is deleted
        telling.go_on(worker, minutes=7)
    assert telling.heads() == []

    matcher.stream([record(last)])
    telling.go_on(worker, minutes=40)

    assert telling.story(last)["ana"]["state"] == "joined"
    assert len(telling.posted("ana")) == 3


def test_an_event_that_is_matched_again_waits_once(telling: TellingWorld) -> None:
    telling.say("ana", **telling.quiet())
    events = telling.happened(2)

    telling.match(*events)
    telling.match(*events)
    telling.go_on(telling.worker(), hours=8, minutes=1)
    telling.match(*events)
    telling.go_on(telling.worker(), hours=8, minutes=1)

    assert [body["digest"]["count"] for body in telling.posted("ana")] == [2]


def test_who_wants_to_hear_at_once_after_all_hears_when_an_event_is_matched_again(telling: TellingWorld) -> None:
    """As after a death of the matcher: what it decided first waits, and is told when its message says so."""
    telling.say("ana", **telling.quiet())
    (event,) = telling.happened(1)
    telling.match(event)
    telling.say("ana")
    telling.match(event)
    worker = telling.worker()

    telling.pump(worker)
    at_once = telling.posted("ana")
    telling.go_on(worker, hours=8, minutes=1)

    assert len(at_once) == len(telling.posted("ana")) == 1


@pytest.mark.parametrize(
    ("said", "reason", "detail"),
    [
        ({"rules": {"refunds": {"muted": True}}}, "muted", "ana muted rule refunds"),
        ({"transports": {"hook": {"enabled": False}}}, "transport_off", "ana turned transport hook off"),
        (
            {"transports": {"hook": {"min_severity": "alert"}}},
            "severity",
            "ana wants only alerts by hook, and this is a warning",
        ),
    ],
)
def test_what_nobody_wants_is_dropped_and_the_story_says_why(
    telling: TellingWorld, said: dict[str, object], reason: str, detail: str
) -> None:
    telling.say("ana", **said)
    (event,) = telling.happened(1)

    telling.match(event)
    telling.match(event)
    telling.pump(telling.worker())

    story = telling.story(event)
    assert telling.posted("ana") == []
    assert story["ana"]["state"] == "dropped"
    (attempt,) = story["ana"]["attempts"]
    assert (attempt["reason"], attempt["detail"]) == (reason, detail)
    assert story["rule"]["kept_back"] == {reason: 1}


def test_a_rule_that_cannot_be_muted_reaches_who_muted_it(telling: TellingWorld) -> None:
    telling.rules(can_be_muted=False)
    telling.say("ana", rules={"refunds": {"muted": True}})
    telling.match(*telling.happened(1))
    telling.pump(telling.worker())

    assert len(telling.posted("ana")) == 1


def test_defaults_hold_for_everybody_who_says_nothing(telling: TellingWorld) -> None:
    telling.rules(settings={"preferences_defaults": telling.quiet()})
    telling.say("bob", quiet_hours=[])
    telling.match(*telling.happened(1))
    telling.pump(telling.worker())

    assert [len(telling.posted(name)) for name in ("ana", "bob")] == [0, 1]


def test_defaults_that_cannot_be_read_hold_nobody_back(telling: TellingWorld) -> None:
    telling.rules(settings={"preferences_defaults": {"of": "another version"}})
    telling.match(*telling.happened(1))
    telling.pump(telling.worker())

    assert [len(telling.posted(name)) for name in ("ana", "bob")] == [1, 1]


def test_a_message_is_in_the_language_that_its_person_wants(telling: TellingWorld) -> None:
    telling.say("ana", locale="de")
    telling.match(*telling.happened(1))

    people = [Severity(body["severity"]) and body["user"] for body in telling.stack.messages("Webhook")]

    assert {person["username"]: person["locale"] for person in people} == {"ana": "de", "bob": "en"}


def forget(stack: Stack, event_id: str) -> None:
    stack.dynamodb.delete_item(TableName="events", Key=event_key(event_id))


def test_what_waits_by_a_transport_that_became_another_one_goes_by_what_it_became(telling: TellingWorld) -> None:
    """The fault: a digest was queued for what the transport had been at its first event, and so was all discarded."""
    telling.say("ana", **telling.quiet())
    first, second = telling.happened(2)
    telling.match(first)
    _, configuration = telling.configuration.current(fresh=True)
    hook, *others = configuration.transports
    inbox = NotificationTransport(name=hook.name, mode=TransportMode.LOCAL)
    changed = replace(configuration, transports=(inbox, *others))
    telling.configuration.publish(changed, replacing=telling.configuration.version(fresh=True), by="test")
    telling.match(second)

    telling.later(hours=8, minutes=1)
    telling.redrive()
    telling.pump(telling.worker("local"), "local")

    page: Any = telling.inboxes.page("ana", telling.inboxes.head("ana"), limit=9, now=telling.now)
    assert [each["digest"]["count"] for each in page.items] == [2]
