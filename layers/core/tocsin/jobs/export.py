"""Write events to a file in the stack's bucket, as a multipart upload where it is large.

Steps, each safe to repeat:

    read        write the next events, the oldest first, to the next part of the file. Rows that do not fill a part are
                stored in an object of their own until the next step.
    complete    complete the upload, if there is one
    tell        report an event that says that the file is ready
    notify      put a notification into the inbox of whoever asked
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from tocsin.aws.bucket import MAX_PARTS, Bucket
from tocsin.config.store import ConfigurationStore
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.queues import Queues
from tocsin.errors import Invalid, Unavailable, Violation
from tocsin.events.model import EventAction
from tocsin.events.search.query import FILTERS, parse_search
from tocsin.events.search.scan import AHEAD, Scan
from tocsin.events.search.timeline import Budget, time_of
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.identity.store import PeopleStore
from tocsin.jobs.model import Job, JobKind, JobState, Requester
from tocsin.jobs.rows import ExportFormat, rows_of
from tocsin.jobs.runner import CanNotGoOn, Step
from tocsin.models import Model, stored_as
from tocsin.notifications.model import Severity
from tocsin.notifications.transport import INBOX
from tocsin.records import dataclass, field
from tocsin.times import iso
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from pydantic import Field  # tocsin.models says what for

KEPT = timedelta(days=7)
"""How long a file is kept. The bucket's lifecycle rule must have the same number."""
LINK_SECONDS = 300
RULE = "export"
"""Stands for the rule's name in notifications about exports, which no rule sends."""

PART = 16 * 1024 * 1024
"""Bytes of a part. S3 allows 10,000 parts, so a file may have 160 GB."""

_LIMITS = "a file has at most 10,000 parts of 16 MiB; ask for a shorter time or fewer events"


@dataclass(frozen=True, kw_only=True)
class ExportRequest(Model):
    """Which events are written, and in which format. `filters` are those of GET /events."""

    format: ExportFormat = field(default=ExportFormat.JSONL, metadata=stored_as(ExportFormat))
    filters: Annotated[dict[str, str], Field(max_length=len(FILTERS))] = field(default_factory=dict)


def new_export(job_id: str, asked: ExportRequest, by: Requester, now: datetime) -> Job:
    """Return a new export job for events up to `now`. Raises Invalid naming each wrong filter."""
    unknown = [name for name in asked.filters if name not in FILTERS]
    if unknown:
        raise Invalid([Violation(f"filters.{name[:60]}", "is no filter of GET /events") for name in unknown])
    filters, until = dict(asked.filters), iso(now + AHEAD)
    end = datetime.fromisoformat(until)
    try:
        given = parse_search(filters)
    except Invalid as error:
        raise Invalid([Violation(f"filters.{each.path}", each.message) for each in error.violations]) from None
    if given.since is not None and given.since >= end:
        raise Invalid([Violation("filters.since", "must lie before now: what has not happened yet is in no export")])
    if given.until is None or given.until > end:
        filters["until"] = until
    shown: JsonObject = {
        "format": asked.format.value,
        "filters": {**asked.filters},
        "events": 0,
        "bytes": None,
        "filter_failed": 0,
        "scanned_until": None,
        "kept_until": None,
    }
    return Job(job_id, JobKind.EXPORT, by, now, {"filters": {**filters}}, shown, {})


def file_of(job: Job) -> str:
    """Return the S3 key of an export's file."""
    return f"exports/{job.id}.{job.shown['format']}"


