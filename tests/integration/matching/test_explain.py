"""Why: a rule or policy put to an event, and to all events of a time. Nothing is sent."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api_calls import Api
from tests.integration.conftest import Stack
from tests.integration.matching.matching_world import FAILED_LOGIN, Load, configure, event, rule, store
from tocsin.events.model import Cause
from tocsin.ids import new_id
from tocsin.times import iso

STAFF = "event.action == 'login' && 'oncall' in user.groups"
LOGIN = {"action": "login"}


def ask(stack: Stack, load: Load, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    request = load("api-event")
    request["rawPath"] = path
    request["requestContext"]["http"] |= {"method": method, "path": path}
    request["headers"]["content-type"] = "application/json"
    if body is not None:
        request["body"] = json.dumps(body)
    answer = stack.call("api", request)
    return answer["statusCode"], json.loads(answer["body"])


def test_a_rule_is_explained_binding_by_binding_and_nothing_is_sent(stack: Stack, load: Load) -> None:
    configure(stack, rules=[rule(bindings=[{"policy": "failed-login"}, {"group": "oncall", "negate": True}])])

    status, why = ask(stack, load, "POST", "/rules/failed-logins/test", {"event": {"action": "login_failed"}})

    assert status == 200
    assert why["fires"] and why["tells"]
    assert [(each["passed"], each["reason"]) for each in why["bindings"]] == [
        (True, "policy failed-login holds"),
        (True, "group oncall does not hold, negated"),
    ]
    assert why["recipients"] == {"usernames": ["alice"], "more": False}
    assert [each["name"] for each in why["transports"]] == ["inbox"]
    assert stack.messages("Inbox") == []


def test_an_inbox_that_nobody_configured_is_explained_as_it_is_used(stack: Stack, load: Load) -> None:
    configure(stack, transports=[])

    _, why = ask(stack, load, "POST", "/rules/failed-logins/test", {"event": {"action": "login_failed"}})

    assert why["transports"] == [{"name": "inbox", "mode": "local", "send_once": False, "used": True}]


def test_a_rule_that_tells_the_events_user_says_why_it_does_not(stack: Stack, load: Load) -> None:
    """The fault: it tells nobody, and the reason was "told at once"."""
    configure(stack, rules=[rule(destination_event_user=True)])
    asked = {"event": {"action": "login_failed", "user": {"username": "mallory"}}}

    _, why = ask(stack, load, "POST", "/rules/failed-logins/test", asked)

    assert why["recipients"]["event_user"] == "is not in the directory"


def test_a_stored_event_is_named_by_its_id(stack: Stack, load: Load) -> None:
    configure(stack)
    about = event(action="logout")
    store(stack, about)

    status, why = ask(stack, load, "POST", "/rules/failed-logins/test", {"event_id": about.id})

    assert (status, why["fires"]) == (200, False)


def test_a_transport_that_caused_an_event_is_explained_as_not_used(stack: Stack, load: Load) -> None:
    configure(stack)
    caused = replace(event(), cause=Cause(rule=None, transport="inbox", depth=1))
    store(stack, caused)

    _, why = ask(stack, load, "POST", "/rules/failed-logins/test", {"event_id": caused.id})

    assert [(each["name"], each["used"]) for each in why["transports"]] == [("inbox", False)]


@pytest.mark.parametrize(("username", "ends"), [("alice", True), ("mallory", False)])
def test_an_end_that_asks_for_groups_is_explained_by_those_of_the_events_user(
    stack: Stack, load: Load, username: str, ends: bool
) -> None:
    configure(stack, rules=[rule(resolve={"query": STAFF})])
    asked = {"event": LOGIN | {"user": {"username": username}}}

    _, why = ask(stack, load, "POST", "/rules/failed-logins/test", asked)

    assert why["ends"] is ends


def test_an_end_is_explained_of_a_rule_that_is_off_and_is_none_where_it_can_not_be_loaded(
    stack: Stack, load: Load
) -> None:
    off = rule(enabled=False, resolve={"query": "event.action == 'login'"})
    configure(stack, rules=[off, rule(name="odd", resolve={"query": "event."})])

    answers = [
        ask(stack, load, "POST", f"/rules/{name}/test", {"event": {"action": "login"}})
        for name in ("failed-logins", "odd")
    ]

    assert [(status, why["fires"], why["ends"]) for status, why in answers] == [(200, False, True), (200, False, False)]


@pytest.mark.parametrize(("username", "holds"), [("alice", True), ("mallory", False)])
def test_a_policy_that_asks_for_groups_is_explained_by_those_of_the_events_user(
    stack: Stack, load: Load, username: str, holds: bool
) -> None:
    configure(stack, policies=[FAILED_LOGIN, {"name": "staff", "kind": "expression", "expression": STAFF}])

    _, why = ask(stack, load, "POST", "/policies/staff/test", {"event": LOGIN | {"user": {"username": username}}})

    assert (why["holds"], why["error"]) == (holds, None)


@pytest.mark.parametrize(("path", "says"), [("/rules/failed-logins", "fires"), ("/policies/failed-login", "holds")])
def test_a_rule_and_a_policy_are_explained_as_they_are_now(stack: Stack, path: str, says: str) -> None:
    """Whoever changes one and asks is answered by another process, which may have read the one before."""
    configure(stack)
    api = Api.of(stack)
    asked = {"event": {"action": "login_failed"}}
    before = api("POST", f"{path}/test", asked).body

    configure(stack, policies=[FAILED_LOGIN | {"action": "login"}])
    after = api("POST", f"{path}/test", asked).body

    assert (before[says], after[says]) == (True, False)


def test_the_state_of_a_throttle_is_shown_and_not_changed(stack: Stack, load: Load) -> None:
    configure(stack, rules=[rule(throttle={"window": "days=1", "max": 1})])

    answers = [
        ask(stack, load, "POST", "/rules/failed-logins/test", {"event": {"action": "login_failed"}})[1]
        for _ in range(3)
    ]

    assert [answer["throttle"]["told"] for answer in answers] == [0, 0, 0]
    assert all(answer["tells"] for answer in answers)


def test_a_disabled_rule_is_explained_but_tells_nobody(stack: Stack, load: Load) -> None:
    configure(stack, rules=[rule(enabled=False)])

    _, why = ask(stack, load, "POST", "/rules/failed-logins/test", {"event": {"action": "login_failed"}})

    assert (why["fires"], why["enabled"], why["tells"]) == (True, False, False)


def test_a_policy_that_fails_says_why(stack: Stack, load: Load) -> None:
    broken = {"name": "broken", "kind": "expression", "expression": "event.context.nothing == 1"}
    configure(stack, policies=[FAILED_LOGIN, broken])

    status, why = ask(stack, load, "POST", "/policies/broken/test", {"event": {"action": "login"}})

    assert (status, why["policy"], why["kind"], why["holds"]) == (200, "broken", "expression", False)
    assert why["reason"].startswith("policy broken failed")
    assert "nothing" in why["error"]


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/rules/none/test", {"event": {"action": "login"}}, 404, None),
        ("/policies/none/test", {"event": {"action": "login"}}, 404, None),
        ("/rules/failed-logins/test", {}, 422, ": give exactly one of event, event_id"),
        ("/rules/failed-logins/test", [], 422, ": must be an object"),
        ("/rules/failed-logins/test", {"event": {"action": "login"}, "event_id": new_id()}, 422, ": give exactly one"),
        ("/rules/failed-logins/test", {"colour": 1}, 422, ": give exactly one"),
        ("/rules/failed-logins/test", {"event": "login"}, 422, "event: must be an object"),
        ("/rules/failed-logins/test", {"event": {"action": "login", "colour": 1}}, 422, "event.colour: "),
        ("/rules/failed-logins/test", {"event_id": "x"}, 422, "event_id: 'x' is not a UUID"),
        ("/rules/failed-logins/test", {"event_id": new_id()}, 404, None),
        ("/rules/failed-logins/backtest", {}, 422, "since: "),
        ("/rules/failed-logins/backtest", {"since": "2999-01-01T00:00:00Z"}, 422, "since: must lie before until"),
        (
            "/rules/failed-logins/backtest",
            {"since": "2020-01-01T00:00:00Z", "until": "2020-01-01T00:00:00Z"},
            422,
            "since: must lie before until",
        ),
        ("/rules/failed-logins/backtest", {"since": "2020-01-01T00:00:00Z", "cursor": "x"}, 422, "cursor: "),
    ],
)
def test_a_wrong_question_is_refused_by_name(
    stack: Stack, load: Load, path: str, body: Any, status: int, error: str | None
) -> None:
    configure(stack)

    given, problem = ask(stack, load, "POST", path, body)

    assert given == status
    if error is not None:
        first = problem["errors"][0]
        assert f"{first['path']}: {first['message']}".startswith(error)
        assert first["message"]


def test_a_policy_that_can_not_be_loaded_is_explained_as_it_is_matched(stack: Stack, load: Load) -> None:
    """The fault: the matcher went on without what an earlier version had stored, and asking why was answered by 500."""
    pattern = {"app": [{"prefix": 1}]}
    silence = {"name": "odd", "pattern": pattern, "starts": "2020-01-01T00:00:00Z", "ends": "2999-01-01T00:00:00Z"}
    bindings = [{"policy": "odd"}, {"policy": "failed-login"}]
    configure(
        stack,
        policies=[FAILED_LOGIN, {"name": "odd", "kind": "pattern", "pattern": pattern}],
        rules=[rule(bindings=bindings, resolve={"query": "event."})],
        silences=[silence],
    )
    asked = {"event": {"action": "login_failed"}}

    of_rule = ask(stack, load, "POST", "/rules/failed-logins/test", asked)
    of_policy = ask(stack, load, "POST", "/policies/odd/test", asked)
    past = ask(stack, load, "POST", "/rules/failed-logins/backtest", {"since": "2020-01-01T00:00:00Z"})

    assert [status for status, _ in (of_rule, of_policy, past)] == [200, 200, 200]
    assert (of_rule[1]["fires"], of_rule[1]["tells"]) == (True, True)
    assert "could not be loaded" in of_rule[1]["bindings"][0]["error"] == of_policy[1]["error"]


def test_a_backtest_counts_by_hour_and_gives_examples(stack: Stack, load: Load) -> None:
    configure(stack)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    for minute in (1, 2, 3, 65, 125):
        store(stack, event(id=new_id(start + timedelta(minutes=minute))))
    store(stack, event(id=new_id(start + timedelta(minutes=4)), action="logout"))

    status, result = ask(stack, load, "POST", "/rules/failed-logins/backtest", {"since": start.isoformat()})

    assert status == 200
    assert (result["events"], result["fired"], result["cursor"]) == (6, 5, None)
    assert result["by_hour"] == {
        iso(start): 3,
        iso(start + timedelta(hours=1)): 1,
        iso(start + timedelta(hours=2)): 1,
    }
    assert len(result["examples"]) == 5


def test_a_backtests_range_may_begin_and_end_within_a_millisecond(stack: Stack, load: Load) -> None:
    configure(stack)
    for each in (0, 1, 2):
        store(stack, event(id=new_id(datetime(2026, 3, 1, 12, 0, 0, each * 1000, tzinfo=UTC))))
    asked = {"since": "2026-03-01T12:00:00.000500Z", "until": "2026-03-01T12:00:00.001500Z"}

    _, result = ask(stack, load, "POST", "/rules/failed-logins/backtest", asked)

    assert [each["created"] for each in result["examples"]] == ["2026-03-01T12:00:00.001Z"]


def test_a_backtest_goes_on_where_it_stopped(stack: Stack, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.matching.backtest.MAX_EVENTS", 20)
    configure(stack)
    start = datetime.now(UTC) - timedelta(hours=2)
    for second in range(90):
        store(stack, event(id=new_id(start + timedelta(seconds=second))))
    asked: dict[str, Any] = {"since": (start - timedelta(minutes=1)).isoformat()}

    fired, rounds = 0, 0
    while rounds < 90:
        _, result = ask(stack, load, "POST", "/rules/failed-logins/backtest", asked)
        fired, rounds = fired + result["fired"], rounds + 1
        if result["cursor"] is None:
            break
        assert result["scanned_until"] is not None
        asked["cursor"] = result["cursor"]

    assert fired == 90
    assert rounds > 1


def test_an_event_that_is_too_old_would_tell_nobody(stack: Stack, load: Load) -> None:
    configure(stack)
    event = {"action": "login_failed", "created": (datetime.now(UTC) - timedelta(hours=25)).isoformat()}

    _, old = ask(stack, load, "POST", "/rules/failed-logins/test", {"event": event})
    _, new = ask(stack, load, "POST", "/rules/failed-logins/test", {"event": {"action": "login_failed"}})

    assert (old["fires"], old["tells"], old["age"]["passes"], old["age"]["max_age"]) == (True, False, False, "hours=24")
    assert old["age"]["seconds"] // 60 == 25 * 60
    assert (new["tells"], new["age"]["passes"]) == (True, True)


@pytest.mark.parametrize("held", ["failed-logins nowhere", "another-rule 019ac0de-5a00-7b31-8c55-1f2e3d4c5b6a", "x"])
def test_a_backtest_refuses_a_cursor_that_is_not_its_own(stack: Stack, load: Load, held: str) -> None:
    """The fault: a position that can't be one was a 500."""
    configure(stack)
    cursor = base64.urlsafe_b64encode(json.dumps(held).encode()).decode()
    asked = {"since": "2026-01-01T00:00:00Z", "cursor": cursor}

    status, problem = ask(stack, load, "POST", "/rules/failed-logins/backtest", asked)

    assert (status, problem["errors"][0]["path"]) == (422, "cursor")


