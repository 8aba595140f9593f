"""The local endpoint for webhooks: shown, verified as a receiver would, forwarded, and made again from the API."""

import json
import socket
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from tests.unit.cli.serving import Reply, in_turn, serving
from tocsin.notifications import signing
from tocsin_cli.api import Api
from tocsin_cli.errors import CliError, UsageError
from tocsin_cli.listening.message import Desk, Message, checked_target, shown, to_json
from tocsin_cli.listening.replay import Replay
from tocsin_cli.listening.server import MAX_BODY, _Server, endpoint
from tocsin_cli.listening.signature import TOLERANCE, key_of, new_secret, sign, verify
from tocsin_cli.output import Colour, Output

SECRET = "whsec_c2FtcGxlLWtleS1vZi10aGUtbG9jYWwtc3RhY2stMDE="
NOW = 1_772_366_400
BODY = b'{"body":"alice failed to log in"}'


def headers(body=BODY, secret=SECRET, at=NOW):
    return signing.headers([secret], "event-0123456789abcdef", at, body)


@given(st.text(st.characters(codec="utf-8")), st.integers(0, 2**31))
def test_messages_are_signed_as_the_specifications_library_does(body, at):
    theirs = Webhook(SECRET).sign("id", datetime.fromtimestamp(at, UTC), body)

    assert sign(SECRET, "id", at, body.encode()) == theirs


def test_what_tocsin_signed_is_verified():
    verdict = verify([SECRET], headers(), BODY, now=NOW + 10)

    assert verdict.good is True


def test_either_of_two_secrets_verifies_while_one_is_replaced():
    other = new_secret()
    both = signing.headers([other, SECRET], "id", NOW, BODY)

    assert verify([SECRET], both, BODY, now=NOW).good
    assert verify([new_secret(), other], both, BODY, now=NOW).good


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"webhook-id": "another"}, "another secret, or the body was changed"),
        ({"webhook-timestamp": str(NOW + 1)}, "another secret, or the body was changed"),
        ({"webhook-signature": "v1,AAAA"}, "another secret, or the body was changed"),
        ({"webhook-signature": ""}, "not signed"),
        ({"webhook-signature": "v2,AAAA"}, "not signed"),
        ({"webhook-timestamp": "soon"}, "no webhook-id"),
        ({"webhook-id": ""}, "no webhook-id"),
        ({"webhook-timestamp": "9" * 5_000}, "no webhook-id"),
        ({"webhook-timestamp": "9" * 400}, "no webhook-id"),
        ({"webhook-timestamp": "٣"}, "no webhook-id"),
        ({"webhook-signature": "v1,é"}, "another secret, or the body was changed"),
    ],
)
def test_what_does_not_hold_says_why(changed, why):
    verdict = verify([SECRET], headers() | changed, BODY, now=NOW)

    assert verdict.good is False
    assert why in verdict.why


def test_another_body_does_not_hold():
    assert verify([SECRET], headers(), BODY + b" ", now=NOW).good is False


@pytest.mark.parametrize("away", [TOLERANCE + 1, -TOLERANCE - 1])
def test_a_message_from_another_time_does_not_hold(away):
    assert verify([SECRET], headers(), BODY, now=NOW + away).good is False


def test_without_a_secret_nothing_is_claimed():
    assert verify([], headers(), BODY, now=NOW).good is None


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "c2FtcGxlLWtleS1vZi10aGUtbG9jYWwtc3RhY2stMDE=", "whsec_ä"]
)
def test_a_secret_that_is_none_is_refused_and_not_shown(secret):
    with pytest.raises(UsageError) as refused:
        key_of(secret)

    assert secret.removeprefix("whsec_") not in str(refused.value) or not secret.removeprefix("whsec_")


def test_a_new_secret_is_one_that_tocsin_takes():
    assert signing.check_secret(new_secret())


