"""The calls that functions' handlers make on moto, held to the roles of template.yaml, to the leading key.

`enforced()` looks at each call that a handler makes: one that its function's role does not grant ends the test with
`NotGranted`, so that nothing is missing; and it remembers what was used. Each worker of pytest-xdist hands that to the
main process, which at the end of a run of the whole suite says for each function what is spare and fails for it
(tests/integration/conftest.py). An entry of a condition is spare if no call needed it.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import botocore.client
import pytest

from local.corrections.iam import leading_keys
from local.corrections.partiql import BATCH, INSERT
from tests.expanded_template import expanded_template
from tests.stack.permissions import NOT_SHOWN, as_list, functions, short_name, statements

TABLES = {"events": "EventsTable", "config": "ConfigTable", "deliveries": "DeliveriesTable"}
DEAD_LETTERS = (
    *(f"{queue}DeadLetters" for queue in ("Webhook", "Slack", "Email", "Inbox", "Match", "Feedback")),
    "StreamFailures",
)
_SERVICES = {"sesv2": "ses"}
_SINGLE = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


_MEMBERS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
_OF_OBJECTS = {
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts",
}
_METHODS = {"PostToConnection": "POST", "DeleteConnection": "DELETE"}


class NotGranted(BaseException):
    """A handler's call that its function's role does not grant. No code of ours catches it."""


@dataclass(frozen=True, order=True)
class Call:
    """A call, as IAM is asked about it."""

    function: str
    action: str  # dynamodb:GetItem
    resource: str  # EventsTable, DeliveriesTable/index/by-due, WebhookQueue; "" for a secret or an identity
    keys: tuple[str, ...] = ()  # the partition keys that it is about


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource for the partition keys of one pattern, granted by a statement of a role."""

    function: str
    statement: str
    action: str
    resource: str
    keys: str = "*"  # as StringLike compares them

    def __str__(self) -> str:
        """As it is said to be spare."""
        return f"{self.statement}: {self.action} on {self.resource}" + (f" of {self.keys}" if self.keys != "*" else "")

    def is_about(self, call: Call) -> bool:
        """Whether it grants such calls, whatever their keys."""
        named = not call.resource or self.resource == call.resource
        return self.function == call.function and self.action == call.action and named


@cache
def grants() -> tuple[Grant, ...]:
    """What the roles grant to functions' code; without what Lambda itself does with a role."""
    return tuple(
        Grant(function, statement["Sid"], action, short_name(resource), pattern)
        for function in functions()
        for statement in statements(function)
        if (statement["Sid"], "*") not in NOT_SHOWN
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        for pattern in _patterns(statement)
    )


@cache
def _grants_about(call: Call) -> tuple[Grant, ...]:
    """What grants such calls, whatever their keys."""
    return tuple(grant for grant in grants() if grant.is_about(call))


def _patterns(statement: dict[str, Any]) -> list[str]:
    conditions = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    return as_list(conditions.get("dynamodb:LeadingKeys", "*"))


def granting(call: Call, granted: Iterable[Grant]) -> set[Grant]:
    """The grants that allow a call; none where it is refused. One statement has to allow all of its keys."""
    found: dict[str, set[Grant]] = {}
    for grant in granted:
        if grant.is_about(call):
            found.setdefault(grant.statement, set()).add(grant)
    for of_statement in found.values():
        used = {grant for grant in of_statement for key in call.keys or ("",) if _matches(grant, key)}
        if all(any(_matches(grant, key) for grant in of_statement) for key in call.keys):
            return used
    return set()


def _matches(grant: Grant, key: str) -> bool:
    # a call without keys meets ForAllValues, whatever its values
    return not key or fnmatchcase(key, grant.keys)


def spare(used: set[Grant], granted: Iterable[Grant]) -> dict[str, list[Grant]]:
    """What each function is granted and did not use, by function."""
    found: dict[str, list[Grant]] = {function: [] for function in functions()}
    for grant in granted:
        if grant not in used:
            found[grant.function].append(grant)
    return found


