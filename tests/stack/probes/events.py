"""Probes of what works on the events table's stream: matcher and rollup."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from local.faults import Fault
from tests.stack.permissions import Permission
from tests.stack.probes.stage import PERSON, Payload, Probe, Stage, done, new_event, new_message
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.events.model import Event
from tocsin.events.store import event_key
from tocsin.ids import new_id
from tocsin.matching.message import Cursor, MatchMessage
from tocsin.models import validated
from tocsin.notifications.transport import TransportMode
from tocsin.telling.preferences import Preferences
from tocsin.telling.preferences_store import PreferencesStore

# Of this directory's conftest: events of this app are told to one person by a transport of each mode.
TOLD_BY_ALL = "large"
# What the probes add to the configuration: a rule that may tell once an hour of each host, one whose policy asks for
# what is not there, and one that never fires and has a step.
LIMITED, BROKEN, OVER, ESCALATING = "probe-limited", "probe-broken", "probe-over", "probe-escalating"
POLICIES = {
    LIMITED: {"kind": "event_matcher", "app": LIMITED},
    BROKEN: {"kind": "expression", "expression": f"event.app == '{BROKEN}' && event.context.absent == 1"},
}
RULES = {
    LIMITED: {
        "transports": ["inbox"],
        "destination_group": "identity",
        "bindings": [{"policy": LIMITED}],
        "throttle": {"window": "hours=1", "max": 1, "group_by": ["context.host"]},
        "resolve": {"app": OVER, "by": ["context.host"]},
    },
    BROKEN: {"transports": ["inbox"], "destination_group": "identity", "bindings": [{"policy": BROKEN}]},
    ESCALATING: {"escalate": [{"after": "minutes=1", "unless": "seen", "destination_group": "identity"}]},
}


def record_of(event: Event) -> Payload:
    """The stream record of an event's INSERT."""
    key = event_key(event.id)
    image = {**key, "event": {"S": json.dumps(event.to_json())}}
    return {
        "eventSource": "aws:dynamodb",
        "eventName": "INSERT",
        "dynamodb": {"Keys": key, "NewImage": image, "SequenceNumber": "1"},
    }


def work_of(event: Event) -> Payload:
    """The match queue's message of an event that is to be matched again."""
    body = {"event_id": event.id, "reason": "probe", "rule": None, "cursor": None}
    return {"eventSource": "aws:sqs", "messageId": "1", "receiptHandle": "1", "body": json.dumps(body)}


def match(stage: Stage, *records: Payload) -> None:
    """Has the matcher take the records, none of which may come back, nor be handed on to be matched again."""
    handed_on = stage.waiting("MatchQueue")
    answer = stage.invoke("matcher", {"Records": list(records)})
    done(answer == {"batchItemFailures": []}, answer)
    done(stage.waiting("MatchQueue") == handed_on, "something was handed on to be matched again")


def tell_by_all(stage: Stage, _permission: Permission) -> None:
    match(stage, record_of(new_event(app=TOLD_BY_ALL)))


def hand_on(stage: Stage, permission: Permission) -> None:
    """Has the matcher put something on the permission's queue."""
    record = record_of(new_event(app=TOLD_BY_ALL))
    if permission.resource == "MatchQueue":
        untold = Fault("DynamoDB_20120810.UpdateItem", contains=stage.stack.deployed.deliveries_table)
        with stage.stack.emulator.failing(untold):
            answer = stage.invoke("matcher", {"Records": [record]})
        done(answer == {"batchItemFailures": []}, answer)
        return
    if permission.resource == "MatchDeadLetters":
        record["dynamodb"]["NewImage"] = {}
    match(stage, record)


def match_by_key(stage: Stage, _permission: Permission) -> None:
    match(stage, work_of(stage.stored_event()))


def report_policy_exception(stage: Stage, _permission: Permission) -> None:
    event = new_event(app=BROKEN)
    match(stage, record_of(event))
    done(stage.reports(event.id), "no event says that the policy failed")


def begin_window(stage: Stage, _permission: Permission) -> None:
    """Has the matcher let an event through, note who was told of it, and tell them that it is over."""
    host = str(uuid4())
    match(stage, *(record_of(new_event(app=app, context={"host": host})) for app in (LIMITED, OVER)))


def have_it_wait(stage: Stage, permission: Permission) -> None:
    """Has the matcher keep what it tells somebody for their digest."""
    preferences = PreferencesStore(stage.stack.aws.dynamodb, stage.stack.deployed.config_table)
    said = {"digest": {"every": "hour"}, "alerts_pass": False}
    preferences.change(PERSON.username, lambda _: validated(Preferences, said))
    try:
        tell_by_all(stage, permission)
    finally:
        preferences.forget([PERSON.username])
        stage.chill("matcher")  # it remembers for some seconds what people said


def hold_back(stage: Stage, _permission: Permission) -> None:
    host = str(uuid4())
    match(stage, *(record_of(new_event(app=LIMITED, context={"host": host})) for _ in range(2)))


