"""A message may be as long as an event: each channel cuts it for itself, and none before it."""

from dataclasses import replace

import pytest

from tests.unit.notifications.test_context import rendering_context
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.email.message import MAX_BODY, MailTemplates, mail_message
from tocsin.notifications.presets.told import Told
from tocsin.notifications.slack import slack_body
from tocsin.notifications.webhook import webhook_body

LONG = "first line\n" + "x" * 300_000


@pytest.fixture
def told() -> RenderingContext:
    return rendering_context({"message": LONG}, action="custom_")


def test_a_notification_and_a_webhook_have_all_of_it(told: RenderingContext) -> None:
    assert told.notification.body == LONG
    assert webhook_body(told)["body"] == LONG


@pytest.mark.parametrize(("discord", "most"), [(False, 3_000), (True, 2_000)])
def test_a_chat_message_has_as_much_as_its_service_takes(told: RenderingContext, discord: bool, most: int) -> None:
    [attachment] = slack_body(told, discord=discord)["attachments"]  # type: ignore[misc,union-attr]

    assert len(attachment["text"]) == most  # type: ignore[index,call-overload,arg-type]
    assert attachment["text"].startswith("first line\nxxx")  # type: ignore[index,call-overload,union-attr]


def test_a_mail_has_as_much_as_people_read(told: RenderingContext) -> None:
    message = mail_message(told, MailTemplates())

    assert "first line\n  xxx" in message.text.replace("\r", "")
    assert "x" * (MAX_BODY + 1) not in message.text
    assert message.subject.endswith("first line " + "x" * 64)


def test_a_remark_is_behind_a_body_in_brief(told: RenderingContext) -> None:
    remarked = told.notification.with_remark("and 5 more")

    assert remarked.body.startswith("first line xxx")
    assert remarked.body.endswith("… (and 5 more)")
    assert len(remarked.body) == 500 + len(" (and 5 more)")
    assert replace(told.notification, body="short").with_remark("and 5 more").body == "short (and 5 more)"


def test_of_several_events_each_has_a_line(told: RenderingContext) -> None:
    several = Told.of_several([told, told], key="k", message_id="m", count=2)

    assert all(len(line) < 600 and "first line xxx" in line for line in several.lines)
