"""Who may: every operation against no key, each scope, another person's key, an expired and a revoked one; and
against access tokens likewise."""

import json
import re
import shlex
import string
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import CellType, ModuleType
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from tests.integration.api_calls import Api, request_event
from tests.integration.conftest import ROOT, Stack
from tests.integration.handler_calls import ALL_SCOPES, Answer
from tocsin.api.openapi import OPERATIONS, Operation, document
from tocsin.identity.principal import TOKEN_PREFIX, Scope
from tocsin.times import iso

SOME_ID = "01890000-0000-7000-8000-000000000000"
NAMES = {"person": "me", "event_id": SOME_ID, "notification_id": SOME_ID, "delivery_id": "x"}
KEYED = [operation for operation in OPERATIONS if operation.scopes is not None]
OPEN = {("GET", "/health"), ("GET", "/unsubscribe"), ("POST", "/unsubscribe"), ("POST", "/sign-in")}
OPEN |= {("GET", "/acknowledge"), ("POST", "/acknowledge")}


class Everything:
    """The functions behind the HTTP API, each warm."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.api = Api.of(stack)
        self.ingest = stack.function("ingest")

    def call(self, method: str, path: str, body: str | None, query: dict[str, str]) -> Answer:
        if (method, path) != ("POST", "/events"):
            return self.api(method, path, body, query=query)
        headers = {"content-type": "application/json"}
        answer = self.ingest.handler(
            request_event(method, path, body, headers, query, facts(*Scope)), self.stack.context
        )
        return Answer(answer["statusCode"], answer["headers"], answer["body"])

    def status(self, operation: Operation, facts: dict[str, str]) -> int:
        path = re.sub(r"\{(\w+)\}", lambda name: NAMES.get(name[1], "nobody"), operation.path)
        if (operation.method, operation.path) == ("POST", "/events"):
            answer = self.ingest.handler(request_event("POST", path, None, {}, None, facts), self.stack.context)
            return int(answer["statusCode"])
        return self.api(operation.method, path, query=_brief(operation), facts=facts).status


def _brief(operation: Operation) -> dict[str, str]:
    """The last minutes, for what else looks through days of events."""
    looks_through = operation.method == "GET" and operation.path.startswith("/events") and "{" not in operation.path
    return _last_minutes() if looks_through else {}


def _last_minutes() -> dict[str, str]:
    return {"since": iso(datetime.now(UTC) - timedelta(minutes=5))}


@pytest.fixture
def everything(stack: Stack) -> Everything:
    return Everything(stack)


def facts(*scopes: Scope, **more: str) -> dict[str, str]:
    return {"key_id": "0123456789abcdef", "key_name": "k", "scopes": " ".join(scopes)} | more


def token_facts(*scopes: Scope, **more: str) -> dict[str, str]:
    """What the authorizer says of alice's access token."""
    ends = int((datetime.now(UTC) + timedelta(minutes=5)).timestamp())
    known = {"key_id": f"{TOKEN_PREFIX}0123456789abcdef", "key_name": "oidc:alice", "user": "alice", "person": "alice"}
    return facts(*scopes) | known | {"expires": str(ends)} | more


RANGES = {"since", "until", "history_days", "steps"}
"""Parameters that say what span of the log is read."""
BEARERS = pytest.mark.parametrize("bearer", [facts, token_facts], ids=["key", "token"])


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def routes(module: ModuleType) -> Iterator[tuple[str, str]]:
    cells: tuple[CellType, ...] = module.resolve.__closure__
    (app,) = (cell.cell_contents for cell in cells if isinstance(cell.cell_contents, APIGatewayHttpResolver))
    for route in [*app._static_routes, *app._dynamic_routes]:
        yield route.method, re.sub(r"\(\?P<(\w+)>.*?\]\+\)", r"{\1}", route.rule.pattern).strip("^$")


def test_every_route_is_an_operation_and_every_operation_a_route(everything: Everything) -> None:
    served = {*routes(everything.api.module), ("POST", "/events")}

    assert served == {(operation.method, operation.path) for operation in OPERATIONS}


def test_only_what_must_be_is_open() -> None:
    assert {(each.method, each.path) for each in OPERATIONS if each.scopes is None} == OPEN


@pytest.mark.parametrize(
    "refused",
    [
        {},
        {"error": "this API key is not known"},
        facts(*Scope, expires=str(int((datetime.now(UTC) - timedelta(seconds=1)).timestamp()))),
        {"error": "the signature of this access token does not hold"},
        token_facts(*Scope, expires=str(int((datetime.now(UTC) - timedelta(seconds=1)).timestamp()))),
        token_facts(*Scope, key_id=""),
    ],
    ids=["no key", "unknown or revoked key", "expired key", "bad token", "expired token", "token without a holder"],
)
def test_nothing_is_served_to_whom_nobody_knows(everything: Everything, refused: dict[str, str]) -> None:
    answers = {name(operation): everything.status(operation, refused) for operation in KEYED}

    assert {path: status for path, status in answers.items() if status != 401} == {}


@BEARERS
@pytest.mark.parametrize("scope", [None, *Scope], ids=str)
def test_a_key_with_one_scope_is_served_what_needs_no_other(
    everything: Everything, scope: Scope | None, bearer: Callable[..., dict[str, str]]
) -> None:
    held = () if scope is None else (scope,)

    answers = [(operation, everything.status(operation, bearer(*held))) for operation in KEYED]

    for operation, status in answers:
        allowed = set(operation.scopes or ()) <= set(held)
        allowed &= not operation.any_of or bool(set(operation.any_of) & set(held))
        assert (status not in {401, 403}) is allowed, f"{name(operation)} answered {status} to {scope}"


