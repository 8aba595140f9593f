"""Webhooks: a JSON body, signed as Standard Webhooks say, to a URL that a customer chose."""

from __future__ import annotations

from datetime import UTC, datetime

from tocsin import __version__, signing
from tocsin.deliveries.courier import Deliver
from tocsin.deliveries.http import posted
from tocsin.deliveries.models import Outcome, State
from tocsin.notifications import delivery_id
from tocsin.outbound import OutboundPolicy, post
from tocsin.rendering.context import RenderingContext
from tocsin.rendering.webhook import webhook_bytes
from tocsin.store.configuration import ConfigurationStore

USER_AGENT = f"Tocsin/{__version__}"


def webhook_delivery(configuration: ConfigurationStore, policy: OutboundPolicy) -> Deliver:
    """Delivers by webhook to what `policy` allows, signed with the secrets in `configuration`."""

    def deliver(context: RenderingContext) -> Outcome:
        transport = context.transport
        if transport.url is None:
            return Outcome(State.FAILED, "no_url", f"transport {transport.name} has no URL")
        url = transport.url
        body = webhook_bytes(context)
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        headers |= _signature(configuration, context, body)
        return posted(lambda: post(url, body, headers, policy=policy))

    return deliver


def _signature(configuration: ConfigurationStore, context: RenderingContext, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks; without a stored secret the id and the time alone."""
    person = None if context.transport.send_once or context.user is None else context.user.username
    message_id = delivery_id(context.event.id, context.rule, context.transport.name, person)
    now = datetime.now(UTC)
    secrets = configuration.secrets(context.transport).signing
    if secrets:
        return signing.headers(secrets, message_id, now, body)
    return {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp()))}
