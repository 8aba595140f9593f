"""Everything over HTTP but POST /events: who may ask what, and what is answered."""

import json
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from tests.integration.conftest import Stack
from tests.integration.handler_calls import PRODUCER, Client, failing, raising, request, throttled
from tocsin import __version__
from tocsin.identity.principal import Scope
from tocsin.ids import new_id

ROUTES: dict[tuple[str, str], Scope] = {
    ("GET", "/events/<event_id>"): Scope.EVENTS_READ,
    ("GET", "/events/<event_id>/deliveries"): Scope.EVENTS_READ,
    ("GET", "/notifications"): Scope.NOTIFICATIONS,
    ("GET", "/blueprint"): Scope.CONFIG_READ,
    ("PUT", "/blueprint"): Scope.CONFIG_WRITE,
}
"""The routes that every stack has, and the scope that each asks for."""

PUBLIC = {("GET", "/health"), ("POST", "/sign-in")}
READING = {Scope.EVENTS_READ, Scope.CONFIG_READ, Scope.NOTIFICATIONS}


@pytest.fixture
def client(stack: Stack) -> Client:
    return Client(stack, "api")


@pytest.fixture
def routes(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """(method, path) of all that the API serves."""
    made: list[APIGatewayHttpResolver] = []

    class Seen(APIGatewayHttpResolver):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    # by name, as `tocsin.api` has a function that is called as the module is
    monkeypatch.setattr(import_module("tocsin.api.application"), "APIGatewayHttpResolver", Seen)
    stack.function("api")
    (app,) = made
    return {(str(route.method), str(route.path)) for route in [*app._static_routes, *app._dynamic_routes]}


def with_scopes(*scopes: str, **facts: str) -> dict[str, str]:
    return PRODUCER | {"scopes": " ".join(scopes)} | facts


def somewhere(path: str) -> str:
    """A path that the pattern `path` matches."""
    return "/".join(
        new_id() if part == "<event_id>" else "x" if part.startswith("<") else part for part in path.split("/")
    )


def event_of(stack: Stack, **fields: Any) -> str:
    """Post an event; its id."""
    answer = Client(stack, "ingest").post({"action": "login", "user": {"username": "alice"}, **fields})
    event_id: str = answer.body["id"]
    return event_id


# ── who may ask ──────────────────────────────────────────────────────────────


def test_each_route_takes_the_one_scope_that_it_asks_for(
    client: Client, routes: set[tuple[str, str]], subtests: pytest.Subtests
) -> None:
    assert routes >= ROUTES.keys()

    for (method, path), needed in ROUTES.items():
        for scope in Scope:
            with subtests.test(f"{method} {path}", scope=scope.value):
                answer = client.ask(method, somewhere(path), {}, key=with_scopes(scope, user="alice"))

                assert (answer.status == 403) is (scope is not needed)
                assert scope is needed or (answer.is_problem(403) and needed in answer.body["detail"])


def test_no_route_answers_a_key_without_scopes(
    client: Client, routes: set[tuple[str, str]], subtests: pytest.Subtests
) -> None:
    for method, path in sorted(routes - PUBLIC):
        with subtests.test(f"{method} {path}"):
            answer = client.ask(method, somewhere(path), {}, key=with_scopes())

            assert answer.status == 403 or path.startswith(("/unsubscribe", "/acknowledge")) or path == "/me"


def test_no_route_answers_without_a_key(
    client: Client, routes: set[tuple[str, str]], subtests: pytest.Subtests
) -> None:
    for method, path in sorted(routes - PUBLIC):
        with subtests.test(f"{method} {path}"):
            answer = client.ask(method, somewhere(path), {}, key={"error": "this API key is not known"})

            assert answer.status == 401 or path.startswith(("/unsubscribe", "/acknowledge"))


def test_nothing_can_be_changed_by_who_may_only_read(
    client: Client, routes: set[tuple[str, str]], subtests: pytest.Subtests
) -> None:
    for method, path in sorted(routes):
        if method in {"PUT", "PATCH", "DELETE"} and not path.startswith("/notifications"):
            with subtests.test(f"{method} {path}"):
                assert client.ask(method, somewhere(path), {}, key=with_scopes(*READING)).status == 403


def test_whether_it_is_up_may_be_asked_by_anybody(client: Client) -> None:
    answer = client.ask("GET", "/health", key={})

    assert (answer.status, answer.body) == (200, {"status": "ok", "version": __version__})


def test_whoever_has_no_key_does_not_learn_what_there_is(client: Client, subtests: pytest.Subtests) -> None:
    for method, path in (("GET", "/nothing-here"), ("POST", "/blueprint"), ("GET", f"/events/{new_id()}")):
        with subtests.test(f"{method} {path}"):
            assert client.ask(method, path, key={}).is_problem(401)


# ── what there is not ────────────────────────────────────────────────────────


def test_an_unknown_path_is_not_found(client: Client, subtests: pytest.Subtests) -> None:
    for path in ("/", "/nothing-here", "/blueprint/x", "/BLUEPRINT", "/health/", "/" + "x" * 5000, "/%00", "/é"):
        with subtests.test(path[:20]):
            answer = client.ask("GET", path)

            assert answer.is_problem(404)
            assert len(answer.text) < 1000


def test_another_method_is_told_which_there_are(client: Client, subtests: pytest.Subtests) -> None:
    cases = {
        ("POST", "/blueprint"): "GET, HEAD, PUT",
        ("DELETE", "/blueprint"): "GET, HEAD, PUT",
        ("PUT", "/health"): "GET, HEAD",
        ("PUT", f"/events/{new_id()}/deliveries"): "GET, HEAD",
    }
    for (method, path), allowed in cases.items():
        with subtests.test(f"{method} {path}"):
            answer = client.ask(method, path)

            assert answer.is_problem(405)
            assert answer.headers["allow"] == allowed


def test_what_another_function_serves_is_named_too(client: Client) -> None:
    answer = client.ask("PUT", "/events")

    assert answer.is_problem(405)
    assert "POST" in answer.headers["allow"].split(", ")


# ── one event, and its story ─────────────────────────────────────────────────


def test_an_event_is_shown_with_its_summary(stack: Stack, client: Client) -> None:
    event_id = event_of(stack)

    answer = client.ask("GET", f"/events/{event_id}")

    assert answer.status == 200
    assert answer.body == stack.events()[0] | {"summary": "alice logged in"}


def test_an_event_in_capitals_is_the_same(stack: Stack, client: Client) -> None:
    event_id = event_of(stack)

    assert client.ask("GET", f"/events/{event_id.upper()}").body["id"] == event_id


def test_an_event_whose_time_is_over_is_gone_before_it_is_deleted(stack: Stack, client: Client) -> None:
    event_id = event_of(stack)
    (item,) = stack.items("events")
    past = str(int((datetime.now(UTC) - timedelta(seconds=1)).timestamp()))
    stack.dynamodb.put_item(TableName="events", Item=item | {"expires_at": {"N": past}})

    assert client.ask("GET", f"/events/{event_id}").is_problem(404)
    assert client.ask("GET", f"/events/{event_id}/deliveries").is_problem(404)


def test_an_event_that_is_not_there_is_not_found(client: Client, subtests: pytest.Subtests) -> None:
    for path in (f"/events/{new_id()}", f"/events/{new_id()}/deliveries"):
        with subtests.test(path):
            assert client.ask("GET", path).is_problem(404)


def test_an_id_that_is_none_is_invalid(client: Client, subtests: pytest.Subtests) -> None:
    for event_id in ("1", "019ac0de-5a00-4b31-8c55-1f2e3d4c5b6a", "x" * 1000):
        with subtests.test(event_id[:40]):
            answer = client.ask("GET", f"/events/{event_id}")

            assert answer.is_problem(422)
            assert answer.paths == ["id"]


def test_an_event_without_rules_has_an_empty_story(stack: Stack, client: Client) -> None:
    event_id = event_of(stack)

    body = client.ask("GET", f"/events/{event_id}/deliveries").body

    assert (body["event_id"], body["rules"], body["deliveries"], body["cursor"]) == (event_id, [], [], None)


# ── inboxes ──────────────────────────────────────────────────────────────────


def test_an_inbox_is_that_of_the_keys_person(client: Client) -> None:
    answer = client.ask("GET", "/notifications", key=with_scopes(Scope.NOTIFICATIONS, user="alice"))

    assert answer.status == 200
    assert (answer.body["user"], answer.body["items"], answer.body["unread"]) == ("alice", [], 0)


def test_another_persons_inbox_is_for_who_may_read_all_events(client: Client) -> None:
    query = {"user": "bob"}
    alone = with_scopes(Scope.NOTIFICATIONS, user="alice")
    allowed = with_scopes(Scope.NOTIFICATIONS, Scope.EVENTS_READ, user="alice")

    assert client.ask("GET", "/notifications", query=query, key=alone).is_problem(403)
    assert client.ask("GET", "/notifications", query=query, key=allowed).body["user"] == "bob"


def test_a_key_that_stands_for_nobody_must_say_whose_inbox(client: Client) -> None:
    answer = client.ask("GET", "/notifications", key=with_scopes(Scope.NOTIFICATIONS))

    assert answer.is_problem(422)
    assert answer.paths == ["user"]


def test_a_bad_query_is_named(client: Client, subtests: pytest.Subtests) -> None:
    key = with_scopes(Scope.NOTIFICATIONS, user="alice")
    for name, value in (
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "x"),
        ("limit", "9" * 30),
        ("cursor", "!"),
        ("x", "1"),
    ):
        with subtests.test(name, value=value):
            answer = client.ask("GET", "/notifications", query={name: value}, key=key)

            assert answer.is_problem(422)
            assert answer.paths == [name]


