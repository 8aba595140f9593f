"""The API of deliveries: looking, sending again, trying a transport, its breaker, stopped mail."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import ALICE, World
from tocsin.aws.table import Table
from tocsin.deliveries.service import DeliveryService
from tocsin.errors import Invalid, NotFound
from tocsin.identity.store import PeopleStore
from tocsin.notifications.email.suppressions import SuppressionReason, Suppressions
from tocsin.notifications.email.unsubscribe import UnsubscribeLinks
from tocsin.notifications.transport import NotificationTransport, TransportMode

type Load = Callable[[str], dict[str, Any]]

ALL = "events:write events:read config:read config:write notifications"


class Api:
    """The api function, asked over HTTP API events."""

    def __init__(self, world: World, load: Load) -> None:
        self._module = world.stack.function("api")
        self._event = load("api-event")
        self._context = world.stack.context

    def __call__(
        self, method: str, path: str, body: Any = None, *, scopes: str | None = ALL, **query: str
    ) -> tuple[int, Any]:
        event = json.loads(json.dumps(self._event))
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["requestContext"]["http"]["method"] = method
        event["queryStringParameters"] = query
        if scopes is None:
            del event["requestContext"]["authorizer"]
        else:
            event["requestContext"]["authorizer"]["lambda"]["scopes"] = scopes
        if body is not None:
            event["headers"]["content-type"] = "application/json"
            event["body"] = json.dumps(body)
        answer = self._module.handler(event, self._context)
        is_json = "json" in json.dumps(answer.get("headers", {}) | answer.get("multiValueHeaders", {}))
        return answer["statusCode"], json.loads(answer["body"]) if is_json else answer["body"]


@pytest.fixture
def api(world: World, load: Load) -> Api:
    return Api(world, load)


def failed(world: World, sinks: Sinks, count: int = 3) -> list[str]:
    """Deliveries that have failed, a second apart; the endpoint is well afterwards."""
    sinks.misbehave(Misbehaviour("/webhook/x", status=404))
    world.hook(f"{sinks.url}/webhook/x")
    messages = []
    for _ in range(count):
        messages.append(world.message())
        world.later(seconds=1)
    world.send(*messages)
    world.pump(world.worker())
    sinks.behave()
    sinks.forget()
    return [message.delivery_id for message in messages]


def test_deliveries_are_listed_by_state_newest_first_and_paged(world: World, sinks: Sinks, api: Api) -> None:
    ids = failed(world, sinks, 5)

    status, first = api("GET", "/deliveries", state="failed, held", transport="hook", limit="3")
    _, second = api("GET", "/deliveries", state="failed", transport="hook", limit="3", cursor=first["cursor"])

    assert status == 200
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["cursor"] is None


def test_deliveries_are_listed_of_all_transports_and_states(world: World, sinks: Sinks, api: Api) -> None:
    (id_,) = failed(world, sinks, 1)
    message = world.message()
    world.send(message)
    world.pump(world.worker())

    _, listing = api("GET", "/deliveries")

    assert [(item["id"], item["state"]) for item in listing["items"]] == [
        (message.delivery_id, "delivered"),
        (id_, "failed"),
    ]


def test_deliveries_are_listed_by_time(world: World, sinks: Sinks, api: Api) -> None:
    begun = world.now
    ids = failed(world, sinks, 4)

    _, listing = api(
        "GET",
        "/deliveries",
        since=(begun + timedelta(seconds=1)).isoformat(),
        until=(begun + timedelta(seconds=3)).isoformat(),
    )

    assert [item["id"] for item in listing["items"]] == ids[2:0:-1]


@pytest.mark.parametrize(
    "query",
    [
        {"state": "lost"},
        {"since": "yesterday"},
        {"until": "2026-01-01T00:00:00Z", "since": "2026-01-01T00:00:00Z"},
        {"transport": ""},
        {"limit": "0"},
        {"cursor": "x"},
        {"color": "red"},
    ],
)
def test_a_bad_query_names_its_parameter(world: World, api: Api, query: dict[str, str]) -> None:
    status, problem = api("GET", "/deliveries", **query)

    assert status == 422
    assert problem["errors"][0]["path"] in query


def test_a_delivery_that_changes_while_it_is_listed_is_listed_once(
    world: World, sinks: Sinks, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in the lists of two states for a moment, and DynamoDB refuses to read one item twice: it was a 503."""
    (id_,) = failed(world, sinks, 1)
    query = Table.query

    def as_it_changes(self: Table, what: str, condition: str, values: Any, **more: Any) -> Any:
        if listed := values.get(":listed"):
            values = values | {":listed": {"S": listed["S"].replace("#retrying#", "#failed#")}}
        return query(self, what, condition, values, **more)

    monkeypatch.setattr(Table, "query", as_it_changes)

    status, listing = api("GET", "/deliveries")

    assert (status, [item["id"] for item in listing["items"]]) == (200, [id_])


