"""Probes of long jobs: erasures and exports, a run of the schedule each."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.stack.permissions import Permission
from tests.stack.probes.over_http import ask, request
from tests.stack.probes.stage import PERSON, Payload, Probe, Stage, client, done
from tocsin.aws.bucket import MIN_PART
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.events.model import Event
from tocsin.ids import new_id
from tocsin.jobs.erasure import ErasureRequest, new_erasure
from tocsin.jobs.export import ExportRequest, file_of, new_export
from tocsin.jobs.model import Job, JobState, Requester
from tocsin.jobs.runner import MAX_FAILURES
from tocsin.jobs.store import JobStore
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.story import StoryStore
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.outcome import Outcome, State

KEEP = timedelta(days=1)
BY = Requester("probe", "probe", PERSON.username)


def jobs_of(stage: Stage) -> JobStore:
    """The stack's jobs, as its owner."""
    return JobStore(stage.stack.aws.dynamodb, stage.stack.deployed.deliveries_table)


def run(stage: Stage, job: Job, state: JobState = JobState.DONE) -> Job:
    """The job after a run of the schedule, which must end so."""
    jobs_of(stage).add(job)
    try:
        stage.invoke("jobs", {})
        found = jobs_of(stage).get(job.kind, job.id)
        assert found is not None
        done(found.state is state, found)
        return found
    finally:  # what was not done is not done by the next probe
        key: Payload = {"pk": {"S": f"jobs#{job.kind}"}, "sk": {"S": job.id}}
        stage.stack.aws.dynamodb.delete_item(TableName=stage.stack.deployed.deliveries_table, Key=key)


def told(stage: Stage, event: Event) -> None:
    """Have somebody be told of an event, in the inbox."""
    dynamodb, table = stage.stack.aws.dynamodb, stage.stack.deployed.deliveries_table
    message, now = DeliveryMessage(event.id, "probe", Severity.NOTICE, "inbox", "local", PERSON, once=False), _now()
    StoryStore(dynamodb, table).note_match(
        event.id, "probe", {}, page="0", told={"inbox": 1}, kept={}, now=now, keep=KEEP
    )
    stage.deliveries.take(message, now=now, lease=timedelta(seconds=1), keep=KEEP)
    stage.deliveries.note(message, Attempt(now, 1, Outcome(State.DELIVERED, "probe")), Following(State.DELIVERED))
    InboxStore(dynamodb, table).put(Notification.of(event, "probe", Severity.NOTICE, PERSON), keep=KEEP, now=now)


def erase(stage: Stage, _permission: Permission) -> None:
    name = f"probe-{uuid4()}"
    event = stage.stored_event(user={"username": name}, id=new_id(_now() - timedelta(minutes=5)))
    told(stage, event)
    found = run(stage, new_erasure(new_id(), ErasureRequest(username=name, reason="probe"), BY, _now()))
    done(found.shown["events"] == found.shown["notifications"] == 1, found)


def forget_held(stage: Stage, _permission: Permission) -> None:
    """Have an event erased that a batch held back, and look for it in what that batch wrote."""
    name = f"probe-{uuid4()}"
    event = stage.stored_event(user={"username": name}, id=new_id(_now() - timedelta(minutes=5)))
    held = HeldStore(stage.stack.aws.dynamodb, stage.stack.deployed.deliveries_table)
    held.write([HeldEvent(event.id, "probe", {"reason": "silenced"})], now=_now(), keep=KEEP)
    run(stage, new_erasure(new_id(), ErasureRequest(username=name, reason="probe"), BY, _now()))
    done(not held.of(event.id, now=_now()), "the event is still named among what was held")


def export(stage: Stage, permission: Permission) -> None:
    """Export an event that an index finds: that of users, or the one that the permission is of."""
    pk, address = str(uuid4()), f"203.0.113.{int(uuid4()) % 254 + 1}"
    stage.stored_event(user={"pk": pk}, client_ip=address, id=new_id(_now() - timedelta(minutes=5)))
    filters = {"client_ip": address} if permission.resource.endswith("by-client-ip") else {"user_pk": pk}
    waiting = stage.waiting("InboxQueue")
    found = run(stage, new_export(new_id(), ExportRequest(filters=filters), BY, _now()))
    done(found.shown["events"] == 1, found)
    done(stage.waiting("InboxQueue") == waiting + 1, "nobody is told")


def complete(stage: Stage, _permission: Permission) -> None:
    """Have a file completed of a part that is there."""
    run(stage, _with_part(stage, {"ended": True}))


