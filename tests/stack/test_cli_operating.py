"""The command line and what runs: deliveries, dead letters, webhooks on a laptop, the doctor, profiles."""

import json
import re
import stat
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from local.sinks import Misbehaviour
from local.waiting import until
from tests.cli_process import line_with

SECRET = "whsec_c2FtcGxlLWtleS1vZi10aGUtbG9jYWwtc3RhY2stMDQ="
"""The signing secret of the transport `cli` (conftest.py), and of those that tests make."""


@pytest.fixture
def hook(stack, api):
    """A webhook transport of the test's own."""
    name = f"cli-{uuid4().hex[:10]}"
    entry = {"mode": "webhook", "url": f"{stack.sinks.url}/webhook/{name}", "secret": SECRET}
    assert api.ask("PUT", f"/transports/{name}", json=entry).ok
    yield name
    api.ask("DELETE", f"/transports/{name}")


def sent(tocsin):
    """An event of which farah is told by the transport `cli`."""
    return tocsin("send", "login", "--app", "cli", "--user", "alice", "-o", "json").json["id"]


def listed(tocsin, events, state):
    """The deliveries of these events that are in a state, by the transport `cli`; None unless all are."""
    found = tocsin("deliveries", "-t", "cli", "-s", state, "--all", "-o", "json").json
    mine = {each["event_id"]: each for each in found if each["event_id"] in events}
    return [mine[event] for event in events] if len(mine) == len(events) else None


def test_what_failed_is_listed_shown_and_sent_again(tocsin, stack):
    stack.sinks.misbehave(Misbehaviour("/webhook/cli", status=404))
    events = [sent(tocsin) for _ in range(3)]
    failed = until(lambda: listed(tocsin, events, "failed"), 180, of="three failures")
    first, *others = (each["id"] for each in failed)
    assert "http_404" in tocsin("deliveries", "-t", "cli", "-s", "failed").out
    shown = tocsin("delivery", first)
    assert "farah" in shown.out
    assert "http_404 404" in shown.out

    stack.sinks.behave()
    tocsin("retry", first)
    until(lambda: listed(tocsin, events[:1], "delivered"), 180, of="the retried delivery")
    assert "is delivered; it is not sent again" in tocsin("retry", first, code=7).err
    tocsin("retry", first, f"{events[0]}-{'0' * 16}", code=1)

    preview = tocsin("redrive", "cli", "--dry-run")
    assert all(each in preview.out for each in others)
    assert first not in preview.out
    assert "say --yes" in tocsin("redrive", "cli", code=64).err
    assert "2 deliveries on the way again" in tocsin("redrive", "cli", "-y").err
    until(lambda: listed(tocsin, events, "delivered"), 180, of="the redriven deliveries")
    assert tocsin("redrive", "cli", "-y").err.startswith("nothing to send again")
    received = {each.headers["webhook-id"] for each in stack.sinks.received("/webhook/cli")}
    assert received >= {first, *others}


def test_a_state_that_there_is_not_is_refused(tocsin):
    assert "there is no 'lost' here" in tocsin("deliveries", "-s", "lost", code=64).err
    assert "there is no 'delivered' here" in tocsin("redrive", "inbox", "-s", "delivered", code=64).err


def test_dead_letters_are_counted_looked_at_and_moved_back(tocsin, stack):
    event_id = tocsin("send", "login", "--app", "cli-dead", "-o", "json").json["id"]
    queue = stack.deployed.outputs["MatchDeadLettersUrl"]
    stack.aws.sqs.purge_queue(QueueUrl=queue)
    body = json.dumps({"event_id": event_id, "reason": "the table was away", "rule": None, "cursor": None})
    stack.aws.sqs.send_message(QueueUrl=queue, MessageBody=body)

    counts = {each["queue"]: each["messages"] for each in tocsin("dead-letters", "-o", "json", code=1).json}
    assert counts["MatchDeadLetters"] == 1
    assert counts.keys() >= {"WebhookDeadLetters", "EmailDeadLetters", "StreamFailures"}
    looked = tocsin("dead-letters", "match", "-o", "json").json
    assert [(each["event_id"], each["reason"]) for each in looked] == [(event_id, "the table was away")]
    assert "the table was away" in until(
        lambda: tocsin("dead-letters", "Match").out, 180, of="the message, visible again"
    )
    assert "there is no queue 'nope'" in tocsin("dead-letters", "nope", code=3).err

    assert "say --yes" in tocsin("dead-letters", "Match", "--redrive", code=64).err
    tocsin("dead-letters", "Match", "--redrive", "-y")
    # counted, not looked at: what was looked at is hidden for a second
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = stack.aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    assert left == dict.fromkeys(names, "0")


def test_an_address_that_bounced_is_listed_and_written_to_again(tocsin, stack):
    bounced = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "hiro@example.com"}]}
    report = {"source": "aws.ses", "detail": {"eventType": "Bounce", "bounce": bounced}}
    function = f"{stack.deployed.stack_name}-feedback"
    stack.aws.awslambda.invoke(FunctionName=function, Payload=json.dumps(report).encode())

    assert "hiro@example.com" in tocsin("mail-stops", "list").out
    assert "address_bounced" in tocsin("transports", "test", "mail", "--user", "hiro", code=1).out
    tocsin("mail-stops", "lift", "hiro@example.com")
    assert tocsin("mail-stops", "list", "-o", "json").json == []
    tocsin("mail-stops", "lift", "hiro@example.com", code=3)


