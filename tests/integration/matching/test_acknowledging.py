"""Acknowledging: once, by whoever is first; as an event, in the story, and where inboxes are open."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.handler_calls import Answer
from tocsin.config.settings import Settings
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.errors import Unavailable
from tocsin.events.model import Cause, Event
from tocsin.events.store import EventStore, Submission
from tocsin.events.system import SystemEvents
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.matching.acknowledging import Acknowledgements, Acknowledger
from tocsin.matching.ending import about_of
from tocsin.matching.story import StoryStore
from tocsin.notifications.acknowledge_links import LIVES, AcknowledgeLinks, Acknowledging
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.times import iso, parse_duration, utc_now
from tocsin.types import JsonObject

DAY = timedelta(days=1)
LINKS = AcknowledgeLinks("s" * 48)
CONFIGURATION = {
    "users": [{"username": "ana"}, {"username": "bob"}],
    "groups": [{"name": "second"}],
    "policies": [{"name": "any", "kind": "event_matcher", "app": "shop"}],
    "rules": [
        {
            "name": "refunds",
            "bindings": [{"policy": "any"}],
            "escalate": [{"after": "minutes=15", "destination_group": "second"}],
        },
        {"name": "quiet", "bindings": [{"policy": "any"}]},
    ],
}


class Told:
    """The stack in which rule `refunds` told of one event."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = Api.of(stack)
        assert self.api("PUT", "/blueprint", CONFIGURATION).status == 200
        self.matters = EscalationStore(stack.dynamodb, "deliveries")
        self.event = self.told()
        self.rule = ConfigurationStore(stack.dynamodb, "config").current()[1].rules_by_name["refunds"]
        about = about_of(self.rule, self.event)
        assert about is not None
        self.about = about
        self.begin(self.event.id)
        self.stories = StoryStore(stack.dynamodb, "deliveries")
        self.stories.note_match(self.event.id, "refunds", {}, page="0", told={}, kept={}, now=utc_now(), keep=DAY)

    def told(self) -> Event:
        expires = datetime(2099, 1, 1, tzinfo=UTC)
        context: JsonObject = {"message": "49 EUR <b>refunded"}
        event = Event(new_id(), "custom_refund", "shop", {"username": "eve"}, context, None, "default", expires)
        EventStore(self.stack.dynamodb, "events").add([Submission(event, None)])
        return event

    def begin(self, event_id: str, *, keep: timedelta = DAY) -> None:
        now, hour = utc_now(), timedelta(hours=1)
        self.matters.begin("refunds", self.about, event_id, steps=1, due=now + hour, now=now, keep=keep, goes_on=hour)

    def token(self, username: str = "ana", *, ends: datetime | None = None) -> str:
        ends = ends or utc_now() + LIVES
        return LINKS.token(Acknowledging("refunds", self.about, self.event.id, "mail", username, ends))

    def follow(self, method: str, token: str | None = None) -> Answer:
        return self.api(method, "/acknowledge", query={"token": token or self.token()}, facts={})

    def by_event(self, event_id: str | None = None, **query: str) -> Answer:
        path = f"/events/{event_id or self.event.id}/acknowledge"
        return self.api("POST", path, query=query or {"rule": "refunds"})

    def reported(self) -> list[dict[str, Any]]:
        return [event for event in self.stack.events() if event["action"] == "notification_acknowledged"]

    def story(self) -> dict[str, Any]:
        story: dict[str, Any] = self.api("GET", f"/events/{self.event.id}/deliveries").body["rules"][0]
        return story


@pytest.fixture
def told(stack: Stack) -> Told:
    secret = boto3.client("secretsmanager").create_secret(Name="links", SecretString="s" * 48)
    stack.monkeypatch.setenv("LINK_SECRET", secret["ARN"])
    return Told(stack)


