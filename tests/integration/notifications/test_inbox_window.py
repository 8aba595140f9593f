"""An inbox as a window of arrivals: what is in it, what moves it, and how many requests that takes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

from tests.integration.conftest import REGION, Stack
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.inbox_store import MAX_BODY, MAX_LABEL, MAX_LINK, InboxFilter, InboxStore
from tocsin.notifications.model import Notification, Severity

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEEP = timedelta(days=30)
ALICE = User("alice")


def notification(rule: str = "r", severity: Severity = Severity.NOTICE, at: datetime = NOW, **context: Any) -> Any:
    event = Event(
        id=new_id(at),
        action="login",
        app="shop",
        user={},
        context=context,
        client_ip=None,
        brand="default",
        expires=None,
    )
    return Notification.of(event, rule, severity, ALICE)


@pytest.fixture
def inboxes(stack: Stack) -> InboxStore:
    return InboxStore(stack.dynamodb, "deliveries")


def fill(inboxes: InboxStore, count: int, **given: Any) -> list[str]:
    """The ids of that many new notifications, in the order of their arrival."""
    made = [notification(**given) for _ in range(count)]
    for each in made:
        inboxes.put(each, keep=KEEP, now=NOW)
    return [each.id for each in made]


def ids(inboxes: InboxStore, limit: int = 1000, **given: Any) -> list[str]:
    """The ids of what is in alice's inbox, the earliest arrival first."""
    page = inboxes.page("alice", inboxes.head("alice"), limit=limit, most=1000, now=NOW, **given)
    return [str(item["id"]) for item in reversed(page.items)]


def unread(inboxes: InboxStore, limit: int = 1000) -> tuple[int, int]:
    count = inboxes.count("alice", inboxes.head("alice"), limit=limit, now=NOW)
    return count.unread, count.total


def test_what_was_seen_stays_as_long_as_is_asked_and_what_was_not_stays(inboxes: InboxStore) -> None:
    marked, seen, unseen, later = fill(inboxes, 4)
    inboxes.see_through("alice", 2)
    inboxes.mark("alice", inboxes.head("alice"), [marked, unseen], seen=True)
    inboxes.mark("alice", inboxes.head("alice"), [unseen], seen=False)
    head, week = inboxes.head("alice"), timedelta(days=7)

    def held(now: datetime) -> list[str]:
        page = inboxes.page("alice", head, limit=1000, most=1000, now=now, seen_kept=week)
        counted = inboxes.count("alice", head, limit=1000, now=now, seen_kept=week)
        assert counted.total == len(page.items)
        for each in (marked, seen, unseen, later):
            one = inboxes.get("alice", head, each, limit=1000, now=now, seen_kept=week)
            assert (one is not None) == (each in {item["id"] for item in page.items})
        return [str(item["id"]) for item in reversed(page.items)]

    assert held(NOW + week) == [marked, seen, unseen, later]
    assert held(NOW + week + timedelta(seconds=1)) == [unseen, later]


@contextmanager
def requests(stack: Stack) -> Iterator[Counter[str]]:
    """Counts the requests to DynamoDB, by operation."""
    counted: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        counted[model.name] += 1

    stack.dynamodb.meta.events.register("before-call.dynamodb", count)
    yield counted
    stack.dynamodb.meta.events.unregister("before-call.dynamodb", count)


def test_the_latest_arrival_comes_first_however_old_its_event_is(inboxes: InboxStore) -> None:
    (new,) = fill(inboxes, 1)
    (late,) = fill(inboxes, 1, at=NOW - timedelta(hours=5))

    assert ids(inboxes) == [new, late]


def test_what_arrives_late_is_not_below_a_watermark(inboxes: InboxStore) -> None:
    """The fault: with the order of events, a retried delivery was cleared and seen before it came."""
    fill(inboxes, 2)
    inboxes.see_through("alice", None)
    inboxes.clear_through("alice", None)

    (late,) = fill(inboxes, 1, at=NOW - timedelta(hours=5))

    assert ids(inboxes) == [late]
    assert unread(inboxes) == (1, 1)


def test_the_oldest_go_first(inboxes: InboxStore) -> None:
    arrived = fill(inboxes, 12)

    assert ids(inboxes, limit=10) == arrived[2:]
    assert unread(inboxes, limit=10) == (10, 10)
    assert inboxes.head("alice").dropped(10) == 2


def test_pages_hold_everything_once(inboxes: InboxStore) -> None:
    arrived = fill(inboxes, 7)
    head, found, before = inboxes.head("alice"), [], None

    while True:
        page = inboxes.page("alice", head, limit=1000, most=3, before=before, now=NOW)
        found += [item["id"] for item in page.items]
        if page.last is None:
            break
        before = int(page.last)

    assert found == arrived[::-1]


