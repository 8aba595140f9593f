"""What waits for somebody who left is told to nobody, nor to whoever has the name next."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.conftest import Stack
from tests.integration.telling.telling_world import ONCALL, TellingWorld
from tocsin.config.belongings import Belongings
from tocsin.deliveries.items import Place, message_of
from tocsin.identity.directory import User
from tocsin.matching import substitutes
from tocsin.notifications.inbox_owner_store import InboxOwnerStore
from tocsin.notifications.outcome import Outcome, State

GROUP = {"by": ["context.host"], "wait": "hours=4", "interval": "hours=4"}


@pytest.fixture
def telling(stack: Stack, monkeypatch: pytest.MonkeyPatch, sinks: Sinks) -> TellingWorld:
    return TellingWorld(stack, monkeypatch, sinks)


def ana_leaves(telling: TellingWorld) -> None:
    """As `DELETE /users/ana` does; the member stays, as one of the name that comes next."""
    owners = InboxOwnerStore(telling.stack.dynamodb, "deliveries")
    Belongings(owners, telling.preferences).take_from(["ana"], now=telling.now)
    telling.later(seconds=1)


def waiting(telling: TellingWorld, **rule: Any) -> None:
    """Have the rule's events wait for four hours, whoever is told."""
    rule = rule if "group" in rule else rule | {"settings": {"preferences_defaults": telling.quiet(hours=4)}}
    telling.rules(**rule)


def go_on(telling: TellingWorld) -> None:
    telling.later(hours=4, minutes=1)
    telling.redrive()
    for mode in ("webhook", "local"):
        telling.pump(telling.worker(mode), mode)


@pytest.mark.parametrize("rule", [{}, {"group": GROUP}], ids=["quiet hours", "a group"])
def test_what_waits_for_who_is_deleted_is_told_to_nobody_and_the_story_says_why(
    telling: TellingWorld, rule: dict[str, Any]
) -> None:
    waiting(telling, **rule)
    (event,) = telling.happened(1)
    telling.match(event)
    ana_leaves(telling)

    go_on(telling)

    assert (telling.posted("ana"), len(telling.posted("bob"))) == ([], 1)
    ana = telling.story(event)["ana"]
    assert (ana["state"], ana["attempts"][0]["reason"]) == ("dropped", "person_deleted")


@pytest.mark.parametrize("transport", ["hook", "inbox"])
@pytest.mark.parametrize("rule", [{}, {"group": GROUP}], ids=["quiet hours", "a group"])
def test_whoever_has_the_name_next_is_told_what_happened_since(
    telling: TellingWorld, rule: dict[str, Any], transport: str
) -> None:
    waiting(telling, transports=[transport], **rule)
    (before,) = telling.happened(1)
    telling.match(before)
    ana_leaves(telling)
    (since,) = telling.happened(1)
    telling.match(since)

    go_on(telling)

    page: Any = telling.inboxes.page("ana", telling.inboxes.head("ana"), limit=9, now=telling.now)
    (digest,) = [body["digest"] for body in (telling.posted("ana") if transport == "hook" else page.items)]
    assert [each["event_id"] for each in digest["first"]] == [since.id]


def test_a_channel_is_told_also_where_the_person_that_it_names_has_left(telling: TellingWorld) -> None:
    waiting(telling, once=True, group=GROUP)
    telling.match(*telling.happened(1))
    ana_leaves(telling)

    go_on(telling)

    assert len(telling.posted("ana")) == 1


@pytest.mark.parametrize("rule", [{}, {"group": GROUP}], ids=["quiet hours", "a group"])
def test_what_waits_for_who_is_made_inactive_is_told_to_nobody_and_the_story_says_why(
    telling: TellingWorld, rule: dict[str, Any]
) -> None:
    """The fault: who left at eleven at night had the night's events mailed to them at seven."""
    waiting(telling, **rule)
    (event,) = telling.happened(1)
    telling.match(event)
    telling.people.write(users=[User("ana", "ana@example.com", active=False)], members=[])

    go_on(telling)

    assert (telling.posted("ana"), len(telling.posted("bob"))) == ([], 1)
    ana = telling.story(event)["ana"]
    assert (ana["state"], ana["attempts"][0]["reason"]) == ("dropped", "person_inactive")


