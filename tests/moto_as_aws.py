"""moto, made to do as AWS does where tests of several threads, of large items or of odd characters would notice.

Knows nothing of Tocsin. `installed()` changes moto 5 for as long as its block lasts, for all backends:

- an operation is atomic: moto's look and then write, and threads come in between;
- a failing update changes nothing: moto has changed the item by the time that it finds it too large;
- PartiQL inserts nothing where an item is: moto writes over it, and looks through all tables for each statement;
- an item has 400 KB as DynamoDB counts them: moto takes 405,000 bytes, and counts a value that it replaces twice;
- a query of a large table is as fast as that of a small one: moto sorts all items for each;
- a transaction is as fast in a large table as in a small one: moto copies the table for each item that it writes;
- a queue of many messages is as fast as a short one: moto counts all of them for each one that is sent or received;
- SQS refuses characters that XML has not, and counts bytes and attributes: moto counts characters of bodies;
- a message of a batch keeps its trace header: moto forgets it;
- SES refuses addresses that are too long;
- reads that need not be consistent can be late: `Moto.late_reads`.
"""

from __future__ import annotations

import copy
import functools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.useragent import UserAgentString
from moto.core import responses
from moto.core.base_backend import AccountSpecificBackend
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.exceptions import ItemSizeTooLarge, ItemSizeToUpdateTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.sesv2.responses import SESV2Response
from moto.sqs import models as queues
from moto.sqs.exceptions import SQSException
from moto.sqs.models import SQSBackend
from moto.sqs.responses import SQSResponse

from local.corrections.item_size import MAX_ITEM, item_bytes
from local.corrections.late_reads import LateReads
from local.corrections.moto_partiql import inserting
from local.corrections.ses import too_long
from local.corrections.sqs import batch_too_large, message_bytes, not_allowed, too_large

_INDEX_NAME = 6
"""Where Table.query is given the name of an index, behind the key."""
READS = ("get_item", "query", "scan", "batch_get_item")


@dataclass(frozen=True)
class Moto:
    """What tests can switch: how late reads are (to begin with, they are not)."""

    late_reads: LateReads = field(default_factory=lambda: LateReads(time.monotonic))


@contextmanager
def installed() -> Iterator[Moto]:
    """Has moto do as AWS does, meanwhile."""
    moto = Moto()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoDBBackend, "batch_execute_statement", inserting(DynamoDBBackend.batch_execute_statement))
        _count_items_exactly(patch)
        _refuse_messages(patch)
        _look_at_messages_quickly(patch)
        _refuse_long_addresses(patch)
        _read_late(patch, moto.late_reads)
        _work_out_once(patch)
        _look_where_items_are(patch)
        _take_back_what_was_written(patch)
        _one_at_a_time(patch)
        yield moto


def _work_out_once(patch: pytest.MonkeyPatch) -> None:
    """Has each call do without what is the same for every one: a quarter of the time that a query takes."""
    for owner, name in (
        (responses, "method_names_from_class"),
        (responses, "camelcase_to_underscores"),
        (queues, "camelcase_to_underscores"),
    ):
        patch.setattr(owner, name, functools.cache(getattr(owner, name)))
    patch.setattr(UserAgentString, "to_string", lambda _: "tests")
    regions = functools.cache(functools.partial(AccountSpecificBackend._generate_regions.__wrapped__, None))
    patch.setattr(AccountSpecificBackend, "_generate_regions", lambda _, service_name: regions(service_name))


def _look_where_items_are(patch: pytest.MonkeyPatch) -> None:
    """Has a query look at its partition, and one of an index sort what it found: moto sorts all of the table."""
    query = Table.query

    def of_partition(self: Table, hash_key: DynamoType, *more: Any, **named: Any) -> Any:
        of_index = named.get("index_name") or more[_INDEX_NAME]
        partitions: list[Any] = [*self.items.values()] if of_index else [self.items.get(hash_key, {})]
        with pytest.MonkeyPatch.context() as narrowed:  # one operation runs at a time
            narrowed.setattr(self, "all_items", lambda: [item for each in partitions for item in each.values()])
            return query(self, hash_key, *more, **named)

    patch.setattr(Table, "query", of_partition)