def begin_matter(stage: Stage) -> tuple[Event, str]:
    """What the rule that escalates told of five minutes ago: its event, and the key of the matter."""
    event, about, now = stage.stored_event(), uuid4().hex, datetime.now(UTC)
    matters = EscalationStore(stage.stack.aws.dynamodb, stage.stack.deployed.deliveries_table)
    began, day = now - timedelta(minutes=5), timedelta(days=1)
    matters.begin(ESCALATING, about, event.id, steps=1, due=now - timedelta(minutes=4), now=began, keep=day)
    return event, about


def tell_step(stage: Stage, _permission: Permission) -> None:
    """Has the matcher tell a step, unless somebody has seen what was delivered to an inbox."""
    event, about = begin_matter(stage)
    told, second = replace(new_message(TransportMode.LOCAL, event), rule=ESCALATING), timedelta(seconds=1)
    stage.deliveries.take(told, now=datetime.now(UTC), lease=second, keep=timedelta(days=1))
    work = MatchMessage(event.id, ESCALATING, Cursor(), "probe", step=1, about=about)
    record = work_of(event) | {"body": work.to_body()}
    match(stage, record)


def count_firing(stage: Stage, _permission: Permission) -> None:
    """Has a rule fire, and looks for its count: the matcher does without, where it may not write it."""

    def counted() -> int:
        day = f"fired#{datetime.now(UTC):%Y-%m-%d}"
        key: Payload = {"pk": {"S": day}, "sk": {"S": TOLD_BY_ALL}}
        found = stage.stack.aws.dynamodb.get_item(TableName=stage.stack.deployed.deliveries_table, Key=key)
        hours = {name: value for name, value in found.get("Item", {}).items() if name.startswith("f")}
        return sum(int(value["N"]) for value in hours.values())

    before = counted()
    tell_by_all(stage, _permission)
    done(counted() > before, "the firing is not counted")


def wait_and_count(stage: Stage, permission: Permission) -> None:
    have_it_wait(stage, permission)
    count_firing(stage, permission)


def mark_hour(stage: Stage, _permission: Permission) -> None:
    hours_ago = datetime.now(UTC) - timedelta(hours=5)  # of the running hour only the end may change
    answer = stage.invoke("rollup", {"Records": [record_of(new_event(id=new_id(hours_ago)))]})
    done(answer == {"batchItemFailures": []}, answer)


def count_hour(stage: Stage, _permission: Permission) -> None:
    """Has an hour counted that is due, and that another run has claimed to beyond its end."""
    hour = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=int(uuid4()) % 1000)
    name, beyond = {"S": f"{hour:%Y-%m-%dT%H}"}, hour + timedelta(hours=2)
    item: Payload = {"pk": {"S": f"rollup#{hour:%Y-%m}"}, "sk": name}
    due: Payload = {"pk": {"S": "rollup#due"}, "sk": name}
    table, dynamodb = stage.stack.deployed.events_table, stage.stack.aws.dynamodb
    claimed = {"reach": {"N": str(int(beyond.timestamp() * 1000))}, "changed": {"N": "0"}}
    dynamodb.put_item(TableName=table, Item=item | claimed)
    dynamodb.put_item(TableName=table, Item=due | {"token": {"S": "probe"}})
    try:
        stage.invoke("rollup", {})
        left = dynamodb.get_item(TableName=table, Key=due)
        done("Item" not in left, left)
    finally:
        dynamodb.delete_item(TableName=table, Key=due)
        dynamodb.delete_item(TableName=table, Key=item)


PROBES: dict[tuple[str, str, str], Probe] = {
    ("matcher", "HandOn", "sqs:SendMessage"): hand_on,
    ("matcher", "ReadLargeEvent", "dynamodb:GetItem"): match_by_key,
    ("matcher", "ReportFailure", "dynamodb:PutItem"): report_policy_exception,
    ("matcher", "ReadVersion", "dynamodb:GetItem"): tell_by_all,
    ("matcher", "ReadRulesAndGroups", "dynamodb:Query"): tell_by_all,
    ("matcher", "ReadPeople", "dynamodb:BatchGetItem"): tell_by_all,
    ("matcher", "TellStory", "dynamodb:UpdateItem"): tell_by_all,
    ("matcher", "TellStory", "dynamodb:Query"): tell_step,
    ("matcher", "SeeWhatWasSeen", "dynamodb:BatchGetItem"): tell_step,
    ("matcher", "Throttle", "dynamodb:UpdateItem"): begin_window,
    ("matcher", "Throttle", "dynamodb:Query"): begin_window,
    ("matcher", "ExpectAndCount", "dynamodb:UpdateItem"): wait_and_count,
    ("matcher", "CountHeld", "dynamodb:BatchWriteItem"): hold_back,
    ("rollup", "ReadEvents", "dynamodb:Query"): count_hour,
    ("rollup", "KeepCounts", "dynamodb:Query"): count_hour,
    ("rollup", "KeepCounts", "dynamodb:GetItem"): count_hour,
    ("rollup", "KeepCounts", "dynamodb:PutItem"): mark_hour,
    ("rollup", "KeepCounts", "dynamodb:UpdateItem"): mark_hour,
    ("rollup", "KeepCounts", "dynamodb:DeleteItem"): count_hour,
}