class Export:
    """Carries out exports, step by step."""

    def __init__(
        self,
        client: DynamoDBClient,
        events_table: str,
        bucket: Bucket,
        *,
        people: PeopleStore,
        queues: Queues,
        system_events: SystemEvents,
        configuration: ConfigurationStore,
        console_url: str = "",
        part: int = PART,
    ) -> None:
        self._client = client
        self._table = events_table
        self._events = EventStore(client, events_table)
        self._bucket = bucket
        self._people = people
        self._queues = queues
        self._system_events = system_events
        self._configuration = configuration
        self._console_url = console_url
        self._part = part

    def step(self, job: Job, now: datetime) -> Step:
        """Do the next step."""
        if not job.progress.get("written"):
            return Step(self._complete(job, now) if job.progress.get("ended") else self._read(job, now))
        if not job.progress.get("event_id"):
            return Step(job.went_on(job.progress | {"event_id": self._tell(job, now)}))
        self._notify(job)
        return Step(job.ended(JobState.DONE))

    def give_up(self, job: Job) -> None:
        """Abort the upload, which deletes its parts."""
        upload = job.progress.get("upload")
        if isinstance(upload, str):
            self._bucket.abort(file_of(job), upload)

    # ── the file ─────────────────────────────────────────────────────────────

    def _read(self, job: Job, now: datetime) -> Job:
        rows = rows_of(ExportFormat(str(job.shown["format"])))
        parts, rest = _number(job.progress, "parts"), _number(job.progress, "rest")
        position = job.progress.get("position")
        file = bytearray(self._bucket.get(_rest_of(job, rest)) if rest else b"" if parts else rows.head)
        walk = self._walk(job, now, position if isinstance(position, str) else None)
        events = 0
        for event in walk:
            file += rows.of(event)
            events += 1
            if len(file) >= self._part:
                break
        progress = job.progress | {"position": walk.position, "ended": walk.ended}
        if len(file) >= self._part or (file and walk.ended and parts):
            progress |= self._add_part(job, bytes(file), parts + 1, rows.content_type)
        elif walk.ended and not parts:
            self._bucket.put(file_of(job), bytes(file), rows.content_type)
        elif file:
            # Named differently from the previous one, which is still needed if storing this step fails.
            self._bucket.put(_rest_of(job, rest + 1), bytes(file), rows.content_type)
            progress |= {"rest": rest + 1}
        until = job.created if walk.ended or walk.position is None else time_of(walk.position)
        return job.went_on(
            progress,
            events=_number(job.shown, "events") + events,
            filter_failed=_number(job.shown, "filter_failed") + walk.screening.failed,
            scanned_until=iso(until),
        )

    def _walk(self, job: Job, now: datetime, position: str | None) -> Scan:
        filters = {name: str(value) for name, value in _object(job.request.get("filters")).items()}
        budget = Budget(items=60_000, size=96_000_000, queries=4_096, seconds=15.0)
        return Scan(
            self._client,
            self._table,
            parse_search(filters),
            now=now,
            budget=budget,
            newest_first=False,
            position=position,
        )

    def _add_part(self, job: Job, body: bytes, number: int, content_type: str) -> JsonObject:
        if number > MAX_PARTS:
            raise CanNotGoOn(_LIMITS)
        upload = job.progress.get("upload")
        if not isinstance(upload, str):
            upload = self._bucket.begin(file_of(job), content_type)
        self._bucket.put_part(file_of(job), upload, number, body)
        return {"upload": upload, "parts": number, "rest": 0}

    def _complete(self, job: Job, now: datetime) -> Job:
        upload = job.progress.get("upload")
        if isinstance(upload, str):
            self._bucket.complete(file_of(job), upload, _number(job.progress, "parts"))
        size = self._bucket.size(file_of(job))
        if size is None:
            raise CanNotGoOn("its file is gone")
        return job.went_on(job.progress | {"written": True}, bytes=size, kept_until=iso(now + KEPT))

    # ── telling ──────────────────────────────────────────────────────────────

    def _tell(self, job: Job, now: datetime) -> str:
        count, until = _number(job.shown, "events"), str(job.shown["kept_until"])[:10]
        about: dict[str, object] = {
            "message": f"{job.by.key_name}'s export of {count:,} events is ready, until {until}",
            "export": job.id,
            "format": job.shown["format"],
            "filters": job.shown["filters"],
            "events": count,
            "bytes": job.shown["bytes"],
            "by": job.by.key_name,
            "by_id": job.by.key_id,
        }
        if self._console_url:
            about |= {"hyperlink": f"{self._console_url}#/exports/{job.id}", "hyperlink_label": "Download it"}
        return self._system_events.report(
            EventAction.EXPORT_READY,
            about,
            cause=None,
            settings=self._configuration.version().settings,
            hourly=("export", job.id),
            now=now,
            user={} if job.by.user is None else {"username": job.by.user},
        )

    def _notify(self, job: Job) -> None:
        """Queue a notification for the inbox of whoever asked. Its id is always the same, so repeating is harmless."""
        event = self._events.get(str(job.progress["event_id"]))
        user = None if job.by.user is None else self._people.users([job.by.user]).get(job.by.user)
        if event is None or user is None:
            return
        message = DeliveryMessage(
            event_id=event.id,
            rule=RULE,
            severity=Severity.NOTICE,
            transport=INBOX.name,
            mode=INBOX.mode,
            user=user,
            once=False,
            event=event,
        )
        if not self._queues.send([(message, 0)]):
            raise Unavailable("the queue of inboxes does not take the notification")


def _rest_of(job: Job, number: int) -> str:
    return f"exports/{job.id}/rest-{number}"


def _number(values: Mapping[str, Json], name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) else 0


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
