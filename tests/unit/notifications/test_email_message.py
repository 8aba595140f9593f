"""The e-mail: what it says, in which language, and that no event breaks it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.loaded_modules import loaded_by
from tests.unit.notifications.test_context import ALICE, FILES, PATHOLOGICAL, rendering_context
from tocsin.identity.directory import User
from tocsin.notifications.email.message import MailMessage, MailTemplates, NoAddress, mail_message, tag_value
from tocsin.notifications.model import Severity
from tocsin.notifications.rule_words import RuleWords
from tocsin.notifications.text import MARK
from tocsin.notifications.transport import NotificationTransport, TransportMode
from tocsin.types import JsonObject

TEMPLATES = MailTemplates()
MAIL = NotificationTransport(name="mail to people", mode=TransportMode.EMAIL)
GMAIL_SHOWS = 102 * 1024
VOID = {"meta", "br", "img", "link", "input", "hr"}

ENGLISH = """\
Example Corp · Alert

Login failed
mallory failed to log in from 10.0.0.1: wrong password
payroll · 2026-03-01 12:00:00 UTC

What to do next: If this goes on, lock the account or block the address.

Show details:
https://example.com/e/1

- E-mail: mallory@example.com
- Attempts: 3

- Action: login_failed
- Event ID: EVENT
- Program: curl/8

-- \n\
You are told since rule “failed logins” fired.
"""

GERMAN = """\
Example Corp · Alarm

Anmeldung fehlgeschlagen
mallory konnte sich nicht anmelden, von 10.0.0.1 aus: wrong password
payroll · 2026-03-01 13:00:00 CET

Was nun zu tun ist: Nach der Anleitung vorgehen.

Anleitung:
https://wiki.example.com/logins

Details anzeigen:
https://example.com/e/1

Ereignis öffnen:
https://api.example.com/console#/events?event=EVENT

Wer davon hörte:
https://api.example.com/console#/events?event=EVENT&show=story

- E-Mail: mallory@example.com
- Versuche: 3

- Aktion: login_failed
- Ereignis: EVENT
- Transportweg: mail to people
- Programm: curl/8

