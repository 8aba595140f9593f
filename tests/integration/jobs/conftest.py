"""Long jobs on moto: the bucket of exports, and runs of the schedule."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import RECORDER, REGION, Stack
from tests.integration.handler_calls import Answer
from tocsin.aws import clients
from tocsin.aws.bucket import Bucket
from tocsin.aws.sqs import Outbox
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.queues import Queues
from tocsin.events.model import Event
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import EventStore, Submission
from tocsin.events.system import SystemEvents
from tocsin.identity.store import PeopleStore
from tocsin.ids import new_id
from tocsin.jobs.erasure import Erasure
from tocsin.jobs.export import PART, Export
from tocsin.jobs.model import JobKind
from tocsin.jobs.runner import JobRunner
from tocsin.jobs.store import JobStore
from tocsin.matching.story import StoryStore
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.transport import TransportMode

BUCKET = "exports-bucket"


@dataclass
class Jobs:
    """Jobs of one test, and the schedule that runs them, by a clock that the test sets forward."""

    stack: Stack
    api: Api
    s3: Any
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    part: int = PART
    console_url: str = "https://api.example.com/console"

    def ask(self, kind: str, **body: Any) -> Answer:
        """Ask for a job, over HTTP."""
        return self.api("POST", f"/{kind}", body)

    def shown(self, asked: Answer) -> dict[str, Any]:
        """A job as the API shows it now."""
        answer = self.api("GET", asked.headers["location"])
        assert answer.status == 200, answer.text
        body: dict[str, Any] = answer.body
        return body

    def runner(self, dynamodb: Any = None, bucket: Bucket | None = None) -> JobRunner:
        """What the jobs function makes, on this test's clock."""
        client = dynamodb or self.stack.dynamodb
        configuration = ConfigurationStore(client, "config")
        system_events = SystemEvents(EventStore(client, "events"))
        queues = {TransportMode.LOCAL: self.stack.queues["Inbox"]}
        erasure = Erasure(
            client,
            "events",
            stories=StoryStore(client, "deliveries"),
            inboxes=InboxStore(client, "deliveries"),
            system_events=system_events,
            configuration=configuration,
        )
        export = Export(
            client,
            "events",
            bucket or Bucket(clients.s3, BUCKET),
            people=PeopleStore(client, "config"),
            queues=Queues(lambda: Outbox(clients.sqs()), queues),
            system_events=system_events,
            configuration=configuration,
            console_url=self.console_url,
            part=self.part,
        )
        work = {JobKind.ERASURE: erasure, JobKind.EXPORT: export}
        return JobRunner(JobStore(client, "deliveries"), work, system_events, configuration, clock=lambda: self.now)

    def run(self, has_time: Callable[[], bool] = lambda: True, runner: JobRunner | None = None) -> dict[str, int]:
        """One run of the schedule, a minute after the last one."""
        self.now += timedelta(minutes=1)
        run = RECORDER.in_role_of("jobs", (runner or self.runner()).run)
        return run(has_time=has_time)

    def files(self) -> dict[str, bytes]:
        """The objects in the bucket."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {each["Key"]: self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed}


@pytest.fixture
def jobs(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)  # so that parts need not be large to be several
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    api = Api.of(stack, user="ops")
    assert api("PUT", "/users/ops", {"email": "ops@example.com"}).status == 201
    Rollups(stack.dynamodb, "events").mark(event["id"] for event in stack.events())  # so that the log has a beginning
    return Jobs(stack, api, s3)


def log_of(stack: Stack, *events: Event) -> list[Event]:
    """Store events, and count them, as the stream has it done."""
    EventStore(stack.dynamodb, "events").add([Submission(each, None) for each in events])
    rollups = Rollups(stack.dynamodb, "events")
    rollups.mark(event.id for event in events)
    now = datetime.now(UTC)
    since = now - min(event.created for event in events)
    rollups.catch_up(now, has_time=lambda: True, history=max(since, timedelta()))
    return list(events)


def an_event(ago: timedelta = timedelta(hours=2), **fields: Any) -> Event:
    known: dict[str, Any] = {
        "id": new_id(datetime.now(UTC) - ago),
        "action": "login",
        "app": "shop",
        "user": {"username": "bob", "pk": 8, "email": "bob@example.com"},
        "context": {},
        "client_ip": None,
        "brand": "default",
        "expires": datetime.now(UTC) + timedelta(days=30),
    }
    return Event(**(known | fields))
