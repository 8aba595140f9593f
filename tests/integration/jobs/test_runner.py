"""Jobs go on step by step: who has one, what ends one, what is tried again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import answer_lost
from tocsin.config.store import ConfigurationStore
from tocsin.errors import Unavailable
from tocsin.events.store import EventStore
from tocsin.events.system import SystemEvents
from tocsin.ids import new_id
from tocsin.jobs.model import Job, JobKind, JobState, Requester
from tocsin.jobs.runner import MAX_FAILURES, MAX_FAULTS, CanNotGoOn, JobRunner, Step
from tocsin.jobs.store import JobStore, LeaseLost

NOW = datetime.now(UTC)


class Scripted:
    """Work whose steps are what a test says."""

    def __init__(self, step: Callable[[Job], Step], give_up: Callable[[Job], None] = lambda _: None) -> None:
        self._step = step
        self._give_up = give_up
        self.given_up: list[str] = []

    def step(self, job: Job, now: datetime) -> Step:
        return self._step(job)

    def give_up(self, job: Job) -> None:
        self.given_up.append(job.id)
        self._give_up(job)


class Schedule:
    """Runs of jobs by scripted work, by a clock of the test's."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.jobs = JobStore(stack.dynamodb, "deliveries")
        self.now = NOW

    def add(self) -> Job:
        job = Job(new_id(self.now), JobKind.EXPORT, Requester("k", "ops", None), self.now, {"a": 1}, {"seen": 0}, {})
        self.jobs.add(job)
        return job

    def run(self, work: Scripted, has_time: Callable[[], bool] = lambda: True) -> dict[str, int]:
        configuration = ConfigurationStore(self.stack.dynamodb, "config")
        system_events = SystemEvents(EventStore(self.stack.dynamodb, "events"))
        runner = JobRunner(self.jobs, {JobKind.EXPORT: work}, system_events, configuration, clock=lambda: self.now)
        return runner.run(has_time=has_time)

    def state(self, job: Job) -> tuple[JobState, str | None]:
        found = self.jobs.get(job.kind, job.id)
        assert found is not None
        return found.state, found.error


@pytest.fixture
def schedule(stack: Stack) -> Schedule:
    return Schedule(stack)


def ends(job: Job) -> Step:
    return Step(job.ended(JobState.DONE, seen=1))


def fails(error: BaseException) -> Callable[[Job], Step]:
    def step(_: Job) -> Step:
        raise error

    return step


def test_a_job_that_is_over_forgets_what_was_asked_and_keeps_what_is_shown(schedule: Schedule) -> None:
    job = schedule.add()

    done = schedule.run(Scripted(ends))
    again = schedule.run(Scripted(ends))

    found = schedule.jobs.get(job.kind, job.id)
    assert found is not None
    assert (found.request, found.progress, found.shown) == ({}, {}, {"seen": 1})
    assert (done["done"], again["steps"]) == (1, 0)


def test_a_job_is_made_and_ends_though_all_answers_get_lost(schedule: Schedule) -> None:
    """The fault: a job was made, and its making answered with 500; what ran was left as one that another run has."""
    with answer_lost("PutItem", "UpdateItem", at=lambda _: True):
        job = schedule.add()
        done = schedule.run(Scripted(lambda job: ends(job) if job.progress else Step(job.went_on({"position": "1"}))))

    assert schedule.state(job)[0] is JobState.DONE
    assert (done["steps"], done["done"], done["left"]) == (2, 1, 0)


def test_a_job_is_taken_by_one_run(schedule: Schedule) -> None:
    schedule.add()
    (due,) = schedule.jobs.due(now=schedule.now, limit=10)

    first, second = (schedule.jobs.take(due, now=schedule.now) for _ in range(2))

    assert first is not None
    assert second is None
    assert schedule.jobs.due(now=schedule.now, limit=10) == []


def test_a_run_whose_lease_ran_out_leaves_the_job_to_the_one_that_has_it(schedule: Schedule) -> None:
    job = schedule.add()

    def slow(mine: Job) -> Step:
        schedule.now += timedelta(minutes=10)
        assert schedule.run(Scripted(ends))["done"] == 1
        return Step(mine.went_on({}, seen=2))

    done = schedule.run(Scripted(slow))

    found = schedule.jobs.get(job.kind, job.id)
    assert found is not None
    assert (done["left"], found.state, found.shown) == (1, JobState.DONE, {"seen": 1})


def test_a_stale_lease_stores_nothing(schedule: Schedule) -> None:
    job = schedule.add()
    (due,) = schedule.jobs.due(now=schedule.now, limit=10)
    lease = schedule.jobs.take(due, now=schedule.now)
    assert lease is not None
    newer = schedule.jobs.save(lease, job, now=schedule.now + timedelta(seconds=1))

    with pytest.raises(LeaseLost):
        schedule.jobs.end(lease, job.ended(JobState.DONE), now=schedule.now)
    schedule.jobs.end(newer, job.ended(JobState.DONE), now=schedule.now)

    assert schedule.state(job) == (JobState.DONE, None)