def test_filters(inboxes: InboxStore) -> None:
    quiet = fill(inboxes, 2)
    (loud,) = fill(inboxes, 1, severity=Severity.ALERT, rule="other")
    inboxes.mark("alice", inboxes.head("alice"), [quiet[0]], seen=True)

    assert ids(inboxes, asked=InboxFilter(unseen=True)) == [quiet[1], loud]
    assert ids(inboxes, asked=InboxFilter(severities=frozenset({Severity.ALERT, Severity.WARNING}))) == [loud]
    assert ids(inboxes, asked=InboxFilter(rule="other")) == [loud]
    assert ids(inboxes, asked=InboxFilter(after=2)) == [loud]
    assert ids(inboxes, asked=InboxFilter(since=NOW)) == [*quiet, loud]
    assert ids(inboxes, asked=InboxFilter(since=NOW + timedelta(seconds=1))) == []


def test_a_filtered_page_is_filled_beyond_what_does_not_match(inboxes: InboxStore) -> None:
    loud = fill(inboxes, 2, severity=Severity.ALERT)
    fill(inboxes, 9)

    assert ids(inboxes, asked=InboxFilter(severities=frozenset({Severity.ALERT}))) == loud


def test_a_page_is_filled_by_as_many_queries_as_it_takes(inboxes: InboxStore, stack: Stack) -> None:
    """Items of so many KB, all of which match, are more than the megabyte that a query reads."""
    stored = fill(inboxes, 70, message="😀" * MAX_BODY)

    with requests(stack) as reading:
        found = ids(inboxes)

    assert found == stored
    assert reading == {"GetItem": 1, "Query": 2}


def test_a_page_below_what_was_cleared_meanwhile_is_empty(inboxes: InboxStore, stack: Stack) -> None:
    """DynamoDB refuses a query from an arrival up to an earlier one."""
    fill(inboxes, 4)
    inboxes.clear_through("alice", 3)
    head = inboxes.head("alice")

    with requests(stack) as reading:
        pages = [inboxes.page("alice", head, limit=1000, before=before, now=NOW) for before in (2, 4)]

    assert [page.items for page in pages] == [(), ()]
    assert reading == {}


def test_marks_are_each_ones_own_until_all_is_seen(inboxes: InboxStore) -> None:
    first, second, third = fill(inboxes, 3)

    assert inboxes.mark("alice", inboxes.head("alice"), [first, new_id(NOW)], seen=True) == [first]
    assert unread(inboxes) == (2, 3)
    assert inboxes.see_through("alice", None) == 3
    assert unread(inboxes) == (0, 3)
    inboxes.mark("alice", inboxes.head("alice"), [second], seen=False)
    assert ids(inboxes, asked=InboxFilter(unseen=True)) == [second]
    assert unread(inboxes) == (1, 3)
    inboxes.see_through("alice", None)
    assert unread(inboxes) == (0, 3)
    inboxes.mark("alice", inboxes.head("alice"), [third], seen=False)
    inboxes.mark("alice", inboxes.head("alice"), [third], seen=True)
    assert unread(inboxes) == (0, 3)


def test_all_up_to_an_arrival_are_seen_also_below_what_was_seen_at_once_before(inboxes: InboxStore) -> None:
    """What had been marked unseen stayed unseen, and the answer said that all up to the later arrival were seen."""
    _, second, _, fourth = fill(inboxes, 4)
    inboxes.see_through("alice", None)
    inboxes.mark("alice", inboxes.head("alice"), [second, fourth], seen=False)

    assert inboxes.see_through("alice", 3) == 3

    assert ids(inboxes, asked=InboxFilter(unseen=True)) == [fourth]
    assert unread(inboxes) == (1, 4)


def test_a_watermark_moves_forward_only_and_not_beyond_what_arrived(inboxes: InboxStore) -> None:
    arrived = fill(inboxes, 4)

    assert inboxes.clear_through("alice", 2) == 2
    assert inboxes.clear_through("alice", 1) == 2
    assert ids(inboxes) == arrived[2:]
    assert inboxes.see_through("alice", 99) == 4
    assert inboxes.clear_through("bob", 5) == 0
    assert unread(inboxes) == (0, 2)


def test_a_repeat_of_what_was_deleted_or_cleared_does_not_bring_it_back(inboxes: InboxStore) -> None:
    gone, cleared = notification(), notification()
    for each in (gone, cleared):
        assert inboxes.put(each, keep=KEEP, now=NOW) is not None

    assert inboxes.delete("alice", gone.id)
    assert not inboxes.delete("alice", gone.id)
    assert inboxes.get("alice", inboxes.head("alice"), gone.id, limit=1000, now=NOW) is None
    inboxes.clear_through("alice", None)

    assert [inboxes.put(each, keep=KEEP, now=NOW) for each in (gone, cleared)] == [None, None]
    assert ids(inboxes) == []


