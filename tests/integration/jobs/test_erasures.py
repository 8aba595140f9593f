"""The events of a person are deleted, with what was made of them, and nothing else is."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import failing, throttled
from tests.integration.jobs.conftest import Jobs, an_event, log_of
from tocsin.deliveries.model import Attempt, DeliveryMessage, Following
from tocsin.deliveries.store import DeliveryStore
from tocsin.events.model import Event
from tocsin.events.search.rollups import Rollups
from tocsin.events.store import event_text
from tocsin.identity.directory import User
from tocsin.jobs import erasure
from tocsin.jobs.erasure import ON_THE_WAY
from tocsin.matching.held_store import HeldEvent, HeldStore
from tocsin.matching.story import StoryStore
from tocsin.notifications.inbox_store import InboxStore
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.outcome import Outcome, State
from tocsin.times import utc_now
from tocsin.types import JsonObject

ALICE = {"username": "alice", "pk": 7, "email": "alice@example.com"}
KEEP = timedelta(days=30)


def told(stack: Stack, event: Event, *, to: str = "admin", state: State = State.DELIVERED) -> str:
    """Tell somebody of an event, in the inbox; the notification's id."""
    user = User(to, f"{to}@example.com")
    message = DeliveryMessage(event.id, "logins", Severity.NOTICE, "inbox", "local", user, once=False)
    now = utc_now()
    StoryStore(stack.dynamodb, "deliveries").note_match(
        event.id, "logins", {"severity": "notice"}, page="0", told={"inbox": 1}, kept={}, now=now, keep=KEEP
    )
    deliveries = DeliveryStore(stack.dynamodb, "deliveries")
    deliveries.take(message, now=now, lease=timedelta(seconds=30), keep=KEEP)
    deliveries.note(message, Attempt(now, 1, Outcome(state, "stored")), Following(state))
    notification = Notification.of(event, "logins", Severity.NOTICE, user)
    InboxStore(stack.dynamodb, "deliveries").put(notification, keep=KEEP, now=now)
    return notification.id


def ids(stack: Stack) -> set[str]:
    """The ids of events that are not Tocsin's own."""
    return {event["id"] for event in stack.events() if event["app"] != "tocsin"}


def traces(stack: Stack, *words: str) -> list[dict[str, Any]]:
    """What any table still has of one of `words`."""
    found = []
    for table in ("events", "deliveries"):
        for item in stack.items(table):
            said = json.dumps(item | {"event": str(event_text(item))} if "event" in item else item)
            if any(word in said for word in words):
                found.append(item)
    return found


def counted_again(stack: Stack, *event_ids: str) -> None:
    """The stream brings that these events are gone, so that their hours, which have ids of a few, are counted again."""
    rollups = Rollups(stack.dynamodb, "events")
    rollups.mark(event_ids)
    rollups.catch_up(utc_now(), has_time=lambda: True)


def reports(stack: Stack) -> list[dict[str, Any]]:
    return [event for event in stack.events() if event["context"].get("model", {}).get("model_name") == "erasure"]


def test_every_event_of_a_person_goes_and_all_others_stay(jobs: Jobs) -> None:
    bob = {"username": "bob", "pk": 8}
    hers = [
        an_event(user=ALICE),
        an_event(timedelta(days=3), user=ALICE),
        an_event(user=bob | {"on_behalf_of": ALICE}),
        an_event(user=bob | {"authenticated_as": ALICE}),
        an_event(user={}, context={"username": "alice"}, action="login_failed"),
    ]
    others = [an_event(), an_event(user={"username": "alice2", "pk": 77}), an_event(context={"message": "alice left"})]
    log_of(jobs.stack, *hers, *others)

    asked = jobs.ask("erasures", username="alice", pk=7, email="ALICE@example.com", reason="ticket 4711")
    before = jobs.shown(asked)
    jobs.run()
    done = jobs.shown(asked)

    assert (asked.status, before["state"], done["state"]) == (202, "queued", "done")
    assert ids(jobs.stack) == {event.id for event in others}
    assert (done["events"], done["reason"], done["error"]) == (len(hers), "ticket 4711", None)


@pytest.mark.parametrize("typed", ["J\u00fcrgen", "Ju\u0308rgen"])
def test_a_person_is_found_however_their_name_was_typed(jobs: Jobs, typed: str) -> None:
    """The fault: events have names in normal form C; a request with another one erased nothing, and was done."""
    log_of(
        jobs.stack,
        an_event(user={"username": "J\u00fcrgen"}),
        an_event(user={"username": "bob", "on_behalf_of": {"username": "Ju\u0308rgen"}}),
        an_event(user={}, context={"username": "Ju\u0308rgen"}),
    )

    asked = jobs.ask("erasures", username=typed, reason="asked for it")
    jobs.run()

    assert (jobs.shown(asked)["events"], ids(jobs.stack)) == (3, set())