def test_a_step_that_is_due_later_is_done_then(schedule: Schedule) -> None:
    job = schedule.add()
    later = schedule.now + timedelta(minutes=20)
    waits = Scripted(lambda mine: Step(mine, later) if schedule.now < later else ends(mine))

    first = schedule.run(waits)
    schedule.now += timedelta(minutes=5)
    early = schedule.run(waits)
    schedule.now = later
    last = schedule.run(waits)

    assert (first["left"], early["steps"], last["done"]) == (1, 0, 1)
    assert schedule.state(job) == (JobState.DONE, None)


def test_a_job_that_can_not_be_done_fails_at_once_and_says_why(schedule: Schedule) -> None:
    job = schedule.add()
    work = Scripted(fails(CanNotGoOn("there is no file")))

    done = schedule.run(work)

    assert (done["failed"], schedule.state(job)) == (1, (JobState.FAILED, "there is no file"))
    assert work.given_up == [job.id]


@pytest.mark.parametrize(
    ("error", "tries"), [(Unavailable("DynamoDB is throttling"), MAX_FAILURES), (ZeroDivisionError(), MAX_FAULTS)]
)
def test_a_step_that_fails_is_tried_again_each_minute_and_not_for_ever(
    schedule: Schedule, error: Exception, tries: int
) -> None:
    job = schedule.add()
    work = Scripted(fails(error))

    runs = 0
    while schedule.state(job)[0] is not JobState.FAILED:
        runs += schedule.run(work)["left"] + 1
        assert schedule.run(work)["steps"] == 0  # not before a minute is over
        schedule.now += timedelta(minutes=1)
        assert runs <= 2 * MAX_FAILURES

    assert runs == 2 * (tries - 1) + 1
    assert "given up" in str(schedule.state(job)[1])


def test_a_step_that_succeeds_again_forgets_failures(schedule: Schedule) -> None:
    job = schedule.add()
    schedule.run(Scripted(fails(Unavailable("no"))))
    schedule.now += timedelta(minutes=1)

    schedule.run(Scripted(lambda mine: Step(mine.went_on({}))), has_time=iter([True, False]).__next__)

    found = schedule.jobs.get(job.kind, job.id)
    assert found is not None
    assert (found.failures, found.state) == (0, JobState.RUNNING)


def test_one_job_that_fails_stops_no_other(schedule: Schedule) -> None:
    broken, well = schedule.add(), schedule.add()

    def step(job: Job) -> Step:
        return fails(ZeroDivisionError())(job) if job.id == broken.id else ends(job)

    schedule.run(Scripted(step))

    assert schedule.state(well)[0] is JobState.DONE


@pytest.mark.parametrize("state", ["paused", ""])
def test_one_job_that_can_not_be_read_stops_no_other(schedule: Schedule, state: str) -> None:
    """A version of Tocsin that was rolled back may have stored it. The fault: no job behind it was ever run."""
    broken = schedule.add()
    schedule.now += timedelta(seconds=1)
    well = schedule.add()
    schedule.stack.dynamodb.update_item(
        TableName="deliveries",
        Key={"pk": {"S": f"jobs#{broken.kind}"}, "sk": {"S": broken.id}},
        UpdateExpression="SET #state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": {"S": state}},
    )

    done = schedule.run(Scripted(ends))

    assert schedule.state(well)[0] is JobState.DONE
    assert (done["done"], done["left"]) == (1, 1)


def test_a_fault_in_giving_up_a_job_stops_no_other(schedule: Schedule) -> None:
    broken = schedule.add()
    schedule.now += timedelta(seconds=1)
    well = schedule.add()

    def step(job: Job) -> Step:
        return fails(CanNotGoOn("no"))(job) if job.id == broken.id else ends(job)

    def give_up(_: Job) -> None:
        raise ZeroDivisionError

    done = schedule.run(Scripted(step, give_up))

    assert schedule.state(well)[0] is JobState.DONE
    assert (done["done"], done["left"]) == (1, 1)


def test_a_table_that_does_not_answer_fails_the_run(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    job = schedule.add()

    def take(*_: object, **__: object) -> None:
        raise Unavailable("DynamoDB does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(schedule.jobs, "take", take)
        with pytest.raises(Unavailable, match="does not answer"):
            schedule.run(Scripted(ends))

    assert schedule.state(job)[0] is JobState.QUEUED


def test_what_can_not_be_cleared_away_does_not_keep_a_job_from_ending(schedule: Schedule) -> None:
    job = schedule.add()

    def give_up(_: Job) -> None:
        raise Unavailable("S3 does not answer")

    schedule.run(Scripted(fails(CanNotGoOn("no")), give_up))

    assert schedule.state(job) == (JobState.FAILED, "no")


def test_a_run_without_time_takes_nothing(schedule: Schedule) -> None:
    job = schedule.add()

    done = schedule.run(Scripted(ends), has_time=lambda: False)

    assert (done["steps"], schedule.state(job)[0]) == (0, JobState.QUEUED)
