"""The note of a blueprint that was broken off: in pieces where it is long, and where it can't be read."""

import pytest

from tests.integration.api_calls import Api
from tests.integration.config.test_blueprint_crashes import NEW, let_the_lock_expire
from tests.integration.config.test_blueprints_told_whoever_dies import (
    died_publishing,
    ids,
    next_edit,
    next_minute,
    told,
)
from tests.integration.conftest import Stack
from tests.integration.handler_calls import answer_lost
from tocsin.aws import clients
from tocsin.config import lock as locks
from tocsin.config.lock import ConfigurationLock

pytestmark = pytest.mark.usefixtures("impatient")


def test_a_note_that_fits_no_item_stands_in_pieces(api: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PIECE", 300)
    known = ids(stack)
    died_publishing(api)
    pieces = [item for item in stack.items("config") if item["pk"]["S"].startswith("note#")]
    let_the_lock_expire(stack)

    assert next_minute(stack) == {"settled": True}
    assert len(pieces) > 2
    assert ("model_created", "transport", "made-hook") in told(stack, known)
    assert Api.of(stack)("PUT", "/blueprint", NEW).status == 200
    assert [item for item in stack.items("config") if item["pk"]["S"].startswith("note#")] == []


def test_a_note_in_pieces_is_whole_also_where_the_answer_to_leaving_it_got_lost(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault: the repeat found the note's own pieces named, and deleted them as those of a note before."""
    monkeypatch.setattr(locks, "_PIECE", 10)
    lock = ConfigurationLock(clients.dynamodb(), "config")

    with answer_lost("UpdateItem") as calls:
        lock.leave_note({"keys": ["a", "b"]})

    assert calls == ["UpdateItem"]
    assert lock.note() == {"keys": ["a", "b"]}


def test_a_note_that_lacks_a_piece_is_none_and_stops_no_edit_and_is_a_line_of_the_log(
    api: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The fault: nothing said that what had been broken off could not be told."""
    monkeypatch.setattr(locks, "_PIECE", 300)
    died_publishing(api)
    pieces = [item for item in stack.items("config") if item["pk"]["S"].startswith("note#")]
    stack.dynamodb.delete_item(TableName="config", Key={name: pieces[0][name] for name in ("pk", "sk")})
    let_the_lock_expire(stack)

    assert next_edit(stack).status == 201
    (line,) = [vars(record) for record in caplog.records if vars(record).get("code") == "RUN_NOTE_INCOMPLETE"]
    assert (line["levelname"], line["pieces"], line["found"]) == ("WARNING", len(pieces), len(pieces) - 1)


def test_who_looks_at_a_note_that_is_being_deleted_finds_none_and_says_nothing(
    api: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Only who has the lock knows that nobody deletes it at this moment."""
    monkeypatch.setattr(locks, "_PIECE", 300)
    died_publishing(api)
    first = next(item for item in stack.items("config") if item["pk"]["S"].startswith("note#"))
    stack.dynamodb.delete_item(TableName="config", Key={"pk": first["pk"], "sk": first["sk"]})
    let_the_lock_expire(stack)

    assert Api.of(stack)("GET", "/blueprint").status == 200
    assert next_minute(stack) == {"settled": False}
    assert [vars(each) for each in caplog.records if vars(each).get("code") == "RUN_NOTE_INCOMPLETE"] == []


def test_who_has_the_lock_says_it_also_where_they_look_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(locks, "_PIECE", 10)
    lock = ConfigurationLock(clients.dynamodb(), "config")
    lock.leave_note({"keys": ["a", "b"]})
    first = next(item for item in stack.items("config") if item["pk"]["S"].startswith("note#"))
    stack.dynamodb.delete_item(TableName="config", Key={"pk": first["pk"], "sk": first["sk"]})

    assert [lock.note(), lock.note(alone=True)] == [None, None]
    assert [vars(each).get("code") for each in caplog.records].count("RUN_NOTE_INCOMPLETE") == 1


def test_a_note_of_another_version_stops_no_edit_and_is_a_line_of_the_log(
    api: Api, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    ConfigurationLock(stack.dynamodb, "config").leave_note({"untold": {"of": "another version"}})

    assert next_edit(stack).status == 201
    assert "RUN_UNREADABLE" in capsys.readouterr().out
