"""What holds functions' calls to their roles, by itself."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.conftest import Stack
from tests.integration.role_policies import (
    Call,
    Grant,
    NotGranted,
    Recorder,
    as_text,
    calls,
    enforced,
    from_text,
    granting,
    grants,
    spare,
)
from tests.stack.permissions import functions

EVENTS = Grant("ingest", "Store", "dynamodb:PutItem", "EventsTable", "event#*")
ONCE = Grant("ingest", "Store", "dynamodb:PutItem", "EventsTable", "once#*")
RATES = Grant("ingest", "Count", "dynamodb:UpdateItem", "EventsTable", "rate#*")
SECRET = Grant("ingest", "Sign", "secretsmanager:GetSecretValue", "UnsubscribeSecret")
GRANTED = (EVENTS, ONCE, RATES, SECRET)


@pytest.mark.parametrize(
    ("call", "by"),
    [
        (Call("ingest", "dynamodb:PutItem", "EventsTable", ("event#1",)), {EVENTS}),
        (Call("ingest", "dynamodb:PutItem", "EventsTable", ("event#1", "once#a")), {EVENTS, ONCE}),
        (Call("ingest", "dynamodb:PutItem", "EventsTable", ("event#1", "rate#a")), set()),  # one key is of no pattern
        (Call("ingest", "dynamodb:PutItem", "EventsTable", ("rollup#1",)), set()),
        (Call("ingest", "dynamodb:DeleteItem", "EventsTable", ("event#1",)), set()),
        (Call("ingest", "dynamodb:PutItem", "ConfigTable", ("event#1",)), set()),
        (Call("webhook", "dynamodb:PutItem", "EventsTable", ("event#1",)), set()),
        (Call("ingest", "secretsmanager:GetSecretValue", ""), {SECRET}),
    ],
)
def test_a_call_is_granted_for_its_function_action_table_and_all_of_its_keys(call: Call, by: set[Grant]) -> None:
    assert granting(call, GRANTED) == by


def test_what_no_call_used_is_spare_by_function() -> None:
    found = spare({EVENTS, SECRET}, GRANTED)

    assert found["ingest"] == [ONCE, RATES]
    assert found.keys() == functions().keys()


def test_used_grants_survive_the_way_from_a_worker() -> None:
    assert from_text(as_text({EVENTS, SECRET})) == {EVENTS, SECRET}


def test_the_parts_of_a_transaction_are_asked_about_one_by_one() -> None:
    put = {"Put": {"TableName": "events", "Item": {"pk": {"S": "once#a"}, "sk": {"S": "x"}}}}
    update = {"Update": {"TableName": "config", "Key": {"pk": {"S": "user"}, "sk": {"S": "x"}}}}

    asked = set(calls("ingest", "dynamodb", "TransactWriteItems", {"TransactItems": [put, update]}))

    assert asked == {
        Call("ingest", "dynamodb:PutItem", "EventsTable", ("once#a",)),
        Call("ingest", "dynamodb:UpdateItem", "ConfigTable", ("user",)),
    }


def test_a_handlers_call_that_its_role_lacks_ends_the_test_and_the_tests_own_do_not(stack: Stack) -> None:
    recorder = Recorder(set())

    def read() -> None:
        stack.dynamodb.get_item(TableName="config", Key={"pk": {"S": "secret"}, "sk": {"S": "x"}})

    def read_aside() -> None:
        with recorder.aside():
            read()

    def read_in_a_pool() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(read).result()

    with enforced(recorder):
        read()
        recorder.in_role_of("ingest", read_aside)()
        for reading in (read, read_in_a_pool):
            recorder.in_role_of("webhook", reading)()
            with pytest.raises(NotGranted, match="the role of ingest does not grant"):
                recorder.in_role_of("ingest", reading)()

    assert {(each.function, each.statement) for each in recorder.used} == {("webhook", "ReadSecrets")}


def test_every_role_is_looked_at_and_the_consoles_grants_its_code_nothing() -> None:
    assert {each.function for each in grants()} == functions().keys() - {"console"}
