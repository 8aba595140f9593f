"""The deliveries' functions, each driven by the payloads of events/."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets

type Load = Callable[[str], dict[str, Any]]


@pytest.fixture
def world(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(stack, monkeypatch)
    world.configure(
        NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, url="http://127.0.0.1:9/", secrets_ref="a"),
        NotificationTransport(name="slack", mode=TransportMode.WEBHOOK_SLACK, secrets_ref="b"),
        NotificationTransport(name="mail", mode=TransportMode.EMAIL),
        NotificationTransport(name="inbox", mode=TransportMode.LOCAL),
        a=TransportSecrets(signing=("whsec_" + "c2VjcmV0" * 4,)),
        b=TransportSecrets(url="http://127.0.0.1:9/slack"),
    )
    return world


@pytest.mark.parametrize(
    ("function", "payload", "states"),
    [
        ("webhook", "webhook-delivery", {"retrying"}),
        ("webhook", "webhook-large-event", {"discarded"}),
        ("slack", "slack-delivery", {"retrying", "discarded"}),
        ("email", "email-delivery", {"delivered"}),
        ("email", "email-no-address", {"discarded"}),
        ("inbox", "inbox-delivery", {"delivered"}),
    ],
)
def test_each_payload_has_its_outcome_and_no_message_comes_back(
    world: World, load: Load, function: str, payload: str, states: set[str]
) -> None:
    answer = world.stack.call(function, load(payload))

    assert answer == {"batchItemFailures": []}
    assert set(world.states()) <= states and world.states()
