"""Slack, and Discord through the `/slack` form of its webhook URLs."""

from __future__ import annotations

import re
from dataclasses import replace

import orjson

from tocsin.deliveries.courier import Deliver
from tocsin.deliveries.http import posted
from tocsin.deliveries.models import Outcome, State
from tocsin.deliveries.webhook import USER_AGENT
from tocsin.outbound import OutboundPolicy, post
from tocsin.rendering.context import RenderingContext
from tocsin.rendering.slack import is_discord, slack_body
from tocsin.store.configuration import ConfigurationStore

_SLACK_WORD = re.compile(r"[a-z][a-z_]{2,40}\Z")


def slack_delivery(configuration: ConfigurationStore, policy: OutboundPolicy) -> Deliver:
    """Delivers to chat webhooks, whose URLs are secrets in `configuration`."""

    def deliver(context: RenderingContext) -> Outcome:
        url = configuration.secrets(context.transport).url
        if url is None:
            return Outcome(State.FAILED, "no_url", f"no URL is stored for transport {context.transport.name}")
        body = orjson.dumps(slack_body(context, discord=is_discord(url)))
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        return _with_slacks_word(posted(lambda: post(url, body, headers, policy=policy)))

    return deliver


def _with_slacks_word(outcome: Outcome) -> Outcome:
    """Slack says in one word why it refused (`channel_is_archived`): that word is the reason."""
    if outcome.state is State.FAILED and outcome.answer and _SLACK_WORD.match(outcome.answer):
        return replace(outcome, reason=outcome.answer, detail=f"{outcome.detail}: {outcome.answer}")
    return outcome
