"""A notification as an e-mail: subject, HTML and text, in the recipient's language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from tocsin.notifications.context import COLOURS, RenderingContext
from tocsin.notifications.email.address import BadAddress, NoAddress, display_name, mail_address, mailbox
from tocsin.notifications.email.translations import Catalogue, Catalogues
from tocsin.notifications.model import Severity
from tocsin.notifications.text import cut, one_line, plain, units
from tocsin.times import iso
from tocsin.types import Json, JsonObject

__all__ = ["BadAddress", "MailMessage", "MailTemplates", "NoAddress", "mail_message"]

MAX_SUBJECT = 250
"""Characters. Nobody sees more than 80, and a header has its limits (RFC 5322, 2.1.1)."""
SUBJECT_BODY = 75
"""Characters of the body in a subject, where the event's action tells nothing."""
MAX_FACTS = 50
MAX_KEY = 100
MAX_VALUE = 1_000
MAX_FACTS_TOTAL = 8_000
"""Code units of all keys and values together. With all of them escaped, the HTML stays under the 102 KB after
which Gmail hides the rest."""
MAX_LABEL = 80
MAX_BODY = 1_000
MAX_PREHEADER = 150
MAX_HEADER = 995
"""Characters of a header's value (SES v2, MessageHeader)."""
MAX_TAG = 256
"""Characters of a tag's value (SES v2, MessageTag)."""

SEVERITY_LABELS = {Severity.NOTICE: "Notice", Severity.WARNING: "Warning", Severity.ALERT: "Alert"}

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

    The subject is the transport's prefix and the event's action, or the body's first 75 characters where the
    action tells nothing. Superusers are also told which rule and transport sent it. With `unsubscribe_url`
    (http or https, ASCII) the mail can be unsubscribed from with one click (RFC 8058).

    Raises NoAddress where there is nobody to mail, or BadAddress, one of them, where the address can't be
    used; ValueError for an `unsubscribe_url` that can't stand in a header.
    """
    if context.user is None:
        raise NoAddress("the notification is for nobody in particular")
    address = mail_address(context.user.email)
    catalogue = templates.catalogues.best(context.user.locale)
    shown = _shown(context, catalogue)
    return MailMessage(
        subject=_subject(context, catalogue),
        text=templates.text(shown, catalogue),
        html=templates.html(shown, catalogue),
        to_address=address,
        to_name=display_name(context.user.name),
        locale=catalogue.locale,
        tags={"rule": tag_value(context.rule), "severity": context.severity.value},
        headers={} if unsubscribe_url is None else _unsubscribe_headers(unsubscribe_url),
    )


def tag_value(text: str) -> str:
    """`text` as a tag's value: letters, digits, `_` and `-`, at most 256; any other character is a `-`."""
    return _NOT_IN_TAGS.sub("-", text)[:MAX_TAG] or "-"


def _subject(context: RenderingContext, catalogue: Catalogue) -> str:
    told = _title(context, catalogue) or one_line(context.notification.body)[:SUBJECT_BODY]
    # What spells an encoded word (RFC 2047) is shown as it stands, and not as what it says.
    return cut(one_line(context.transport.subject_prefix + told).replace("=?", "=\u200b?"), MAX_SUBJECT)


def _unsubscribe_headers(url: str) -> dict[str, str]:
    value = f"<{url}>"
    if len(value) > MAX_HEADER or not _UNSUBSCRIBE_URL.fullmatch(url):
        raise ValueError(f"an unsubscribe URL is http(s), ASCII, and at most {MAX_HEADER - 2} characters long")
    return {"List-Unsubscribe": value, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _shown(context: RenderingContext, catalogue: Catalogue) -> JsonObject:
    """What the templates show; they do no work but laying it out."""
    event, digest = context.event, context.digest
    body = context.notification.body if digest is None else digest.text(catalogue.gettext)
    body = cut(plain(body).strip(), MAX_BODY)
    facts, left_out = _facts(context, catalogue)
    title = _title(context, catalogue)
    link: Json = None
    if context.link is not None:
        label = one_line(context.notification.hyperlink_label or "") or catalogue.gettext("Show details")
        link = {"url": context.link, "label": cut(label, MAX_LABEL)}
    origin: Json = None
    if context.user is not None and context.user.superuser:
        origin = {"rule": context.rule, "transport": context.transport.name}
    return {
        "lang": catalogue.locale,
        "subject": _subject(context, catalogue),
        "preheader": cut(one_line(body), MAX_PREHEADER),
        "padding": _PREHEADER_PADDING,
        "brand": cut(one_line(event.brand) or "Tocsin", MAX_LABEL),
        "severity": {
            "label": catalogue.gettext(SEVERITY_LABELS[context.severity]),
            "colour": COLOURS[context.severity],
        },
        "action": cut(title, MAX_SUBJECT) if title else None,
        "body": body,
        "app": cut(one_line(event.app if digest is None else ", ".join(digest.counts.get("apps", {}))), MAX_LABEL),
        "time": iso(event.created if digest is None else digest.since).replace("T", " ")[:19] + " UTC",
        "facts": [*facts],
        "left_out": left_out,
        "link": link,
        "origin": origin,
    }


def _title(context: RenderingContext, catalogue: Catalogue) -> str | None:
    return context.action if context.digest is None else context.digest.title(catalogue.gettext)


def _facts(context: RenderingContext, catalogue: Catalogue) -> tuple[list[JsonObject], int]:
    """The key-value table, {key, value} each, and how many values of the event's context it leaves out."""
    user, event = context.user, context.event
    people = [("user_email", user.email if user else None), ("user_username", user.username if user else None)]
    if context.digest is None:
        people += [("event_user_email", event.user_email), ("event_user_username", event.username)]
    told = [(key, value) for key, value in people if value]
    told += context.string_values if context.digest is None else context.digest.facts(catalogue.gettext)
    facts: list[JsonObject] = []
    room = MAX_FACTS_TOTAL
    for key, value in told[:MAX_FACTS]:
        fact = _fact(key, value)
        room -= sum(map(units, fact.values()))
        if room < 0:
            break
        facts.append({**fact})
    return facts, len(told) - len(facts)


def _fact(key: str, value: str) -> dict[str, str]:
    return {"key": cut(one_line(key), MAX_KEY), "value": cut(plain(value).strip(), MAX_VALUE)}
