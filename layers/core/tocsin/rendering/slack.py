"""The message of an incoming webhook of Slack, or of Discord through its Slack-compatible `/slack` URL.

What an event holds was often typed by somebody who was not even logged in: a user name that failed, a path.
So none of it may act in the channel: no mention, no link under another name, no message that the service
refuses for its length.

Limits: fields 25, title 256, value 1,024 (Discord's embed; Slack cuts what it shows, and says no number).
Discord counts title, text, field names and values, footer and author of an embed together: 6,000
(https://discord.com/developers/docs/resources/message#embed-object-embed-limits). Slack cuts a message after
40,000 characters and a footer after 300.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tocsin import __version__
from tocsin.rendering.context import COLOURS, RenderingContext
from tocsin.rendering.texts import MARK, cut, one_line, plain, units
from tocsin.types import Json, JsonObject

MAX_FIELDS = 25
MAX_TITLE = 256
MAX_VALUE = 1024
MAX_FALLBACK = 300
MAX_USERNAME = 80
"""Discord's limit, and Slack's."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""The three characters that Slack asks to escape, and no others
(https://docs.slack.dev/messaging/formatting-message-text#escaping)."""

_GAP = "\u200b"
"""A zero-width space: shows nothing, and what it stands in is no longer a mention or a link."""

_DISCORD_ACTS = re.compile(r"@(?=everyone|here)|<(?=[@#!:/]|[ai]d?:|t:)|\](?=\()", re.IGNORECASE)
"""Where Discord's mentions, custom emoji, time stamps and masked links have their joint. Discord ignores
`mrkdwn_in`, and may undo `&lt;`: so the joints themselves are opened."""

_DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com"})
_DISCORD_FORBIDS = re.compile("discord|clyde", re.IGNORECASE)
"""Words that Discord refuses in a webhook's name."""

_LEAST_VALUE = 24
"""A value of which fewer code units could be shown is left out and counted."""


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a service wants its text, and how much of it: of the message's text, and of all texts together."""

    max_text: int
    max_total: int
    acting: re.Pattern[str] | None = None

    def text(self, text: str, limit: int) -> str:
        """`text` so that it only stands there, cut to `limit`; a blank one says that it is empty."""
        harmless = plain(text).strip() or "(empty)"
        if self.acting is not None:
            harmless = self.acting.sub(lambda found: found[0] + _GAP, harmless)
        return cut(harmless, limit, _ESCAPES)


_SLACK = _Dialect(max_text=3_000, max_total=30_000)
_DISCORD = _Dialect(max_text=2_000, max_total=6_000, acting=_DISCORD_ACTS)


def is_discord(url: str) -> bool:
    """Whether a chat webhook's URL is Discord's Slack-compatible one: `https://discord.com/…/slack`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    domain = ".".join((parts.hostname or "").split(".")[-2:])  # also ptb. and canary.discord.com
    return domain in _DISCORD_HOSTS and parts.path.rstrip("/").endswith("/slack")


def slack_body(context: RenderingContext, *, discord: bool = False) -> JsonObject:
    """The message: username, icon_url (where the transport has one), and `attachments` with one attachment.

    The attachment: fallback, author_name, title (the event's action, else the body), title_link (where the
    notification has a link), text (the body), color, fields, footer, ts (when the event happened, seconds
    since 1970), and an empty mrkdwn_in, so that Slack formats nothing. Fields: Severity, Dispatched for user
    and Event user, as far as there are such people, then the text values of the event's context; one more
    says how many were left out.

    `discord` keeps to Discord's limits, and opens what would be a mention or a masked link there.
    """
    dialect = _DISCORD if discord else _SLACK
    body = one_line(context.notification.body)
    attachment: JsonObject = {
        "fallback": dialect.text(body, MAX_FALLBACK),
        "author_name": "Tocsin",
        "title": dialect.text(context.action or body, MAX_TITLE),
        "text": dialect.text(context.notification.body, dialect.max_text),
        "footer": f"Tocsin {__version__}",
    }
    people = _people(context, dialect)
    room = dialect.max_total - _size(attachment) - sum(map(_size, people))
    fields = people + _values(context.string_values, MAX_FIELDS - len(people), room, dialect)
    attachment |= {
        "color": COLOURS[context.severity],
        "fields": [*fields],
        "ts": int(context.event.created.timestamp()),
        "mrkdwn_in": [],
    }
    if context.link is not None:
        attachment["title_link"] = context.link

    message: JsonObject = {"username": _username(context, discord=discord), "attachments": [attachment]}
    if context.transport.icon_url:
        message["icon_url"] = context.transport.icon_url
    return message


def _people(context: RenderingContext, dialect: _Dialect) -> list[JsonObject]:
    """The short fields: how loud, for whom, about whom."""
    fields = [_field("Severity", context.severity.value, short=True)]
    if context.user is not None:
        told = dialect.text(context.user.username, MAX_TITLE)
        fields.append(_field("Dispatched for user", told, short=True))
    if context.event_user is not None:
        fields.append(_field("Event user", dialect.text(context.event_user, MAX_TITLE), short=True))
    return fields


def _values(values: list[tuple[str, str]], slots: int, room: int, dialect: _Dialect) -> list[JsonObject]:
    """Fields of the event's values, at most `slots` with `room` code units together."""
    fields: list[JsonObject] = []
    room -= _size(_left_out(len(values)))
    for position, (key, value) in enumerate(values):
        left = len(values) - position
        title = dialect.text(one_line(key), MAX_TITLE)
        allowance = room - units(title)
        if allowance < _LEAST_VALUE or (len(fields) == slots - 1 and left > 1):
            fields.append(_left_out(left))
            break
        fields.append(_field(title, dialect.text(value, min(MAX_VALUE, allowance)), short=False))
        room -= _size(fields[-1])
    return fields


def _left_out(count: int) -> JsonObject:
    return _field(MARK, f"{count} more not shown", short=False)


def _field(title: str, value: str, *, short: bool) -> JsonObject:
    return {"title": title, "value": value, "short": short}


def _size(texts: JsonObject) -> int:
    """The code units of all texts in `texts`."""
    return sum(units(text) for text in texts.values() if isinstance(text, str))


def _username(context: RenderingContext, *, discord: bool) -> Json:
    name = one_line(context.transport.username or "")
    if not name or (discord and _DISCORD_FORBIDS.search(name)):
        return "Tocsin"
    return cut(name, MAX_USERNAME)
