"""HTTP's small print: HEAD, repeated parameters, ids and schemes in any case."""

import json

import pytest

from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import Stack
from tocsin.events.model import Event
from tocsin.events.store import EventStore, Submission
from tocsin.ids import new_id
from tocsin.times import utc_now


@pytest.mark.parametrize("path", ["/health", "/events", "/rules", "/nowhere"])
def test_head_is_answered_as_get_without_the_content(stack: Stack, path: str) -> None:
    """It was a 405."""
    api = Api.of(stack)

    head, get = api("HEAD", path), api("GET", path)

    assert head.status == get.status
    assert head.headers == get.headers
    assert head.text == ""


def test_head_needs_what_get_needs(stack: Stack) -> None:
    api = Api.of(stack, scopes="config:read")

    assert api("HEAD", "/events").status == 403
    assert api("HEAD", "/events", facts={}).status == 401
    assert api("HEAD", "/health", facts={}).status == 200


def test_head_is_no_way_to_change_anything(stack: Stack) -> None:
    refused = Api.of(stack)("HEAD", "/silences/x/end")

    assert refused.status in {404, 405}
    assert "HEAD" not in refused.headers.get("allow", "")


def test_what_takes_get_says_that_it_takes_head(stack: Stack) -> None:
    assert "GET, HEAD" in Api.of(stack)("PATCH", "/rules").headers["allow"]


def test_a_repeated_action_asks_for_each(stack: Stack) -> None:
    """API Gateway joins them with a comma, which found nothing."""
    events = [
        Event(new_id(utc_now()), each, "x", {}, {}, None, "d", None) for each in ("login", "logout", "user_write")
    ]
    EventStore(stack.dynamodb, "events").add([Submission(each, None) for each in events])

    found = Api.of(stack)("GET", "/events", query={"action": "login,logout", "since": "2026-01-01T00:00:00Z"})

    assert {item["action"] for item in found.body["items"]} == {"login", "logout"}


@pytest.mark.parametrize("path", ["/events", "/events/volume", "/notifications", "/deliveries", "/rules"])
def test_a_repeated_parameter_of_one_value_is_named(stack: Stack, path: str) -> None:
    """API Gateway joins them with a comma: `app=shop&app=web` was answered as if there were no such events."""
    name = {"/notifications": "rule", "/deliveries": "transport", "/rules": "search"}.get(path, "app")
    request = request_event("GET", path, None, {}, {name: "shop,web"}, Api.of(stack, user="alice").facts)
    raw = f"{name}=shop&l%69mit=5&{name[:-1]}%{ord(name[-1]):x}=web"

    answer = stack.call("api", request | {"rawQueryString": raw})

    assert answer["statusCode"] == 422
    assert [each["path"] for each in json.loads(answer["body"])["errors"]] == [name]


def test_a_deliverys_id_may_be_in_upper_case(stack: Stack) -> None:
    """An event's id may, and so a delivery's, which begins with it: it was a 422."""
    delivery_id = f"{new_id(utc_now())}-0123456789abcdef".upper()

    assert Api.of(stack)("GET", f"/deliveries/{delivery_id}").status == 404
    assert Api.of(stack)("GET", f"/deliveries/{delivery_id[:-1]}G").status == 422


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "9999-12-31T18:00:00Z"},
        {"since": "9999-12-31T18:00:00Z", "interval": "days=90"},
        {"until": "0001-01-01T00:00:00Z"},
        {"until": "0001-01-01T05:00:00Z", "interval": "hours=7"},
        {"until": "0001-03-01T00:00:00Z", "history_days": "90"},
        {"since": "0001-01-01T00:00:00Z", "until": "0001-01-02T00:00:00Z"},
        {"until": "1970-01-01T00:00:00Z", "steps": "days=999999999,hours=1"},
    ],
)
def test_near_the_ends_of_time_there_are_no_events(stack: Stack, asked: dict[str, str]) -> None:
    """The fault: dates near the years 1 and 9999 can't be counted with, and were answered with 500."""
    api = Api.of(stack)
    takes = {
        "/events": {"since", "until"},
        "/events/volume": {"since", "until", "interval", "history_days"},
        "/events/top_per_user": {"since", "until", "history_days"},
        "/events/stats": {"until", "steps"},
    }

    found = [api("GET", path, query=asked) for path, taken in takes.items() if asked.keys() <= taken]

    assert found
    assert {answer.status for answer in found} == {200}
    assert not any(answer.body.get("total") for answer in found)


@pytest.mark.parametrize(
    "asked",
    [{"since": "0001-01-01T00:00:00+14:00"}, {"since": "2026-01-01T00:00:00Z", "until": "9999-12-31T23:59:59-14:00"}],
)
def test_a_backtest_may_reach_to_the_ends_of_time(stack: Stack, asked: dict[str, str]) -> None:
    api = Api.of(stack)
    api("PUT", "/groups/oncall", {})
    api("PUT", "/rules/logins", {"destination_group": "oncall"})

    assert api("POST", "/rules/logins/backtest", asked).status == 200


@pytest.mark.parametrize(
    ("kind", "entry", "asked", "body"),
    [
        ("rules", {"destination_event_user": True}, "POST …/test", {"event": {"action": "login"}}),
        ("rules", {"destination_event_user": True}, "POST …/backtest", {"since": "2026-01-01T00:00:00Z"}),
        ("policies", {"kind": "event_matcher", "action": "login"}, "POST …/test", {"event": {"action": "login"}}),
        ("transports", {"mode": "local"}, "GET …/breaker", None),
        ("transports", {"mode": "local"}, "POST …/breaker/reset", None),
        ("keys", {"scopes": ["events:write"]}, "POST …/rotate", {}),
        ("keys", {"scopes": ["events:write"]}, "POST …/ticket", {}),
    ],
)
def test_what_is_below_an_entry_is_there_whatever_its_name(
    stack: Stack, kind: str, entry: dict[str, object], asked: str, body: object
) -> None:
    """A rule or policy with a blank in its name could be saved and neither tested nor backtested: they were 404."""
    api, path = Api.of(stack), f"/{kind}/after work: 9 to 5"
    api("PUT", path, entry)
    method, below = asked.split(" …")

    found = api(method, f"{path}{below}", body)

    assert found.status in {200, 201}, found.text


def test_an_address_that_no_text_can_hold_is_not_stopped(stack: Stack) -> None:
    """The fault: half of a surrogate pair was answered with 500."""
    answer = Api.of(stack)("DELETE", "/mail-stops", query={"address": "a\ud800@example.com"})

    assert answer.is_problem(404)
