"""People, memberships and uses of keys in the config table: pages, batches, and what is read as of now."""

from datetime import UTC, datetime, timedelta

import pytest

from local.corrections.late_reads import LateReads
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing
from tocsin.aws import clients
from tocsin.identity.api_keys import ApiKey
from tocsin.identity.directory import Group, User
from tocsin.identity.store import OLD_LIST_LIVES, PeopleStore

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONCALL, NIGHT = Group("oncall", roster="1"), Group("night", roster="1")
MANY = [User(f"user-{number:03}", pk=number) for number in range(130)]
NAMES = [user.username for user in MANY]


@pytest.fixture
def people(stack: Stack) -> PeopleStore:
    return PeopleStore(clients.dynamodb(), "config")


@pytest.fixture
def holding(stack: Stack) -> PeopleStore:
    """Holds whom it read, for as long as the test runs."""
    return PeopleStore(clients.dynamodb(), "config", hold=timedelta(seconds=4), clock=lambda: NOW)


# ── pages ────────────────────────────────────────────────────────────────────


def test_users_come_in_pages_by_name(people: PeopleStore) -> None:
    people.write(users=reversed(MANY[:5]))

    first = people.users_after(None, 2)
    second = people.users_after(first.last, 2)
    third = people.users_after(second.last, 2)

    assert [first.items, second.items, third.items] == [(*MANY[:2],), (*MANY[2:4],), (MANY[4],)]
    assert (first.last, second.last, third.last) == ("user-001", "user-003", None)
    assert people.users_after("user-0020", 1).items == (MANY[3],)


@pytest.mark.parametrize("store", ["people", "holding"])
def test_members_come_in_pages_by_name(store: str, request: pytest.FixtureRequest) -> None:
    people: PeopleStore = request.getfixturevalue(store)
    people.write(members=[*((ONCALL, name) for name in NAMES[:5]), (NIGHT, "zoe")])

    first = people.members(ONCALL, after=None, limit=2)
    second = people.members(ONCALL, after=first.last, limit=2)
    third = people.members(ONCALL, after=second.last, limit=2)

    assert [first.items, second.items, third.items] == [(*NAMES[:2],), (*NAMES[2:4],), (NAMES[4],)]
    assert (first.last, third.last) == ("user-001", None)
    assert people.members(ONCALL, after=None, limit=4).items == (*NAMES[:4],)
    assert people.members(NIGHT, after=None, limit=2).items == ("zoe",)


def test_a_stored_user_that_can_not_be_read_is_nobody(stack: Stack, people: PeopleStore) -> None:
    people.write(users=MANY[:2])
    broken = {"pk": {"S": "user"}, "sk": {"S": NAMES[0]}, "user": {"S": "[]"}}
    stack.dynamodb.put_item(TableName="config", Item=broken)

    assert people.user(NAMES[0]) is None
    assert people.users(NAMES[:2]) == {NAMES[1]: MANY[1]}
    assert people.users_after(None, 5).items == (MANY[1],)
    assert list(people.all_users()) == [MANY[1]]


# ── more than one batch ──────────────────────────────────────────────────────


def test_many_are_written_read_and_deleted(stack: Stack, people: PeopleStore) -> None:
    members = [(ONCALL, name) for name in NAMES]
    people.write(users=MANY, members=members)

    assert list(people.all_users()) == MANY
    assert people.users(NAMES) == {user.username: user for user in MANY}
    assert people.users_by_pk([f"{user.pk}" for user in MANY]) == {f"{user.pk}": user for user in MANY}
    assert list(people.all_members(ONCALL)) == NAMES

    people.delete(users=MANY, members=members)

    assert stack.items("config") == []


def test_those_among_many_are_found_who_are_in_one_of_some_groups(people: PeopleStore) -> None:
    people.write(members=[(ONCALL, NAMES[0]), (NIGHT, NAMES[0]), (NIGHT, NAMES[129]), (Group("crew"), NAMES[1])])
    people.write(members=[(Group("night", roster="2"), NAMES[2])])

    assert people.members_among([ONCALL, NIGHT], NAMES) == {NAMES[0], NAMES[129]}
    assert people.members_among([ONCALL], NAMES[1:]) == set()
    assert people.members_among([], NAMES) == set()


# ── as of now ────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("late_reads")
def test_what_was_just_written_is_read_where_a_miss_would_be_final(people: PeopleStore) -> None:
    key = ApiKey(id="0011223344556677", name="shop", scopes=(), secret_hash="ab")
    people.write(users=MANY[:1], members=[(ONCALL, NAMES[0])], keys=[key])

    assert people.user(NAMES[0]) == MANY[0]
    assert people.users_after(None, 5).items == (MANY[0],)
    assert list(people.all_users()) == MANY[:1]
    assert list(people.all_members(ONCALL)) == NAMES[:1]
    assert list(people.all_keys()) == [key]
    assert people.is_member(ONCALL, NAMES[0])


