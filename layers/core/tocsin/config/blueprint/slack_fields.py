"""Checks of the two ways to Slack, an incoming webhook's URL, or a bot's token and a channel, and of the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from tocsin.config.blueprint.model import MASK, TransportEntry
from tocsin.errors import Violation
from tocsin.notifications.context import MAX_LINK, web_link
from tocsin.notifications.transport import SLACK_API, TransportMode

_BOT_TOKEN = re.compile(r"xoxb-[A-Za-z0-9-]{10,250}")
"""https://docs.slack.dev/authentication/tokens"""

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{6,20}")
_CHANNEL_NAME = re.compile(r"#[\w-]{1,80}")
"""Lower-case letters, of any script, digits, hyphens and underscores, at most 80
(https://slack.com/help/articles/201402297-Create-a-channel)."""

_MAX_SHOWN = 100

_ONE_WAY = "give either an incoming webhook's url, or bot_token and channel"


def is_by_bot(transport: TransportEntry) -> bool:
    """Whether a chat transport is to post as a bot, also where its token or channel is missing."""
    given = transport.bot_token is not None or transport.channel is not None
    return transport.mode is TransportMode.WEBHOOK_SLACK and given


def check_bot(path: str, transport: TransportEntry) -> Iterator[Violation]:
    """Yield what is wrong with a bot's token, channel and URL. Messages never contain the token."""
    if not is_by_bot(transport):
        return
    token, channel = transport.bot_token, transport.channel
    if token is None:
        yield Violation(f"{path}.bot_token", f"is required with channel: {_ONE_WAY}")
    elif token != MASK and not _BOT_TOKEN.fullmatch(token):
        yield Violation(f"{path}.bot_token", "is no bot token of a Slack app, which begins with xoxb-")
    if channel is None:
        quoted = 'in YAML, a #name stands in quotes, as "#ops"'
        yield Violation(f"{path}.channel", f"is required with bot_token: {_ONE_WAY}; {quoted}")
    elif not _is_channel(channel):
        forms = "a channel's id (C…, G… or D…) or its #name in lower case"
        given = "a token" if channel.startswith("xox") else repr(channel)
        yield Violation(f"{path}.channel", f"is {forms}, not {given}")
    if transport.url is not None and not _is_api(transport.url):
        yield Violation(f"{path}.url", f"{_ONE_WAY}; with these, url is only where Slack's Web API is, as {SLACK_API}")


def check_picture(path: str, transport: TransportEntry) -> Iterator[Violation]:
    """Yield what is wrong with `icon_url`, which the chat service loads, and not Tocsin."""
    given = transport.icon_url
    if given is None:
        return
    link = web_link(given)
    if link is None or not link.startswith("https://") or given != given.strip():
        must = f"must be an https link with a host, without a user name, of at most {MAX_LINK:,} characters"
        yield Violation(f"{path}.icon_url", f"{must}: {given[:_MAX_SHOWN]!r}")


def _is_channel(channel: str) -> bool:
    is_name = _CHANNEL_NAME.fullmatch(channel) is not None and channel == channel.lower()
    return is_name or _CHANNEL_ID.fullmatch(channel) is not None


def _is_api(url: str) -> bool:
    """Whether `url` is a host with the path /api and nothing else: that of an incoming webhook is a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True  # what is wrong with it is said by the check of URLs
    return parts.path.rstrip("/") == "/api" and not (parts.query or parts.fragment or "@" in parts.netloc)