@dataclass
class Recorder:
    """What handlers used of their roles in this process."""

    used: set[Grant]

    def __post_init__(self) -> None:
        """Nothing runs yet."""
        self._function: ContextVar[str | None] = ContextVar("function", default=None)

    def in_role_of[**P, T](self, function: str, handler: Callable[P, T]) -> Callable[P, T]:
        """A handler whose calls are `function`'s."""

        def as_function(*arguments: P.args, **options: P.kwargs) -> T:
            token = self._function.set(function)
            try:
                return handler(*arguments, **options)
            finally:
                self._function.reset(token)

        return as_function

    def in_role_of_now[**P, T](self, work: Callable[P, T]) -> Callable[P, T]:
        """Work for another thread: what a pool does for a handler is the handler's.

        No other context goes along, as none does where functions run.
        """
        function = self._function.get()
        return work if function is None else self.in_role_of(function, work)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Calls within are the test's own, although they are made while a handler runs."""
        token = self._function.set(None)
        try:
            yield
        finally:
            self._function.reset(token)

    def look_at(self, service: str, operation: str, request: dict[str, Any]) -> None:
        """Remember what grants a call. Raises NotGranted where nothing does."""
        function = self._function.get()
        if function is None:
            return
        for call in calls(function, service, operation, request):
            granted = granting(call, _grants_about(replace(call, keys=())))
            if not granted:
                raise NotGranted(f"the role of {function} does not grant {call}")
            self.used |= granted


def calls(function: str, service: str, operation: str, request: dict[str, Any]) -> Iterator[Call]:
    """What IAM is asked about a call: once for each table, queue or other resource."""
    action = f"{_SERVICES.get(service, service)}:{operation}"
    action = _SINGLE.get(action, action)
    if service == "dynamodb":
        # a transaction needs the permission of each of its parts, and none of its own
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
        for member in request.get("TransactItems", []):
            ((kind, part),) = member.items()
            yield from calls(function, service, _MEMBERS[kind], part)
        if "TransactItems" in request:
            return
        keys = leading_keys(request, hash_key)
        tables = request.get("RequestItems") or [request["TableName"]] if operation != BATCH else keys
        action = f"dynamodb:{INSERT}" if operation == BATCH else action
        for table in tables:
            index = f"/index/{request['IndexName']}" if "IndexName" in request else ""
            yield Call(function, action, f"{TABLES[table]}{index}", tuple(sorted(set(keys.get(table, [])))))
    elif service == "sqs":
        name = request["QueueUrl"].rpartition("/")[2]
        yield Call(function, action, name if name in DEAD_LETTERS else f"{name}Queue")
    elif service == "s3":
        prefix = str(request["Key"]).partition("/")[0]
        yield Call(function, f"s3:{_OF_OBJECTS.get(operation, operation)}", f"ExportsBucket/{prefix}/*")
    elif service == "apigatewaymanagementapi":
        yield Call(function, "execute-api:ManageConnections", f"{_METHODS[operation]}/@connections/*")
    else:
        yield Call(function, action, "")


def hash_key(table: str, index: str | None) -> str | None:
    """The partition key of a table of the tests, or of one of its indexes."""
    properties = expanded_template()["Resources"][TABLES[table]]["Properties"]
    schema = properties["KeySchema"]
    if index is not None:
        (schema,) = (each["KeySchema"] for each in properties["GlobalSecondaryIndexes"] if each["IndexName"] == index)
    return next(str(key["AttributeName"]) for key in schema if key["KeyType"] == "HASH")


@contextmanager
def enforced(recorder: Recorder) -> Iterator[None]:
    """Have `recorder` look at each call of any client, meanwhile."""
    make = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def looked_at(client: Any, operation: str, request: dict[str, Any]) -> Any:
        recorder.look_at(client.meta.service_model.service_name, operation, request)
        return make(client, operation, request)

    submit = ThreadPoolExecutor.submit

    def submit_in_role(pool: Any, work: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
        return submit(pool, recorder.in_role_of_now(work), *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ThreadPoolExecutor, "submit", submit_in_role)
        patch.setattr(botocore.client.BaseClient, "_make_api_call", looked_at)
        yield


def as_text(used: Iterable[Grant]) -> str:
    """Grants as a worker hands them on."""
    return json.dumps([[each.function, each.statement, each.action, each.resource, each.keys] for each in used])


def from_text(text: str) -> set[Grant]:
    """Grants as a worker handed them on."""
    return {Grant(*each) for each in json.loads(text)}