def test_it_is_an_event_and_in_the_story_once_however_often_it_is_clicked(told: Told) -> None:
    for _ in range(3):
        assert told.follow("POST").status == 200
    later = told.by_event()

    assert (later.body["by"], later.body["via"], later.body["first"]) == ("ana", "link", False)
    (event,) = told.reported()
    assert event["user"] == {"username": "ana"}
    assert event["context"] == {"rule": "refunds", "event_id": told.event.id, "via": "link"}
    assert event["cause"] == {"rule": "refunds", "transport": None, "depth": 1}
    said = told.api("GET", f"/events/{event['id']}").body["summary"]
    assert said == "ana acknowledged what rule refunds told of"
    assert told.story()["acknowledged"] == {
        "by": "ana",
        "via": "link",
        "at": later.body["at"],
        "event_id": event["id"],
    }


def test_a_link_scanner_changes_nothing(told: Told) -> None:
    before = told.stack.items("deliveries")

    pages = [told.follow(method) for method in ("GET", "HEAD", "GET")]

    assert [page.status for page in pages] == [200, 200, 200]
    assert "Rule refunds told of this: 49 EUR &lt;b&gt;refunded." in pages[0].text
    assert "It will say that ana acknowledged it." in pages[0].text
    assert told.stack.items("deliveries") == before and told.reported() == []


def test_the_link_then_says_who_did_and_offers_nothing(told: Told) -> None:
    told.follow("POST")

    page = told.follow("GET", told.token("bob"))

    assert "ana acknowledged what rule refunds told of, at 20" in page.text and "<button>" not in page.text


def test_an_operator_acknowledges_by_the_event(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    done = told.by_event()

    assert (done.status, done.body["by"], done.body["via"], done.body["first"]) == (200, "key ops", "api", True)
    (event,) = told.reported()
    assert (event["user"], event["context"]["name"]) == ({}, "key ops")
    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "NOTIFICATION_ACKNOWLEDGED" in each]
    assert (line["rule"], line["event_id"], line["via"]) == ("refunds", told.event.id, "api")
    assert told.matters.due(0, now=utc_now() + DAY, limit=10) == []


@pytest.mark.parametrize(
    ("event_id", "query", "status"),
    [
        (None, {"rule": "quiet"}, 404),
        (None, {"rule": "none"}, 404),
        (None, {"group": "x"}, 422),
        ("no-id", {"rule": "refunds"}, 422),
        ("01890000-0000-7000-8000-000000000000", {"rule": "refunds"}, 404),
    ],
    ids=["a rule that does not escalate", "no such rule", "no rule", "no id", "no such event"],
)
def test_what_is_not_there_is_not_acknowledged(
    told: Told, event_id: str | None, query: dict[str, str], status: int
) -> None:
    assert told.by_event(event_id, **query).status == status
    assert told.reported() == []


def test_a_later_event_of_the_same_matter_has_it_in_its_story_too(told: Told) -> None:
    later = told.told()
    told.stories.note_match(later.id, "refunds", {}, page="0", told={}, kept={}, now=utc_now(), keep=DAY)
    acknowledgements = told.api.module.services.acknowledgements

    done = acknowledgements.acknowledge("refunds", told.about, later.id, Acknowledger("bob", "api", "bob"))

    stories = [told.api("GET", f"/events/{each}/deliveries").body["rules"] for each in (told.event.id, later.id)]
    assert [story[0]["acknowledged"]["event_id"] for story in stories] == [done.event] * 2


def test_it_needs_what_sending_again_needs(told: Told) -> None:
    told.api.facts = told.api.facts | {"scopes": "events:read notifications"}

    assert told.by_event().status == 403
    assert told.reported() == []


def test_what_a_dead_function_left_is_made_up_for_by_the_next_click(told: Told) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SystemEvents, "report", _unavailable)
        failed = told.follow("POST")

    again = told.follow("POST", told.token("bob"))

    assert failed.status == 503
    assert "ana acknowledged" in again.text
    (event,) = told.reported()
    assert event["user"] == {"username": "ana"}
    assert told.story()["acknowledged"]["event_id"] == event["id"]


