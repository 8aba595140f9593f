"""What SES reports of mail that it took, in each shape that it documents, through the function itself."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.delivery_world import World
from tocsin.notifications.email.suppressions import Suppressions

type Load = Callable[[str], dict[str, Any]]
type Event = dict[str, Any]

ALICE = {"emailAddress": "alice@example.com"}


@pytest.fixture
def stops(world: World) -> Suppressions:
    return Suppressions(world.stack.dynamodb, "deliveries")


@pytest.fixture
def told(world: World, load: Load) -> Callable[..., int]:
    """How many addresses the function stops when it is told a detail of that type."""

    def tell(event_type: object, **detail: object) -> int:
        event = load("feedback-bounce")
        event["detail"] = {"eventType": event_type, "mail": event["detail"]["mail"], **detail}
        return int(world.stack.call("feedback", event)["stopped"])

    return tell


def bounce(kind: object, sub_type: str = "General", *recipients: object) -> Event:
    return {"bounceType": kind, "bounceSubType": sub_type, "bouncedRecipients": list(recipients or (ALICE,))}


def complaint(**fields: object) -> Event:
    return {"complainedRecipients": [ALICE], "complaintSubType": None, **fields}


@pytest.mark.parametrize(
    ("sub_type", "said"),
    [
        ("General", "General"),
        ("NoEmail", "NoEmail"),
        ("Suppressed", "Suppressed"),
        ("OnAccountSuppressionList", "it is on SES's suppression list for this account"),
    ],
)
def test_a_permanent_bounce_stops_mail_and_says_why(
    told: Callable[..., int], stops: Suppressions, sub_type: str, said: str
) -> None:
    stopped = told("Bounce", bounce=bounce("Permanent", sub_type))

    stop = stops.get("alice@example.com")
    assert stopped == 1
    assert stop is not None and stop.reason == "bounced" and stop.detail.startswith(said)


def said(caplog: pytest.LogCaptureFixture, code: str) -> list[dict[str, Any]]:
    return [vars(line) for line in caplog.records if getattr(line, "code", None) == code]


def test_the_log_says_why_mail_was_stopped(told: Callable[..., int], caplog: pytest.LogCaptureFixture) -> None:
    told("Bounce", bounce=bounce("Permanent"))
    told("Complaint", complaint=complaint() | {"complainedRecipients": [{"emailAddress": "bob@example.com"}]})

    stopped = [(line["levelname"], line["reason"]) for line in said(caplog, "MAIL_STOPPED")]
    assert stopped == [("WARNING", "bounced"), ("WARNING", "complained")]


def test_the_log_says_of_what_kind_a_report_is_that_stops_nothing(
    told: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    told("Bounce", bounce=bounce("Transient", "MailboxFull"))
    told("Complaint", complaint=complaint(complaintFeedbackType="not-spam"))
    told("Delivery")
    told("Bounce", bounce=bounce("Transient", "x" * 90))
    told("x" * 90)

    kinds = ["Transient MailboxFull", "not-spam", "Delivery", f"Transient {'x' * 70}", "x" * 40]
    assert [line["kind"] for line in said(caplog, "MAIL_FEEDBACK")] == kinds


@pytest.mark.parametrize(
    ("known", "detail"),
    [
        ({"status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1\r\n user unknown"}, "smtp; 550 5.1.1 user unknown"),
        ({"status": "5.1.1"}, "5.1.1"),
        ({}, "General"),
    ],
)
def test_the_mail_systems_own_words_are_kept_else_its_code(
    told: Callable[..., int], stops: Suppressions, known: Event, detail: str
) -> None:
    told("Bounce", bounce=bounce("Permanent", "General", ALICE | {"action": "failed"} | known))

    stop = stops.get("alice@example.com")
    assert stop is not None and stop.detail == detail


def test_a_bounce_of_which_nothing_is_said_stops_mail_without_a_word(
    told: Callable[..., int], stops: Suppressions
) -> None:
    told("Bounce", bounce={"bounceType": "Permanent", "bouncedRecipients": [ALICE]})

    stop = stops.get("alice@example.com")
    assert stop is not None and stop.detail == ""


def test_an_event_says_which_address_is_stopped_and_why(told: Callable[..., int], world: World) -> None:
    told("Bounce", bounce=bounce("Permanent", "General", ALICE))

    (event,) = world.stack.events()

    assert event["action"] == "configuration_warning"
    assert event["context"]["address"] == "alice@example.com"
    assert event["context"]["message"] == "No more e-mail goes to alice@example.com: it bounced"
    assert event["cause"] == {"rule": None, "transport": None, "depth": 1}


def test_each_recipient_of_a_permanent_bounce_is_stopped(told: Callable[..., int], stops: Suppressions) -> None:
    others = {"emailAddress": "Bob@Example.com"}, {"emailAddress": "Carol <carol@example.com>"}

    stopped = told("Bounce", bounce=bounce("Permanent", "General", ALICE, *others))

    assert stopped == 3
    assert [stop.address for stop in stops.page(after=None, limit=9).items] == [
        "alice@example.com",
        "bob@example.com",
        "carol@example.com",
    ]


@pytest.mark.parametrize(
    ("kind", "sub_type"),
    [
        ("Undetermined", "Undetermined"),
        ("Transient", "General"),
        ("Transient", "MailboxFull"),
        ("Transient", "MessageTooLarge"),
        ("Transient", "CustomTimeoutExceeded"),
        ("Transient", "ContentRejected"),
        ("Transient", "AttachmentRejected"),
    ],
)
def test_a_bounce_that_may_pass_or_is_not_understood_stops_nothing(
    told: Callable[..., int], stops: Suppressions, kind: str, sub_type: str
) -> None:
    stopped = told("Bounce", bounce=bounce(kind, sub_type))

    assert (stopped, stops.get("alice@example.com")) == (0, None)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ""),
        ({"complaintFeedbackType": "abuse", "userAgent": "Example SesFeedback Loop"}, "abuse"),
        ({"complaintFeedbackType": "auth-failure"}, "auth-failure"),
        ({"complaintFeedbackType": "fraud"}, "fraud"),
        ({"complaintFeedbackType": "other"}, "other"),
        ({"complaintFeedbackType": "virus"}, "virus"),
        ({"complaintSubType": "OnAccountSuppressionList"}, "it is on SES's suppression list for this account"),
    ],
)
def test_a_complaint_stops_mail_with_or_without_a_word_of_what_kind(
    told: Callable[..., int], stops: Suppressions, fields: Event, said: str
) -> None:
    stopped = told("Complaint", complaint=complaint(**fields))

    stop = stops.get("alice@example.com")
    assert stopped == 1
    assert stop is not None and stop.reason == "complained" and stop.detail.partition(": ")[0] == said


def test_who_says_that_a_mail_is_no_spam_goes_on_getting_it(told: Callable[..., int], stops: Suppressions) -> None:
    stopped = told("Complaint", complaint=complaint(complaintFeedbackType="not-spam"))

    assert (stopped, stops.get("alice@example.com")) == (0, None)


@pytest.mark.parametrize(
    ("event_type", "detail"),
    [
        ("Send", {"send": {}}),
        ("Delivery", {"delivery": {"recipients": ["alice@example.com"], "smtpResponse": "250 ok"}}),
        ("Reject", {"reject": {"reason": "Bad content"}}),
        ("Open", {"open": {"userAgent": "Mozilla/5.0"}}),
        ("Click", {"click": {"link": "https://example.com"}}),
        ("Rendering Failure", {"failure": {"errorMessage": "no such attribute", "templateName": "t"}}),
        ("DeliveryDelay", {"deliveryDelay": {"delayType": "MailboxFull", "delayedRecipients": [ALICE]}}),
        ("Subscription", {"subscription": {"contactList": "l"}}),
        ("Something new", {}),
    ],
)
def test_all_else_that_ses_reports_stops_nothing(
    told: Callable[..., int], stops: Suppressions, event_type: str, detail: Event
) -> None:
    stopped = told(event_type, **detail)

    assert stopped == 0
    assert stops.page(after=None, limit=9).items == ()


@pytest.mark.parametrize(
    ("event_type", "detail"),
    [
        ("Bounce", {}),
        ("Bounce", {"bounce": None}),
        ("Bounce", {"bounce": "Permanent"}),
        ("Bounce", {"bounce": {"bounceType": "Permanent"}}),
        ("Bounce", {"bounce": bounce("Permanent", "General", "alice@example.com")}),
        ("Bounce", {"bounce": bounce("Permanent", "General", {"emailAddress": ""})}),
        ("Bounce", {"bounce": bounce("Permanent", "General", {"status": "5.1.1"})}),
        ("Complaint", {}),
        ("Complaint", {"complaint": {"complainedRecipients": [None]}}),
    ],
)
def test_what_is_not_as_documented_fails_and_is_kept_for_a_person_to_see(
    told: Callable[..., int], stops: Suppressions, event_type: str, detail: Event
) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        told(event_type, **detail)

    assert stops.page(after=None, limit=9).items == ()
