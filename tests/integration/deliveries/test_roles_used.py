"""What roles are granted and other tests do not come to use: breakers, turns and queues of each transport."""

from typing import Any

import boto3
import pytest

from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.handler_calls import Client
from tocsin.deliveries.breaker import HANGS_AFTER, TIMED_OUT
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets

MODES = list(TransportMode)
OUTSIDE = [mode for mode in MODES if mode is not TransportMode.LOCAL]


def configure(world: World, mode: TransportMode) -> NotificationTransport:
    """Configure a transport of that mode."""
    given: dict[str, Any] = {}
    if mode is TransportMode.WEBHOOK:
        given = {"url": "http://127.0.0.1:9/hook"}
    if mode is TransportMode.WEBHOOK_SLACK:
        given = {"secrets_ref": "chat"}
        world.secrets.put("chat", TransportSecrets(url="http://127.0.0.1:9/chat"))
    transport = NotificationTransport(name="way", mode=mode, **given)
    world.configure(transport)
    return transport


def attempt(world: World, mode: TransportMode, outcome: Outcome) -> Any:
    """One delivery, with that outcome of its attempt; its message."""
    message = world.message("way", mode)
    world.send(message)
    world.pump(world.worker(mode, lambda _: outcome), mode)
    return message


def breaker(world: World) -> Any:
    key = {"pk": {"S": "breakers"}, "sk": {"S": "way"}}
    return world.stack.dynamodb.get_item(TableName="deliveries", Key=key).get("Item")


@pytest.mark.parametrize("mode", OUTSIDE)
def test_a_breaker_of_an_earlier_configuration_is_begun_anew_and_ends_with_a_delivery(
    world: World, mode: TransportMode
) -> None:
    transport = configure(world, mode)
    item = {"pk": {"S": "breakers"}, "sk": {"S": "way"}, "of": {"S": "another"}, "state": {"S": "closed"}}
    world.stack.dynamodb.put_item(TableName="deliveries", Item=item | {"failures": {"N": "1"}})

    attempt(world, mode, Outcome(State.RETRYING, "unwell"))
    begun = breaker(world)
    world.stack.dynamodb.put_item(TableName="deliveries", Item=begun | {"state": {"S": "closed"}})
    attempt(world, mode, Outcome(State.DELIVERED, "taken"))

    assert begun["of"]["S"] == transport.fingerprint
    assert breaker(world) is None


@pytest.mark.parametrize("mode", OUTSIDE)
def test_deliveries_to_what_hangs_take_turns(world: World, mode: TransportMode) -> None:
    configure(world, mode)
    for _ in range(HANGS_AFTER):
        attempt(world, mode, Outcome(State.RETRYING, TIMED_OUT))

    attempt(world, mode, Outcome(State.RETRYING, TIMED_OUT))

    assert [item for item in world.stack.items("deliveries") if item["pk"]["S"].startswith("pace#")]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_tried_again_soon_waits_in_its_queue_and_what_is_later_is_put_back(
    world: World, mode: TransportMode
) -> None:
    configure(world, mode)

    soon = attempt(world, mode, Outcome(State.RETRYING, "unwell", retry_after=30))
    late = attempt(world, mode, Outcome(State.RETRYING, "unwell", retry_after=7200))
    world.later(hours=3)
    put_back = world.redrive()

    assert put_back["due"] >= 1
    assert {world.delivery(message)["state"] for message in (soon, late)} <= {"queued", "retrying"}


@pytest.mark.parametrize("mode", MODES)
def test_a_failed_delivery_of_each_mode_is_sent_again_by_hand(
    world: World, mode: TransportMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(world, mode)
    secret = boto3.client("secretsmanager").create_secret(Name="unsubscribe", SecretString="s" * 48)
    monkeypatch.setenv("LINK_SECRET", secret["ARN"])
    message = attempt(world, mode, Outcome(State.FAILED, "refused"))

    answer = Client(world.stack, "api").ask("POST", f"/deliveries/{message.delivery_id}/retry")

    assert answer.status in {200, 202}, answer.text
    assert world.delivery(message)["state"] == "queued"


def test_mail_of_the_function_itself_has_a_link_to_end_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(world, TransportMode.EMAIL)
    secret = boto3.client("secretsmanager").create_secret(Name="unsubscribe", SecretString="s" * 48)
    monkeypatch.setenv("LINK_SECRET", secret["ARN"])
    monkeypatch.setenv("API_URL", "https://tocsin.example.com")
    message = world.message("way", "email")
    record = {"messageId": "1", "receiptHandle": "1", "attributes": {"ApproximateReceiveCount": "1"}}

    answer = world.stack.call("email", {"Records": [record | {"body": message.to_body()}]})

    assert answer == {"batchItemFailures": []}
    assert world.delivery(message)["state"] == "delivered"


@pytest.mark.parametrize("query", [{"user_pk": "7"}, {"client_ip": "203.0.113.7"}])
def test_events_are_found_by_an_index_over_http(
    stack: Stack, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINK_SECRET", "none")
    stored = Client(stack, "ingest").post(
        {"action": "login", "user": {"username": "grace", "pk": "7"}, "client_ip": "203.0.113.7"}
    )

    answer = Client(stack, "api").ask("GET", "/events", query=query)

    assert [each["id"] for each in answer.body["items"]] == [stored.body["id"]]
