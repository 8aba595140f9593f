"""The message of a Discord webhook: an embed.

The title leads to the first link, and the time is shown to each reader in their own zone. What outsiders typed is made
harmless where it would act (`chat_text`), and nobody is mentioned, whatever an event holds.

Limits: title 256, description 4,096, 25 fields of name 256 and value 1,024, footer 2,048, all texts of an embed
together 6,000 (https://discord.com/developers/docs/resources/message#embed-object-embed-limits).
"""

from __future__ import annotations

from tocsin.events.summary import Gettext
from tocsin.notifications.chat_text import DISCORD_ACTS, LEAST_VALUE, Dialect, Room, language_of, left_out, username_of
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.text import units
from tocsin.notifications.translations import Catalogues
from tocsin.notifications.wording import NEXT, Fact, Link, Words, words_of
from tocsin.times import iso
from tocsin.types import Json, JsonObject

MAX_TITLE = 256
MAX_TEXT = 2_000
"""Of the description; with it and everything else at its longest, the total still holds."""
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
        "description": _DIALECT.text(words.text, MAX_TEXT),
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
    if context.transport.icon_url:
        message["avatar_url"] = context.transport.icon_url
    return message


def _head(words: Words) -> str:
    return f"{words.severity} · {words.app}" if words.app else words.severity


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
    return [*_of_facts(words.facts, MAX_FIELDS - len(last), room, gettext), *last]


def _of_facts(facts: tuple[Fact, ...], slots: int, room: Room, gettext: Gettext) -> list[JsonObject]:
    fields: list[JsonObject] = []
    room.takes(*left_out(len(facts), gettext))
    for position, fact in enumerate(facts):
        left = len(facts) - position
        name = _DIALECT.line(fact.label, MAX_LABEL)
        allowed = min(MAX_VALUE, room.left - units(name))
        if allowed < LEAST_VALUE or (len(fields) == slots - 1 and left > 1):
            mark, said = left_out(left, gettext)
            fields.append({"name": mark, "value": said, "inline": False})
            break
        value = _DIALECT.text(fact.value, allowed)
        room.takes(name, value)
        fields.append({"name": name, "value": value, "inline": units(value) <= MAX_LABEL})
    return fields


def _links(links: tuple[Link, ...]) -> str:
    """Links under their labels, as many as a field has room for: a URL can't be cut."""
    shown = ""
    for link in links:
        label = _DIALECT.line(link.label.replace("[", "(").replace("]", ")"), MAX_LABEL)
        url = link.url.replace("(", "%28").replace(")", "%29")
        more = f"{' · ' if shown else ''}[{label}]({url})"
        if units(shown) + units(more) <= MAX_LINKS:
            shown += more
    return shown


def _size(value: Json) -> int:
    """The code units of all texts that Discord counts: not the URL and the time."""
    if isinstance(value, dict):
        return sum(_size(part) for name, part in value.items() if name not in {"url", "timestamp"})
    return units(value) if isinstance(value, str) else 0
