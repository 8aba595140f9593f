"""Every list of the API with more in it than one answer holds: each item is given, and no answer is too large."""

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.corrections.lambda_limits import MAX_RESPONSE, response_bytes
from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import event
from tocsin.aws.dynamodb import document, text, until
from tocsin.deliveries.items import Place, listed
from tocsin.events.store import EventStore, Submission
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.matching.story import StoryStore
from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.outcome import State

ROOM = 8_000
"""Bytes of an answer, in tests that make it small."""


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api.of(stack)


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What makes the room for an answer small, from then on."""

    def shrink() -> None:
        monkeypatch.setattr("tocsin.api.answers.MAX_BODY", ROOM)
        monkeypatch.setattr("tocsin.api.answers._SURELY_FITS", 0)

    return shrink


def all_of(api: Api, path: str, *lists: str, limit: int = 1000, room: int = ROOM) -> tuple[list[Any], int]:
    """What the pages of a list hold together, and how many pages there were; none is larger than `room`."""
    items: list[Any] = []
    path, _, given = path.partition("?")
    query = {"limit": str(limit), **dict(pair.split("=") for pair in given.split("&") if pair)}
    for page in range(1, 200):
        answer = api("GET", path, query=query)
        assert answer.status == 200, answer.text
        assert response_bytes(answer.text) <= room
        items += [item for name in lists or ("items",) for item in answer.body[name]]
        if answer.body["cursor"] is None:
            return items, page
        query["cursor"] = answer.body["cursor"]
    raise AssertionError("the list has no end")


def add(stack: Stack, *contexts: dict[str, Any], spread: timedelta = timedelta(0)) -> list[str]:
    start = datetime.now(UTC) - timedelta(minutes=10)
    events = [event(id=new_id(start + spread * number), context=each) for number, each in enumerate(contexts)]
    EventStore(stack.dynamodb, "events").add([Submission(each, None) for each in events])
    return sorted(each.id for each in events)


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_events_full_of_quotes_are_given_over_several_pages(stack: Stack, api: Api, order: str) -> None:
    ids = add(stack, *[{"log": '"' * 96_000}] * 25, spread=timedelta(milliseconds=1))
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    query = {"limit": "25", "order": order, "since": since}
    found: list[str] = []
    pages = 0

    while True:
        answer = api("GET", "/events", query=query)
        assert answer.status == 200
        assert response_bytes({"statusCode": 200, "headers": answer.headers, "body": answer.text}) <= MAX_RESPONSE
        found += [each["id"] for each in answer.body["items"]]
        pages += 1
        if answer.body["cursor"] is None:
            break
        query["cursor"] = answer.body["cursor"]

    assert found == (ids[::-1] if order == "newest" else ids)
    assert pages == 2


def users(api: Api) -> int:
    document = {"users": [{"username": f"u{n:03d}", "name": '"' * 100} for n in range(60)]}
    assert api("PUT", "/blueprint", document).status == 200
    return 60


def mappings(api: Api) -> int:
    document = {"mappings": [{"name": f"m{n}", "expression": f"'{'x' * 1500}'"} for n in range(20)]}
    assert api("PUT", "/blueprint", document).status == 200
    return 20


def members(api: Api) -> int:
    names = [f"{'x' * 100}{n:03d}" for n in range(150)]
    document = {"users": [{"username": name} for name in names], "groups": [{"name": "g", "members": names}]}
    assert api("PUT", "/blueprint", document).status == 200
    return 150


def silences(api: Api) -> int:
    times = {"starts": "2026-03-01T12:00:00Z", "ends": "2999-03-01T12:00:00Z"}
    matcher = {"app": "shop"}
    document = {
        "silences": [{"name": f"s{n}", "matcher": matcher, "comment": '"' * 200, **times} for n in range(30)],
    }
    assert api("PUT", "/blueprint", document).status == 200
    return 30


@pytest.mark.parametrize(
    ("path", "make"),
    [
        ("/users", users),
        ("/mappings", mappings),
        ("/groups/g/members", members),
        ("/silences", silences),
    ],
)
def test_a_list_of_the_configuration_is_given_over_several_pages(
    api: Api, little_room: Callable[[], None], path: str, make: Callable[[Api], int]
) -> None:
    number = make(api)
    little_room()

    items, pages = all_of(api, path)

    names = [item.get("name") if "username" not in item else item["username"] for item in items]
    assert len(items) == len(set(names)) == number
    assert pages > 1


def test_a_story_is_given_over_several_pages(stack: Stack, api: Api, little_room: Callable[[], None]) -> None:
    little_room()
    (about,) = add(stack, {})
    stories = StoryStore(stack.dynamodb, "deliveries")
    for number in range(30):
        stories.note_match(
            about,
            f"rule-{number:02d}",
            {"severity": "notice", "transports": ['"' * 100], "bindings": [{"reason": '"' * 200}]},
            page="0",
            told={"hook": 1},
            kept={},
            now=datetime.now(UTC),
            keep=timedelta(days=1),
        )

    items, pages = all_of(api, f"/events/{about}/deliveries", "rules", "deliveries")

    assert sorted(item["rule"] for item in items) == [f"rule-{number:02d}" for number in range(30)]
    assert pages > 1


def test_a_blueprint_that_is_too_large_is_given_compressed(api: Api, little_room: Callable[[], None]) -> None:
    mappings(api)
    little_room()

    plain = api("GET", "/blueprint")
    packed = api("GET", "/blueprint", headers={"accept-encoding": "gzip, deflate"})
    as_yaml = api("GET", "/blueprint", headers={"accept-encoding": "gzip", "accept": "application/yaml"})

    assert (plain.status, plain.body["type"]) == (413, "urn:tocsin:problem:answer-too-large")
    assert "Accept-Encoding: gzip" in plain.body["detail"]
    assert packed.headers["content-encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(base64.b64decode(packed.text)))["mappings"]) == 20
    assert gzip.decompress(base64.b64decode(as_yaml.text)).decode().count("expression:") == 20
    assert len(packed.text) <= ROOM


def test_a_backtests_examples_are_cut(stack: Stack, api: Api) -> None:
    add(stack, {"message": '"' * 90_000})
    api("PUT", "/policies/failed", {"kind": "event_matcher", "action": "login_failed"})
    api("PUT", "/rules/failed", {"bindings": [{"policy": "failed"}], "destination_group": "admins"})
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()

    result = api("POST", "/rules/failed/backtest", {"since": since}).body

    assert result["fired"] == 1
    assert len(result["examples"][0]["summary"]) <= 1_000


def test_a_batch_of_nothing_but_faults_has_an_answer(stack: Stack) -> None:
    """500 events, as many and as dear faults as a request of 1 MiB has room for."""
    odd = {f"{'"' * 190}{number}": 1 for number in range(3)}
    body = json.dumps([{"action": "x", "client_ip": '"' * 60, **odd} for _ in range(500)])[: 1024 * 1024 - 3]
    body = body[: body.rindex("}, {") + 1] + "]"
    facts = {"key_id": "0123456789abcdef", "key_name": "shop", "scopes": "events:write"}
    request = request_event("POST", "/events", body, {"content-type": "application/json"}, None, facts)

    answer = stack.call("ingest", request)

    assert answer["statusCode"] == 422
    assert len(json.loads(answer["body"])["results"]) > 400
    assert response_bytes(answer) <= MAX_RESPONSE


def add_deliveries(stack: Stack, about: str, number: int) -> set[str]:
    """Failed deliveries of one event, each with a few attempts at telling and a long answer to the last."""
    ids = set()
    for each in range(number):
        place = Place(about, f"{each:016x}")
        attempt = {"at": "2026-03-01T12:00:00Z", "state": "failed", "reason": "http_400", "answer": '"' * 200}
        stack.dynamodb.put_item(
            TableName="deliveries",
            Item={
                "pk": text(f"event#{about}"),
                "sk": text(f"delivery#{each:016x}"),
                "transport": text("hook"),
                "state": text("failed"),
                "attempts": {"L": [document(attempt)]},
                "expires_at": until(datetime.now(UTC) + timedelta(days=1)),
                **listed("hook", State.FAILED, place.delivery_id),
            },
        )
        ids.add(place.delivery_id)
    return ids


def test_deliveries_are_given_over_several_pages(stack: Stack, api: Api, little_room: Callable[[], None]) -> None:
    little_room()
    (about,) = add(stack, {})
    ids = add_deliveries(stack, about, 30)

    of_event, pages = all_of(api, f"/events/{about}/deliveries", "rules", "deliveries")
    of_all, pages_of_all = all_of(api, "/deliveries?transport=hook")

    assert sorted(item["id"] for item in of_event) == sorted(item["id"] for item in of_all) == sorted(ids)
    assert min(pages, pages_of_all) > 1


def test_an_inbox_is_given_over_several_pages(stack: Stack, api: Api, little_room: Callable[[], None]) -> None:
    little_room()
    inboxes, now = InboxStore(stack.dynamodb, "deliveries"), datetime.now(UTC)
    for number in range(20):
        about = event(context={"message": f"{number} {'"' * 600}"})
        inboxes.put(Notification.of(about, "r", Severity.NOTICE, User("alice")), keep=timedelta(days=1), now=now)

    items, pages = all_of(api, "/notifications?user=alice")

    assert len({item["id"] for item in items}) == len(items) == 20
    assert pages > 1


def test_stopped_addresses_are_given_over_several_pages(
    stack: Stack, api: Api, little_room: Callable[[], None]
) -> None:
    little_room()
    stops = Suppressions(stack.dynamodb, "deliveries")
    for number in range(40):
        stops.stop(f"u{number}@example.com", SuppressionReason.BOUNCED, '"' * 300, now=datetime.now(UTC))

    items, pages = all_of(api, "/mail-stops")

    assert len({item["address"] for item in items}) == len(items) == 40
    assert pages > 1


def test_exports_with_long_filters_are_listed_over_several_pages(api: Api, little_room: Callable[[], None]) -> None:
    """A list of many was a 413, on the console's page of exports too."""
    filters = {"filter": " || ".join(f'event.app == "shop{number}"' for number in range(60))}
    asked = [api("POST", "/exports", {"filters": filters}).body["id"] for _ in range(8)]
    little_room()

    items, pages = all_of(api, "/exports")

    assert [each["id"] for each in items] == sorted(asked, reverse=True)
    assert pages > 1


def test_the_rules_of_a_story_come_before_its_many_deliveries(stack: Stack, api: Api) -> None:
    """They came last: of an event that told 200 people or more the first page had no rule, and the console said so."""
    (about,) = add(stack, {})
    deliveries = add_deliveries(stack, about, 210)
    StoryStore(stack.dynamodb, "deliveries").note_match(
        about, "x", {}, page="0", told={"hook": 210}, kept={}, now=datetime.now(UTC), keep=timedelta(days=1)
    )

    first = api("GET", f"/events/{about}/deliveries").body
    items, pages = all_of(api, f"/events/{about}/deliveries", "rules", "deliveries", limit=100, room=MAX_RESPONSE)

    assert [each["rule"] for each in first["rules"]] == ["x"]
    assert len(first["deliveries"]) == 199
    assert {each["id"] for each in items[1:]} == deliveries
    assert (len(items), pages) == (211, 3)