def test_one_delivery_tells_its_attempts(world: World, sinks: Sinks, api: Api) -> None:
    (id_,) = failed(world, sinks, 1)

    status, delivery = api("GET", f"/deliveries/{id_}")

    assert status == 200
    assert delivery["attempts"][0]["status"] == 404
    assert delivery["attempts"][0]["duration_ms"] >= 0


@pytest.mark.parametrize(
    ("id_", "status"), [("nonsense", 422), ("019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a-0123456789abcdef", 404)]
)
def test_a_delivery_that_is_not_there_is_a_problem(world: World, api: Api, id_: str, status: int) -> None:
    assert api("GET", f"/deliveries/{id_}")[0] == status


def test_a_failed_delivery_is_sent_again_by_hand(world: World, sinks: Sinks, api: Api) -> None:
    (id_,) = failed(world, sinks, 1)

    status, delivery = api("POST", f"/deliveries/{id_}/retry")
    world.pump(world.worker())

    assert (status, delivery["state"]) == (202, "queued")
    _, after = api("GET", f"/deliveries/{id_}")
    assert after["state"] == "delivered"
    assert len(after["attempts"]) == 2


def test_a_delivered_one_is_not_sent_again(world: World, sinks: Sinks, api: Api) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    message = world.message()
    world.send(message)
    world.pump(world.worker())

    status, problem = api("POST", f"/deliveries/{message.delivery_id}/retry")

    assert (status, problem["detail"]) == (409, "the delivery is delivered; it is not sent again")
    assert world.waiting() == []


def test_a_redrive_is_bounded_and_goes_on_where_it_stopped(world: World, sinks: Sinks, api: Api) -> None:
    failed(world, sinks, 5)

    first = api("POST", "/deliveries/redrive", {"transport": "hook", "limit": 3})[1]
    second = api("POST", "/deliveries/redrive", {"transport": "hook", "limit": 3, "cursor": first["cursor"]})[1]
    again = api("POST", "/deliveries/redrive", {"transport": "hook"})[1]
    world.pump(world.worker())

    assert (first["queued"], second["queued"], again["queued"]) == (3, 2, 0)
    assert world.states() == {"delivered": 5}
    assert len(sinks.received()) == 5


def test_a_redrive_takes_a_time_range(world: World, sinks: Sinks, api: Api) -> None:
    begun = world.now
    failed(world, sinks, 4)

    done = api(
        "POST",
        "/deliveries/redrive",
        {"transport": "hook", "states": ["failed"], "until": (begun + timedelta(seconds=2)).isoformat()},
    )[1]

    assert done["queued"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"transport": "hook", "states": ["delivered"]},
        {"transport": "hook", "states": []},
        {"limit": 0},
        {"transport": "hook", "until": 0},
    ],
)
def test_a_bad_redrive_is_a_problem(world: World, api: Api, body: Any) -> None:
    assert api("POST", "/deliveries/redrive", body)[0] == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/deliveries"),
        ("GET", "/deliveries/019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a-0123456789abcdef"),
        ("POST", "/deliveries/019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a-0123456789abcdef/retry"),
        ("POST", "/deliveries/redrive"),
        ("POST", "/transports/hook/test"),
        ("GET", "/transports/hook/breaker"),
        ("POST", "/transports/hook/breaker/reset"),
        ("GET", "/mail-stops"),
        ("DELETE", "/mail-stops/a@example.com"),
    ],
)
def test_each_route_needs_a_key_and_its_scope(world: World, api: Api, method: str, path: str) -> None:
    assert api(method, path, scopes=None)[0] == 401
    assert api(method, path, scopes="events:write notifications")[0] == 403


def test_a_breaker_is_shown_and_reset(world: World, sinks: Sinks, api: Api) -> None:
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.open_breaker(hook)

    _, opened = api("GET", "/transports/hook/breaker")
    _, reset = api("POST", "/transports/hook/breaker/reset")

    assert (opened["state"], opened["last_failure"], opened["failures_in_a_row"]) == ("open", "http_500", 1)
    assert (reset["state"], reset["failures_in_a_row"]) == ("draining", 0)


def test_a_transport_that_never_failed_has_a_closed_breaker(world: World, sinks: Sinks, api: Api) -> None:
    world.hook(f"{sinks.url}/webhook/x", name="on call")

    assert api("GET", "/transports/on%20call/breaker")[1]["state"] == "closed"
    assert api("GET", "/transports/other/breaker")[0] == 404


def test_a_transport_of_this_moment_is_known(world: World, api: Api) -> None:
    world.configure()
    assert api("GET", "/transports/hook/breaker")[0] == 404

    world.hook("https://example.com/x")

    assert api("GET", "/transports/hook/breaker")[1]["state"] == "closed"


