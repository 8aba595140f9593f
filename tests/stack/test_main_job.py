"""The main job on the deployed stack: an event goes in over HTTPS, and the right people are told, whatever fails."""

import base64
import json
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_network
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from local.api import UnexpectedAnswerError
from local.arrivals import Directory, Places
from local.faults import Fault
from local.samples import blueprint, events, samples
from local.sinks import Misbehaviour
from local.waiting import until
from local.watch import Watch
from tocsin.ids import new_id

# Of the actions that have a name of their own, those that the records are read as; any other is a custom_ one.
KNOWN_ACTIONS = {
    *("login", "login_failed", "logout", "user_write", "suspicious_request", "password_set", "secret_view"),
    *("secret_rotate", "authorize_application", "impersonation_started"),
    *("model_created", "model_updated", "model_deleted"),
}
BATCH = 100


def table_items(stack, table, **options):
    pages = stack.aws.dynamodb.get_paginator("scan").paginate(TableName=table, **options)
    return [item for page in pages for item in page["Items"]]


def stored(stack):
    """How often each event id stands in the events table."""
    items = table_items(stack, stack.deployed.events_table, ProjectionExpression="pk, sk")
    return Counter(item["sk"]["S"] for item in items if item["pk"]["S"].startswith("event#"))


def story_once(api, event_id, deliveries, deadline_s=180):
    """The event's story as soon as it has that many deliveries, all of them done."""

    def done():
        try:
            story = api.story(event_id)
        except UnexpectedAnswerError as problem:
            if '{"message": ' not in str(problem):  # our own answers are problem+json
                raise
            return None  # API Gateway gave the function up, as it does on a busy machine
        return story if len(story.deliveries) >= deliveries and all(each.final for each in story.deliveries) else None

    return until(done, deadline_s, of=f"{deliveries} deliveries of {event_id}")


def event_for(app, **members):
    return {"action": "rehearsal", "app": app, "context": {"message": f"{app} {uuid4()}"}, **members}


def in_parallel(call, arguments):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(call, arguments))


class Oracle:
    """Who should be told of an event, worked out from the blueprint a second time and in another way."""

    def __init__(self, configuration):
        self.policies = {policy["name"]: policy for policy in configuration["policies"]}
        self.groups = {group["name"]: group for group in configuration["groups"]}
        self.active = {user["username"] for user in configuration["users"] if user.get("active", True)}
        self.once = {item["name"] for item in configuration["transports"] if item.get("send_once")}
        self.rules = [rule for rule in configuration["rules"] if rule.get("enabled", True)]

    def told(self, event):
        """{(rule, transport, username, or None where one message is for all)}"""
        return {
            (rule["name"], transport, None if transport in self.once else person)
            for rule in self.rules
            if self.fires(rule, event)
            for transport in rule["transports"] or ["inbox"]
            for person in self.recipients(rule, event)
        }

    def fires(self, rule, event):
        bound = [binding for binding in rule["bindings"] if binding.get("enabled", True)]
        verdicts = [self.holds(self.policies[b["policy"]], event) != b.get("negate", False) for b in bound]
        return bool(verdicts) and (all if rule.get("policy_engine_mode") == "all" else any)(verdicts)

    def holds(self, policy, event):
        model = event["context"].get("model", {})
        custom = event["action"] not in KNOWN_ACTIONS
        tests = {
            "action": lambda wanted: custom if wanted == "custom_" else event["action"] == wanted,
            "app": lambda wanted: event["app"] == wanted,
            "model": lambda wanted: f"{model.get('app')}.{model.get('model_name')}" == wanted,
            "client_ip": lambda wanted: "client_ip" in event and ip_address(event["client_ip"]) in ip_network(wanted),
        }
        return all(test(policy[name]) for name, test in tests.items() if name in policy)

    def recipients(self, rule, event):
        people = self.members(rule["destination_group"]) if "destination_group" in rule else set()
        if rule.get("destination_event_user"):
            people |= {event.get("user", {}).get("username")}
        return people & self.active

    def members(self, group):
        children = self.groups[group].get("children", [])
        return set(self.groups[group].get("members", [])).union(*map(self.members, children))


