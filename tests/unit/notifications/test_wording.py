"""What a notification says in words: who, what, from where, when, what next, why one is told; and nothing twice."""

from dataclasses import replace

import pytest

from tests.unit.notifications.test_context import ALICE, rendering_context
from tocsin.events.model import EventAction
from tocsin.events.sentences import SENTENCES
from tocsin.identity.directory import User
from tocsin.notifications.actions import ACTIONS
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.labels import in_words
from tocsin.notifications.model import Severity
from tocsin.notifications.rule_words import RuleWords
from tocsin.notifications.translations import ENGLISH, Catalogues
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.notifications.wording import Words, words_of
from tocsin.types import JsonObject

CONSOLE = "https://api.example.com/console"
CATALOGUES = Catalogues.packaged()
LANGUAGES = sorted(CATALOGUES.locales)
REFUND: JsonObject = {
    "order_id": 4711,
    "amount": "49.90 EUR",
    "customer": {"name": "Bob Baker", "pk": 12},
    "express": True,
    "reasons": ["late", "broken"],
    "lines": [{"sku": "a"}, {"x": 1}],
    "user_email": "mallory@example.com",
    "trace_id": "abc",
    "checkout": "0195f2a1-7b3c-7000-8000-000000000001",
}


def words(
    context: JsonObject | None = None,
    *,
    own: RuleWords | None = None,
    channel: bool = False,
    locale: str = "en",
    title: str | None = None,
    **details: object,
) -> Words:
    """The words about an event with `context`, by a rule that says `own` of itself."""
    made: RenderingContext = rendering_context(context, **details)  # type: ignore[arg-type]
    return words_of(replace(made, own=own, console=CONSOLE, title=title), CATALOGUES.best(locale), channel=channel)


def facts(told: Words) -> list[tuple[str, str]]:
    return [(fact.label, fact.value) for fact in told.facts]


def test_each_action_has_a_title_what_to_do_next_and_a_sentence() -> None:
    assert ACTIONS.keys() == SENTENCES.keys() == set(EventAction)


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("action", [*EventAction, "custom_order_refunded"])
@pytest.mark.parametrize("context", [{}, {"name": "x", "reason": "y", "to": "z"}], ids=["nothing", "something"])
def test_whatever_happened_it_is_told_in_words(action: str, context: JsonObject, locale: str) -> None:
    told = words(context, action=action, locale=locale)

    labels = [fact.label for fact in told.facts]
    shown = [told.title or "", told.text, told.advice or "", told.why, told.severity, *labels]
    assert not [text for text in shown if not text or "%(" in text or "None" in text or "_" in text]
    assert told.text[0] == told.text[0].upper() or told.text.startswith("mallory")


def test_an_applications_own_event_reads_so() -> None:
    told = words(REFUND, action="custom_order_refunded")

    assert (told.title, told.text) == ("Order refunded", "By mallory in payroll from 10.0.0.1")
    assert facts(told) == [
        ("E-mail", "mallory@example.com"),
        ("Order ID", "4711"),
        ("Amount", "49.90 EUR"),
        ("Customer", "Bob Baker"),
        ("Express", "yes"),
        ("Reasons", "late, broken"),
    ]


def test_what_is_technical_stands_last() -> None:
    told = words(REFUND | {"http_request": {"method": "POST", "path": "/x", "user_agent": "curl"}}, action="custom_a")

    assert [fact.label for fact in told.technical] == ["Action", "Event ID", "Trace", "Checkout", "Request", "Program"]
    assert told.technical[4].value == "POST /x"


def test_nothing_is_said_twice() -> None:
    told = words(
        {"reason": "wrong password", "username": "mallory", "user_email": "MALLORY@example.com", "ip": "10.0.0.1"}
    )

    assert told.text == "mallory failed to log in from 10.0.0.1: wrong password"
    assert facts(told) == [("E-mail", "mallory@example.com")]


def test_a_producers_message_stands_as_it_is_and_what_it_does_not_say_below() -> None:
    told = words({"message": "Too many attempts", "reason": "wrong password"})

    assert (told.title, told.text, told.app) == ("Login failed", "Too many attempts", "payroll")
    assert facts(told) == [
        ("Person", "mallory (mallory@example.com)"),
        ("From", "10.0.0.1"),
        ("Reason", "wrong password"),
    ]


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"method": "GET", "path": "/a"}, "GET /a"),
        ({"path": "/a"}, "/a"),
        ({"method": "GET"}, None),
        ({"method": "GET", "path": ""}, None),
    ],
)
def test_a_request_is_told_by_its_path(request_: JsonObject, told: str | None) -> None:
    technical = {fact.label: fact.value for fact in words({"http_request": request_}).technical}

    assert technical.get("Request") == told


