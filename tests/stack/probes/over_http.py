"""Probes of what API Gateway invokes: authorizer, ingest and api."""

import json
from typing import Any
from uuid import uuid4

from tests.stack.permissions import Permission
from tests.stack.probes.deliveries import bounce_of
from tests.stack.probes.stage import QUEUES, TRANSPORTS, Payload, Probe, Stage, done
from tocsin.identity.principal import Scope
from tocsin.identity.throttle import TOLD_AT
from tocsin.ids import new_id
from tocsin.notifications.outcome import State
from tocsin.notifications.transport import TransportMode

ADDRESS = "203.0.113.7"


def request(
    method: str,
    path: str,
    body: Any = None,
    query: dict[str, str] | None = None,
    facts: dict[str, str] | None = None,
) -> Payload:
    """A request as API Gateway hands it over, of a key that may do everything; `facts` are more of the key."""
    key = {"key_id": "probe", "key_name": "probe", "scopes": " ".join(Scope), "user": ""}
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json"},
        "queryStringParameters": query or {},
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": ADDRESS},
            "requestId": str(uuid4()),
            "stage": "$default",
            "authorizer": {"lambda": key | (facts or {})},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def ask(stage: Stage, function: str, asked: Payload, status: int = 200) -> Any:
    """The answer's content, which must have that status."""
    answer = stage.invoke(function, asked)
    done(answer["statusCode"] == status, answer)
    body = answer["body"]
    return json.loads(body) if "json" in answer["headers"].get("content-type", "json") else body


def identify(stage: Stage, token: str, address: str = ADDRESS) -> Payload:
    """What the authorizer says of whoever sends that token from that address."""
    http = {"method": "GET", "path": "/events", "sourceIp": address}
    payload: Payload = {"headers": {"authorization": f"Bearer {token}"}, "requestContext": {"http": http}}
    answer = stage.invoke("authorizer", payload)
    facts: Payload = answer["context"]
    return facts


def identify_writer(stage: Stage, _permission: Permission) -> None:
    facts = identify(stage, stage.keys["writer"])
    done(facts.get("key_name") == "writer", facts)


def note_use(stage: Stage, _permission: Permission) -> None:
    key_id = identify(stage, stage.keys["writer"])["key_id"]
    table = stage.stack.deployed.config_table
    use: Payload = {"pk": {"S": "key-use"}, "sk": {"S": key_id}}
    stage.stack.aws.dynamodb.delete_item(TableName=table, Key=use)
    stage.chill("authorizer")  # it notes once an hour
    identify(stage, stage.keys["writer"])
    done("Item" in stage.stack.aws.dynamodb.get_item(TableName=table, Key=use), "the use of the key is not noted")


def identify_admin(stage: Stage, _permission: Permission) -> None:
    facts = identify(stage, stage.stack.deployed.admin_key)
    done("key_id" in facts, facts)


def report_guesses(stage: Stage, _permission: Permission) -> None:
    network = f"2001:db8:{int(uuid4()) % 0xFFFF + 1:x}"
    for _ in range(TOLD_AT[0]):
        identify(stage, "guess", f"{network}::1")
    done(stage.reports(f"{network}::"), "no event tells of the guesses")


def post(stage: Stage, body: Payload, **facts: str) -> None:
    ask(stage, "ingest", request("POST", "/events", body, facts=facts), 201 if isinstance(body, dict) else 200)


def post_new(stage: Stage, _permission: Permission) -> None:
    post(stage, {"action": "probe"})


def post_with_id(stage: Stage, _permission: Permission) -> None:
    post(stage, {"action": "probe", "id": new_id()})


def post_with_ids(stage: Stage, _permission: Permission) -> None:
    post(stage, [{"action": "probe", "id": new_id()} for _ in range(2)])


def post_counted(stage: Stage, _permission: Permission) -> None:
    post(stage, {"action": "probe"}, events_per_minute="1000000")


def get_event(stage: Stage, _permission: Permission) -> None:
    ask(stage, "api", request("GET", f"/events/{stage.stored_event().id}"))


def list_events(stage: Stage, _permission: Permission) -> None:
    ask(stage, "api", request("GET", "/events"))


