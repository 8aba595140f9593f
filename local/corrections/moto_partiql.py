"""moto, with PartiQL's INSERTs as AWS has them: it writes over what is there, and looks through all tables for each.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend

from local.corrections.partiql import inserted

type Execute = Callable[[DynamoDBBackend, list[dict[str, Any]]], list[dict[str, Any]]]
"""What moto's backend does with the statements of a batch: a response for each."""


@contextmanager
def installed() -> Iterator[None]:
    """Has moto insert only where there is nothing, meanwhile."""
    execute = DynamoDBBackend.batch_execute_statement
    with patch.object(DynamoDBBackend, "batch_execute_statement", inserting(execute)):
        yield


def inserting(execute: Execute) -> Execute:
    """Makes INSERTs of a batch the writes of items that they are; `execute` does other batches."""

    def batch(backend: DynamoDBBackend, statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = [inserted(statement) for statement in statements]
        if None in found:
            return execute(backend, statements)
        return [_response(backend, table, dict(item)) for table, item in filter(None, found)]

    return batch


def _response(backend: DynamoDBBackend, table_name: str, item: dict[str, Any]) -> dict[str, Any]:
    table = backend.get_table(table_name)
    if table.get_item(*backend.get_keys_value(table, item)) is not None:
        error = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
        return {"TableName": table_name, "Error": error}
    try:
        backend.put_item(table_name, item)
    except MockValidationException as refusal:
        return {"Error": {"Code": "ValidationError", "Message": refusal.message}}
    return {"TableName": table_name}