def _unavailable(*_: object, **__: object) -> str:
    raise Unavailable("the table is busy")


def test_the_event_is_there_once_though_the_settings_changed_in_between(told: Told) -> None:
    told.follow("POST")
    assert told.api("PUT", "/settings", {"event_retention": "days=3", "brand": "other"}).status == 200

    assert told.follow("POST").status == 200
    assert len(told.reported()) == 1


def test_a_link_of_what_began_anew_since_acknowledges_nothing(told: Told) -> None:
    token = told.token()
    told.matters.end("refunds", told.about, new_id(), now=utc_now())
    told.begin(new_id())

    pages = [told.follow(method, token) for method in ("GET", "POST")]

    assert ["Nothing to acknowledge" in page.text for page in pages] == [True, True]
    matter = told.matters.get("refunds", told.about, now=utc_now())
    assert matter is not None and matter.acknowledgement is None


def test_a_link_of_what_is_over_says_so(told: Told) -> None:
    told.matters.end("refunds", told.about, new_id(), now=utc_now())

    page = told.follow("GET")

    assert "It is over" in page.text and "<button>" not in page.text


@pytest.mark.parametrize("token", ["forged", "a.b", ""])
def test_a_link_that_nobody_signed_is_none(told: Told, token: str) -> None:
    answers = [told.api(method, "/acknowledge", query={"token": token}, facts={}) for method in ("GET", "POST")]

    assert [answer.status for answer in answers] == [404, 404]


def test_a_link_ends(told: Told) -> None:
    token = told.token(ends=utc_now() - timedelta(seconds=1))

    assert [told.follow(method, token).status for method in ("GET", "POST")] == [404, 404]
    assert told.reported() == []


def test_whoever_was_told_by_inbox_is_shown_who_acknowledged_once(world: World) -> None:
    world.configure(NotificationTransport(name="inbox", mode=TransportMode.LOCAL))
    message = world.message("inbox", "local", rule="refunds")
    world.send(message)
    world.pump(world.worker("local"), "local")
    matters, shown = EscalationStore(world.stack.dynamodb, "deliveries"), []
    matters.begin("refunds", "a", message.event_id, steps=1, due=world.now + DAY, now=world.now, keep=DAY)
    acknowledgements = Acknowledgements(
        matters,
        world.configuration,
        world.events,
        world.ledger,
        lambda username, told: shown.append((username, told)),
        world.clock,
    )

    for who in (Acknowledger("bob", "api", "bob"), Acknowledger("alice", "inbox", "alice")):
        acknowledgements.acknowledge("refunds", "a", message.event_id, who)

    assert sorted(username for username, _ in shown) == ["alice", "bob"]
    assert {json.dumps(told["data"]["acknowledged"]["by"]) for _, told in shown} == {'"bob"'}
    assert shown[0][1]["message_type"] == "notification.acknowledged"
    assert (shown[0][1]["data"]["rule"], shown[0][1]["data"]["about"]) == ("refunds", "a")


def test_a_notification_shows_whether_it_waits_for_somebody_and_then_who_acknowledged(told: Told) -> None:
    shown_with = told.api.module.services.acknowledgements.shown_with
    notification = {"rule": "refunds", "about": told.about, "event_id": told.event.id}
    of_nothing = [notification | {"about": "another"}, notification | {"about": ""}]

    before = shown_with([notification, *of_nothing])
    done = told.by_event().body
    (after,) = shown_with([notification])

    nothing = {"can_acknowledge": False, "acknowledged": None}
    assert before == [
        notification | {"can_acknowledge": True, "acknowledged": None},
        *(each | nothing for each in of_nothing),
    ]
    said = {name: done[name] for name in ("by", "via", "at")}
    assert after == notification | {"can_acknowledge": False, "acknowledged": said}


