"""What the API refuses by name, beyond what each subject's own tests ask."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import Stack
from tocsin.api.events import MAX_STEPS
from tocsin.config.resources import silences
from tocsin.http.json_body import MAX_BODY

MATCHES = {"kind": "event_matcher", "action": "login_failed"}
RULE = {"transports": [], "destination_group": "oncall", "bindings": [{"policy": "failed"}]}


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


@pytest.fixture
def with_a_rule(api: Api) -> Api:
    api("PUT", "/groups/oncall", {})
    api("PUT", "/policies/failed", MATCHES)
    assert api("PUT", "/rules/logins", RULE).status == 201
    return api


def refused(api: Api, method: str, path: str, body: Any = None, **query: str) -> tuple[int, list[str]]:
    """The status, and the paths of what is wrong."""
    answer = api(method, path, body, query=query)
    return answer.status, [error["path"] for error in answer.body.get("errors", [])]


def cursor_of(key: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def test_a_cursor_longer_than_any_key_is_none_of_ours(api: Api) -> None:
    assert refused(api, "GET", "/events", cursor=cursor_of("x" * 2000)) == (422, ["cursor"])


@pytest.mark.parametrize("arrival", ["-5", "1_0", " 7", "9" * 13, "9" * 1000, "\uff19", "\u0663", ""])
def test_a_cursor_of_an_arrival_that_can_not_be_is_none_of_ours(api: Api, arrival: str) -> None:
    """The fault: one of hundreds of digits made a key that DynamoDB refuses, and the answer was "try again"."""
    api("PUT", "/users/alice", {})

    assert refused(api, "GET", "/notifications", user="alice", cursor=cursor_of(f"inbox {arrival}")) == (
        422,
        ["cursor"],
    )


def test_more_steps_than_are_counted_at_a_time_are_refused(api: Api) -> None:
    assert refused(api, "GET", "/events/stats", steps=",".join(["hours=1"] * (MAX_STEPS + 1))) == (422, ["steps"])


def test_an_entry_over_the_limit_of_bodies_is_too_large(api: Api) -> None:
    assert api("PUT", "/policies/large", MATCHES | {"query": "x" * MAX_BODY}).status == 413


def test_a_test_over_the_limit_of_bodies_is_too_large(with_a_rule: Api) -> None:
    asked = {"event": {"action": "login", "context": {"text": "x" * MAX_BODY}}}

    assert with_a_rule("POST", "/rules/logins/test", asked).status == 413


def test_a_test_that_is_no_json_is_malformed(with_a_rule: Api) -> None:
    answer = with_a_rule("POST", "/rules/logins/test", '{"event": ')

    assert answer.status == 400
    assert "line 1" in answer.body["detail"]


def test_a_test_of_an_event_that_is_no_object_is_refused(with_a_rule: Api) -> None:
    assert refused(with_a_rule, "POST", "/rules/logins/test", {"event": 7}) == (422, ["event"])


def test_a_backtest_does_not_go_on_with_another_rules_cursor(with_a_rule: Api) -> None:
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    asked = {"since": since, "cursor": cursor_of("another 019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a")}

    assert refused(with_a_rule, "POST", "/rules/logins/backtest", asked) == (422, ["cursor"])


def test_a_key_needs_a_name(api: Api) -> None:
    assert refused(api, "POST", "/keys", {"scopes": ["events:write"]}) == (422, ["name"])


def test_a_masked_secret_where_none_is_stored_is_refused(api: Api) -> None:
    entry = {"mode": "webhook", "url": "http://127.0.0.1:9/hook", "secret": "********"}

    assert refused(api, "PUT", "/transports/hook", entry) == (422, ["secret"])


def test_a_silences_name_is_a_text(api: Api) -> None:
    asked = {"name": 7, "matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z"}

    assert refused(api, "POST", "/silences", asked) == (422, ["name"])


def test_silences_are_bounded_in_number(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silences, "MAX_SILENCES", 2)
    asked = {"matcher": {"app": "shop"}, "ends": "2999-01-01T00:00:00Z"}

    statuses = [api("POST", "/silences", asked | {"name": name}).status for name in ("a", "b", "c")]

    assert statuses == [201, 201, 409]


def test_a_silence_that_has_not_begun_is_taken_away_and_one_that_is_over_stays_as_it_is(api: Api) -> None:
    later = {"matcher": {"app": "shop"}, "starts": "2998-01-01T00:00:00Z", "ends": "2999-01-01T00:00:00Z"}
    api("PUT", "/silences/later", later)
    api("PUT", "/silences/now", later | {"starts": "2020-01-01T00:00:00Z"})

    taken = api("DELETE", "/silences/later")
    ended, again = api("DELETE", "/silences/now"), api("DELETE", "/silences/now")

    assert taken.status == 200
    assert api("GET", "/silences/later").status == 404
    assert ended.status == again.status == 200
    assert ended.body["ends"] == again.body["ends"]


def test_a_backtest_says_which_policies_failed_and_why(stack: Stack, api: Api) -> None:
    broken = {"kind": "expression", "expression": "event.context.nothing == 1"}
    api("PUT", "/groups/oncall", {})
    api("PUT", "/policies/broken", broken)
    api("PUT", "/rules/logins", RULE | {"bindings": [{"policy": "broken"}]})
    event = {"action": "login_failed", "created": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()}
    stored = stack.call("ingest", post_of(event))
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    answer = api("POST", "/rules/logins/backtest", {"since": since})

    assert stored["statusCode"] == 201
    assert (answer.status, answer.body["fired"]) == (200, 0)
    assert list(answer.body["failures"]) == ["broken"]


def post_of(event: dict[str, Any]) -> dict[str, Any]:
    facts = {"key_id": "0123456789abcdef", "key_name": "shop", "scopes": "events:write"}
    return request_event("POST", "/events", json.dumps(event), {"content-type": "application/json"}, None, facts)
