"""Delete the events of a person, and what was derived from them: stories, deliveries, notifications.

Steps, each safe to repeat:

    find     find the person's next events, the oldest first, and store their ids before any is deleted, so that the
             count stays exact
    delete   delete each of them: the event, then its notifications in inboxes, then its story
    wait     where a notification was still in a queue, delete again after 20 minutes, when it has arrived
    tell     report an event that says who asked and how many were deleted, without the person's name
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from tocsin.config.store import ConfigurationStore
from tocsin.events.model import OWN_APP, Event, EventAction
from tocsin.events.search.query import Search, is_same
from tocsin.events.search.scan import AHEAD, Scan
from tocsin.events.search.timeline import Budget, time_of
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.jobs.model import Job, JobKind, JobState, Requester
from tocsin.jobs.runner import Step
from tocsin.matching.story import StoryStore
from tocsin.models import Model
from tocsin.names import is_called, nfc
from tocsin.notifications.inbox_store import InboxStore
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from pydantic import AfterValidator, Field  # tocsin.models says what for

    from tocsin.fields import PersonKey

FOUND_AT_ONCE = 200
DELETED_AT_ONCE = 25
TRACES_AT_ONCE = 100
"""Entries of one event's story deleted per step: with a large group it may have a hundred thousand."""
ON_THE_WAY = timedelta(minutes=20)
"""How long a queued message may take to reach the table: SQS's longest delay (15 minutes), and a margin."""
MOST_ON_THE_WAY = 500

_PARALLEL = 8


@dataclass(frozen=True, kw_only=True)
class ErasureRequest(Model):
    """Whose events are deleted: those whose user matches any of the fields. The event that reports it has `reason`."""

    username: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(nfc)] | None = None
    pk: PersonKey | None = None
    email: Annotated[str, Field(min_length=3, max_length=320)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]

    def __post_init__(self) -> None:
        if self.username is None and self.pk is None and self.email is None:
            raise ValueError("name the person by username, pk or email, or several of them")

    def is_about(self, event: Event) -> bool:
        """Whether the person is the event's user, acts as that user or through them, or is named in its context."""
        if self.username is not None and is_called(event.context.get("username"), self.username):
            return True
        people = (event.user, event.user.get("on_behalf_of"), event.user.get("authenticated_as"))
        return any(isinstance(person, dict) and self._is(person) for person in people)

    def _is(self, person: JsonObject) -> bool:
        if self.username is not None and is_called(person.get("username"), self.username):
            return True
        pk, email = person.get("pk"), person.get("email")
        if self.pk is not None and is_same(pk, str(self.pk)):
            return True
        return self.email is not None and isinstance(email, str) and _as_mailed(email) == _as_mailed(self.email)


def _as_mailed(email: str) -> str:
    """The address as mail is sent to it, in one case; one that none could be sent to as it was typed."""
    from tocsin.notifications.email.address import (  # noqa: PLC0415 - the API, which starts without it, mails nobody
        NoAddress,
        mail_address,
    )

    try:
        return mail_address(email).casefold()
    except NoAddress:
        return nfc(email).strip().casefold()


def new_erasure(job_id: str, asked: ErasureRequest, by: Requester, now: datetime) -> Job:
    """Return a new erasure job for the request."""
    request: JsonObject = {"person": {"username": asked.username, "pk": asked.pk, "email": asked.email}}
    shown: JsonObject = {"reason": asked.reason, "events": 0, "notifications": 0, "scanned_until": None}
    return Job(job_id, JobKind.ERASURE, by, now, request, shown, {})


@dataclass(frozen=True, slots=True)
class _Deleted:
    """The result for one event: whether all of it is deleted, and whether a message of it was still queued."""

    is_gone: bool
    is_on_the_way: bool
    notifications: int


