"""Slack by a bot: what a rule tells of one thing is one thread of the channel, and nothing is lost on the way."""

import json
from datetime import timedelta
from typing import Any

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import World, bodies
from tests.quick_calls import answers_lost
from tocsin.deliveries.model import DeliveryMessage
from tocsin.errors import Unavailable
from tocsin.notifications.model import Severity
from tocsin.notifications.thread_store import BEGINS_WITHIN, LASTS, Beginning, ThreadKey, ThreadStore
from tocsin.notifications.transport import NotificationTransport, SlackFormat, TransportMode, TransportSecrets

TOKEN = "xoxb-1234567890-abcdefghijkl"
MODE = "webhook_slack"
METHOD = "/api/chat.postMessage"
EVENT_OF_THREAD = "019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a"


@pytest.fixture
def bot(world: World, sinks: Sinks) -> NotificationTransport:
    return configured(world, sinks)


def configured(world: World, sinks: Sinks, **fields: Any) -> NotificationTransport:
    mappings, named = world.mapped(fields)
    known = {"url": f"{sinks.url}/api", "channel": "#ops", "secrets_ref": "token"}
    transport = NotificationTransport(name="ops", mode=TransportMode.WEBHOOK_SLACK, **(known | named))
    world.configure(transport, mappings=mappings, token=TransportSecrets(bot_token=TOKEN))
    return transport


def tell(world: World, about: str | None = "web-1", **fields: Any) -> DeliveryMessage:
    """Deliver a message about a new event; one more of each time."""
    world.later(seconds=1)
    message = world.message("ops", MODE, about=about, **fields)
    world.send(message)
    world.pump(world.worker(MODE), MODE)
    return message


def threads(sinks: Sinks) -> list[str | None]:
    """What each message answers to, in the order in which they came."""
    return [body.get("thread_ts") for body in bodies(sinks, METHOD)]


def state(world: World, message: DeliveryMessage) -> tuple[str, str]:
    delivery = world.delivery(message)
    return delivery["state"], delivery["attempts"][-1]["reason"]


def store_of(world: World, bot: NotificationTransport) -> tuple[ThreadStore, ThreadKey]:
    return ThreadStore(world.stack.dynamodb, "deliveries"), ThreadKey("web-1", bot.fingerprint)


def test_a_message_goes_to_the_channel_by_the_token(world: World, sinks: Sinks, bot: NotificationTransport) -> None:
    message = tell(world, about=None)

    (received,) = sinks.received(METHOD)
    body = json.loads(received.body)
    assert received.headers["authorization"] == f"Bearer {TOKEN}"
    assert (body["channel"], body["blocks"][0]["text"]["text"]) == ("#ops", "Login failed")
    assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)
    assert not {"thread_ts", "reply_broadcast", "username"} & body.keys()
    (attempt,) = world.delivery(message)["attempts"]
    assert attempt["remote_id"]
    assert "answer" not in attempt


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"slack_format": SlackFormat.ATTACHMENT, "username": "Watch"}, {"username": "Watch"}),
        (
            {"body_mapping": "{'text': 'hi', 'channel': '#other', 'thread_ts': '1.0'}"},
            {"text": "hi", "channel": "#ops"},
        ),
    ],
)
def test_the_transports_name_format_and_mapping_are_used_but_the_channel_is_its_own(
    world: World, sinks: Sinks, fields: dict[str, Any], expected: dict[str, str]
) -> None:
    configured(world, sinks, **fields)

    tell(world)

    (body,) = bodies(sinks, METHOD)
    assert expected.items() <= body.items()
    assert "thread_ts" not in body


@pytest.mark.parametrize(
    ("answer", "outcome"), [(None, "delivered"), ('{"ok": false, "error": "not_in_channel"}', "failed")]
)
def test_the_test_of_a_transport_posts_to_the_channel_and_shows_the_answer(
    world: World, sinks: Sinks, bot: NotificationTransport, answer: str | None, outcome: str
) -> None:
    sinks.misbehave(Misbehaviour(METHOD, body=answer))
    worker = world.worker(MODE)

    shown = world.service(sleep=lambda _: world.pump(worker, MODE)).test("ops", None)

    assert (shown["state"], threads(sinks)) == (outcome, [None])


def test_a_mapping_that_makes_no_object_is_at_fault(world: World, sinks: Sinks) -> None:
    configured(world, sinks, body_mapping="'text'")

    assert state(world, tell(world)) == ("failed", "bad_mapping")
    assert sinks.received() == []


