"""When a head is looked at again after a digest, or after none; how much one digest tells; what the log says."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.deliveries.said_lines import said_since
from tests.integration.deliveries.stored_row import KEEP, MESSAGE, NOW, PLACE
from tests.integration.deliveries.stored_waiting import DIGEST, DROPPED, HEAD, HELD, JOINS, OF_GROUP, ONE, OTHER, Told
from tocsin.deliveries import digests
from tocsin.deliveries.digest_store import Head
from tocsin.deliveries.digests import LEASE, LOOK_AGAIN, NEWS, Digests
from tocsin.deliveries.items import Place
from tocsin.deliveries.matters import Acknowledgement, Matter
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.readers import Readers
from tocsin.deliveries.taken import Matters
from tocsin.deliveries.waiting_store import SETTLE, partition_of
from tocsin.identity.directory import User
from tocsin.notifications.inbox_owner_store import InboxOwnerStore

ANA, BEN = User("ana", "ana@example.com"), User("ben", "ben@example.com")
INTERVAL = timedelta(minutes=30)


class Telling:
    """Digests of what waits; `people` and `matters` are what is known of those, `now` is their clock.

    `others` are pages of the people of each rule's group.
    """

    def __init__(self, stack: Stack) -> None:
        self.kept = Told(stack)
        self.now = ONE
        self.people: dict[str, User] = {}
        self.others: list[Sequence[User]] = []
        self.matters: dict[tuple[str, str], Matter] = {}
        readers = Readers(self._people, lambda _: {}, lambda _: True, lambda _: self.others)
        self.digests = Digests(self.kept.store, self._matters, readers, self._clock)

    def tell(self, partition: str = HEAD) -> DeliveryMessage | None:
        return self.digests.tell(Head(partition, str(self.kept.head(partition)["due_at"])), keep=KEEP)

    def due_in(self, partition: str = HEAD) -> timedelta:
        return timedelta(seconds=self.kept.head(partition)["due_at"] - self.now.timestamp())

    def _matters(self, names: Iterable[tuple[str, str]]) -> Matters:
        return {name: self.matters[name] for name in names if name in self.matters}

    def _people(self, names: Sequence[str]) -> dict[str, User]:
        return {name: self.people[name] for name in names if name in self.people}

    def _clock(self) -> datetime:
        return self.now


@pytest.fixture
def telling(stack: Stack) -> Telling:
    return Telling(stack)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    caplog.set_level(logging.INFO)
    return lambda: said_since(caplog)


def state(telling: Telling, message: DeliveryMessage = MESSAGE) -> str:
    return str(telling.kept.item(Place.of(message.delivery_id))["state"])


def test_what_is_due_is_told_and_what_was_written_late_is_looked_for_later(
    telling: Telling, said: Callable[[], list[dict[str, Any]]]
) -> None:
    telling.kept.keep_back(HELD)

    message = telling.tell()

    assert message is not None and message.digest is not None
    assert re.fullmatch("[0-9a-f]{16}", message.digest)  # as the API takes it
    assert (message.event_id, state(telling), telling.due_in()) == (MESSAGE.event_id, "joined", LOOK_AGAIN)
    assert "digest" not in telling.kept.head()
    assert said() == [
        {
            "level": "INFO",
            "code": "DIGEST_MADE",
            "message": "what waited is told as one",
            "delivery_id": message.delivery_id,
            "transport": "hook",
            "deliveries": 1,
        }
    ]


def test_what_joins_is_listed_by_its_transport_whatever_its_person_is_called(telling: Telling) -> None:
    message = replace(MESSAGE, user=User("a#b"), once=False)
    telling.kept.keep_back(HELD, message)

    telling.tell(partition_of(message))

    assert telling.kept.item(Place.of(message.delivery_id))["listed"].startswith("hook#joined#")


@pytest.mark.parametrize(
    ("minutes", "due"),
    [(5, timedelta(minutes=5) + SETTLE), (9.5, LOOK_AGAIN), (20, LOOK_AGAIN)],
    ids=["soon", "just then", "later"],
)
def test_what_is_due_next_is_told_then(telling: Telling, minutes: float, due: timedelta) -> None:
    telling.kept.keep_back(HELD)
    telling.kept.keep_back(replace(HELD, until=ONE + timedelta(minutes=minutes)), OTHER)

    assert telling.tell() is not None

    assert (telling.due_in(), state(telling), state(telling, OTHER)) == (due, "joined", "waiting")


def test_a_head_for_which_nothing_waits_is_forgotten_unless_somebody_asked_for_it_lately(telling: Telling) -> None:
    telling.kept.keep_back(HELD)
    telling.kept.keep_back(DROPPED)
    telling.now = NOW + LOOK_AGAIN - timedelta(milliseconds=1)

    assert telling.tell() is None
    assert telling.due_in() == LOOK_AGAIN
    telling.now = NOW + LOOK_AGAIN
    assert telling.tell() is None

    assert telling.kept.head() == {}


def test_a_digest_of_which_the_function_died_is_sent_by_the_next_and_made_once(telling: Telling) -> None:
    telling.kept.keep_back(HELD)
    claim = telling.kept.claim()
    first_id = f"{MESSAGE.event_id}-0123456789abcdef"
    telling.kept.store.begin(claim, first_id)
    member = telling.kept.store.join(PLACE, first_id, "hook", now=ONE)
    assert member is not None
    telling.now = ONE + LEASE

    message = telling.tell()

    assert message is not None and message.delivery_id == first_id
    assert telling.kept.item(Place.of(first_id))["digest"]["count"] == 1


def test_a_digest_that_was_made_and_not_sent_is_sent_as_it_was_made(telling: Telling) -> None:
    telling.kept.keep_back(HELD)
    claim, first_id = telling.kept.claim(), f"{MESSAGE.event_id}-0123456789abcdef"
    telling.kept.store.begin(claim, first_id)
    member = telling.kept.store.join(PLACE, first_id, "hook", now=ONE)
    assert member is not None
    telling.kept.store.make(first_id, [member], now=ONE, keep=KEEP)
    telling.kept.keep_back(HELD, OTHER)
    telling.now = ONE + LEASE

    message = telling.tell()

    assert message is not None and message.delivery_id == first_id
    assert (state(telling, OTHER), telling.due_in()) == ("waiting", timedelta(0))


@pytest.mark.parametrize("begun", [True, False])
def test_a_digest_tells_so_much_and_the_next_one_the_rest(
    telling: Telling, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    """What joined one before a death is counted."""
    monkeypatch.setattr(digests, "MOST", 2)
    messages = [replace(MESSAGE, event_id=f"{MESSAGE.event_id[:-1]}{number}") for number in range(5)]
    for message in messages:
        telling.kept.keep_back(HELD, message)
    if begun:
        claim = telling.kept.claim()
        first_id = f"{MESSAGE.event_id}-0123456789abcdef"
        telling.kept.store.begin(claim, first_id)
        telling.kept.store.join(Place.of(messages[0].delivery_id), first_id, "hook", now=ONE)
    telling.now = ONE + LEASE

    told = [telling.tell() for _ in range(3)]

    counts = [telling.kept.item(Place.of(each.delivery_id))["digest"]["count"] for each in told if each is not None]
    assert counts == [2, 2, 1]


# ── groups ───────────────────────────────────────────────────────────────────


def test_a_group_is_told_again_when_its_interval_is_over(telling: Telling) -> None:
    telling.kept.keep_back(JOINS)

    assert telling.tell(OF_GROUP) is not None

    assert telling.due_in(OF_GROUP) == INTERVAL
    assert "idle" not in telling.kept.head(OF_GROUP)


def test_a_group_of_which_a_digest_holds_not_all_is_told_on_soon(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "MOST", 1)
    telling.kept.keep_back(JOINS)
    telling.kept.keep_back(JOINS, OTHER)

    assert telling.tell(OF_GROUP) is not None

    assert telling.due_in(OF_GROUP) == SETTLE


@pytest.mark.parametrize(
    ("latest", "due"),
    [(None, INTERVAL), (timedelta(minutes=5), timedelta(minutes=5)), (timedelta(minutes=-5), timedelta())],
    ids=["may wait", "may wait for a while", "may wait no longer"],
)
def test_a_group_whose_digest_was_made_and_not_sent_is_due_again_when_it_would_be(
    telling: Telling, latest: timedelta | None, due: timedelta
) -> None:
    telling.kept.keep_back(JOINS)
    claim, telling.now = telling.kept.claim(OF_GROUP), ONE + LEASE
    telling.kept.store.begin(claim, DIGEST)
    member = telling.kept.store.join(PLACE, DIGEST, "hook", now=ONE)
    assert member is not None
    telling.kept.store.make(DIGEST, [member], now=ONE, keep=KEEP)
    telling.kept.keep_back(replace(JOINS, until=ONE, latest=None if latest is None else telling.now + latest), OTHER)

    message = telling.tell(OF_GROUP)

    assert message is not None and message.delivery_id == DIGEST
    assert (state(telling, OTHER), telling.due_in(OF_GROUP)) == ("waiting", due)


@pytest.mark.parametrize(
    ("ago", "due"),
    [(NEWS - timedelta(milliseconds=1), SETTLE), (NEWS, LOOK_AGAIN), (LOOK_AGAIN, None)],
    ids=["a moment ago", "a while ago", "long ago"],
)
def test_a_group_of_which_nothing_waits_is_idle_and_then_forgotten(
    telling: Telling, ago: timedelta, due: timedelta | None
) -> None:
    telling.kept.keep_back(JOINS)
    telling.kept.keep_back(DROPPED)
    telling.now = NOW + ago

    assert telling.tell(OF_GROUP) is None

    if due is None:
        assert telling.kept.head(OF_GROUP) == {}
        return
    assert (telling.due_in(OF_GROUP), telling.kept.head(OF_GROUP)["idle"]) == (due, True)


# ── what is told no more ─────────────────────────────────────────────────────


def kept_for_ana(telling: Telling, **fields: Any) -> DeliveryMessage:
    message = replace(MESSAGE, user=ANA, once=False, **fields)
    telling.kept.keep_back(HELD, message)
    return message


@pytest.mark.parametrize("is_there", [True, False])
def test_what_is_for_somebody_inactive_is_dropped_and_the_log_says_so(
    telling: Telling, said: Callable[[], list[dict[str, Any]]], is_there: bool
) -> None:
    message = kept_for_ana(telling)
    telling.people["ana"] = replace(ANA, active=is_there, email="new@example.com")

    told = telling.tell(partition_of(message))

    if is_there:
        assert told is not None and told.user == replace(ANA, email="new@example.com")
        assert said()[0]["user"] == "ana"
        return
    reason = "its person is not active any more"
    assert (told, state(telling, message)) == (None, "dropped")
    assert said() == [
        {
            "level": "INFO",
            "code": "DELIVERY_KEPT_BACK",
            "message": f"dropped: {reason}",
            "event_id": message.event_id,
            "delivery_id": message.delivery_id,
            "rule": "r",
            "transport": "hook",
            "user": "ana",
            "decision": "drop",
            "cause": "person_inactive",
        }
    ]


@pytest.mark.parametrize(("later", "is_told"), [(timedelta(), False), (timedelta(milliseconds=-1), True)])
def test_what_happened_before_somebody_was_deleted_is_not_for_who_has_the_name_now(
    telling: Telling, later: timedelta, is_told: bool
) -> None:
    message = kept_for_ana(telling)
    telling.people["ana"] = ANA
    InboxOwnerStore(telling.kept.stack.dynamodb, "deliveries").empty(["ana"], now=NOW + later)

    told = telling.tell(partition_of(message))

    assert (told is not None) == is_told
    if not is_told:
        (attempt,) = telling.kept.item(Place.of(message.delivery_id))["attempts"]
        why = "its person was deleted after the event happened"
        assert (attempt["reason"], attempt["detail"]) == ("person_deleted", why)


@pytest.mark.parametrize(
    ("named", "others", "cause", "reason"),
    [
        (ANA, [[BEN], []], "person_inactive", "its person is not active any more"),
        (None, [[]], "transport_off", "it is for nobody"),
    ],
)
def test_a_mail_for_a_group_that_nobody_takes_says_why_whom_it_names_does_not(
    telling: Telling, named: User | None, others: list[list[User]], cause: str, reason: str
) -> None:
    message = replace(MESSAGE, user=named, mode="email")
    telling.kept.keep_back(HELD, message)
    telling.people["ana"] = replace(ANA, active=False)
    telling.others = [*others]

    assert telling.tell(partition_of(message)) is None

    (attempt,) = telling.kept.item(Place.of(message.delivery_id))["attempts"]
    detail = f"{reason}, nor does anybody else of the rule's group take hook"
    assert (attempt["reason"], attempt["detail"]) == (cause, detail)


@pytest.mark.parametrize("step", [None, 1])
def test_what_somebody_acknowledged_says_so_and_a_step_is_told_no_more(telling: Telling, step: int | None) -> None:
    message = kept_for_ana(telling, about="a", step=step)
    taken = Acknowledgement("Bob", "api", NOW, "bob", OTHER.event_id)
    telling.matters["r", "a"] = Matter("r", "a", message.event_id, NOW, NOW, NOW, 0, 1, taken, None, follows="")

    told = telling.tell(partition_of(message))

    if step is not None:
        assert (told, state(telling, message)) == (None, "dropped")
        (attempt,) = telling.kept.item(Place.of(message.delivery_id))["attempts"]
        assert (attempt["reason"], attempt["detail"].endswith(", before this was told")) == ("acknowledged", True)
        assert "Bob" in attempt["detail"]
        return
    assert told is not None
    digest = telling.kept.item(Place.of(told.delivery_id))["digest"]
    assert (digest["taken"], "Bob" in digest["first"][0]["remark"]) == (True, True)


def test_heads_are_found_once_they_are_due(telling: Telling) -> None:
    telling.kept.keep_back(HELD)
    telling.now = ONE + SETTLE

    assert [len(telling.digests.due(shard)) for shard in range(4)] == [0, 0, 1, 0]
