"""What a message says before any service's form."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.notifications.test_context import HAPPENED, rendering_context
from tocsin.ids import new_id
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.model import Severity
from tocsin.notifications.presets import Kind, Told
from tocsin.notifications.rule_words import RuleWords


def later(minutes: int, severity: Severity = Severity.WARNING, action: str = "login_failed") -> RenderingContext:
    context = rendering_context(severity=severity, body=f"the {minutes}th failed", action=action)
    event = replace(context.event, id=new_id(HAPPENED + timedelta(minutes=minutes)))
    return replace(context, event=event)


def test_an_event_is_told_with_what_is_known_of_it() -> None:
    told = Told.of(rendering_context(), "d-1")

    assert (told.kind, told.title, told.count) == (Kind.EVENT, "Login failed", 1)
    assert told.text == "mallory failed to log in from 10.0.0.1: wrong password"
    assert told.facts[:-1] == (
        ("Severity", "Alert"),
        ("App", "payroll"),
        ("When", "2026-03-01 12:00:00 UTC"),
        ("E-mail", "mallory@example.com"),
        ("What to do next", "If this goes on, lock the account or block the address."),
        ("Why", "For alice: rule “failed logins” fired."),
        ("Action", "login_failed"),
    )
    assert told.facts[-1][0] == "Event ID"


def test_a_rules_words_and_runbook_are_told() -> None:
    own = RuleWords(title="x", body="y", runbook="https://wiki.example.com/logins", group="oncall")
    context = replace(rendering_context(body="Look"), own=own, title="Payroll!", console="https://api.example.com/c")

    told = Told.of(context, "d-1")

    assert (told.title, told.text, told.link, told.link_label) == (
        "Payroll!",
        "Look",
        "https://wiki.example.com/logins",
        "Runbook",
    )


def test_where_a_rule_says_it_in_its_own_words_it_is_theirs_to_say_what_to_do_next() -> None:
    context = replace(rendering_context(body="Lock the account"), own=RuleWords(body="Lock the account"))

    told = Told.of(context, "d-1")

    assert told.text == "Lock the account"
    assert {"Why", "Severity"} <= dict(told.facts).keys()
    assert "What to do next" not in dict(told.facts)


@pytest.mark.parametrize(
    ("action", "title"),
    [("custom_order_refunded", "Order refunded"), ("login", "Login"), ("custom_", ""), ("custom_Ärger", "Ärger")],
)
def test_the_title_is_the_action_in_words(action: str, title: str) -> None:
    assert Told.of(rendering_context(action=action), "d-1").title == title


def test_a_message_without_a_title_is_called_by_its_text() -> None:
    assert Told.of(rendering_context(action="custom_", body="a\nb"), "d-1").free["title"] == "a b"


def test_nothing_is_told_twice() -> None:
    context = rendering_context(
        {"message": "too many", "hyperlink": "https://a.example/", "hyperlink_label": "Look", "note": "x"}, body=None
    )

    told = Told.of(context, "d-1")

    assert (told.text, told.link, told.link_label) == ("too many", "https://a.example/", "Look")
    assert [value for _, value in told.facts].count("x") == 1
    assert not {"too many", "https://a.example/", "Look"} & {value for _, value in told.facts}


def test_all_who_are_told_of_an_event_by_a_rule_are_told_by_one_key() -> None:
    context = rendering_context()

    assert Told.of(context, "d-1").key == Told.of(replace(context, user=None), "d-2").key
    assert Told.of(replace(context, rule="another"), "d-1").key != Told.of(context, "d-1").key


def test_an_address_that_could_not_be_determined_is_no_fact() -> None:
    context = rendering_context()
    unknown = replace(context, event=replace(context.event, client_ip="255.255.255.255"))

    assert "From" not in dict(Told.of(unknown, "d-1").facts)


def test_several_events_are_told_by_their_number_the_first_few_and_what_they_have_in_common() -> None:
    contexts = [later(1), later(3, Severity.ALERT), later(2)]

    told = Told.of_several(contexts, key="g", message_id="d-1", count=1_234, breakdown=[("mallory", 1_200)])

    assert (told.kind, told.key, told.title) == (Kind.GROUP, "g", "1,234 × Login failed")
    assert told.severity is Severity.ALERT
    assert told.created == HAPPENED + timedelta(minutes=3)
    assert told.facts == (("mallory", "1,200"),)
    assert told.lines[0] == "2026-03-01 12:01:00 UTC the 1th failed"
    assert told.left_out == 1_231


def test_events_of_several_actions_are_called_events() -> None:
    told = Told.of_several([later(1), later(2, action="logout")], key="g", message_id="d-1", count=2)

    assert (told.title, told.left_out) == ("2 × Events", 0)


def test_an_end_is_told_by_the_key_of_what_it_ends() -> None:
    told = Told.of_end(rendering_context(action="custom_service_up"), key="g", message_id="d-2")

    assert (told.kind, told.key, told.title) == (Kind.RESOLVE, "g", "Over: Service up")
