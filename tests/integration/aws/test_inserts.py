"""What is written to a table on moto only where nothing is, many items a call."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import Failure, failing, throttled
from tocsin.aws import clients
from tocsin.aws.dynamodb import Item, number, text, text_of
from tocsin.aws.errors import ConditionFailed, Refused
from tocsin.aws.retry import TRIES
from tocsin.aws.table import Table


@pytest.fixture
def table(stack: Stack) -> Table:
    return Table(clients.dynamodb(), "config")


def key(name: str) -> dict[str, Any]:
    return {"pk": text("list"), "sk": text(name)}


def keys(count: int) -> list[Item]:
    return [key(f"{number:03d}") for number in range(count)]


def names(items: Any) -> list[str]:
    return [text_of(item, "sk") for item in items]


def test_what_is_there_is_not_written_over_and_all_else_is_written(stack: Stack, table: Table) -> None:
    items = [key | {"n": number(count)} for count, key in enumerate(keys(30))]
    table.put("writing", items[3] | {"n": number(33)})
    table.put("writing", items[27] | {"n": number(33)})

    failures = table.insert_many("inserting", items)

    taken = [position for position, failure in enumerate(failures) if failure is not None]
    assert taken == [3, 27]
    assert all(isinstance(failures[position], ConditionFailed) for position in taken)
    assert [item for item in stack.items("config") if item["n"] != number(33)] == items[:3] + items[4:27] + items[28:]
    assert table.insert_many("inserting", []) == []


def test_an_insert_takes_values_of_all_kinds(table: Table) -> None:
    item = key("'1', \"2\"") | {"bytes": {"B": b"\x00\xff"}, "no": {"BOOL": False}, "map": {"M": {"a": {"S": "?"}}}}

    assert table.insert_many("inserting", [item]) == [None]
    assert table.get("reading", key("'1', \"2\"")) == item


def refusing(*names: str, code: str) -> Failure:
    """DynamoDB answers the statements of these items with an error, and has done the others (it is made up)."""

    def answer(call: dict[str, Any]) -> Any:
        statements = json.loads(call["body"])["Statements"]
        error = {"Error": {"Code": code, "Message": "injected"}}
        refused = [any({"S": name} in statement["Parameters"] for name in names) for statement in statements]
        responses = [error if each else {"TableName": "config"} for each in refused]
        return SimpleNamespace(status_code=200), {
            "Responses": responses,
            "ResponseMetadata": {"HTTPStatusCode": 200},
        }

    return answer


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "code", ["ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "InternalServerError"]
)
def test_statements_that_time_heals_are_made_again_and_no_others(table: Table, code: str) -> None:
    with failing(refusing("001", "004", code=code), "BatchExecuteStatement", at=lambda call: call == 1) as calls:
        failures = table.insert_many("inserting", keys(6))

    assert failures == [None] * 6
    assert names(table.get_many("reading", keys(6))) == ["001", "004"]  # the others by the answer that was made up
    assert len(calls) == 2


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("code", ["ThrottlingError", "InternalServerError"])
def test_a_batch_of_which_some_stays_refused_says_which_and_why_and_ends_the_inserting(table: Table, code: str) -> None:
    with failing(refusing("002", code=code), "BatchExecuteStatement") as calls:
        failures = table.insert_many("inserting", keys(60))

    assert failures[:2] == [None, None]
    assert failures[3:25] == [None] * 22
    assert {str(failure) for failure in [failures[2], *failures[25:]]} == {f"inserting failed: {code}"}
    assert len(failures) == 60
    assert len(calls) == TRIES


@pytest.mark.usefixtures("impatient")
def test_a_statement_that_is_refused_for_good_keeps_no_other_from_being_made(table: Table) -> None:
    with failing(refusing("002", code="ValidationError"), "BatchExecuteStatement") as calls:
        failures = table.insert_many("inserting", keys(30))

    assert [position for position, failure in enumerate(failures) if failure is not None] == [2]
    assert isinstance(failures[2], Refused)
    assert str(failures[2]) == "inserting failed: ValidationError"
    assert len(calls) == 2


@pytest.mark.parametrize("code", ["AccessDenied", "ResourceNotFound"])
def test_a_statement_that_may_not_be_made_is_not_tried_again_and_its_error_is_named(table: Table, code: str) -> None:
    with failing(refusing("024", code=code), "BatchExecuteStatement") as calls:
        failures = table.insert_many("inserting", keys(30))

    assert failures[:24] == [None] * 24
    assert [str(failure) for failure in failures[24:]] == [f"inserting failed: {code}"] * 6
    assert len(calls) == 1


def test_without_an_answer_nothing_is_said_to_be_inserted(table: Table) -> None:
    with failing(throttled("AccessDeniedException"), "BatchExecuteStatement"):
        failures = table.insert_many("inserting", keys(2))

    assert [str(failure) for failure in failures] == ["inserting failed: AccessDeniedException"] * 2
