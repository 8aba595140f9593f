"""Chat webhooks: the service's own words, and no more than about one message a second."""

from datetime import datetime
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World, bodies
from tocsin.notifications.http_outcome import answered
from tocsin.notifications.outcome import MAX_RETRY_AFTER
from tocsin.notifications.slack import MAX_WORDS, told_by_service
from tocsin.notifications.transport import NotificationTransport, SlackFormat, TransportMode, TransportSecrets
from tocsin.outbound import Response


def chat(world: World, sinks: Sinks, **fields: Any) -> None:
    mappings, named = world.mapped(fields)
    transport = NotificationTransport(name="chat", mode=TransportMode.WEBHOOK_SLACK, secrets_ref="url", **named)
    world.configure(transport, mappings=mappings, url=TransportSecrets(url=f"{sinks.url}/slack/x"))


def deliver(world: World, count: int = 1) -> list[dict[str, Any]]:
    messages = [world.message("chat", "webhook_slack") for _ in range(count)]
    world.send(*messages)
    world.pump(world.worker("webhook_slack"), "webhook_slack")
    return [world.delivery(message) for message in messages]


def test_a_message_is_delivered(world: World, sinks: Sinks) -> None:
    chat(world, sinks)

    (delivery,) = deliver(world)

    assert delivery["state"] == "delivered"
    assert bodies(sinks)[0]["blocks"][0]["text"]["text"] == "Login failed"


def test_an_attachment_is_posted_where_it_is_asked_for(world: World, sinks: Sinks) -> None:
    chat(world, sinks, slack_format=SlackFormat.ATTACHMENT)

    deliver(world)

    assert bodies(sinks)[0]["attachments"][0]["title"] == "login_failed"


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "invalid_payload"),
        (403, "action_prohibited"),
        (404, "no_service"),
        (404, "channel_not_found"),
        (410, "channel_is_archived"),
        (403, "team_disabled"),
        (400, "too_many_attachments"),
        (403, "posting_to_general_channel_denied"),
    ],
)
def test_slacks_word_is_the_reason_of_a_final_failure(world: World, sinks: Sinks, status: int, word: str) -> None:
    sinks.misbehave(Misbehaviour("/slack/x", status=status, body=word))
    chat(world, sinks)

    (delivery,) = deliver(world)

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("failed", f"slack_{word}")
    assert word in delivery["attempts"][0]["detail"]
    assert world.breakers.get("chat") is None


@pytest.mark.parametrize(
    ("status", "headers", "body", "asked"),
    [
        (429, {"Retry-After": "30"}, "rate_limited", 30),
        (429, {"Retry-After": "0.75"}, "", 0.75),
        (429, {}, '{"message": "You are being rate limited.", "retry_after": 64.57, "global": false}', 64.57),
        (500, {}, "rollup_error", None),
    ],
)
def test_what_heals_is_tried_again_after_the_time_asked_for(
    status: int, headers: dict[str, str], body: str, asked: float | None
) -> None:
    response = Response(status, headers, body.encode(), False, 1.0, "127.0.0.1")

    outcome = told_by_service(answered(response))

    assert (outcome.state, outcome.retry_after) == ("retrying", asked)


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason", "asked"),
    [
        (429, {"Retry-After": "30"}, "rate_limited", "slack_rate_limited", 30),
        (429, {"Retry-After": "30.25"}, "rate_limited", "slack_rate_limited", 30.25),
        (429, {}, '{"message": "You are being rate limited.", "retry_after": 64.57}', "http_429", 64.57),
        (503, {"Retry-After": "45"}, "", "http_503", 45),
        (500, {}, "rollup_error", "slack_rollup_error", 4),
    ],
)
def test_a_delivery_that_heals_says_why_it_waits_and_waits_as_long_as_it_was_asked_to(
    world: World, sinks: Sinks, status: int, headers: dict[str, str], body: str, reason: str, asked: float
) -> None:
    sinks.misbehave(Misbehaviour("/slack/x", status=status, headers=headers, body=body, times=1))
    chat(world, sinks)

    (delivery,) = deliver(world)

    pause = (datetime.fromisoformat(delivery["next_attempt"]) - world.now).total_seconds()
    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("retrying", reason)
    assert asked <= pause <= asked + 3
    world.go_on(world.worker("webhook_slack"), "webhook_slack", minutes=2)
    assert world.states() == {"delivered": 1}


