"""The link to acknowledge by, as the functions send it: made by one, followed in another, for a person or a channel."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto.ses.models import ses_backends

from local.sinks import Misbehaviour, Sinks
from tests.integration.api_calls import Api
from tests.integration.conftest import REGION, Stack
from tests.integration.delivery_world import POLICY, World
from tests.integration.handler_calls import Client
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.matters import Matter
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.rule_words import RuleWords, in_rules_words
from tocsin.notifications.slack import slack_delivery
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets
from tocsin.notifications.webhook import webhook_delivery
from tocsin.times import utc_now

type Load = Callable[[str], dict[str, Any]]

ABOUT = "a" * 32
BASE = f"https://api1.execute-api.{REGION}.amazonaws.com/acknowledge?token="


@pytest.fixture
def sinks(stack: Stack) -> Iterator[Sinks]:
    secret = boto3.client("secretsmanager").create_secret(Name="links", SecretString="s" * 48)
    stack.monkeypatch.setenv("LINK_SECRET", secret["ARN"])
    with Sinks.started() as sinks:
        document = {
            "users": [{"username": "alice", "email": "alice@example.com"}],
            "groups": [{"name": "oncall", "members": ["alice"]}],
            "transports": [
                {"name": "hook", "mode": "webhook", "url": f"{sinks.url}/webhook/hook"},
                {"name": "chat", "mode": "webhook_slack", "url": f"{sinks.url}/slack/chat", "send_once": True},
                {"name": "mail", "mode": "email"},
                {"name": "inbox", "mode": "local"},
            ],
            "policies": [{"name": "failed", "kind": "event_matcher", "action": "login_failed"}],
            "rules": [
                {
                    "name": "failed-logins",
                    "transports": ["hook", "chat", "mail", "inbox"],
                    "destination_group": "oncall",
                    "bindings": [{"policy": "failed"}],
                    "escalate": [{"after": "minutes=15", "destination_group": "oncall"}],
                }
            ],
        }
        assert Client(stack, "api").ask("PUT", "/blueprint", document).status == 200
        yield sinks


def delivered(stack: Stack, load: Load, function: str) -> dict[str, Any]:
    """Deliver a function's sample as one that escalates; the message."""
    event = load(f"{function}-delivery")
    record = event["Records"][0]
    message: dict[str, Any] = json.loads(record["body"]) | {"about": ABOUT}
    now = utc_now()
    EscalationStore(stack.dynamodb, "deliveries").begin(
        message["rule"],
        ABOUT,
        message["event_id"],
        steps=1,
        due=now + timedelta(minutes=15),
        now=now,
        keep=timedelta(days=30),
    )
    assert stack.call(function, {"Records": [record | {"body": json.dumps(message)}]}) == {"batchItemFailures": []}
    return message


def token_in(text: str) -> str:
    found = re.search(re.escape(BASE) + r"([\w.-]+)", text)
    assert found is not None, text
    return found[1]


def matter(stack: Stack) -> Matter:
    found = EscalationStore(stack.dynamodb, "deliveries").get("failed-logins", ABOUT, now=utc_now())
    assert found is not None
    return found


def test_a_mails_link_asks_and_its_button_acknowledges_for_its_reader(stack: Stack, sinks: Sinks, load: Load) -> None:
    delivered(stack, load, "email")
    (mail,) = ses_backends["123456789012"][REGION].sent_messages
    token = token_in(mail.body)
    api = Api.of(stack)

    asked = [api(method, "/acknowledge", query={"token": token}, facts={}) for method in ("GET", "HEAD", "GET")]
    before = matter(stack).acknowledgement
    done = api("POST", "/acknowledge", query={"token": token}, facts={})

    assert [page.status for page in asked] == [200, 200, 200] and "<button>Acknowledge</button>" in asked[0].text
    assert before is None
    assert done.status == 200 and "alice acknowledged what rule failed-logins told of" in done.text
    found = matter(stack).acknowledgement
    assert found is not None and (found.by, found.via, found.user) == ("alice", "link", "alice")


