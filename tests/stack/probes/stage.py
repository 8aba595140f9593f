"""The stage that probes play on: functions invoked one by one, cold, with nothing else on the stack moving."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3

from local.aws import REGION, ROOT_KEY
from local.stack import LocalStack
from local.waiting import until
from tests.stack.permissions import Permission
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.deliveries.store import DeliveryStore
from tocsin.events.model import Event
from tocsin.events.store import EventStore, Submission
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.transport import NotificationTransport, TransportMode

type Payload = dict[str, Any]
"""A trigger's payload, or an answer; JSON that these tests know the shape of."""

PERSON = User("farah", "farah@example.com", "Farah Haddad")
# Of the sample configuration and the additions of this directory's conftest: a transport of each mode.
TRANSPORTS = {
    TransportMode.WEBHOOK: "flaky",
    TransportMode.WEBHOOK_SLACK: "everywhere-slack",
    TransportMode.EMAIL: "mail",
    TransportMode.LOCAL: "inbox",
}
QUEUES = {
    "WebhookQueue": TransportMode.WEBHOOK,
    "SlackQueue": TransportMode.WEBHOOK_SLACK,
    "EmailQueue": TransportMode.EMAIL,
    "InboxQueue": TransportMode.LOCAL,
}


class NotDone(AssertionError):
    """A function did not do what a probe asked of it. The message holds what there is instead."""