def test_what_waits_goes_to_the_address_that_its_person_has_by_then(telling: TellingWorld) -> None:
    waiting(telling)
    telling.match(*telling.happened(1))
    telling.people.write(users=[User("ana", "ana@example.org")], members=[])

    go_on(telling)

    assert [body["user_email"] for body in telling.posted("ana")] == ["ana@example.org"]


def test_a_channel_is_told_also_where_the_person_that_it_names_is_inactive(telling: TellingWorld) -> None:
    waiting(telling, once=True, group=GROUP)
    telling.match(*telling.happened(1))
    telling.people.write(users=[User("ana", "ana@example.com", active=False)], members=[])

    go_on(telling)

    assert len(telling.posted("ana")) == 1


@pytest.mark.parametrize(("once", "told"), [(False, 0), (True, 1)], ids=["a person", "a channel"])
def test_a_digest_that_is_tried_again_is_for_nobody_who_left_meanwhile_but_for_its_channel(
    telling: TellingWorld, once: bool, told: int
) -> None:
    waiting(telling, once=once, group=GROUP)
    telling.match(*telling.happened(1))
    telling.sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    go_on(telling)
    telling.sinks.behave()
    telling.sinks.forget()
    ana_leaves(telling)

    telling.go_on(telling.worker(), hours=1)

    assert len(telling.posted("ana")) == told


def test_a_digest_that_is_sent_again_by_hand_is_of_its_latest_event(telling: TellingWorld) -> None:
    waiting(telling, group=GROUP)
    telling.match(telling.happened(1)[0])
    telling.later(minutes=1)
    (latest,) = telling.happened(1)
    telling.match(latest)
    telling.sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    go_on(telling)
    places = [Place.of(message_of(item).delivery_id) for item in telling.all() if "digest" in item]

    found = telling.redeliveries.found(places)

    assert found
    assert all(each.digest is not None and each.digest["latest"] == latest.id for each in found)


# ── an e-mail that is sent once, for a group of events ───────────────────────


def one_mail(telling: TellingWorld) -> list[User]:
    """Whom a digest is for that is mailed once, when its group has waited."""
    telling.later(hours=4, minutes=1)
    telling.redrive()
    return [User.from_json(message["user"]) for message in telling.stack.messages("Email")]


def ana_is_inactive(telling: TellingWorld) -> None:
    telling.people.write(users=[User("ana", "ana@example.com", active=False)], members=[])


def ana_is_deleted(telling: TellingWorld) -> None:
    telling.people.delete(users=[User("ana")])


def ana_has_no_address(telling: TellingWorld) -> None:
    telling.people.write(users=[User("ana")], members=[])


def ana_mutes_the_rule(telling: TellingWorld) -> None:
    telling.say("ana", rules={"refunds": {"muted_until": (telling.now + timedelta(days=1)).isoformat()}})


LEAVES = pytest.mark.parametrize(
    ("leaves", "reason", "detail"),
    [
        (ana_leaves, "person_deleted", "its person was deleted after the event happened"),
        (ana_is_deleted, "person_deleted", "its person is not in the directory any more"),
        (ana_is_inactive, "person_inactive", "its person is not active any more"),
        (ana_has_no_address, "no_address", "its person has no e-mail address"),
        (ana_mutes_the_rule, "muted", "ana muted rule refunds"),
    ],
)


@LEAVES
def test_a_mail_for_a_group_goes_to_another_of_its_people_where_who_it_names_left(
    telling: TellingWorld, leaves: Callable[[TellingWorld], None], reason: str, detail: str
) -> None:
    """The fault: it was discarded whole, though it tells all of the group."""
    telling.rules(transports=["mail"], mail_once=True, group=GROUP)
    telling.say("bob", locale="de", time_zone="Europe/Berlin")
    events = telling.happened(2)
    telling.match(*events)
    leaves(telling)

    (bob,) = one_mail(telling)

    assert (bob.username, bob.email, bob.locale, bob.time_zone) == ("bob", "bob@example.com", "de", "Europe/Berlin")
    assert {telling.story(event)["ana"]["state"] for event in events} == {"joined"}