def test_a_channels_link_asks_who_it_is(stack: Stack, sinks: Sinks, load: Load) -> None:
    delivered(stack, load, "slack")
    (received,) = sinks.received()
    token = token_in(received.body)
    api = Api.of(stack)
    typed = {"content-type": "application/x-www-form-urlencoded"}

    page = api("GET", "/acknowledge", query={"token": token}, facts={})
    done = api("POST", "/acknowledge", "name=%3Cb%3EAna", query={"token": token}, facts={}, headers=typed)

    assert '<input name="name"' in page.text
    assert "&lt;b&gt;Ana (by chat) acknowledged" in done.text and "<b>" not in done.text
    found = matter(stack).acknowledgement
    assert found is not None and (found.by, found.via, found.user) == ("<b>Ana (by chat)", "channel", "")


def test_a_webhook_has_it_beside_what_it_tells(stack: Stack, sinks: Sinks, load: Load) -> None:
    delivered(stack, load, "webhook")

    (received,) = sinks.received()
    link = json.loads(received.body)["links"]["acknowledge"]
    assert "Acknowledge?" in Api.of(stack)("GET", "/acknowledge", query={"token": token_in(link)}, facts={}).text


def test_an_inbox_says_that_it_waits_for_somebody_and_then_for_nobody(stack: Stack, sinks: Sinks, load: Load) -> None:
    stack.monkeypatch.delenv("LINK_SECRET")  # as for the function: an inbox has a button, and needs no link
    delivered(stack, load, "inbox")
    api = Api.of(stack, user="alice")

    (before,) = api("GET", "/notifications").body["items"]
    done = api("POST", f"/notifications/{before['id']}/acknowledge")
    again = api("POST", f"/notifications/{before['id']}/acknowledge")
    after = api("GET", f"/notifications/{before['id']}").body

    assert (before["can_acknowledge"], before["acknowledged"], before["about"]) == (True, None, ABOUT)
    assert (done.status, done.body["by"], done.body["via"], done.body["first"]) == (200, "alice", "inbox", True)
    assert again.body == done.body | {"first": False}
    said = {name: done.body[name] for name in ("by", "via", "at")}
    assert (after["can_acknowledge"], after["acknowledged"]) == (False, said)


def test_what_does_not_escalate_has_no_link_and_no_button(stack: Stack, sinks: Sinks, load: Load) -> None:
    stack.call("webhook", load("webhook-delivery"))
    stack.call("inbox", load("inbox-delivery"))
    api = Api.of(stack, user="alice")

    (received,) = sinks.received()
    (shown,) = api("GET", "/notifications").body["items"]
    refused = api("POST", f"/notifications/{shown['id']}/acknowledge")

    assert "links" not in json.loads(received.body)
    assert (shown["can_acknowledge"], shown["acknowledged"]) == (False, None)
    assert (refused.status, "does not escalate" in refused.text) == (409, True)
    assert InboxStore(stack.dynamodb, "deliveries").head("alice").arrivals == 1


@pytest.mark.parametrize("mode", ["webhook", "webhook_slack"])
def test_an_endpoint_that_repeats_the_message_has_the_links_token_masked(world: World, mode: str) -> None:
    with Sinks.started() as sinks:
        path = {"webhook": "/webhook/hook", "webhook_slack": "/slack/hook"}[mode]
        url = f"{sinks.url}{path}"
        hook = {"url": url} if mode == "webhook" else {"secrets_ref": "hook"}
        world.configure(
            NotificationTransport(name="hook", mode=TransportMode(mode), **hook), hook=TransportSecrets(url=url)
        )
        sinks.misbehave(Misbehaviour(path, status=403, body="not taken: said.c2lnbmVk"))
        message = world.message("hook", mode, about=ABOUT)
        world.send(message)
        by_slack = slack_delivery(world.secrets.of, POLICY, pytest.fail)
        deliver = by_slack if mode == "webhook_slack" else webhook_delivery(world.secrets.of, POLICY)
        rule = RuleWords(groups_of_steps=("second",))
        told = in_rules_words(deliver, lambda _: rule, "", lambda _: f"{BASE}said.c2lnbmVk")

        world.pump(world.worker(mode, told), mode)

        (received,) = sinks.received()
        (attempt,) = world.delivery(message)["attempts"]
    assert "said.c2lnbmVk" in received.body
    assert "not taken" in attempt["answer"] and "c2lnbmVk" not in str(attempt)