def test_silences_are_made_listed_and_ended(stack: Stack, load: Load) -> None:
    configure(stack, rules=[rule(escalate=[{"after": "hours=1", "destination_group": "oncall"}])])
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    status, made = ask(stack, load, "POST", "/silences", {"matcher": {"app": "test"}, "ends": ends, "comment": "drill"})
    _, silenced = ask(stack, load, "POST", "/rules/failed-logins/test", {"event": {"action": "login_failed"}})
    _, listed = ask(stack, load, "GET", "/silences")
    ended_status, ended = ask(stack, load, "DELETE", f"/silences/{made['name']}")
    _, heard = ask(stack, load, "POST", "/rules/failed-logins/test", {"event": {"action": "login_failed"}})

    assert (status, made["state"], made["by"]) == (201, "active", "billing")
    assert (silenced["fires"], silenced["tells"]) == (True, False)
    assert silenced["silence"] == {"name": made["name"], "ends": iso(datetime.fromisoformat(ends)), "comment": "drill"}
    assert silenced["reason"].startswith(f"dropped: silence {made['name']} holds until ")
    assert (silenced["decisions"], silenced["escalate"]) == ([], [])
    assert [each["name"] for each in listed["items"]] == [made["name"]]
    assert (ended_status, ended["state"]) == (200, "over")
    assert heard["tells"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"ends": "2999-01-01T00:00:00Z"}, ""),
        ({"matcher": {"app": "x"}}, "ends"),
        ({"matcher": {"app": "x"}, "ends": "2020-01-01T00:00:00Z", "starts": "2019-01-01T00:00:00Z"}, "ends"),
        ({"matcher": {"query": "event.acton"}, "ends": "2999-01-01T00:00:00Z"}, "matcher.query"),
        ({"pattern": {"app": "x"}, "ends": "2999-01-01T00:00:00Z"}, "pattern"),
    ],
)
def test_a_wrong_silence_is_refused_by_name(stack: Stack, load: Load, body: dict[str, Any], path: str) -> None:
    status, problem = ask(stack, load, "POST", "/silences", body)

    assert (status, problem["errors"][0]["path"]) == (422, path)
