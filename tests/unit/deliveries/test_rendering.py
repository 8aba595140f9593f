"""By what a message is told, why by nothing, and what that is given to tell."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.deliveries.test_digest_words import HOOK, NOON, happened, member
from tocsin.config.model import Configuration
from tocsin.deliveries.digest_store import summary
from tocsin.deliveries.model import LATE, DeliveryMessage
from tocsin.deliveries.rendering import context_of, transport_of, why_none
from tocsin.identity.directory import User
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.model import Notification, Severity
from tocsin.notifications.transport import INBOX, NotificationTransport, TransportMode

ALICE = User("alice", "alice@example.com")
(EVENT,) = happened(1)
MESSAGE = DeliveryMessage(EVENT.id, "r", Severity.WARNING, "hook", "webhook", ALICE, once=False)
MAIL = NotificationTransport(name="mail", mode=TransportMode.EMAIL)
OTHER_INBOX = NotificationTransport(name="inbox", mode=TransportMode.LOCAL, enabled=False)


def by(transport: str, mode: str) -> DeliveryMessage:
    return replace(MESSAGE, transport=transport, mode=mode)


@pytest.mark.parametrize(
    ("message", "known", "found"),
    [
        (MESSAGE, (HOOK, MAIL), HOOK),
        (by("mail", "email"), (HOOK, MAIL), MAIL),
        (MESSAGE, (MAIL,), "there is no transport hook any more"),
        (MESSAGE, (replace(HOOK, enabled=False),), "transport hook is turned off"),
        (by("hook", "email"), (HOOK,), "transport hook is no email any more: its mode is webhook now"),
        (by("inbox", "local"), (), INBOX),
        (by("inbox", "local"), (replace(HOOK, name="inbox"),), INBOX),
        (by("inbox", "local"), (OTHER_INBOX,), "transport inbox is turned off"),
        (by("inbox", "webhook"), (replace(HOOK, name="inbox"),), replace(HOOK, name="inbox")),
        (by("inbox", "webhook"), (), "there is no transport inbox any more"),
        (by("hook", "local"), (), "there is no transport hook any more"),
    ],
)
def test_a_message_goes_by_its_transport_as_it_is_now_and_else_says_why_not(
    message: DeliveryMessage, known: tuple[NotificationTransport, ...], found: NotificationTransport | str
) -> None:
    configuration = Configuration(transports=known)

    transport = transport_of(message, configuration)

    assert (transport or why_none(message, configuration)) == found


def told(message: DeliveryMessage, digest: Any = None, **fields: Any) -> RenderingContext | None:
    there: Any = {EVENT.id: EVENT}
    words = {"body": "{'a': 1}", "headers": "{'b': 2}"}
    return context_of(message, digest, replace(HOOK, **fields), words, there)


@pytest.mark.parametrize("user", [ALICE, None])
def test_a_message_is_told_with_its_event_and_all_that_it_says(user: User | None) -> None:
    message = replace(MESSAGE, user=user, once=True, about="a" * 32, over=True, step=2)

    context = told(message, body_mapping="body", headers_mapping="headers")

    assert context == RenderingContext(
        event=EVENT,
        notification=replace(Notification.of(EVENT, "r", Severity.WARNING, user), id=message.notification_id),
        user=user,
        rule="r",
        severity=Severity.WARNING,
        transport=replace(HOOK, body_mapping="body", headers_mapping="headers", send_once=True),
        body_mapping="{'a': 1}",
        headers_mapping="{'b': 2}",
        about="a" * 32,
        over=True,
        step=2,
    )


def test_a_message_without_more_says_no_more() -> None:
    context = told(MESSAGE, send_once=True)

    assert context is not None
    assert (context.body_mapping, context.headers_mapping, context.digest, context.step) == (None, None, None, None)
    assert (context.transport, context.over, context.notification.remark) == (HOOK, False, None)


def test_a_remark_stands_behind_what_is_told() -> None:
    context = told(replace(MESSAGE, remark="3 held back"))

    assert context is not None
    assert context.notification.remark == "3 held back"
    assert context.notification.body.endswith(" (3 held back)")


@pytest.mark.parametrize(("travels", "there"), [(True, False), (False, True), (False, False)])
def test_an_event_that_does_not_travel_is_read_by_its_id(travels: bool, there: bool) -> None:
    """One that travels, as that of a test, need not be stored."""
    events: Any = {EVENT.id: EVENT} if there else {}

    context = context_of(replace(MESSAGE, event=EVENT if travels else None), None, HOOK, {}, events)

    assert (context.event if context else None) == (EVENT if travels or there else None)


def test_a_digest_whose_content_is_gone_tells_nothing_though_its_event_is_there() -> None:
    assert told(replace(MESSAGE, digest="0123456789abcdef", event=EVENT)) is None


def test_a_digest_is_told_as_one_notification_of_its_first_event() -> None:
    refund, login = happened(2)
    message, content = summary(
        f"{refund.id}-0123456789abcdef", [member(refund), member(login, rule="logins", severity=Severity.ALERT)]
    )
    there: Any = {each.id: each for each in (refund, login)}

    context = context_of(message, content, replace(HOOK, send_once=True), {}, there)

    assert context is not None and context.digest is not None
    assert context.notification == Notification(
        id=message.notification_id,
        severity=Severity.ALERT,
        body=context.digest.text(),
        hyperlink=None,
        hyperlink_label=None,
        event=login,
        rule="logins",
        user=ALICE,
        digest=context.digest.to_json(),
    )
    assert (context.event, context.rule, context.step, context.over) == (login, "logins", None, False)
    assert context.transport.send_once
    digest = context.digest
    assert (digest.id, digest.count, digest.since, digest.latest) == (message.delivery_id, 2, NOON, login.id)
    assert list(digest.severities.items()) == [(Severity.WARNING, 1), (Severity.ALERT, 1)]
    assert digest.counts == {
        "rules": {"refunds": 1, "logins": 1},
        "actions": {refund.action: 2},
        "apps": {refund.app: 2},
    }
    assert [(each.rule, each.severity, each.user) for each in digest.first] == [
        ("logins", Severity.ALERT, ALICE),
        ("refunds", Severity.WARNING, ALICE),
    ]


def test_a_digest_of_another_version_is_told_without_what_it_has_not() -> None:
    content: Any = {
        "since": "2026-03-01T12:00:00.000Z",
        "severities": {"warning": 2, "alert": "x"},
        "rules": ["refunds"],
        "first": [1, {"event_id": EVENT.id, "rule": "r", "severity": "warning", "remark": 7}],
    }

    context = told(replace(MESSAGE, digest="0123456789abcdef"), content)

    assert context is not None and context.digest is not None
    digest = context.digest
    assert (digest.count, digest.counts, digest.group) == (2, {"rules": {}, "actions": {}, "apps": {}}, {})
    assert (digest.latest, digest.over, digest.taken) == ("", False, False)
    assert [each.remark for each in digest.first] == [None]
    assert told(replace(MESSAGE, digest="0123456789abcdef"), {"since": content["since"], "first": 1}) is None


@pytest.mark.parametrize(
    ("again", "after", "late"),
    [(False, LATE, False), (False, LATE + timedelta(milliseconds=1), True), (True, LATE, True)],
)
def test_a_message_comes_late_where_it_is_sent_again_or_long_after_its_event(
    again: bool, after: timedelta, late: bool
) -> None:
    assert replace(MESSAGE, again=again).comes_late(NOON + after) == late


def test_a_transports_group_has_no_blanks() -> None:
    assert replace(MESSAGE, transport="on call now").group == "on_call_now"