def test_each_sample_is_told_to_exactly_those_it_should_be(stack, api):
    directory = Directory.of(blueprint(stack.sinks.url), stack.sinks.url)
    watch = Watch(Places(stack.sinks, stack.emulator, api, directory), api, directory)
    seen = []
    for sample in samples():
        posted_at = time.time()
        answer = api.post_event(sample.event)
        watch.expect(sample, answer["id"], str(sample.number), posted_at)

    until(lambda: seen.extend(watch.look()) or not watch.missing, 180, of="the samples' deliveries")

    assert [item for item in seen if not item.good] == []
    assert watch.strangers() == []


def test_every_real_record_is_stored_once_and_told_to_whom_the_rules_say(stack, api, configuration):
    oracle, posted = Oracle(configuration), events()
    before = len(stack.sinks.received())

    results = [
        result for start in range(0, len(posted), BATCH) for result in api.post_events(posted[start : start + BATCH])
    ]

    assert {result["status"] for result in results} == {201}
    ids = [result["id"] for result in results]
    expected = {event_id: oracle.told(event) for event_id, event in zip(ids, posted, strict=True)}
    assert len(set(ids)) == len(posted) == 455
    counted = stored(stack)
    assert {counted[event_id] for event_id in ids} == {1}

    stories = in_parallel(lambda event_id: story_once(api, event_id, len(expected[event_id]), 120), ids)
    told = {
        story.event_id: {
            (item.rule, item.transport, None if item.transport in oracle.once else item.user)
            for item in story.deliveries
        }
        for story in stories
    }
    assert told == expected
    assert {item.state for story in stories for item in story.deliveries} == {"delivered"}
    assert {len(story.deliveries) for story in stories if not expected[story.event_id]} == {0}

    hooks = {item.id for story in stories for item in story.deliveries if item.mode == "webhook"}
    arrived = {request.headers.get("webhook-id") for request in stack.sinks.received(after=before)}
    assert hooks <= arrived
    inboxes = {user: {(item["event_id"], item["rule"]) for item in api.notifications(user)} for user in oracle.active}
    for event_id, deliveries in expected.items():
        for rule, transport, user in deliveries:
            if transport == "inbox":
                assert (event_id, rule) in inboxes[user]

    table = Counter((rule, transport) for deliveries in expected.values() for rule, transport, _ in deliveries)
    print("\nrule                      transport         deliveries")
    for (rule, transport), count in sorted(table.items()):
        print(f"{rule:<26}{transport:<18}{count:>10}")
    print(f"{len(ids)} events, {sum(table.values())} deliveries")


def test_a_repeat_with_the_same_idempotency_key_gives_the_same_answer_and_stores_nothing(stack, api):
    key, event = {"Idempotency-Key": str(uuid4())}, event_for("repeated")

    first = api.ask("POST", "/events", json=event, headers=key)
    second = api.ask("POST", "/events", json=event, headers=key)

    assert first.status_code == second.status_code == 201
    assert second.json() == first.json()
    assert stored(stack)[first.json()["id"]] == 1


def test_one_bad_event_of_a_batch_loses_none_of_the_good_ones(stack, api):
    lines = [json.dumps(event_for("mixed")), "not json", json.dumps(event_for("mixed"))]

    answer = api.ask("POST", "/events", data="\n".join(lines), headers={"Content-Type": "application/x-ndjson"})

    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 400, 201]
    assert all(stored(stack)[results[position]["id"]] == 1 for position in (0, 2))


