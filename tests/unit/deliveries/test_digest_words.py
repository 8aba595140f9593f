"""A digest from what waited to what its message says: which of it, whose rules, why it comes now, and what it is of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.rules.test_ruleset import event
from tocsin.deliveries.digest_store import SPARE, Member, summary
from tocsin.deliveries.model import DeliveryMessage
from tocsin.deliveries.rendering import context_of
from tocsin.events.model import Event
from tocsin.identity.directory import User
from tocsin.ids import new_id
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.digest import SHOWN, Digest
from tocsin.notifications.model import Severity
from tocsin.notifications.transport import NotificationTransport, TransportMode

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOOK = NotificationTransport(name="hook", mode=TransportMode.WEBHOOK, url="https://example.com/hook")
WEB_1 = {"context.host": "web-1"}


def happened(number: int) -> list[Event]:
    """Events, a minute apart."""
    return [
        event(id=new_id(NOON + timedelta(minutes=minute)), context={"message": f"refund {minute}"})
        for minute in range(number)
    ]


def member(told: Event, **fields: Any) -> Member:
    """What waits of an event for alice: fields of its message, and of what joined."""
    of_member = {name: fields.pop(name) for name in ("cause", "group", "is_taken") if name in fields}
    message: dict[str, Any] = {
        "event_id": told.id,
        "rule": "refunds",
        "severity": Severity.WARNING,
        "transport": "hook",
        "mode": "webhook",
        "user": User("alice", "alice@example.com"),
        "once": False,
    }
    known: dict[str, Any] = {"action": told.action, "app": told.app, "cause": "group"}
    return Member(DeliveryMessage(**message | fields), **known | of_member)


def told_of(members: list[Member], events: list[Event]) -> RenderingContext | None:
    """What the digest of these is told with, where these events are still there."""
    message, told = summary(f"{min(each.message.event_id for each in members)}-0123456789abcdef", members)
    there: Any = {each.id: each for each in events}
    return context_of(message, told, HOOK, {}, there)


def digest_of(members: list[Member], events: list[Event]) -> Digest:
    context = told_of(members, events)
    assert context is not None and context.digest is not None
    return context.digest


@pytest.mark.parametrize("cause", ["group", "quiet_hours", "digest"])
def test_its_message_says_why_all_of_it_comes_now_and_which_rule_each_is_of(cause: str) -> None:
    refund, login = happened(2)
    members = [member(refund, cause=cause), member(login, cause=cause, rule="logins", severity=Severity.NOTICE)]

    digest = digest_of(members, [refund, login])

    why = {
        "group": "What came together: ",
        "quiet_hours": "What came in your quiet hours: ",
        "digest": "What came since your last digest: ",
    }
    assert digest.text().splitlines() == [
        f"{why[cause]}1 warning, 1 notice.",
        "• warning: refund 0 (refunds)",
        "• notice: refund 1 (logins)",
    ]
    assert (digest.cause, digest.group, digest.over, digest.taken) == (cause, {}, False, False)


@pytest.mark.parametrize(("is_over", "is_last"), [(False, True), (True, False), (True, True)])
def test_what_is_told_together_has_its_values_and_is_over_where_the_latest_says_so(
    is_over: bool, is_last: bool
) -> None:
    first, second = happened(2)
    members = [
        member(first, group=WEB_1, about="a" * 32, over=is_over and not is_last),
        member(second, group=WEB_1, about="a" * 32, over=is_over and is_last),
    ]

    context = told_of(members, [first, second])

    assert context is not None and context.digest is not None
    over = is_over and is_last
    assert (context.digest.group, context.digest.over, context.over) == (WEB_1, over, over)
    assert (context.about, context.digest.latest) == ("a" * 32, second.id)


def test_what_waited_for_other_reasons_is_not_over_by_the_end_of_one_matter() -> None:
    first, second = happened(2)

    digest = digest_of([member(first), member(second, over=True)], [first, second])

    assert (digest.over, digest.group) == (False, {})


@pytest.mark.parametrize(("taken", "severity"), [(2, Severity.NOTICE), (1, Severity.ALERT)])
def test_it_is_taken_where_nobody_needs_to_act_on_anything_in_it(taken: int, severity: Severity) -> None:
    events = happened(2)
    members = [member(each, severity=Severity.ALERT, is_taken=number < taken) for number, each in enumerate(events)]

    context = told_of(members, events)

    assert context is not None and context.digest is not None
    assert (context.digest.taken, context.severity) == (taken == 2, severity)


def test_it_shows_the_first_that_are_still_there_and_counts_the_others() -> None:
    events = happened(SHOWN + 4)
    gone, there = events[:2], events[2:]
    members = [member(each, remark="3 more held back" if each is there[0] else None) for each in events]

    digest = digest_of(members, there)

    assert [each.event.id for each in digest.first] == [each.id for each in there[:SHOWN]]
    assert digest.count == len(events)
    assert digest.text().splitlines()[1] == "• warning: refund 2 (3 more held back) (refunds)"
    assert digest.text().splitlines()[-1] == f"and {len(events) - SHOWN} more"
    assert {each.id for each in gone}.isdisjoint(each.event.id for each in digest.first)


def test_nothing_is_told_where_none_of_it_is_there_any_more() -> None:
    events = happened(2)

    assert told_of([member(each) for each in events], []) is None


def test_it_remembers_some_in_place_of_those_that_may_be_gone_the_most_severe_first() -> None:
    events = happened(SPARE + 3)
    members = [member(each, severity=Severity.NOTICE) for each in events]
    members[-1] = replace(members[-1], message=replace(members[-1].message, severity=Severity.ALERT))

    _, told = summary(f"{events[0].id}-0123456789abcdef", members)

    first: Any = told["first"]
    assert [each["event_id"] for each in first] == [events[-1].id, *(each.id for each in events[: SPARE - 1])]


def test_it_counts_the_most_frequent_names_alone() -> None:
    events = happened(30)
    members = [member(each, rule=f"rule-{number % 12}") for number, each in enumerate(events)]

    _, told = summary(f"{events[0].id}-0123456789abcdef", members)

    rules: Any = told["rules"]
    assert list(rules.values()) == [3] * 6 + [2] * 4


def test_it_tells_how_many_of_what_since_when_and_its_message_is_the_most_severes() -> None:
    refund, login, late = happened(3)
    members = [
        member(late, cause="digest", user=User("alice", "new@example.com"), mode="webhook_slack"),
        member(login, cause="digest", rule="logins", severity=Severity.ALERT, about="a" * 32, remark="held back"),
        member(refund, cause="quiet_hours"),
    ]
    digest_id = f"{refund.id}-0123456789abcdef"

    message, told = summary(digest_id, members)

    assert told == {
        "count": 3,
        "cause": "digest",
        "since": "2026-03-01T12:00:00.000Z",
        "severities": {"warning": 2, "alert": 1},
        "rules": {"refunds": 2, "logins": 1},
        "actions": {refund.action: 3},
        "apps": {refund.app: 3},
        "first": [
            {"event_id": login.id, "rule": "logins", "severity": "alert", "remark": "held back"},
            {"event_id": refund.id, "rule": "refunds", "severity": "warning", "remark": None},
            {"event_id": late.id, "rule": "refunds", "severity": "warning", "remark": None},
        ],
        "latest": late.id,
    }
    assert message == DeliveryMessage(
        event_id=refund.id,
        rule="logins",
        severity=Severity.ALERT,
        transport="hook",
        mode="webhook_slack",
        user=User("alice", "new@example.com"),
        once=False,
        digest="0123456789abcdef",
    )
    assert (message.again, message.delivery_id) == (True, digest_id)


def test_what_is_told_together_and_taken_says_so_and_is_a_notice() -> None:
    (refund,) = happened(1)
    of_group = member(refund, group=WEB_1, about="a" * 32, over=True, is_taken=True, severity=Severity.ALERT)

    message, told = summary(f"{refund.id}-0123456789abcdef", [of_group])

    assert {name: told.get(name) for name in ("group", "over", "taken")} == {
        "group": WEB_1,
        "over": True,
        "taken": True,
    }
    assert (message.severity, message.about) == (Severity.NOTICE, "a" * 32)
