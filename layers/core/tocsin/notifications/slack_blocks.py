"""The message of an incoming webhook of Slack as Block Kit.

What a person needs stands in blocks: the title as a header, the sentence, severity, application and time, which Slack
shows each reader in their own zone, and the link to acknowledge it by, where it is to be acknowledged. Facts, what to
do next, links and why one is told stand below, in an attachment with blocks of its own, which is what has a colour
(https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments). What outsiders typed is
`plain_text` where it stands alone, and else escaped in mrkdwn that is `verbatim`: it makes neither mentions nor links.

Links are text, not buttons: a button sends the app an interaction, even one with a URL, and the app of an incoming
webhook has nothing that takes it, so that Slack shows a warning beside it.

Limits, of the reference: 50 blocks a message, header 150, section's text 3,000, ten fields of 2,000 each, ten elements
in a context (https://docs.slack.dev/reference/block-kit/blocks). Of all texts together it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import batched

from tocsin.events.summary import Gettext
from tocsin.notifications.chat_text import (
    SLACK_ESCAPES,
    Dialect,
    Room,
    fitting_facts,
    fitting_row,
    language_of,
    username_of,
)
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.text import units
from tocsin.notifications.translations import Catalogues
from tocsin.notifications.wording import NEXT, Fact, Link, Words, words_of
from tocsin.types import Json, JsonObject

MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_FIELDS = 10
"""Of a section; there are two of them at most."""
MAX_FIELD = 2_000
MAX_VALUE = 1_000
MAX_LABEL = 75
MAX_ELEMENTS = 10
"""Of a context."""
MAX_ELEMENT = 2_100
"""Of a text in a context, for which the reference says 3,000: a link is at most 2,000 long."""
MAX_LINE = 300
MAX_FALLBACK = 300
MAX_FACTS = 20
MAX_TOTAL = 12_000

_DIALECT = Dialect(max_text=MAX_SECTION, max_total=MAX_TOTAL, escapes=SLACK_ESCAPES)
_PLAIN = Dialect(max_text=MAX_SECTION, max_total=MAX_TOTAL)


def blocks_body(context: RenderingContext, catalogues: Catalogues) -> JsonObject:
    """{text, username, icon_url (where the transport has one), blocks, attachments: [{color, fallback, blocks}]}.

    `text` is what notifications of phones show.
    """
    catalogue = language_of(context, catalogues)
    words = words_of(context, catalogue, channel=True)
    told = f"{words.severity}: {words.title}" if words.title else words.severity
    fallback = _DIALECT.line(f"{told} · {words.text}", MAX_FALLBACK)
    below = _below(words, catalogue.gettext)
    message: JsonObject = {
        "text": fallback,
        "username": username_of(context, discord=False),
        "blocks": [*_first(context, words)],
        "attachments": [{"color": words.colour, "fallback": fallback, "blocks": [*below]}],
    }
    if context.picture is not None:
        message["icon_url"] = context.picture
    return message


def _first(context: RenderingContext, words: Words) -> list[Json]:
    blocks: list[Json] = []
    if words.title:
        blocks.append({"type": "header", "text": _plain(_PLAIN.line(words.title, MAX_HEADER))})
    blocks.append({"type": "section", "text": _plain(_PLAIN.text(words.text, MAX_SECTION))})
    moment = context.event.created if context.digest is None else context.digest.since
    time = f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time_secs}}|{words.time}>"
    parts = [f"*{_DIALECT.line(words.severity, MAX_LABEL)}*"]
    parts += [_DIALECT.line(words.app, MAX_LABEL)] if words.app else []
    blocks.append(_context(" · ".join([*parts, time])))
    if words.acknowledge is not None:
        blocks += [_section(f"*{link}*") for link in _links((words.acknowledge,))]
    return blocks


def _below(words: Words, gettext: Gettext) -> list[Json]:
    why = [_DIALECT.line(words.why, MAX_LINE), *_links(words.settings)]
    technical = [_technical(fact) for fact in words.technical[:MAX_ELEMENTS]]
    lines = [f"*{gettext(NEXT)}:* {words.advice}"] if words.advice else []
    links = fitting_row(_links(words.links), MAX_SECTION - sum(map(units, lines)) - 1)
    go_on = "\n".join([*lines, links] if links else lines)
    last: list[Json] = [_section(go_on)] if go_on else []
    last.append(_context(*why))
    last += [_context(*technical)] if technical else []
    room = Room(MAX_TOTAL - sum(map(units, (words.text[:MAX_SECTION], go_on, *why, *technical))))
    chunks = batched(_fields(words.facts, room, gettext), MAX_FIELDS, strict=False)
    sections: list[Json] = [{"type": "section", "fields": [*chunk]} for chunk in chunks]
    return [*sections, *last]


def _fields(facts: tuple[Fact, ...], room: Room, gettext: Gettext) -> list[JsonObject]:
    """A field for each fact, at most MAX_FACTS; the last says how many are left out."""
    named = [(_unbold(fact.label), fact.value) for fact in facts]
    shown = fitting_facts(
        named, _DIALECT, room, slots=MAX_FACTS, max_label=MAX_LABEL, max_value=MAX_VALUE, gettext=gettext
    )
    return [_mrkdwn(f"*{label}*\n{said}") for label, said in shown]


def _technical(fact: Fact) -> str:
    return f"{_DIALECT.line(_unbold(fact.label), MAX_LABEL)}: {_DIALECT.line(fact.value, MAX_LINE)}"


def _unbold(label: str) -> str:
    """`label`, in which no asterisk of the event's own ends the bold."""
    return label.replace("*", "∗")


def _links(links: tuple[Link, ...]) -> Iterator[str]:
    """The links, but for those that there is no room for: a URL can't be cut."""
    for link in links[: MAX_ELEMENTS - 1]:
        made = f"<{link.url.replace('&', '&amp;')}|{_DIALECT.line(link.label.replace('|', '¦'), MAX_LABEL)}>"
        if units(made) <= MAX_ELEMENT:
            yield made


def _plain(text: str) -> JsonObject:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> JsonObject:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _section(text: str) -> JsonObject:
    return {"type": "section", "text": _mrkdwn(text)}


def _context(*texts: str) -> JsonObject:
    return {"type": "context", "elements": [_mrkdwn(text) for text in texts]}
