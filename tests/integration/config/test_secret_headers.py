"""A receiver's credentials over HTTP: they go in, and come out of no answer, difference or event."""

import json
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tocsin.config.changes import REPLACED

MASK = "*" * 20
HOOK = {
    "mode": "webhook",
    "url": "http://127.0.0.1:9/in/SECRETVAL9",
    "headers": {"Authorization": "Bearer SECRETVAL9", "X-Api-Key": "SECRETVAL9"},
}
OTHER = HOOK | {
    "url": "http://127.0.0.1:9/in/SECRETVAL8",
    "headers": {"Authorization": "Bearer SECRETVAL8", "X-Api-Key": "SECRETVAL8"},
}


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


def secrets(stack: Stack) -> str:
    return str([item for item in stack.items("config") if item["pk"]["S"] == "secret"])


def everywhere(api: Api, stack: Stack, *answers: Any) -> str:
    """All that the API tells, and all that is stored of the configuration beside the secrets themselves."""
    paths = ["/transports/hook", "/transports", "/blueprint"]
    apart = [item for item in stack.items("config") if item["pk"]["S"] != "secret"]
    told = [answer.text for answer in answers] + [api("GET", path).text for path in paths]
    return " ".join(told) + json.dumps(stack.events()) + str(apart)


def test_the_values_stand_in_no_answer_and_nowhere_but_apart(api: Api, stack: Stack) -> None:
    answers = [api("PUT", "/transports/hook", HOOK), api("PUT", "/transports/hook", OTHER)]

    shown = api("GET", "/transports/hook").body
    assert [answer.status for answer in answers] == [201, 200]
    assert "SECRETVAL" not in everywhere(api, stack, *answers)
    assert "SECRETVAL8" in secrets(stack)
    assert "SECRETVAL9" not in secrets(stack)
    assert shown["url"] == f"http://127.0.0.1:9/{MASK}"
    assert shown["headers"] == {"Authorization": MASK, "X-Api-Key": MASK}


def test_what_was_read_and_put_back_keeps_the_values(api: Api, stack: Stack) -> None:
    api("PUT", "/transports/hook", HOOK)
    before = api("GET", "/transports/hook")
    stored = secrets(stack)

    again = api("PUT", "/transports/hook", before.body, headers={"if-match": before.etag})
    whole = api("PUT", "/blueprint", api("GET", "/blueprint").body)

    assert (again.status, again.etag) == (200, before.etag)
    assert (whole.status, whole.body["changed"]) == (200, False)
    assert secrets(stack) == stored


def test_a_blueprint_tells_that_a_value_is_another_one(api: Api, stack: Stack) -> None:
    first = api("PUT", "/blueprint", {"transports": [HOOK | {"name": "hook"}]})
    etag = api("GET", "/transports/hook").etag
    other = {"transports": [OTHER | {"name": "hook"}]}

    tried = api("PUT", "/blueprint", other, query={"dry_run": "true"})
    done = api("PUT", "/blueprint", other)
    again = api("PUT", "/blueprint", other)

    change = {"kind": "transports", "name": "hook", "change": "update"}
    assert tried.body["changes"] == [change | {"fields": {"headers": REPLACED, "url": REPLACED}}]
    assert (done.body["changed"], again.body["changed"]) == (True, False)
    assert "SECRETVAL" not in everywhere(api, stack, first, tried, done, again)
    assert "SECRETVAL9" not in secrets(stack)
    assert api("GET", "/transports/hook").etag != etag


def test_an_event_says_that_credentials_were_replaced(api: Api, stack: Stack) -> None:
    api("PUT", "/transports/hook", HOOK)

    api("PUT", "/transports/hook", OTHER)

    (event,) = [event for event in stack.events() if event["action"] == "secret_rotate"]
    assert event["context"]["message"] == "ops replaced the secret of transport hook"
    assert event["context"]["diff"] == {"headers": REPLACED, "url": REPLACED}


def test_an_event_names_a_header_that_is_new(api: Api, stack: Stack) -> None:
    api("PUT", "/transports/hook", HOOK | {"headers": {"X-First": "SECRETVAL9"}})

    api("PUT", "/transports/hook", HOOK | {"headers": {"X-First": MASK, "X-Second": "SECRETVAL8"}})

    (event,) = [event for event in stack.events() if event["action"] == "model_updated"]
    diff = {"from": {"X-First": MASK}, "to": {"X-First": MASK, "X-Second": MASK}}
    assert event["context"]["diff"] == {"headers": diff}


def test_a_transport_that_is_gone_leaves_no_secret(api: Api, stack: Stack) -> None:
    api("PUT", "/transports/hook", HOOK)

    api("DELETE", "/transports/hook")

    assert secrets(stack) == "[]"


def test_a_refused_value_is_not_repeated(api: Api) -> None:
    answer = api("PUT", "/transports/hook", HOOK | {"headers": {"X-Api-Key": "SECRETVAL9\r\nX-Other: SECRETVAL9"}})

    assert answer.status == 422
    assert answer.body["errors"][0]["path"] == "headers.X-Api-Key"
    assert "SECRETVAL9" not in answer.text


def test_no_more_secrets_are_made_than_one_answer_can_show(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.config.blueprint.apply.MAX_MADE", 2)
    hook = {"name": "hook", "mode": "webhook", "url": "http://127.0.0.1:9/hook"}
    keys = [{"name": f"k{number}", "scopes": ["events:read"]} for number in range(2)]

    refused = api("PUT", "/blueprint", {"transports": [hook], "keys": keys})
    taken = api("PUT", "/blueprint", {"transports": [hook], "keys": keys[:1]})

    assert (refused.status, taken.status) == (422, 200)
    assert "3 new keys and signing secrets made; at most 2" in refused.body["errors"][0]["message"]
