"""Chat: Block Kit for Slack (`slack_blocks`), an embed for Discord (`discord`), or an attachment for both.

The attachment is authentik's, and goes to Discord through its Slack-compatible `/slack` URL. Its limits: fields 25,
title 256, value 1,024 (Discord's embed; Slack cuts what it shows, and says no number). Discord counts title, text,
field names and values, footer and author of an embed together: 6,000
(https://discord.com/developers/docs/resources/message#embed-object-embed-limits). Slack cuts a message after 40,000
characters and a footer after 300.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import orjson

from tocsin import __version__
from tocsin.notifications.acknowledge_links import ACKNOWLEDGE, link_secrets
from tocsin.notifications.chat_text import (
    DISCORD_ACTS,
    SLACK_ESCAPES,
    Dialect,
    Room,
    discord_url,
    fitting_facts,
    is_discord,
    username_of,
)
from tocsin.notifications.context import COLOURS, RenderingContext
from tocsin.notifications.discord import embed_body
from tocsin.notifications.http_outcome import masked, posted, secrets_in
from tocsin.notifications.mapping import MappingFailed, mapped_body
from tocsin.notifications.outcome import MAX_RETRY_AFTER, Deliver, Outcome, State
from tocsin.notifications.slack_blocks import blocks_body
from tocsin.notifications.text import cut, one_line, units
from tocsin.notifications.translations import Catalogues
from tocsin.notifications.webhook import USER_AGENT
from tocsin.outbound.addresses import OutboundPolicy
from tocsin.outbound.client import Timeout, post
from tocsin.times import utc_now
from tocsin.types import JsonObject

if TYPE_CHECKING:  # pydantic takes longer to load than all of this
    from tocsin.notifications.thread_store import ThreadStore
    from tocsin.notifications.transport import SecretsOf

MAX_FIELDS = 25
MAX_TITLE = 256
MAX_VALUE = 1024
MAX_FALLBACK = 300
MAX_WORDS = 200
"""Code units of what a service says of a message that it did not take."""

PACE = timedelta(seconds=1)
"""Slack takes about one message a second by one incoming webhook (https://docs.slack.dev/apis/web-api/rate-limits)."""

_SLACK_WORD = re.compile(r"[a-z][a-z_]{2,40}\Z")
_SLACK = Dialect(max_text=3_000, max_total=30_000, escapes=SLACK_ESCAPES)
# Discord ignores `mrkdwn_in`, and may undo `&lt;`.
_DISCORD = Dialect(max_text=2_000, max_total=6_000, acting=DISCORD_ACTS, escapes=SLACK_ESCAPES)


def slack_body(context: RenderingContext, *, discord: bool = False) -> JsonObject:
    """The message: username, icon_url (where the transport has one), and `attachments` with one attachment.

    The attachment: fallback, author_name, title (the event's action, else the body), title_link (where the
    notification has a link), text (the body), color, fields, footer, ts (when the event happened, seconds
    since 1970), and an empty mrkdwn_in, so that Slack formats nothing. Fields: Severity, Dispatched for user
    and Event user, as far as there are such people, the link to acknowledge it by, where it is to be, then the
    text values of the event's context; one more says how many were left out.

    `discord` keeps to Discord's limits, and opens what would be a mention or a masked link there.
    """
    dialect = _DISCORD if discord else _SLACK
    body = one_line(context.notification.body)
    attachment: JsonObject = {
        "fallback": dialect.text(body, MAX_FALLBACK),
        "author_name": "Tocsin",
        "title": dialect.text(context.title or context.action or body, MAX_TITLE),
        "text": dialect.text(context.notification.body, dialect.max_text),
        "footer": f"Tocsin {__version__}",
    }
    people = [*_people(context, dialect), *_acknowledge(context)]
    room = Room(dialect.max_total - _size(attachment) - sum(map(_size, people)))
    slots = MAX_FIELDS - len(people)
    values = fitting_facts(context.string_values, dialect, room, slots=slots, max_label=MAX_TITLE, max_value=MAX_VALUE)
    fields = people + [_field(label, said, short=False) for label, said in values]
    attachment |= {
        "color": COLOURS[context.severity],
        "fields": [*fields],
        "ts": int(context.event.created.timestamp()),
        "mrkdwn_in": [],
    }
    if context.link is not None:
        attachment["title_link"] = context.link

    message: JsonObject = {"username": username_of(context, discord=discord), "attachments": [attachment]}
    if context.picture is not None:
        message["icon_url"] = context.picture
    return message


def _people(context: RenderingContext, dialect: Dialect) -> list[JsonObject]:
    """The short fields: how loud, for whom, about whom."""
    fields = [_field("Severity", context.severity.value, short=True)]
    if context.user is not None:
        told = dialect.text(context.user.username, MAX_TITLE)
        fields.append(_field("Dispatched for user", told, short=True))
    if context.event_user is not None:
        fields.append(_field("Event user", dialect.text(context.event_user, MAX_TITLE), short=True))
    return fields


def _acknowledge(context: RenderingContext) -> list[JsonObject]:
    """The link to acknowledge it by, as both services make one of an address in angle brackets; a cut one is none."""
    link = f"<{context.acknowledge}>" if context.acknowledge else ""
    return [_field(ACKNOWLEDGE, link, short=False)] if 0 < units(link) <= MAX_VALUE else []


def _field(title: str, value: str, *, short: bool) -> JsonObject:
    return {"title": title, "value": value, "short": short}


def _size(texts: JsonObject) -> int:
    """The code units of all texts in `texts`."""
    return sum(units(text) for text in texts.values() if isinstance(text, str))


# ── delivery ─────────────────────────────────────────────────────────────────


def slack_delivery(
    secrets_of: SecretsOf,
    policy: OutboundPolicy,
    threads: Callable[[], ThreadStore],
    *,
    timeout: Timeout | None = None,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], object] = time.sleep,
) -> Deliver:
    """Deliver to chat webhooks, whose URLs are secrets that `secrets_of` gives, and by bots, with their tokens.

    `threads` gives what keeps the threads of bots.
    """

    limits = timeout or Timeout()

    catalogues = Catalogues.packaged()

    def by_bot(context: RenderingContext) -> Outcome:
        from tocsin.notifications.slack_bot import MAX_ANSWER, tell_by_bot  # noqa: PLC0415 - for those who have one

        transport = context.transport
        send = partial(post, timeout=limits, policy=policy, ca=transport.ca, max_response_bytes=MAX_ANSWER)
        message = partial(_message_by_bot, context, catalogues)
        token = secrets_of(transport).bot_token
        return tell_by_bot(context, token, message, threads(), send, clock=clock, sleep=sleep)

    def deliver(context: RenderingContext) -> Outcome:
        transport = context.transport
        if transport.channel is not None:
            return by_bot(context)
        url = secrets_of(transport).url
        if url is None:
            return Outcome(State.FAILED, "no_url", f"no URL is stored for transport {transport.name}")
        try:
            url, message = _message(context, url, catalogues)
        except MappingFailed as failure:
            return Outcome.of_mapping(failure)
        body = orjson.dumps(message)
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        sent = partial(post, url, body, headers, timeout=limits, policy=policy, ca=transport.ca)
        used = [*secrets_in(url), *link_secrets(context)]
        return told_by_service(posted(sent, used), used)

    return deliver


