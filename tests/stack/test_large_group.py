"""A group of 100,000 members on the deployed stack: the matcher works through it in pages, and tells each once.

It has a stack of its own, on which nothing takes the messages from the inbox's queue but this test.
"""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from local.stack import LocalStack, local_stack
from local.workspace import Workspace
from tests.stack.conftest import Quiet
from tocsin.directory import User
from tocsin.store.configuration import ConfigurationStore
from tocsin.store.people import PeopleStore

MEMBERS = 100_000
PATIENCE_S = 120
"""How long nobody new may come before the test gives up."""

CONFIGURATION = {
    "groups": [{"name": "everyone"}],
    "transports": [{"name": "inbox", "mode": "local"}],
    "policies": [{"name": "fire", "kind": "event_matcher", "action": "custom_fire"}],
    "rules": [{"name": "alarm", "destination_group": "everyone", "bindings": [{"policy": "fire"}]}],
}


@pytest.mark.exhaustive
def test_each_of_a_hundred_thousand_members_is_told_once(tmp_path: Path) -> None:
    with local_stack(Workspace(tmp_path), Quiet()) as stack:
        stack.api().put_blueprint(json.dumps(CONFIGURATION))
        enrol(stack)
        queue = inbox_that_nobody_reads(stack)

        began = time.monotonic()
        event = stack.api().post_event({"action": "fire", "app": "building"})
        told = taken_from(stack, queue)
        took = time.monotonic() - began

        story = stack.api().ask("GET", f"/events/{event['id']}/deliveries").json()
    print(f"{MEMBERS:,} members told in {took:.0f} s, {took / MEMBERS * 1000:.2f} ms each")
    assert len(told) == MEMBERS
    assert set(told.values()) == {1}
    assert [(rule["rule"], rule["deliveries"]) for rule in story["rules"]] == [("alarm", {"inbox": MEMBERS})]


def enrol(stack: LocalStack) -> None:
    """Puts the members into the group, past the API, which takes blueprints of 1 MiB."""
    table = stack.deployed.config_table
    _, configuration = ConfigurationStore(stack.aws.dynamodb, table).current(fresh=True)
    group = configuration.groups_by_name["everyone"]
    names = [f"member-{number:06d}" for number in range(MEMBERS)]
    people = PeopleStore(stack.aws.dynamodb, table)
    people.write(users=[User(name) for name in names], members=[(group, name) for name in names])


def inbox_that_nobody_reads(stack: LocalStack) -> str:
    """The URL of the inbox's queue, from now on left to the test."""
    function = f"{stack.deployed.stack_name}-inbox"
    (mapping,) = stack.aws.awslambda.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    stack.aws.awslambda.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    queue = mapping["EventSourceArn"].rpartition(":")[2]
    return stack.aws.sqs.get_queue_url(QueueName=queue)["QueueUrl"]


def taken_from(stack: LocalStack, queue: str) -> Counter[str]:
    """Whom the messages in the queue are for, once all of them came."""
    told: Counter[str] = Counter()
    last = time.monotonic()
    while told.total() < MEMBERS and time.monotonic() - last < PATIENCE_S:
        got = stack.aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        messages = got.get("Messages", [])
        if not messages:
            continue
        last = time.monotonic()
        told.update(json.loads(message["Body"])["user"]["username"] for message in messages)
        stack.aws.sqs.delete_message_batch(
            QueueUrl=queue,
            Entries=[{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)],
        )
    return told
