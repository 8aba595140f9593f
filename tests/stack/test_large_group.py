"""A group of 100,000 members on the deployed stack: the matcher works through it in pages, and tells each once.

It has a stack of its own, on which nobody but this test takes messages from the queues of matcher and inbox.
"""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from local.stack import LocalStack, local_stack
from local.waiting import until
from local.workspace import Workspace
from tests.stack.conftest import Quiet
from tocsin.config.store import ConfigurationStore
from tocsin.identity.directory import User
from tocsin.identity.store import PeopleStore
from tocsin.matching.recipients import PAGE, PAGES_AT_ONCE

MEMBERS = 100_000
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
        inbox, match = left_to_the_test(stack, "inbox"), left_to_the_test(stack, "matcher")

        began = time.monotonic()
        event = stack.api().post_event({"action": "fire", "app": "building"})
        told, handed_on = until_nobody_is_left(stack, inbox, match)
        took = time.monotonic() - began

        story = stack.api().ask("GET", f"/events/{event['id']}/deliveries").json()
    print(f"{MEMBERS:,} members told in {took:.0f} s, handed on {handed_on} times")
    assert len(told) == MEMBERS
    assert set(told.values()) == {1}
    assert handed_on == -(-MEMBERS // (PAGE * PAGES_AT_ONCE)) - 1
    assert [(rule["rule"], rule["deliveries"]) for rule in story["rules"]] == [("alarm", {"inbox": MEMBERS})]


def enrol(stack: LocalStack) -> None:
    """Puts the members into the group, past the API, which takes blueprints of 1 MiB."""
    table = stack.deployed.config_table
    _, configuration = ConfigurationStore(stack.aws.dynamodb, table).current(fresh=True)
    group = configuration.groups_by_name["everyone"]
    names = [f"member-{number:06d}" for number in range(MEMBERS)]
    people = PeopleStore(stack.aws.dynamodb, table)
    people.write(users=[User(name) for name in names], members=[(group, name) for name in names])


def left_to_the_test(stack: LocalStack, function: str) -> str:
    """The URL of the queue that triggers a function, and does so no more."""
    name = f"{stack.deployed.stack_name}-{function}"
    mappings = stack.aws.awslambda.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    (mapping,) = [each for each in mappings if ":sqs:" in each["EventSourceArn"]]
    stack.aws.awslambda.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    queue = mapping["EventSourceArn"].rpartition(":")[2]
    return stack.aws.sqs.get_queue_url(QueueName=queue)["QueueUrl"]


def until_nobody_is_left(stack: LocalStack, inbox: str, match: str) -> tuple[Counter[str], int]:
    """Whom the messages for the inbox are for, and how often the matcher handed the rest on to itself.

    The matcher is given its own messages one by one, and the inbox's are taken in between: the emulator looks
    through all of a queue for each message, so that a queue of tens of thousands would take it hours.
    """
    told: Counter[str] = Counter()
    handed_on = 0
    until(lambda: waiting(stack, match), 180, of="the rest that is handed on")
    while True:
        for message in taken(stack, inbox):
            told[json.loads(message["body"])["user"]["username"]] += 1
        more = taken(stack, match)
        if not more:
            return told, handed_on
        handed_on += len(more)
        answer = stack.aws.awslambda.invoke(
            FunctionName=f"{stack.deployed.stack_name}-matcher", Payload=json.dumps({"Records": more}).encode()
        )
        assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}


def waiting(stack: LocalStack, queue: str) -> int:
    """How many messages a queue has."""
    wanted = "ApproximateNumberOfMessages"
    return int(stack.aws.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[wanted])["Attributes"][wanted])


def taken(stack: LocalStack, queue: str) -> list[dict[str, str]]:
    """All that a queue has now, as Lambda hands it over, and gone from there."""
    found: list[dict[str, str]] = []
    while True:
        got = stack.aws.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        if not got:
            return found
        found += [{"messageId": each["MessageId"], "body": each["Body"], "eventSource": "aws:sqs"} for each in got]
        stack.aws.sqs.delete_message_batch(
            QueueUrl=queue,
            Entries=[{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(got)],
        )
