"""Users and members are held for a few seconds of the wall clock where a function asks for that."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, raising
from tocsin.aws import clients
from tocsin.aws.dynamodb import Put
from tocsin.errors import Unavailable
from tocsin.identity.directory import Group, User
from tocsin.identity.store import PeopleStore

HOLD = timedelta(seconds=4)
ONCALL = Group("oncall", roster="1")
ALICE, BOB = User("alice", "alice@example.com"), User("bob")


@pytest.mark.parametrize("jump", [timedelta(seconds=4), timedelta(hours=9), timedelta(seconds=-5)])
def test_people_are_read_again_after_a_few_seconds_and_when_the_clock_jumps(stack: Stack, jump: timedelta) -> None:
    """The fault: ages were by a clock that stands still while Lambda freezes the process."""
    now = datetime.now(UTC)
    people = PeopleStore(stack.dynamodb, "config", hold=HOLD, clock=lambda: now)
    people.write(users=[ALICE], members=[(ONCALL, "alice")])
    people.users(["alice", "bob"])
    people.members(ONCALL, after=None, limit=10)
    people.write(users=[BOB], members=[(ONCALL, "bob")])
    people.delete(users=[User("alice")])

    held = people.users(["alice", "bob"]), people.members(ONCALL, after=None, limit=10).items
    now += jump
    read = people.users(["alice", "bob"]), people.members(ONCALL, after=None, limit=10).items

    assert held == ({"alice": ALICE}, ("alice",))
    assert read == ({"bob": BOB}, ("alice", "bob"))


def test_people_who_are_held_are_not_asked_for(stack: Stack) -> None:
    people = PeopleStore(clients.dynamodb(), "config", hold=HOLD, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    people.write(users=[ALICE], members=[(ONCALL, "alice")])
    people.users(["alice", "bob"])
    people.members(ONCALL, after=None, limit=10)

    with failing(raising(AssertionError("DynamoDB was asked"))):
        assert people.users(["bob", "alice"]) == {"alice": ALICE}
        assert people.members(ONCALL, after=None, limit=10).items == ("alice",)


def test_whether_somebody_is_a_member_is_held_as_long_be_it_so_or_not(stack: Stack) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    people = PeopleStore(clients.dynamodb(), "config", hold=HOLD, clock=lambda: now)
    people.write(members=[(ONCALL, "alice")])
    people.memberships([ONCALL], ["alice", "bob"])
    people.write(members=[(ONCALL, "bob")])
    people.delete(members=[(ONCALL, "alice")])

    with failing(raising(AssertionError("DynamoDB was asked"))):
        held = people.memberships([ONCALL], ["alice", "bob"])
    now += HOLD
    read = people.memberships([ONCALL], ["alice", "bob"])

    assert held == {"oncall": {"alice"}}
    assert read == {"oncall": {"bob"}}


def test_by_default_nobody_is_held(stack: Stack) -> None:
    people = PeopleStore(stack.dynamodb, "config")
    before = people.users(["alice"])

    people.write(users=[ALICE])

    assert (before, people.users(["alice"])) == ({}, {"alice": ALICE})


def test_all_users_and_all_members_are_listed(stack: Stack) -> None:
    people = PeopleStore(stack.dynamodb, "config")
    people.write(users=[ALICE, BOB], members=[(ONCALL, "alice"), (ONCALL, "bob")])

    assert list(people.all_users()) == [ALICE, BOB]
    assert list(people.all_members(ONCALL)) == ["alice", "bob"]


def test_a_pk_that_is_forgotten_names_nobody(stack: Stack) -> None:
    people = PeopleStore(stack.dynamodb, "config")
    carol = User("carol", pk=7)
    people.write(users=[carol])
    assert people.users_by_pk(["7"]) == {"7": carol}

    people.forget_pk(carol)

    assert people.users_by_pk(["7"]) == {}


def test_a_uuid_is_found_by_one_read_and_in_the_spelling_that_it_was_stored_in_before(stack: Stack) -> None:
    people = PeopleStore(stack.dynamodb, "config")
    key = "5f0c1a2b-0000-4000-8000-00000000abcd"
    dave, erin = User("dave", pk=key.upper()), User("erin", pk="ABCD" * 8)
    people.write(users=[dave, erin])
    pks = {item["sk"]["S"]: item for item in stack.items("config") if item["pk"]["S"] == "user-pk"}
    assert set(pks) == {key, "abcdabcd-abcd-abcd-abcd-abcdabcdabcd"}
    stack.dynamodb.delete_item(TableName="config", Key={name: pks[key][name] for name in ("pk", "sk")})
    stack.dynamodb.put_item(TableName="config", Item=pks[key] | {"sk": {"S": key.upper()}})

    assert people.users_by_pk([key.upper(), "abcd" * 8]) == {key.upper(): dave, "abcd" * 8: erin}


# ── together with what tells of it ───────────────────────────────────────────

TOLD = Put({"pk": {"S": "event#1"}, "sk": {"S": "1"}}, "attribute_not_exists(pk)", table="events")


def test_a_person_in_many_groups_is_deleted_together_with_what_tells_of_it(stack: Stack) -> None:
    groups = [Group(f"g{number}", roster="1") for number in range(130)]
    people = PeopleStore(clients.dynamodb(), "config")
    people.write(users=[ALICE], members=[(group, "alice") for group in groups])

    people.delete(users=[ALICE], members=[(group, "alice") for group in groups], beside=[TOLD])

    assert stack.items("config") == []
    assert stack.items("events") == [TOLD.item]


def test_nobody_is_written_where_what_tells_of_it_is_refused(stack: Stack) -> None:
    stack.dynamodb.put_item(TableName="events", Item=TOLD.item | {"of": {"S": "somebody else"}})
    people = PeopleStore(clients.dynamodb(), "config")

    with pytest.raises(Unavailable, match="an id that is taken") as refused:
        people.write(users=[ALICE], beside=[TOLD])

    assert refused.value.retry_after == 1
    assert people.user("alice") is None
