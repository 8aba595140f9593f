"""Deliveries on the deployed stack, with IAM enforced: what one role lacks shows here."""

import json
from uuid import uuid4

import pytest

from local.faults import Fault
from local.sinks import Misbehaviour
from local.waiting import until


def told(stack, api, **members):
    """The one delivery of a new event, once there is one that `members` hold for."""
    event = api.post_event({"action": "rehearsal", "app": "flaky", "context": {"message": str(uuid4())}})

    def found():
        items = api.ask("GET", f"/events/{event['id']}/deliveries").json()["deliveries"]
        return next((item for item in items if all(item[name] == value for name, value in members.items())), None)

    return until(found, 180, of=f"a delivery with {members}")


def invoke(stack, function, payload):
    name = f"{stack.deployed.stack_name}-{function}"
    answer = stack.aws.awslambda.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said


@pytest.mark.parametrize(
    ("transport", "user"), [("pager", None), ("slack-security", None), ("mail", "grace"), ("inbox", "grace")]
)
def test_a_transport_is_tested_by_the_real_path(stack, api, transport, user):
    answer = api.ask("POST", f"/transports/{transport}/test", params={"user": user} if user else {})

    assert (answer.status_code, answer.json()["state"]) == (200, "delivered"), answer.text


@pytest.mark.parametrize(
    ("name", "url", "options"),
    [("ntfy", "/", {"topic": "alerts", "token": "tk_only-for-ntfy"}), ("teams", "/flows/1?sig=only-for-teams", {})],
)
def test_a_preset_speaks_to_its_service_and_its_secrets_are_shown_to_nobody(stack, api, name, url, options):
    stack.sinks.misbehave(Misbehaviour(url.partition("?")[0], body="", status=202, times=1))
    given = {"mode": "webhook", "preset": name, "url": f"{stack.sinks.url}{url}", "options": options}
    assert api.ask("PUT", f"/transports/{name}", json=given).status_code == 201

    def tested():  # the function may know the transport only some seconds later
        found = api.ask("POST", f"/transports/{name}/test").json()
        return found if found["state"] != "discarded" else None

    delivery = until(tested, 180, of="a test of the new transport")
    shown = api.ask("GET", f"/transports/{name}").text
    assert api.ask("DELETE", f"/transports/{name}").status_code == 200

    (received,) = [each for each in stack.sinks.received() if each.target == url]
    assert delivery["state"] == "delivered", delivery
    assert json.loads(received.body)["topic" if name == "ntfy" else "attachments"]
    assert ("tk_only-for-ntfy" in str(received.headers)) == (name == "ntfy")
    assert "only-for" not in shown + json.dumps(delivery)


def test_a_delivery_that_failed_is_found_and_sent_again(stack, api):
    stack.sinks.misbehave(Misbehaviour("/webhook/flaky", status=404, times=1))
    delivery = told(stack, api, state="failed")

    listed = api.ask("GET", "/deliveries", params={"state": "failed", "transport": "flaky"}).json()["items"]
    done = api.ask("POST", "/deliveries/redrive", json={"transport": "flaky"}).json()

    assert delivery["id"] in {item["id"] for item in listed}
    assert done["queued"] >= 1

    def delivered():
        return api.ask("GET", f"/deliveries/{delivery['id']}").json()["state"] == "delivered"

    until(delivered, 120, of="a redriven delivery")


def test_a_failure_is_reported_as_an_event_that_people_are_told_of(stack, api):
    stack.sinks.misbehave(Misbehaviour("/webhook/flaky", status=404, times=1))
    told(stack, api, state="failed")

    def notified():
        return [item for item in api.notifications("grace") if item["action"] == "configuration_error"]

    assert until(notified, 120, of="a notification of the failure")


def test_the_first_retry_comes_by_the_queue(stack, api):
    stack.sinks.misbehave(Misbehaviour("/webhook/flaky", status=503, times=1))

    delivery = told(stack, api, state="delivered")

    assert [attempt["reason"] for attempt in delivery["attempts"]] == ["http_503", "http_200"]


def test_what_the_queue_did_not_take_back_is_brought_by_the_schedule(stack, api):
    stack.sinks.misbehave(Misbehaviour("/webhook/flaky", status=503, times=1))
    with stack.emulator.failing(Fault("AmazonSQS.SendMessage", contains="DelaySeconds", status=503, times=None)):
        delivery = told(stack, api, state="retrying")
    place = delivery["id"].rpartition("-")
    stack.aws.dynamodb.update_item(
        TableName=stack.deployed.deliveries_table,
        Key={"pk": {"S": f"event#{place[0]}"}, "sk": {"S": f"delivery#{place[2]}"}},
        UpdateExpression="SET due_at = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )

    def delivered():  # by the schedule itself: nobody invokes the function here
        return api.ask("GET", f"/deliveries/{delivery['id']}").json()["state"] == "delivered"

    until(delivered, 180, of="a delivery that the schedule brings back")


def test_a_breaker_opens_holds_and_lets_go(stack, api):
    hook = "flaky"
    stack.sinks.misbehave(Misbehaviour("/webhook/flaky", status=500))
    told(stack, api, state="retrying")

    def failing():  # it is counted after the attempt is recorded, and at most once a second: if not now, at a retry
        return api.ask("GET", f"/transports/{hook}/breaker").json()["failures_in_a_row"] > 0

    until(failing, 180, of="a breaker that counts failures")
    stack.aws.dynamodb.update_item(
        TableName=stack.deployed.deliveries_table,
        Key={"pk": {"S": "breakers"}, "sk": {"S": hook}},
        ConditionExpression="attribute_exists(pk)",
        UpdateExpression="SET #state = :open, changed_at = :now",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":open": {"S": "open"}, ":now": {"N": "4000000000"}},
    )
    assert api.ask("GET", f"/transports/{hook}/breaker").json()["state"] == "open"

    held = told(stack, api, state="held")
    stack.sinks.behave()
    assert api.ask("POST", f"/transports/{hook}/breaker/reset").json()["state"] == "draining"
    invoke(stack, "redrive", {})

    def delivered():
        return api.ask("GET", f"/deliveries/{held['id']}").json()["state"] == "delivered"

    until(delivered, 180, of="a held delivery")


def test_an_address_that_bounces_gets_no_mail_until_it_is_lifted(stack, api):
    detail = {
        "eventType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "grace@example.com"}]},
    }
    assert invoke(stack, "feedback", {"source": "aws.ses", "detail": detail}) == {"stopped": 1}

    stopped = api.ask("POST", "/transports/mail/test", params={"user": "grace"}).json()
    lifted = api.ask("DELETE", "/mail-stops/grace@example.com")
    again = api.ask("POST", "/transports/mail/test", params={"user": "grace"}).json()

    assert (stopped["state"], stopped["attempts"][0]["reason"]) == ("discarded", "address_bounced")
    assert lifted.status_code == 200
    assert again["state"] == "delivered"


def test_the_link_in_a_mail_needs_no_key_but_its_token(stack, api):
    address = f"{stack.facts.api_url}/unsubscribe"

    answer = stack.api("no key at all").session.get(address, params={"token": "forged"}, timeout=120)

    assert answer.status_code == 404