def _take_back_what_was_written(patch: pytest.MonkeyPatch) -> None:
    """Has a transaction that fails put the items back that it is of, and not copies of all of their tables."""
    transact = DynamoDBBackend.transact_write_items

    def of_its_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        before = []
        for each in transact_items:
            for what in each.values():
                table = self.get_table(what["TableName"])
                place = self.get_keys_value(table, what.get("Item") or what["Key"])
                before.append((table, place, copy.deepcopy(table.get_item(*place))))
        with pytest.MonkeyPatch.context() as narrowed:  # one operation runs at a time
            narrowed.setattr(Table, "__deepcopy__", lambda table, _: table, raising=False)
            try:
                transact(self, transact_items)
            except Exception:
                for table, place, item in before:
                    _put(table, place, item)
                raise

    patch.setattr(DynamoDBBackend, "transact_write_items", of_its_items)


def _one_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """Has one operation of DynamoDB, and one of SQS, run at a time; who waits for a message holds up nobody."""
    for response in (DynamoHandler, SQSResponse):
        lock, call = threading.RLock(), response.call_action

        def alone(self: Any, _call: Any = call, _lock: Any = lock) -> Any:
            if self._get_action() == "ReceiveMessage":
                return _call(self)
            with _lock:
                return _call(self)

        patch.setattr(response, "call_action", alone)
    patch.setattr(SQSBackend, "receive_message", _receiving(SQSBackend.receive_message, lock))


def _receiving(receive: Callable[..., list[Any]], lock: threading.RLock) -> Callable[..., list[Any]]:
    """Takes messages atomically, and waits for them, if so asked, without the lock."""

    def receive_alone(self: SQSBackend, queue: str, count: int, wait_s: int, *more: Any) -> list[Any]:
        ends = time.monotonic() + wait_s
        while True:
            with lock:
                found = receive(self, queue, count, 0, *more)
            if found or time.monotonic() >= ends:
                return found
            self.get_queue(queue).wait_for_messages(1)

    return receive_alone


def _count_items_exactly(patch: pytest.MonkeyPatch) -> None:
    put, update, batch = DynamoDBBackend.put_item, DynamoDBBackend.update_item, DynamoHandler.batch_write_item

    def put_item(self: DynamoDBBackend, table_name: str, item_attrs: dict[str, Any], *more: Any, **named: Any) -> Any:
        if item_bytes(item_attrs) > MAX_ITEM:
            raise ItemSizeTooLarge
        return put(self, table_name, item_attrs, *more, **named)

    def update_item(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *more: Any, **named: Any) -> Any:
        table = self.get_table(table_name)
        place = self.get_keys_value(table, key)
        before = copy.deepcopy(table.get_item(*place))
        try:
            return _within_limit(update(self, table_name, key, *more, **named))
        except Exception:
            _put(table, place, before)
            raise

    def batch_write_item(self: DynamoHandler) -> Any:
        for requests in self.body["RequestItems"].values():
            for request in requests:
                if item_bytes(request.get("PutRequest", {}).get("Item", {})) > MAX_ITEM:
                    raise ItemSizeTooLarge
        return batch(self)

    patch.setattr(LimitedSizeDict, "__setitem__", dict.__setitem__)
    patch.setattr(DynamoDBBackend, "put_item", put_item)
    patch.setattr(DynamoDBBackend, "update_item", update_item)
    patch.setattr(DynamoHandler, "batch_write_item", batch_write_item)


def _within_limit(item: Item) -> Item:
    """The item, unless it has become too large."""
    if item_bytes({name: value.to_regular_json() for name, value in item.attrs.items()}) > MAX_ITEM:
        raise ItemSizeToUpdateTooLarge
    return item


