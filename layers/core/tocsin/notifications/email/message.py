"""A notification as an e-mail: subject, HTML and text, in the recipient's language."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from tocsin.notifications.context import RenderingContext
from tocsin.notifications.email.address import BadAddress, NoAddress, display_name, mail_address, mailbox
from tocsin.notifications.email.unsubscribe import HEADER, MAX_URL
from tocsin.notifications.text import cut, one_line, plain, units
from tocsin.notifications.translations import Catalogue, Catalogues
from tocsin.notifications.wording import Fact, Link, Words, words_of
from tocsin.records import dataclass
from tocsin.types import JsonObject

__all__ = ["BadAddress", "MailMessage", "MailTemplates", "NoAddress", "mail_message"]

MAX_SUBJECT = 250
"""Characters. Nobody sees more than 80, and a header has its limits (RFC 5322, 2.1.1)."""
SUBJECT_BODY = 75
"""Characters of the body in a subject, where the event's action tells nothing."""
MAX_FACTS = 40
MAX_TECHNICAL = 10
MAX_KEY = 100
MAX_VALUE = 1_000
MAX_FACTS_TOTAL = 6_500
MAX_TECHNICAL_TOTAL = 1_500
"""Code units of all keys and values together. With all of them escaped, the HTML stays under the 102 KB after
which Gmail hides the rest."""
MAX_LABEL = 80
MAX_BODY = 1_000
MAX_LINE = 400
"""Of the lines that Tocsin says itself, in which a rule or a group may have a long name."""
MAX_PREHEADER = 150
MAX_TAG = 256
"""Characters of a tag's value (SES v2, MessageTag)."""

_TEMPLATES = Path(__file__).parent / "templates"
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_-]")
_UNSUBSCRIBE_URL = re.compile(r"https?://[!#-;=?-~]+")
_PREHEADER_PADDING = "\u034f\u200c\u00a0" * 60
"""Invisible. Mail programs fill the preview line with what follows the preheader: the brand, the badge."""


@dataclass(frozen=True, slots=True)
class MailMessage:
    """An e-mail, ready for SES v2's SendEmail but for its sender.

    `tags` and `headers` are name → value, made of what SES takes.
    """

    subject: str
    text: str
    html: str
    to_address: str
    to_name: str
    locale: str
    tags: dict[str, str]
    headers: dict[str, str]

    @property
    def to(self) -> str:
        """`Name <address>` in ASCII, as ToAddresses wants it; other names are encoded (RFC 2047)."""
        return mailbox(self.to_name, self.to_address)


class MailTemplates:
    """The templates and translations, compiled and read once: make one when the function starts.

    Raises CatalogueError or jinja2.TemplateError where the package is damaged.
    """

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
        )
        self._html = environment.get_template("notification.html.j2")
        self._text = environment.get_template("notification.txt.j2")
        self.catalogues = Catalogues.packaged()

    def html(self, shown: JsonObject, catalogue: Catalogue) -> str:
        """The HTML of what `mail_message` shows."""
        return self._html.render(shown, _=catalogue.gettext)

    def text(self, shown: JsonObject, catalogue: Catalogue) -> str:
        """The same facts as text."""
        return self._text.render(shown, _=catalogue.gettext)


def mail_message(
    context: RenderingContext, templates: MailTemplates, unsubscribe_url: str | None = None
) -> MailMessage:
    """The e-mail that tells `context`'s user.

    The subject is the transport's prefix and the title, or the text's first 75 characters where the action tells
    nothing. Superusers are also told which transport sent it. Mails about one thing are one thread. With
    `unsubscribe_url` (http or https, ASCII) the mail can be unsubscribed from with one click (RFC 8058).

    Raises NoAddress where there is nobody to mail, or BadAddress, one of them, where the address can't be
    used; ValueError for an `unsubscribe_url` that can't stand in a header.
    """
    if context.user is None:
        raise NoAddress("the notification is for nobody in particular")
    address = mail_address(context.user.email)
    catalogue = templates.catalogues.best(context.user.locale)
    words = words_of(context, catalogue)
    shown = _shown(context, words)
    return MailMessage(
        subject=_subject(context, words),
        text=templates.text(shown, catalogue),
        html=templates.html(shown, catalogue),
        to_address=address,
        to_name=display_name(context.user.name),
        locale=catalogue.locale,
        tags={"rule": tag_value(context.rule), "severity": context.severity.value},
        headers=_thread_headers(context) | ({} if unsubscribe_url is None else _unsubscribe_headers(unsubscribe_url)),
    )


