"""The story of an event: what became of each rule and its steps, page by page, in what order, and until when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.handler_calls import heard
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.story import StoryStore
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.times import iso

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
KEEP = timedelta(days=3)


class Story:
    """What is noted of one event."""

    def __init__(self, stack: Stack) -> None:
        self.store = StoryStore(stack.dynamodb, "deliveries")
        self.event_id = new_id(NOW)

    def match(self, rule: str = "logins", page: int = 1, **noted: Any) -> bool:
        """Note a page of a rule's people; whether the rule is new."""
        known = {"facts": {"severity": "warning"}, "told": {}, "kept": {}, "now": NOW, "keep": KEEP} | noted
        return self.store.note_match(self.event_id, rule, known.pop("facts"), page=str(page), **known)

    def step(
        self, number: int, page: int | None = 0, *, now: datetime = NOW, held: bool = False, **counts: Any
    ) -> bool:
        """Note a page of the people of a step of `logins`, or of nobody; whether it is new."""
        facts: Any = {"step": number, "at": iso(now), "held": held}
        known = {"told": {}, "kept": {}} | counts
        return self.store.note_step(self.event_id, "logins", facts, page=page, now=now, keep=KEEP, held=held, **known)

    def told(self, *, now: datetime = LATER) -> list[dict[str, Any]]:
        page: Any = self.store.story(self.event_id, after=None, limit=50, now=now)
        assert page.last is None
        return list(page.items)


@pytest.fixture
def story(stack: Stack) -> Story:
    return Story(stack)


def test_a_rule_is_told_with_its_facts_and_what_its_pages_add_up_to(story: Story) -> None:
    story.match(told={"inbox": 2, "mail": 1}, kept={"muted": 1})
    story.match(page=2, told={"inbox": 3}, kept={"muted": 1, "quiet_hours": 2}, now=LATER)
    story.match("other", facts={"severity": "alert", "transports": []})

    assert story.told() == [
        {
            "kind": "rule",
            "rule": "logins",
            "at": iso(NOW),
            "deliveries": {"inbox": 5, "mail": 1},
            "kept_back": {"muted": 2, "quiet_hours": 2},
            "severity": "warning",
        },
        {"kind": "rule", "rule": "other", "at": iso(NOW), "deliveries": {}, "severity": "alert", "transports": []},
    ]


def test_a_page_that_is_noted_again_counts_nobody_twice_and_keeps_what_was_first(story: Story) -> None:
    news = [story.match(told={"inbox": 2}), story.match(told={"inbox": 2}, facts={"severity": "alert"}, now=LATER)]

    assert news == [True, False]
    (rule,) = story.told()
    assert (rule["deliveries"], rule["severity"], rule["at"]) == ({"inbox": 2}, "warning", iso(NOW))


def test_steps_are_told_in_the_order_in_which_they_came_and_count_with_their_rule(stack: Stack, story: Story) -> None:
    story.match(told={"inbox": 1})

    news = [
        story.step(1, held=True),
        story.step(1, held=True, now=LATER),
        story.step(1, told={"inbox": 2}, now=NOW + timedelta(minutes=2)),
        story.step(1, page=1, told={"inbox": 1}, kept={"muted": 1}, now=NOW + timedelta(minutes=3)),
        story.step(2, told={"mail": 1}, now=NOW + timedelta(minutes=9)),
        story.step(10, now=NOW + timedelta(minutes=4)),
    ]

    (rule,) = story.told()
    assert news == [True, False, True, False, True, True]
    assert rule["deliveries"] == {"inbox": 4, "mail": 1}
    assert rule["kept_back"] == {"muted": 1}
    assert rule["escalated"] == [
        {"step": 1, "at": iso(NOW), "held": True},
        {"step": 1, "at": iso(NOW + timedelta(minutes=2)), "held": False},
        {"step": 10, "at": iso(NOW + timedelta(minutes=4)), "held": False},
        {"step": 2, "at": iso(NOW + timedelta(minutes=9)), "held": False},
    ]
    (item,) = stack.items("deliveries")
    assert {name for name in item if name.startswith("step#")} == {"step#1#held", "step#1", "step#2", "step#10"}


def test_what_was_held_or_logged_is_told_among_the_rules(stack: Stack, story: Story) -> None:
    story.match("nights")
    held = [
        HeldEvent(story.event_id, "logins", {"reason": "silenced"}),
        HeldEvent.of_policy(story.event_id, "office", {"passed": True}),
    ]
    HeldStore(stack.dynamodb, "deliveries").write(held, now=NOW, keep=KEEP)

    assert story.told() == [
        {"kind": "policy", "policy": "office", "at": iso(NOW), "passed": True},
        {"kind": "rule", "rule": "logins", "at": iso(NOW), "deliveries": {}, "reason": "silenced"},
        {"kind": "rule", "rule": "nights", "at": iso(NOW), "deliveries": {}, "severity": "warning"},
    ]


