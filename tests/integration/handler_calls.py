"""Requests to the handlers as API Gateway makes them, and AWS calls that fail where a test says so."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from tests.integration.conftest import ROOT, Stack
from tests.quick_calls import answers_lost
from tocsin.aws import clients
from tocsin.identity.principal import Scope

ALL_SCOPES = " ".join(Scope)
PRODUCER = {"key_id": "0011223344556677", "key_name": "billing", "scopes": ALL_SCOPES}


@dataclass(frozen=True)
class Answer:
    """An answer with its body parsed."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def etag(self) -> str:
        return self.headers["etag"]

    @property
    def paths(self) -> list[str]:
        """Where the fields are that a problem names."""
        return [error["path"] for error in self.body["errors"]]

    def is_problem(self, status: int) -> bool:
        """Whether it is problem+json of that status."""
        kind = self.headers["content-type"]
        return kind == "application/problem+json" and self.status == status == self.body["status"]


def request(
    method: str,
    path: str,
    body: str | bytes | None = None,
    *,
    content_type: str | None = "application/json",
    query: dict[str, str] | None = None,
    key: dict[str, str] | None = None,
    **headers: str,
) -> dict[str, Any]:
    """A request event, payload format 2.0, by a key with all scopes unless another is given ({} for none)."""
    event: dict[str, Any] = json.loads((ROOT / "events" / "api-health.json").read_text("utf-8"))
    event |= {"rawPath": path, "headers": event["headers"] | {k.replace("_", "-"): v for k, v in headers.items()}}
    event["requestContext"]["http"] |= {"method": method, "path": path}
    event["requestContext"]["authorizer"] = {"lambda": PRODUCER if key is None else key}
    if query:
        event["queryStringParameters"] = query
    if content_type is not None:
        event["headers"]["content-type"] = content_type
    if body is not None:
        event["body"] = body if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
    return event


class Client:
    """A warm function that is asked over HTTP."""

    def __init__(self, stack: Stack, function: str) -> None:
        self._context = stack.context
        self._handler: Callable[..., dict[str, Any]] = stack.function(function).handler

    def send(self, event: dict[str, Any]) -> Answer:
        """The function's answer to a request event."""
        answer = self._handler(deepcopy(event), self._context)
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        return Answer(answer["statusCode"], headers, answer["body"])

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """The answer to a request; a body that is no text is sent as JSON."""
        text = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        return self.send(request(method, path, text, **options))

    def post(self, body: Any, **options: Any) -> Answer:
        """The answer to POST /events."""
        return self.ask("POST", "/events", body, **options)


def everything(stack: Stack) -> dict[str, list[str]]:
    """All items of all tables, in an order of their own: equal where nothing was written."""
    found = {}
    for table in ("events", "config", "deliveries"):
        pages = stack.dynamodb.get_paginator("scan").paginate(TableName=table)
        found[table] = sorted(repr(sorted(item.items())) for page in pages for item in page["Items"])
    return found


class Killed(BaseException):
    """The function's process ends here."""


type Failure = Callable[[dict[str, Any]], Any]


def throttled(code: str = "ThrottlingException", status: int = 400) -> Failure:
    """AWS answers with an error."""
    answer = {"Error": {"Code": code, "Message": "injected"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return lambda _: (SimpleNamespace(status_code=status), answer)


def raising(error: BaseException) -> Failure:
    """No answer comes, or the process ends."""

    def fail(_: dict[str, Any]) -> Any:
        raise error

    return fail


def nothing_processed(call: dict[str, Any]) -> Any:
    """DynamoDB takes a BatchWriteItem, and does none of it."""
    left = json.loads(call["body"])["RequestItems"]
    return SimpleNamespace(status_code=200), {"UnprocessedItems": left, "ResponseMetadata": {"HTTPStatusCode": 200}}


@contextmanager
def failing(
    failure: Failure,
    *operations: str,
    at: Callable[[int], bool] = lambda _: True,
    table: str = "",
    service: str = "dynamodb",
    client: Any = None,
) -> Iterator[list[str]]:
    """Within, `service` fails at those calls of `operations` (all by default) whose number, from 1, is `at`.

    With `table` only calls that name it are looked at; `client` is whose calls fail, by default the functions'. Gives
    the names of the calls that were made, also of those that did not fail.
    """
    calls: list[str] = []
    watched = [client] if client else functions_clients(service)

    def before_call(model: Any, params: dict[str, Any], **_: Any) -> Any:
        if (operations and model.name not in operations) or (table and f'"{table}"'.encode() not in params["body"]):
            return None
        calls.append(model.name)
        return failure(params) if at(len(calls)) else None

    for each in watched:
        each.meta.events.register_first(f"before-call.{service}", before_call)
    try:
        yield calls
    finally:
        for each in watched:
            each.meta.events.unregister(f"before-call.{service}", before_call)


@contextmanager
def answer_lost(*operations: str, at: Callable[[int], bool] = lambda call: call == 1, table: str = "") -> Iterator[Any]:
    """Within, the answers of those calls of `operations` (all by default) whose number, from 1, is `at` get lost.

    The calls are done, and botocore makes them again. With `table` only calls that name it are looked at. Gives the
    names of the calls that were made, those that were made again once.
    """
    calls: list[str] = []

    def lost(operation: str, request: dict[str, Any]) -> bool:
        if (operations and operation not in operations) or (table and f'"{table}"'.encode() not in request["body"]):
            return False
        if request["context"].get("answer lost"):  # a repeat has the context of the first
            return False
        calls.append(operation)
        request["context"]["answer lost"] = at(len(calls))
        return bool(request["context"]["answer lost"])

    with answers_lost(lost):
        yield calls


@contextmanager
def just_before(act: Callable[[], object], *, write: int = 1) -> Iterator[None]:
    """Within, `act` is done right before the functions' UpdateItem of that number, from 1: somebody else is quicker."""

    def meanwhile(_: dict[str, Any]) -> None:
        act()

    with failing(meanwhile, "UpdateItem", at=lambda call: call == write):
        yield


@contextmanager
def heard(client: Any, event: str, handler: Callable[..., Any]) -> Iterator[None]:
    """Within, a client of botocore calls `handler` at an event; clients outlive tests, handlers must not."""
    client.meta.events.register(event, handler)
    try:
        yield
    finally:
        client.meta.events.unregister(event, handler)


@contextmanager
def items_read(client: Any) -> Iterator[list[int]]:
    """Within, how many items each Query by a client of DynamoDB reads, which is what it costs."""
    counts: list[int] = []
    with heard(client, "after-call.dynamodb.Query", lambda parsed, **_: counts.append(parsed["ScannedCount"])):
        yield counts


def functions_clients(service: str) -> list[Any]:
    """The clients that functions have of a service: the authorizer may have one of its own."""
    make = getattr(clients, service)
    return [make(), make(clients.HURRIED)] if service in {"dynamodb", "secretsmanager"} else [make()]


WRITES: Sequence[str] = (
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "BatchExecuteStatement",
    "TransactWriteItems",
)
"""The calls that change a table."""
