"""The model of a job: the request, who made it, the progress."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from tocsin.identity.principal import Principal
from tocsin.records import dataclass
from tocsin.times import iso
from tocsin.types import Json, JsonObject


class JobKind(StrEnum):
    """What a job does. The value is also the path of its routes."""

    ERASURE = "erasures"
    EXPORT = "exports"


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked for a job. `user` is the configured user that the key or token belongs to."""

    key_id: str
    key_name: str
    user: str | None

    @classmethod
    def of(cls, principal: Principal) -> Self:
        """Return `principal` as a requester."""
        return cls(principal.key_id, principal.key_name, principal.user)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored.

    `request` is what was asked, `progress` is what the next step needs, `shown` is what the API shows of both. Only
    `shown` is kept when the job is over.
    """

    id: str
    kind: JobKind
    by: Requester
    created: datetime
    request: JsonObject
    shown: JsonObject
    progress: JsonObject
    state: JobState = JobState.QUEUED
    updated: datetime | None = None
    error: str | None = None
    failures: int = 0
    """Consecutive failures of the current step. A fault of Tocsin counts as several; see `tocsin.jobs.runner`."""

    def went_on(self, progress: JsonObject, **shown: Json) -> Job:
        """Return the job after a successful step."""
        return replace(self, state=JobState.RUNNING, progress=progress, shown=self.shown | shown, failures=0)

    def ended(self, state: JobState, error: str | None = None, **shown: Json) -> Job:
        """Return the job in its final state, without request and progress."""
        return replace(self, state=state, error=error, request={}, progress={}, shown=self.shown | shown)

    def to_json(self) -> JsonObject:
        """Return it as the API shows it."""
        return {
            "id": self.id,
            "state": self.state.value,
            "created": iso(self.created),
            "updated": iso(self.updated or self.created),
            "by": self.by.key_name,
            "error": self.error,
            **self.shown,
        }
