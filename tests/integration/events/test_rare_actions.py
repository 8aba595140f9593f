"""A rare action over a long range costs the hours' roll-ups and a query an answer, however many events there are."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.events.filled_log import NOW, Log
from tocsin.events.model import Event
from tocsin.events.search import scan
from tocsin.events.search.query import parse_search
from tocsin.events.search.rollup_hours import HOUR, hour_of
from tocsin.events.search.rollup_tally import FEW, MAX_FEW
from tocsin.events.search.rollups import Rollups
from tocsin.ids import new_id
from tocsin.times import iso

FIRST = hour_of(NOW) - 9 * HOUR


def event(minutes: float, action: str, app: str = "shop") -> Event:
    return Event(new_id(FIRST + timedelta(minutes=minutes)), action, app, {}, {}, None, "default", None)


def filled(log: Log, crowd: int) -> None:
    """Eight hours with so many logins each; in four of them a rare action, twice in the last."""
    rare = [event(60 * hour + 17, "export_ready") for hour in (0, 3, 5, 7)] + [
        event(7 * 60 + 18, "export_ready", "wiki")
    ]
    log.fill([event(60 * hour + 60 * at / crowd, "login") for hour in range(8) for at in range(crowd)] + rare)


def read(log: Log, **query: str) -> tuple[list[str], int, int]:
    """What a search finds, and how many items and queries it reads for that."""
    page = log.reading.page(parse_search(query), now=NOW, limit=100)
    assert page.position is None
    return [str(each["id"]) for each in page.events], page.budget.spent_items, page.budget.spent_queries


@pytest.fixture(autouse=True)
def small_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours of this file are large from ten events on."""
    monkeypatch.setattr(scan, "MANY", 10)


def test_a_rare_action_costs_the_same_in_a_log_of_four_times_as_many_events(log: Log) -> None:
    filled(log, 15)
    query = {"action": "export_ready", "since": iso(FIRST), "until": iso(FIRST + 8 * HOUR)}
    found, items, queries = read(log, **query)
    log.fill([event(60 * hour + 30 + at / 10, "login") for hour in range(8) for at in range(45)])

    again, items_of_more, queries_of_more = read(log, **query)

    assert found == again == log.expected(**query)
    assert items == items_of_more == len(found) == 5
    midnights = (FIRST + 8 * HOUR).toordinal() - FIRST.toordinal()  # a day's roll-ups are a partition of their own
    assert queries == queries_of_more <= 5 + 4 + midnights  # one an answer, and the roll-ups


def test_the_answers_are_those_of_reading_everything(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(log, 15)
    log.fill([event(8 * 60 + 30 + at, "export_ready") for at in range(FEW + 1)])  # too many to be few

    for query in (
        {"action": "export_ready"},
        {"action": "export_ready", "app": "wiki"},
        {"action": "export_*"},
        {"actions": "export_ready,login"},
        {"action": "export_ready", "since": iso(FIRST + 3.5 * HOUR), "until": iso(FIRST + 7.3 * HOUR)},
        {"action": "export_ready", "until": iso(FIRST + timedelta(minutes=17))},
    ):
        wanted = log.expected(**query)
        for limit in ("2", "100"):
            assert log.ids(**query, limit=limit) == wanted, (query, limit)
            assert log.ids(**query, limit=limit, order="oldest") == wanted[::-1], (query, limit)


def test_events_of_one_millisecond_are_all_found(log: Log) -> None:
    moment = FIRST + timedelta(minutes=17)
    twins = [Event(new_id(moment), "export_ready", "shop", {}, {}, None, "default", None) for _ in range(FEW)]
    log.fill([*twins, *(event(at, "login") for at in range(15))])

    for limit in ("1", "100"):
        assert log.ids(action="export_ready", limit=limit) == log.expected(action="export_ready")
        assert log.ids(action="export_ready", limit=limit, order="oldest") == log.expected(action="export_ready")[::-1]


def test_an_event_that_came_after_the_count_is_found_as_well(log: Log) -> None:
    filled(log, 15)
    log.fill([late := event(3 * 60 + 40, "export_ready")], rolled_up=False)
    Rollups(log.stack.dynamodb, "events").mark([late.id])

    assert log.ids(action="export_ready") == log.expected(action="export_ready")


def few_of(stack: Any) -> dict[str, list[str]]:
    return dict(Rollups(stack.dynamodb, "events").known(FIRST, FIRST).of(FIRST).few)


def test_ids_are_kept_of_actions_with_few_events_and_of_few_actions(log: Log) -> None:
    counts = Counter({f"custom_{at:02}": 1 for at in range(MAX_FEW + 5)}) | Counter(custom_x=FEW, custom_y=FEW + 1)
    events = [event(at, action) for action, count in counts.items() for at in range(count)]

    log.fill(events)

    few = few_of(log.stack)
    assert len(few) == MAX_FEW
    assert "custom_y" not in few
    assert all([each.id for each in events if each.action == action] == ids for action, ids in few.items())


def test_ids_are_kept_of_an_hour_that_is_counted_in_parts(log: Log) -> None:
    rollups = Rollups(log.stack.dynamodb, "events")
    first, second = event(10, "export_ready"), event(40, "export_ready")
    for each, minutes in ((first, 20), (second, 60)):
        log.fill([each], rolled_up=False)
        rollups.catch_up(FIRST + timedelta(minutes=minutes), has_time=lambda: True, history=HOUR)

    assert few_of(log.stack) == {"export_ready": [first.id, second.id]}