def _refuse_messages(patch: pytest.MonkeyPatch) -> None:
    send, send_batch = SQSBackend.send_message, SQSBackend.send_message_batch

    def send_message(self: SQSBackend, queue_name: str, message_body: str, *more: Any, **named: Any) -> Any:
        limit = int(self.get_queue(queue_name).maximum_message_size)  # type: ignore[attr-defined]
        refusal = too_large(message_bytes(message_body, named.get("message_attributes")), limit)
        refusal = _bad_characters(message_body) or refusal
        if refusal:
            raise SQSException(*refusal)
        return send(self, queue_name, message_body, *more, **named)

    def send_message_batch(self: SQSBackend, queue_name: str, entries: dict[str, dict[str, Any]]) -> Any:
        refusal = batch_too_large(entries.values())
        if refusal:
            raise SQSException(*refusal)
        bad = {number: why for number, each in entries.items() if (why := _bad_characters(each["MessageBody"]))}
        sent, failed = send_batch(self, queue_name, {n: each for n, each in entries.items() if n not in bad})
        system = {each["Id"]: each.get("MessageSystemAttributes") or {} for each in entries.values()}
        for message in sent:
            message.system_attributes = system[message.user_id]
        failed += [
            {"Id": entries[number]["Id"], "SenderFault": True, "Code": code, "Message": message}
            for number, (code, message) in bad.items()
        ]
        return sent, failed

    patch.setattr(SQSBackend, "send_message", send_message)
    patch.setattr(SQSBackend, "send_message_batch", send_message_batch)


def _refuse_long_addresses(patch: pytest.MonkeyPatch) -> None:
    send = SESV2Response.send_email

    def send_email(self: SESV2Response) -> str:
        refusal = too_long(json.loads(self.body))
        if refusal is not None:
            raise JsonRESTError("BadRequestException", refusal)
        return send(self)

    patch.setattr(SESV2Response, "send_email", send_email)


def _look_at_messages_quickly(patch: pytest.MonkeyPatch) -> None:
    """Has a message's age looked at without the counts of all others, and the time told as plainly as may be.

    moto works out all attributes of a queue to look at one, and three are counts of its messages: tests of 1,000
    messages spent 9 of 10 seconds there.
    """

    def young(self: SQSBackend, queue_name: str, message: Any) -> bool:
        kept_s = float(self.get_queue(queue_name).message_retention_period)  # type: ignore[attr-defined]
        return bool(message.sent_timestamp / 1000 + kept_s > time.time())

    def unix_time(dt: datetime | None = None) -> float:
        return time.time() if dt is None else dt.replace(tzinfo=UTC).timestamp()

    patch.setattr(SQSBackend, "is_message_valid_based_on_retention_period", young)
    patch.setattr("moto.core.utils.unix_time", unix_time)


def _bad_characters(body: str) -> tuple[str, str] | None:
    found = not_allowed(body)
    if found is None:
        return None
    return "InvalidMessageContents", f"The message contains characters outside the allowed set: U+{ord(found):04X}."


def _read_late(patch: pytest.MonkeyPatch, reads: LateReads) -> None:
    """Has each write taken note of, and each read that need not be consistent see what was."""
    for name in ("put_item", "update_item", "delete_item"):
        write = getattr(DynamoDBBackend, name)

        def noted(
            self: DynamoDBBackend, table_name: str, item: dict[str, Any], *more: Any, _write: Any = write, **named: Any
        ) -> Any:
            if not reads.bound_s:
                return _write(self, table_name, item, *more, **named)
            table = self.get_table(table_name)
            place = self.get_keys_value(table, item)
            before = copy.deepcopy(table.get_item(*place))
            written = _write(self, table_name, item, *more, **named)
            reads.wrote(id(table), place, before)
            return written

        patch.setattr(DynamoDBBackend, name, noted)
    for name in READS:
        read = getattr(DynamoHandler, name)

        def late(self: DynamoHandler, _read: Any = read) -> Any:
            wanted = self.body.get("RequestItems") or {self.body.get("TableName"): self.body}
            pasts = []
            for table_name, how in wanted.items():
                if not how.get("ConsistentRead"):
                    table = self.dynamodb_backend.get_table(table_name)
                    pasts.append((table, _swap(table, reads.seen_instead(id(table)))))
            try:
                return _read(self)
            finally:
                for table, present in pasts:
                    _swap(table, present)

        patch.setattr(DynamoHandler, name, late)


def _swap(table: Table, items: dict[Any, Any]) -> dict[Any, Any]:
    """Puts these items at their places (None: no item); what was there before."""
    return {place: _put(table, place, item) for place, item in items.items()}


def _put(table: Table, place: tuple[DynamoType, DynamoType | None], item: Any) -> Any:
    """Makes that the item at a place, past conditions and limits; what was there before."""
    hash_key, range_key = place
    items: Any = table.items
    before = table.get_item(hash_key, range_key)
    if range_key is not None:
        items, hash_key = items[hash_key], range_key
    if item is None:
        items.pop(hash_key, None)
    else:
        items[hash_key] = item
    return before