@pytest.fixture
def desk():
    """Makes a desk that keeps what it shows in `desk.shown`."""

    def make(**settings):
        kept = []
        made = Desk(lambda *told: kept.append(told), clock=lambda: NOW, **settings)
        made.shown = kept
        return made

    return make


def test_the_endpoint_takes_a_webhook_and_says_ok(desk):
    taking = desk(secrets=[SECRET])

    with endpoint(taking, 0) as url:
        answer = requests.post(f"{url}/hook", BODY, headers=headers(), timeout=120)

    assert answer.status_code == 200
    ((message, verdict, forwarded),) = taking.shown
    assert (message.path, message.body, verdict.good, forwarded) == ("/hook", BODY, True, None)


def test_a_receiver_behind_it_gets_the_message_as_it_came_and_its_answer_goes_back(desk):
    reply = Reply(503, {"error": "busy"}, {"Retry-After": "7"})

    with serving(in_turn(reply)) as receiver:
        taking = desk(secrets=[SECRET], forward=f"{receiver.url}/webhooks")
        with endpoint(taking, 0) as url:
            answer = requests.post(f"{url}/hook", BODY, headers=headers(), timeout=120)

    (asked,) = receiver.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/webhooks", BODY)
    assert verify([SECRET], asked.headers, asked.body, now=NOW).good
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "7"
    assert answer.json() == {"error": "busy"}


def test_a_receiver_that_is_not_there_is_a_bad_gateway(desk):
    with serving(in_turn(Reply())) as receiver:
        gone = receiver.url
    taking = desk(forward=gone)

    with endpoint(taking, 0) as url:
        assert requests.post(url, BODY, timeout=120).status_code == 502

    assert taking.shown[0][2].status == 0


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 5_000, "-1", "x"])
def test_a_body_that_is_too_large_is_refused(desk, length):
    with endpoint(desk(), 0) as url:
        answer = requests.post(url, headers={"Content-Length": length}, timeout=120, data=b"")

    assert answer.status_code == 413


def test_only_posts_are_webhooks(desk):
    with endpoint(desk(), 0) as url:
        assert requests.get(url, timeout=120).status_code == 405


def test_a_port_that_is_taken_is_said_in_words(desk):
    with (
        endpoint(desk(), 0) as url,
        pytest.raises(CliError, match="can't be listened at"),
        endpoint(desk(), int(url.rpartition(":")[2])),
    ):
        pass


@pytest.mark.parametrize("url", ["ftp://x", "https://", "//"])
def test_a_target_that_is_no_url_is_refused(url):
    with pytest.raises(UsageError):
        checked_target(url)


def test_a_message_is_shown_with_its_verdict(capsys):
    message = Message("POST", "/\x1b[2J", headers(), b'{"body": "\xc3\xa4"}', about="rule x")

    Output(colour=Colour.NEVER).console.print(shown(message, verify([SECRET], headers(), BODY, now=NOW), None))

    out = capsys.readouterr().out
    assert "signature verified" in out
    assert '"body": "ä"' in out
    assert "\x1b" not in out


def test_a_message_for_programs_has_its_body_as_json():
    message = Message("POST", "/", headers(), BODY)

    told = to_json(message, verify([], headers(), BODY, now=NOW), None)

    assert told["body"] == {"body": "alice failed to log in"}
    assert told["verified"] is None
    assert json.dumps(told)


