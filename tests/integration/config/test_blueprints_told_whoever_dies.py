"""Blueprints by a function that dies at each of its calls: what holds is told once, by whoever takes the lock next."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.config.blueprints import SLACK_URL, nothing_written
from tests.integration.config.entries import ENTRIES
from tests.integration.config.test_blueprint_crashes import MADE_AGAIN, NEW, OLD, let_the_lock_expire
from tests.integration.config.test_edits_told_whoever_dies import dying
from tests.integration.conftest import ROOT, Stack
from tests.integration.handler_calls import WRITES, Answer, Killed, failing, raising, throttled
from tocsin.config.lock import ConfigurationLock

pytestmark = pytest.mark.usefixtures("impatient", "forgetful")

MOST_CALLS = 80
MINUTE = json.loads((ROOT / "events" / "api-minute.json").read_text("utf-8"))
MANY: dict[str, Any] = {
    "users": [{"username": f"user-{number:03}", "pk": str(number)} for number in range(120)],
    "rules": [{"name": f"rule-{number}"} for number in range(20)],
    "keys": [{"name": f"key-{number}", "scopes": ["events:write"]} for number in range(10)],
}

type Change = tuple[str, str, str]
"""An event's action, the kind and the name of what it is of."""


def told(stack: Stack, known: set[str]) -> Counter[Change]:
    """The changes that events tell of one by one, with how many there are of each, without those with `known` ids."""
    events = [event for event in stack.events() if event["id"] not in known and "changes" not in event["context"]]
    models = [(event["action"], event["context"]["model"]) for event in events]
    return Counter((action, model["model_name"], model["name"]) for action, model in models)


def ids(stack: Stack) -> set[str]:
    return {event["id"] for event in stack.events()}


def shown(api: Api) -> dict[str, Any]:
    """All that is configured by name, keys also where nobody was shown their secrets."""
    document: dict[str, Any] = api("GET", "/blueprint").body
    keys = api("GET", "/keys").body["items"]
    kept = ("name", "scopes", "user", "events_per_minute", "expires")
    return document | {"keys": [{field: key[field] for field in kept} for key in keys]}