def test_why_nobody_heard_of_an_event_goes_with_it_and_stays_for_others(jobs: Jobs) -> None:
    her = {"username": "zaphira", "pk": "zz-42"}
    hers, other = log_of(jobs.stack, an_event(user=her), an_event())
    held, now = HeldStore(jobs.stack.dynamodb, "deliveries"), utc_now()
    group: JsonObject = {"held_by": {"throttle": {"group": {"user.username": "zaphira"}}}}
    held.write([HeldEvent(hers.id, "r", group), HeldEvent(other.id, "r", {})], now=now, keep=KEEP)

    jobs.ask("erasures", username="zaphira", reason="asked for it")
    jobs.run()

    assert (held.of(hers.id, now=now), len(held.of(other.id, now=now))) == ([], 1)
    assert "zaphira" not in str(traces(jobs.stack, "held#"))


def test_the_name_of_the_person_stays_nowhere(jobs: Jobs) -> None:
    her = {"username": "zaphira", "pk": "zz-42", "email": "zaphira@example.com"}
    (event,) = log_of(jobs.stack, an_event(user=her, context={"message": "zaphira came in"}))
    told(jobs.stack, event)

    jobs.ask("erasures", username="zaphira", pk="zz-42", reason="asked for it")
    jobs.run()

    assert traces(jobs.stack, "zaphira", "zz-42") == []


def test_an_event_says_who_had_how_many_deleted_and_why(jobs: Jobs) -> None:
    log_of(jobs.stack, an_event(user=ALICE), an_event(user=ALICE))

    asked = jobs.ask("erasures", username="alice", reason="ticket 4711")
    jobs.run()

    (report,) = reports(jobs.stack)
    context = report["context"]
    assert report["action"] == "model_deleted"
    assert context["message"] == "ops had 2 events of a person deleted"
    assert (context["by"], context["events"], context["reason"]) == ("ops", 2, "ticket 4711")
    assert context["model"]["pk"] == asked.body["id"]
    assert report["user"] == {}


def test_notifications_and_the_story_go_with_the_event(jobs: Jobs) -> None:
    hers, other = log_of(jobs.stack, an_event(user=ALICE), an_event())
    told(jobs.stack, hers)
    kept = told(jobs.stack, other)

    asked = jobs.ask("erasures", username="alice", reason="-")
    jobs.run()

    inbox = jobs.api("GET", "/notifications", query={"user": "admin"}).body
    assert [item["id"] for item in inbox["items"]] == [kept]
    assert jobs.shown(asked)["notifications"] == 1
    story = jobs.api("GET", f"/events/{other.id}/deliveries").body
    assert [each["user"] for each in story["deliveries"]] == ["admin"]


def test_what_was_on_its_way_is_deleted_when_it_has_arrived(jobs: Jobs) -> None:
    (hers,) = log_of(jobs.stack, an_event(user=ALICE))
    told(jobs.stack, hers, state=State.RETRYING)
    asked = jobs.ask("erasures", username="alice", reason="-")

    jobs.run()
    waits = jobs.shown(asked)["state"]
    told(jobs.stack, hers, to="late")
    jobs.now += ON_THE_WAY
    jobs.run()

    assert (waits, jobs.shown(asked)["state"]) == ("running", "done")
    counted_again(jobs.stack, hers.id)
    assert traces(jobs.stack, hers.id) == []


def test_counts_follow(jobs: Jobs) -> None:
    event = an_event(user=ALICE, action="custom_rare")
    log_of(jobs.stack, event, an_event())
    start = event.created.replace(minute=0, second=0, microsecond=0)

    jobs.ask("erasures", username="alice", reason="-")
    jobs.run()
    counted_again(jobs.stack, event.id)

    assert "custom_rare" not in Rollups(jobs.stack.dynamodb, "events").known(start, start).of(start).counts


def test_an_erasure_goes_on_where_a_run_ended(jobs: Jobs) -> None:
    log_of(jobs.stack, *(an_event(timedelta(minutes=90 + each), user=ALICE) for each in range(60)), an_event())
    asked = jobs.ask("erasures", username="alice", reason="-")

    runs = 0
    while jobs.shown(asked)["state"] != "done":
        left = iter([True, False])
        jobs.run(has_time=lambda left=left: next(left, False))  # type: ignore[misc]
        runs += 1
        assert runs < 12

    assert runs > 3
    assert len(ids(jobs.stack)) == 1
    assert jobs.shown(asked)["events"] == 60
    assert len(reports(jobs.stack)) == 1


def test_a_step_finds_so_many_events_and_the_next_one_goes_on_behind_them(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "FOUND_AT_ONCE", 2)
    log_of(jobs.stack, *(an_event(timedelta(minutes=90 + each), user=ALICE) for each in range(5)), an_event())
    asked = jobs.ask("erasures", username="alice", reason="-")

    jobs.run(has_time=iter([True, False]).__next__)
    found = jobs.shown(asked)["events"]
    jobs.run()

    assert (found, jobs.shown(asked)["events"]) == (2, 5)
    assert len(ids(jobs.stack)) == 1