def count_events(stage: Stage, _permission: Permission) -> None:
    ask(stage, "api", request("GET", "/events/volume"))


def search_index(stage: Stage, permission: Permission) -> None:
    """Has events found by the permission's index, then read by their keys."""
    event = stage.stored_event(user={"username": "grace", "pk": f"probe-{uuid4()}"}, client_ip=ADDRESS)
    by_user = "by-user" in permission.resource
    query = {"user_pk": str(event.user["pk"])} if by_user else {"client_ip": ADDRESS}
    found = ask(stage, "api", request("GET", "/events", query=query))
    done(event.id in {item["id"] for item in found["items"]}, found)


def get_story(stage: Stage, _permission: Permission) -> None:
    ask(stage, "api", request("GET", f"/events/{stage.stored_event().id}/deliveries"))


def get_delivery(stage: Stage, _permission: Permission) -> None:
    message = stage.noted_delivery(TransportMode.LOCAL, State.FAILED)
    ask(stage, "api", request("GET", f"/deliveries/{message.delivery_id}"))


def list_deliveries(stage: Stage, _permission: Permission) -> None:
    message = stage.noted_delivery(TransportMode.LOCAL, State.FAILED)
    query = {"state": "failed", "transport": message.transport}
    found = ask(stage, "api", request("GET", "/deliveries", query=query))
    done(message.delivery_id in {item["id"] for item in found["items"]}, found)


def find_deliveries(stage: Stage, permission: Permission) -> None:
    """Has the deliveries of a state listed, or an export asked for, before which open ones are counted."""
    if not permission.resource.endswith("/by-due"):
        list_deliveries(stage, permission)
        return
    ask(stage, "api", request("POST", "/exports", {"filters": {"app": "nobody"}}), 202)


def send_again(stage: Stage, permission: Permission) -> None:
    """Has a delivery put on the permission's queue by hand."""
    queue = permission.resource if permission.resource in QUEUES else "InboxQueue"
    message, before = stage.noted_delivery(QUEUES[queue], State.FAILED), stage.waiting(queue)
    ask(stage, "api", request("POST", "/deliveries/redrive", {"transport": message.transport}), 202)
    stands = stage.state_of(message)
    done(stands == State.QUEUED, stands)
    done(stage.waiting(queue) > before, f"nothing in {queue}")


def reset_breaker(stage: Stage, _permission: Permission) -> None:
    name = TRANSPORTS[TransportMode.WEBHOOK]
    stage.put_breaker(name, stage.transport(TransportMode.WEBHOOK).fingerprint, "open", failures=10, changed_at=1)
    shown = ask(stage, "api", request("POST", f"/transports/{name}/breaker/reset"))
    done(shown["state"] == "draining", shown)


def lift_mail_stop(stage: Stage, _permission: Permission) -> None:
    address = f"{uuid4()}@example.com"
    stage.invoke("feedback", bounce_of(address))
    ask(stage, "api", request("DELETE", f"/mail-stops/{address}"))


def follow_link(stage: Stage, _permission: Permission) -> None:
    """Follows a forged link, which is only told from a good one by the secret."""
    ask(stage, "api", request("GET", "/unsubscribe", query={"token": "forged"}), 404)


def get_settings(stage: Stage, _permission: Permission) -> None:
    ask(stage, "api", request("GET", "/settings"))


def list_users(stage: Stage, _permission: Permission) -> None:
    ask(stage, "api", request("GET", "/users"))


def list_keys(stage: Stage, _permission: Permission) -> None:
    ask(stage, "api", request("GET", "/keys"))


def change_user(stage: Stage, _permission: Permission) -> None:
    """Has a person added together with the event that tells of it, while the lock is held."""
    name = f"probe-{uuid4()}"
    ask(stage, "api", request("PUT", f"/users/{name}", {"email": f"{name}@example.com"}), 201)
    done(stage.reports(name), "no event tells of the change")


def delete_key(stage: Stage, _permission: Permission) -> None:
    """Has an API key made and deleted, with the note of its use."""
    name = f"probe-{uuid4()}"
    ask(stage, "api", request("PUT", f"/keys/{name}", {"scopes": ["events:write"]}), 201)
    ask(stage, "api", request("DELETE", f"/keys/{name}"))