def desk(world: World, mode: str = "webhook") -> DeliveryService:
    """The desk, while another process delivers what is in the queue."""
    worker = world.worker(mode)
    return world.service(sleep=lambda _: world.pump(worker, mode))


def test_a_test_takes_the_real_path_and_gives_the_outcome(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x")

    delivery: Any = desk(world).test("hook", None)

    assert delivery["state"] == "delivered"
    assert sinks.received()[0].headers["webhook-id"] == delivery["id"]
    assert "webhook-signature" in sinks.received()[0].headers


def test_a_test_that_fails_says_why_at_once_and_reports_nothing(world: World, sinks: Sinks) -> None:
    sinks.misbehave(Misbehaviour("/webhook/x", status=503))
    world.hook(f"{sinks.url}/webhook/x")

    delivery: Any = desk(world).test("hook", None)

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("failed", "http_503")
    assert world.reported() == []
    assert world.stack.events() == []


def test_a_test_goes_out_although_the_breaker_is_open_and_its_success_closes_it(world: World, sinks: Sinks) -> None:
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.open_breaker(hook)

    delivery = desk(world).test("hook", None)

    assert delivery["state"] == "delivered"
    assert desk(world).breaker("hook").state == "draining"


def test_an_inbox_is_tested_with_a_person(world: World) -> None:
    world.configure(NotificationTransport(name="inbox", mode=TransportMode.LOCAL))
    PeopleStore(world.stack.dynamodb, "config").write(users=[ALICE])

    delivery = desk(world, "local").test("inbox", "alice")

    assert delivery["state"] == "delivered"
    for user, why in ((None, "a transport of mode local needs a person"), ("nobody", "there is no user 'nobody'")):
        with pytest.raises(Invalid) as refused:
            desk(world, "local").test("inbox", user)
        (violation,) = refused.value.violations
        assert violation.path == "user"
        assert violation.message.startswith(why)
    with pytest.raises(NotFound):
        desk(world, "local").test("other", "alice")


def test_stopped_mail_is_listed_and_lifted(world: World, api: Api) -> None:
    stops = Suppressions(world.stack.dynamodb, "deliveries")
    stops.stop("Alice@example.com", SuppressionReason.BOUNCED, "550 unknown", now=world.now)

    _, listing = api("GET", "/mail-stops")
    status, _ = api("DELETE", "/mail-stops/alice%40example.com")

    assert [(item["address"], item["reason"]) for item in listing["items"]] == [("alice@example.com", "bounced")]
    assert status == 200
    assert api("DELETE", "/mail-stops/alice%40example.com")[0] == 404


@pytest.fixture
def links(world: World, monkeypatch: pytest.MonkeyPatch) -> UnsubscribeLinks:
    import boto3

    secret = boto3.client("secretsmanager").create_secret(Name="unsubscribe", SecretString="s" * 48)
    monkeypatch.setenv("LINK_SECRET", secret["ARN"])
    return UnsubscribeLinks("s" * 48)


def test_the_link_in_a_mail_asks_first_and_stops_by_post(world: World, links: UnsubscribeLinks, api: Api) -> None:
    stops = Suppressions(world.stack.dynamodb, "deliveries")
    token = links.token("alice@example.com")

    status, page = api("GET", "/unsubscribe", scopes=None, token=token)
    assert status == 200 and "alice@example.com" in page and stops.get("alice@example.com") is None
    api("POST", "/unsubscribe", scopes=None, token=token)

    stop = stops.get("alice@example.com")
    assert stop is not None and stop.reason is SuppressionReason.UNSUBSCRIBED


@pytest.mark.parametrize("token", ["", "x", "YWxpY2U.AAAA", "é.é", "." * 2000, "2.", "2..", "2.YWxpY2U.AAAA", "2.é.é"])
def test_a_link_that_is_not_ours_stops_nothing(world: World, links: UnsubscribeLinks, api: Api, token: str) -> None:
    status, _ = api("POST", "/unsubscribe", scopes=None, token=token)

    assert status == 404
    assert Suppressions(world.stack.dynamodb, "deliveries").page(after=None, limit=1).items == ()


def test_a_token_can_not_be_moved_to_another_address(links: UnsubscribeLinks) -> None:
    _, _, mac = links.token("alice@example.com").partition(".")
    other = links.token("mallory@example.com").partition(".")[0]

    assert links.read(f"{other}.{mac}") is None


@pytest.mark.parametrize("name", ["api-deliveries-failed", "api-redrive", "api-breaker"])
def test_the_sample_requests_are_answered(world: World, sinks: Sinks, load: Load, name: str) -> None:
    world.hook(f"{sinks.url}/webhook/x")

    answer = world.stack.call("api", load(name))

    assert answer["statusCode"] in {200, 202}


def test_the_sample_schedule_is_run(world: World, load: Load) -> None:
    world.configure()

    assert world.stack.call("redrive", load("redrive-minute")) == {"due": 0, "digests": 0, "steps": 0}
