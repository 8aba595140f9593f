"""Texts in chat messages: so that they only stand there, and in what is left of the room that a service gives.

What an event holds was often typed by somebody who was not even logged in: a user name that failed, a path. So none of
it may act in the channel: no mention, no link under another name, no message that the service refuses for its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from tocsin.events.summary import Gettext, untranslated
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.text import MARK, cut, one_line, plain, units
from tocsin.notifications.translations import Catalogue, Catalogues
from tocsin.records import dataclass, field

MAX_USERNAME = 80
"""Discord's limit, and Slack's."""

LEAST_VALUE = 24
"""A value of which fewer code units could be shown is left out and counted."""

SLACK_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
"""The three characters that Slack asks to escape, and no others
(https://docs.slack.dev/messaging/formatting-message-text#escaping)."""

GAP = "\u200b"
"""A zero-width space: shows nothing, and what it stands in is no longer a mention or a link."""

DISCORD_ACTS = re.compile(r"@(?=everyone|here)|<(?=[@#!:/]|[ai]d?:|t:)|\](?=\()", re.IGNORECASE)
"""Where Discord's mentions, custom emoji, time stamps and masked links have their joint: the joints are opened."""

_DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com"})
_DISCORD_FORBIDS = re.compile("discord|clyde", re.IGNORECASE)
"""Words that Discord refuses in a webhook's name."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a service wants its text, and how much of it: of the message's text, and of all texts together."""

    max_text: int
    max_total: int
    acting: re.Pattern[str] | None = None
    escapes: Mapping[str, str] = field(default_factory=dict)

    def text(self, text: str, limit: int) -> str:
        """`text` so that it only stands there, cut to `limit`; a blank one says that it is empty."""
        harmless = plain(text).strip() or "(empty)"
        if self.acting is not None:
            harmless = self.acting.sub(lambda found: found[0] + GAP, harmless)
        return cut(harmless, limit, self.escapes)

    def line(self, text: str, limit: int) -> str:
        """The same in one line."""
        return self.text(one_line(text), limit)


class Room:
    """What is left of the code units that all texts of a message may have together."""

    def __init__(self, units_: int) -> None:
        self.left = units_

    def takes(self, *texts: str) -> None:
        """Take the room of `texts`."""
        self.left -= sum(map(units, texts))


def fitting_facts(
    facts: Sequence[tuple[str, str]],
    dialect: Dialect,
    room: Room,
    *,
    slots: int,
    max_label: int,
    max_value: int,
    gettext: Gettext = untranslated,
) -> Iterator[tuple[str, str]]:
    """Labels and values, at most `slots`, as far as there is `room`; the last says how many are left out."""
    room.takes(*left_out(len(facts), gettext))
    for position, (name, value) in enumerate(facts):
        left = len(facts) - position
        label = dialect.line(name, max_label)
        allowed = min(max_value, room.left - units(label))
        if allowed < LEAST_VALUE or (position == slots - 1 and left > 1):
            yield left_out(left, gettext)
            return
        said = dialect.text(value, allowed)
        room.takes(label, said)
        yield label, said


def fitting_row(parts: Iterable[str], room: int) -> str:
    """`parts` in a row, those that there is room for: none is cut, since a URL can't be."""
    row = ""
    for part in parts:
        more = f" · {part}" if row else part
        if units(row) + units(more) <= room:
            row += more
    return row


def discord_url(url: str) -> str | None:
    """Where Discord takes its own form, of a webhook's URL with or without `/slack`; None for another service's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    domain = ".".join((parts.hostname or "").split(".")[-2:])  # also ptb. and canary.discord.com
    if domain not in _DISCORD_HOSTS:
        return None
    return parts._replace(path=parts.path.rstrip("/").removesuffix("/slack")).geturl()


def is_discord(url: str) -> bool:
    """Whether a chat webhook's URL is Discord's Slack-compatible one: `https://discord.com/…/slack`."""
    return discord_url(url) is not None and urlsplit(url).path.rstrip("/").endswith("/slack")


def username_of(context: RenderingContext, *, discord: bool) -> str:
    """The name that a message is posted under."""
    name = one_line(context.transport.username or "")
    if not name or (discord and _DISCORD_FORBIDS.search(name)):
        return "Tocsin"
    return cut(name, MAX_USERNAME)


def language_of(context: RenderingContext, catalogues: Catalogues) -> Catalogue:
    """The language of a message: its person's, or English in a channel of many."""
    alone = context.user is not None and not context.transport.send_once
    return catalogues.best(context.user.locale if context.user is not None and alone else "")


MORE = "%(count)s more not shown"


def left_out(count: int, gettext: Gettext = untranslated) -> tuple[str, str]:
    """What stands in place of `count` values that are left out: a label, and a value."""
    return MARK, gettext(MORE) % {"count": count}
