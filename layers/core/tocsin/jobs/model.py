"""A job: what was asked, by whom, how far it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from tocsin.identity.principal import Principal
from tocsin.times import iso
from tocsin.types import Json, JsonObject


class JobKind(StrEnum):
    """What a job does; also the path at which it is asked for."""

    ERASURE = "erasures"
    EXPORT = "exports"


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked for a job. `user` is the user of the configuration that the key or token stands for."""

    key_id: str
    key_name: str
    user: str | None

    @classmethod
    def of(cls, principal: Principal) -> Self:
        """The requester that `principal` is."""
        return cls(principal.key_id, principal.key_name, principal.user)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is stored.

    `request` is what was asked, `progress` what a step needs to go on, `shown` what is told of either: it alone is
    answered, and it alone stays when the job is over.
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
    """How often in a row a step failed."""

    def went_on(self, progress: JsonObject, **shown: Json) -> Job:
        """The job after a step."""
        return replace(self, state=JobState.RUNNING, progress=progress, shown=self.shown | shown, failures=0)

    def ended(self, state: JobState, error: str | None = None, **shown: Json) -> Job:
        """The job when it is over: what was asked is forgotten, but for what is shown of it."""
        return replace(self, state=state, error=error, request={}, progress={}, shown=self.shown | shown)

    def to_json(self) -> JsonObject:
        """As the API shows it."""
        return {
            "id": self.id,
            "state": self.state.value,
            "created": iso(self.created),
            "updated": iso(self.updated or self.created),
            "by": self.by.key_name,
            "error": self.error,
            **self.shown,
        }
