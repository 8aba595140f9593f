"""What a webhook transport's own settings do: secrets that rotate, mappings, headers, certificates."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from local.sinks import Misbehaviour, Received, Sinks
from tests.integration.delivery_world import SECRET, World, bodies
from tocsin.notifications.mapping import MAX_HEADER, MAX_HEADERS
from tocsin.notifications.transport import TransportSecrets

NEW_SECRET = "whsec_" + base64.b64encode(b"a new secret of thirty-two bytes").decode()


def deliver(world: World, **fields: Any) -> dict[str, Any]:
    message = world.message(**fields)
    world.send(message)
    world.pump(world.worker())
    return world.delivery(message)


def verified(received: Received, secret: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The body, if an independent verifier finds the signature good; it looks at the time too."""
    moment = int(received.headers["webhook-timestamp"])
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", _frozen(moment))
    return Webhook(secret).verify(received.body, received.headers)


def _frozen(moment: int) -> Any:
    import datetime as real

    class Frozen(real.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return real.datetime.fromtimestamp(moment + 1, tz)

    return Frozen


def test_the_library_that_receivers_use_verifies_a_delivery(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hook(f"{sinks.url}/webhook/x")

    deliver(world)

    (received,) = sinks.received()
    assert verified(received, SECRET, monkeypatch)["user_username"] == "alice"
    assert int(received.headers["webhook-timestamp"]) == int(world.now.timestamp())


def test_a_body_that_was_changed_on_its_way_does_not_verify(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hook(f"{sinks.url}/webhook/x")
    deliver(world)
    (received,) = sinks.received()

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body.replace("alice", "mallory"), received.headers)


def rotated(world: World, sinks: Sinks) -> None:
    hook = world.hook(f"{sinks.url}/webhook/x")
    world.configure(
        replace(hook, secrets_ref="new", retired_ref="signing", retired_until=world.now + timedelta(hours=24)),
        new=TransportSecrets(signing=(NEW_SECRET,)),
    )


def test_while_a_secret_is_replaced_the_old_and_the_new_one_verify(
    world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotated(world, sinks)

    deliver(world)

    (received,) = sinks.received()
    assert len(received.headers["webhook-signature"].split()) == 2
    assert verified(received, SECRET, monkeypatch) == verified(received, NEW_SECRET, monkeypatch)


def test_a_day_later_the_old_secret_signs_no_more(world: World, sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> None:
    rotated(world, sinks)
    world.later(hours=24)

    deliver(world)

    (received,) = sinks.received()
    assert verified(received, NEW_SECRET, monkeypatch)
    with pytest.raises(WebhookVerificationError):
        verified(received, SECRET, monkeypatch)


def test_a_body_mapping_replaces_the_body_and_sees_the_whole_context(world: World, sinks: Sinks) -> None:
    world.hook(
        f"{sinks.url}/webhook/x",
        body_mapping="""{'text': notification.body, 'who': user.username, 'rule': rule.name, 'severity': severity,
            'transport': transport.name, 'reason': event.context.reason, 'same': notification.event.id == event.id}""",
    )

    deliver(world)

    assert bodies(sinks)[0] | {"text": ""} == {
        "text": "",
        "who": "alice",
        "rule": "failed-logins",
        "severity": "warning",
        "transport": "hook",
        "reason": "wrong password",
        "same": True,
    }


def test_a_headers_mapping_adds_headers(world: World, sinks: Sinks) -> None:
    world.hook(
        f"{sinks.url}/webhook/x",
        headers_mapping="{'X-Severity': severity, 'X-Count': 3, 'X-Nothing': null, 'Content-Type': 'text/plain'}",
    )

    deliver(world)

    headers = sinks.received()[0].headers
    assert (headers["x-severity"], headers["x-count"], headers["content-type"]) == ("warning", "3", "text/plain")
    assert "x-nothing" not in headers


@pytest.mark.parametrize(
    "mapping",
    [
        "{'webhook-signature': 'v1,forged'}",
        "{'Webhook-Id': '1'}",
        "{'webhook-timestamp': '0'}",
        "{'User-Agent': 'curl'}",
        "{'Host': 'example.com'}",
        "{'Content-Length': '0'}",
        "{'Transfer-Encoding': 'chunked'}",
        "{'X-A\\n': 'a'}",
        "'X-A: b'",
    ],
)
def test_headers_that_a_mapping_may_not_set_fail_the_delivery_for_good(
    world: World, sinks: Sinks, mapping: str
) -> None:
    world.hook(f"{sinks.url}/webhook/x", headers_mapping=mapping)

    delivery = deliver(world)

    assert delivery["state"] == "failed"
    assert delivery["attempts"][0]["reason"] in {"bad_mapping", "blocked_bad_header"}
    assert sinks.received() == []


@pytest.mark.parametrize(
    ("username", "sent"),
    [("mallory\nX-Admin: 1", "mallory X-Admin: 1"), ("mal\x07lory", "mallory"), ("m\u202eyrollam", "myrollam")],
)
def test_a_header_is_one_line_whatever_an_event_holds(world: World, sinks: Sinks, username: str, sent: str) -> None:
    """The fault: who has a line end in the user name was told of to nobody."""
    world.hook(f"{sinks.url}/webhook/x", headers_mapping="{'X-User': event.user.username, 'X-List': event.context.l}")
    message = world.message(event_id=world.event(user={"username": username}, context={"l": [1, "é"]}).id)
    world.send(message)
    world.pump(world.worker())

    (request,) = sinks.received()
    assert world.delivery(message)["state"] == "delivered"
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["x-user"] == sent
    assert "x-admin" not in headers
    assert json.loads(headers["x-list"].encode("latin-1")) == [1, "é"]


@pytest.mark.parametrize("long", ["/" + "a" * 90_000, "/ü" * 45_000])
def test_a_header_has_a_length_that_servers_take_whatever_an_event_holds(world: World, sinks: Sinks, long: str) -> None:
    """The fault: who asked for a long enough path was told of to nobody, since servers refuse long headers (431)."""
    mapping = "{'X-2': event.context.path, 'X-3': event.context.path, 'X-App': event.app, 'X-Path': event.context.path}"
    world.hook(f"{sinks.url}/webhook/x", headers_mapping=mapping)
    message = world.message(event_id=world.event(context={"path": long}).id)
    world.send(message)
    world.pump(world.worker())

    assert world.delivery(message)["state"] == "delivered"
    (request,) = sinks.received()
    headers = {name.lower(): value.encode("latin-1") for name, value in request.headers.items()}
    values = [headers[name] for name in ("x-path", "x-app", "x-2", "x-3")]
    assert headers["x-path"].startswith(long[:500].encode())
    assert headers["x-path"].endswith(b"..." if long.isascii() else "…".encode())
    assert max(map(len, values)) <= MAX_HEADER
    assert sum(map(len, values)) <= MAX_HEADERS
    assert headers["x-app"] == world.event().app.encode()


def test_headers_that_can_not_be_made_of_an_event_are_left_out_and_reported(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x", headers_mapping="{'X-User': event.user.username}")
    message = world.message(event_id=world.event(user={}).id)
    world.send(message)
    world.pump(world.worker())

    delivery = world.delivery(message)
    assert delivery["state"] == "delivered"
    assert "sent without the mapping's headers: the headers mapping failed" in delivery["attempts"][0]["detail"]
    (event,) = world.reported("property_mapping_exception")
    assert "transport hook lack something: sent without the mapping's headers: the " in event["context"]["message"]


def test_a_failure_is_reported_though_something_was_lacking_within_the_hour(world: World, sinks: Sinks) -> None:
    """The fault: one event a transport and hour, so that lacking headers kept a refused credential from being told."""
    world.hook(f"{sinks.url}/webhook/x", headers_mapping="{'X-User': event.user.username}")
    world.send(world.message(event_id=world.event(user={}).id))
    world.pump(world.worker())
    sinks.misbehave(Misbehaviour("/webhook/x", status=401))

    world.send(world.message(event_id=world.event(user={"username": "alice"}).id))
    world.pump(world.worker())

    assert len(world.reported("property_mapping_exception")) == 1
    (event,) = world.reported("configuration_error")
    assert "transport hook fail: the endpoint answered 401" in event["context"]["message"]


def test_an_endpoint_that_repeats_what_it_was_sent_shows_no_secret(world: World, sinks: Sinks) -> None:
    """The fault: who may read deliveries read the receiver's credentials in an answer that echoes the request."""
    path = "/webhook/T0123456/hooks-secret-part"
    mapping = """{'Authorization': 'Bearer SECRETVAL9D', 'X-Api-Key': 'SECRETVAL9C'}"""
    echo = (
        f'POST {path}?sig=SECRETVAL9Q {{"Authorization": "Bearer SECRETVAL9D", "x-api-key": "SECRETVAL9C"}} '
        "postgres://u:SECRETVAL9Z@10.0.0.5/db \x1b[31mred\x1b[0m " + "x" * 950 + " SECRETVAL9C"
    )
    sinks.misbehave(Misbehaviour(path, status=400, body=echo))
    world.hook(f"{sinks.url}{path}?sig=SECRETVAL9Q", headers_mapping=mapping)

    answer = deliver(world)["attempts"][0]["answer"]

    assert "SECRETVAL" not in answer
    assert "hooks-secret-part" not in answer
    assert "\x1b" not in answer
    assert "red" in answer


def test_a_mapping_that_fails_on_an_event_is_final_and_reported_as_such(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x", body_mapping="{'a': event.context.missing}")

    delivery = deliver(world)

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("failed", "bad_mapping")
    (event,) = world.reported("property_mapping_exception")
    assert event["cause"]["transport"] == "hook"


@pytest.mark.parametrize("once", [True, False])
def test_a_message_keeps_its_id_where_its_transport_sends_once_or_no_more_since(
    world: World, sinks: Sinks, once: bool
) -> None:
    """The fault: messages for many people that were tried again then had one id, and receivers dropped all but one."""
    world.hook(f"{sinks.url}/webhook/x", send_once=not once)
    message = world.message(once=once)
    world.send(message)

    world.pump(world.worker())

    assert sinks.received()[0].headers["webhook-id"] == message.delivery_id


def test_send_once_has_the_same_id_whoever_it_names(world: World, sinks: Sinks) -> None:
    world.hook(f"{sinks.url}/webhook/x", send_once=True)
    message = world.message(once=True)
    world.send(message)

    world.pump(world.worker())

    assert sinks.received()[0].headers["webhook-id"] == message.delivery_id
    assert json.loads(sinks.received()[0].body)["severity"] == "warning"
