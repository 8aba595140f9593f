"""Messages hold only what SQS takes, whatever an event says."""

import re

import pytest

from tests.unit.rules.test_ruleset import event
from tocsin.deliveries.model import DeliveryMessage
from tocsin.matching.message import Cursor, MatchMessage
from tocsin.notifications.model import Severity

ODD = "a\ufffe b\uffff c"
XML = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


def delivery() -> DeliveryMessage:
    about = event(context={"note": ODD})
    return DeliveryMessage(
        event_id=about.id, rule="r", severity=Severity.NOTICE, transport="t", mode="webhook", user=None, once=True,
        event=about, remark=ODD, step=2,
    )  # fmt: skip


def continuation() -> MatchMessage:
    return MatchMessage(event().id, ODD, Cursor(after=ODD, remark=ODD), ODD)


@pytest.mark.parametrize("message", [delivery(), continuation()], ids=["a delivery", "a continuation"])
def test_a_message_has_characters_of_xml_alone_and_says_the_same(message: DeliveryMessage | MatchMessage) -> None:
    """The fault: an event with U+FFFF in it was accepted, and no queue took it: it was told to nobody."""
    body = message.to_body()

    assert XML.fullmatch(body)
    assert type(message).from_body(body) == message