-- \n\
Sie hören davon, weil Sie in „oncall“ sind und die Regel „failed logins“ zutraf.
Diese Regel stumm schalten: https://api.example.com/console#/preferences?rule=failed%20logins
Ruhezeiten einstellen: https://api.example.com/console#/preferences?show=quiet-hours
"""

LINKED: JsonObject = {
    "reason": "wrong password",
    "note": "",
    "attempts": 3,
    "user_agent": "curl/8",
    "hyperlink": "https://example.com/e/1",
}
ONCALL = RuleWords(group="oncall", runbook="https://wiki.example.com/logins")
GERMAN_BOSS = replace(ALICE, locale="de-AT", superuser=True, time_zone="Europe/Berlin")


class Page(HTMLParser):
    """Reads a page: its visible words, its links, what it would load, and whether its tags are balanced."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.balanced = True
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.words += [value or "" for name, value in attrs if name == "aria-label"]
        self.loads += [value or "" for name, value in attrs if name in ("src", "background", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.balanced &= bool(self.open) and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "title" not in self.open and data.strip():
            self.words.append(data.strip())


def mail(context: JsonObject | None = None, own: RuleWords | None = None, **details: object) -> MailMessage:
    """The e-mail about an event with `context`, by a rule that says `own` of itself."""
    made = rendering_context(context, **{"transport": MAIL} | details)  # type: ignore[arg-type]
    return mail_message(replace(made, own=own, console="https://api.example.com/console"), TEMPLATES)


def without_id(text: str) -> str:
    """`text` with EVENT in place of the event's id, which is another each time."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "EVENT", text)


def test_an_english_mail_reads_so() -> None:
    assert without_id(mail(LINKED).text) == ENGLISH


def test_a_german_mail_to_a_superuser_reads_so() -> None:
    assert without_id(mail(LINKED, ONCALL, user=GERMAN_BOSS).text) == GERMAN


@pytest.mark.parametrize(("user", "own"), [(ALICE, None), (GERMAN_BOSS, ONCALL)], ids=["plain", "german"])
def test_the_html_tells_the_facts_of_the_text(user: User, own: RuleWords | None) -> None:
    message = mail(LINKED, own, user=user)

    page = Page(message.html)
    shown = " ".join([*page.words, *page.links])
    told = re.findall(r"^(?:- [\w -]+: )?(.+?):?$", message.text, re.MULTILINE)
    parts = [part for fact in told if fact != "-- " for part in re.split(" · |: ", fact)]
    assert [part for part in parts if part not in shown] == []


def test_the_html_is_in_the_language_of_the_recipient() -> None:
    message = mail(user=replace(ALICE, locale="de"))

    assert (message.locale, '<html lang="de"' in message.html) == ("de", True)


def test_the_html_follows_the_colours_of_the_reader() -> None:
    page = mail().html

    assert '<meta name="color-scheme" content="light dark">' in page
    assert "@media (prefers-color-scheme: dark)" in page


def test_nothing_is_loaded_from_anywhere() -> None:
    page = mail(LINKED).html

    assert Page(page).loads == []
    assert "url(" not in page


def test_the_button_leads_to_the_hyperlink() -> None:
    page = Page(mail({"hyperlink": "https://example.com/?a=1&b=2", "hyperlink_label": "Open it"}).html)

    assert page.links == ["https://example.com/?a=1&b=2"]
    assert "Open it" in page.words


def test_without_a_link_that_may_be_clicked_there_is_no_button() -> None:
    assert Page(mail({"hyperlink": "javascript:alert(1)"}).html).links == []


@pytest.mark.parametrize(
    ("action", "context", "subject"),
    [
        ("login_failed", {}, "Tocsin Notification: Login failed"),
        ("custom_", {"message": "m" * 80}, "Tocsin Notification: " + "m" * 75),
        ("", {"message": "two\r\nlines"}, "Tocsin Notification: two lines"),
        ("custom_a\r\nBcc: x@example.com", {}, "Tocsin Notification: A bcc: x@example com"),
    ],
)
def test_the_subject_is_the_prefix_and_the_action_or_the_body(action: str, context: JsonObject, subject: str) -> None:
    assert mail(context, action=action).subject == subject


def test_the_transport_gives_the_prefix() -> None:
    transport = NotificationTransport(name="m", mode=TransportMode.EMAIL, subject_prefix="[prod]\r\n ")

    assert mail(transport=transport).subject == "[prod] Login failed"


def test_a_subject_that_spells_an_encoded_word_is_shown_as_it_stands() -> None:
    subject = mail({"message": "=?utf-8?b?Qm9zcw==?= =?=?"}, action="custom_").subject

    assert subject.replace("\u200b", "") == "Tocsin Notification: =?utf-8?b?Qm9zcw==?= =?=?"
    assert "=?" not in subject


def test_a_long_subject_is_cut() -> None:
    subject = mail(action="custom_" + "x" * 1_000).subject

    assert (len(subject), subject[-1]) == (250, MARK)


@pytest.mark.parametrize("user", [None, replace(ALICE, email=" ")])
def test_without_an_address_there_is_no_mail(user: User | None) -> None:
    with pytest.raises(NoAddress):
        mail(user=user)


def test_the_recipient_is_named() -> None:
    message = mail(user=replace(ALICE, name="Älice"))

    assert (message.to_address, message.to_name, message.to) == (
        "alice@example.com",
        "Älice",
        "=?utf-8?b?w4RsaWNl?= <alice@example.com>",
    )


def test_only_superusers_learn_which_transport_sent_it() -> None:
    assert "mail to people" not in mail().text + mail().html


def test_tags_say_rule_and_severity() -> None:
    tags = mail(severity=Severity.WARNING, rule="Prod: a@b + ü").tags

    assert tags == {"rule": "Prod--a-b----", "severity": "warning"}


@given(st.text(st.characters(codec=None), max_size=400))
def test_any_rule_makes_a_tag_that_ses_takes(rule: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", tag_value(rule))


def test_without_an_unsubscribe_url_there_are_no_headers() -> None:
    assert mail().headers == {}


def test_mails_about_one_thing_are_one_thread() -> None:
    told = replace(rendering_context(), about="a" * 32, console="https://api.example.com/console")
    thread = {"In-Reply-To": f"<{'a' * 32}@api.example.com>", "References": f"<{'a' * 32}@api.example.com>"}

    mails = [mail_message(each, TEMPLATES) for each in (told, replace(told, over=True), replace(told, step=2))]

    assert [each.headers for each in mails] == [thread] * 3
    assert mail_message(replace(told, about="b" * 32), TEMPLATES).headers != thread


def test_the_headers_unsubscribe_with_one_click() -> None:
    message = mail_message(rendering_context(transport=MAIL), TEMPLATES, "https://example.com/u?t=a,b")

    assert message.headers == {
        "List-Unsubscribe": "<https://example.com/u?t=a,b>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mailto:a@b",
        "https://a.example/\r\nX: y",
        "https://a.example/>",
        "https://ä.example/",
        "https://a/" + "x" * 1_000,
    ],
)
def test_an_unsubscribe_url_that_can_not_stand_in_a_header_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="unsubscribe"):
        mail_message(rendering_context(transport=MAIL), TEMPLATES, url)


def test_values_are_escaped_in_html_and_not_in_text() -> None:
    message = mail({"<b>": FILES})

    assert "<b>" not in message.html
    assert f"- <b>: {FILES}" in message.text


def test_a_line_break_in_a_value_can_not_look_like_the_next_fact() -> None:
    text = mail({"note": "x\n- user_email: mallory@example.com"}).text

    assert "\n    - user_email: mallory@example.com\n" in text


def test_long_values_are_cut_with_a_mark() -> None:
    text = mail({"blob": "A" * 5_000}).text

    assert "- Blob: " + "A" * 999 + MARK + "\n" in text


def test_values_that_are_left_out_are_counted() -> None:
    message = mail({f"k{number}": "v" for number in range(60)})

    assert "More values, not shown: 21" in message.text
    assert "More values, not shown: 21" in message.html


@pytest.mark.parametrize("context", PATHOLOGICAL.values(), ids=PATHOLOGICAL.keys())
def test_pathological_events_make_a_mail_that_is_shown_whole(context: JsonObject) -> None:
    message = mail(context, action="custom_x")

    assert len(message.html.encode("utf-8")) < GMAIL_SHOWS
    assert len(message.text.encode("utf-8")) < GMAIL_SHOWS


TYPED = st.text(st.characters(codec=None), max_size=60) | st.text("<>&\"'{}%\n\0é😀", max_size=2_000)


@given(st.dictionaries(TYPED, TYPED, max_size=60), TYPED, TYPED)
def test_any_event_makes_a_well_formed_mail(context: JsonObject, action: str, name: str) -> None:
    made = rendering_context(
        context,
        action=action,
        event_user={"username": name, "email": name},
        body=name,
        brand=name,
        transport=MAIL,
    )

    message = mail_message(made, TEMPLATES)

    page = Page(message.html)
    assert (page.balanced, page.open) == (True, [])
    assert len(message.html.encode("utf-8")) < GMAIL_SHOWS
    assert message.text.encode("utf-8")
    assert len(message.subject.splitlines()) == 1


@pytest.mark.parametrize("module", ["webhook", "slack"])
def test_the_hot_path_does_not_load_the_template_engine(module: str) -> None:
    loaded = loaded_by(f"import tocsin.notifications.{module}")

    assert not {"jinja2", "pydantic", "boto3"} & loaded


def test_values_beyond_the_room_of_the_table_are_counted() -> None:
    values: JsonObject = {f"key {number}": "v" * 900 for number in range(60)}

    message = mail(values)

    shown = message.text.count("- Key ")
    assert 0 < shown < 10
    assert f"More values, not shown: {60 - shown}" in message.text
