"""Jobs in the deliveries table.

    pk             sk        what
    jobs#<kind>    job id    a job; while it is open, it is also in the index by-due

    index     partition   order    holds
    by-due    jobs        due_at   open jobs, by when the next step is due

A runner that takes a job moves its due time forward: that is its lease, which every step renews. If the runner dies,
the job is due again when the lease runs out. A finished job is kept for KEEP, so that its result can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.aws.dynamodb import Item, document, document_of, number, number_of, text, text_of, timestamp, until
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table
from tocsin.ids import id_time
from tocsin.jobs.model import Job, JobKind, JobState, Requester
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import JsonObject, Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEEP = timedelta(days=90)
LEASE = timedelta(minutes=3)
"""The length of a lease: longer than a step takes."""

_DUE = "jobs"
_WRITING = "storing a job"


class LeaseLost(Exception):
    """The lease had run out, and another runner took the job."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that this runner holds until `due_at`."""

    job: Job
    due_at: str


class JobStore:
    """Open and finished jobs. Methods raise Unavailable when DynamoDB fails."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = Table(client, table)

    def add(self, job: Job) -> None:
        """Store a new job, which is due at once."""
        item: dict[str, Any] = {
            **_key(job),
            "by": document({"key_id": job.by.key_id, "key_name": job.by.key_name, "user": job.by.user}),
            "request": document(job.request),
            "shown": document(job.shown),
            "progress": document(job.progress),
            "state": text(job.state),
            "failures": number(0),
            "due_shard": text(_DUE),
            "due_at": timestamp(job.created),
            "expires_at": until(job.created + KEEP),
        }
        self._table.put(_WRITING, item, condition="attribute_not_exists(pk)")

    def get(self, kind: JobKind, job_id: str) -> Job | None:
        """Read a job; None where there is none."""
        item = self._table.get("reading a job", _key_of(kind, job_id), consistent=True)
        return None if item is None else _job_of(item)

    def page(self, kind: JobKind, *, before: str | None, limit: int) -> Page[Job]:
        """Return up to `limit` jobs of a kind, the latest first, from before the id `before`."""
        page = self._table.page("listing jobs", f"jobs#{kind}", after=before, limit=limit, descending=True)
        return Page(tuple(_job_of(item) for item in page.items), page.last)

    def due(self, *, now: datetime, limit: int) -> Sequence[Item]:
        """Return items of open jobs whose next step is due, the longest overdue first, to pass to `take`."""
        return list(
            self._table.query(
                "reading what jobs are due",
                "due_shard = :shard AND due_at <= :now",
                {":shard": text(_DUE), ":now": timestamp(now)},
                index="by-due",
                limit=limit,
            )
        )

    def open_of(self, kind: JobKind, key_id: str) -> int:
        """Count the open jobs of `kind` that the key `key_id` asked for. One of this moment may not be among them."""
        shard = {":shard": text(_DUE)}
        keys = [
            {name: found[name] for name in ("pk", "sk")}
            for found in self._table.query("counting open jobs", "due_shard = :shard", shard, index="by-due")
        ]
        jobs = map(_job_of, self._table.get_many("counting open jobs", keys))
        return sum(job.kind is kind and job.by.key_id == key_id for job in jobs)

    def take(self, due: Item, *, now: datetime) -> Lease | None:
        """Take a due job for LEASE; None where another runner has taken it."""
        try:
            item = self._table.update(
                "taking a job",
                {"pk": due["pk"], "sk": due["sk"]},
                "SET due_at = :until",
                condition="due_at = :seen",
                values={":seen": due["due_at"], ":until": timestamp(now + LEASE)},
                returning="ALL_NEW",
                made={"due_at": timestamp(now + LEASE)},
            )
        except ConditionFailed:
            return None
        return Lease(_job_of(item), str(item["due_at"]["N"]))

    def save(self, lease: Lease, job: Job, *, now: datetime, due: datetime | None = None) -> Lease:
        """Store a job's progress. Renews the lease, or with `due` releases the job until then. Raises LeaseLost."""
        changes = _changes(job, now) | {"due_at": timestamp(due or now + LEASE)}
        self._write(lease, job, changes, remove=())
        return Lease(replace(job, updated=now), str(changes["due_at"]["N"]))

    def end(self, lease: Lease, job: Job, *, now: datetime) -> None:
        """Store a finished job. Raises LeaseLost."""
        changes = _changes(job, now) | {"expires_at": until(now + KEEP)}
        self._write(lease, job, changes, remove=("due_shard", "due_at"))

    def _write(self, lease: Lease, job: Job, changes: dict[str, Any], *, remove: Sequence[str]) -> None:
        names = [*changes, *remove, "due_at"]
        removing = f" REMOVE {', '.join(f'#{name}' for name in remove)}" if remove else ""
        try:
            self._table.update(
                _WRITING,
                _key(job),
                f"SET {', '.join(f'#{name} = :{name}' for name in changes)}{removing}",
                names={f"#{name}": name for name in names},
                values={f":{name}": value for name, value in changes.items()} | {":mine": {"N": lease.due_at}},
                condition="#due_at = :mine",
                made=changes,
            )
        except ConditionFailed:
            raise LeaseLost from None


def _changes(job: Job, now: datetime) -> dict[str, Any]:
    return {
        "state": text(job.state),
        "request": document(job.request),
        "shown": document(job.shown),
        "progress": document(job.progress),
        "error": text(job.error or ""),
        "failures": number(job.failures),
        "updated": text(iso(now)),
    }


def _job_of(item: Item) -> Job:
    by = _object(item, "by")
    job_id = text_of(item, "sk")
    updated = text_of(item, "updated")
    user = by.get("user")
    return Job(
        id=job_id,
        kind=JobKind(text_of(item, "pk").removeprefix("jobs#")),
        by=Requester(str(by.get("key_id")), str(by.get("key_name")), user if isinstance(user, str) else None),
        created=id_time(job_id),
        request=_object(item, "request"),
        shown=_object(item, "shown"),
        progress=_object(item, "progress"),
        state=JobState(text_of(item, "state")),
        updated=datetime.fromisoformat(updated) if updated else None,
        error=text_of(item, "error") or None,
        failures=number_of(item, "failures"),
    )


def _object(item: Item, name: str) -> JsonObject:
    found = document_of(item, name)
    return found if isinstance(found, dict) else {}


def _key(job: Job) -> dict[str, Any]:
    return _key_of(job.kind, job.id)


def _key_of(kind: JobKind, job_id: str) -> dict[str, Any]:
    return {"pk": text(f"jobs#{kind}"), "sk": text(job_id)}