DEEP = '{"action": "a", "context": ' + '{"a":' * 1000 + "1" + "}" * 1001
OLD_ID, FUTURE_ID = str(uuid4()), "ffffffff-ffff-7fff-bfff-ffffffffffff"
TWICE, ANCIENT_ID = new_id(), "00000000-0001-7abc-8abc-0123456789ab"


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        pytest.param("{", 400, None, id="not JSON"),
        pytest.param('"text"', 422, "", id="not an object"),
        pytest.param('{"action": 7}', 422, "action", id="wrong type"),
        pytest.param('{"action": "login", "colour": 1}', 422, "colour", id="unknown field"),
        pytest.param('{"action": "log in!"}', 422, "action", id="bad action"),
        pytest.param('{"action": "a", "retention": "days=soon"}', 422, "retention", id="bad duration"),
        pytest.param(f'{{"action": "a", "id": "{OLD_ID}"}}', 422, "id", id="id that is no UUIDv7"),
        pytest.param(f'{{"action": "a", "id": "{FUTURE_ID}"}}', 422, "id", id="id of the far future"),
        pytest.param('{"action": "a", "client_ip": "1.2.3"}', 422, "client_ip", id="bad address"),
        pytest.param('{"action": "' + "a" * 250_000 + '"}', 413, None, id="event too large"),
        pytest.param('{"action": "' + "a" * 1_100_000 + '"}', 413, None, id="body too large"),
        pytest.param(json.dumps([{"action": "a"}] * 501), 413, None, id="too many events"),
        pytest.param(DEEP, 422, None, id="nested 1,000 deep"),
        pytest.param('{"action": "a", "context": {"n": ' + "9" * 400 + "}}", 422, "context.n", id="400 digits"),
        pytest.param('{"action": "a", "context": {"s": {"n": 1, "n": 2}}}', 422, "context.s.n", id="name twice"),
        pytest.param(f'{{"action": "a", "id": "{ANCIENT_ID}"}}', 422, "id", id="id of 1970"),
        pytest.param('{"action": "a", "app": "tocsin"}', 422, "app", id="our own app"),
        pytest.param("[]", 422, "", id="empty batch"),
    ],
)
def test_bad_input_is_a_problem_that_names_the_field_and_stores_nothing(stack, api, body, status, path):
    before = stored(stack)

    answer = api.ask("POST", "/events", data=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    if path is not None:
        assert path in [error["path"] for error in answer.json()["errors"]]
    assert stored(stack) == before


def test_the_second_of_two_events_with_one_id_is_refused(stack, api):
    results = api.post_events([{"action": "a", "id": TWICE}, {"action": "a", "id": TWICE}])

    assert [result["status"] for result in results] == [201, 422]
    assert stored(stack)[TWICE] == 1


def test_what_is_asked_wrongly_is_a_problem(stack, keys):
    def asked(method, path, key=stack.deployed.admin_key, **options):
        answer = stack.api(key).ask(method, path, **options)
        assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.text
        return answer.status_code

    bad = {"transports": [], "rules": [{"name": "r", "transports": ["absent"], "bindings": []}]}

    assert asked("POST", "/events", data="a=1", headers={"Content-Type": "text/plain"}) == 415
    assert asked("PATCH", "/events", json={}) == 405
    assert asked("GET", "/nowhere") == 404
    assert asked("POST", "/events", key="none such", json={"action": "a"}) == 401
    assert asked("POST", "/events", headers={"Authorization": None}, json={"action": "a"}) == 401
    assert asked("GET", "/blueprint", key=keys["writer"]) == 403
    assert asked("PUT", "/blueprint", json=bad) == 422


def test_a_key_may_do_what_its_scopes_say_on_each_route_and_no_more(stack, keys):
    writer, reader = stack.api(keys["writer"]), stack.api(keys["reader"])

    posted = writer.ask("POST", "/events", json={"action": "a"})

    event = f"/events/{posted.json()['id']}"
    assert posted.status_code == 201
    assert writer.ask("GET", event).status_code == 403
    assert reader.ask("GET", event).json()["app"] == "writer"
    assert reader.ask("POST", "/events", json={"action": "a"}).status_code == 403
    assert reader.ask("PUT", "/blueprint", json={}).status_code == 403


def test_a_webhook_is_signed_so_that_its_receiver_can_verify_it(stack, api, configuration):
    event_id = api.post_event(event_for("signed"))["id"]

    delivery = story_once(api, event_id, 1).deliveries[0]

    request = next(r for r in stack.sinks.received("/webhook/pager") if r.headers["webhook-id"] == delivery.id)
    secret = next(item["secret"] for item in configuration["transports"] if item["name"] == "pager")
    assert base64.b64decode(secret.removeprefix("whsec_"))
    verified = Webhook(secret).verify(request.body, request.headers)
    assert verified["user_username"] == "farah"


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        pytest.param({"status": 500, "body": "<garbage"}, "500", id="answers 500 and garbage"),
        pytest.param({"drop": True}, "", id="hangs up"),
    ],
)
def test_a_webhook_that_failed_says_so_and_comes_again(stack, api, trouble, reason):
    stack.sinks.misbehave(Misbehaviour("/webhook/flaky", times=1, **trouble))

    event_id = api.post_event(event_for("flaky"))["id"]

    delivery = story_once(api, event_id, 1, 45).deliveries[0]
    assert delivery.state == "delivered"
    first, second = delivery.attempts
    assert first.reason and reason in first.reason
    assert second.status == 200
    sent = [r for r in stack.sinks.received("/webhook/flaky") if r.headers["webhook-id"] == delivery.id]
    assert len(sent) == 2