def test_a_bot_without_a_stored_token_fails_for_good(world: World, sinks: Sinks) -> None:
    configured(world, sinks, secrets_ref="")

    assert state(world, tell(world)) == ("failed", "no_token")


def test_what_goes_on_answers_to_the_first_message_and_another_thing_does_not(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    first = tell(world)
    root = world.delivery(first)["attempts"][0]["remote_id"]

    tell(world)
    tell(world, about="web-2")
    tell(world)

    assert threads(sinks) == [None, root, None, root]


def test_a_thread_is_begun_at_once_though_the_answer_of_who_may_begin_it_got_lost(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    """The fault: the right to begin was taken for another delivery's, and waited for."""
    lost: list[str] = []

    def of_thread(operation: str, request: dict[str, Any]) -> bool:
        if operation == "UpdateItem" and b"thread#" in request["body"]:
            lost.append(operation)
        return operation == "UpdateItem" and lost == [operation] and b"thread#" in request["body"]

    with answers_lost(of_thread):
        message = tell(world)

    assert len(lost) > 1
    assert len(world.delivery(message)["attempts"]) == 1
    assert threads(sinks) == [None]


def test_the_channel_shows_alerts_steps_and_the_end_but_not_what_goes_on(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    tell(world)
    tell(world)
    tell(world, severity=Severity.ALERT)
    tell(world, step=1)
    tell(world, over=True)

    assert [body.get("reply_broadcast") for body in bodies(sinks, METHOD)] == [None, None, True, True, True]
    assert len(set(threads(sinks)[1:])) == 1


def test_an_end_ends_the_thread_for_what_happens_later_and_not_for_what_was_before(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    late = world.event()
    first = tell(world)
    tell(world, over=True)
    tell(world, over=True)
    tell(world, event_id=late.id)

    again = tell(world)
    tell(world)

    root, another = (world.delivery(message)["attempts"][0]["remote_id"] for message in (first, again))
    assert threads(sinks) == [None, root, root, root, None, another]


def test_an_end_whose_thread_is_not_known_stands_in_the_channel(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    end = tell(world, over=True)
    tell(world, over=True)
    tell(world)

    assert threads(sinks) == [None, world.delivery(end)["attempts"][0]["remote_id"], None]


def test_an_end_that_slack_refuses_ends_the_thread_all_the_same(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    tell(world)
    sinks.misbehave(Misbehaviour(METHOD, body='{"ok": false, "error": "msg_too_long"}', times=1))
    end = tell(world, over=True)

    tell(world)

    assert state(world, end) == ("failed", "slack_msg_too_long")
    assert threads(sinks)[-1] is None


def test_nobody_answers_to_the_old_thread_while_another_begins(world: World, bot: NotificationTransport) -> None:
    store, key = store_of(world, bot)
    beginning = store.join(key, EVENT_OF_THREAD, over=False, now=world.now)
    assert isinstance(beginning, Beginning)
    store.begin(key, beginning, "1.5")
    store.end(key, "1.5", EVENT_OF_THREAD)

    again = [store.join(key, world.event().id, over=False, now=world.now) for _ in range(2)]

    assert isinstance(again[0], Beginning)
    assert again[1] is None


def test_two_at_once_begin_one_thread_and_both_arrive(world: World, sinks: Sinks, bot: NotificationTransport) -> None:
    messages = [world.message("ops", MODE, about="web-1") for _ in range(6)]
    world.send(*messages)
    world.pump(world.worker(MODE), MODE)

    world.go_on(world.worker(MODE), MODE, minutes=2)

    assert world.states() == {"delivered": 6}
    first, *others = threads(sinks)
    assert first is None
    assert len(others) == 5
    assert len(set(others)) == 1
    assert others[0] is not None


def test_who_comes_while_another_begins_waits_a_little_then_comes_again(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    store, key = store_of(world, bot)
    beginning = store.join(key, EVENT_OF_THREAD, over=False, now=world.now + timedelta(seconds=1))
    assert isinstance(beginning, Beginning)

    message = tell(world)
    waits = (state(world, message), sum(world.slept), world.breakers.get("ops"))
    store.begin(key, beginning, "1.5")
    world.go_on(world.worker(MODE), MODE, minutes=1)

    assert waits == (("retrying", "thread_begins"), 3.0, None)
    assert state(world, message) == ("delivered", "http_200")
    assert threads(sinks) == ["1.5"]


def test_who_died_while_it_began_is_not_waited_for(world: World, sinks: Sinks, bot: NotificationTransport) -> None:
    store, key = store_of(world, bot)
    store.join(key, EVENT_OF_THREAD, over=False, now=world.now)
    world.now += BEGINS_WITHIN

    message = tell(world)

    assert state(world, message) == ("delivered", "http_200")
    assert threads(sinks) == [None]


def test_a_first_message_that_fails_leaves_the_beginning_to_the_next(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    sinks.misbehave(Misbehaviour(METHOD, status=503, times=1))
    failed = tell(world)

    told = tell(world)
    world.go_on(world.worker(MODE), MODE, minutes=1)

    assert world.states() == {"delivered": 2}
    assert threads(sinks) == [None, None, world.delivery(told)["attempts"][0]["remote_id"]]
    assert len(world.delivery(failed)["attempts"]) == 2


@pytest.mark.parametrize("ts", [{}, {"ts": ""}, {"ts": " "}, {"ts": "\0"}, {"ts": None}, {"ts": ["1.5"]}, {"ts": True}])
def test_an_answer_without_a_ts_is_a_delivery_and_leaves_the_beginning_to_the_next(
    world: World, sinks: Sinks, bot: NotificationTransport, ts: dict[str, Any]
) -> None:
    """A blank one was kept as the thread, which all later messages of the same thing waited for in vain."""
    sinks.misbehave(Misbehaviour(METHOD, body=json.dumps({"ok": True} | ts), times=1))

    assert state(world, tell(world)) == ("delivered", "http_200")
    tell(world)
    assert threads(sinks) == [None, None]


@pytest.mark.parametrize("word", ["thread_not_found", "message_not_found", "cannot_reply_to_message"])
def test_a_thread_that_is_gone_is_begun_anew(world: World, sinks: Sinks, bot: NotificationTransport, word: str) -> None:
    root = world.delivery(tell(world))["attempts"][0]["remote_id"]
    sinks.misbehave(Misbehaviour(METHOD, body=json.dumps({"ok": False, "error": word}), times=1))

    message = tell(world)
    refused = (*state(world, message), world.breakers.get("ops"))
    world.go_on(world.worker(MODE), MODE, minutes=1)
    tell(world)

    another = world.delivery(message)["attempts"][-1]["remote_id"]
    assert refused == ("retrying", f"slack_{word}", None)
    assert threads(sinks) == [None, root, None, another]


def test_an_answer_that_slack_took_out_of_its_thread_is_the_new_beginning(
    world: World, sinks: Sinks, bot: NotificationTransport
) -> None:
    """The first message was deleted: Slack posts what answers to it to the channel, without a word."""
    root = world.delivery(tell(world))["attempts"][0]["remote_id"]
    alone = {"ok": True, "channel": "C1", "ts": "7.000001", "message": {"text": "…", "ts": "7.000001"}}
    sinks.misbehave(Misbehaviour(METHOD, body=json.dumps(alone), times=1))

    assert state(world, tell(world)) == ("delivered", "http_200")
    tell(world)

    assert threads(sinks) == [None, root, "7.000001"]


def test_a_thread_lasts_some_days(world: World, sinks: Sinks, bot: NotificationTransport) -> None:
    tell(world)
    world.now += LASTS

    tell(world)

    assert threads(sinks) == [None, None]


def test_a_thread_that_can_not_be_kept_fails_no_delivery(
    world: World, sinks: Sinks, bot: NotificationTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("keeping a thread failed: throttled")

    monkeypatch.setattr(ThreadStore, "begin", fail)
    monkeypatch.setattr("time.sleep", lambda _: None)

    assert state(world, tell(world)) == ("delivered", "http_200")


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        ({"error": "invalid_auth"}, "slack_invalid_auth", "give the transport another bot token"),
        ({"error": "not_in_channel"}, "slack_not_in_channel", "invite the app to the channel"),
        ({"error": f"odd {TOKEN}"}, "error_in_answer", "odd ********************"),
    ],
)
def test_a_refusal_says_why_and_holds_no_token(
    world: World, sinks: Sinks, bot: NotificationTransport, answer: dict[str, str], reason: str, says: str
) -> None:
    sinks.misbehave(Misbehaviour(METHOD, body=json.dumps({"ok": False, **answer})))

    message = tell(world)

    assert state(world, message) == ("failed", reason)
    assert says in world.delivery(message)["attempts"][0]["detail"]
    assert TOKEN not in json.dumps([world.delivery(message), world.reported()])
    assert world.breakers.get("ops") is None