@pytest.mark.parametrize(("is_there", "depth"), [(True, 3), (False, 1)], ids=["it is there", "it has expired"])
def test_an_acknowledgement_is_caused_by_the_rule_and_one_deeper_than_the_event(
    told: Told, is_there: bool, depth: int
) -> None:
    caused = replace(told.event, id=new_id(), cause=Cause("other", None, 2))
    if is_there:
        EventStore(told.stack.dynamodb, "events").add([Submission(caused, None)])
    now, hour = utc_now(), timedelta(hours=1)
    told.matters.begin("refunds", "one", caused.id, steps=1, due=now + hour, now=now, keep=DAY)

    told.api.module.services.acknowledgements.acknowledge("refunds", "one", caused.id, Acknowledger("bob", "api"))

    (event,) = told.reported()
    assert event["cause"] == {"rule": "refunds", "transport": None, "depth": depth}


def test_an_event_without_a_story_gets_none_by_being_acknowledged(told: Told) -> None:
    """It would be an entry of a rule that says nothing else, and stay for ever."""
    later = told.told()

    told.api.module.services.acknowledgements.acknowledge("refunds", told.about, later.id, Acknowledger("bob", "api"))

    assert told.api("GET", f"/events/{later.id}/deliveries").body["rules"] == []
    assert [item for item in told.stack.items("deliveries") if item["pk"]["S"] == f"event#{later.id}"] == []


def test_the_log_says_who_acknowledged(told: Told, capsys: pytest.CaptureFixture[str]) -> None:
    told.follow("POST")

    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "NOTIFICATION_ACKNOWLEDGED" in each]
    assert (line["user"], line["via"]) == ("ana", "link")


class Inboxes:
    """Rule `refunds` told people of one event by their inboxes, and which of these are told of an acknowledgement."""

    def __init__(self, world: World, *usernames: str) -> None:
        self.world = world
        world.configure(NotificationTransport(name="inbox", mode=TransportMode.LOCAL))
        self.event = world.event()
        for username in usernames:
            world.send(world.message("inbox", "local", user=User(username), rule="refunds", event_id=self.event.id))
        world.pump(world.worker("local"), "local")
        self.told: list[str] = []
        matters = EscalationStore(world.stack.dynamodb, "deliveries")
        matters.begin("refunds", "a", self.event.id, steps=1, due=world.now + DAY, now=world.now, keep=3 * DAY)
        self._acknowledgements = Acknowledgements(
            matters,
            world.configuration,
            world.events,
            world.ledger,
            lambda username, _: self.told.append(username),
            world.clock,
        )

    def acknowledge(self, who: Acknowledger) -> None:
        self._acknowledgements.acknowledge("refunds", "a", self.event.id, who)


def test_a_channel_in_which_somebody_acknowledged_is_no_inbox(world: World) -> None:
    inboxes = Inboxes(world, "alice")

    inboxes.acknowledge(Acknowledger("#shop", "channel"))

    assert inboxes.told == ["alice"]


def test_inboxes_are_told_who_acknowledged_up_to_a_bound(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.matching.acknowledging.MOST_TOLD", 2)
    inboxes = Inboxes(world, "alice", "bob", "carol")

    inboxes.acknowledge(Acknowledger("#shop", "channel"))

    assert len(inboxes.told) == 2


def test_what_is_reported_a_day_late_is_kept_from_when_it_was_acknowledged(world: World) -> None:
    inboxes, acknowledged = Inboxes(world, "alice"), world.now
    with pytest.MonkeyPatch.context() as patched, pytest.raises(Unavailable):
        patched.setattr(SystemEvents, "report", _unavailable)
        inboxes.acknowledge(Acknowledger("alice", "inbox", "alice"))

    world.later(days=1)
    inboxes.acknowledge(Acknowledger("alice", "inbox", "alice"))

    (event,) = [event for event in world.stack.events() if event["action"] == "notification_acknowledged"]
    assert event["expires"] == iso(acknowledged + parse_duration(Settings().event_retention))
