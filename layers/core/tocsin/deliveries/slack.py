"""Slack, and Discord through the `/slack` form of its webhook URLs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import orjson

from tocsin.deliveries.courier import Deliver
from tocsin.deliveries.http import posted
from tocsin.deliveries.models import Outcome, State
from tocsin.deliveries.webhook import USER_AGENT
from tocsin.outbound import OutboundPolicy, Timeout, post
from tocsin.rendering.context import RenderingContext
from tocsin.rendering.mapping import MappingFailed, mapped_body
from tocsin.rendering.slack import is_discord, slack_body
from tocsin.store.configuration import ConfigurationStore

PACE = timedelta(seconds=1)
"""Slack takes about one message a second by one incoming webhook (https://docs.slack.dev/apis/web-api/rate-limits)."""

_SLACK_WORD = re.compile(r"[a-z][a-z_]{2,40}\Z")


def slack_delivery(
    configuration: ConfigurationStore, policy: OutboundPolicy, *, timeout: Timeout | None = None
) -> Deliver:
    """Delivers to chat webhooks, whose URLs are secrets in `configuration`."""

    limits = timeout or Timeout()

    def deliver(context: RenderingContext) -> Outcome:
        transport = context.transport
        url = configuration.secrets(transport).url
        if url is None:
            return Outcome(State.FAILED, "no_url", f"no URL is stored for transport {transport.name}")
        try:
            body = orjson.dumps(_message(context, discord=is_discord(url)))
        except MappingFailed as failure:
            return Outcome.of_mapping(failure)
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        return told_by_service(posted(lambda: post(url, body, headers, timeout=limits, policy=policy, ca=transport.ca)))

    return deliver


def _message(context: RenderingContext, *, discord: bool) -> object:
    mapping = context.body_mapping
    return slack_body(context, discord=discord) if mapping is None else mapped_body(mapping, context)


def told_by_service(outcome: Outcome) -> Outcome:
    """`outcome` with what the service says itself of a message that it did not take.

    Slack says one word as plain text (`channel_is_archived`), Discord a JSON object with a code, and with
    429 how long to wait. That an archived channel answers 410 does not disable the transport: it may be
    opened again.
    """
    answer = outcome.answer or ""
    if outcome.state not in {State.FAILED, State.RETRYING} or not answer:
        return replace(outcome, disables=False)
    if _SLACK_WORD.match(answer):
        return replace(outcome, reason=answer, detail=f"{outcome.detail}: {answer}", disables=False)
    said = _discords(answer)
    code, text, wait = said.get("code"), said.get("message"), said.get("retry_after")
    if isinstance(code, int) and isinstance(text, str) and outcome.state is State.FAILED:
        outcome = replace(outcome, reason=f"discord_{code}", detail=f"{outcome.detail}: {text[:200]}")
    if outcome.retry_after is None and isinstance(wait, int | float) and wait > 0:
        outcome = replace(outcome, retry_after=float(wait))
    return replace(outcome, disables=False)


def _discords(answer: str) -> dict[str, object]:
    try:
        said = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