def test_a_mail_for_a_group_that_another_reads_is_delivered_to_them(telling: TellingWorld) -> None:
    telling.rules(transports=["mail"], mail_once=True, group=GROUP)
    telling.match(*telling.happened(2))
    ana_is_deleted(telling)
    telling.later(hours=4, minutes=1)
    telling.redrive()

    telling.pump(telling.worker("email", lambda _: Outcome(State.DELIVERED, "taken")), "email")

    (digest,) = [item for item in telling.all() if "digest" in item]
    assert (message_of(digest).user, digest["state"]["S"]) == (User("bob", "bob@example.com"), "delivered")


@LEAVES
def test_a_mail_for_a_group_of_whom_nobody_is_left_is_told_to_nobody_and_the_story_says_why(
    telling: TellingWorld, leaves: Callable[[TellingWorld], None], reason: str, detail: str
) -> None:
    telling.rules(transports=["mail"], mail_once=True, group=GROUP)
    events = telling.happened(2)
    telling.match(*events)
    leaves(telling)
    telling.people.write(users=[User("bob", "bob@example.com", active=False)], members=[])

    assert one_mail(telling) == []
    for event in events:
        ana = telling.story(event)["ana"]
        (attempt,) = ana["attempts"]
        assert (ana["state"], attempt["reason"]) == ("dropped", reason)
        assert attempt["detail"].startswith(detail)
        assert attempt["detail"].endswith(", nor does anybody else of the rule's group take mail")


def test_a_mail_for_a_group_stays_with_who_is_there_at_the_address_that_they_have(telling: TellingWorld) -> None:
    telling.rules(transports=["mail"], mail_once=True, group=GROUP)
    telling.match(*telling.happened(2))
    telling.people.write(users=[User("ana", "ana@example.org")], members=[])

    assert [(user.username, user.email) for user in one_mail(telling)] == [("ana", "ana@example.org")]


def test_a_mail_for_a_group_goes_to_whom_another_of_its_events_names_before_it_goes_to_further_people(
    telling: TellingWorld,
) -> None:
    telling.rules(transports=["mail"], mail_once=True, group=GROUP, destination_group="second")
    telling.match(*telling.happened(1))  # for bob
    telling.rules(transports=["mail"], mail_once=True, group=GROUP)
    telling.later(minutes=1)
    telling.match(*telling.happened(1))  # for ana
    telling.people.write(users=[User("cid", "cid@example.com")], members=[(ONCALL, "abe"), (ONCALL, "cid")])
    telling.people.write(users=[User("abe", "abe@example.com")], members=[])
    ana_is_inactive(telling)

    assert [user.username for user in one_mail(telling)] == ["bob"]


@pytest.mark.parametrize(("pages", "found"), [(4, ["dan"]), (3, [])])
def test_a_reader_is_looked_for_page_by_page_and_not_without_end(
    telling: TellingWorld, monkeypatch: pytest.MonkeyPatch, pages: int, found: list[str]
) -> None:
    monkeypatch.setattr(substitutes, "PAGE", 1)
    monkeypatch.setattr(substitutes, "PAGES", pages)
    telling.rules(transports=["mail"], mail_once=True, group=GROUP)
    telling.match(*telling.happened(1))
    telling.people.write(users=[User(name) for name in ("ana", "bob", "cid")], members=[(ONCALL, "cid")])
    telling.people.write(users=[User("dan", "dan@example.com")], members=[(ONCALL, "dan")])

    assert [user.username for user in one_mail(telling)] == found


def test_a_mail_for_a_group_of_a_rule_that_is_gone_goes_to_who_it_names_or_to_nobody(telling: TellingWorld) -> None:
    telling.rules(transports=["mail"], mail_once=True, group=GROUP)
    telling.match(*telling.happened(1))
    telling.rules(transports=["mail"], mail_once=True, name="another")
    ana_is_inactive(telling)

    assert one_mail(telling) == []