@BEARERS
def test_a_key_that_lacks_one_scope_is_refused_what_needs_it(
    everything: Everything, bearer: Callable[..., dict[str, str]]
) -> None:
    for operation in KEYED:
        for needed in operation.scopes or ():
            others = [scope for scope in Scope if scope is not needed]

            assert everything.status(operation, bearer(*others)) == 403, name(operation)


@BEARERS
def test_a_key_with_all_scopes_is_refused_nothing(
    everything: Everything, bearer: Callable[..., dict[str, str]]
) -> None:
    for operation in OPERATIONS:
        status = everything.status(operation, bearer(*Scope))

        assert status not in {401, 403, 405} and status < 500, f"{name(operation)}: {status}"


def test_another_persons_inbox_is_not_shown(stack: Stack) -> None:
    alice = Api.of(stack, user="alice", scopes=Scope.NOTIFICATIONS)

    assert alice("GET", "/notifications").body["user"] == "alice"
    assert alice("GET", "/notifications", query={"user": "bob"}).status == 403
    assert Api.of(stack, user="alice", scopes=ALL_SCOPES)("GET", "/notifications", query={"user": "bob"}).status == 200


def test_another_persons_inbox_is_not_shown_to_a_token(stack: Stack) -> None:
    api = Api.of(stack)
    of_alice = token_facts(Scope.NOTIFICATIONS)
    of_nobody = token_facts(Scope.NOTIFICATIONS, user="")

    assert api("GET", "/notifications", facts=of_alice).body["user"] == "alice"
    assert api("GET", "/notifications", query={"user": "bob"}, facts=of_alice).status == 403
    assert api("GET", "/notifications", query={"user": "alice"}, facts=of_nobody).status == 403
    assert api("GET", "/notifications", facts=of_nobody).status == 422


def test_an_unknown_path_says_nothing_to_whom_nobody_knows(stack: Stack) -> None:
    api = Api.of(stack)

    assert api("GET", "/nowhere", facts={}).status == 401
    assert api("GET", "/nowhere").status == 404
    assert api("PATCH", "/rules/x").status == 405


def test_the_committed_document_is_the_codes() -> None:
    committed: Any = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))

    assert committed == json.loads(json.dumps(document())), "run: python -m tocsin.api.openapi > docs/openapi.json"


def test_every_call_in_the_reference_runs(everything: Everything) -> None:
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    known = {"DELIVERY_ID": SOME_ID + "-0123456789abcdef", "NOTIFICATION_ID": SOME_ID, "TOKEN": "t"}
    blueprint = ""
    # Nothing was delivered or stopped yet, no e-mail was sent, and the example's host is not called.
    missing = ("/deliveries/$", "/notifications/$", "/mail-stops/", "/mail-stops?", "/unsubscribe", "/sign-in")
    missing += ("/acknowledge", "/events/$EVENT_ID/acknowledge")

    for call in re.findall(r"^curl (?:.*\\\n)*.*", text, re.MULTILINE):
        words = shlex.split(call.replace("\\\n", " "))
        values = {flag: words[at + 1] for at, flag in enumerate(words) if flag in {"-X", "-d", "--data-binary"}}
        (url,) = [word for word in words if word.startswith("$URL")]
        path, _, query = url.removeprefix("$URL").partition("?")
        body = values.get("-d") or (blueprint if "--data-binary" in values else None)
        filled = string.Template(path).substitute(known)
        pairs = dict(parse_qsl(query))
        if "-X" not in values and path.startswith("/events") and "$" not in path and not pairs.keys() & RANGES:
            pairs |= _last_minutes()
        answer = everything.call(values.get("-X", "GET"), filled, body, pairs)

        absent = url.removeprefix("$URL").startswith(missing)
        assert (answer.status == 404) if absent else (answer.status < 400), f"{call}\n{answer.text}"
        if path == "/blueprint" and "-X" not in values:
            blueprint = answer.text
        if path == "/events" and "-X" in values:
            known["EVENT_ID"] = answer.body["id"]
        for job in ("export", "erasure"):
            if path == f"/{job}s" and "-X" in values:
                known[f"{job.upper()}_ID"] = answer.body["id"]


def test_every_operation_stands_in_the_reference_with_a_call() -> None:
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    headings = set(re.findall(r"^#+ `(\w+ /\S*)`", text, re.MULTILINE))

    assert headings == {name(operation) for operation in OPERATIONS}
    for section in re.split(r"^#+ `\w+ /\S*`.*$", text, flags=re.MULTILINE)[1:]:
        assert "curl" in section


def test_a_browsers_question_whether_it_may_ask_is_answered_and_nothing_else_on_its_route(stack: Stack) -> None:
    api = Api.of(stack)
    asked = request_event("OPTIONS", "/rules", None, {"origin": "https://console.example.com"}, None, {})
    route = {"routeKey": "OPTIONS /{proxy+}"}

    preflight = api.module.handler(asked | route, stack.context)
    elsewhere = api.module.handler(asked, stack.context)

    assert (preflight["statusCode"], preflight["body"]) == (204, "")
    assert elsewhere["statusCode"] == 401
