"""Counts what the functions use that AWS bills, call by call, as their clients make the calls.

Write and read units are DynamoDB's rules applied to the items that moto has before and after a call: a write costs the
larger of both in whole KB, of an index what changes there, a failed condition as much as a write, a transaction twice.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-unit-calculations.html
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from functools import cache
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.core.botocore_stubber import BotocoreStubber

from local.corrections.capacity_tables import writes
from local.corrections.item_size import item_bytes, read_units
from local.corrections.partiql import BATCH, inserts

type Usage = defaultdict[str, float]
"""Units by name, as `dynamodb.write:events/by-user`: what is billed, a colon, and whose it is."""


def used(**units: float) -> Usage:
    """Units by name; 0 of all others."""
    return defaultdict(float, units)


def add(total: Usage, more: Usage, times: float = 1.0) -> None:
    """Adds to `total` so many times what is in `more`."""
    for name, units in more.items():
        total[name] += units * times


_SQS_UNIT = 65_536
_CALLS_MS = {"dynamodb": "dynamodb_ms", "sqs": "sqs_ms"}


class Meter:
    """Counts the calls that are made within `running`, on all threads."""

    def __init__(self, plain: Any, assumed: Mapping[str, Any]) -> None:
        """`plain` looks at tables without being counted; `assumed` is how long AWS takes for a call."""
        self.usage: Usage = used()
        self.emulated_s = 0.0
        """The processor's time that moto took in place of AWS, and that this meter took to count."""
        self.waited_ms = 0.0
        """How long the calls take on AWS, one after the other."""
        self.spans: list[tuple[float, float]] = []
        self._plain = plain
        self._assumed = assumed
        self._lock = threading.Lock()
        self._own = threading.local()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Counts meanwhile."""
        call, emulate = BaseClient._make_api_call, BotocoreStubber.__call__  # type: ignore[attr-defined]

        def counted(client: Any, operation: str, request: dict[str, Any]) -> Any:
            if getattr(self._own, "looking", False):
                return call(client, operation, request)
            return self._counted(client, operation, request, lambda: call(client, operation, request))

        def timed(stubber: Any, *given: Any, **named: Any) -> Any:
            with self._aside():
                return emulate(stubber, *given, **named)

        BaseClient._make_api_call, BotocoreStubber.__call__ = counted, timed  # type: ignore
        try:
            yield
        finally:
            BaseClient._make_api_call, BotocoreStubber.__call__ = call, emulate  # type: ignore[attr-defined,method-assign]

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Add what this thread does meanwhile to `emulated_s`; what is within another such part counts once."""
        if getattr(self._own, "aside", False):
            yield
            return
        self._own.aside, began = True, time.thread_time()
        try:
            yield
        finally:
            self._own.aside = False
            with self._lock:
                self.emulated_s += time.thread_time() - began

    def _counted(self, client: Any, operation: str, request: dict[str, Any], call: Callable[[], Any]) -> Any:
        service = client.meta.service_model.service_name
        with self._aside():
            before = self._items(operation, request) if service == "dynamodb" else {}
        began = time.perf_counter()
        answer: Any = {}
        try:
            answer = call()
        except ClientError:  # what fails is charged as well
            self._add(service, operation, request, {}, before)
            raise
        else:
            self._add(service, operation, request, answer, before)
            return answer
        finally:
            with self._lock:
                self.spans.append((began, time.perf_counter()))
                self.waited_ms += self._assumed[_CALLS_MS.get(service, "other_call_ms")]

    def _add(self, service: str, operation: str, request: dict[str, Any], answer: Any, before: Any) -> None:
        counted: Usage = used()
        if service == "dynamodb":
            with self._aside():
                counted = self._written(operation, request, before)
                add(counted, self._read(operation, request, answer))
        elif service == "sqs":
            bodies = [entry["MessageBody"] for entry in request.get("Entries", []) if "MessageBody" in entry]
            counted["sqs.requests"] = max(1, -(-sum(len(body.encode()) for body in bodies) // _SQS_UNIT))
        elif service == "sesv2" and operation == "SendEmail":
            counted["mail.messages"] = 1
        with self._lock:
            add(self.usage, counted)

    # ── DynamoDB ─────────────────────────────────────────────────────────────

    def _written(self, operation: str, request: dict[str, Any], before: dict[str, Any]) -> Usage:
        counted: Usage = used()
        after = self._items(operation, request) if before else {}
        times = 2 if operation.startswith("Transact") else 1
        for place, (table, key, item) in before.items():
            for use in writes(self._described(table), key, item, after[place][2]):
                name = use.table if use.index is None else f"{use.table}/{use.index}"
                counted[f"dynamodb.write:{name}"] += int(use.units) * times
        return counted

    def _read(self, operation: str, request: dict[str, Any], answer: Any) -> Usage:
        counted: Usage = used()
        consistent = bool(request.get("ConsistentRead"))
        table = request.get("TableName", "")
        name = f"{table}/{request['IndexName']}" if "IndexName" in request else table
        if operation == "GetItem":
            found = self._look(table, request["Key"]) or {}
            counted[f"dynamodb.read:{name}"] = read_units(item_bytes(found), consistent=consistent)
        elif operation in {"Query", "Scan"}:
            size = sum(item_bytes(item) for item in answer.get("Items", []))
            counted[f"dynamodb.read:{name}"] = read_units(size, consistent=consistent)
        elif operation == "BatchGetItem":
            for each, asked in request["RequestItems"].items():
                for key in asked["Keys"]:
                    found = self._look(each, key) or {}
                    units = read_units(item_bytes(found), consistent=bool(asked.get("ConsistentRead")))
                    counted[f"dynamodb.read:{each}"] += units
        return counted

    def _items(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """{place: (table, key, item as it is now)} of all that a call writes."""
        found = {}
        for table, given in _targets(operation, request):
            key = {"pk": given["pk"], "sk": given["sk"]}
            found[f"{table} {key}"] = table, key, self._look(table, key)
        return found

    def _look(self, table: str, key: dict[str, Any]) -> dict[str, Any] | None:
        """The item as it is, past the meter."""
        self._own.looking = True
        try:
            # In a context of its own: it is no call of the function that is counted.
            found = Context().run(self._plain.get_item, TableName=table, Key=key, ConsistentRead=True)
            item: dict[str, Any] | None = found.get("Item")
            return item
        finally:
            self._own.looking = False

    @cache  # noqa: B019 - a meter lives as long as its run
    def _described(self, table: str) -> dict[str, Any]:
        self._own.looking = True
        try:
            described = Context().run(self._plain.describe_table, TableName=table)
            return {**described["Table"], "pk_name": "pk"}
        finally:
            self._own.looking = False


def _targets(operation: str, request: dict[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(table, item or key) of each write of a call."""
    if operation in {"PutItem", "UpdateItem", "DeleteItem"}:
        yield request["TableName"], request.get("Item") or request["Key"]
    elif operation == "BatchWriteItem":
        for table, entries in request["RequestItems"].items():
            for entry in entries:
                yield table, entry["PutRequest"]["Item"] if "PutRequest" in entry else entry["DeleteRequest"]["Key"]
    elif operation == BATCH:
        yield from inserts(request)
    elif operation == "TransactWriteItems":
        for entry in request["TransactItems"]:
            (write,) = entry.values()
            yield write["TableName"], write.get("Item") or write["Key"]