# ── faults of ours ───────────────────────────────────────────────────────────


def test_what_can_not_be_read_now_is_to_be_asked_again(stack: Stack, client: Client) -> None:
    event_id = event_of(stack)

    with failing(throttled(), "GetItem"):
        answer = client.ask("GET", f"/events/{event_id}")

    assert answer.is_problem(503)
    assert int(answer.headers["retry-after"]) > 0


def test_a_bug_is_a_problem_without_a_trace(client: Client) -> None:
    with failing(raising(RuntimeError("hunter2")), "GetItem"):
        answer = client.ask("GET", f"/events/{new_id()}")

    assert answer.is_problem(500)
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text


def test_a_bug_is_found_in_the_log_by_the_request_that_the_answer_names(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fault: the log had the invocation's id, which no answer tells, and not the request's."""
    with failing(raising(RuntimeError("a bug")), "GetItem"):
        answer = client.ask("GET", f"/events/{new_id()}")

    (line,) = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "REQUEST_FAILED" in each]
    assert answer.body["instance"] == f"urn:tocsin:request:{line['request_id']}"


def test_each_answer_is_kept_by_nobody(client: Client) -> None:
    for path in ("/health", "/blueprint", "/nothing-here"):
        headers = client.send(request("GET", path)).headers

        assert headers["cache-control"] == "no-store"