class _Dies(BaseException):
    """The process ends here."""


class _Dying:
    """A DynamoDB client whose process ends at its n-th write."""

    def __init__(self, client: Any, at: int) -> None:
        self._client = client
        self._at = at
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name in {"query", "get_item", "batch_get_item"}:
            return call

        def tapped(**arguments: Any) -> Any:
            self.writes += 1
            if self.writes == self._at:
                raise _Dies
            return call(**arguments)

        return tapped


def test_a_crash_at_any_write_changes_neither_what_is_deleted_nor_the_number(jobs: Jobs) -> None:
    for at in range(1, 40):
        hers, other = log_of(jobs.stack, an_event(user=ALICE), an_event())
        told(jobs.stack, hers)
        asked = jobs.ask("erasures", username="alice", reason="-")
        dying = _Dying(jobs.stack.dynamodb, at)

        try:
            jobs.run(runner=jobs.runner(dying))
        except _Dies:
            ended = False
        else:
            ended = dying.writes < at
        jobs.now += timedelta(minutes=10)  # the lease runs out
        jobs.run()

        shown = jobs.shown(asked)
        assert (shown["state"], shown["events"]) == ("done", 1), at
        counted_again(jobs.stack, hers.id)
        assert traces(jobs.stack, hers.id) == [], at
        assert other.id in ids(jobs.stack)
        if ended:
            break
    assert at > 6


def test_two_runs_at_once_do_not_take_one_job_twice(jobs: Jobs) -> None:
    log_of(jobs.stack, an_event(user=ALICE))
    jobs.ask("erasures", username="alice", reason="-")
    second: list[dict[str, int]] = []

    def meanwhile() -> bool:
        if not second:
            second.append({})
            second[0] = jobs.run()
        return True

    jobs.run(has_time=meanwhile)

    assert len(reports(jobs.stack)) == 1


def test_again_deletes_nothing_more(jobs: Jobs) -> None:
    log_of(jobs.stack, an_event(user=ALICE), an_event())
    jobs.ask("erasures", username="alice", reason="-")
    jobs.run()

    again = jobs.ask("erasures", username="alice", reason="-")
    jobs.run()

    assert jobs.shown(again)["events"] == 0
    assert len(ids(jobs.stack)) == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"reason": "-"}, ""),
        ({"username": "alice"}, "reason"),
        ({"username": "alice", "reason": "-", "name": "x"}, "name"),
        ({"username": "a" * 256, "reason": "-"}, "username"),
        ({"email": "x", "reason": "-"}, "email"),
    ],
)
def test_what_is_no_request_is_refused_by_name(jobs: Jobs, body: dict[str, Any], path: str) -> None:
    answer = jobs.ask("erasures", **body)

    assert (answer.status, answer.body["errors"][0]["path"]) == (422, path)


@pytest.mark.parametrize("scopes", ["events:read events:write config:read config:write notifications", "events:read"])
def test_no_other_scope_lets_anybody_delete_events(jobs: Jobs, scopes: str) -> None:
    jobs.api.facts["scopes"] = scopes

    assert jobs.ask("erasures", username="alice", reason="-").status == 403
    assert jobs.api("GET", "/erasures").status == 403


def test_a_table_that_does_not_answer_delays_a_job_and_fails_it_at_last(jobs: Jobs) -> None:
    log_of(jobs.stack, an_event(user=ALICE))
    asked = jobs.ask("erasures", username="alice", reason="-")
    with failing(throttled("InternalServerError", 500), "DeleteItem", table="events", client=jobs.stack.dynamodb):
        jobs.run()
        first = jobs.shown(asked)
        for _ in range(60):
            jobs.run()
    last = jobs.shown(asked)

    assert (first["state"], first["error"]) == ("running", None)
    assert last["state"] == "failed"
    assert "deleting an event failed" in last["error"]
    (trouble,) = [event for event in jobs.stack.events() if event["action"] == "system_task_exception"]
    assert trouble["context"]["job"] == asked.body["id"]


def test_jobs_are_listed_the_latest_first_and_searched(jobs: Jobs) -> None:
    for number in range(3):
        jobs.ask("erasures", username="alice", reason=f"ticket {number}")

    first = jobs.api("GET", "/erasures", query={"limit": "2"}).body
    second = jobs.api("GET", "/erasures", query={"limit": "2", "cursor": first["cursor"]}).body
    found = jobs.api("GET", "/erasures", query={"search": "TICKET 1"}).body

    assert [item["reason"] for item in first["items"] + second["items"]] == ["ticket 2", "ticket 1", "ticket 0"]
    assert [item["reason"] for item in found["items"]] == ["ticket 1"]


@pytest.mark.parametrize(("job_id", "status"), [("nonsense", 422), ("019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a", 404)])
def test_a_job_that_is_not_there_is_a_problem(jobs: Jobs, job_id: str, status: int) -> None:
    assert jobs.api("GET", f"/erasures/{job_id}").status == status
