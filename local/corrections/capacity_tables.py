"""Throttling of the emulator's tables: what is put around its reads and writes.

What a request will cost is estimated before (whose partitions) and measured after (how much). Transactions are not
throttled; of PartiQL, INSERTs are, which are PutItems here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.corrections.capacity import Capacity, Throttled, Use
from local.corrections.iam import leading_keys
from local.corrections.item_size import item_bytes, read_units, write_units

type Table = dict[str, Any]
type Item = Mapping[str, Mapping[str, Any]]
type Request = Mapping[str, Any]
type Answer = tuple[int, dict[str, str], bytes]
type Handler = Callable[[Request], Answer]

_ON_DEMAND = (
    "ThrottlingException",
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or "
    "index so please try again shortly. If exceptions persist, check if you have a hot key: "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html",
)
_PROVISIONED = (
    "ProvisionedThroughputExceededException",
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning "
    "level with the UpdateTable API.",
)


class ThrottledTables:
    """Refuses what the limits leave no room for."""

    def __init__(
        self,
        capacity: Capacity,
        *,
        table_named: Callable[[str], Table | None],
        item_at: Callable[[Table, Item], Item | None],
    ) -> None:
        """Goes by `capacity`; `item_at` gives the item of a table that has the same key as an item or a key."""
        self._capacity = capacity
        self._table_named = table_named
        self._item_at = item_at

    def reading(self, read: Handler) -> Handler:
        """Throttles GetItem, Query, Scan and BatchGetItem."""

        def read_throttled(request: Request) -> Answer:
            if not self._capacity.throttles:
                return read(request)
            reads = list(self._reads(request, 0))
            refused = self._capacity.refuses(reads)
            if refused is not None:
                return self._refusal(refused)
            answer = read(request)
            self._capacity.charge(self._reads(request, _answered_bytes(answer)))
            return answer

        return read_throttled

    def writing(self, write: Handler) -> Handler:
        """Throttles PutItem, UpdateItem and DeleteItem: also those whose condition fails are charged."""

        def write_throttled(request: Request) -> Answer:
            table = self._table_named(str(request.get("TableName")))
            if not self._capacity.throttles or table is None:
                return write(request)
            wanted = request.get("Item") or request.get("Key") or {}
            before = self._item_at(table, wanted)
            # Which index entries an update makes is known only afterwards; those that there are it may change.
            refused = self._capacity.refuses(writes(table, wanted, before, request.get("Item")))
            if refused is not None:
                return self._refusal(refused)
            answer = write(request)
            self._capacity.charge(writes(table, wanted, before, self._item_at(table, wanted)))
            return answer

        return write_throttled

    def writing_batch(self, write: Handler) -> Handler:
        """Throttles BatchWriteItem write by write: what finds no room is left unprocessed; refuses if that is all."""

        def write_throttled(request: Request) -> Answer:
            if not self._capacity.throttles:
                return write(request)
            taken: dict[str, list[Any]] = {}
            left: dict[str, list[Any]] = {}
            refused: Throttled | None = None
            for name, entry, uses in self._batch(request):
                why = self._capacity.refuses(uses)
                if why is None:
                    self._capacity.charge(uses)
                    taken.setdefault(name, []).append(entry)
                else:
                    refused = why
                    left.setdefault(name, []).append(entry)
            if refused is None:
                return write(request)
            if not taken:
                return self._refusal(refused)
            status, headers, body = write({**request, "RequestItems": taken})
            if status != 200:
                return status, headers, body
            return status, headers, json.dumps({**json.loads(body), "UnprocessedItems": left}).encode()

        return write_throttled

    def _reads(self, request: Request, size: int) -> Iterator[Use]:
        """The uses of a read that gives so many bytes, shared out among its partitions."""
        index = request.get("IndexName")
        keys = leading_keys(request, self._hash_key)
        places = [(table, value) for table, values in keys.items() for value in values]
        if not places and isinstance(request.get("TableName"), str):
            places = [(str(request["TableName"]), "*")]
        for table, value in places:
            units = read_units(size // len(places), consistent=bool(request.get("ConsistentRead")))
            yield Use(table, index, value, "Read", units)

    def _batch(self, request: Request) -> Iterator[tuple[str, Any, list[Use]]]:
        """(table, write, its uses) of each write of a batch."""
        for name, entries in (request.get("RequestItems") or {}).items():
            table = self._table_named(name)
            for entry in entries:
                after = (entry.get("PutRequest") or {}).get("Item")
                wanted = after or (entry.get("DeleteRequest") or {}).get("Key") or {}
                before = None if table is None else self._item_at(table, wanted)
                yield name, entry, [] if table is None else list(writes(table, wanted, before, after))

    def _hash_key(self, name: str, index: str | None) -> str | None:
        table = self._table_named(name)
        return None if table is None else hash_key(table, index)

    def _refusal(self, refused: Throttled) -> Answer:
        table = self._table_named(refused.use.table) or {}
        mode = (table.get("BillingModeSummary") or {}).get("BillingMode")
        on_demand = mode == "PAY_PER_REQUEST"
        code, message = _ON_DEMAND if on_demand else _PROVISIONED
        index = f"/index/{refused.use.index}" if refused.use.index else ""
        reason = {"reason": refused.reason, "resource": f"{table.get('TableArn', '')}{index}"}
        error = {
            "__type": f"com.amazonaws.dynamodb.v20120810#{code}",
            "message": message,
            # Spelled so in the service's own model.
            "throttlingReasons" if on_demand else "ThrottlingReasons": [reason],
        }
        return 400, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(error).encode()


def hash_key(table: Table, index: str | None) -> str | None:
    """The name of a table's partition key, or of one of its indexes'."""
    if index is None:
        name = table.get("pk_name")
        return None if name is None else str(name)
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        for each in table.get(kind) or []:
            if each.get("IndexName") == index:
                return next(str(key["AttributeName"]) for key in each["KeySchema"] if key["KeyType"] == "HASH")
    return None


def writes(table: Table, key: Item, before: Item | None, after: Item | None) -> Iterator[Use]:
    """The uses of a write: of its own partition, and of those of the indexes that have to change with it."""
    name = str(table["TableName"])
    yield Use(name, None, _text(key.get(hash_key(table, None) or "")), "Write", write_units(before, after))
    for index in table.get("GlobalSecondaryIndexes") or []:
        keys = [key["AttributeName"] for key in index["KeySchema"]]
        places = [[(item or {}).get(key) for key in keys] for item in (before, after)]
        for place, item in zip(places, (before, after), strict=True):
            moved = places[0] != places[1]
            projected = _projected(table, index, item)
            if all(place) and (moved or (item is after and projected != _projected(table, index, before))):
                yield Use(name, index["IndexName"], _text(place[0]), "Write", write_units(None, projected))


def _projected(table: Table, index: Mapping[str, Any], item: Item | None) -> Item:
    """What an index keeps of an item."""
    projection = index.get("Projection") or {}
    if projection.get("ProjectionType", "ALL") == "ALL":
        return item or {}
    kept = {key["AttributeName"] for key in (*index["KeySchema"], *table["KeySchema"])}
    kept |= set(projection.get("NonKeyAttributes") or [])
    return {name: value for name, value in (item or {}).items() if name in kept}


def _text(value: Mapping[str, Any] | None) -> str:
    return "" if not value else str(next(iter(value.values())))


def _answered_bytes(answer: Answer) -> int:
    """The size of the items in an answer."""
    status, _, body = answer
    content = json.loads(body) if status == 200 else {}
    items = [content["Item"]] if "Item" in content else content.get("Items", [])
    for found in (content.get("Responses") or {}).values():
        items = [*items, *found]
    return sum(item_bytes(item) for item in items)