class Erasure:
    """Carries out erasures, step by step."""

    def __init__(
        self,
        client: DynamoDBClient,
        events_table: str,
        *,
        stories: StoryStore,
        inboxes: InboxStore,
        system_events: SystemEvents,
        configuration: ConfigurationStore,
    ) -> None:
        self._client = client
        self._table = events_table
        self._events = EventStore(client, events_table)
        self._stories = stories
        self._inboxes = inboxes
        self._system_events = system_events
        self._configuration = configuration

    def step(self, job: Job, now: datetime) -> Step:
        """Do the next step."""
        pending = _texts(job.progress.get("pending"))
        if pending:
            return self._delete(job, pending, now)
        if not job.progress.get("ended"):
            return self._find(job, now)
        again = _texts(job.progress.get("on_the_way"))
        if again:
            due = datetime.fromisoformat(str(job.progress["again_at"]))
            if now < due:
                return Step(job, due)
            return Step(job.went_on(job.progress | {"pending": [*again], "on_the_way": [], "last": True}))
        self._tell(job, now)
        return Step(job.ended(JobState.DONE))

    def give_up(self, job: Job) -> None:
        """Do nothing: a failed erasure leaves no temporary data."""

    def _find(self, job: Job, now: datetime) -> Step:
        asked = ErasureRequest.stored({**_object(job.request.get("person")), "reason": "-"})
        position = job.progress.get("position")
        walk = Scan(
            self._client,
            self._table,
            Search(until=job.created + AHEAD),
            now=now,
            budget=Budget(items=30_000, size=48_000_000, queries=2_048, seconds=10.0),
            newest_first=False,
            position=position if isinstance(position, str) else None,
        )
        found: list[str] = []
        for event in walk:
            if asked.is_about(event):
                found.append(event.id)
                if len(found) == FOUND_AT_ONCE:
                    break
        progress = job.progress | {"position": walk.position, "pending": [*found], "ended": walk.ended}
        until = job.created if walk.ended or walk.position is None else time_of(walk.position)
        return Step(job.went_on(progress, events=_count(job, "events") + len(found), scanned_until=iso(until)))

    def _delete(self, job: Job, pending: list[str], now: datetime) -> Step:
        batch = pending[:DELETED_AT_ONCE]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            done = dict(zip(batch, pool.map(self._forget, batch), strict=True))
        left: list[Json] = [each for each in pending if each not in done or not done[each].is_gone]
        progress = job.progress | {"pending": left}
        coming = [each for each, deleted in done.items() if deleted.is_on_the_way]
        if coming and not job.progress.get("last"):
            known = [*_texts(job.progress.get("on_the_way")), *coming]
            again: list[Json] = [*list(dict.fromkeys(known))[-MOST_ON_THE_WAY:]]
            progress |= {"on_the_way": again, "again_at": iso(now + ON_THE_WAY)}
        notifications = _count(job, "notifications") + sum(each.notifications for each in done.values())
        return Step(job.went_on(progress, notifications=notifications))

    def _forget(self, event_id: str) -> _Deleted:
        self._events.delete(event_id)
        traces = self._stories.traces(event_id, TRACES_AT_ONCE)
        # The story last, since it lists the notifications to delete.
        notifications = sum(self._inboxes.delete(username, each) for username, each in traces.notifications)
        self._stories.forget(event_id, traces)
        return _Deleted(not traces.more, traces.is_open, notifications)

    def _tell(self, job: Job, now: datetime) -> None:
        count = _count(job, "events")
        about: dict[str, object] = {
            "message": f"{job.by.key_name} had {count:,} events of a person deleted",
            "model": {"app": OWN_APP, "model_name": "erasure", "pk": job.id, "name": job.id},
            "by": job.by.key_name,
            "by_id": job.by.key_id,
            "reason": job.shown.get("reason"),
            "events": count,
        }
        # Without a user: otherwise an erasure of whoever asked would delete this record too.
        self._system_events.report(
            EventAction.MODEL_DELETED,
            about,
            cause=None,
            settings=self._configuration.version().settings,
            hourly=("erasure", job.id),
            now=now,
        )


def _count(job: Job, name: str) -> int:
    value = job.shown.get(name)
    return value if isinstance(value, int) else 0


def _texts(value: Json) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
