"""Slack by a bot (`chat.postMessage`): all that a rule tells of one thing is a thread of its channel.

The first message of an `about` begins the thread, the others answer to it (`thread_store`). An answer is seen by those
who follow its thread. So what must be seen by whoever looks at the channel is shown there as well (`reply_broadcast`):
alerts, steps of an escalation, and the end.

Slack answers 200 to what it refuses, with a word of its own (https://docs.slack.dev/reference/methods/chat.postMessage).
What answers to a message that was deleted is refused by some word, or becomes a message of the channel, which only its
missing `thread_ts` tells (https://github.com/slack-go/slack/issues/1571).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import orjson

from tocsin.aws.logging import Code, note
from tocsin.aws.retry import retry
from tocsin.errors import Unavailable
from tocsin.notifications.acknowledge_links import link_secrets
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.http_outcome import posted, retry_after
from tocsin.notifications.mapping import MappingFailed
from tocsin.notifications.model import Severity
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.presets import read_answer
from tocsin.notifications.thread_store import Beginning, ThreadKey, ThreadStore
from tocsin.notifications.transport import SLACK_API
from tocsin.notifications.webhook import USER_AGENT
from tocsin.records import dataclass
from tocsin.types import Json, JsonObject

if TYPE_CHECKING:
    from tocsin.outbound import Response

type Send = Callable[[str, bytes, dict[str, str]], Response]
"""Posts a body with its headers to a URL. Raises OutboundBlocked, OutboundError."""

MAX_ANSWER = 256 * 1024
"""Bytes. Slack repeats the message in its answer, whose `ts` would be lost with the end."""

WAITS = (0.5, 1.0, 1.5)
"""Seconds between questions whether another delivery has begun the thread; then the message is tried again later."""

_PASSING: list[Json] = [
    *("ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"),
    "team_added_to_org",  # while a workspace is moved
]
_ANSWERS: JsonObject = {"ok": {"ok": True}, "retry": [{"error": _PASSING}], "says": ["error"], "id": ["ts"]}

_LOST = frozenset(
    {
        "thread_not_found",
        "message_not_found",
        "invalid_thread_ts",
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
    }
)
"""Answers to a message in a thread that is not there any more, or takes none."""

_TOKEN = "give the transport another bot token"  # noqa: S105 - no token
_MENDED_BY = {
    "invalid_auth": _TOKEN,
    "not_authed": _TOKEN,
    "token_revoked": _TOKEN,
    "token_expired": _TOKEN,
    "account_inactive": _TOKEN,
    "not_allowed_token_type": _TOKEN,
    "missing_scope": "the app needs the scope chat:write",
    "not_in_channel": "invite the app to the channel",
    "channel_not_found": "there is no such channel, or it is private and the app was not invited",
    "is_archived": "the channel is archived",
}
_WORD = re.compile(r"[a-z][a-z_]{2,60}")


def tell_by_bot(
    context: RenderingContext,
    token: str | None,
    message: Callable[[], object],
    threads: ThreadStore,
    send: Send,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], object],
) -> Outcome:
    """Post what `message` makes to the transport's channel, in the thread of what it is about. Raises Unavailable."""
    if token is None:
        return Outcome(State.FAILED, "no_token", f"no bot token is stored for transport {context.transport.name}")
    try:
        made = _for_channel(context, message())
    except MappingFailed as failure:
        return Outcome.of_mapping(failure)
    post = partial(_post, context, token, send)
    if context.about is None:
        return post(made).outcome
    key, event_id = ThreadKey(context.about, context.transport.fingerprint), _latest(context)
    found = _joined(threads, key, event_id, over=context.over, clock=clock, sleep=sleep)
    if found is None:
        detail = "another message of the same thing begins the thread now"
        return Outcome(State.RETRYING, "thread_begins", detail, ours=True)
    if isinstance(found, Beginning):
        told = post(made)
        root = told.ts
        _keep(context, partial(threads.begin, key, found, root))
    else:
        told = post(made | _reply(context, found))
        if told.word in _LOST:
            threads.forget(key, found)
            detail = f"{told.outcome.detail}; the next attempt begins another thread"
            return replace(told.outcome, state=State.RETRYING, detail=detail, ours=True)
        root = found
        if told.alone and told.ts is not None:
            root = told.ts
            _keep(context, partial(threads.move, key, found, root))
    if context.over and root is not None:  # also where Slack does not take the message: what is told of is over
        _keep(context, partial(threads.end, key, root, event_id))
    return told.outcome


