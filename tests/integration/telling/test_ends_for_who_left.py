"""That it is over is for those who were told: not for who left since, nor for whoever has their name by then."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.telling_world import ONCALL, TellingWorld
from tocsin.config.belongings import Belongings
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.inbox_owner_store import InboxOwnerStore

RESOLVE = {"action": "service_up", "by": ["context.host"], "within": "hours=12"}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    world = TellingWorld(stack, monkeypatch, sinks)
    world.rules(resolve=RESOLVE)
    return world


def belongings(telling: TellingWorld) -> Belongings:
    return Belongings(InboxOwnerStore(telling.stack.dynamodb, "deliveries"), telling.preferences)


def ana_leaves(telling: TellingWorld) -> None:
    """As `DELETE /users/ana` does."""
    telling.later(seconds=1)
    belongings(telling).take_from(["ana"], now=telling.now)
    telling.people.delete(users=[User("ana")], members=[(ONCALL, "ana")])


def another_ana_comes(telling: TellingWorld) -> None:
    """As `PUT /users/ana` and `PUT /groups/oncall/members/ana` do."""
    telling.later(seconds=1)
    belongings(telling).clear_for(["ana"], now=telling.now)
    telling.people.write(users=[User("ana", "another@example.com")], members=[(ONCALL, "ana")])


def ana_is_inactive(telling: TellingWorld) -> None:
    telling.people.write(users=[User("ana", "ana@example.com", active=False)], members=[])


def ana_has_another_name(telling: TellingWorld) -> None:
    ana_leaves(telling)
    telling.people.write(users=[User("anna", "ana@example.com")], members=[(ONCALL, "anna")])


def ana_leaves_and_another_comes(telling: TellingWorld) -> None:
    ana_leaves(telling)
    another_ana_comes(telling)


def matched(telling: TellingWorld, action: str) -> Event:
    telling.later(seconds=1)
    app = "shop" if action.endswith("down") else "monitor"
    event = telling.event(app=app, action=f"custom_{action}", context={"host": "web-1"})
    telling.match(event)
    telling.pump(telling.worker())
    return event


def told(telling: TellingWorld, username: str | None) -> list[tuple[str, bool]]:
    """The address, and whether it is over, of each message to a person."""
    return [(body["user_email"], body.get("over", False)) for body in telling.posted(username)]


@pytest.mark.parametrize(
    "leaves",
    [ana_leaves, ana_is_inactive, ana_has_another_name, ana_leaves_and_another_comes],
    ids=lambda f: f.__name__,
)
def test_who_left_is_not_told_nor_who_has_the_name_since(
    telling: TellingWorld, leaves: Callable[[TellingWorld], None]
) -> None:
    """The fault: whoever was found by the name heard the end of what somebody else was told."""
    matched(telling, "service_down")
    leaves(telling)

    end = matched(telling, "service_up")

    assert told(telling, "ana") == [("ana@example.com", False)]
    assert told(telling, "anna") == []
    assert told(telling, "bob") == [("bob@example.com", False), ("bob@example.com", True)]
    assert telling.story(end)["rule"]["deliveries"] == {"hook": 1}


def test_who_has_the_name_since_hears_the_end_of_what_they_were_told_themselves(telling: TellingWorld) -> None:
    """Whether it began before they came, or ended before and began anew."""
    matched(telling, "service_down")
    ana_leaves_and_another_comes(telling)
    matched(telling, "service_down")
    matched(telling, "service_up")
    matched(telling, "service_down")
    matched(telling, "service_up")

    another = "another@example.com"
    assert told(telling, "ana") == [("ana@example.com", False), *[(another, over) for over in (False, True) * 2]]


def test_what_the_name_was_told_twice_since_is_for_the_last_who_has_it(telling: TellingWorld) -> None:
    matched(telling, "service_down")
    for _ in range(2):
        ana_leaves_and_another_comes(telling)
    matched(telling, "service_up")

    assert told(telling, "ana") == [("ana@example.com", False)]


@pytest.mark.parametrize("earlier", [2, 0], ids=["before", "as they came"])
def test_an_event_that_happened_before_its_reader_came_has_no_end_for_them(telling: TellingWorld, earlier: int) -> None:
    """As where it is matched late, or by what a function knew of people before. Nothing of who left is noted."""
    ana_leaves_and_another_comes(telling)
    before = telling.event(
        id=new_id(telling.now - timedelta(seconds=earlier)),
        app="shop",
        action="custom_service_down",
        context={"host": "web-1"},
    )
    telling.match(before)
    telling.pump(telling.worker())
    (opened,) = [item for item in telling.stack.items("deliveries") if item["pk"]["S"].startswith("open#")]
    assert {*opened["told"]["SS"]} == {"hook\n", "hook\nbob"}

    matched(telling, "service_up")

    assert [over for _, over in told(telling, "ana")] == [False]
    assert [over for _, over in told(telling, "bob")] == [False, True]


@pytest.mark.parametrize("happened", ["before", "after"])
def test_a_channel_hears_of_the_end_whoever_its_message_named(telling: TellingWorld, happened: str) -> None:
    telling.rules(resolve=RESOLVE, once=True)
    matched(telling, "service_down")
    ana_leaves(telling)
    if happened == "after":
        another_ana_comes(telling)

    matched(telling, "service_up")

    posted: list[Any] = [body for name in ("ana", "bob", None) for body in telling.posted(name)]
    assert [body.get("over", False) for body in posted] == [False, True]


def test_a_mail_to_one_person_has_no_end_for_nobody(telling: TellingWorld) -> None:
    """The fault: where its reader had left, a mail to nobody was sent, which failed."""
    telling.rules(resolve=RESOLVE, transports=["mail"], mail_once=True)
    matched(telling, "service_down")
    telling.stack.messages("Email")
    ana_leaves_and_another_comes(telling)

    matched(telling, "service_up")

    assert telling.stack.messages("Email") == []


def test_the_end_costs_one_read_of_who_was_deleted_and_each_beginning_one(
    telling: TellingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    emptied = InboxOwnerStore.emptied
    monkeypatch.setattr(InboxOwnerStore, "emptied", lambda self, names: asked.append([*names]) or emptied(self, names))

    matched(telling, "service_down")
    matched(telling, "service_up")

    assert asked == [["ana", "bob"]] * 2