@dataclass(frozen=True)
class Stage:
    """What probes need of a stack."""

    stack: LocalStack
    keys: dict[str, str]  # the secrets of API keys, by name

    @property
    def deliveries(self) -> DeliveryStore:
        """The deliveries table, as the stack's owner."""
        return DeliveryStore(self.stack.aws.dynamodb, self.stack.deployed.deliveries_table)

    def invoke(self, function: str, payload: Payload) -> Payload:
        """The function's answer. NotDone where it raises."""
        answer = self.stack.aws.awslambda.invoke(
            FunctionName=self._name(function), Payload=json.dumps(payload).encode()
        )
        said: Payload = json.loads(answer["Payload"].read())
        done("FunctionError" not in answer, said)
        return said

    def chill(self, function: str) -> None:
        """Ends the function's processes, so that the next invocation knows nothing of earlier ones."""
        name, emulator = self._name(function), self.stack.emulator
        pids = emulator.function_processes(name)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until(lambda: not any(map(_runs, pids)), 120, of=f"the end of {name}'s processes")

    def waiting(self, queue: str) -> int:
        """How many messages are in a queue, those that are delayed included."""
        found = self.stack.aws.sqs.get_queue_attributes(
            QueueUrl=self.queue_url(queue),
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"],
        )
        return sum(map(int, found["Attributes"].values()))

    def reports(self, text: str) -> list[dict[str, Any]]:
        """The keys of the events in the table that say `text`."""
        pages = self.stack.aws.dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.deployed.events_table,
            FilterExpression="contains(event, :text)",
            ProjectionExpression="pk, sk",
            ExpressionAttributeValues={":text": {"S": text}},
        )
        return [item for page in pages for item in page["Items"]]

    def forget_reports(self, text: str) -> None:
        """Deletes the events that say `text`, and the markers by which one an hour is reported."""
        reports = self.reports(text)
        pages = self.stack.aws.dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.deployed.events_table,
            FilterExpression="begins_with(pk, :once)",
            ExpressionAttributeValues={":once": {"S": "once#"}},
        )
        ids = [report["sk"] for report in reports]
        markers = [item for page in pages for item in page["Items"] if item.get("id") in ids]
        for item in (*reports, *markers):
            key = {name: item[name] for name in ("pk", "sk")}
            self.stack.aws.dynamodb.delete_item(TableName=self.stack.deployed.events_table, Key=key)

    def queue_url(self, queue: str) -> str:
        """The URL of a queue, by its logical name in the template."""
        stack = self.stack.aws.cloudformation.describe_stack_resource(
            StackName=self.stack.deployed.stack_name, LogicalResourceId=queue
        )
        return stack["StackResourceDetail"]["PhysicalResourceId"]

    def transport(self, mode: TransportMode) -> NotificationTransport:
        """The transport of that mode that probes use, as it is configured."""
        store = ConfigurationStore(self.stack.aws.dynamodb, self.stack.deployed.config_table)
        return store.current()[1].transports_by_name[TRANSPORTS[mode]]

    def stored_event(self, **fields: Any) -> Event:
        """An event that is in the table."""
        event = new_event(**fields)
        (stored,) = EventStore(self.stack.aws.dynamodb, self.stack.deployed.events_table).add([Submission(event, None)])
        assert stored == event
        return event

    def noted_delivery(self, mode: TransportMode, state: State, *, due: bool = False) -> DeliveryMessage:
        """A delivery that is in the table, in that state after one attempt; `due` since a minute ago."""
        message, now = new_message(mode), datetime.now(UTC)
        self.deliveries.take(message, now=now, lease=timedelta(seconds=1), keep=timedelta(days=1))
        following = Following(state, now - timedelta(minutes=1) if due else None)
        self.deliveries.note(message, Attempt(now, 1, Outcome(state, "probe")), following)
        return message

    def state_of(self, message: DeliveryMessage) -> str:
        """Where the delivery stands; empty where it is in no table."""
        found = self.deliveries.get(message.delivery_id)
        return "" if found is None else str(found["state"])

    def put_breaker(self, transport: str, of: str, state: str, **numbers: float) -> None:
        """Makes that the transport's breaker: `failures`, `changed_at` in seconds since 1970."""
        item: Payload = {"pk": {"S": "breakers"}, "sk": {"S": transport}, "of": {"S": of}, "state": {"S": state}}
        item |= {name: {"N": str(number)} for name, number in numbers.items()}
        self.stack.aws.dynamodb.put_item(TableName=self.stack.deployed.deliveries_table, Item=item)

    def breaker(self, transport: str) -> Payload | None:
        """The transport's breaker, as its item."""
        key: Payload = {"pk": {"S": "breakers"}, "sk": {"S": transport}}
        return self.stack.aws.dynamodb.get_item(TableName=self.stack.deployed.deliveries_table, Key=key).get("Item")

    def forget_breakers(self) -> None:
        """Deletes the breakers of the transports that probes use."""
        for name in TRANSPORTS.values():
            key = {"pk": {"S": "breakers"}, "sk": {"S": name}}
            self.stack.aws.dynamodb.delete_item(TableName=self.stack.deployed.deliveries_table, Key=key)

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Stops mappings and schedules meanwhile, and throws away what is in the queues at the end."""
        awslambda, rules = self.stack.aws.awslambda, client(self.stack, "events")
        mappings = [each["UUID"] for each in awslambda.list_event_source_mappings()["EventSourceMappings"]]
        schedules = [each["Name"] for each in rules.list_rules()["Rules"] if "ScheduleExpression" in each]
        for mapping in mappings:
            awslambda.update_event_source_mapping(UUID=mapping, Enabled=False)
        for schedule in schedules:
            rules.disable_rule(Name=schedule)
        try:
            yield
        finally:
            for url in self.stack.aws.sqs.list_queues()["QueueUrls"]:
                self.stack.aws.sqs.purge_queue(QueueUrl=url)
            for mapping in mappings:
                awslambda.update_event_source_mapping(UUID=mapping, Enabled=True)
            for schedule in schedules:
                rules.enable_rule(Name=schedule)

    def _name(self, function: str) -> str:
        return f"{self.stack.deployed.stack_name}-{function}"


def client(stack: LocalStack, service: str) -> Any:
    """A boto3 client of the emulator, of a service that local/ has no use for."""
    keys = {"aws_access_key_id": ROOT_KEY, "aws_secret_access_key": ROOT_KEY}
    make: Any = boto3.client  # typed for services by their names alone
    return make(service, endpoint_url=stack.emulator.endpoint_url, region_name=REGION, **keys)


def _runs(pid: int) -> bool:
    """Whether a process runs. One that has ended and is not reaped does not: a worker is only replaced then."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in {"", "Z"}


type Probe = Callable[[Stage, Permission], None]
"""Has the function use the permission. NotDone where it does not do what it needs that for."""


def done(condition: object, what: object) -> None:
    """NotDone, which says `what` there is instead, unless the condition holds."""
    if not condition:
        raise NotDone(repr(what))


def new_event(**fields: Any) -> Event:
    """An event that no rule fires for, unless `fields` say otherwise."""
    given = {
        "id": new_id(),
        "action": "custom_probe",
        "app": "probe",
        "user": {},
        "context": {"message": "probe"},
        "client_ip": None,
    }
    return Event(brand="probe", expires=datetime.now(UTC) + timedelta(days=1), **(given | fields))


def new_message(mode: TransportMode, event: Event | None = None) -> DeliveryMessage:
    """A delivery to a person, of an event that it carries itself."""
    event = event or new_event()
    return DeliveryMessage(
        event_id=event.id,
        rule=f"probe-{uuid4()}",
        severity=Severity.NOTICE,
        transport=TRANSPORTS[mode],
        mode=mode,
        user=PERSON,
        once=False,
        event=event,
        paced=True,
    )