def test_a_step_that_is_told_to_nobody_counts_nobody_and_leaves_what_it_told_before(story: Story) -> None:
    story.match(told={"inbox": 1})
    story.step(1, told={"inbox": 2}, kept={"muted": 1})

    news = [story.step(1, page=None, now=LATER), story.step(2, page=None, now=LATER)]

    (rule,) = story.told()
    assert news == [False, True]
    assert (rule["deliveries"], rule["kept_back"]) == ({"inbox": 3}, {"muted": 1})
    assert [step["step"] for step in rule["escalated"]] == [1, 2]


def test_it_is_kept_for_as_long_as_was_asked_from_what_was_noted_last(story: Story) -> None:
    story.match()
    story.step(1, now=LATER)

    assert [len(story.told(now=LATER + KEEP + timedelta(seconds=late))) for late in (-1, 1)] == [1, 0]


class Delivered(Story):
    """The story of an event of which rule `logins` told people by their inboxes."""

    def __init__(self, world: World, *usernames: str) -> None:
        super().__init__(world.stack)
        self.world = world
        world.configure(NotificationTransport(name="inbox", mode=TransportMode.LOCAL))
        self.messages = {
            name: world.message("inbox", "local", user=User(name), rule="logins", event_id=self.event_id)
            for name in usernames
        }
        world.send(*self.messages.values())
        world.pump(world.worker("local"), "local")

    def add_alike(self, **attributes: Any) -> None:
        """Store another delivery, like one of those but for some attributes."""
        first, *_ = (item for item in self.world.stack.items("deliveries") if item["sk"]["S"].startswith("delivery#"))
        self.world.stack.dynamodb.put_item(
            TableName="deliveries", Item=first | {"sk": {"S": "delivery#another"}} | attributes
        )

    def pages(self, limit: int) -> list[list[str]]:
        """What each page names, of rules or people."""
        pages: list[list[str]] = []
        after: str | None = None
        while len(pages) < 10:  # more than there are
            page: Any = self.store.story(self.event_id, after=after, limit=limit, now=self.world.now)
            pages.append([entry["rule"] if entry["kind"] == "rule" else entry["user"] for entry in page.items])
            after = page.last
            if after is None:
                break
        return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
def test_pages_have_rules_first_then_deliveries_each_once(world: World, limit: int) -> None:
    story = Delivered(world, "ana", "bob", "eve")
    for rule in ("failures", "logins"):
        story.match(rule, now=world.now)

    pages = story.pages(limit)

    told = [name for page in pages for name in page]
    assert told[:2] == ["failures", "logins"]
    assert sorted(told[2:]) == ["ana", "bob", "eve"]
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert len(pages[-1]) <= limit


def test_the_traces_of_an_event_are_all_its_entries_and_who_has_a_notification(world: World) -> None:
    story = Delivered(world, "ana", "bob")
    story.add_alike(mode={"S": "email"})
    story.match(told={"inbox": 2, "mail": 1}, now=world.now)

    traces = story.store.traces(story.event_id, 10)

    assert sorted(traces.notifications) == [
        (name, message.notification_id) for name, message in sorted(story.messages.items())
    ]
    assert (len(traces.keys), traces.is_open, traces.more) == (4, False, False)
    assert story.store.traces(story.event_id, 2).more
    story.store.forget(story.event_id, traces)
    assert story.told(now=world.now) == []


@pytest.mark.parametrize(
    ("counts", "is_open"),
    [
        ({"told": {"inbox": 1}}, False),
        ({"told": {"inbox": 2}}, True),
        ({"told": {"inbox": 1}, "kept": {"muted": 1}}, True),
        ({"told": {"inbox": 1, "mail": 1}}, True),
    ],
)
def test_a_story_is_open_while_fewer_deliveries_are_known_than_were_made(
    world: World, counts: dict[str, Any], is_open: bool
) -> None:
    story = Delivered(world, "ana")
    story.match(now=world.now, **counts)

    story.add_alike(digest={"S": "{}"})  # no rule counts a digest: it tells again what its deliveries are of

    assert story.store.traces(story.event_id, 10).is_open is is_open


def test_of_those_who_were_told_by_inbox_the_first_are_named(world: World) -> None:
    story = Delivered(world, "ana", "bob", "eve")
    world.send(world.message("inbox", "local", user=User("dan"), rule="other", event_id=story.event_id))
    world.pump(world.worker("local"), "local")

    read: list[Any] = []

    with heard(world.stack.dynamodb, "after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["Items"])):
        told = [story.store.told_by_inbox(story.event_id, "logins", most=most) for most in (2, 10)]

    assert {name for items in read for item in items for name in item} == {"username", "notification_id"}
    assert told[0] == told[1][:2]
    assert sorted(told[1]) == [(name, message.notification_id) for name, message in sorted(story.messages.items())]


def test_they_are_looked_for_among_the_first_deliveries_of_the_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person may be told a million times by other rules."""
    monkeypatch.setattr("tocsin.matching.story._DELIVERIES_LOOKED_AT", 2)
    story = Delivered(world, "ana", "bob", "eve")

    assert len(story.store.told_by_inbox(story.event_id, "logins", most=10)) == 2
