"""Deliveries that end before anything is sent: what a transport lacks, and mappings that fail."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.notifications.test_context import rendering_context
from tocsin.notifications.http_outcome import answered
from tocsin.notifications.outcome import Deliver, State
from tocsin.notifications.slack import slack_delivery, told_by_service
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets
from tocsin.notifications.webhook import webhook_delivery
from tocsin.outbound import OutboundPolicy, Response

NOTHING_STORED = TransportSecrets()
CHAT_URL = TransportSecrets(url="https://hooks.slack.com/services/T/B/x")


def webhook(secrets: TransportSecrets) -> Deliver:
    return webhook_delivery(lambda _: secrets, OutboundPolicy())


def chat(secrets: TransportSecrets) -> Deliver:
    return slack_delivery(lambda _: secrets, OutboundPolicy(), pytest.fail)


@pytest.mark.parametrize(("mode", "deliver"), [("webhook", webhook), ("webhook_slack", chat)])
def test_a_transport_without_a_url_fails_for_good(mode: str, deliver: Callable[[TransportSecrets], Deliver]) -> None:
    context = rendering_context(transport=NotificationTransport(name="it", mode=TransportMode(mode)))

    outcome = deliver(NOTHING_STORED)(context)

    assert (outcome.state, outcome.reason) == (State.FAILED, "no_url")
    assert "it" in outcome.detail


def test_a_chat_message_whose_mapping_fails_is_not_sent() -> None:
    context = replace(
        rendering_context(transport=NotificationTransport(name="it", mode=TransportMode.WEBHOOK_SLACK)),
        body_mapping="{'text': event.context.nothing}",
    )

    outcome = chat(CHAT_URL)(context)

    assert (outcome.state, outcome.reason) == (State.FAILED, "bad_mapping")


def test_a_chat_services_answer_that_is_neither_a_word_nor_json_tells_nothing_more() -> None:
    response = Response(
        status=400, headers={}, body=b"<html>Bad Request</html>", truncated=False, elapsed_ms=1.0, address="::1"
    )

    outcome = told_by_service(answered(response))

    assert (outcome.state, outcome.reason) == (State.FAILED, "http_400")