def test_a_function_that_ended_between_its_writes_is_made_up_for(inboxes: InboxStore, stack: Stack) -> None:
    given = notification()
    inboxes.put(given, keep=KEEP, now=NOW)
    stack.dynamodb.delete_item(TableName="deliveries", Key={"pk": {"S": "inbox#alice"}, "sk": {"S": "a#000000000001"}})

    stored = inboxes.put(given, keep=KEEP, now=NOW)

    assert stored is not None and stored["arrival"] == 1
    assert ids(inboxes) == [given.id]


def test_what_expired_is_not_shown_though_ttl_is_late(inboxes: InboxStore) -> None:
    given = notification()
    inboxes.put(given, keep=timedelta(seconds=-1), now=NOW)

    assert ids(inboxes) == []
    assert unread(inboxes) == (0, 0)
    assert inboxes.get("alice", inboxes.head("alice"), given.id, limit=1000, now=NOW) is None


def test_a_long_body_is_cut(inboxes: InboxStore) -> None:
    inboxes.put(replace(notification(), body="x" * 60_000), keep=KEEP, now=NOW)

    (item,) = inboxes.page("alice", inboxes.head("alice"), limit=1000, now=NOW).items
    assert item["body"] == "x" * (MAX_BODY - 1) + "…"


def test_a_long_link_is_none_and_its_label_is_cut(inboxes: InboxStore) -> None:
    """The fault: an inbox held as much as an event may have, and no WebSocket takes a message of more than 128 KB."""
    address = "https://example.com/"
    longest = address + "x" * (MAX_LINK - len(address))
    links = {longest: "x" * MAX_LABEL, longest + "x": "x" * 150_000}
    stored = [
        inboxes.put(replace(notification(), hyperlink=link, hyperlink_label=label), keep=KEEP, now=NOW)
        for link, label in links.items()
    ]

    page = inboxes.page("alice", inboxes.head("alice"), limit=1000, now=NOW).items
    told = [(item["hyperlink"], item["hyperlink_label"]) for item in reversed(page)]
    assert told == [(longest, "x" * MAX_LABEL), (None, "x" * (MAX_LABEL - 1) + "…")]
    assert [(each["hyperlink"], each["hyperlink_label"]) for each in stored if each is not None] == told


def test_twenty_thousand_notifications_take_as_many_requests_as_a_thousand(inboxes: InboxStore, stack: Stack) -> None:
    inboxes.put(notification(message="m" * 100), keep=KEEP, now=NOW)
    key = {"pk": {"S": "inbox#alice"}, "sk": {"S": "a#000000000001"}}
    sample = stack.dynamodb.get_item(TableName="deliveries", Key=key)["Item"]
    table = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID][REGION].tables["deliveries"]
    for arrival in range(2, 20_001):
        table.put_item(sample | {"sk": {"S": f"a#{arrival:012d}"}, "arrival": {"N": str(arrival)}})
    head = {"pk": {"S": "inbox#alice"}, "sk": {"S": "head"}, "arrivals": {"N": "20000"}}
    stack.dynamodb.put_item(TableName="deliveries", Item=head)

    with requests(stack) as listing:
        listed = inboxes.page("alice", inboxes.head("alice"), limit=1000, most=50, now=NOW)
    with requests(stack) as counting:
        counted = unread(inboxes)
    with requests(stack) as seeing:
        inboxes.see_through("alice", None)
    seen = unread(inboxes)
    with requests(stack) as clearing:
        inboxes.clear_through("alice", None)
    with requests(stack) as listing_nothing:
        nothing = ids(inboxes)

    assert [item["arrival"] for item in listed.items] == list(range(20_000, 19_950, -1))
    assert (counted, seen, nothing) == ((1000, 1000), (0, 1000), [])
    assert listing == {"GetItem": 1, "Query": 1}
    assert counting == {"GetItem": 1, "Query": 1}
    assert seeing == {"UpdateItem": 1}
    assert clearing == {"UpdateItem": 1}
    assert listing_nothing == {"GetItem": 1, "Query": 1}


def test_a_notification_for_nobody_is_in_no_inbox(inboxes: InboxStore) -> None:
    with pytest.raises(ValueError, match="needs a person"):
        inboxes.put(replace(notification(), user=None), keep=KEEP, now=NOW)


def test_what_has_expired_is_not_marked(stack: Stack, inboxes: InboxStore) -> None:
    """Its number is there still: DynamoDB deletes items in no order."""
    kept, gone = fill(inboxes, 2)
    (item,) = [each for each in stack.items("deliveries") if gone in str(each) and each["sk"]["S"].startswith("a#")]
    stack.dynamodb.delete_item(TableName="deliveries", Key={"pk": item["pk"], "sk": item["sk"]})

    assert inboxes.mark("alice", inboxes.head("alice"), [kept, gone], seen=True) == [kept]
