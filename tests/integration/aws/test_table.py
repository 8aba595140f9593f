"""A table on moto: what it reads, writes under a condition, pages and batches, and what its errors say."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.integration.conftest import Stack
from tests.integration.handler_calls import answer_lost, failing, nothing_processed, raising, throttled
from tocsin.aws import clients
from tocsin.aws.dynamodb import Delete, Item, Put, number, text, text_of
from tocsin.aws.errors import ConditionFailed, ConditionsFailed
from tocsin.aws.retry import TRIES
from tocsin.aws.table import NotWritten, Table
from tocsin.errors import Unavailable


@pytest.fixture
def table(stack: Stack) -> Table:
    return Table(clients.dynamodb(), "config")


def key(name: str, pk: str = "list") -> dict[str, Any]:
    return {"pk": text(pk), "sk": text(name)}


def keys(count: int) -> list[Item]:
    return [key(f"{number:03d}") for number in range(count)]


def names(items: Any) -> list[str]:
    return [text_of(item, "sk") for item in items]


# ── one item ─────────────────────────────────────────────────────────────────


def test_an_item_is_read_whole_or_in_part_or_is_none(table: Table) -> None:
    item = key("a") | {"color": text("red"), "size": number(3)}
    table.put("writing", item)

    assert table.get("reading", key("a"), consistent=True) == item
    assert table.get("reading", key("a"), projection="color") == {"color": text("red")}
    assert table.get("reading", key("b")) is None


def test_a_put_that_its_condition_refuses_tells_what_is_there(table: Table) -> None:
    there = key("a") | {"color": text("red")}
    table.put("writing", there)

    with pytest.raises(ConditionFailed) as failed:
        table.put("writing", key("a"), condition="attribute_not_exists(pk)")

    assert failed.value.item == there
    assert table.get("reading", key("a")) == there


def test_an_update_returns_what_it_is_asked_for(table: Table) -> None:
    table.put("writing", key("a") | {"color": text("red")})
    add: dict[str, Any] = {"expression": "ADD #size :one", "names": {"#size": "size"}, "values": {":one": number(1)}}

    assert table.update("counting", key("a"), **add) == {}
    assert table.update("counting", key("a"), **add, returning="UPDATED_NEW") == {"size": number(2)}
    whole = key("a") | {"color": text("red"), "size": number(3)}
    assert table.update("counting", key("a"), **add, returning="ALL_NEW") == whole


def test_an_update_that_its_condition_refuses_changes_nothing(table: Table) -> None:
    there = key("a") | {"size": number(3)}
    table.put("writing", there)

    with pytest.raises(ConditionFailed) as failed:
        table.update(
            "counting",
            key("a"),
            "SET #size = :size",
            names={"#size": "size"},
            values={":size": number(2)},
            condition="#size < :size",
            return_found=True,
        )

    assert failed.value.item == there
    assert table.get("reading", key("a")) == there


def test_a_deletion_returns_what_was_there_where_it_is_asked(table: Table) -> None:
    there = key("a") | {"size": number(3)}
    table.put("writing", there)

    assert table.delete("deleting", key("a"), returning="ALL_OLD") == there
    assert table.delete("deleting", key("a"), returning="ALL_OLD") == {}
    assert table.delete("deleting", key("a")) == {}


def test_a_deletion_that_its_condition_refuses_deletes_nothing(table: Table) -> None:
    table.put("writing", key("a") | {"size": number(3)})

    with pytest.raises(ConditionFailed):
        table.delete(
            "deleting",
            key("a"),
            condition="#size = :size",
            names={"#size": "size"},
            values={":size": number(4)},
        )

    assert table.get("reading", key("a")) is not None


# ── items that are written together ──────────────────────────────────────────

NEW = "attribute_not_exists(pk)"


def test_items_are_written_together(table: Table) -> None:
    table.write_together("writing", [Put(key("a"), NEW), Put(key("b"), NEW)])

    assert table.get("reading", key("a")) == key("a")
    assert table.get("reading", key("b")) == key("b")


def test_of_items_that_go_together_none_is_written_where_a_condition_fails(table: Table) -> None:
    there = key("b") | {"color": text("red")}
    table.put("writing", there)

    with pytest.raises(ConditionsFailed) as caught:
        table.write_together("writing", [Put(key("a"), NEW), Put(key("b"), NEW)])

    assert list(caught.value.found) == [None, there]
    assert table.get("reading", key("a")) is None


def test_items_of_two_tables_are_written_and_deleted_together(table: Table, stack: Stack) -> None:
    table.put("writing", key("gone"))

    table.write_together("writing", [Put(key("a"), NEW), Put(key("b"), NEW, table="events"), Delete(key("gone"))])

    assert table.get("reading", key("a")) == key("a")
    assert table.get("reading", key("gone")) is None
    assert Table(stack.dynamodb, "events").get("reading", key("b")) == key("b")


def test_a_transaction_whose_answer_gets_lost_is_done_once(table: Table) -> None:
    """botocore makes it again, and its conditions fail for what it has made itself."""
    with answer_lost("TransactWriteItems") as calls:
        table.write_together("writing", [Put(key("a"), NEW), Put(key("b"))])

    assert calls == ["TransactWriteItems"]
    assert table.get("reading", key("a")) == key("a")


def test_a_transaction_that_finds_others_items_is_refused_also_when_it_is_made_again(table: Table) -> None:
    there = key("a") | {"color": text("red")}

    with (
        failing(lambda _: table.put("writing", there), "TransactWriteItems", at=lambda call: call == 1),
        answer_lost("TransactWriteItems"),
        pytest.raises(ConditionsFailed),
    ):
        table.write_together("writing", [Put(key("a") | {"color": text("blue")}, NEW)])

    assert table.get("reading", key("a")) == there


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_time_heals_is_tried_again(table: Table, reason: str) -> None:
    def cancelled(call: dict[str, Any]) -> Any:
        http, answer = throttled("TransactionCanceledException")(call)
        return http, answer | {"CancellationReasons": [{"Code": reason}]}

    with failing(cancelled, "TransactWriteItems", at=lambda call: call <= 2) as calls:
        table.write_together("writing", [Put(key("a"), NEW)])

    assert len(calls) == 3
    assert table.get("reading", key("a")) == key("a")


@pytest.mark.usefixtures("impatient")
def test_a_transaction_that_is_cancelled_for_another_reason_is_not_tried_again(table: Table) -> None:
    with (
        failing(throttled("TransactionCanceledException"), "TransactWriteItems") as calls,
        pytest.raises(Unavailable, match="writing failed: TransactionCanceledException"),
    ):
        table.write_together("writing", [Put(key("a"), NEW)])

    assert len(calls) == 1


# ── some items ───────────────────────────────────────────────────────────────


def test_a_query_reads_all_pages(table: Table) -> None:
    """Items of 300 KB: DynamoDB ends a page at 1 MB."""
    for name in "abcdefg":
        table.put("writing", key(name) | {"blob": text("x" * 300_000)})

    with failing(lambda _: None, "Query") as calls:
        found = names(table.query("reading", "pk = :pk", {":pk": text("list")}, consistent=True))

    assert found == list("abcdefg")
    assert len(calls) > 1


def test_a_query_reads_no_more_than_it_may(table: Table) -> None:
    table.put_many("writing", keys(9))
    values = {":pk": text("list"), ":low": text("003")}

    with failing(lambda _: None, "Query") as calls:
        first = names(table.query("reading", "pk = :pk AND sk >= :low", values, limit=2))
        last = names(table.query("reading", "pk = :pk AND sk >= :low", values, limit=2, descending=True))
        all_of_them = names(table.query("reading", "pk = :pk AND sk >= :low", values, limit=50))

    assert (first, last) == (["003", "004"], ["008", "007"])
    assert all_of_them == ["003", "004", "005", "006", "007", "008"]
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("descending", "pages"), [(False, [["000", "001"], ["002", "003"], ["004"]]), (True, [["004", "003"], ["002"]])]
)
def test_pages_of_a_partition_go_on_after_the_last_key(table: Table, descending: bool, pages: list[list[str]]) -> None:
    table.put_many("writing", keys(5))
    table.put("writing", key("other", pk="another list"))
    limits = [len(page) for page in pages]

    after, read = None, []
    for limit in limits:
        page = table.page("reading", "list", after=after, limit=limit, descending=descending)
        read.append(names(page.items))
        after = page.last
        assert after in {None, read[-1][-1]}

    assert read == pages


def test_the_page_after_the_last_key_is_empty_and_the_last(table: Table) -> None:
    table.put_many("writing", keys(2))
    page = table.page("reading", "list", after=None, limit=2)

    following = table.page("reading", "list", after="001", limit=2)

    assert names(page.items) == ["000", "001"]
    assert (following.items, following.last) == ((), None)


def test_of_what_a_query_looked_at_only_what_matches_is_returned(table: Table) -> None:
    for name, color in (("a", "red"), ("b", "blue"), ("c", "red"), ("d", "red")):
        table.put("writing", key(name) | {"color": text(color)})
    values = {":pk": text("list"), ":color": text("red")}

    found, start = table.query_page(
        "looking", "pk = :pk", values, matching="color = :color", projection="sk", limit=3, descending=True
    )

    assert list(found) == [{"sk": text("d")}, {"sk": text("c")}]
    assert start is not None and start["sk"] == text("b")


# ── batches ──────────────────────────────────────────────────────────────────


def test_more_items_than_a_batch_holds_are_written_read_and_deleted(table: Table) -> None:
    table.put_many("writing", keys(130))

    with failing(lambda _: None, "BatchGetItem") as calls:
        found = names(table.get_many("reading", [*keys(130), key("gone")]))
    table.delete_many("deleting", keys(120))

    assert sorted(found) == [f"{number:03d}" for number in range(130)]
    assert len(calls) == 2
    assert names(table.query("reading", "pk = :pk", {":pk": text("list")})) == [f"{n:03d}" for n in range(120, 130)]


def test_nothing_is_read_and_written_without_a_call(table: Table) -> None:
    with failing(raising(AssertionError("DynamoDB was asked"))):
        table.put_many("writing", [])
        table.delete_many("deleting", [])
        assert list(table.get_many("reading", [])) == []


def _first_half_processed(call: dict[str, Any]) -> Any:
    """DynamoDB reads the first half of a BatchGetItem's keys, which are not there."""
    wanted = json.loads(call["body"])["RequestItems"]["config"]["Keys"]
    left = {"config": {"Keys": wanted[(len(wanted) + 1) // 2 :]}} if len(wanted) > 1 else {}
    answer = {"Responses": {"config": []}, "UnprocessedKeys": left, "ResponseMetadata": {"HTTPStatusCode": 200}}
    return SimpleNamespace(status_code=200), answer


@pytest.mark.usefixtures("impatient")
def test_what_a_batch_leaves_unread_is_read_by_further_calls(table: Table) -> None:
    table.put_many("writing", keys(8))

    with failing(_first_half_processed, "BatchGetItem", at=lambda call: call <= 2) as calls:
        found = names(table.get_many("reading", keys(8)))

    assert sorted(found) == ["006", "007"]
    assert len(calls) == 3


@pytest.mark.usefixtures("impatient")
def test_what_a_batch_leaves_unwritten_is_written_by_further_calls(table: Table) -> None:
    with failing(nothing_processed, "BatchWriteItem", at=lambda call: call <= 3) as calls:
        table.put_many("writing", keys(8))

    assert len(names(table.get_many("reading", keys(8)))) == 8
    assert len(calls) == 4


@pytest.mark.usefixtures("impatient")
def test_a_batch_that_is_not_taken_ends_the_writing_and_says_what_is_left(table: Table) -> None:
    with failing(nothing_processed, "BatchWriteItem", at=lambda call: call > 1), pytest.raises(NotWritten) as failed:
        table.put_many("writing", keys(60))

    assert str(failed.value) == "writing failed: DynamoDB is throttling"
    assert failed.value.left == keys(60)[25:]
    assert len(names(table.get_many("reading", keys(60)))) == 25


def _all_but_two_processed(call: dict[str, Any]) -> Any:
    """DynamoDB takes a BatchWriteItem, and leaves its last two requests."""
    left = {"config": json.loads(call["body"])["RequestItems"]["config"][-2:]}
    return SimpleNamespace(status_code=200), {"UnprocessedItems": left, "ResponseMetadata": {"HTTPStatusCode": 200}}


@pytest.mark.usefixtures("impatient")
def test_what_a_batch_took_is_not_left(table: Table) -> None:
    with failing(_all_but_two_processed, "BatchWriteItem") as calls, pytest.raises(NotWritten) as failed:
        table.put_many("writing", keys(9))

    assert failed.value.left == keys(9)[-2:]
    assert len(calls) == TRIES


@pytest.mark.usefixtures("impatient")
def test_keys_that_are_not_deleted_are_left_too(table: Table) -> None:
    with failing(nothing_processed, "BatchWriteItem"), pytest.raises(NotWritten) as failed:
        table.delete_many("deleting", keys(30))

    assert failed.value.left == keys(30)


@pytest.mark.usefixtures("impatient")
def test_a_batch_that_fails_is_not_tried_again_here_and_its_error_is_named(table: Table) -> None:
    """The fault: whatever ended a batch was said to be throttling. botocore has tried failed calls again already."""
    refused = throttled("AccessDeniedException")

    with failing(refused, "BatchWriteItem") as writes, pytest.raises(NotWritten) as write:
        table.put_many("writing", keys(3))
    with failing(refused, "BatchGetItem") as reads, pytest.raises(Unavailable) as read:
        list(table.get_many("reading", keys(3)))

    assert str(write.value) == "writing failed: AccessDeniedException"
    assert write.value.left == keys(3)
    assert str(read.value) == "reading failed: AccessDeniedException"
    assert (len(writes), len(reads)) == (1, 1)


# ── failures ─────────────────────────────────────────────────────────────────

CALLS = {
    "get": lambda table: table.get("asking", key("a")),
    "put": lambda table: table.put("asking", key("a")),
    "update": lambda table: table.update("asking", key("a"), "SET x = :x", values={":x": number(1)}),
    "delete": lambda table: table.delete("asking", key("a")),
    "query": lambda table: list(table.query("asking", "pk = :pk", {":pk": text("list")})),
    "page": lambda table: table.page("asking", "list", after=None, limit=1),
    "get_many": lambda table: list(table.get_many("asking", keys(1))),
    "put_many": lambda table: table.put_many("asking", keys(1)),
    "delete_many": lambda table: table.delete_many("asking", keys(1)),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException", "ValidationException"])
def test_an_error_of_dynamodb_is_named(table: Table, call: str, code: str) -> None:
    with failing(throttled(code)), pytest.raises(Unavailable, match=f"^asking failed: {code}$") as failed:
        CALLS[call](table)

    assert failed.value.retry_after == 2


@pytest.mark.parametrize("call", CALLS)
def test_a_connection_that_fails_is_named(table: Table, call: str) -> None:
    broken = raising(EndpointConnectionError(endpoint_url="https://dynamodb"))

    with failing(broken), pytest.raises(Unavailable, match=r"^asking failed: EndpointConnectionError$"):
        CALLS[call](table)
