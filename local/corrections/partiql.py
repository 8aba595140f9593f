"""PartiQL, as far as a stack here writes by it: whole items by INSERT, with a parameter for each value.

The emulator's INSERT leaves no record in the stream, does without the checks of PutItem, and asks IAM for no right that
AWS has. Here each INSERT of a batch is the PutItem that it stands for, where no item is. Other statements are left to
the emulator, and to a permission that no role can have.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

type Item = Mapping[str, Mapping[str, Any]]
type Request = Mapping[str, Any]
type Answer = tuple[int, dict[str, str], bytes]
type Handler = Callable[[Request], Answer]
type Checks = Callable[[str, bytes, str, str], list[tuple[str, str]]]
"""What IAM is asked about a call of DynamoDB: (action, body, region, account) → (action, ARN) of each of its parts."""

BATCH = "BatchExecuteStatement"
INSERT = "PartiQLInsert"
"""The permission for an INSERT. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html"""

_INSERT = re.compile(r"""INSERT INTO "([\w.-]+)" VALUE \{('[^']+':\?(?:,'[^']+':\?)*)\}""")
_CODES = {
    "ConditionalCheckFailedException": "DuplicateItem",
    "ValidationException": "ValidationError",
    "ThrottlingException": "ThrottlingError",
}


def inserted(statement: Mapping[str, Any]) -> tuple[str, Item] | None:
    """(table, item) of an INSERT of a batch; None for any other statement."""
    found = _INSERT.fullmatch(statement["Statement"])
    if found is None:
        return None
    names = re.findall(r"'([^']+)'", found[2])
    parameters = statement.get("Parameters", [])
    return (found[1], dict(zip(names, parameters, strict=True))) if len(names) == len(parameters) else None


def inserts(request: Request) -> Iterator[tuple[str, Item]]:
    """(table, item) of each INSERT of a batch; none of a call that is no batch of statements."""
    for statement in request.get("Statements") or []:
        if (found := inserted(statement)) is not None:
            yield found


def each_insert_is_checked(checks: Checks) -> Checks:
    """Has IAM asked for the permission to insert into each table of a batch, rather than for one to make the call.

    AWS refuses a statement that is not granted, not the batch; here the call is refused.
    """

    def checked(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        if action != f"dynamodb:{BATCH}":
            return checks(action, body, region, account)
        statements = json.loads(body or b"{}").get("Statements") or []
        found = [inserted(statement) for statement in statements]
        tables = {each[0]: None for each in found if each is not None}
        if None in found:
            return []
        return [(f"dynamodb:{INSERT}", f"arn:aws:dynamodb:{region}:{account}:table/{table}") for table in tables]

    return checked


def inserting(execute: Handler, put_item: Handler, hash_key: Callable[[str], str | None]) -> Handler:
    """Makes the INSERTs of a batch PutItems under the condition that there is none; `execute` does other batches."""

    def batch(request: Request) -> Answer:
        found = [inserted(statement) for statement in request.get("Statements") or []]
        if not found or len(found) > 25 or None in found:
            return execute(request)
        responses = [
            _response(table, put_item(_put(table, item, hash_key(table)))) for table, item in filter(None, found)
        ]
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps({"Responses": responses}).encode()

    return batch


def _put(table: str, item: Item, hash_key: str | None) -> Request:
    put = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(#k)"}
    return {**put, "ExpressionAttributeNames": {"#k": hash_key or "pk"}}


def _response(table: str, answer: Answer) -> dict[str, Any]:
    """What a statement of a batch is answered, of what a PutItem was."""
    status, _, body = answer
    if status == 200:
        return {"TableName": table}
    said = json.loads(body)
    name = str(said.get("__type", "ValidationException")).rpartition("#")[2]
    code = _CODES.get(name, name.removesuffix("Exception"))
    named = {"TableName": table} if code == "DuplicateItem" else {}
    message = "Duplicate primary key exists in table" if named else said.get("message", "")
    return {"Error": {"Code": code, "Message": message}, **named}