def test_a_webhook_comes_to_a_laptop_verified_and_forwarded(tocsin, stack, hook):
    receiver = f"{stack.sinks.url}/webhook/behind-{hook}"
    arguments = ("--port", "0", "--secret", SECRET, "--forward", receiver, "--count", "1", "-o", "ndjson")
    with tocsin.running("listen", *arguments) as listening:
        url = re.search(r"http://127\.0\.0\.1:\d+", line_with(listening.err, "listening at"))[0]
        tocsin("transports", "set", hook, f"url={url}/hook", f"secret={SECRET}")

        def tested():
            """Whether a test came here: the function that sends may still have the URL from before."""
            tocsin("transports", "test", hook, "--user", "farah")
            return listening.process.poll() is not None or listening.out

        until(tested, 180, of="the transport's new URL in force")
        code = listening.ended()
        message = json.loads(line_with(listening.out, "webhook-id"))

    assert code == 0
    assert message["path"] == "/hook"
    assert message["verified"] is True
    assert message["body"]["user_username"] == "farah"
    assert message["forwarded"]["status"] == 200
    received = stack.sinks.received(f"/webhook/behind-{hook}")
    assert json.loads(received[0].body) == message["body"]


def test_what_a_transport_sent_is_made_again_byte_for_byte(tocsin, stack):
    path = f"/webhook/behind-{uuid4()}"
    arguments = ("--transport", "cli", "--port", "0", "--secret", SECRET, "--interval", "0.5", "--count", "1")
    with tocsin.running("listen", *arguments, "--forward", f"{stack.sinks.url}{path}") as listening:
        line_with(listening.err, "made again here")
        event_id = sent(tocsin)
        code = listening.ended()

    assert code == 0
    assert "signature verified" in "".join(listening.out)
    (again,) = stack.sinks.received(path)
    assert again.headers["webhook-id"].startswith(event_id)

    def same():
        came = stack.sinks.received("/webhook/cli")
        return next((each for each in came if each.headers["webhook-id"] == again.headers["webhook-id"]), None)

    assert again.body == until(same, 180, of="the webhook itself").body
    Webhook(SECRET).verify(again.body, again.headers)


def test_the_doctor_says_what_is_well_and_what_is_not(tocsin, stack, hook):
    queue = stack.deployed.outputs["MatchDeadLettersUrl"]
    stack.aws.sqs.purge_queue(QueueUrl=queue)
    stack.aws.sqs.send_message(QueueUrl=queue, MessageBody='{"reason": "for the doctor"}')

    findings = tocsin("doctor", "-o", "json", code=1).json

    by_check = {}
    for finding in findings:
        by_check.setdefault(finding["check"], []).append((finding["state"], finding["message"]))
    assert by_check["api"][0][0] == "ok"
    assert by_check["clock"][0][0] == "ok"
    assert by_check["key"] == [("ok", "it may events:read and config:read")]
    assert by_check["stack"][0][0] == "ok"
    assert by_check["mail sender"] == [("ok", "SES has verified tocsin@example.com")]
    assert ("failed", "1 message in MatchDeadLetters") in by_check["queues"]
    assert by_check["alarms"][0][0] == "warning"
    assert by_check[f"transport {hook}"] == [("warning", "was never used")]
    assert any("every-suspicion never fires" in message for _, message in by_check["rules"])
    assert {"ses", "schedule", "silences", "mail", "errors", "keys"} <= by_check.keys()
    stack.aws.sqs.purge_queue(QueueUrl=queue)


def test_the_doctor_says_what_it_cant_tell_without_aws(tocsin):
    ran = tocsin("doctor", "-o", "json", "--strict", code=1, TOCSIN_STACK="")

    unknown = {finding["check"] for finding in ran.json if finding["state"] == "unknown"}
    assert unknown == {"stack", "mail sender", "ses", "queues", "alarms", "schedule"}
    assert "--stack" in next(finding["hint"] for finding in ran.json if finding["check"] == "ses")


def test_profiles_are_kept_used_and_forgotten(tocsin, stack):
    facts = stack.facts
    for variable in ("TOCSIN_URL", "TOCSIN_KEY", "TOCSIN_STACK"):
        del tocsin.environment[variable]
    assert "tocsin login" in tocsin("events", code=64).err
    assert tocsin("login", "here", "--url", facts.api_url, "--key-stdin", code=4, stdin="wrong\n").out == ""
    assert tocsin("profiles", "list").out == ""

    told = tocsin(
        "login",
        "here",
        "--url",
        facts.api_url,
        "--stack",
        facts.stack_name,
        "--key-stdin",
        stdin=f"{facts.admin_key}\n",
    )
    assert "here is Tocsin" in told.err
    file = tocsin.directory / ".config" / "tocsin" / "profiles.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    assert tocsin("events", "-n", "1").code == 0
    assert tocsin("dead-letters", "Webhook", "-p", "here", "-o", "json").json == []
    tocsin("login", "other", "--url", facts.api_url, "--key-stdin", stdin=f"{facts.admin_key}\n")
    tocsin("profiles", "use", "here")
    (here, other) = tocsin("profiles", "list", "-o", "json").json
    assert (here["name"], here["current"], other["current"]) == ("here", True, False)
    assert facts.admin_key not in json.dumps([here, other])
    tocsin("logout", "other")
    assert "there is no profile 'other'" in tocsin("events", "-p", "other", code=3).err


def test_a_url_where_nobody_is_is_unavailable(tocsin):
    assert "can't be reached" in tocsin("events", code=5, TOCSIN_URL="http://127.0.0.1:9").err