def test_a_webhook_that_is_down_says_so(api):
    event_id = api.post_event(event_for("closed"))["id"]

    delivery = until(lambda: next((d for d in api.story(event_id).deliveries if d.attempts), None), 180, of="attempts")

    assert delivery.state == "retrying"
    assert delivery.attempts[0].status is None
    assert delivery.attempts[0].reason


def test_an_event_of_the_largest_size_goes_through_every_transport(api):
    event = event_for("large")
    event["context"]["text"] = "é" * 99_000

    story = story_once(api, api.post_event(event)["id"], 4, 60)

    assert {item.mode for item in story.deliveries} == {"webhook", "webhook_slack", "email", "local"}
    assert {item.state for item in story.deliveries} == {"delivered"}


def test_what_a_throttled_table_can_not_take_is_not_accepted(stack, api):
    before = stored(stack)
    throttled = Fault("DynamoDB_20120810.*", contains=stack.deployed.events_table)

    with stack.emulator.failing(throttled):
        answer = api.ask("POST", "/events", json=event_for("throttled"))

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert stored(stack) == before


def test_after_throttling_each_notification_exists_once_and_each_webhook_was_sent(stack, api):
    batch = [event_for("throttled") for _ in range(30)]
    tables = [Fault("DynamoDB_20120810.*", contains=stack.deployed.deliveries_table, times=60)]

    with stack.emulator.failing(*tables):
        ids = [result["id"] for result in api.post_events(batch)]
        until(lambda: stack.emulator.fault_hits() == [60], 180, of="the faults' hits")

    told_once(stack, api, ids, 150)


def test_after_functions_were_killed_each_notification_exists_once_and_each_webhook_was_sent(stack, api):
    # What a function that died had not taken yet comes back when its visibility is over; AWS waits for 180 s. What
    # it had taken, the schedule brings back when the lease is over.
    queues = [url for url in stack.aws.sqs.list_queues()["QueueUrls"] if "Webhook" in url or "Inbox" in url]
    for url in queues:
        stack.aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "40"})
    stack.sinks.misbehave(Misbehaviour("/webhook/crash", delay=0.5))
    before = len(stack.sinks.received("/webhook/crash"))

    ids = [result["id"] for result in api.post_events([event_for("crash") for _ in range(60)])]
    until(lambda: len(stack.sinks.received("/webhook/crash")) > before, 120, of="the first webhook")
    killed = [
        pid
        for function in ("matcher", "webhook", "inbox")
        for pid in stack.emulator.function_processes(f"{stack.deployed.stack_name}-{function}")
    ]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    assert len(killed) >= 3
    told_once(stack, api, ids, 200)


def told_once(stack, api, ids, deadline_s):
    """Each event is in the inbox of its one person once, and its webhook was sent at least once."""
    stories = in_parallel(lambda event_id: story_once(api, event_id, 2, deadline_s), ids)

    assert {item.state for story in stories for item in story.deliveries} == {"delivered"}
    notified = Counter(item["event_id"] for item in api.notifications("farah"))
    assert {notified[event_id] for event_id in ids} == {1}
    sent = {request.headers["webhook-id"] for request in stack.sinks.received("/webhook/crash")}
    assert {item.id for s in stories for item in s.deliveries if item.mode == "webhook"} <= sent


def test_a_record_that_is_no_event_is_set_aside_and_holds_up_nothing(stack, api):
    key = {"pk": {"S": "event#2026-01-01#0"}, "sk": {"S": f"poison-{uuid4()}"}}
    stack.aws.dynamodb.put_item(TableName=stack.deployed.events_table, Item=key)

    event_id = api.post_event(event_for("signed"))["id"]

    assert story_once(api, event_id, 1).deliveries[0].state == "delivered"
    queue = stack.deployed.outputs["MatchDeadLettersUrl"]
    message = until(
        lambda: stack.aws.sqs.receive_message(QueueUrl=queue).get("Messages"), 30, of="the record set aside"
    )
    assert key["sk"]["S"] in message[0]["Body"]
    assert json.loads(message[0]["Body"])["reason"]


def test_anyone_may_ask_whether_it_is_up(stack):
    answer = stack.api("none such").ask("GET", "/health")

    assert answer.status_code == 200
