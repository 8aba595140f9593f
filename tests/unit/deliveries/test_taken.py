"""What became of what a message tells while it waited: somebody has it, or it is over, or it is as it was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.deliveries.matters import Acknowledgement, Matter
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.taken import Taken, taken
from tocsin.ids import new_id
from tocsin.notifications.model import Severity

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
FIRST, END = new_id(NOON), new_id(LATER)
DONE = Acknowledgement("bob", "link", LATER, "bob", new_id(LATER))
MATTER = Matter(
    rule="logins",
    about="a",
    event_id=FIRST,
    began=NOON,
    counted_from=NOON,
    open_until=NOON + timedelta(hours=1),
    step=0,
    steps=1,
    acknowledgement=None,
    ended=None,
)
MESSAGE = DeliveryMessage(
    event_id=FIRST,
    rule="logins",
    severity=Severity.WARNING,
    transport="hook",
    mode="webhook",
    user=None,
    once=False,
    about="a",
)


@pytest.mark.parametrize(
    ("became", "said"),
    [
        ({}, None),
        ({"acknowledgement": DONE}, ("acknowledged", "bob")),
        ({"ended": END}, ("ended", "2026-07-01 12:05 UTC")),
        ({"acknowledgement": DONE, "ended": END}, ("acknowledged", "bob")),
    ],
)
def test_a_message_says_who_has_it_or_since_when_it_is_over(
    became: dict[str, Any], said: tuple[str, str] | None
) -> None:
    found = taken(MESSAGE, {("logins", "a"): replace(MATTER, **became)})

    if said is None:
        assert found is None
    else:
        assert found is not None
        assert (found.cause, said[1] in found.remark, found.drops) == (said[0], True, False)


def test_what_a_step_has_waiting_is_told_to_nobody() -> None:
    found = taken(replace(MESSAGE, step=1), {("logins", "a"): replace(MATTER, acknowledgement=DONE)})

    assert isinstance(found, Taken)
    assert found.drops


@pytest.mark.parametrize(
    "message",
    [
        replace(MESSAGE, about=None),
        replace(MESSAGE, about="b"),
        replace(MESSAGE, rule="other"),
        replace(MESSAGE, over=True),
        replace(MESSAGE, event_id=END),
        replace(MESSAGE, event_id=new_id(LATER + timedelta(minutes=1))),
    ],
    ids=[
        "about nothing",
        "about another",
        "of another rule",
        "the end itself",
        "of the event that is the end",
        "of what began after the end",
    ],
)
def test_what_is_not_of_the_matter_is_as_it_was(message: DeliveryMessage) -> None:
    over = replace(MATTER, ended=END)

    assert taken(message, {("logins", "a"): over, ("logins", "None"): over}) is None
    assert taken(replace(message, about=None), {("logins", None): over}) is None  # type: ignore[dict-item]