def test_the_place_is_told_where_it_is_known() -> None:
    geo: JsonObject = {"geo": {"city": "Berlin", "country": "DE", "lat": 52.5}, "asn": {"as_org": "Example Telecom"}}

    told = words(geo, action="logout")

    assert told.text == "mallory logged out from 10.0.0.1 (Berlin, DE)"
    assert ("Network", "Example Telecom") in facts(told)


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        ("", "2026-03-01 12:00:00 UTC"),
        ("Europe/Berlin", "2026-03-01 13:00:00 CET"),
        ("Asia/Kolkata", "2026-03-01 17:30:00 IST"),
        ("Mars/Olympus", "2026-03-01 12:00:00 UTC"),
    ],
)
def test_a_person_reads_the_time_of_their_own_zone(zone: str, time: str) -> None:
    user = replace(ALICE, time_zone=zone)

    assert (words(user=user).time, words(user=user, channel=True).time) == (time, "2026-03-01 12:00:00 UTC")


def test_the_colour_and_the_label_tell_the_severity() -> None:
    assert {(words(severity=level).severity, words(severity=level).colour) for level in Severity} == {
        ("Notice", "#2f6fb2"),
        ("Warning", "#9a6700"),
        ("Alert", "#c53030"),
    }


def chat(*, once: bool) -> NotificationTransport:
    return NotificationTransport(name="chat", mode=TransportMode.WEBHOOK_SLACK, send_once=once)


@pytest.mark.parametrize(
    ("own", "user", "why"),
    [
        (None, ALICE, "You are told since rule “failed logins” fired."),
        (RuleWords(group="oncall"), ALICE, "You are told since you are in “oncall” and rule “failed logins” fired."),
        (
            RuleWords(group="oncall", event_user=True),
            User("mallory"),
            "You are told since it is about you and rule “failed logins” fired.",
        ),
        (
            RuleWords(group="oncall", event_user=True),
            replace(ALICE, pk="7"),
            "You are told since it is about you and rule “failed logins” fired.",
        ),
    ],
    ids=["no rule", "group", "name", "pk"],
)
def test_a_person_reads_why_they_are_told(own: RuleWords | None, user: User, why: str) -> None:
    assert words(own=own, user=user).why == why


@pytest.mark.parametrize(
    ("once", "user", "why"),
    [
        (True, ALICE, "For “oncall”: rule “failed logins” fired."),
        (False, ALICE, "For alice, who is in “oncall”: rule “failed logins” fired."),
        (False, None, "For “oncall”: rule “failed logins” fired."),
    ],
)
def test_a_channel_reads_for_whom_it_is(once: bool, user: User | None, why: str) -> None:
    told = words(own=RuleWords(group="oncall"), user=user, transport=chat(once=once), channel=True)

    assert told.why == why


def test_links_lead_to_the_runbook_the_producers_page_the_event_and_its_story() -> None:
    own = RuleWords(group="oncall", runbook="https://wiki.example.com/logins")
    told = words({"hyperlink": "https://example.com/e/1", "hyperlink_label": "Look"}, own=own)

    page = f"{CONSOLE}#/events?event={told.technical[1].value}"
    assert [(link.label, link.url) for link in told.links] == [
        ("Runbook", "https://wiki.example.com/logins"),
        ("Look", "https://example.com/e/1"),
        ("Open the event", page),
        ("Who was told", f"{page}&show=story"),
    ]
    assert told.advice == "Follow the runbook."


def test_links_lead_to_where_one_hears_less() -> None:
    own = RuleWords(group="oncall")

    assert [link.url for link in words(own=own, rule="a&b c").settings] == [
        f"{CONSOLE}#/preferences?rule=a%26b%20c",
        f"{CONSOLE}#/preferences?show=quiet-hours",
    ]
    assert [link.label for link in words(own=replace(own, can_be_muted=False)).settings] == ["Set quiet hours"]
    assert words(own=own, transport=chat(once=True), channel=True).settings == ()


def test_a_test_that_is_stored_nowhere_has_no_links() -> None:
    assert (words().links, words().settings) == ((), ())


def test_a_rules_title_stands_in_place_of_the_actions() -> None:
    assert words(title="Payroll is\nunder attack").title == "Payroll is under attack"


def test_a_body_that_was_rewritten_stands_in_place_of_the_sentence() -> None:
    told = words(body="Something else", own=RuleWords(body="Something else"))

    assert (told.text, told.advice) == ("Something else", None)
    assert ("Person", "mallory (mallory@example.com)") in facts(told)


def test_a_remark_stands_behind_the_sentence_in_every_language() -> None:
    made = rendering_context({}, action="logout")
    remarked = replace(made, notification=made.notification.with_remark("and 3 more held back"))

    assert words_of(remarked, ENGLISH).text == "mallory logged out from 10.0.0.1 (and 3 more held back)"
    assert words_of(remarked, CATALOGUES.best("de")).text.endswith(" (und 3 weitere zurückgehalten)")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("order_refunded", "Order refunded"),
        ("orderRefunded", "Order refunded"),
        ("order-id", "Order ID"),
        ("host.name", "Host name"),
        ("HTTPStatus", "HTTP status"),
        ("AWS_region", "AWS region"),
        ("clientIp", "Client IP"),
        ("größe", "Größe"),
        ("__", ""),
    ],
)
def test_a_name_of_programs_is_put_into_words(name: str, said: str) -> None:
    assert in_words(name) == said