def change_transport(stage: Stage, _permission: Permission) -> None:
    """Has a transport with a secret added and removed, with which the configuration is published twice."""
    name = f"probe-{uuid4()}"
    transport = {"mode": "webhook", "url": f"{stage.stack.sinks.url}/webhook/probe"}
    ask(stage, "api", request("PUT", f"/transports/{name}", transport), 201)
    ask(stage, "api", request("DELETE", f"/transports/{name}"))


def read_status(stage: Stage, permission: Permission) -> None:
    """Asks for the status, of which no part may be unknown; a dead letter is there to be looked at."""
    if permission.action == "sqs:ReceiveMessage":
        stage.stack.aws.sqs.send_message(QueueUrl=stage.queue_url(permission.resource), MessageBody="{}")
    said = ask(stage, "api", request("GET", "/status"))
    done(said["unknown"] == [], said)


PROBES: dict[tuple[str, str, str], Probe] = {
    ("authorizer", "ReadKey", "dynamodb:GetItem"): identify_writer,
    ("authorizer", "NoteKeyUse", "dynamodb:PutItem"): note_use,
    ("authorizer", "ReportSuspicion", "dynamodb:PutItem"): report_guesses,
    ("authorizer", "ReadAdminKey", "secretsmanager:GetSecretValue"): identify_admin,
    ("ingest", "ReadVersion", "dynamodb:GetItem"): post_new,
    ("ingest", "StoreBatch", "dynamodb:BatchWriteItem"): post_new,
    ("ingest", "StoreBatch", "dynamodb:PartiQLInsert"): post_with_ids,
    ("ingest", "StoreEvent", "dynamodb:PutItem"): post_with_id,
    ("ingest", "CountGuards", "dynamodb:UpdateItem"): post_counted,
    ("api", "ReadEvents", "dynamodb:GetItem"): get_event,
    ("api", "ReadEvents", "dynamodb:Query"): list_events,
    ("api", "ReadEvents", "dynamodb:BatchGetItem"): search_index,
    ("api", "ReadCounts", "dynamodb:Query"): count_events,
    ("api", "FindEvents", "dynamodb:Query"): search_index,
    ("api", "ReadStoryAndInbox", "dynamodb:Query"): get_story,
    ("api", "ReadStoryAndInbox", "dynamodb:GetItem"): get_delivery,
    ("api", "FindDeliveries", "dynamodb:Query"): find_deliveries,
    ("api", "ReadDeliveries", "dynamodb:BatchGetItem"): list_deliveries,
    ("api", "SendAgain", "dynamodb:UpdateItem"): send_again,
    ("api", "ResetBreakerAndStopMail", "dynamodb:PutItem"): reset_breaker,
    ("api", "LiftMailStop", "dynamodb:DeleteItem"): lift_mail_stop,
    ("api", "PutBack", "sqs:SendMessage"): send_again,
    ("api", "SignLinks", "secretsmanager:GetSecretValue"): follow_link,
    ("api", "Configure", "dynamodb:GetItem"): get_settings,
    ("api", "Configure", "dynamodb:Query"): list_users,
    ("api", "Configure", "dynamodb:BatchGetItem"): list_keys,
    ("api", "Configure", "dynamodb:BatchWriteItem"): delete_key,
    ("api", "Configure", "dynamodb:PutItem"): change_transport,
    ("api", "Configure", "dynamodb:UpdateItem"): change_user,
    ("api", "Configure", "dynamodb:DeleteItem"): change_transport,
    ("api", "ReportChanges", "dynamodb:PutItem"): change_user,
    ("api", "CountMessages", "sqs:GetQueueAttributes"): read_status,
    ("api", "LookAtDeadLetters", "sqs:GetQueueAttributes"): read_status,
    ("api", "LookAtDeadLetters", "sqs:ReceiveMessage"): read_status,
    ("api", "ReadAges", "cloudwatch:GetMetricData"): read_status,
    ("api", "ReadErrors", "logs:FilterLogEvents"): read_status,
}
