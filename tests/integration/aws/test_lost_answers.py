"""Conditional writes of a table whose answer gets lost: botocore makes the call again, and finds what it made."""

from typing import Any

import pytest

from tests.integration.conftest import Stack
from tests.integration.handler_calls import answer_lost
from tocsin.aws import clients
from tocsin.aws.dynamodb import Item, number, text
from tocsin.aws.errors import ConditionFailed
from tocsin.aws.table import Table


@pytest.fixture
def table(stack: Stack) -> Table:
    return Table(clients.dynamodb(), "config")


def key(name: str) -> dict[str, Any]:
    return {"pk": text("list"), "sk": text(name)}


def test_a_put_whose_answer_got_lost_is_not_refused_for_itself(table: Table) -> None:
    item = key("a") | {"size": number(3.50)}

    with answer_lost("PutItem"):
        table.put("writing", item, condition="attribute_not_exists(pk)")

    assert table.get("reading", key("a")) == key("a") | {"size": {"N": "3.5"}}


def test_a_put_whose_answer_got_lost_is_refused_for_what_somebody_else_wrote(table: Table) -> None:
    table.put("writing", key("a") | {"color": text("red")})

    with answer_lost("PutItem"), pytest.raises(ConditionFailed) as failed:
        table.put("writing", key("a") | {"color": text("blue")}, condition="attribute_not_exists(pk)")

    assert failed.value.again
    assert failed.value.item == key("a") | {"color": text("red")}


def change_color(table: Table, was: str, color: str) -> Item:
    return table.update(
        "painting",
        key("a"),
        "SET color = :color",
        values={":color": text(color), ":was": text(was)},
        condition="color = :was",
        returning="ALL_NEW",
        made={"color": text(color)},
    )


def test_an_update_whose_answer_got_lost_is_not_refused_for_itself(table: Table) -> None:
    table.put("writing", key("a") | {"color": text("red")})

    with answer_lost("UpdateItem"):
        after = change_color(table, "red", "blue")

    assert after == table.get("reading", key("a")) == key("a") | {"color": text("blue")}


def test_an_update_is_refused_for_what_somebody_else_made_alike(table: Table) -> None:
    """Its answer did not get lost: what is there is of another write."""
    table.put("writing", key("a") | {"color": text("blue")})

    with pytest.raises(ConditionFailed):
        change_color(table, "red", "blue")