def _joined(
    threads: ThreadStore,
    key: ThreadKey,
    event_id: str,
    *,
    over: bool,
    clock: Callable[[], datetime],
    sleep: Callable[[float], object],
) -> str | Beginning | None:
    """The thread, or the right to begin it, after a short wait for whoever begins it; None where that is not enough."""
    found = threads.join(key, event_id, over=over, now=clock())
    for pause in WAITS:
        if found is not None:
            break
        sleep(pause)
        found = threads.join(key, event_id, over=over, now=clock())
    return found


def _keep(context: RenderingContext, change: Callable[[], None]) -> None:
    """Note what became of the thread. The message is sent: were this to fail the attempt, it would be sent again."""
    try:
        retry(change)
    except Unavailable as error:
        names = {"event_id": context.event.id, "transport": context.transport.name}
        note(Code.THREAD_NOT_KEPT, error.detail, level=logging.WARNING, **names)


def _latest(context: RenderingContext) -> str:
    """The id of the latest event that a message tells."""
    digest = context.digest
    return context.event.id if digest is None else max([digest.latest, *(each.event.id for each in digest.first)])


# ── the message ──────────────────────────────────────────────────────────────


def _for_channel(context: RenderingContext, message: object) -> JsonObject:
    """`message` as `chat.postMessage` takes it. Raises MappingFailed where a mapping made no object.

    Without a name of the transport's own the app's stands there: another one takes the scope `chat:write.customize`.
    Slack is not to fetch the links of a message, among them that to acknowledge it by, to show what they lead to.
    """
    if not isinstance(message, dict):
        raise MappingFailed("a bot's message is an object, as {'text': notification.body}")
    made: JsonObject = {"unfurl_links": False, "unfurl_media": False, **message, "channel": context.transport.channel}
    left_out = {"thread_ts", "reply_broadcast"}
    if context.body_mapping is None and context.transport.username is None:
        left_out.add("username")
    return {name: value for name, value in made.items() if name not in left_out}


def _reply(context: RenderingContext, ts: str) -> JsonObject:
    """What makes a message an answer to `ts`; see the head of this module for which of them the channel shows."""
    shown = context.over or context.step is not None or context.severity is Severity.ALERT
    return {"thread_ts": ts, **({"reply_broadcast": True} if shown else {})}


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of a post.

    `word` is Slack's for a refusal. `ts` names the message that it made; `alone` says that it is in no thread.
    """

    outcome: Outcome
    word: str | None = None
    ts: str | None = None
    alone: bool = False


def _post(context: RenderingContext, token: str, send: Send, message: JsonObject) -> _Told:
    said: dict[str, object] = {}

    def read(response: Response, used: Iterable[str]) -> Outcome:
        said.update(_said(response))
        return told_by_slack(response, used)

    url = f"{(context.transport.url or SLACK_API).rstrip('/')}/chat.postMessage"
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": f"Bearer {token}",
        "User-Agent": USER_AGENT,
    }
    outcome = posted(partial(send, url, orjson.dumps(message), headers), [token, *link_secrets(context)], read)
    shown = said.get("message")
    alone = isinstance(shown, dict) and "thread_ts" not in shown
    return _Told(outcome, _word(said), outcome.remote_id, alone)


def told_by_slack(response: Response, used: Iterable[str] = ()) -> Outcome:
    """The outcome of an answer to `chat.postMessage`. Slack's word is the reason, as `slack_not_in_channel`.

    Nothing of it disables the transport: a channel may be opened again, and another token is another endpoint.
    """
    outcome = read_answer(_ANSWERS, response, used)
    if outcome.state is State.DELIVERED:
        return replace(outcome, answer=None)  # which repeats the message
    word = _word(_said(response))
    if word is not None:
        mended_by = f"; {_MENDED_BY[word]}" if word in _MENDED_BY else ""
        outcome = replace(outcome, reason=f"slack_{word}", detail=outcome.detail + mended_by)
    if outcome.state is State.RETRYING and outcome.retry_after is None:
        outcome = replace(outcome, retry_after=retry_after(response))
    return replace(outcome, disables=False)


def _word(said: dict[str, object]) -> str | None:
    word = said.get("error")
    return word if isinstance(word, str) and _WORD.fullmatch(word) else None


def _said(response: Response) -> dict[str, object]:
    try:
        said = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
