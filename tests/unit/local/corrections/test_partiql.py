"""INSERTs of PartiQL: what they write, and what IAM is asked about them."""

import json

import pytest

from local.corrections.partiql import each_insert_is_checked, inserted, inserting

INSERT = """INSERT INTO "my-table" VALUE {'pk':?,'sk':?}"""
VALUES = [{"S": "a"}, {"S": "1"}]


def statement(text=INSERT, values=VALUES):
    return {"Statement": text, "Parameters": values}


def test_an_insert_with_a_parameter_for_each_value_is_understood():
    assert inserted(statement()) == ("my-table", {"pk": {"S": "a"}, "sk": {"S": "1"}})


@pytest.mark.parametrize(
    "other",
    [
        statement(values=VALUES[:1]),
        statement(values=[*VALUES, {"S": "2"}]),
        statement("""INSERT INTO "my-table" VALUE {'pk':'a','sk':?}"""),
        statement("""UPDATE "my-table" SET a=? WHERE pk=?"""),
        {"Statement": """SELECT * FROM "my-table" WHERE pk='a'"""},
    ],
)
def test_all_else_is_not(other):
    assert inserted(other) is None


def checks(action, *_call):
    return [("asked", action)]


def asked(action, *statements):
    body = json.dumps({"Statements": statements}).encode()
    return each_insert_is_checked(checks)(action, body, "eu-central-1", "123456789012")


def test_iam_is_asked_about_each_table_once():
    table = "arn:aws:dynamodb:eu-central-1:123456789012:table"
    other = statement("""INSERT INTO "other" VALUE {'pk':?,'sk':?}""")

    assert asked("dynamodb:BatchExecuteStatement", statement(), other, statement()) == [
        ("dynamodb:PartiQLInsert", f"{table}/my-table"),
        ("dynamodb:PartiQLInsert", f"{table}/other"),
    ]
    assert asked("dynamodb:TransactWriteItems") == [("asked", "dynamodb:TransactWriteItems")]


def test_a_batch_with_another_statement_is_left_to_a_permission_that_no_role_has():
    assert asked("dynamodb:BatchExecuteStatement", statement(), statement("DELETE")) == []


def test_a_batch_of_other_statements_or_of_too_many_is_the_emulators():
    batch = inserting(lambda _request: "the emulator's", lambda _request: "a put's", lambda _table: "pk")

    assert batch({"Statements": [statement("DELETE")]}) == "the emulator's"
    assert batch({"Statements": [statement()] * 26}) == "the emulator's"
    assert batch({}) == "the emulator's"
