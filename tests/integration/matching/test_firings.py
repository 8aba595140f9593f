"""How often rules fired: counted by the matcher, told by GET /firings."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing
from tocsin.errors import Unavailable
from tocsin.events.model import Event
from tocsin.events.store import event_key
from tocsin.ids import new_id
from tocsin.matching.firings_store import DAYS, Firings, FiringStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


@pytest.fixture
def api(stack: Stack) -> Api:
    """Rules on logins: one that tells alice, one that may tell once an hour, one that never fires."""
    made = Api.of(stack)
    made("PUT", "/users/alice", {"email": "alice@example.com"})
    made("PUT", "/groups/all", {})
    made("PUT", "/groups/all/members/alice")
    for name, action in (("logins", "login"), ("logouts", "logout")):
        made("PUT", f"/policies/{name}", {"kind": "event_matcher", "action": action})
    for name, more in (("plain", {}), ("limited", {"throttle": {"window": "hours=1", "max": 1}})):
        rule = {"destination_group": "all", "transports": [], "bindings": [{"policy": "logins"}]} | more
        assert made("PUT", f"/rules/{name}", rule).status == 201
    assert made("PUT", "/rules/never", {"bindings": [{"policy": "logouts"}]}).status == 201
    return made


def record(number: int) -> dict[str, Any]:
    event = Event(
        id=new_id(), action="login", app="shop", user={}, context={}, client_ip=None, brand="default", expires=None
    )
    image = {**event_key(event.id), "event": {"S": json.dumps(event.to_json())}}
    change = {"Keys": event_key(event.id), "NewImage": image, "SequenceNumber": str(number)}
    return {"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": change}


def told(api: Api) -> dict[str, Any]:
    answer = api("GET", "/firings")
    assert answer.status == 200, answer.text
    return {item["rule"]: item for item in answer.body["items"]}


def test_firings_are_counted_and_so_are_those_that_were_held(stack: Stack, api: Api) -> None:
    stack.call("matcher", {"Records": [record(number) for number in range(5)]})

    counted = told(api)

    assert counted.keys() == {"plain", "limited"}
    assert counted["plain"]["day"] == counted["plain"]["week"] == {"fired": 5, "held": 0}
    assert counted["limited"]["day"] == {"fired": 5, "held": 4}


def test_a_batch_that_comes_again_is_counted_once(stack: Stack, api: Api) -> None:
    records = {"Records": [record(number) for number in range(3)]}

    stack.call("matcher", records)
    stack.call("matcher", records)

    assert told(api)["plain"]["day"]["fired"] == 3


def test_a_batch_costs_one_write_a_rule(stack: Stack, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    add = FiringStore.add

    def adding(self: FiringStore, day: datetime, rule: str, hours: Any) -> None:
        written.append(rule)
        add(self, day, rule, hours)

    monkeypatch.setattr(FiringStore, "add", adding)
    stack.call("matcher", {"Records": [record(number) for number in range(50)]})

    assert sorted(written) == ["limited", "plain"]


def test_a_look_is_a_query_a_day_whatever_the_number_of_rules(stack: Stack) -> None:
    store = FiringStore(stack.dynamodb, "deliveries")
    for number in range(5):
        for back in range(DAYS + 1):
            store.add(NOW - timedelta(days=back), f"rule {number}", {"f16": 1})

    with failing(lambda _: None, "Query", client=stack.dynamodb) as calls:
        totals = store.totals(now=NOW)

    assert len(totals) == 5
    assert len(calls) == DAYS + 1


def test_an_hour_that_ended_as_a_span_begins_is_not_in_it(stack: Stack) -> None:
    store = FiringStore(stack.dynamodb, "deliveries")
    noon = NOW.replace(hour=12, minute=0)
    store.add(noon - timedelta(days=1), "r", {"f11": 1, "f12": 10})
    store.add(noon - timedelta(days=DAYS), "r", {"f11": 100, "f12": 1000})

    (found,) = store.totals(now=noon)

    assert found == {"rule": "r", "day": {"fired": 10, "held": 0}, "week": {"fired": 1011, "held": 0}}


def test_what_can_not_be_counted_keeps_nobody_from_being_told(
    stack: Stack, api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise Unavailable("counting firings failed: throttled")

    with monkeypatch.context() as patch:
        patch.setattr(FiringStore, "add", refuse)
        answer = stack.call("matcher", {"Records": [record(1)]})

    assert answer == {"batchItemFailures": []}
    assert len(stack.messages("Inbox")) == 2
    assert told(api) == {}
    lines = [vars(each) for each in caplog.records if vars(each).get("code") == "FIRINGS_UNCOUNTED"]
    assert sorted((line["levelname"], line["rule"]) for line in lines) == [("WARNING", "limited"), ("WARNING", "plain")]


def test_a_day_and_a_week_are_counted_back_from_now(stack: Stack) -> None:
    store = FiringStore(stack.dynamodb, "deliveries")
    for hours_ago in (0, 1, 23, 24, 25, 30, 24 * 7 - 1, 24 * 7, 24 * 7 + 1, 24 * 8):
        at = NOW - timedelta(hours=hours_ago)
        firings = Firings(store, clock=lambda at=at: at)  # type: ignore[misc]
        firings.fired("plain", held=hours_ago == 1)
        firings.flush()

    (item,) = store.totals(now=NOW)

    assert item == {"rule": "plain", "day": {"fired": 4, "held": 1}, "week": {"fired": 8, "held": 1}}


def test_what_is_older_than_a_week_or_has_expired_is_not_told(stack: Stack) -> None:
    store = FiringStore(stack.dynamodb, "deliveries")
    store.add(NOW - timedelta(days=DAYS), "earlier that day", {"f03": 1})
    expired = {"pk": {"S": f"fired#{NOW:%Y-%m-%d}"}, "sk": {"S": "expired"}, "f03": {"N": "1"}}
    stack.dynamodb.put_item(TableName="deliveries", Item=expired | {"expires_at": {"N": "1"}})

    assert store.totals(now=NOW) == []


def test_what_was_written_is_not_written_again(stack: Stack) -> None:
    store = FiringStore(stack.dynamodb, "deliveries")
    firings = Firings(store, clock=lambda: NOW)
    for held in (False, True, True):
        firings.fired("plain", held=held)

    firings.flush()
    firings.flush()

    assert store.totals(now=NOW) == [{"rule": "plain", "day": {"fired": 3, "held": 2}, "week": {"fired": 3, "held": 2}}]


def test_a_look_takes_the_right_to_read_the_configuration(stack: Stack) -> None:
    assert Api.of(stack, scopes="events:read")("GET", "/firings").status == 403
