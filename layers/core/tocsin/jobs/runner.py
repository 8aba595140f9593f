"""Run jobs step by step, for as long as an invocation has time. The next invocation continues after the last step."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from tocsin.aws.dynamodb import text_of
from tocsin.aws.logging import Code, logger, note
from tocsin.aws.retry import retry
from tocsin.config.store import ConfigurationStore
from tocsin.errors import Unavailable
from tocsin.events.model import EventAction
from tocsin.events.system import SystemEvents
from tocsin.jobs.model import Job, JobKind, JobState
from tocsin.jobs.store import JobStore, Lease, LeaseLost
from tocsin.records import dataclass
from tocsin.times import utc_now

AT_ONCE = 10
"""Most due jobs per run. The others wait for the next run."""
PAUSE = timedelta(minutes=1)
"""The pause after a failed step."""
MAX_FAILURES = 60
"""Consecutive failures because AWS was unavailable (Unavailable) after which a job fails: an hour of tries."""
MAX_FAULTS = 5
"""Consecutive failures by unexpected errors, which are faults of Tocsin, after which a job fails."""

_FAULTS_COUNT = MAX_FAILURES // MAX_FAULTS


class CanNotGoOn(Exception):
    """A job can't be completed, however often it is tried. The message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """The job after a step, and when the next step is due; None for at once."""

    job: Job
    due: datetime | None = None


class Work(Protocol):
    """The work of one kind of job. Steps are idempotent, since one whose result was not stored is repeated."""

    def step(self, job: Job, now: datetime) -> Step:
        """Do the next step, which takes seconds. Raises Unavailable or CanNotGoOn."""

    def give_up(self, job: Job) -> None:
        """Delete what a failed job has left behind. Raises Unavailable."""


class JobRunner:
    """Runs due jobs."""

    def __init__(
        self,
        jobs: JobStore,
        work: Mapping[JobKind, Work],
        system_events: SystemEvents,
        configuration: ConfigurationStore,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._jobs = jobs
        self._work = work
        self._system_events = system_events
        self._configuration = configuration
        self._clock = clock

    def run(self, *, has_time: Callable[[], bool]) -> dict[str, int]:
        """Continue due jobs. Returns counts {steps, done, failed, left}; raises Unavailable if jobs can't be read."""
        done: Counter[str] = Counter(steps=0, done=0, failed=0, left=0)
        for due in self._jobs.due(now=self._clock(), limit=AT_ONCE):
            try:
                lease = self._jobs.take(due, now=self._clock()) if has_time() else None
                if lease is not None:
                    self._go_on(lease, has_time, done)
            except LeaseLost:
                done["left"] += 1
            except Unavailable:
                raise
            except Exception:  # noqa: BLE001 - a job that can't be read, or given up, must not stop the others
                logger.exception("a job was left", extra={"code": Code.JOB_BROKEN.value, "job": text_of(due, "sk")})
                done["left"] += 1
        return dict(done)

    def _go_on(self, lease: Lease, has_time: Callable[[], bool], done: Counter[str]) -> None:
        while True:
            try:
                step = self._work[lease.job.kind].step(lease.job, self._clock())
            except Unavailable as error:
                self._failed(lease, error.detail, 1, done)
                return
            except CanNotGoOn as error:
                self._give_up(lease, str(error), done)
                return
            except Exception as error:  # noqa: BLE001 - a fault in one job must not stop the others
                logger.exception("a step of a job failed", extra={"code": Code.JOB_BROKEN.value, "job": lease.job.id})
                self._failed(lease, f"a fault of Tocsin's: {type(error).__name__}", _FAULTS_COUNT, done)
                return
            done["steps"] += 1
            job, now = step.job, self._clock()
            if job.state in {JobState.DONE, JobState.FAILED}:
                retry(partial(self._jobs.end, lease, job, now=now))
                note(Code.JOB_ENDED, "a job is done", job=job.id, kind=job.kind.value, by=job.by.key_name)
                done["done"] += 1
                return
            goes_on = step.due is None and has_time()
            save = partial(self._jobs.save, lease, job, now=now, due=None if goes_on else step.due or now)
            lease = retry(save)
            if not goes_on:
                done["left"] += 1
                return

    def _failed(self, lease: Lease, why: str, counted: int, done: Counter[str]) -> None:
        """Schedule another try of the step, or give up the job after too many failures."""
        job = replace(lease.job, state=JobState.RUNNING, failures=lease.job.failures + counted)
        if job.failures >= MAX_FAILURES:
            self._give_up(lease, f"given up, since its step failed again and again: {why}", done)
            return
        now = self._clock()
        note(Code.JOB_DELAYED, why, level=logging.WARNING, job=job.id, kind=job.kind.value, failures=job.failures)
        self._jobs.save(lease, job, now=now, due=now + PAUSE)
        done["left"] += 1

    def _give_up(self, lease: Lease, why: str, done: Counter[str]) -> None:
        job, now = lease.job, self._clock()
        try:
            self._work[job.kind].give_up(job)
            self._system_events.report(
                EventAction.SYSTEM_TASK_EXCEPTION,
                {"message": f"A job of {job.kind.value} failed: {why}", "job": job.id, "by": job.by.key_name},
                cause=None,
                settings=self._configuration.version().settings,
                hourly=("job", job.id),
            )
        except Unavailable as error:
            note(Code.JOB_UNREPORTED, error.detail, level=logging.ERROR, job=job.id)
        note(Code.JOB_FAILED, why, level=logging.ERROR, job=job.id, kind=job.kind.value, by=job.by.key_name)
        self._jobs.end(lease, job.ended(JobState.FAILED, why), now=now)
        done["failed"] += 1