def tag_value(text: str) -> str:
    """`text` as a tag's value: letters, digits, `_` and `-`, at most 256; any other character is a `-`."""
    return _NOT_IN_TAGS.sub("-", text)[:MAX_TAG] or "-"


def _subject(context: RenderingContext, words: Words) -> str:
    told = words.title or one_line(words.text)[:SUBJECT_BODY]
    # What spells an encoded word (RFC 2047) is shown as it stands, and not as what it says.
    return cut(one_line(context.transport.subject_prefix + told).replace("=?", "=\u200b?"), MAX_SUBJECT)


def _thread_headers(context: RenderingContext) -> dict[str, str]:
    """Headers by which mail programs show all mails about one thing in one thread: the group, its steps and its end.

    All answer a message that nobody sent, since SES gives each mail a Message-ID of its own.
    https://docs.aws.amazon.com/ses/latest/dg/header-fields.html
    """
    if context.about is None:
        return {}
    first = f"<{context.about}@{urlsplit(context.console).hostname or 'tocsin'}>"
    return {"In-Reply-To": first, "References": first}


def _unsubscribe_headers(url: str) -> dict[str, str]:
    if len(url) > MAX_URL or not _UNSUBSCRIBE_URL.fullmatch(url):
        raise ValueError(f"an unsubscribe URL is http(s), ASCII, and at most {MAX_URL} characters long")
    return {HEADER: f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _shown(context: RenderingContext, words: Words) -> JsonObject:
    """What the templates show; they do no work but laying it out."""
    text = cut(plain(words.text).strip(), MAX_BODY)
    facts, facts_left = _taken(words.facts, MAX_FACTS, MAX_FACTS_TOTAL)
    technical, technical_left = _taken(words.technical, MAX_TECHNICAL, MAX_TECHNICAL_TOTAL)
    return {
        "lang": words.locale,
        "subject": _subject(context, words),
        "preheader": cut(one_line(text), MAX_PREHEADER),
        "padding": _PREHEADER_PADDING,
        "brand": cut(one_line(context.event.brand) or "Tocsin", MAX_LABEL),
        "severity": {"label": words.severity, "colour": words.colour},
        "title": cut(words.title, MAX_SUBJECT) if words.title else None,
        "text": text,
        "app": cut(words.app, MAX_LABEL),
        "time": words.time,
        "advice": words.advice,
        "facts": [*facts],
        "technical": [*technical],
        "left_out": facts_left + technical_left,
        "links": [*_links(words.links if words.acknowledge is None else (words.acknowledge, *words.links))],
        "why": cut(one_line(words.why), MAX_LINE),
        "settings": [*_links(words.settings)],
    }


def _links(links: tuple[Link, ...]) -> list[JsonObject]:
    return [{"label": cut(link.label, MAX_LABEL), "url": link.url} for link in links]


def _taken(facts: tuple[Fact, ...], most: int, room: int) -> tuple[list[JsonObject], int]:
    """At most `most` facts, {key, value} each, as long as there is `room` for them; and how many are left out."""
    taken: list[JsonObject] = []
    for fact in facts[:most]:
        shown = {"key": cut(one_line(fact.label), MAX_KEY), "value": cut(plain(fact.value).strip(), MAX_VALUE)}
        room -= sum(map(units, shown.values()))
        if room < 0:
            break
        taken.append({**shown})
    return taken, len(facts) - len(taken)
