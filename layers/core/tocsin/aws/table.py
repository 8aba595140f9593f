"""A DynamoDB table: reads, writes under a condition, pages and batches, and what their failures mean.

Keys, expressions and their values are the stores' own. Each method takes first, as `what`, the words in which an
error says what failed: "reading an event". All raise Unavailable where DynamoDB does not do as asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched, chain
from typing import TYPE_CHECKING, Any, Literal

from tocsin.aws.dynamodb import Delete, Item, Put, text, text_of
from tocsin.aws.errors import (
    RETRY_AFTER,
    ConditionFailed,
    ConditionsFailed,
    Refused,
    Unprocessed,
    as_unavailable,
    of_statement,
)
from tocsin.aws.retry import retry
from tocsin.errors import Unavailable
from tocsin.types import Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READ_BATCH = 100  # BatchGetItem's limit
WRITE_BATCH = 25
"""Items that one BatchWriteItem, or one BatchExecuteStatement, writes."""


class NotWritten(Unavailable):
    """A batch of writes was not done to its end. `left` are the items, or keys, that were not written."""

    def __init__(self, cause: Unavailable, left: list[Item]) -> None:
        super().__init__(cause.detail, retry_after=cause.retry_after)
        self.left = left


class Table:
    """One table. Safe to share between threads, as its client is."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self.name = name

    # ── one item ─────────────────────────────────────────────────────────────

    def get(self, what: str, key: Item, *, consistent: bool = False, projection: str | None = None) -> Item | None:
        """Return the item at `key`, or the attributes of it that `projection` names; None where there is none."""
        request = _given(ProjectionExpression=projection)
        with as_unavailable(what):
            found = self._client.get_item(TableName=self.name, Key=key, ConsistentRead=consistent, **request)
        return found.get("Item")

    def find(self, what: str, key: Item) -> Item | None:
        """Return the item at `key`, None where there is none as of now: for callers to whom a miss is final.

        A read may come from a replica that has not heard of the item yet. Only a miss is read again, consistently, so
        that what is there costs no more than `get`.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
        """
        found = self.get(what, key)
        return self.get(what, key, consistent=True) if found is None else found

    def put(
        self,
        what: str,
        item: Item,
        *,
        condition: str | None = None,
        values: Item | None = None,
    ) -> None:
        """Write `item` in the place of what is there. ConditionFailed, with what was found, where `condition` fails.

        Not where it fails for `item` itself, since the call is a repeat of botocore's of one that got no answer.
        """
        request = _conditional(condition, None, values, return_found=condition is not None)
        try:
            with as_unavailable(what):
                self._client.put_item(TableName=self.name, Item=item, **request)
        except ConditionFailed as refused:
            if not refused.found_own(item):
                raise

    def update(
        self,
        what: str,
        key: Item,
        expression: str,
        *,
        values: Item | None = None,
        names: Mapping[str, str] | None = None,
        condition: str | None = None,
        returning: Literal["NONE", "UPDATED_NEW", "ALL_NEW", "ALL_OLD"] = "NONE",
        return_found: bool = False,
        made: Item | None = None,
    ) -> Item:
        """Change the item at `key`, or make it. ConditionFailed where `condition` does not hold.

        Returns the attributes that `returning` asks for: none, those that were changed, or all, as they are then or
        were before.
        With `return_found` the error carries the item that was found. `made` are attributes that no other write sets to
        these values: where the condition fails and they are there, since the call is a repeat of botocore's of one that
        got no answer, what was found is returned, which is all as it is then.
        """
        request = _conditional(condition, names, values, return_found or made is not None)
        try:
            with as_unavailable(what):
                changed = self._client.update_item(
                    TableName=self.name, Key=key, UpdateExpression=expression, ReturnValues=returning, **request
                )
        except ConditionFailed as refused:
            if made is None or not refused.found_own(made):
                raise
            return refused.item
        return changed.get("Attributes", {})

    def delete(
        self,
        what: str,
        key: Item,
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Item | None = None,
        returning: Literal["NONE", "ALL_OLD"] = "NONE",
    ) -> Item:
        """Delete the item at `key`, if there is one. ConditionFailed where `condition` does not hold.

        Returns the item that was deleted if `returning` asks for it, else nothing.
        """
        request = _conditional(condition, names, values, return_found=False)
        with as_unavailable(what):
            deleted = self._client.delete_item(TableName=self.name, Key=key, ReturnValues=returning, **request)
        return deleted.get("Attributes", {})

    def write_together(self, what: str, writes: Sequence[Put | Delete]) -> None:
        """Do all of `writes`, at most 100, or none: ConditionsFailed where a condition does not hold.

        Not where each that fails finds its item as it was to be: the call is a repeat of botocore's, as in `put`.
        Costs twice what the writes cost alone. One that meets another transaction on an item is tried again.
        """
        members: Any = [self._member(write) for write in writes]

        def write() -> None:
            with as_unavailable(what):
                self._client.transact_write_items(TransactItems=members)

        try:
            retry(write, on=Unprocessed)
        except ConditionsFailed as refused:
            if not refused.found_own([each.item if isinstance(each, Put) else None for each in writes]):
                raise

    def _member(self, write: Put | Delete) -> dict[str, Any]:
        if isinstance(write, Delete):
            return {"Delete": {"TableName": self.name, "Key": write.key}}
        conditional = _conditional(write.condition, None, write.values, return_found=write.condition is not None)
        return {"Put": {"TableName": write.table or self.name, "Item": write.item, **conditional}}

    # ── some items ───────────────────────────────────────────────────────────

    def query(
        self,
        what: str,
        condition: str,
        values: Item,
        *,
        index: str | None = None,
        consistent: bool = False,
        descending: bool = False,
        limit: int | None = None,
    ) -> Iterator[Item]:
        """Yield the items whose keys meet `condition`, at most `limit`, in their order; pages are read as needed."""
        start: Item | None = None
        while True:
            found, start = self.query_page(
                what,
                condition,
                values,
                index=index,
                consistent=consistent,
                descending=descending,
                limit=limit,
                start=start,
            )
            yield from found
            if limit is not None:
                limit -= len(found)
            if start is None or limit == 0:
                return

    def query_page(
        self,
        what: str,
        condition: str,
        values: Item,
        *,
        names: Mapping[str, str] | None = None,
        index: str | None = None,
        consistent: bool = False,
        descending: bool = False,
        limit: int | None = None,
        start: Item | None = None,
        matching: str | None = None,
        projection: str | None = None,
    ) -> tuple[Sequence[Item], Item | None]:
        """Return one page of a query, of at most 1 MB, and the key to `start` the next one at; None at the end.

        Of what was read, only what matches the expression `matching` is returned, and the attributes of it that
        `projection` names. `limit` and the 1 MB are of what was read.
        """
        request = _given(
            IndexName=index,
            Limit=limit,
            ExclusiveStartKey=start,
            ExpressionAttributeNames=names,
            FilterExpression=matching,
            ProjectionExpression=projection,
        )
        with as_unavailable(what):
            page = self._client.query(
                TableName=self.name,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=consistent,
                ScanIndexForward=not descending,
                **request,
            )
        return page["Items"], page.get("LastEvaluatedKey")

    def page(
        self,
        what: str,
        pk: str,
        *,
        after: str | None,
        limit: int,
        consistent: bool = False,
        descending: bool = False,
    ) -> Page[Item]:
        """Return at most `limit` items of the partition `pk`, those after the sort key `after`; `last` is one, too."""
        found, start = self.query_page(
            what,
            "pk = :pk",
            {":pk": text(pk)},
            consistent=consistent,
            descending=descending,
            limit=limit,
            start={"pk": text(pk), "sk": text(after)} if after else None,
        )
        return Page(tuple(found), None if start is None else text_of(start, "sk"))

    # ── batches ──────────────────────────────────────────────────────────────

    def get_many(
        self, what: str, keys: Iterable[Item], *, consistent: bool = False, projection: str | None = None
    ) -> Iterator[Item]:
        """Yield the items at `keys`, or the attributes of them that `projection` names, in no order.

        Those that are not there are left out. A key may come once only.
        """
        for batch in batched(keys, _READ_BATCH, strict=False):
            yield from self._get_batch(
                what, _given(Keys=batch, ConsistentRead=consistent or None, ProjectionExpression=projection)
            )

    def _get_batch(self, what: str, request: Mapping[str, Any]) -> list[Item]:
        found: list[Item] = []
        wanted: Any = {self.name: request}

        def read() -> None:
            nonlocal wanted
            with as_unavailable(what):
                answer = self._client.batch_get_item(RequestItems=wanted)
            found.extend(answer["Responses"].get(self.name, ()))
            wanted = answer.get("UnprocessedKeys")
            if wanted:
                raise _throttled(what)

        retry(read, on=Unprocessed)
        return found

    def put_many(self, what: str, items: Iterable[Item]) -> None:
        """Write `items` in the place of what is there, a batch after the other, in no order within a batch.

        NotWritten where DynamoDB does not take a batch whole, also when it is tried again: those after it would
        fare no better.
        """
        self._write_many(what, [{"PutRequest": {"Item": item}} for item in items])

    def delete_many(self, what: str, keys: Iterable[Item]) -> None:
        """Delete the items at `keys`; what is not there is no error. NotWritten as `put_many`."""
        self._write_many(what, [{"DeleteRequest": {"Key": key}} for key in keys])

    def insert_many(self, what: str, items: Sequence[Item]) -> list[ConditionFailed | Unavailable | None]:
        """Write each of `items` where there is none yet; return for each, in order, why it was not written, or None.

        ConditionFailed where there is one. Where DynamoDB is not able to take a batch whole, also when it is tried
        again, those after it are not tried: they would fare no better. The names of attributes go into statements as
        they are: they are the stores' own.

        By PartiQL, since BatchWriteItem knows no conditions. An INSERT costs what a PutItem does.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.insert.html
        """
        outcomes: list[ConditionFailed | Unavailable | None] = []
        for batch in batched(items, WRITE_BATCH, strict=False):
            inserted = self._insert_batch(what, batch)
            outcomes += inserted
            for outcome in inserted:
                if isinstance(outcome, Unavailable) and not isinstance(outcome, Refused):
                    return outcomes + [outcome] * (len(items) - len(outcomes))
        return outcomes

    def _insert_batch(self, what: str, items: Sequence[Item]) -> list[ConditionFailed | Unavailable | None]:
        statements: Any = [self._insert(item) for item in items]
        outcomes: list[ConditionFailed | Unavailable | None] = [_throttled(what)] * len(items)

        def insert() -> None:
            left = [position for position, outcome in enumerate(outcomes) if isinstance(outcome, Unprocessed)]
            with as_unavailable(what):
                answer = self._client.batch_execute_statement(Statements=[statements[position] for position in left])
            for position, response in zip(left, answer["Responses"], strict=True):
                outcomes[position] = of_statement(what, response.get("Error"))
            for outcome in outcomes:
                if isinstance(outcome, Unprocessed):
                    raise outcome

        try:
            retry(insert, on=Unprocessed)
        except Unprocessed:
            return outcomes  # each says what it was refused for
        except Unavailable as error:
            return [error if isinstance(outcome, Unprocessed) else outcome for outcome in outcomes]
        return outcomes

    def _insert(self, item: Item) -> dict[str, Any]:
        names = ",".join(f"'{name}':?" for name in item)
        return {"Statement": f'INSERT INTO "{self.name}" VALUE {{{names}}}', "Parameters": list(item.values())}

    def _write_many(self, what: str, requests: Sequence[dict[str, Any]]) -> None:
        batches = list(batched(requests, WRITE_BATCH, strict=False))
        for position, batch in enumerate(batches):
            try:
                self._write_batch(what, batch)
            except NotWritten as error:
                error.left += [_written(request) for request in chain.from_iterable(batches[position + 1 :])]
                raise

    def _write_batch(self, what: str, requests: Sequence[dict[str, Any]]) -> None:
        left: Any = {self.name: requests}

        def write() -> None:
            nonlocal left
            with as_unavailable(what):
                left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems")
            if left:
                raise _throttled(what)

        try:
            retry(write, on=Unprocessed)
        except Unavailable as error:
            raise NotWritten(error, [_written(request) for request in left[self.name]]) from error


def _throttled(what: str) -> Unprocessed:
    return Unprocessed(f"{what} failed: DynamoDB is throttling", retry_after=RETRY_AFTER)


def _written(request: Mapping[str, Any]) -> Item:
    """Return the item, or the key, of a request of a batch."""
    (write,) = request.values()
    (what,) = write.values()
    written: Item = what
    return written


def _conditional(
    condition: str | None, names: Mapping[str, str] | None, values: Item | None, return_found: bool
) -> dict[str, Any]:
    return _given(
        ConditionExpression=condition,
        ExpressionAttributeNames=names or None,
        ExpressionAttributeValues=values or None,
        ReturnValuesOnConditionCheckFailure="ALL_OLD" if return_found else None,
    )


def _given(**parameters: object) -> dict[str, Any]:
    """Return the parameters that are not None: a call has none that is empty."""
    return {name: value for name, value in parameters.items() if value is not None}