def holding(before: dict[str, Any], after: dict[str, Any]) -> set[tuple[str, str]]:
    """(kind, name) of what differs."""
    found = set() if before["settings"] == after["settings"] else {("settings", "settings")}
    for kind in ("users", "groups", "transports", "rules", "keys"):
        old, new = (
            {entry.get("username") or entry["name"]: entry for entry in each.get(kind, [])} for each in (before, after)
        )
        singular = kind.removesuffix("s")
        found |= {(singular, name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    return found


def of(changes: Counter[Change]) -> set[tuple[str, str]]:
    return {(kind, name) for _, kind, name in changes}


def die(api: Api, document: dict[str, Any], number: int, *, done: bool) -> list[str]:
    """Apply a blueprint by a function that dies at a call; the names of its calls."""
    with dying(number, done=done) as calls, suppress(Killed):
        api("PUT", "/blueprint", document)
    return calls


def next_edit(stack: Stack) -> Answer:
    return Api.of(stack)("PUT", "/mappings/next", {"expression": "{'text': notification.body}"})


def next_minute(stack: Stack) -> Any:
    return stack.call("api", MINUTE)


AFTERWARDS: dict[str, Callable[[Stack], Any]] = {"the next edit": next_edit, "the schedule": next_minute}


@pytest.mark.parametrize("done", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize("afterwards", AFTERWARDS)
def test_what_holds_of_a_blueprint_whose_function_dies_is_told_once_and_the_rest_by_its_repeat(
    api: Api, stack: Stack, done: bool, afterwards: str, subtests: pytest.Subtests
) -> None:
    """The fault: no event told of what held, since the next run saw no difference."""
    assert api("PUT", "/blueprint", OLD).status == 200
    items, before, known = stack.items("config"), shown(api), ids(stack)
    assert api("PUT", "/blueprint", NEW).status == 200
    whole = told(stack, known)
    partly = 0

    for number in range(1, MOST_CALLS):
        stack.put_back("config", items)
        stack.put_back("events", [])
        calls = die(api, NEW, number, done=done)
        if len(calls) < number:
            break
        with subtests.test(f"{calls[number - 1]}, call {number}"):
            held = holding(before, shown(api))
            let_the_lock_expire(stack)
            AFTERWARDS[afterwards](stack)
            AFTERWARDS[afterwards](stack)

            settled = told(stack, set())
            partly += 0 < len(held) < len(whole)
            del settled["model_created", "mapping", "next"]
            # A transport's secret may be replaced, of which its entry shows nothing.
            assert of(settled) - {("transport", "chat")} == held - {("transport", "chat")}
            assert set(settled.values()) <= {1}

            answer = Api.of(stack)("PUT", "/blueprint", NEW)

            assert answer.status == 200, answer.text
            all_told = told(stack, set())
            for extra in MADE_AGAIN | {("model_created", "mapping", "next"), ("model_deleted", "mapping", "next")}:
                del all_told[extra]
            assert all_told == whole
    assert partly > 2
    assert number > 15


def test_of_a_blueprint_of_many_resources_as_many_are_told_as_hold(
    api: Api, stack: Stack, subtests: pytest.Subtests
) -> None:
    document = api("GET", "/blueprint").body | MANY
    items, before = stack.items("config"), shown(api)
    with failing(lambda _: None) as calls:
        assert api("PUT", "/blueprint", document).status == 200
    writes = [number for number, name in enumerate(calls, start=1) if name in WRITES]
    counts = set()

    for number in (*writes[:14], *writes[14::25], *writes[-2:]):
        stack.put_back("config", items)
        stack.put_back("events", [])
        die(api, document, number, done=False)
        with subtests.test(f"call {number}"):
            held = holding(before, shown(api))
            let_the_lock_expire(stack)
            next_minute(stack)

            counted = [event["context"]["changes"] for event in stack.events() if "changes" in event["context"]]
            assert len(counted) <= 1
            assert told(stack, set()).total() + sum(sum(each.values()) for each in counted) == len(held)
            counts.add(len(held))
    assert {0, 120, 154} <= counts


@pytest.mark.parametrize("done", [False, True], ids=["before it is done", "after it is done"])
def test_who_dies_while_they_tell_what_another_left_leaves_it_to_the_next(
    api: Api, stack: Stack, done: bool, subtests: pytest.Subtests
) -> None:
    died_publishing(api)
    let_the_lock_expire(stack)
    items = stack.items("config")
    stack.put_back("events", [])
    next_minute(stack)
    whole = told(stack, set())

    for number in range(1, MOST_CALLS):
        stack.put_back("config", items)
        stack.put_back("events", [])
        with dying(number, done=done) as calls, suppress(Killed):
            next_minute(stack)
        if len(calls) < number:
            break
        with subtests.test(f"{calls[number - 1]}, call {number}"):
            let_the_lock_expire(stack)
            next_minute(stack)

            assert told(stack, set()) == whole
    assert whole.total() > 5
    assert set(whole.values()) == {1}
    assert number > whole.total()


def test_the_repeat_of_a_run_that_died_tidying_up_tidies_up_and_tells_nothing_more(api: Api, stack: Stack) -> None:
    api("PUT", "/blueprint", {"users": [{"username": "ana"}], "groups": [{"name": "oncall", "members": ["ana"]}]})
    known = ids(stack)
    with failing(raising(Killed()), "BatchWriteItem", at=lambda call: call > 1, table="config"), suppress(Killed):
        api("PUT", "/blueprint", {})
    let_the_lock_expire(stack)
    next_minute(stack)
    once = told(stack, known)

    answer = Api.of(stack)("PUT", "/blueprint", {})

    assert once == Counter([("model_deleted", "user", "ana"), ("model_deleted", "group", "oncall")])
    assert (answer.status, answer.body["changed"]) == (200, False)
    assert told(stack, known) == once
    assert all("expires_at" in item for item in stack.items("config") if item["pk"]["S"].startswith("member#"))
    assert note_of(stack) is None


# ── what stands beside the lock ──────────────────────────────────────────────


def note_of(stack: Stack) -> Any:
    return ConfigurationLock(stack.dynamodb, "config").note()


def died_publishing(api: Api) -> None:
    """OLD is in force; a run that applies NEW has written people and keys, and dies right after it has published."""
    assert api("PUT", "/blueprint", OLD).status == 200
    with failing(raising(Killed()), "UpdateItem", at=lambda call: call > 2, table="config") as calls, suppress(Killed):
        api("PUT", "/blueprint", NEW)
    assert len(calls) > 2


def test_an_event_that_is_told_later_is_of_the_time_of_its_edit_and_of_the_settings_in_force(
    api: Api, stack: Stack
) -> None:
    assert api("PUT", "/blueprint", OLD).status == 200
    known, began = ids(stack), datetime.now(UTC)

    def publishing(call: dict[str, Any]) -> None:
        if b'"snapshot#' in call["body"]:
            raise Killed

    with failing(publishing, "PutItem", table="config"), suppress(Killed):
        api("PUT", "/blueprint", OLD | {"settings": {"brand": "new"}, "keys": NEW["keys"][:1]})
    died = datetime.now(UTC)
    let_the_lock_expire(stack)
    while datetime.now(UTC) <= died + timedelta(milliseconds=5):
        pass

    next_minute(stack)

    (event,) = [event for event in stack.events() if event["id"] not in known]
    assert began - timedelta(milliseconds=1) <= datetime.fromisoformat(event["created"]) <= died
    assert (event["brand"], event["action"]) == ("old", "model_updated")
    assert event["context"]["by"] == "ops"
    assert event["context"]["diff"] == {"scopes": {"from": ["events:write"], "to": ["events:read"]}}


def test_what_is_published_meanwhile_without_the_lock_hides_no_run(api: Api, stack: Stack) -> None:
    known = ids(stack)
    died_publishing(api)
    assert api("PUT", "/silences/deploy", ENTRIES["/silences/deploy"]).status == 201
    let_the_lock_expire(stack)

    next_minute(stack)

    assert ("model_created", "transport", "made-hook") in told(stack, known)


def test_no_secret_stands_beside_the_lock(api: Api, stack: Stack) -> None:
    died_publishing(api)

    note = json.dumps(note_of(stack))

    assert "untold" in note
    assert "whsec_" not in note
    assert SLACK_URL.rpartition("/")[2] not in note


# ── events that can't be stored ──────────────────────────────────────────────


def test_a_blueprint_whose_events_can_not_be_stored_holds_and_is_told_by_the_schedule(
    api: Api, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    known = ids(stack)
    with failing(throttled("InternalServerError", 500), "PutItem", table="events"):
        answer = api("PUT", "/blueprint", OLD)
    untold_yet = told(stack, known)

    assert next_minute(stack) == {"settled": True}

    assert answer.status == 200
    assert "CHANGE_UNREPORTED" in capsys.readouterr().out
    assert untold_yet == Counter()
    assert of(told(stack, known)) >= {("rule", "r"), ("user", "alice"), ("key", "kept")}
    assert set(told(stack, known).values()) == {1}
    assert note_of(stack) is None
    # The caller was shown the keys, so nothing is made again.
    assert Api.of(stack)("PUT", "/blueprint", OLD).body["changed"] is False


def test_no_edit_is_made_before_what_is_untold_is_told(api: Api, stack: Stack) -> None:
    """Else nobody could find out what held."""
    known = ids(stack)
    died_publishing(api)
    let_the_lock_expire(stack)

    with failing(throttled("InternalServerError", 500), "PutItem", table="events"):
        refused = next_edit(stack)
    made = next_edit(stack)

    assert refused.is_problem(503)
    assert made.status == 201
    assert told(stack, known)["model_created", "transport", "made-hook"] == 1


# ── the schedule ─────────────────────────────────────────────────────────────


def test_the_schedule_writes_nothing_where_nothing_is_left(api: Api, stack: Stack) -> None:
    api("PUT", "/blueprint", OLD)

    with nothing_written(stack):
        assert next_minute(stack) == {"settled": False}


def test_the_schedule_leaves_a_run_that_goes_on_alone(api: Api, stack: Stack) -> None:
    died_publishing(api)  # for the schedule it may be alive, since it still has the lock

    with nothing_written(stack):
        assert next_minute(stack) == {"settled": False}


def test_the_schedule_leaves_what_somebody_else_settles_to_them(api: Api, stack: Stack) -> None:
    died_publishing(api)
    let_the_lock_expire(stack)
    others = ConfigurationLock(stack.dynamodb, "config")

    with failing(lambda _: others.take("somebody", now=datetime.now(UTC)) and None, "UpdateItem", at=lambda n: n == 1):
        assert next_minute(stack) == {"settled": False}