class Stack:
    """What the API tells of one delivery of a webhook."""

    EVENT = "01a1968d-3ce8-7500-9d32-35473d519d6e"

    def __init__(self, transport=None, event=True):
        self.transport = transport or {"name": "hook", "mode": "webhook"}
        self.event = event
        self.deliveries = []

    def deliver(self, number=0):
        self.deliveries.insert(
            0,
            {
                "id": f"{self.EVENT}-{number:016x}",
                "event_id": self.EVENT,
                "rule": "logins",
                "transport": "hook",
                "mode": "webhook",
                "user": "ana",
                "state": "delivered",
                "created": datetime.now(UTC).isoformat(),
            },
        )

    def answer(self, asked):
        path = asked.path.partition("?")[0]
        answers = {
            "/health": {"status": "ok"},
            "/transports/hook": self.transport,
            "/deliveries": {"items": self.deliveries, "cursor": None},
            "/users/ana": {"username": "ana", "email": "ana@example.com"},
            f"/events/{self.EVENT}/deliveries": {"rules": [{"rule": "logins", "severity": "alert"}], "cursor": None},
        }
        if self.event:
            answers[f"/events/{self.EVENT}"] = {
                "id": self.EVENT,
                "summary": "alice failed to log in",
                "user": {"username": "alice", "email": "alice@example.com"},
            }
        return Reply(200, answers[path]) if path in answers else Reply(404, {"title": "none"})


def replayed(stack, count):
    with serving(stack.answer) as site:
        replay = Replay(Api(site.url, "key"), "hook", SECRET, sleep=lambda _: stack.deliver(len(stack.deliveries)))
        messages = replay.messages()
        return [next(messages) for _ in range(count)]


def test_a_delivery_is_made_again_as_its_receiver_gets_it():
    (message,) = replayed(Stack(), 1)

    assert json.loads(message.body) == {
        "body": "alice failed to log in",
        "severity": "alert",
        "user_email": "ana@example.com",
        "user_username": "ana",
        "event_user_email": "alice@example.com",
        "event_user_username": "alice",
    }
    assert message.headers["webhook-id"] == f"{Stack.EVENT}-{0:016x}"
    Webhook(SECRET).verify(message.body, dict(message.headers))


def test_each_delivery_is_made_once():
    messages = replayed(Stack(), 4)

    assert [message.headers["webhook-id"][-1] for message in messages] == ["0", "1", "2", "3"]


def test_messages_that_could_not_be_made_for_now_are_made_later():
    """The fault: all deliveries of a look counted as shown when the first of them met an API that did not answer."""
    stack = Stack()
    for number in range(3):
        stack.deliver(number)
    failing = [True]

    def answer(asked):
        if asked.path == f"/events/{Stack.EVENT}" and failing:
            failing.clear()
            return Reply(500, {"title": "no"})
        return stack.answer(asked)

    with serving(answer) as site:
        long_ago = datetime(2026, 3, 1, tzinfo=UTC)
        replay = Replay(Api(site.url, "key"), "hook", SECRET, since=long_ago, sleep=lambda _: None)
        messages = replay.messages()
        ids = [next(messages).headers["webhook-id"][-1] for _ in range(3)]

    assert ids == ["0", "1", "2"]


def test_a_test_of_a_transport_whose_event_is_stored_nowhere_is_made_too():
    (message,) = replayed(Stack(event=False), 1)

    assert json.loads(message.body)["body"] == "This is a test of the transport hook."


def test_what_a_mapping_makes_is_said_not_to_be_known_here():
    stack = Stack({"name": "hook", "mode": "webhook", "body_mapping": "brief", "headers_mapping": None})

    with serving(stack.answer) as site:
        (told,) = Replay(Api(site.url, "key"), "hook", SECRET).check()

    assert "brief" in told


def test_a_transport_that_sends_no_webhooks_is_refused():
    with serving(Stack({"name": "hook", "mode": "email"}).answer) as site, pytest.raises(UsageError, match="email"):
        Replay(Api(site.url, "key"), "hook", SECRET).check()


@pytest.mark.parametrize(("error", "told"), [(BrokenPipeError, False), (ConnectionResetError, False), (KeyError, True)])
def test_a_sender_that_has_gone_prints_no_traceback_among_the_messages(capsys, error, told):
    def fails(*_):
        raise error

    with _Server(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.finish_request = fails
        server.process_request_thread(socket.socket(), ("127.0.0.1", 1))

    assert ("Traceback" in capsys.readouterr().err) is told
