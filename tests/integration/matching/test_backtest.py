"""What a backtest says of the events of a time: which it counts, by which moment, and as much as one request may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import FAILED_LOGIN, Load, configure, event, rule, store
from tests.integration.matching.test_explain import ask
from tocsin.events.model import Event
from tocsin.ids import new_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RANGE = {"since": "2026-03-01T11:00:00.000Z", "until": "2026-03-01T15:00:00.000Z"}


def happened(stack: Stack, after: timedelta, **fields: Any) -> Event:
    """An event so long after noon."""
    about = event(id=new_id(NOON + after), **fields)
    store(stack, about)
    return about


def backtest(stack: Stack, load: Load, **asked: Any) -> dict[str, Any]:
    status, found = ask(stack, load, "POST", "/rules/failed-logins/backtest", RANGE | asked)
    assert status == 200, found
    return found


def test_it_says_what_was_asked_and_all_that_was_found(stack: Stack, load: Load) -> None:
    configure(stack)
    late = timedelta(minutes=59, seconds=59, milliseconds=999)
    about = happened(stack, late, context={"message": "x" * 2_000})
    happened(stack, timedelta(), action="logout")

    found = backtest(stack, load)

    (example,) = found.pop("examples")
    assert (example["id"], example["created"]) == (about.id, "2026-03-01T12:59:59.999Z")
    assert (len(example["summary"]), example["summary"][:10]) == (1_000, "x" * 10)
    assert found == {
        "rule": "failed-logins",
        **RANGE,
        "events": 2,
        "fired": 1,
        "by_hour": {"2026-03-01T12:00:00.000Z": 1},
        "failures": {},
        "scanned_until": None,
        "cursor": None,
    }


def test_the_ten_earliest_are_shown_the_first_first(stack: Stack, load: Load) -> None:
    configure(stack)
    ids = [happened(stack, timedelta(minutes=10 * number)).id for number in range(12)]

    found = backtest(stack, load)

    assert [example["id"] for example in found["examples"]] == ids[:10]
    assert found["by_hour"] == {"2026-03-01T12:00:00.000Z": 6, "2026-03-01T13:00:00.000Z": 6}


def test_each_part_goes_on_behind_the_one_before(stack: Stack, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.matching.backtest.MAX_EVENTS", 2)
    configure(stack)
    ids = [happened(stack, timedelta(minutes=10 * number)).id for number in range(5)]

    shown: list[str] = []
    found = backtest(stack, load)
    while found["cursor"] is not None and len(shown) <= len(ids):
        shown += [example["id"] for example in found["examples"]]
        found = backtest(stack, load, cursor=found["cursor"])
    shown += [example["id"] for example in found["examples"]]

    assert shown == ids


def test_it_ends_in_time_and_goes_on_from_there(stack: Stack, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.matching.backtest.MAX_SECONDS", 0.0)
    configure(stack)
    for number in range(3):
        happened(stack, timedelta(hours=number))

    found = backtest(stack, load)

    assert found["events"] < 3
    assert found["cursor"] is not None


def test_a_binding_to_a_group_holds_for_its_members(stack: Stack, load: Load) -> None:
    configure(stack, rules=[rule(bindings=[{"group": "oncall"}])])
    of_alice = happened(stack, timedelta(minutes=1))
    happened(stack, timedelta(minutes=2), user={"username": "bob"})

    found = backtest(stack, load)

    assert [example["id"] for example in found["examples"]] == [of_alice.id]


def test_now_is_when_each_event_happened(stack: Stack, load: Load) -> None:
    at_night = {"name": "failed-login", "kind": "expression", "expression": "now.getHours() < 13"}
    configure(stack, policies=[at_night])
    early, late = happened(stack, timedelta(minutes=30)), happened(stack, timedelta(minutes=90))

    found = backtest(stack, load)

    assert early.id < late.id
    assert [example["id"] for example in found["examples"]] == [early.id]


def test_a_policy_that_fails_is_named_with_its_first_error(stack: Stack, load: Load) -> None:
    by_country = {"name": "foreign", "kind": "expression", "expression": "event.context.country != 'CH'"}
    configure(stack, policies=[FAILED_LOGIN, by_country], rules=[rule(bindings=[{"policy": "foreign"}])])
    for number in range(2):
        happened(stack, timedelta(minutes=number))

    found = backtest(stack, load)

    assert found["fired"] == 0
    assert found["failures"].keys() == {"foreign"}
    assert 'there is no key "country"' in found["failures"]["foreign"]


def test_a_rule_that_is_off_is_tried_as_if_it_were_on(stack: Stack, load: Load) -> None:
    configure(stack, rules=[rule(enabled=False)])
    happened(stack, timedelta())

    assert backtest(stack, load)["fired"] == 1
