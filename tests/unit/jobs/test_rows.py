"""Events as lines of a file."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tocsin.events.model import Cause, Event
from tocsin.ids import new_id
from tocsin.jobs.rows import ExportFormat, rows_of


def event(**fields: Any) -> Event:
    known: dict[str, Any] = {
        "id": new_id(datetime(2026, 3, 1, 12, tzinfo=UTC)),
        "action": "login",
        "app": "shop",
        "user": {"username": "jürgen", "pk": 7, "email": "j@example.com"},
        "context": {"message": 'said "hi",\nand left'},
        "client_ip": "203.0.113.7",
        "brand": "default",
        "expires": None,
    }
    return Event(**(known | fields))


def read(data: bytes) -> list[dict[str, str]]:
    """CSV as a program reads it."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def csv_of(*events: Event) -> list[dict[str, str]]:
    rows = rows_of(ExportFormat.CSV)
    return read(rows.head + b"".join(rows.of(each) for each in events))


def test_csv_has_a_head_and_a_row_an_event_whatever_is_in_it() -> None:
    first, second = csv_of(event(), event(cause=Cause("r", None, 1), key_id="k"))

    assert first["created"] == "2026-03-01T12:00:00.000Z"
    assert (first["username"], first["user_pk"], first["user_email"]) == ("jürgen", "7", "j@example.com")
    assert first["summary"] == 'said "hi",\nand left'
    assert json.loads(first["context"]) == {"message": 'said "hi",\nand left'}
    assert (first["expires"], first["key_id"], second["key_id"]) == ("", "", "k")
    assert json.loads(second["cause"])["rule"] == "r"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_begins_as_a_formula(sign: str) -> None:
    attack = f'{sign}cmd|"/c calc"!A0'
    about = event(
        app=attack, user={"username": attack, "pk": -1, "email": attack}, context={"message": attack}, brand=attack
    )

    (row,) = csv_of(about)

    assert not [name for name, cell in row.items() if cell.startswith(sign)]
    assert row["username"] == f"'{attack}"
    assert row["user_pk"] == "'-1"


def cells_where_lists_have_semicolons(data: bytes) -> list[str]:
    """CSV as Excel reads it where the list separator is a semicolon: in most of Europe."""
    return [cell for row in csv.reader(io.StringIO(data.decode(), newline=""), delimiter=";") for cell in row]


@pytest.mark.parametrize("between", [";", "; ", "\n", "\r\n", "\t", ';"', ";'", '\n"', ';""'])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠"])
def test_no_cell_begins_as_a_formula_where_another_separator_is_read(between: str, sign: str) -> None:
    """The fault: `a;=cmd…;b` was a cell of its own, and run, in each Excel whose separator is a semicolon."""
    attack = f"a{between}{sign}1+cmd|' /c calc'!A0;b"
    about = event(app=attack, user={"username": attack, "email": attack, "n": attack}, context={"message": attack})
    rows = rows_of(ExportFormat.CSV)

    cells = cells_where_lists_have_semicolons(rows.head + rows.of(about))
    (row,) = csv_of(about)

    parts = [part.lstrip(" ") for cell in cells for part in cell.split("\t")]
    assert not [part for part in parts if part.startswith(sign)]
    assert json.loads(row["user"]) == about.user
    assert json.loads(row["context"]) == {"message": attack}


def test_what_looks_like_no_formula_stays_as_it_is() -> None:
    said = "a;b; c=d\nnext - line\te-mail@example.com; x"

    (row,) = csv_of(event(context={"message": said}))

    assert row["summary"] == said
    assert "\\u003b" not in row["context"]


def test_lines_of_json_are_what_the_api_shows() -> None:
    rows, about = rows_of(ExportFormat.JSONL), event()

    line = rows.of(about)

    assert rows.head == b""
    assert line.count(b"\n") == 1
    assert json.loads(line) == about.to_json() | {"summary": about.summary}
