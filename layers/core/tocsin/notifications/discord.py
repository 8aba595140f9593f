"""The message of a Discord webhook: an embed.

The title leads to the first link, and the time is shown to each reader in their own zone. What outsiders typed is made
harmless where it would act (`chat_text`), and nobody is mentioned, whatever an event holds.

Limits: title 256, description 4,096, 25 fields of name 256 and value 1,024, footer 2,048, all texts of an embed
together 6,000 (https://discord.com/developers/docs/resources/message#embed-object-embed-limits).
"""

from __future__ import annotations

from tocsin.events.summary import Gettext
from tocsin.notifications.chat_text import (
    DISCORD_ACTS,
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
from tocsin.notifications.wording import NEXT, Link, Words, words_of
from tocsin.times import iso
from tocsin.types import Json, JsonObject

MAX_TITLE = 256
MAX_TEXT = 2_000
"""Of the sentence in the description; with it and everything else at its longest, the total still holds."""
MAX_FIELDS = 25
MAX_VALUE = 1_024
MAX_FOOTER = 600
MAX_TOTAL = 6_000
MAX_LABEL = 80
MAX_LINE = 150
MAX_TECHNICAL = 5
MAX_LINKS = 450
"""Of the links that lead on, and again of those to where one hears less."""

_DIALECT = Dialect(max_text=MAX_TEXT, max_total=MAX_TOTAL, acting=DISCORD_ACTS)


def embed_body(context: RenderingContext, catalogues: Catalogues) -> JsonObject:
    """{username, avatar_url (where the transport has one), allowed_mentions, embeds: [one]}."""
    catalogue = language_of(context, catalogues)
    words = words_of(context, catalogue, channel=True)
    moment = context.event.created if context.digest is None else context.digest.since
    embed: JsonObject = {
        "author": {"name": _DIALECT.line(_head(words), MAX_LINE)},
        "description": _text(words),
        "color": int(words.colour.removeprefix("#"), 16),
        "timestamp": iso(moment),
        "footer": {"text": _DIALECT.line(_foot(words), MAX_FOOTER)},
    }
    if words.title:
        embed["title"] = _DIALECT.line(words.title, MAX_TITLE)
    if words.links:
        embed["url"] = words.links[0].url
    embed["fields"] = [*_fields(words, catalogue.gettext, Room(MAX_TOTAL - _size(embed)))]
    message: JsonObject = {
        "username": username_of(context, discord=True),
        "allowed_mentions": {"parse": []},
        "embeds": [embed],
    }
    if context.picture is not None:
        message["avatar_url"] = context.picture
    return message


def _head(words: Words) -> str:
    return f"{words.severity} · {words.app}" if words.app else words.severity


def _text(words: Words) -> str:
    """The sentence, and the link to acknowledge it by, where it is to be acknowledged."""
    text = _DIALECT.text(words.text, MAX_TEXT)
    return text if words.acknowledge is None else f"{text}\n\n**{_link(words.acknowledge)}**"


def _foot(words: Words) -> str:
    """Why one is told, and what is technical, small."""
    technical = (f"{fact.label}: {_DIALECT.line(fact.value, MAX_LINE)}" for fact in words.technical[:MAX_TECHNICAL])
    return " · ".join((words.why, *technical))


def _fields(words: Words, gettext: Gettext, room: Room) -> list[JsonObject]:
    """The facts, then what to do next and the links, for which room is kept."""
    last: list[JsonObject] = []
    value = "\n".join(text for text in (words.advice, _links(words.links), _links(words.settings)) if text)
    if value:
        last.append({"name": gettext(NEXT), "value": value, "inline": False})
        room.takes(gettext(NEXT), value)
    facts = [(fact.label, fact.value) for fact in words.facts]
    slots = MAX_FIELDS - len(last)
    shown = fitting_facts(facts, _DIALECT, room, slots=slots, max_label=MAX_LABEL, max_value=MAX_VALUE, gettext=gettext)
    fields: list[JsonObject] = [
        {"name": label, "value": said, "inline": units(said) <= MAX_LABEL} for label, said in shown
    ]
    return [*fields, *last]


def _links(links: tuple[Link, ...]) -> str:
    """Links under their labels, as many as a field has room for."""
    return fitting_row(map(_link, links), MAX_LINKS)


def _link(link: Link) -> str:
    label = _DIALECT.line(link.label.replace("[", "(").replace("]", ")"), MAX_LABEL)
    return f"[{label}]({link.url.replace('(', '%28').replace(')', '%29')})"


def _size(value: Json) -> int:
    """The code units of all texts that Discord counts: not the URL and the time."""
    if isinstance(value, dict):
        return sum(_size(part) for name, part in value.items() if name not in {"url", "timestamp"})
    return units(value) if isinstance(value, str) else 0
