"""Webhooks in other services' forms, as they leave: the way of every delivery, to a real HTTP server."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import SECRET, World, bodies
from tests.integration.notifications.test_webhook import deliver
from tests.unit.notifications.presets.test_requests import DOCUMENTED, preset_of
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets


def answered(sinks: Sinks, path: str, state: str, documented: dict[str, Any]) -> None:
    """Let the endpoint give the service's first answer that comes to `state`."""
    answer: dict[str, Any] = next(each for each in documented["answers"] if each["state"] == state)
    body = answer["text"] if "text" in answer else json.dumps(answer["json"])
    sinks.misbehave(Misbehaviour(path, status=answer["status"], body=body, headers=answer.get("headers", {})))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_service_is_told_as_it_wants_to_be_and_its_answers_are_understood(
    world: World, sinks: Sinks, name: str
) -> None:
    documented, preset = DOCUMENTED[name], preset_of(name)
    at = urlsplit(documented["url"] or preset.address.default or "")
    url = f"{sinks.url}{at.path}" + (f"?{at.query}" if at.query else "")
    secret = {option: value for option, value in documented["options"].items() if preset.options[option].secret}
    stored = {f"ref_{option}": TransportSecrets(option=value) for option, value in secret.items()}
    world.configure(
        transport(
            name,
            "https://masked.example.com/" if preset.address.secret else url,
            url_ref="masked" if preset.address.secret else "",
            secrets_ref="own" if preset.signed else "",
            options={option: value for option, value in documented["options"].items() if option not in secret},
            secret_options={option: f"ref_{option}" for option in secret},
        ),
        masked=TransportSecrets(url=url),
        own=TransportSecrets(signing=(SECRET,)),
        **stored,
    )
    deliver(world)  # to learn where it is posted to, whatever is made of the sink's answer
    (received,) = sinks.received()

    states = {}
    for state in STATES:
        answered(sinks, received.path, state, documented)
        world.later(minutes=1)  # some services are told slowly
        states[state] = deliver(world)

    assert {state: delivery["state"] for state, delivery in states.items()} == {state: state for state in STATES}
    assert len(sinks.received()) > len(STATES)
    assert [value for value in secret.values() if value in json.dumps(states)] == []
    assert ("webhook-signature" in received.headers) == preset.signed


STATES = ("delivered", "retrying", "failed")  # a failure may disable the transport
KEY = "0123456789abcdef0123456789abcdef"


def transport(preset: str, url: str | None, **fields: Any) -> NotificationTransport:
    return NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, preset=preset, url=url, **fields)


def test_teams_is_told_at_a_url_that_is_stored_apart(world: World, sinks: Sinks) -> None:
    world.configure(
        transport("teams", "https://hooks.example.com/********************", url_ref="flow"),
        flow=TransportSecrets(url=f"{sinks.url}/teams/x?sig=secret"),
    )
    sinks.misbehave(Misbehaviour("/teams/x", status=202, body=""))

    delivery = deliver(world)

    (received,) = sinks.received()
    card = json.loads(received.body)["attachments"][0]["content"]
    assert received.target == "/teams/x?sig=secret"
    assert (delivery["state"], card["body"][0]["items"][0]["text"]) == ("delivered", "Login failed")
    assert not [name for name in received.headers if name.startswith("webhook-")]


def test_a_secret_option_is_sent_where_the_service_wants_it(world: World, sinks: Sinks) -> None:
    world.configure(
        transport("pagerduty", f"{sinks.url}/v2/enqueue", secret_options={"routing_key": "key"}),
        key=TransportSecrets(option=KEY),
    )
    sinks.misbehave(Misbehaviour("/v2/enqueue", status=202, body='{"status": "success", "dedup_key": "d-1"}'))

    delivery = deliver(world)

    (body,) = bodies(sinks)
    assert (body["routing_key"], body["event_action"]) == (KEY, "trigger")
    assert body["payload"]["severity"] == "warning"
    assert delivery["state"] == "delivered"
    assert delivery["attempts"][-1]["remote_id"] == "d-1"


@pytest.mark.parametrize("status", [200, 400])
def test_a_200_with_an_error_in_it_is_a_failure_and_says_no_secret(world: World, sinks: Sinks, status: int) -> None:
    world.configure(
        transport("pagerduty", f"{sinks.url}/v2/enqueue", secret_options={"routing_key": "key"}),
        key=TransportSecrets(option=KEY),
    )
    answer = json.dumps({"status": "invalid event", "errors": [f"{KEY} is no routing_key"]})
    sinks.misbehave(Misbehaviour("/v2/enqueue", status=status, body=answer))

    delivery = deliver(world)

    assert delivery["state"] == "failed"
    assert "is no routing_key" in delivery["attempts"][-1]["detail"]
    assert KEY not in json.dumps(delivery)


def test_an_error_that_time_can_heal_is_tried_again_though_it_came_with_200(world: World, sinks: Sinks) -> None:
    world.configure(
        transport("teams", "https://hooks.example.com/********************", url_ref="flow"),
        flow=TransportSecrets(url=f"{sinks.url}/teams/x"),
    )
    busy = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
    sinks.misbehave(Misbehaviour("/teams/x", body=busy, times=1))
    sinks.misbehave(Misbehaviour("/teams/x", body="1", times=0))
    message = world.message()
    world.send(message)

    world.pump(world.worker())
    first = world.delivery(message)["state"]
    sinks.behave()
    sinks.misbehave(Misbehaviour("/teams/x", status=202, body=""))
    world.go_on(world.worker(), minutes=1)

    assert (first, world.delivery(message)["state"]) == ("retrying", "delivered")


def test_a_headers_mapping_goes_with_a_preset(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/", preset="ntfy", options={"topic": "alerts"}, headers_mapping="{'X-Rule': rule.name}")

    delivery = deliver(world)

    (received,) = sinks.received()
    assert received.headers["x-rule"] == "failed-logins"
    assert json.loads(received.body)["topic"] == "alerts"
    assert delivery["state"] == "delivered"


def test_a_preset_that_this_version_does_not_have_is_a_final_failure(world: World, sinks: Sinks) -> None:
    world.configure(transport("gone", f"{sinks.url}/x"))

    delivery = deliver(world)

    assert (delivery["state"], delivery["attempts"][-1]["reason"]) == ("failed", "bad_mapping")
    assert sinks.received() == []


def test_a_service_that_wants_to_be_told_slowly_is(world: World, sinks: Sinks) -> None:
    world.configure(
        transport("discord", "https://discord.com/********************", url_ref="hook"),
        hook=TransportSecrets(url=f"{sinks.url}/api/webhooks/1/token"),
    )
    world.send(*(world.message() for _ in range(3)))

    world.pump(world.worker())

    assert sorted(round(seconds) for seconds in world.slept if seconds) == [2]
    assert world.states() == {"delivered": 2, "queued": 1}
    assert len(sinks.received()) == 2