def _message(context: RenderingContext, url: str, catalogues: Catalogues) -> tuple[str, object]:
    """Where the message is posted, and the message."""
    if context.body_mapping is not None:
        return url, mapped_body(context.body_mapping, context)
    if context.transport.slack_format == "attachment":
        return url, slack_body(context, discord=is_discord(url))
    discord = discord_url(url)
    return (discord, embed_body(context, catalogues)) if discord else (url, blocks_body(context, catalogues))


def _message_by_bot(context: RenderingContext, catalogues: Catalogues) -> object:
    """The message of a bot, before it is known where it stands. Raises MappingFailed."""
    if context.body_mapping is not None:
        return mapped_body(context.body_mapping, context)
    is_attachment = context.transport.slack_format == "attachment"
    return slack_body(context) if is_attachment else blocks_body(context, catalogues)


def told_by_service(outcome: Outcome, used: Iterable[str] = ()) -> Outcome:
    """`outcome` with what the service says itself of a message that it did not take. `used` is masked in its words.

    Slack says one word as plain text (`channel_is_archived`, which becomes the reason `slack_channel_is_archived`:
    what an endpoint says is never a reason of ours), Discord a JSON object with a code, and with
    429 how long to wait. That an archived channel answers 410 does not disable the transport: it may be
    opened again.
    """
    answer = outcome.answer or ""
    if outcome.state not in {State.FAILED, State.RETRYING} or not answer:
        return replace(outcome, disables=False)
    if _SLACK_WORD.match(answer):
        return replace(outcome, reason=f"slack_{answer}", detail=f"{outcome.detail}: {answer}", disables=False)
    said = _discords(answer)
    code, text, wait = said.get("code"), said.get("message"), said.get("retry_after")
    if isinstance(code, int) and not isinstance(code, bool) and isinstance(text, str) and outcome.state is State.FAILED:
        words = cut(one_line(masked(text, used)), MAX_WORDS)  # what is escaped in an answer was not masked there
        outcome = replace(outcome, reason=f"discord_{code}", detail=f"{outcome.detail}: {words}")
    if outcome.retry_after is None and isinstance(wait, int | float) and not isinstance(wait, bool) and wait > 0:
        outcome = replace(outcome, retry_after=min(float(wait), MAX_RETRY_AFTER))
    return replace(outcome, disables=False)


def _discords(answer: str) -> dict[str, object]:
    try:
        said = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
