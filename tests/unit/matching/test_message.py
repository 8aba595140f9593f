"""Messages of the match queue: what stands in them, and that all of it is read again."""

import json

import pytest

from tocsin.ids import new_id
from tocsin.matching.message import END, Cursor, MatchMessage

ID = new_id()
CURSOR = Cursor(2, "alice", 7, once_told=True, remark="3 held back", used=("chat", "pager"), tree="0a1b")
POSITION = {
    "group": 2,
    "after": "alice",
    "page": 7,
    "once_told": True,
    "remark": "3 held back",
    "used": ["chat", "pager"],
    "tree": "0a1b",
}
FIRST = {"group": 0, "after": None, "page": 0, "once_told": False, "remark": None}


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (MatchMessage(ID), {"event_id": ID, "reason": None, "rule": None, "cursor": None}),
        (
            MatchMessage(ID, "logins", CURSOR, "the group has more members"),
            {"event_id": ID, "reason": "the group has more members", "rule": "logins", "cursor": POSITION},
        ),
        (
            MatchMessage(ID, "logins", Cursor(), "more people hear", ends=True),
            {"event_id": ID, "reason": "more people hear", "rule": "logins", "cursor": FIRST, "ends": True},
        ),
        (
            MatchMessage(ID, "logins", Cursor(), "step 1 is due", step=1, about="abc"),
            {"event_id": ID, "reason": "step 1 is due", "rule": "logins", "cursor": FIRST, "step": 1, "about": "abc"},
        ),
    ],
    ids=["an event", "people", "an end", "a step"],
)
def test_a_message_has_what_is_to_be_done_and_is_read_as_it_was(message: MatchMessage, body: dict[str, object]) -> None:
    assert json.loads(message.to_body()) == body
    assert list(json.loads(message.to_body()))[:2] == ["event_id", "reason"]
    assert MatchMessage.from_body(message.to_body()) == message


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", "null", '{"event_id": "x", "cursor": {"colour": 1}}', '{"event_id": "x", "cursor": 1}']
)
def test_what_is_no_message_is_not_read(body: str) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        MatchMessage.from_body(body)


def test_all_people_were_notified_behind_the_last_group_alone() -> None:
    assert [Cursor(group).at_end for group in (0, 1, END)] == [False, False, True]
