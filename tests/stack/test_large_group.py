"""A group of 100,000 members on the deployed stack: the matcher works through it by its queue, and tells each once.

It has a stack of its own (`make crowd`; CROWD_MEMBERS, CROWD_INBOXES for fewer or more). The matcher hands the rest
on to itself through SQS and its mapping, with loops detected as Lambda does. Of all members it is counted what is on
its way to their inboxes; of some, what arrives there: 100,000 deliveries are hours of the emulator's time.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from local.stack import LocalStack, local_stack
from local.waiting import until
from local.workspace import Workspace
from tests.stack.conftest import Quiet
from tocsin.config.store import ConfigurationStore
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.matching.recipients import PAGE, PAGES_AT_ONCE

MEMBERS = int(os.environ.get("CROWD_MEMBERS", "100000"))
INBOXES = int(os.environ.get("CROWD_INBOXES", "6000"))
"""More than 16 hops of the matcher, after which Lambda stops a loop that nobody allows."""
STANDSTILL_S = 600
CONFIGURATION = {
    "groups": [{"name": "everyone"}, {"name": "wardens"}],
    "transports": [{"name": "inbox", "mode": "local"}],
    "policies": [
        {"name": "fire", "kind": "event_matcher", "action": "custom_fire"},
        {"name": "drill", "kind": "event_matcher", "action": "custom_drill"},
    ],
    "rules": [
        {"name": "alarm", "destination_group": "everyone", "bindings": [{"policy": "fire"}]},
        {"name": "rehearsal", "destination_group": "wardens", "bindings": [{"policy": "drill"}]},
    ],
}

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack with both groups."""
    with local_stack(Workspace(tmp_path_factory.mktemp("crowd")), Quiet()) as stack:
        stack.api().put_blueprint(json.dumps(CONFIGURATION))
        names = [f"member-{number:06d}" for number in range(MEMBERS)]
        began = monotonic()
        enrol(stack, {"everyone": names, "wardens": names[:INBOXES]})
        print(f"\n{MEMBERS:,} members enrolled in {monotonic() - began:.0f} s")
        yield stack


def test_each_of_a_hundred_thousand_members_is_told_once(crowd: LocalStack) -> None:
    inbox, match = mapping_of(crowd, "inbox"), mapping_of(crowd, "matcher")
    crowd.aws.awslambda.update_event_source_mapping(UUID=inbox["UUID"], Enabled=False)  # the test takes them
    began = monotonic()

    event = crowd.api().post_event({"action": "fire", "app": "building"})
    told = told_of(crowd, inbox=queue_of(crowd, inbox), match=queue_of(crowd, match))

    took = monotonic() - began
    crowd.aws.awslambda.update_event_source_mapping(UUID=inbox["UUID"], Enabled=True)
    hops = -(-MEMBERS // (PAGE * PAGES_AT_ONCE)) - 1
    print(f"{len(told):,} of {MEMBERS:,} members told in {took:.0f} s, by {hops} hops of the matcher")
    assert len(told) == MEMBERS
    assert set(told.values()) == {1}
    assert deliveries(crowd, event["id"]) == [("alarm", {"inbox": MEMBERS})]


def test_what_a_large_group_is_told_arrives_in_each_inbox_once(crowd: LocalStack) -> None:
    queues = [queue_of(crowd, mapping_of(crowd, function)) for function in ("matcher", "inbox")]
    began = monotonic()

    event = crowd.api().post_event({"action": "drill", "app": "building"})
    whole = [("rehearsal", {"inbox": INBOXES})]
    until(lambda: deliveries(crowd, event["id"]) == whole, 3600, of="the whole group", pause_s=2)
    until(lambda: not sum(depth(crowd, queue) for queue in queues), 3600, of="all of their inboxes", pause_s=2)

    took = monotonic() - began
    inboxes = Counter(item["pk"]["S"] for item in items(crowd, "inbox#", "a#"))
    states = Counter(item["state"]["S"] for item in items(crowd, f"event#{event['id']}", "delivery#"))
    print(f"{len(inboxes):,} of {INBOXES:,} inboxes have it, once each, in {took:.0f} s: {dict(states)}")
    assert inboxes == {f"inbox#member-{number:06d}": 1 for number in range(INBOXES)}
    assert states == {"delivered": INBOXES}


def enrol(stack: LocalStack, groups: dict[str, list[str]]) -> None:
    """Puts the members into their groups, past the API, which takes blueprints of some MiB."""
    table = stack.deployed.config_table
    _, configuration = ConfigurationStore(stack.aws.dynamodb, table).current(fresh=True)
    people = PeopleStore(stack.aws.dynamodb, table)
    members = [(configuration.groups_by_name[group], name) for group, names in groups.items() for name in names]
    people.write(users=[User(name) for name in groups["everyone"]], members=members)


def mapping_of(stack: LocalStack, function: str) -> dict[str, Any]:
    """The mapping by which a queue triggers a function."""
    name = f"{stack.deployed.stack_name}-{function}"
    mappings = stack.aws.awslambda.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    (mapping,) = [each for each in mappings if ":sqs:" in each["EventSourceArn"]]
    return dict(mapping)


def queue_of(stack: LocalStack, mapping: dict[str, Any]) -> str:
    """The URL of a mapping's queue."""
    return stack.aws.sqs.get_queue_url(QueueName=mapping["EventSourceArn"].rpartition(":")[2])["QueueUrl"]


def told_of(stack: LocalStack, *, inbox: str, match: str) -> Counter[str]:
    """Whom messages to the inbox's queue are for, which nobody but this takes: until no more can come.

    They are taken as they come: the emulator looks through all of a queue for each message.
    """
    told: Counter[str] = Counter()

    def is_over() -> bool:
        return len(told) >= MEMBERS and not depth(stack, match)

    while not is_over() or depth(stack, inbox):
        waited_for = f"somebody more than the {len(told):,} who were told"
        until(lambda: depth(stack, inbox) or is_over(), STANDSTILL_S, of=waited_for, pause_s=0.5)
        for message in messages(stack, inbox):
            told[json.loads(message["Body"])["user"]["username"]] += 1
    return told


def messages(stack: LocalStack, queue: str) -> Iterator[Any]:
    """All that a queue has now, taken from it."""
    while found := stack.aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        yield from found
        stack.aws.sqs.delete_message_batch(
            QueueUrl=queue,
            Entries=[{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(found)],
        )


def depth(stack: LocalStack, queue: str) -> int:
    """How many messages a queue has, those that somebody works on too."""
    names: Any = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    found = stack.aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(map(int, found.values()))


def deliveries(stack: LocalStack, event: str) -> list[tuple[str, Any]]:
    """The rules that an event matched, and how many deliveries each made by its transports."""
    story = stack.api().ask("GET", f"/events/{event}/deliveries").json()
    return [(rule["rule"], rule["deliveries"]) for rule in story["rules"]]


def items(stack: LocalStack, partitions: str, keys: str) -> Iterator[dict[str, Any]]:
    """The items of the deliveries table whose keys begin so."""
    pages = stack.aws.dynamodb.get_paginator("scan").paginate(
        TableName=stack.deployed.deliveries_table,
        FilterExpression="begins_with(pk, :partitions) AND begins_with(sk, :keys)",
        ExpressionAttributeValues={":partitions": {"S": partitions}, ":keys": {"S": keys}},
    )
    return (item for page in pages for item in page["Items"])