def test_what_an_event_says_is_posted_escaped(world: World, sinks: Sinks) -> None:
    chat(world, sinks)
    event = world.event(context={"message": "<!channel> salt & pepper > all"})
    message = world.message("chat", "webhook_slack", event_id=event.id)
    world.send(message)

    world.pump(world.worker("webhook_slack"), "webhook_slack")

    message = bodies(sinks)[0]
    assert message["text"].endswith("&lt;!channel&gt; salt &amp; pepper &gt; all")
    assert message["blocks"][1]["text"] == {
        "type": "plain_text",
        "text": "<!channel> salt & pepper > all",
        "emoji": False,
    }


@pytest.mark.parametrize("word", ["transport_disabled", "delivered", "no_transport", "interrupted"])
def test_an_endpoint_can_not_name_a_reason_of_ours_and_is_reported(world: World, sinks: Sinks, word: str) -> None:
    """The fault: an endpoint that answered 403 `transport_disabled` failed, and no event said so."""
    sinks.misbehave(Misbehaviour("/slack/x", status=403, body=word))
    chat(world, sinks)

    (delivery,) = deliver(world)

    assert (delivery["state"], delivery["attempts"][0]["reason"]) == ("failed", f"slack_{word}")
    assert [event["context"]["reason"] for event in world.reported()] == [f"slack_{word}"]


def test_discords_code_is_the_reason_of_a_final_failure() -> None:
    body = b'{"message": "Unknown Webhook", "code": 10015}'

    outcome = told_by_service(answered(Response(404, {}, body, False, 1.0, "127.0.0.1")))

    assert (outcome.state, outcome.reason) == ("failed", "discord_10015")


def test_what_discord_says_is_one_line_without_secrets_however_it_is_escaped() -> None:
    """The fault: an answer was masked as it came, and its words were shown as its JSON says them."""
    words = "bad \\u0078oxb-secret-value at https:\\/\\/u:pa\\u0073s@db\\n\\u0000\\u202e" + "x" * 400
    body = f'{{"message": "{words}", "code": 50035}}'.encode()

    outcome = told_by_service(answered(Response(400, {}, body, False, 1.0, "127.0.0.1")), ["xoxb-secret-value"])

    said = outcome.detail.partition("which is final: ")[2]
    assert said.startswith("bad ******************** at https://u:********************@db xxx")
    assert said.isprintable()
    assert len(said) == MAX_WORDS


@pytest.mark.parametrize(
    ("body", "reason", "asked"),
    [
        (b'{"message": "no", "code": true}', "http_429", None),
        (b'{"retry_after": true}', "http_429", None),
        (b'{"retry_after": 1e300}', "http_429", MAX_RETRY_AFTER),
    ],
)
def test_what_is_no_number_of_discords_says_nothing(body: bytes, reason: str, asked: float | None) -> None:
    outcome = told_by_service(answered(Response(429, {}, body, False, 1.0, "127.0.0.1")))

    assert (outcome.reason, outcome.retry_after) == (reason, asked)


def test_a_body_mapping_replaces_the_blocks(world: World, sinks: Sinks) -> None:
    chat(world, sinks, body_mapping="{'blocks': [{'type': 'section', 'text': notification.body}]}")

    deliver(world)

    assert bodies(sinks)[0]["blocks"][0]["type"] == "section"


def test_one_webhook_is_told_about_once_a_second(world: World, sinks: Sinks) -> None:
    chat(world, sinks)
    begun = world.now
    worker = world.worker("webhook_slack", parallel=1)  # moto checks a condition and writes in two steps

    world.send(*(world.message("chat", "webhook_slack") for _ in range(20)))
    world.pump(worker, "webhook_slack")
    assert len(sinks.received()) == 4  # at once, and after waits of one, two and three seconds
    while "queued" in world.states():
        world.later(seconds=1)
        world.pump(worker, "webhook_slack")

    assert world.states() == {"delivered": 20}
    assert 16 <= (world.now - begun).total_seconds() <= 25


def test_another_webhook_has_its_own_pace(world: World, sinks: Sinks) -> None:
    chat(world, sinks)
    deliver(world, 5)
    other = NotificationTransport(name="other", mode=TransportMode.WEBHOOK_SLACK, secrets_ref="url")
    world.configure(other)
    message = world.message("other", "webhook_slack")
    world.send(message)

    world.pump(world.worker("webhook_slack"), "webhook_slack")

    assert world.delivery(message)["state"] == "delivered"