def give_up(stage: Stage, _permission: Permission) -> None:
    """Have an export fail for good whose file has begun."""
    job = replace(_with_part(stage, {}), request={"filters": {"since": "never"}})
    dynamodb, table = stage.stack.aws.dynamodb, stage.stack.deployed.deliveries_table
    key: Payload = {"pk": {"S": f"jobs#{job.kind}"}, "sk": {"S": job.id}}
    jobs_of(stage).add(job)
    dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET failures = :often",
        ExpressionAttributeValues={":often": {"N": str(MAX_FAILURES - 1)}},
    )
    try:
        stage.invoke("jobs", {})
        uploads = client(stage.stack, "s3").list_multipart_uploads(Bucket=_bucket(stage)).get("Uploads", [])
        done(file_of(job) not in [each["Key"] for each in uploads], uploads)
    finally:
        dynamodb.delete_item(TableName=table, Key=key)


def link(stage: Stage, _permission: Permission) -> None:
    """Ask for the link of an export that is done."""
    job = new_export(new_id(), ExportRequest(), BY, _now())
    client(stage.stack, "s3").put_object(Bucket=_bucket(stage), Key=file_of(job), Body=b"{}\n")
    jobs = jobs_of(stage)
    jobs.add(job)
    (due,) = [each for each in jobs.due(now=_now() + timedelta(seconds=5), limit=100) if each["sk"]["S"] == job.id]
    lease = jobs.take(due, now=_now())
    assert lease is not None
    jobs.end(lease, job.ended(JobState.DONE), now=_now())
    shown = ask(stage, "api", request("GET", f"/exports/{job.id}"))
    done(shown["link"], shown)


def _with_part(stage: Stage, progress: dict[str, Any]) -> Job:
    """An export whose file has one part, made by the stack's owner."""
    job = new_export(new_id(), ExportRequest(filters={"app": "nobody"}), BY, _now())
    s3, bucket, key = client(stage.stack, "s3"), _bucket(stage), file_of(job)
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"\n" * MIN_PART)
    return job.went_on({"upload": upload, "parts": 1, **progress})


def _bucket(stage: Stage) -> str:
    found = stage.stack.aws.cloudformation.describe_stack_resource(
        StackName=stage.stack.deployed.stack_name, LogicalResourceId="ExportsBucket"
    )
    return found["StackResourceDetail"]["PhysicalResourceId"]


def _now() -> datetime:
    return datetime.now(UTC)


PROBES: dict[tuple[str, str, str], Probe] = {
    ("jobs", "FindJobs", "dynamodb:Query"): erase,
    ("jobs", "GoOn", "dynamodb:UpdateItem"): erase,
    ("jobs", "ReadEvents", "dynamodb:Query"): erase,
    ("jobs", "ReadEvents", "dynamodb:DeleteItem"): erase,
    ("jobs", "ReadEvents", "dynamodb:BatchGetItem"): export,
    ("jobs", "ReadEvents", "dynamodb:GetItem"): export,
    ("jobs", "ReadCounts", "dynamodb:Query"): erase,
    ("jobs", "FindEvents", "dynamodb:Query"): export,
    ("jobs", "ForgetStory", "dynamodb:Query"): erase,
    ("jobs", "ForgetStory", "dynamodb:BatchWriteItem"): erase,
    ("jobs", "ForgetHeld", "dynamodb:Query"): forget_held,
    ("jobs", "ForgetHeld", "dynamodb:UpdateItem"): forget_held,
    ("jobs", "FindNotification", "dynamodb:BatchGetItem"): erase,
    ("jobs", "FindNotification", "dynamodb:UpdateItem"): erase,
    ("jobs", "ForgetNotification", "dynamodb:DeleteItem"): erase,
    ("jobs", "WriteExports", "s3:PutObject"): export,
    ("jobs", "WriteExports", "s3:GetObject"): export,
    ("jobs", "WriteExports", "s3:ListMultipartUploadParts"): complete,
    ("jobs", "WriteExports", "s3:AbortMultipartUpload"): give_up,
    ("jobs", "ReadVersion", "dynamodb:GetItem"): erase,
    ("jobs", "ReportFailure", "dynamodb:PutItem"): erase,
    ("jobs", "ReadPerson", "dynamodb:BatchGetItem"): export,
    ("jobs", "Tell", "sqs:SendMessage"): export,
    ("api", "ReadExports", "s3:GetObject"): link,
}
