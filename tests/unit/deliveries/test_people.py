"""For whom what waited, or comes late, is still: who they are by then, and what they want by then."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.deliveries.digest_store import Member
from tocsin.deliveries.leavers import Leavers
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.readers import Gone, Known, Readers
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Outcome, State
from tocsin.telling.preferences import Preferences, Wishes

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
ALICE, BOB = User("alice", "alice@example.com"), User("bob", "bob@example.com", active=False)
MESSAGE = DeliveryMessage(new_id(NOON), "r", Severity.WARNING, "hook", "webhook", ALICE, once=False)
INACTIVE = Gone("person_inactive", "its person is not active any more")
DELETED = Gone("person_deleted", "its person was deleted after the event happened")
MUTED = Gone("muted", "alice muted rule r")


def wishes(**said: Any) -> Wishes:
    return Wishes.of("alice", Preferences.stored(said), Preferences())


def known(can_be_muted: bool = True, **said: Any) -> Known:
    wanted = {"alice": wishes(**said)} if said else {}
    return Known({"alice": ALICE, "bob": BOB}, wanted, lambda _: can_be_muted)


# ── readers ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("username", "can_be_muted", "said", "gone"),
    [
        ("alice", True, {}, None),
        ("bob", True, {}, INACTIVE),
        ("nobody", True, {}, None),
        ("alice", True, {"rules": {"r": {"muted": True}}}, MUTED),
        ("alice", False, {"rules": {"r": {"muted": True}}}, None),
        ("alice", True, {"rules": {"another": {"muted": True}}}, None),
        (
            "alice",
            True,
            {"transports": {"hook": {"enabled": False}}},
            Gone("transport_off", "alice turned transport hook off"),
        ),
        (
            "alice",
            True,
            {"transports": {"hook": {"min_severity": "alert"}}},
            Gone("severity", "alice wants only alerts by hook, and this is a warning"),
        ),
        ("alice", True, {"rules": {"r": {"muted_until": "2026-03-01T12:00:01Z"}}}, "muted"),
        ("alice", True, {"rules": {"r": {"muted_until": "2026-03-01T12:00:00Z"}}}, None),
    ],
)
def test_somebody_is_told_what_waited_unless_they_are_inactive_or_want_it_no_more(
    username: str, can_be_muted: bool, said: dict[str, Any], gone: Gone | str | None
) -> None:
    found = known(can_be_muted, **said).gone(MESSAGE, username, NOON)

    assert (found.cause if found is not None and isinstance(gone, str) else found) == gone


@pytest.mark.parametrize(
    ("message", "username", "deleted", "gone"),
    [
        (MESSAGE, "alice", None, None),
        (MESSAGE, "alice", NOON - MOMENT, None),
        (MESSAGE, "alice", NOON, DELETED),
        (MESSAGE, "bob", NOON - MOMENT, INACTIVE),
        (MESSAGE, "nobody", None, Gone("person_deleted", "its person is not in the directory any more")),
        (replace(MESSAGE, mode="email"), "alice", None, None),
        (replace(MESSAGE, mode="email"), "carol", None, Gone("no_address", "its person has no e-mail address")),
        (MESSAGE, "carol", None, None),
    ],
)
def test_who_may_read_what_is_sent_once_is_there_since_and_has_an_address_for_mail(
    message: DeliveryMessage, username: str, deleted: datetime | None, gone: Gone | None
) -> None:
    people = replace(known(), people={"alice": ALICE, "bob": BOB, "carol": User("carol", " ")})

    assert people.gone_for(message, username, deleted, NOON) == gone


def test_who_muted_a_rule_reads_nothing_of_it_that_is_sent_once() -> None:
    assert known(rules={"r": {"muted": True}}).gone_for(MESSAGE, "alice", None, NOON) == MUTED


def test_a_reader_has_the_language_and_the_time_zone_that_they_want() -> None:
    of_old = replace(ALICE, email="old@example.com")

    assert known().reader(of_old) == ALICE
    assert known(locale="de", time_zone="Europe/Berlin").reader(of_old) == replace(
        ALICE, locale="de", time_zone="Europe/Berlin"
    )


def test_people_are_read_once_by_their_names_and_not_where_there_are_none() -> None:
    asked = list[Sequence[str]]()

    def people(names: Sequence[str]) -> dict[str, User]:
        asked.append(names)
        return {"alice": ALICE}

    def wanted(names: Sequence[str]) -> dict[str, Wishes]:
        asked.append(names)
        return {"alice": wishes(locale="de")}

    readers = Readers(people, wanted, lambda rule: rule == "r")
    found, nobody = readers.of(["alice"]), readers.of([])

    assert (found.people, found.wishes["alice"].locale, found.can_be_muted("r")) == ({"alice": ALICE}, "de", True)
    assert (nobody.people, nobody.wishes) == ({}, {})
    assert asked == [["alice"], ["alice"]]
    assert [*readers.others("r")] == []


# ── members ──────────────────────────────────────────────────────────────────


def test_what_waited_is_for_its_person_as_they_are_by_now_in_the_language_of_then() -> None:
    member = Member(replace(MESSAGE, user=replace(ALICE, locale="de")), "login", "shop", "digest")
    by_now = User("alice", "new@example.com", "Alice B.", locale="fr")

    assert member.reaching(by_now).message.user == User("alice", "new@example.com", "Alice B.", locale="de")
    assert member.read_by(by_now).message.user == by_now
    assert replace(member, message=replace(MESSAGE, user=None)).reaching(by_now).message.user is None


@pytest.mark.parametrize(("fields", "person"), [({}, "alice"), ({"once": True}, None), ({"user": None}, None)])
def test_what_is_sent_once_is_nobodys(fields: dict[str, Any], person: str | None) -> None:
    assert Member(replace(MESSAGE, **fields), "login", "shop", "digest").person == person


@pytest.mark.parametrize(("before", "after"), [(None, "taken"), ("3 held back", "3 held back; taken")])
def test_what_somebody_took_says_so_behind_what_it_says(before: str | None, after: str) -> None:
    taken = Member(replace(MESSAGE, remark=before), "login", "shop", "digest").with_remark("taken")

    assert (taken.message.remark, taken.is_taken) == (after, True)


# ── leavers ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "digest", "deleted", "reason"),
    [
        ({}, None, None, None),
        ({"user": User("bob")}, None, None, ("person_inactive", "its person is not active any more")),
        ({"user": User("nobody")}, None, None, ("person_deleted", "its person is not in the directory any more")),
        ({}, None, NOON, ("person_deleted", "its person was deleted after the event happened")),
        ({}, None, NOON - MOMENT, None),
        ({}, {"latest": new_id(NOON + MOMENT)}, NOON, None),
        ({}, {"latest": ""}, NOON, ("person_deleted", "its person was deleted after the event happened")),
        ({}, {}, NOON, ("person_deleted", "its person was deleted after the event happened")),
        ({"user": None}, None, NOON, None),
        ({"user": User("nobody"), "once": True}, None, None, None),
        (
            {"user": User("nobody"), "once": True, "mode": "email"},
            None,
            None,
            ("person_deleted", "its person is not in the directory any more"),
        ),
    ],
)
def test_what_comes_late_is_not_sent_to_who_left_since(
    fields: dict[str, Any], digest: dict[str, Any] | None, deleted: datetime | None, reason: tuple[str, str] | None
) -> None:
    message = replace(MESSAGE, **fields)

    def emptied(names: Iterable[str]) -> dict[str, datetime]:
        return {} if deleted is None else dict.fromkeys(names, deleted)

    found = Leavers(lambda _: {"alice": ALICE, "bob": BOB}, emptied).of([(message, digest)])

    assert found == ({} if reason is None else {message.delivery_id: Outcome(State.DISCARDED, *reason)})


def test_who_left_is_asked_once_for_all_and_not_where_nobody_is_told() -> None:
    asked = list[Any]()

    def people(names: Sequence[str]) -> dict[str, User]:
        asked.append(names)
        return {"alice": ALICE}

    def emptied(names: Iterable[str]) -> dict[str, datetime]:
        asked.append([*names])
        return {}

    leavers = Leavers(people, emptied)
    to_bob = replace(MESSAGE, user=BOB)

    assert list(leavers.of([(to_bob, None), (MESSAGE, None), (MESSAGE, None)])) == [to_bob.delivery_id]
    assert leavers.of([(replace(MESSAGE, user=None), None)]) == {}
    assert asked == [["alice", "bob"], ["alice"]]
