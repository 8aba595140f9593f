"""Reads of the log are bounded, and go on by a cursor until everything is found."""

import base64
from datetime import timedelta
from typing import Any

import orjson
import pytest

from tests.integration.events.filled_log import NOW, Log, some_events
from tocsin.events.model import Event
from tocsin.events.search import scan
from tocsin.events.search.query import SearchFilter, parse_search
from tocsin.events.search.timeline import Budget
from tocsin.ids import new_id
from tocsin.times import iso


def test_a_bounded_read_says_how_far_it_looked_and_goes_on_from_there(log: Log) -> None:
    log.fill(some_events(400, days=3.5), rolled_up=False)
    search = parse_search({"username": "nobody", "since": iso(NOW - timedelta(days=4))})
    position, looked = None, []

    while True:
        page = log.reading.page(search, now=NOW, position=position, budget=Budget(items=40))
        looked.append(page.scanned_until)
        position = page.position
        if position is None:
            break

    moments = [moment for moment in looked if moment is not None]
    assert not page.events
    assert len(moments) >= 2
    assert moments == sorted(moments, reverse=True)
    assert len(set(moments)) == len(moments)


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("budget", [{"items": 1}, {"queries": 1}, {"size": 1}, {"seconds": 0.0}])
def test_the_smallest_budget_still_finds_everything_in_the_end(
    log: Log, budget: dict[str, Any], newest_first: bool
) -> None:
    log.fill(some_events(30, days=0.1))
    for query in ({}, {"action": "logout"}, {"user_pk": "3"}):
        search, position, found = parse_search(query), None, []
        for _ in range(400):
            page = log.reading.page(
                search, now=NOW, position=position, budget=Budget(**budget), newest_first=newest_first
            )
            found += [str(each["id"]) for each in page.events]
            position = page.position
            if position is None:
                break

        assert found == log.expected(**query)[:: 1 if newest_first else -1]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("by_index", [True, False])
def test_a_read_ends_between_two_pages_of_a_day_and_goes_on_from_there(
    log: Log, monkeypatch: pytest.MonkeyPatch, by_index: bool, newest_first: bool
) -> None:
    monkeypatch.setattr(scan, "_PAGE", 2)
    log.fill(some_events(300, days=0.1))
    query = {"filter": "event.context.n > 96"} | ({"user_pk": "3"} if by_index else {})
    search, position, found, spent = parse_search(query), None, [], []

    while True:
        page = log.reading.page(
            search, now=NOW, position=position, limit=9, newest_first=newest_first, budget=Budget(items=1)
        )
        found += [str(each["id"]) for each in page.events]
        spent.append(page.budget.spent_items)
        position = page.position
        if position is None:
            break

    assert found == log.expected(**query)[:: 1 if newest_first else -1]
    assert max(spent) < 150
    assert len(spent) > 2


def test_a_filter_that_takes_long_ends_a_request_and_goes_on(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time was looked at between reads alone: thousands of events, of milliseconds each, took longer than allowed."""
    log.fill(some_events(60))
    clock = [0.0]

    class Slow(SearchFilter):
        def admits(self, event: Event) -> bool:
            clock[0] += 1.0
            return super().admits(event)

    monkeypatch.setattr(scan, "SearchFilter", Slow)
    search = parse_search({"filter": "event.context.n > 90"})
    position, found = None, []

    while True:
        begun = clock[0]
        page = log.reading.page(search, now=NOW, position=position, budget=Budget(clock=lambda: clock[0]))
        found += [str(each["id"]) for each in page.events]
        position = page.position
        assert clock[0] - begun <= 13
        if position is None:
            break

    assert found == log.expected(filter="event.context.n > 90")


def test_a_page_of_large_events_ends_before_lambdas_limit(log: Log) -> None:
    large = [
        Event(new_id(NOW - timedelta(minutes=n)), "login", "shop", {}, {"x": "y" * 190_000}, None, "default", None)
        for n in range(40)
    ]
    log.fill(large)

    _, page = log.get("/events", limit="1000")

    as_lambda_counts_it = orjson.dumps(orjson.dumps(page).decode())
    assert len(as_lambda_counts_it) < 6_291_556
    assert page["cursor"]
    assert len(log.ids(limit="1000")) == 40


def test_where_an_expression_fails_is_said(log: Log) -> None:
    log.fill(some_events(20))

    _, page = log.get("/events", filter="event.context.amount > 5")

    assert page["items"] == []
    assert page["filter_failed"]["events"] == 20
    assert page["filter_failed"]["first"]


def test_a_cursor_of_another_search_is_refused(log: Log) -> None:
    log.fill(some_events(20))
    _, page = log.get("/events", limit="5")

    others = [{"app": "shop"}, {"order": "oldest"}]

    for other in others:
        status, problem = log.get("/events", cursor=page["cursor"], **other)
        assert status == 422
        assert problem["errors"][0]["path"] == "cursor"


@pytest.mark.parametrize("text", ["", "x", "newest", "newest  ", "newest d", "newest 0 0", "\x00", "💥"])
def test_a_made_up_cursor_is_refused(log: Log, text: str) -> None:
    digest = parse_search({}).digest
    made_up = base64.urlsafe_b64encode(orjson.dumps(f"{text} {digest} {text}")).decode()

    for cursor in (made_up, text):
        status, problem = log.get("/events", cursor=cursor)
        assert status == 422
        assert problem["errors"][0]["path"] == "cursor"


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_made_up_cursor_at_the_end_of_time_is_the_end_of_the_list_or_its_beginning(log: Log, order: str) -> None:
    """Nothing comes after the last millisecond of 9999: to count on from it was a 500."""
    log.fill(some_events(3))
    last = f"{order} {parse_search({}).digest} e677d21f-dbff-7abc-8abc-0123456789ab"

    status, page = log.get("/events", order=order, cursor=base64.urlsafe_b64encode(orjson.dumps(last)).decode())

    assert (status, len(page["items"])) == (200, 3 if order == "newest" else 0)