def test_whoever_was_just_taken_out_is_no_member(people: PeopleStore, late_reads: LateReads) -> None:
    people.write(members=[(ONCALL, NAMES[0]), (ONCALL, NAMES[1])])
    late_reads.catch_up()

    people.delete(members=[(ONCALL, NAMES[0])])

    assert [people.is_member(ONCALL, name) for name in NAMES[:3]] == [False, True, False]
    assert not people.is_member(NIGHT, NAMES[1])


# ── held for a while ─────────────────────────────────────────────────────────


def test_those_who_are_held_are_found_beside_those_who_are_not(holding: PeopleStore) -> None:
    holding.write(users=MANY[:2], members=[(ONCALL, name) for name in NAMES[:2]])
    holding.users(NAMES[:1])
    holding.users_by_pk(["0"])
    holding.memberships([ONCALL], NAMES[:1])

    assert holding.users(NAMES[:3]) == {user.username: user for user in MANY[:2]}
    assert holding.users_by_pk(["0", "1", "2"]) == {"0": MANY[0], "1": MANY[1]}
    assert holding.memberships([ONCALL], NAMES[:3]) == {"oncall": set(NAMES[:2])}


def test_a_pk_that_nobody_has_is_asked_for_once_and_nobody_with_it(holding: PeopleStore) -> None:
    with failing(lambda _: None) as calls:
        found = [holding.users_by_pk(["7"]) for _ in range(2)]

    assert found == [{}, {}]
    assert calls == ["BatchGetItem"]


@pytest.mark.parametrize("jump", [timedelta(seconds=4), timedelta(seconds=-5)])
def test_who_has_a_pk_is_held_as_long_as_people_are(stack: Stack, jump: timedelta) -> None:
    now = NOW
    people = PeopleStore(clients.dynamodb(), "config", hold=timedelta(seconds=4), clock=lambda: now)
    people.users_by_pk(["0"])
    people.write(users=MANY[:1])

    held = people.users_by_pk(["0"])
    now += jump

    assert held == {}
    assert people.users_by_pk(["0"]) == {"0": MANY[0]}


# ── who has a pk ─────────────────────────────────────────────────────────────


def test_a_person_without_a_pk_is_found_by_none(stack: Stack, people: PeopleStore) -> None:
    people.write(users=[User("alice")])

    assert people.users_by_pk(["None"]) == {}
    assert [item["pk"]["S"] for item in stack.items("config")] == ["user"]


def test_a_pk_that_another_has_by_now_is_not_forgotten_with_who_had_it(people: PeopleStore) -> None:
    had, has = User("alice", pk=7), User("bob", pk="7")
    people.write(users=[had])
    people.write(users=[has])

    people.forget_pk(had)

    assert people.users_by_pk(["7"]) == {"7": has}


@pytest.mark.parametrize(("after", "found"), [(User("alice", pk="7"), True), (User("alice", pk=8), False)])
def test_a_pk_is_forgotten_after_an_edit_that_changed_it_alone(stack: Stack, after: User, found: bool) -> None:
    people = PeopleStore(clients.dynamodb(), "config")
    before = User("alice", pk=7)
    people.write(users=[before])
    people.write(users=[after])

    people.forget_pk(before, after=after)

    kept = {item["sk"]["S"] for item in stack.items("config") if item["pk"]["S"] == "user-pk"}
    assert kept == {f"{after.pk}"}
    assert ("7" in people.users_by_pk(["7"])) is found


# ── what is kept of keys, and for how long ───────────────────────────────────


def test_the_latest_hour_of_a_keys_use_is_kept_until_the_key_is_deleted(people: PeopleStore) -> None:
    for hour in ("2026-03-01T12:00Z", "2026-03-01T14:00Z", "2026-03-01T13:00Z"):
        people.note_use("0011", hour)
    people.note_use("0022", "2026-03-01T12:00Z")

    assert people.last_uses(["0011", "0033"]) == {"0011": "2026-03-01T14:00Z"}
    people.delete(key_ids=["0011"])
    assert people.last_uses(["0011", "0022"]) == {"0022": "2026-03-01T12:00Z"}


def test_a_list_that_was_replaced_is_read_for_an_hour_and_then_deleted(stack: Stack, people: PeopleStore) -> None:
    people.write(members=[*((ONCALL, name) for name in NAMES[:2]), (NIGHT, NAMES[0])])

    people.let_expire([ONCALL], now=NOW)

    assert people.members(ONCALL, after=None, limit=5).items == (*NAMES[:2],)
    ends = {item["pk"]["S"]: item.get("expires_at") for item in stack.items("config")}
    assert ends == {"member#oncall#1": {"N": f"{int((NOW + OLD_LIST_LIVES).timestamp())}"}, "member#night#1": None}
